/* runtime.h: what an emitted program links.
 *
 * The program owns its state, one struct, and tells the runtime about it in static tables; main is the loop:
 *
 *   NnRun *run = nn_start(&program, argc, argv);          flags, data, initial values; --help, --predict … end here
 *   while (nn_next_epoch(run)) {
 *       for (NnStep step; nn_next_batch(run, &step);)     shuffled rows are in the inputs' batches
 *           nn_step_done(run, train_step(&state, &step));
 *       nn_epoch_done(run);                               validation, test, log, save
 *   }
 *   return nn_finish(run);
 *
 * The runtime allocates while starting and saving, never between nn_next_batch and nn_step_done. */
#ifndef NNGEN_RUNTIME_H
#define NNGEN_RUNTIME_H

#include <nngen/core.h>
#include <nngen/data.h>
#include <nngen/optimizer.h>
#include <nngen/random.h>
#include <nngen/scalar.h>
#include <nngen/schedule.h>

typedef enum NnPrecision { NN_F32, NN_F64 } NnPrecision;

/* What a kernel may need to know of the step it runs in. */
typedef struct NnStep {
    int rows;                           /* valid rows of this batch; the rest repeat row 0 */
    double lr;
    double swept;                       /* the value of nn.sweep for the copy that is trained */
    int64_t t;                          /* number of the step, from 1 */
    uint64_t seed;
} NnStep;

typedef enum NnTensorKind { NN_PARAMETER, NN_SLOT, NN_STATISTIC } NnTensorKind;

/* What a checkpoint holds. Element (i, j, …) of PyTorch's shape is at data[i · stride[0] + j · stride[1] + …]. */
typedef struct NnTensor {
    const char *name;                   /* "fc1.weight"; a slot's: "fc1.weight.momentum_buffer", saved under "nngen." */
    NnTensorKind kind;
    int rank;
    int64_t shape[NN_MAX_RANK];
    int64_t stride[NN_MAX_RANK];
    void *data;                         /* the program's precision */
    NnInit init;
    const void *gradient;               /* programs that can --check-gradients: laid out as data; else NULL */
    size_t place;                       /* libraries, whose state is the caller's: the tensor's place in it in bytes; data is NULL */
} NnTensor;

/* nn.sweep: one copy of the model for each value. Training keeps `bytes` bytes of a copy, in `state` while it is trained, in its
 * row of `copies` while another one is. */
typedef struct NnSweep {
    const char *name;
    const double *values;
    int count;
    bool is_rate;                       /* the values are the optimizer's rate */
    void *state, *copies;
    size_t bytes;
} NnSweep;

typedef enum NnMetricKind { NN_MEAN, NN_SUM, NN_COUNTS, NN_R2 } NnMetricKind;

/* A loss or metric: the kernels leave the batch's value(s) in the state, the runtime folds them over an epoch or a set. */
typedef struct NnMetric {
    const char *name;                   /* "loss", "accuracy" */
    NnMetricKind kind;
    int64_t classes;                    /* COUNTS: a (classes, classes) matrix, row = label */
    int64_t elements;                   /* R2: elements a row */
    const void *part[3];                /* the program's precision. MEAN: part[0]; SUM: part[1], added to part[0] where both are; COUNTS: part[0]; R2: Σ(y−p)², Σy, Σy² */
    bool is_loss;
} NnMetric;

typedef struct NnOutput {
    const char *name;
    int rank;
    int64_t shape[NN_MAX_RANK];         /* without the batch */
    bool per_row, integer;
    const void *data;                   /* [BATCH][…] row-major, the program's precision, or int32 */
} NnOutput;

/* A tensor that the plain walk has just computed; see find_not_finite. */
typedef struct NnCulprit {
    const char *tensor, *operation, *file;
    int line;
} NnCulprit;

struct NnCuda;

typedef struct NnProgram {
    const char *model;                  /* "models/mnist_mlp.lua", for messages */
    const char *signature;              /* hash of the graph: --resume refuses another model's checkpoint, after naming the first tensor that differs */
    const char *check_command;          /* how to make the program that can --check-gradients */
    NnPrecision precision;
    int batch;
    bool batch_all, drop_last;
    int64_t least_rows;                 /* what training needs in every batch; 0: any number */
    const char *least_rows_for;         /* who needs them: "nn.batch_norm1d bn1" */
    int64_t epochs, steps;              /* steps 0: epochs count */
    uint64_t seed;
    double lr;
    const NnSweep *sweep;               /* NULL: one model */
    const NnSchedule *schedule;         /* how lr moves; NULL: it stays */
    int64_t validate_every;
    const char *stop_metric;            /* early stop: "validation_loss"; NULL: none */
    int64_t stop_patience;
    double stop_min_delta;
    bool stop_rises;                    /* higher values of stop_metric are better (accuracy); false: lower ones (losses, errors) */
    void *state;                        /* where the state struct is, if kernels read it there and it is static; NULL */
    size_t memory;                      /* its bytes */
    int64_t flop;                       /* of a step */
    bool threads;                       /* share some of its loops */

    const NnData *data;
    const NnInput *inputs;      int input_count;
    const NnTensor *tensors;    int tensor_count;
    const NnMetric *metrics;    int metric_count;       /* metrics[0] is "loss" */
    const NnOutput *outputs;    int output_count;

    double (*train_step)(const NnStep *step);           /* forward, backward, update; the loss of the batch; a loss that is not finite updates nothing */
    double (*gradients)(const NnStep *step);            /* forward and backward only, into tensors' gradient; NULL: cannot --check-gradients */
    void (*evaluate)(const NnStep *step);               /* evaluation mode: metrics' parts */
    void (*predict)(const NnStep *step);                /* evaluation mode: outputs */
    const struct NnCuda *cuda;                          /* then it trains on a GPU, and the three above are NULL; see cuda.h */
    bool (*find_not_finite)(const NnStep *step, NnCulprit *culprit);   /* walks the plain graph on the batch that is there; the first tensor with NaN or infinity */
} NnProgram;

/* The state of a program whose state is too large to be static: zeros, aligned for any vector. More than the machine has ends
 * the program (3). */
void *nn_allocate_state(size_t bytes);

typedef struct NnRun NnRun;
NnRun *nn_start(const NnProgram *program, int argc, char **argv);
bool nn_next_epoch(NnRun *run);
bool nn_next_batch(NnRun *run, NnStep *step);
void nn_step_done(NnRun *run, double loss);
void nn_epoch_done(NnRun *run);
int nn_finish(NnRun *run);              /* the exit status */

/* nn.show: fills the inputs from data (all training rows in one batch), calls predict once and prints `name = value` a line. */
int nn_show(const NnProgram *program, int argc, char **argv);

/* For find_not_finite: all finite? */
bool nn_all_finite(const void *data, int64_t count, NnPrecision precision);

/* Programs made by nngen bench tell how long each kernel of a step takes: NN_LAPS_BEGIN when the step begins, its number when a
 * kernel is through. --benchmark prints the medians. */
enum { NN_LAPS_BEGIN = -1 };
void nn_lap(int kernel);

#define NN_COUNT(table) ((int)(sizeof(table) / sizeof *(table)))

#endif
