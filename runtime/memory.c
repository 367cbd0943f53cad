/* memory.c: see memory.h. A block is preceded by one cache line that holds its size. */
#include "memory.h"
#include "failure.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 64 };

static size_t held, peak;

void *nn_allocate(size_t count, size_t size)
{
    size_t bytes;
    char *block = NULL;
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes < PTRDIFF_MAX - 2 * LINE) {
        bytes = LINE + (bytes + LINE - 1) / LINE * LINE;
        block = aligned_alloc(LINE, bytes);
    }
    if (!block)
        nn_fail(NN_MACHINE_LACKS, NULL, "not enough memory: %zu times %zu bytes wanted, %zu held already", count, size, held);
    memset(block, 0, bytes);
    memcpy(block, &bytes, sizeof bytes);
    held += bytes;
    peak = held > peak ? held : peak;
    return block + LINE;
}

static size_t block_bytes(const void *block)
{
    size_t bytes;
    memcpy(&bytes, (const char *)block - LINE, sizeof bytes);
    return bytes;
}

void nn_release(void *block)
{
    if (!block)
        return;
    held -= block_bytes(block);
    free((char *)block - LINE);
}

void *nn_grow(void *block, size_t count, size_t size)
{
    char *bigger = nn_allocate(count, size);
    if (block) {
        size_t old = block_bytes(block) - LINE, new = block_bytes(bigger) - LINE;
        memcpy(bigger, block, old < new ? old : new);
        nn_release(block);
    }
    return bigger;
}

char *nn_copy_string(const char *string)
{
    size_t bytes = strlen(string) + 1;
    return memcpy(nn_allocate(bytes, 1), string, bytes);
}

char *nn_format_string(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    char *out = nn_allocate((size_t)length + 1, 1);
    va_start(arguments, format);
    vsnprintf(out, (size_t)length + 1, format, arguments);
    va_end(arguments);
    return out;
}

size_t nn_memory_held(void) { return held; }
size_t nn_memory_peak(void) { return peak; }
