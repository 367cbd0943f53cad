/* array.h: one array in a file, the rows along its first axis: what IDX, NPY, the members of NPZ and safetensors have in common.
 *
 * A format parses its header into NnArray; the checks against the input and the reading of the elements are here. */
#ifndef NNGEN_RUNTIME_ARRAY_H
#define NNGEN_RUNTIME_ARRAY_H

#include "input_file.h"
#include "source.h"

enum { NN_ARRAY_RANK = 32 };            /* NumPy's limit */

typedef struct NnArray {
    NnStored stored;
    bool is_swapped;                    /* the bytes of an element lie the other way round than this processor wants them */
    bool is_fortran;                    /* the first index runs fastest; else the last */
    int rank;                           /* at least 1 */
    int64_t shape[NN_ARRAY_RANK];       /* shape[0] counts the rows */
    int64_t elements;                   /* of a row: the product of the other sizes, INT64_MAX if it is more; set by nn_check_array */
} NnArray;

/* Parses a header; the elements follow. Refuses with status 1 what is none. */
typedef NnArray (*NnHeaderReader)(NnInputFile *file);

bool nn_is_big_endian(void);                                  /* this processor */

/* Has it as many elements a row as the input, and integers for a class? */
void nn_check_array(NnArray *array, const NnInput *input, const char *place);

/* Opens nothing and closes nothing: the file stands at its start. The column takes `place` over. */
NnColumn nn_read_array(const NnReading *reading, NnSet set, const NnInput *input, NnInputFile *file, NnHeaderReader read_header,
                       char *place);

/* Sources of one file an input. */
void nn_read_array_files(NnReading *reading, NnSet set, NnColumn *column, NnHeaderReader read_header);
int64_t nn_count_array_file(NnReading *reading, NnHeaderReader read_header);

NnArray nn_read_npy_header(NnInputFile *file);                /* npy.c; npz.c reads members by it */

#endif
