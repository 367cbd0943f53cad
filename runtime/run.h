/* run.h: what the files of the loop share. run.c moves the state forward; the others look at it.
 *
 * The state of training is step, epoch, position, the sums of the epoch, the early stop and the program's tensors, nothing
 * else: what is not in a checkpoint (times, progress, the log) may not influence what is computed. */
#ifndef NNGEN_RUNTIME_RUN_H
#define NNGEN_RUNTIME_RUN_H

#include <nngen/runtime.h>
#include <stdio.h>

typedef struct NnFlags {
    const char *data_dir, *init, *save, *resume, *log, *predict;      /* NULL: not given */
    int64_t epochs, steps, log_every, snapshot_every, benchmark;      /* 0: not given */
    int64_t threads, device;
    uint64_t seed;
    double lr;
    bool has_seed, has_lr, no_shuffle, check_gradients, quiet;
} NnFlags;

/* Ends the program for --help (0) and for a call that is wrong (2). is_show: the flags of a nn.show program. */
NnFlags nn_parse_flags(const NnProgram *program, bool is_show, int argc, char **argv);

typedef enum NnReason { NN_RUNNING, NN_FINISHED, NN_EARLY_STOP, NN_WAS_INTERRUPTED, NN_NOT_FINITE } NnReason;

/* Sums of metrics over some rows: of an epoch, or of a set that was evaluated. */
typedef struct NnFold {
    int64_t rows;                       /* 0: not evaluated */
    double *sum;                        /* each metric's sums one after the other; metrics.c knows how many each has */
} NnFold;

/* What the loop keeps of a copy of the model; without nn.sweep there is one. */
typedef struct NnCopy {
    NnFold fold;                        /* of the current epoch, before updates; its rows are `position` */
    NnFold evaluated[NN_SETS];
    double best;                        /* early stop: the best value, so turned that lower is better */
    int64_t stale;                      /* epochs since */
    double loss;                        /* of its last step */
} NnCopy;

/* Which rows are meant: [first, first + rows) of a set. To train: in the epoch's order unless --no-shuffle was given, and
 * augmented; else in file order, as they are. Spare rows of the batch repeat its row 0. `is_given`: none of a set, the batch is what
 * the inputs hold. */
typedef struct NnDrawn {
    NnSet set;
    int64_t first;
    int rows;
    bool to_train;
    bool is_given;
} NnDrawn;

/* Threads that take a step: all, or one alone, whichever takes less time. */
typedef struct NnCrew {
    int most;                           /* that there may be; 1, or 0: nothing to choose */
    bool is_alone, is_trial;            /* the steps of this turn: by one thread; the kind that did not pay, tried again */
    int64_t steps;                      /* of this turn; -1: the very first is to come */
    double seconds, lasts;              /* that it took, and that it is to take */
    double per_step[2];                 /* in the last turns with all, and alone */
    double began;                       /* the step that is taken */
} NnCrew;

struct NnRun {
    const NnProgram *program;
    NnFlags flags;
    NnDataset *dataset;
    bool has_data;                      /* without: a step has one row, an epoch never ends by itself */
    int64_t epoch_rows;                 /* rows of the training set; INT64_MAX without data */
    bool one_batch;                     /* an epoch is a single batch: in file order, and gathered once */
    bool holds_epoch;                   /* with one_batch: it still lies in the inputs as it is */
    int64_t last_step, last_epoch;      /* totals at which the run ends */

    uint64_t seed;
    int64_t step, epoch, position;      /* finished steps and epochs; rows taken of the current epoch */
    NnCopy *copies;
    NnCopy *own;                        /* the one whose parameters are in the program's state */
    bool is_within_step;                /* other copies have yet to see the batch */

    double lr;                          /* the optimizer's, or --lr: what the schedule starts from */
    NnStep current;
    NnDrawn drawn;                      /* the batch of the step that is next or was last */
    int64_t steps_ahead;                /* that a device has taken already, beyond the loop's */
    bool one_by_one;                    /* a device is not to take any */
    NnReason reason;
    NnCrew crew;

    FILE *log;
    double started, epoch_started, last_synced, last_shown;    /* seconds of the monotonic clock */
    int64_t epoch_first_position;       /* where this run came into the epoch: for rates */
    int64_t next_line;                  /* plain progress: the step at which the next line is due */
    int64_t first_step;                 /* where this run began: 0, or where it was resumed */
    bool bar_is_shown, has_terminal, has_saved;
    double *summary;                    /* [NN_SETS][metrics]: the last value of each, NAN: none; NULL: no table at the end */
    size_t data_bytes;
    const char *device_name;            /* NULL: none */
    size_t device_bytes, device_data_bytes;
};

/* copies.c */
int nn_copy_count(const NnProgram *program);
void nn_open_copies(NnRun *run);
void nn_close_copies(NnRun *run);
int nn_current_copy(const NnRun *run);
void nn_take_copy(NnRun *run, int copy);                      /* into the program's state */
void nn_spread_copy(NnRun *run);                              /* the current one's parameters into all others */
const void *nn_data_of_copy(const NnRun *run, int copy, const void *data);      /* where its part of the state is that `data` names */
bool nn_copy_has_stopped(const NnRun *run, int copy);         /* early */
bool nn_next_copy(NnRun *run, int from);                      /* takes the first one from there on that has not; false: none */
double nn_swept_value(const NnRun *run);                      /* of the current copy */
/* Which copy it is, "rate 0.005", after `before`; without nn.sweep nothing at all. Gives `text`. */
enum { NN_LONGEST_COPY = 256 };
const char *nn_name_copy(const NnRun *run, const char *before, char text[NN_LONGEST_COPY]);

double nn_seconds(void);                                      /* of the monotonic clock */

/* run.c, for those that go through data in their own way */
NnRun *nn_open_run(const NnProgram *program, NnFlags flags);  /* data read, tensors set: everything before the loop */
void nn_close_run(NnRun *run);
/* The rows become the next step's batch. */
void nn_fill_batch(NnRun *run, NnSet set, int64_t first, int rows, bool to_train);
void nn_gather_batch(NnRun *run, const NnDrawn *drawn);       /* into the inputs' batches here, whoever computes the step */
bool nn_is_in_order(const NnRun *run, const NnDrawn *drawn);  /* file order */
int nn_rows_at(const NnRun *run, int64_t position);           /* of the batch that begins there; 0: the epoch is over */
bool nn_is_interrupted(void);
_Noreturn void nn_fail_not_finite(NnRun *run, double loss);   /* the message, the log's end, status 1 */

/* repeat.c */
bool nn_parameters_are_finite(const NnProgram *program);
/* A parameter is not finite: the tensor that made it so, and in which step; false: not found. Spoils the state. */
bool nn_find_broken_update(const NnRun *broken, NnCulprit *culprit, int64_t *step);

/* metrics.c */
int64_t nn_fold_size(const NnProgram *program);               /* doubles that all metrics need together */
int64_t nn_metric_sums(const NnMetric *metric);
void nn_fold_clear(const NnProgram *program, NnFold *fold);
void nn_fold_batch(const NnProgram *program, NnFold *fold, int rows);
double nn_metric_value(const NnMetric *metric, const double *sum, int64_t rows);          /* not for NN_COUNTS */
/* The value called "validation_loss", "train_accuracy", "loss" …; false: there is none of that name. */
bool nn_named_value(const NnRun *run, const char *name, double *value);

/* initial.c */
void nn_initialise(const NnProgram *program, uint64_t seed);

/* checkpoint.c */
void nn_save_checkpoint(NnRun *run, const char *path, bool is_last);
const char *nn_save_snapshot(NnRun *run);                    /* the file's name, good until the next one */
size_t nn_saving_bytes(const NnRun *run);                     /* that saving takes from the heap for a moment */
void nn_load_parameters(NnRun *run, const char *path);        /* --init */
uint64_t nn_resume_seed(const char *path);                    /* read first: the split of the data hangs on it */
void nn_resume_checkpoint(NnRun *run, const char *path);

/* log.c */
void nn_open_log(NnRun *run);
void nn_log_flush(NnRun *run);
void nn_log_step(NnRun *run);
void nn_log_begin_snapshot(NnRun *run, const char *file);     /* file NULL: there is none. The caller adds its own between the two */
void nn_log_end_snapshot(NnRun *run);
void nn_log_epoch(NnRun *run, bool is_partial, double seconds);
void nn_log_end(NnRun *run, NnReason reason);                 /* of the current copy */
void nn_close_log(NnRun *run);

/* snapshot.c */
void nn_snapshot(NnRun *run, bool is_last);                   /* is_last: the run ends here; no file, which --save writes anyway */

/* progress.c */
void nn_show_memory(const NnRun *run);
void nn_show_step(NnRun *run);
bool nn_line_is_due(const NnRun *run, bool is_last);          /* will nn_show_epoch print? */
void nn_show_epoch(NnRun *run, bool is_last, double seconds);
void nn_show_end(NnRun *run);

/* summary.c: the table with which a run on a terminal ends */
void nn_open_summary(NnRun *run);
void nn_note_summary(NnRun *run);                             /* the epoch's values, while they are there */
void nn_show_summary(const NnRun *run);

/* processor.c */
int nn_prepare_processor(int64_t threads);                    /* gives how many there are; 0: all that this process may use */
void nn_use_threads(int count);                               /* from the next loop on */

/* crew.c */
void nn_crew_start(NnCrew *crew, int most);
int nn_crew_size(const NnCrew *crew);                         /* threads of the next step */
void nn_crew_did(NnCrew *crew, double seconds);               /* its step took so long */
void nn_begin_step(NnRun *run);
void nn_end_step(NnRun *run);

/* What a run can be instead of training; each returns the exit status. */
int nn_check_gradients(NnRun *run);
enum { NN_BENCHMARK_BATCHES = 8 };      /* that come in turn: no other rows are read */
int nn_benchmark(NnRun *run);
int nn_predict(NnRun *run);

#endif
