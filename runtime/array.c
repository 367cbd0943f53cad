/* array.c: see array.h. The sizes of a header are not believed before the file can hold them, and all of a file is read, also
 * where only its first rows are wanted: a torn tail, a wrong checksum or bytes behind the end are always found, but by a benchmark,
 * which reads what it computes with. */
#include "array.h"
#include "failure.h"
#include "memory.h"
#include "safetensors.h"

#include <string.h>

bool nn_is_big_endian(void)
{
    const uint16_t probe = 1;
    return !*(const unsigned char *)&probe;
}

static void swap_bytes(void *values, int64_t count, size_t size)
{
    unsigned char *element = values;
    for (int64_t i = 0; i < count && size > 1; i++, element += size)
        for (size_t low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = element[low];
            element[low] = element[high];
            element[high] = byte;
        }
}

void nn_check_array(NnArray *array, const NnInput *input, const char *place)
{
    array->elements = 1;
    for (int d = 1; d < array->rank; d++)
        if (__builtin_mul_overflow(array->elements, array->shape[d], &array->elements))
            array->elements = INT64_MAX;
    if (array->elements != input->elements)
        nn_fail(NN_WRONG_INPUT, place, "its shape is %s: %lld elements a row, but input %s takes %lld",
                nn_shape_text(array->rank, array->shape), (long long)array->elements, nn_quoted(input->name),
                (long long)input->elements);
    if (input->classes && array->stored >= NN_STORED_F32)
        nn_fail(NN_WRONG_INPUT, place, "holds floating-point numbers, but %s is a class: integers are expected",
                nn_quoted(input->name));
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

/* Reads the first `kept` rows, or in Fortran order, where rows do not lie together, all of them. is_enough: nobody asks for the rest. */
static char *read_elements(NnInputFile *file, const NnArray *array, int64_t kept, bool is_enough, const char *place)
{
    int64_t rows = array->shape[0], row_bytes = array->elements * (int64_t)nn_stored_size(array->stored), all;
    if (__builtin_mul_overflow(rows, row_bytes, &all) || all > file->bound)
        nn_fail(NN_WRONG_INPUT, place, "its header announces %lld rows, more than a file of this size can hold; the file is torn",
                (long long)rows);
    kept = array->is_fortran ? rows : kept;
    char *values = nn_allocate((size_t)kept, (size_t)row_bytes);
    int64_t wanted = kept * row_bytes, read = (int64_t)nn_read_input(file, values, (size_t)wanted);
    if (read == wanted && is_enough)
        return values;
    if (read == wanted)
        read += skip_input(file, all - wanted);
    if (read < all && array->is_fortran)
        nn_fail(NN_WRONG_INPUT, place, "ends after %lld of its %lld bytes of elements; the file is torn", (long long)read,
                (long long)all);
    if (read < all)
        nn_fail(NN_WRONG_INPUT, place, "ends in row %lld of %lld; the file is torn", (long long)(read / row_bytes + 1),
                (long long)rows);
    if (skip_input(file, 1))
        nn_fail(NN_WRONG_INPUT, place, "goes on after its last element: its header announces %lld rows of %lld elements",
                (long long)rows, (long long)array->elements);
    return values;
}

/* From Fortran order, element (r, i, j, …) at r + rows (i + shape[1] (j + …)), to rows with the last index fastest. */
static char *to_rows(const NnArray *array, const char *fortran, int64_t kept)
{
    size_t size = nn_stored_size(array->stored);
    int64_t stride[NN_ARRAY_RANK] = {1}, at[NN_ARRAY_RANK] = {0}, from = 0;
    for (int d = 1; d < array->rank; d++)
        stride[d] = stride[d - 1] * array->shape[d - 1];
    char *values = nn_allocate((size_t)(kept * array->elements), size);
    for (int64_t i = 0; i < kept * array->elements; i++) {
        memcpy(values + (size_t)i * size, fortran + (size_t)from * size, size);
        for (int d = array->rank - 1; d >= 0; d--) {
            from += stride[d];
            if (++at[d] < array->shape[d])
                break;
            from -= stride[d] * array->shape[d];
            at[d] = 0;
        }
    }
    return values;
}

NnColumn nn_read_array(const NnReading *reading, NnSet set, const NnInput *input, NnInputFile *file, NnHeaderReader read_header,
                       char *place)
{
    NnArray array = read_header(file);
    nn_check_array(&array, input, place);
    int64_t kept = nn_rows_kept(reading->data, set, array.shape[0], place);
    bool is_enough = reading->most_rows && reading->most_rows < kept;
    kept = is_enough ? reading->most_rows : kept;
    char *values = read_elements(file, &array, kept, is_enough, place);
    if (array.is_fortran && array.rank > 1) {
        char *fortran = values;
        values = to_rows(&array, fortran, kept);
        nn_release(fortran);
    }
    if (array.is_swapped)
        swap_bytes(values, kept * array.elements, nn_stored_size(array.stored));
    NnColumn column = {.stored = array.stored, .values = values, .owned = values, .rows = kept, .place = place};
    nn_check_column(input, &column);
    return column;
}

/* ---- one file an input ---- */

static char *find_array_file(const NnReading *reading, const NnInput *input, NnSet set)
{
    if (!input->file[set])
        nn_fail(NN_WRONG_INPUT, NULL, "input %s has no file in the set %s", nn_quoted(input->name), nn_set_name[set]);
    return nn_find_file(reading->data, reading->data_dir, input->file[set]);
}

void nn_read_array_files(NnReading *reading, NnSet set, NnColumn *column, NnHeaderReader read_header)
{
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        char *path = find_array_file(reading, input, set);
        NnInputFile file = nn_open_input(path);
        column[i] = nn_read_array(reading, set, input, &file, read_header, path);
        nn_close_input(&file);
    }
}

int64_t nn_count_array_file(NnReading *reading, NnHeaderReader read_header)
{
    const NnInput *input = &reading->inputs[0];
    char *path = find_array_file(reading, input, NN_TRAIN);
    NnInputFile file = nn_open_input(path);
    NnArray array = read_header(&file);
    nn_check_array(&array, input, path);
    int64_t rows = nn_rows_kept(reading->data, NN_TRAIN, array.shape[0], path);
    nn_close_input(&file);
    nn_release(path);
    return rows;
}
