/* idx.c: the IDX format of the MNIST files, plain or gzipped, one file an input.
 *
 *   0 0 type rank, then rank sizes (32 bits, big end first), then the elements row-major, big end first
 *   types: 08 unsigned byte, 09 signed byte, 0B short, 0C int, 0D float, 0E double
 *
 * The first size counts the rows; the others must have as many elements together as the input. Source: the page of the MNIST
 * files by Y. LeCun. The sizes of the header are not believed before the file can hold them. */
#include "failure.h"
#include "input_file.h"
#include "memory.h"
#include "source.h"

#include <stdio.h>
#include <string.h>

typedef struct IdxHeader {
    NnStored stored;
    int64_t rows, elements;
} IdxHeader;

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static IdxHeader read_idx_header(NnInputFile *file, const NnInput *input)
{
    unsigned char magic[4], bytes[4];
    static const signed char stored_of[] = {[0x08] = NN_U8, [0x09] = NN_I8, [0x0B] = NN_I16, [0x0C] = NN_I32,
                                            [0x0D] = NN_STORED_F32, [0x0E] = NN_STORED_F64};
    size_t got = nn_read_input(file, magic, 4);
    if (got < 4 || magic[0] || magic[1] || magic[2] < 0x08 || magic[2] > 0x0E || magic[2] == 0x0A || !magic[3])
        nn_fail(NN_WRONG_INPUT, file->path, "is no IDX file: it should begin with 0 0 TYPE RANK, but %s",
                got < 4 ? "is shorter than that" : "does not");

    IdxHeader header = {.stored = (NnStored)stored_of[magic[2]], .elements = 1};
    char shape[256] = "";
    for (int d = 0; d < magic[3]; d++) {
        if (nn_read_input(file, bytes, 4) < 4)
            nn_fail(NN_WRONG_INPUT, file->path, "ends inside its header; the file is torn");
        int64_t size = big_endian(bytes);
        if (d == 0)
            header.rows = size;
        else if (__builtin_mul_overflow(header.elements, size, &header.elements))
            header.elements = INT64_MAX;
        size_t used = strlen(shape);
        snprintf(shape + used, sizeof shape - used, "%s%lld", d ? ", " : "", (long long)size);
    }
    if (header.elements != input->elements)
        nn_fail(NN_WRONG_INPUT, file->path, "its shape is (%s): %lld elements a row, but input %s takes %lld", shape,
                (long long)header.elements, nn_quoted(input->name), (long long)input->elements);
    if (input->classes && header.stored >= NN_STORED_F32)
        nn_fail(NN_WRONG_INPUT, file->path, "holds floating-point numbers, but %s is a class: integers are expected",
                nn_quoted(input->name));
    return header;
}

/* To this processor's order. */
static void swap_bytes(void *values, int64_t count, size_t size)
{
    const uint16_t probe = 1;
    if (size == 1 || !*(const unsigned char *)&probe)
        return;
    unsigned char *element = values;
    for (int64_t i = 0; i < count; i++, element += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
}

static int64_t skip_input(NnInputFile *file, int64_t bytes)
{
    char scratch[1 << 14];
    int64_t skipped = 0;
    while (skipped < bytes) {
        size_t piece = bytes - skipped < (int64_t)sizeof scratch ? (size_t)(bytes - skipped) : sizeof scratch;
        size_t got = nn_read_input(file, scratch, piece);
        skipped += (int64_t)got;
        if (got < piece)
            break;
    }
    return skipped;
}

static NnColumn read_idx_column(NnReading *reading, NnSet set, const NnInput *input)
{
    char *path = nn_find_file(reading->data, reading->data_dir, input->file[set]);
    NnInputFile file = nn_open_input(path);
    IdxHeader header = read_idx_header(&file, input);

    size_t size = nn_stored_size(header.stored);
    int64_t row_bytes = header.elements * (int64_t)size, all;
    if (__builtin_mul_overflow(header.rows, row_bytes, &all) || all > file.bound)
        nn_fail(NN_WRONG_INPUT, path, "its header announces %lld rows, more than a file of this size can hold; the file is torn",
                (long long)header.rows);
    int64_t kept = nn_rows_kept(reading->data, set, header.rows, path);

    char *values = nn_allocate((size_t)kept, (size_t)row_bytes);
    int64_t wanted = kept * row_bytes, read = (int64_t)nn_read_input(&file, values, (size_t)wanted);
    if (read == wanted)
        read += skip_input(&file, all - wanted);        /* a torn tail is found even where its rows are not wanted */
    if (read < all)
        nn_fail(NN_WRONG_INPUT, path, "ends in row %lld of %lld; the file is torn", (long long)(read / row_bytes + 1),
                (long long)header.rows);
    if (skip_input(&file, 1))
        nn_fail(NN_WRONG_INPUT, path, "goes on after its last element: its header announces %lld rows of %lld elements",
                (long long)header.rows, (long long)header.elements);
    nn_close_input(&file);

    swap_bytes(values, kept * header.elements, size);
    NnColumn column = {.stored = header.stored, .values = values, .owned = values, .rows = kept, .place = path};
    nn_check_column(input, &column);
    return column;
}

bool nn_idx_has_set(const NnReading *reading, NnSet set)
{
    for (int i = 0; i < reading->input_count; i++)
        if (reading->inputs[i].file[set])
            return true;
    return false;
}

static void require_idx_file(const NnInput *input, NnSet set)
{
    if (!input->file[set])
        nn_fail(NN_WRONG_INPUT, NULL, "input %s has no file in the set %s", nn_quoted(input->name), nn_set_name[set]);
}

void nn_idx_read(NnReading *reading, NnSet set, NnColumn *column)
{
    for (int i = 0; i < reading->input_count; i++) {
        require_idx_file(&reading->inputs[i], set);
        column[i] = read_idx_column(reading, set, &reading->inputs[i]);
    }
}

int64_t nn_idx_count(NnReading *reading)
{
    require_idx_file(&reading->inputs[0], NN_TRAIN);
    char *path = nn_find_file(reading->data, reading->data_dir, reading->inputs[0].file[NN_TRAIN]);
    NnInputFile file = nn_open_input(path);
    int64_t rows = nn_rows_kept(reading->data, NN_TRAIN, read_idx_header(&file, &reading->inputs[0]).rows, path);
    nn_close_input(&file);
    nn_release(path);
    return rows;
}
