/* readers.c: libFuzzer over the readers of data; tests/fuzz/run.sh builds it for a FORMAT and runs it.
 *
 * An input is a file's bytes; whatever they are, the reader either gives rows or refuses; anything else (a read past the end,
 * overflow, endless work) the sanitizers or the time limit tell. A refusal must not end the process here: this file stands in for failure.c and
 * memory.c, jumps out, and takes back what the reader still held. FORMAT NN_DATA_IMAGES decodes one image of 5 by 7, its
 * checksums put right first, or nothing would get past them. */
#define _GNU_SOURCE                                           /* close_range */
#include "failure.h"
#include "image_file.h"
#include "memory.h"
#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* ---- in place of failure.c ---- */

static jmp_buf refused;
const char *nn_program_name = "fuzz";

const char *nn_quoted(const char *text) { return text; }

void nn_fail(NnStatus status, const char *place, const char *format, ...)
{
    char message[4096];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);    /* the arguments of a message must be good as well */
    va_end(arguments);
    if (place && getenv("FUZZ_VERBOSE"))
        fprintf(stderr, "%s: %s\n", place, message);
    longjmp(refused, (int)status);
}

/* ---- in place of memory.c: blocks in a list ---- */

typedef struct Block { struct Block *next, *last; size_t bytes; } Block;
static Block blocks = {&blocks, &blocks, 0};

void *nn_allocate(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes) || bytes > (size_t)1 << 28)
        nn_fail(NN_MACHINE_LACKS, NULL, "too much");
    Block *block = calloc(1, sizeof *block + bytes);
    *block = (Block){&blocks, blocks.last, bytes};
    block->last->next = block->next->last = block;
    return block + 1;
}

void nn_release(void *memory)
{
    if (!memory)
        return;
    Block *block = (Block *)memory - 1;
    block->last->next = block->next;
    block->next->last = block->last;
    free(block);
}

void *nn_grow(void *memory, size_t count, size_t size)
{
    char *bigger = nn_allocate(count, size);
    if (memory) {
        size_t old = ((Block *)memory)[-1].bytes, new = count * size;
        memcpy(bigger, memory, old < new ? old : new);
        nn_release(memory);
    }
    return bigger;
}

char *nn_copy_string(const char *string) { return memcpy(nn_allocate(strlen(string) + 1, 1), string, strlen(string) + 1); }

char *nn_format_string(const char *format, ...)
{
    char text[8192];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return nn_copy_string(text);
}

void nn_flush_output(void) {}
void *nn_allocate_state(size_t bytes) { return nn_allocate(1, bytes); }
size_t nn_memory_held(void) { return 0; }
size_t nn_memory_peak(void) { return 0; }

/* ---- the readers ---- */

static NnInput inputs[] = {
    {.name = "x", .rank = 1, .shape = {3}, .elements = 3, .columns = {.first = 1, .last = 3}, .scale = 1, .std = 1},
    {.name = "y", .classes = 40, .elements = 1, .columns = {.first = 4, .last = 4}, .scale = 1, .std = 1},
};

static void mend_checksums(unsigned char *bytes, size_t count)
{
    for (size_t at = 8; count >= 12 && at <= count - 12;) {
        size_t length = (size_t)bytes[at] << 24 | (size_t)bytes[at + 1] << 16 | (size_t)bytes[at + 2] << 8 | bytes[at + 3];
        if (length > count - at - 12)
            return;
        uint32_t sum = (uint32_t)crc32(0, bytes + at + 4, (uInt)length + 4);
        for (int i = 0; i < 4; i++)
            bytes[at + 8 + length + (size_t)i] = (unsigned char)(sum >> (24 - 8 * i));
        at += 12 + length;
    }
}

static void read_image(const char *path)
{
    static const NnInput image = {.name = "x", .rank = 3, .shape = {3, 5, 7}, .elements = 105};
    unsigned char *out = malloc(105);                         /* its own block, so that writing past it shows */
    if (!setjmp(refused))
        nn_decode_image(path, &image, out);
    free(out);
}

static void read_set(const char *path)
{
    NnData data = {.kind = FORMAT, .folder = "", .file = {path}};
    int count = FORMAT == NN_DATA_IDX || FORMAT == NN_DATA_NPY ? 1 : 2;
    inputs[0].file[0] = path;
    if (FORMAT == NN_DATA_TEXT) {
        inputs[0].classes = inputs[1].classes = 300;
        inputs[1].elements = 3;
        inputs[1].later = 1;
    }
    if (setjmp(refused))
        return;
    NnDataset *dataset = nn_dataset_open(&data, inputs, count, NULL, 1);
    for (int64_t row = 0; row < nn_dataset_rows(dataset, NN_TRAIN); row++)
        for (int i = 0; i < count; i++) {
            double *values = nn_allocate((size_t)inputs[i].elements, sizeof *values);
            nn_dataset_row(dataset, NN_TRAIN, i, row, true, values);
            nn_release(values);
        }
    nn_dataset_close(dataset);
    nn_dataset_count(&data, inputs, count, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/nngen-fuzz-%d", (int)getpid());
    FILE *file = fopen(path, "wb");
    unsigned char *copy = malloc(count + 1);
    memcpy(copy, bytes, count);
    if (FORMAT == NN_DATA_IMAGES)
        mend_checksums(copy, count);
    fwrite(copy, 1, count, file);
    fclose(file);
    free(copy);

    int first_descriptor = dup(2);
    if (FORMAT == NN_DATA_IMAGES)
        read_image(path);
    else
        read_set(path);
    while (blocks.next != &blocks)
        nn_release(blocks.next + 1);
    close_range((unsigned)first_descriptor, ~0u, 0);
    unlink(path);
    return 0;
}
