/* store.c: the tensors of a library's state as a safetensors file in memory: no allocation, no stdio.
 *
 * One writer goes over the file twice: first it only counts, and if there is room it writes. So the size that is announced and
 * the bytes that are written cannot disagree. The layout is that of safetensors.c. */
#include <nngen/weights.h>

#include "walk.h"

#include <string.h>

typedef struct Sink { unsigned char *to; size_t count; } Sink;       /* to NULL: it only counts */

static void put(Sink *sink, const void *bytes, size_t count)
{
    if (sink->to)
        memcpy(sink->to + sink->count, bytes, count);
    sink->count += count;
}

static void put_text(Sink *sink, const char *text)
{
    put(sink, text, strlen(text));
}

static void put_number(Sink *sink, int64_t number)
{
    char digits[20];
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    put(sink, digits + at, sizeof digits - at);
}

/* Names have no control characters, so these two are all that JSON wants escaped. */
static void put_string(Sink *sink, const char *text)
{
    put_text(sink, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            put_text(sink, "\\");
        put(sink, text, 1);
    }
    put_text(sink, "\"");
}

static void put_header(Sink *sink, const NnTensor *tensors, int count, size_t size, const char *model)
{
    int64_t at = 0;
    put_text(sink, "{\"__metadata__\":{\"format\":\"pt\",\"nngen.model\":");
    put_string(sink, model);
    put_text(sink, "}");
    for (int i = 0; i < count; i++) {
        const NnTensor *tensor = &tensors[i];
        if (tensor->kind == NN_SLOT)
            continue;
        const int64_t bytes = nn_element_count(tensor->rank, tensor->shape) * (int64_t)size;
        put_text(sink, ",");
        put_string(sink, tensor->name);
        put_text(sink, size == 4 ? ":{\"dtype\":\"F32\",\"shape\":[" : ":{\"dtype\":\"F64\",\"shape\":[");
        for (int d = 0; d < tensor->rank; d++) {
            put_text(sink, d ? "," : "");
            put_number(sink, tensor->shape[d]);
        }
        put_text(sink, "],\"data_offsets\":[");
        put_number(sink, at);
        put_text(sink, ",");
        put_number(sink, at += bytes);
        put_text(sink, "]}");
    }
    put_text(sink, "}");
    while (sink->count % 8)
        put_text(sink, " ");                                  /* so that the tensors begin on a multiple of 8 */
}

static void put_file(Sink *sink, const NnTensor *tensors, int count, const void *state, NnPrecision precision, const char *model)
{
    const size_t size = precision == NN_F32 ? 4 : 8;
    Sink header = {NULL, 0};
    unsigned char length[8];
    put_header(&header, tensors, count, size, model);
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)header.count >> 8 * i);
    put(sink, length, sizeof length);
    put_header(sink, tensors, count, size, model);
    for (int i = 0; i < count; i++) {
        const NnTensor *tensor = &tensors[i];
        const int64_t elements = nn_element_count(tensor->rank, tensor->shape);
        NnWalk walk = {.rank = tensor->rank, .shape = tensor->shape, .stride = tensor->stride};
        for (int64_t k = 0; k < elements && tensor->kind != NN_SLOT; k++, nn_walk_on(&walk))
            put(sink, (const char *)state + tensor->place + (size_t)walk.offset * size, size);
    }
}

size_t nn_store_tensors(const NnTensor *tensors, int count, const void *state, NnPrecision precision, const char *model, void *buffer,
                        size_t size)
{
    Sink sink = {NULL, 0};
    put_file(&sink, tensors, count, state, precision, model);
    const size_t bytes = sink.count;
    if (bytes <= size) {
        sink = (Sink){buffer, 0};
        put_file(&sink, tensors, count, state, precision, model);
    }
    return bytes;
}
