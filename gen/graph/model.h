/* model.h: what a script returned: the graph, and how it is trained. model/ makes it, the passes fill it, emit/ prints it.
 *
 * Node ids in here are roots; simplify renews them all (model_roots gives their addresses). Names are already checked and
 * unique; strings live in the arena. */
#ifndef NNGEN_GRAPH_MODEL_H
#define NNGEN_GRAPH_MODEL_H

#include "graph/graph.h"
#include <nngen/schedule.h>

typedef enum ModelKind { MODEL_TRAIN, MODEL_SHOW } ModelKind;       /* SHOW: nothing is trained. Also what a predictor keeps of a model */
typedef enum EmitKind { EMIT_PROGRAM, EMIT_PREDICT, EMIT_LIBRARY } EmitKind;         /* --emit */
typedef enum Precision { F32, F64 } Precision;
typedef enum Products { PRODUCTS_FULL, PRODUCTS_TF32, PRODUCTS_BF16 } Products;       /* what factors are rounded to, on a GPU */

/* How batch values of a metric (or loss) become the value of a set; the runtime's NnMetricKind says the same.
 *   MEAN   row-weighted mean of batch values          SUM   sum of batch values (sum losses)
 *   COUNTS sum of a (classes, classes) matrix         R2    parts: Σ(y−p)², Σy, Σy²  →  1 − Σ(y−p)² / (Σy² − (Σy)²/n) */
typedef enum MetricKind { METRIC_MEAN, METRIC_SUM, METRIC_COUNTS, METRIC_R2 } MetricKind;

typedef struct Metric {
    const char *name;                   /* "loss" first, further losses by their names, then the metrics, sorted */
    MetricKind kind;
    NodeId part[3];                     /* one node; R2: three; a loss may have a MEAN part[0] and a SUM part[1], added (either may be NONE) */
    int64_t elements;                   /* R2: elements a row of y (n = rows · elements) */
    bool is_loss;
    Place place;
} Metric;

typedef struct Output { const char *name; NodeId node; Place place; } Output;

/* One trained parameter. */
typedef struct Update {
    int parameter;                      /* its leaf */
    NodeId gradient;                    /* after the pass differentiate; before clipping and decay */
    const char *optimizer;              /* "sgd", "adam", …; "custom" for a user's function */
    NodeId *assigns;                    /* ASSIGN nodes of the parameter and its slots */
    int assign_count;
} Update;

/* Running statistics: an ASSIGN each. Training alone computes them; evaluation reads what they left. */
typedef struct Statistics { NodeId *assigns; int count, room; } Statistics;

/* nn.sweep: a copy of the model for each value, trained side by side. */
typedef struct SweptValues {
    const char *name;
    double *value;
    int count;                          /* 0: the model has none */
    bool is_rate;                       /* the optimizer's rate is swept; a term of the model may be too: OP_SWEPT */
    Place place;
} SweptValues;

/* What `standardize` came to on the training rows: x becomes (x scale - mean) / spread, element by element or alike for all. */
typedef struct Standard {
    int64_t period;                     /* 1, or the input's elements; 0: the input is not standardised */
    double *mean, *spread;
} Standard;

/* What the standard optimizers were given, so that generic programs can call the runtime's plain loops (nn_optimizer_*). */
typedef struct Optimizer {
    const char *name;                   /* "sgd" …, "custom", "random_search", "coordinate_search" */
    double lr;
    double argument[8];                 /* by name, in the order of the runtime's function; see runtime/nngen/optimizer.h */
    struct { const char *name; double value; } *option;       /* what else it was given, for the reader; NAN: a word by itself */
    int option_count;
    Place place;
} Optimizer;

/* One nn.gradient of the script: gradient = d y / d x. For `nngen check`, which looks at them before simplify renumbers. */
typedef struct Derivative { NodeId y, x, gradient; Place place; } Derivative;

typedef enum PhaseId { PHASE_TRAIN, PHASE_EVALUATE, PHASE_PREDICT, PHASE_COUNT } PhaseId;      /* nn.show uses PREDICT alone */

/* What one function of the emitted program computes. */
typedef struct Phase {
    NodeId *roots;                      /* every node that must be computed; ASSIGNs included */
    int root_count;
    NodeId *gradients;                  /* TRAIN: update i's gradient, as in model->updates */
    Metric *metrics;                    /* model->metrics as this mode computes them; their nodes are roots */
    Output *outputs;                    /* PREDICT: model->outputs likewise */
} Phase;

typedef struct Model {
    Arena *arena;
    Graph *graph;
    const Graph *written;               /* as it was before associate; NULL: that is `graph` */
    ModelKind kind;
    EmitKind emit;
    Place place;                        /* of nn.train or nn.show */
    const char *path;                   /* as given on the command line */
    const char *name;                   /* its file name without .lua */
    const char *source;                 /* its text, for errors and explain */

    Metric *metrics;                    /* metrics[0] is "loss" (MODEL_TRAIN) */
    int metric_count;
    Output *outputs;                    /* train: outputs; show: the expressions; sorted by name */
    int output_count;

    Optimizer optimizer;
    SweptValues sweep;
    const NnSchedule *schedule;         /* how the rate moves; NULL: not at all */
    Update *updates;
    int update_count;
    Statistics statistics;
    Derivative *derivatives;            /* in the order in which the script asked; ids as the script made them */
    int derivative_count;
    double clip_norm, clip_value;       /* 0: none; already part of the graph after the pass update */

    NnData data;                        /* format NULL: no data */
    Place data_place;
    NnInput *inputs;                    /* in order of declaration; parallel to the INPUT leaves */
    int input_count;
    bool has_weights;                   /* --weights: all leaves that are needed start with a table of them */
    Standard *standard;                 /* by input; NULL: only what is emitted without data readers needs it */

    int64_t batch;                      /* rows of a batch; 1 in a predictor; batch = "all" is already resolved; 1 without data */
    int64_t least_rows;                 /* what training needs in every batch (batch norm: 2); 0: any */
    const char *least_rows_for;         /* who: "nn.batch_norm1d bn1" */
    bool batch_all;                     /* then the program refuses training data of another size */
    int64_t epochs, steps;              /* one of them; 0: not given */
    uint64_t seed;
    Precision precision;
    Products products;                  /* precision "tf32" and "bf16": F32 but for these */
    bool drop_last;
    int64_t validate_every;             /* epochs */
    const char *stop_metric;            /* early_stop: "validation_loss"; NULL: none */
    int64_t stop_patience;
    double stop_min_delta;
    bool stop_rises;                    /* higher values of stop_metric are better: accuracy, top_k, r2 */

    struct { const char *name, *value; } *options;      /* nn.option, as set: for the header of the emitted program */
    int option_count;

    Phase phase[PHASE_COUNT];           /* filled by specialise */
} Model;

const char *model_precision(const Model *model);              /* "tf32" */

/* Addresses of all node ids in the model (the leaves' nodes first, then roots, phases): who renumbers nodes renews these. */
NodeId **model_roots(Arena *arena, Model *model, int *count);
Model *model_copy(Arena *arena, const Model *model);          /* whose nodes and roots are its own */

#endif
