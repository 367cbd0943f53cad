/* data.h: what is known about a model's data, and reading it.
 *
 * An emitted program holds one NnData and one NnInput for each input as static tables; nngen itself fills the same structures
 * while it reads a model, and uses the same readers (to count rows for batch = "all", and for `nngen check`). Bad data ends
 * the process with status 1 and the file, the row (from 1) and what was expected. */
#ifndef NNGEN_DATA_H
#define NNGEN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NN_MAX_RANK = 8 };

/* How a parameter or slot starts. Uniform and normal draw from Philox, key = seed, stream = hash of the tensor's name,
 * counter = element in PyTorch's order. */
typedef enum NnInitKind { NN_INIT_CONSTANT, NN_INIT_UNIFORM, NN_INIT_NORMAL, NN_INIT_TABLE } NnInitKind;
typedef struct NnInit {
    NnInitKind kind;
    double a, b;                        /* CONSTANT: a;  UNIFORM: in [a, b);  NORMAL: mean a, standard deviation b */
    const double *table;                /* TABLE: row-major in PyTorch's shape */
    int64_t zero_from, zero_to;         /* elements from here up to there start at 0 all the same: an embedding's row for padding */
} NnInit;

typedef enum NnSet { NN_TRAIN, NN_VALIDATION, NN_TEST, NN_SETS } NnSet;
typedef enum NnStandardize { NN_AS_IS, NN_BY_FEATURE, NN_BY_ALL } NnStandardize;

/* Columns of a CSV file: by name, or a range of numbers from 1, both ends included. */
typedef struct NnColumns {
    const char *name;                   /* NULL: by number */
    int first, last;
} NnColumns;

/* What is done to a row of (channels, height, width) or (height, width) whenever it is drawn for training: moved by up to `shift`
 * places each way, what comes in from outside being a stored 0; mirrored left to right in half of the draws. */
typedef struct NnAugment {
    int shift;                          /* 0: none */
    bool flip;
} NnAugment;

typedef struct NnInput {
    const char *name;
    int classes;                        /* a class input: integers in [0, classes); 0: floats */
    int rank;
    int64_t shape[NN_MAX_RANK];         /* without the batch */
    int64_t elements;                   /* their product: elements a row */
    void *batch;                        /* where a gathered batch goes, [BATCH][elements] row-major: the program's precision, or int32 for classes */
    const char *file[NN_SETS];          /* IDX, NPY: this input's file in each set; NULL: no such set */
    const double *table[NN_SETS];       /* TABLE: row-major rows */
    NnColumns columns;                  /* CSV */
    int later;                          /* TEXT: 0 for the text itself, 1 for the same one place later */
    double scale, mean, std;            /* (x · scale − mean) / std, in this order; 1, 0, 1 */
    NnStandardize standardize;          /* after that, fitted on the training rows */
    NnAugment augment;
    bool predicts;                      /* the program's outputs hang on it */
} NnInput;

/* How files or tables become rows, each in the file of its name. A program names the one that it needs, and links no other. */
struct NnReading;
struct NnColumn;
typedef struct NnFormat {
    const char *name;                   /* "idx": nn.data.idx, nn_idx */
    void (*read)(struct NnReading *reading, NnSet set, struct NnColumn *column);      /* source.h */
    void (*finish)(struct NnReading *reading);                /* releases reading->learned; NULL: nothing is learnt */
    int64_t (*count)(struct NnReading *reading);              /* rows of train, by headers alone; NULL: they must be read */
} NnFormat;
extern const NnFormat nn_idx;
extern const NnFormat nn_csv;
extern const NnFormat nn_table;
extern const NnFormat nn_npy;
extern const NnFormat nn_npz;
extern const NnFormat nn_safetensors;
extern const NnFormat nn_images;
extern const NnFormat nn_text;

typedef struct NnData {
    const NnFormat *format;             /* NULL: there is no data */
    const char *file[NN_SETS];          /* one file (IMAGES: folder) a set, where inputs have none of their own; NULL: no such set */
    int64_t table_rows[NN_SETS];        /* TABLE */
    bool by_byte;                       /* TEXT: a place of it is a byte; else a code point of UTF-8 */
    int64_t first_rows[NN_SETS];        /* rows = {train = …}: only the first rows; 0: all */
    double share[NN_SETS];              /* split: shares of `train`, summing to 1; all 0: none */
    const char *stratify;               /* the class input whose shares are kept; NULL: none */
    bool no_shuffle;                    /* shuffle = false: file order in training too */
    const char *folder;                 /* the model's folder as its path was given ("" for the current one) */
    const char *default_folder;         /* default = "DIR"; NULL: none */
} NnData;

/* A set of rows of all inputs, in memory as stored (bytes stay bytes). Opaque; rows of different sets may share memory. */
typedef struct NnDataset NnDataset;

/* Reads and checks everything: files are looked up in data_dir (may be NULL), then in data->folder, then in
 * data->default_folder; split by seed. Never returns NULL. */
NnDataset *nn_dataset_open(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir, uint64_t seed);
/* The same with the training set alone, and of that the first rows, where the format and a split leave the choice: for --benchmark. */
NnDataset *nn_dataset_open_rows(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir, uint64_t seed,
                                int64_t most_rows);
void nn_dataset_close(NnDataset *dataset);
int64_t nn_dataset_rows(const NnDataset *dataset, NnSet set);        /* 0: there is no such set */

/* How an input's values become numbers, (x · scale − mean) / spread, standardising included: gives how many means and spreads there
 * are, 1 or the input's elements. They live as long as the set. */
int64_t nn_dataset_standard(const NnDataset *dataset, int input, const double **mean, const double **spread);

/* Only what `batch = "all"` needs: the rows of the training set after `rows` and `split`, from headers where the format has one. */
int64_t nn_dataset_count(const NnData *data, const NnInput *inputs, int input_count, const char *data_dir);

/* Opens a file to read; -1: errno says why. A pipe that nobody writes into yet is waited for, with a word about it. */
int nn_open_patiently(const char *path);

/* TEXT: the classes that the training file needs: 256 for bytes, else its distinct code points. */
int nn_text_classes(const NnData *data, const char *data_dir);

/* Converts row `row` of a set (scale, mean, std, standardised) to `out`: doubles (f64 = true) or floats; int32 for a class input. */
void nn_dataset_row(const NnDataset *dataset, NnSet set, int input, int64_t row, bool f64, void *out);
/* Refuses what is a finite number in its file, but none after conversion: 1e39 in f32. */
void nn_dataset_check(const NnDataset *dataset, bool f64);
/* The same of a training row as `augment` changes it in this epoch: the draw hangs on seed, epoch, row and the input's name. */
void nn_dataset_training_row(const NnDataset *dataset, int input, int64_t row, uint64_t seed, int64_t epoch, bool f64, void *out);

#endif
