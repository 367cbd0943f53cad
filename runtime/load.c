/* load.c: the weights of a predictor from a safetensors file, without ending the process that calls.
 *
 * Header first, tensors then: what is missing or has another shape is known before anything is changed. A line in `why` says what
 * was wrong. */
#include <nngen/weights.h>

#include "tensor_header.h"
#include "walk.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOADED = 0, WRONG_FILE = 1, NO_MEMORY = 3, LONGEST_HEADER = 100 * 1000 * 1000, BUFFER_BYTES = 4096 };

typedef struct Loading {
    FILE *file;
    long file_bytes, data_start;
    char *header;
    int64_t *begin;                     /* by tensor: where its numbers are in the data; -1: not seen */
    bool *is_wide;                      /* by tensor: F64 */
    char *why;
    size_t room;
} Loading;

static int wrong(Loading *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int wrong(Loading *l, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(l->why, l->room, format, arguments);
    va_end(arguments);
    return WRONG_FILE;
}

static int open_file(Loading *l, const char *path)
{
    unsigned char length[8];
    l->file = fopen(path, "rb");
    if (!l->file)
        return wrong(l, "cannot be read: %s", strerror(errno));
    if (fseek(l->file, 0, SEEK_END) || (l->file_bytes = ftell(l->file)) < 0 || fseek(l->file, 0, SEEK_SET))
        return wrong(l, "cannot be read: it is no plain file");
    if (fread(length, 1, sizeof length, l->file) != sizeof length)
        return wrong(l, "is no safetensors file: it has not even 8 bytes");
    uint64_t bytes = 0;
    for (int i = 0; i < 8; i++)
        bytes |= (uint64_t)length[i] << 8 * i;
    if (bytes > LONGEST_HEADER || (long)bytes > l->file_bytes - 8)
        return wrong(l, "is torn or no safetensors file: its header would have %llu bytes", (unsigned long long)bytes);
    l->header = calloc((size_t)bytes + 1, 1);
    if (!l->header) {
        wrong(l, "not enough memory for its header");
        return NO_MEMORY;
    }
    if (fread(l->header, 1, (size_t)bytes, l->file) != (size_t)bytes || memchr(l->header, 0, (size_t)bytes))
        return wrong(l, "is torn or no safetensors file");
    l->data_start = 8 + (long)bytes;
    return LOADED;
}

static int note_entry(Loading *l, const NnTensor *tensors, int count, const NnEntry *entry)
{
    int i = 0;
    while (i < count && (tensors[i].kind == NN_SLOT || strcmp(tensors[i].name, entry->name)))
        i++;
    if (i == count)
        return LOADED;
    if (entry->rank != tensors[i].rank || memcmp(entry->shape, tensors[i].shape, (size_t)entry->rank * sizeof *entry->shape))
        return wrong(l, "%s has another shape there", entry->name);
    if (entry->dtype != NN_DTYPE_F32 && entry->dtype != NN_DTYPE_F64)
        return wrong(l, "%s is %s there; F32 and F64 are read", entry->name, entry->dtype_name);
    l->begin[i] = entry->begin;
    l->is_wide[i] = entry->dtype == NN_DTYPE_F64;
    return LOADED;
}

static int read_header(Loading *l, const NnTensor *tensors, int count)
{
    NnTensorHeader reader = nn_tensor_header(l->header, l->file_bytes - l->data_start);
    for (NnHeaderItem item; (item = nn_next_item(&reader)) != NN_ITEM_NONE;) {
        if (item == NN_ITEM_BROKEN)
            return wrong(l, "%s%s%s", reader.entry.name ? reader.entry.name : "", reader.entry.name ? " " : "", reader.fault);
        const int status = item == NN_ITEM_TENSOR ? note_entry(l, tensors, count, &reader.entry) : LOADED;
        if (status)
            return status;
    }
    for (int i = 0; i < count; i++)
        if (tensors[i].kind != NN_SLOT && l->begin[i] < 0)
            return wrong(l, "has no tensor %s", tensors[i].name);
    return LOADED;
}

static int read_tensor(Loading *l, const NnTensor *tensor, int64_t begin, bool is_wide, NnPrecision precision)
{
    char buffer[BUFFER_BYTES];
    const size_t size = is_wide ? sizeof(double) : sizeof(float);
    const int64_t count = nn_element_count(tensor->rank, tensor->shape);
    NnWalk walk = {.rank = tensor->rank, .shape = tensor->shape, .stride = tensor->stride};
    if (fseek(l->file, l->data_start + (long)begin, SEEK_SET))
        return wrong(l, "cannot be read: %s", strerror(errno));
    for (int64_t first = 0; first < count;) {
        const int64_t left = count - first, here = left < (int64_t)(BUFFER_BYTES / size) ? left : (int64_t)(BUFFER_BYTES / size);
        if (fread(buffer, size, (size_t)here, l->file) != (size_t)here)
            return wrong(l, "became shorter while it was read");
        for (int64_t i = 0; i < here; i++, nn_walk_on(&walk)) {
            float narrow = 0;
            double value;
            if (is_wide)
                memcpy(&value, buffer + (size_t)i * size, size);
            else
                memcpy(&narrow, buffer + (size_t)i * size, size);
            value = is_wide ? value : (double)narrow;
            if (!isfinite(precision == NN_F32 ? (double)(float)value : value))
                return wrong(l, "element %lld of %s is no finite number", (long long)(first + i + 1), tensor->name);
            nn_set_real(tensor->data, walk.offset, value, precision);
        }
        first += here;
    }
    return LOADED;
}

static int load(Loading *l, const NnTensor *tensors, int count, NnPrecision precision, const char *path)
{
    int status = open_file(l, path);
    if (!status)
        status = read_header(l, tensors, count);
    for (int i = 0; i < count && !status; i++)
        if (tensors[i].kind != NN_SLOT)
            status = read_tensor(l, &tensors[i], l->begin[i], l->is_wide[i], precision);
    return status;
}

int nn_load_tensors(const NnTensor *tensors, int count, NnPrecision precision, const char *path, char *why, size_t room)
{
    Loading l = {.begin = malloc(((size_t)count + 1) * sizeof *l.begin), .is_wide = calloc((size_t)count + 1, sizeof *l.is_wide),
                 .why = why, .room = room};
    int status = NO_MEMORY;
    wrong(&l, "not enough memory");
    if (l.begin && l.is_wide) {
        for (int i = 0; i < count; i++)
            l.begin[i] = -1;
        status = load(&l, tensors, count, precision, path);
    }
    if (l.file)
        fclose(l.file);
    free(l.header);
    free(l.begin);
    free(l.is_wide);
    if (!status)
        why[0] = '\0';
    return status;
}
