/* safetensors_data.c: data out of a safetensors file, the arrays named as the inputs. safetensors.c has checked every size
 * against the file when it is open; what is left is whether an array is what its input takes. */
#include "array.h"
#include "failure.h"
#include "memory.h"
#include "safetensors.h"

#include <string.h>

/* "x, y, z": the arrays that are there, for messages. */
static char *list_of_entries(const NnSafetensors *file)
{
    enum { ENOUGH = 20 };
    char *list = nn_copy_string("");
    for (int i = 0; i < file->count && i < ENOUGH; i++) {
        char *longer = nn_format_string("%s%s%s", list, i ? ", " : "", file->entry[i].name);
        nn_release(list);
        list = longer;
    }
    return list;
}

static NnArray array_of(const NnSafetensors *file, const NnInput *input, const char *place, const NnEntry **found)
{
    static const NnStored stored_of[NN_DTYPE_OTHER] = {
        [NN_DTYPE_U8] = NN_U8, [NN_DTYPE_I8] = NN_I8, [NN_DTYPE_U16] = NN_U16, [NN_DTYPE_I16] = NN_I16, [NN_DTYPE_U32] = NN_U32,
        [NN_DTYPE_I32] = NN_I32, [NN_DTYPE_U64] = NN_U64, [NN_DTYPE_I64] = NN_I64, [NN_DTYPE_F32] = NN_STORED_F32,
        [NN_DTYPE_F64] = NN_STORED_F64,
    };
    const NnEntry *entry = nn_find_entry(file, "", input->name);
    if (!entry)
        nn_fail(NN_WRONG_INPUT, file->path, "has no array named as the input %s; there are: %s", nn_quoted(input->name),
                nn_quoted(list_of_entries(file)));
    if (entry->dtype == NN_DTYPE_OTHER)
        nn_fail(NN_WRONG_INPUT, place, "its elements are %s; F32, F64, or integers (I8 to I64, U8 to U64) are expected",
                nn_quoted(entry->dtype_name));
    if (entry->rank == 0 || entry->rank > NN_MAX_RANK)
        nn_fail(NN_WRONG_INPUT, place, "has %d dimensions; 1 to %d are expected, a row for each example", entry->rank, NN_MAX_RANK);
    NnArray array = {.stored = stored_of[entry->dtype], .rank = entry->rank};
    memcpy(array.shape, entry->shape, sizeof entry->shape);
    nn_check_array(&array, input, place);
    *found = entry;
    return array;
}

static void read_safetensors(NnReading *reading, NnSet set, NnColumn *column)
{
    char *path = nn_find_file(reading->data, reading->data_dir, reading->data->file[set]);
    NnSafetensors file = nn_open_safetensors(path);
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        const NnEntry *entry;
        char *place = nn_format_string("%s, array %s", path, input->name);
        NnArray array = array_of(&file, input, place, &entry);
        int64_t kept = nn_rows_kept(reading->data, set, array.shape[0], place);
        size_t row_bytes = (size_t)array.elements * nn_stored_size(array.stored);
        char *values = nn_allocate((size_t)kept, row_bytes);
        nn_read_bytes(&file, entry, values, (size_t)kept * row_bytes);
        column[i] = (NnColumn){.stored = array.stored, .values = values, .owned = values, .rows = kept, .place = place};
        nn_check_column(input, &column[i]);
    }
    nn_close_safetensors(&file);
    nn_release(path);
}

static int64_t count_safetensors(NnReading *reading)
{
    char *path = nn_find_file(reading->data, reading->data_dir, reading->data->file[NN_TRAIN]);
    NnSafetensors file = nn_open_safetensors(path);
    const NnEntry *entry;
    int64_t rows = array_of(&file, &reading->inputs[0], path, &entry).shape[0];
    rows = nn_rows_kept(reading->data, NN_TRAIN, rows, path);
    nn_close_safetensors(&file);
    nn_release(path);
    return rows;
}

const NnFormat nn_safetensors = {.name = "safetensors", .read = read_safetensors, .count = count_safetensors};
