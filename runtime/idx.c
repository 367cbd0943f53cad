/* idx.c: the IDX format of the MNIST files, plain or gzipped, one file an input.
 *
 *   0 0 type rank, then rank sizes (32 bits, big end first), then the elements row-major, big end first
 *   types: 08 unsigned byte, 09 signed byte, 0B short, 0C int, 0D float, 0E double
 *
 * The first size counts the rows; the others must have as many elements together as the input. Source: the page of the MNIST
 * files by Y. LeCun. */
#include "array.h"
#include "failure.h"

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static NnArray read_idx_header(NnInputFile *file)
{
    unsigned char magic[4], bytes[4];
    static const signed char stored_of[] = {[0x08] = NN_U8, [0x09] = NN_I8, [0x0B] = NN_I16, [0x0C] = NN_I32,
                                            [0x0D] = NN_STORED_F32, [0x0E] = NN_STORED_F64};
    size_t got = nn_read_input(file, magic, 4);
    if (got < 4 || magic[0] || magic[1] || magic[2] < 0x08 || magic[2] > 0x0E || magic[2] == 0x0A || !magic[3])
        nn_fail(NN_WRONG_INPUT, file->path, "is no IDX file: it should begin with 0 0 TYPE RANK, but %s",
                got < 4 ? "is shorter than that" : "does not");
    if (magic[3] > NN_ARRAY_RANK)
        nn_fail(NN_WRONG_INPUT, file->path, "has %d dimensions; at most %d are read", magic[3], NN_ARRAY_RANK);

    NnArray array = {.stored = (NnStored)stored_of[magic[2]], .rank = magic[3], .is_swapped = !nn_is_big_endian()};
    for (int d = 0; d < array.rank; d++) {
        if (nn_read_input(file, bytes, 4) < 4)
            nn_fail(NN_WRONG_INPUT, file->path, "ends inside its header; the file is torn");
        array.shape[d] = big_endian(bytes);
    }
    return array;
}

static void read_idx(NnReading *reading, NnSet set, NnColumn *column)
{
    nn_read_array_files(reading, set, column, read_idx_header);
}

static int64_t count_idx(NnReading *reading)
{
    return nn_count_array_file(reading, read_idx_header);
}

const NnFormat nn_idx = {.name = "idx", .read = read_idx, .count = count_idx};
