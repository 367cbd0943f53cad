/* memory.c: see memory.h.
 *
 * A block lies in one of calloc's, which gives large ones as untouched pages: a torn header that announces too much costs
 * nothing before the bytes are really there. The cache line before a block holds where that one starts, and its size. */
#include "memory.h"
#include "failure.h"

#include <nngen/runtime.h>

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LINE = 64 };

typedef struct Ticket {
    void *base;
    size_t bytes;                       /* of the block, its bookkeeping included */
} Ticket;

static size_t held, peak;

static Ticket ticket_of(const void *block)
{
    Ticket ticket;
    memcpy(&ticket, (const char *)block - sizeof ticket, sizeof ticket);
    return ticket;
}

void *nn_allocate(size_t count, size_t size)
{
    size_t bytes;
    Ticket ticket = {0};
    if (!__builtin_mul_overflow(count, size, &bytes) && bytes < PTRDIFF_MAX - 3 * LINE) {
        ticket.bytes = LINE + (bytes + LINE - 1) / LINE * LINE;
        ticket.base = calloc(1, ticket.bytes + LINE - 1);
    }
    if (!ticket.base)
        nn_fail(NN_MACHINE_LACKS, NULL, "not enough memory: %zu times %zu bytes wanted, %zu held already", count, size, held);
    char *block = (char *)(((uintptr_t)ticket.base + 2 * LINE - 1) / LINE * LINE);
    memcpy(block - sizeof ticket, &ticket, sizeof ticket);
    held += ticket.bytes;
    peak = held > peak ? held : peak;
    return block;
}

void nn_release(void *block)
{
    if (!block)
        return;
    Ticket ticket = ticket_of(block);
    held -= ticket.bytes;
    free(ticket.base);
}

void *nn_grow(void *block, size_t count, size_t size)
{
    char *bigger = nn_allocate(count, size);
    if (block) {
        size_t old = ticket_of(block).bytes, new = ticket_of(bigger).bytes;
        memcpy(bigger, block, (old < new ? old : new) - LINE);
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

/* Pages of 2 MB: rows far apart need fewer of the processor's table of pages. 784-1024-1024-10 with Adam, 27 MB: 2 % of a step. */
void nn_want_large_pages(void *start, size_t bytes)
{
#ifdef MADV_HUGEPAGE
    const uintptr_t size = (uintptr_t)2 << 20, first = ((uintptr_t)start + size - 1) / size * size, end = ((uintptr_t)start + bytes) / size * size;
    if (start && first < end && bytes >= 4 * size)
        (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)start, (void)bytes;
#endif
}

/* Not among what the runtime holds: NnProgram.memory counts it. */
void *nn_allocate_state(size_t bytes)
{
    const int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    void *state = machine > 0 && bytes > (size_t)machine ? NULL : calloc(1, bytes + LINE);
    if (!state)
        nn_fail(NN_MACHINE_LACKS, NULL, "not enough memory: the state takes %zu bytes, this machine has %lld", bytes, (long long)machine);
    nn_want_large_pages(state, bytes);
    return (void *)(((uintptr_t)state + LINE - 1) / LINE * LINE);
}

size_t nn_memory_held(void) { return held; }
size_t nn_memory_peak(void) { return peak; }
