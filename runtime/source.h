/* source.h: between the files of data and the rows that a program trains on.
 *
 *   a format (npy.c, csv.c, text.c …)  reads one set into NnColumns: each input's values as stored, row-major
 *   dataset.c                          checks them, cuts sets (rows, split, stratify), hands out rows
 *   convert.c                          turns stored values into what the program computes with
 *
 * A further format is one file with its NnFormat (nngen/data.h), and a row in gen/model/data.c, which has their names. */
#ifndef NNGEN_RUNTIME_SOURCE_H
#define NNGEN_RUNTIME_SOURCE_H

#include <nngen/data.h>

/* Values stay in memory as the file has them: 60 000 images of 784 bytes are 47 MB, as floats they would be 188. */
typedef enum NnStored {
    NN_U8, NN_I8, NN_U16, NN_I16, NN_U32, NN_I32, NN_U64, NN_I64, NN_STORED_F32, NN_STORED_F64, NN_STORED_TYPES   /* integers first */
} NnStored;
size_t nn_stored_size(NnStored stored);

typedef struct NnColumn {
    NnStored stored;
    const void *values;                 /* rows · elements of the input */
    void *owned;                        /* the block to release; NULL: `values` is somebody else's */
    int64_t rows;
    char *place;                        /* the file, for messages; owned */
} NnColumn;

typedef struct NnReading {
    const NnData *data;
    const NnInput *inputs;
    int input_count;
    const char *data_dir;
    int64_t most_rows;                  /* a benchmark reads no more, and the training set alone; 0: all there are */
    void *learned;                      /* what the training set taught its format about classes, for the other sets: csv.c
                                           words, text.c code points, images.c names of folders; NULL: nothing yet */
} NnReading;

extern const char *const nn_set_name[NN_SETS];                /* "train" … */

/* The rows to keep of `found`: rows = {train = …} or all of them. Fewer than asked for, or none at all: status 1. */
int64_t nn_rows_kept(const NnData *data, NnSet set, int64_t found, const char *place);

/* Refuses an element that is not finite, or no class; the message names the row. */
void nn_check_column(const NnInput *input, const NnColumn *column);

/* Asks the processor for a row that will be wanted soon: rows in random order come from main memory, and waiting for them one
 * by one takes longer than converting them. */
void nn_prefetch_row(const NnDataset *dataset, NnSet set, int input, int64_t row);

/* What a format's functions are: read fills column[input_count], all of the same number of rows, or with a number of rows each that
 * dataset.c compares. */

static inline bool nn_is_augmented(const NnInput *input)
{
    return input->augment.shift > 0 || input->augment.flip;
}

/* augment.c: a training row, its elements of `size` bytes, as it is in this epoch. */
void nn_augment_row(const NnInput *input, size_t size, const void *from, void *to, uint64_t seed, int64_t epoch, int64_t row);

/* How an input's stored values become numbers: (x · scale − mean) / spread. Standardising by feature only gives every element
 * a mean and a spread of its own:  ((x s − m)/d − μ)/σ = (x s − (m + d μ)) / (d σ). */
typedef struct NnConversion {
    double scale;
    int64_t period;                     /* mean and spread have this many elements: 1, or the input's elements */
    double *mean, *spread;
    NnStored tabulated;                 /* of this type, every byte's converted value is below; NN_STORED_TYPES: none */
    float *byte_f32;
    double *byte_f64;
} NnConversion;

NnConversion nn_conversion_of(const NnInput *input);
/* Folds "standardise" in, fitted on `count` rows of `column`: row[i], or i where row is NULL. */
void nn_fit_conversion(NnConversion *conversion, const NnInput *input, const NnColumn *column, const int64_t *row, int64_t count);
void nn_tabulate_bytes(NnConversion *conversion, NnStored stored);
void nn_free_conversion(NnConversion *conversion);
void nn_convert_floats(const NnConversion *conversion, NnStored stored, const void *from, int64_t count, bool f64, void *to);
void nn_convert_classes(NnStored stored, const void *from, int64_t count, int32_t *to);

#endif
