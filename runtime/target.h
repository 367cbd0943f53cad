/* target.h: who computes a step: the program's own functions, or a device. The loop asks here and knows neither.
 *
 * On a device the state of the host is a mirror: parameters move when they are pushed and pulled, the values of a step's metrics
 * come with the step, outputs with a prediction. Batches are gathered there, nn_fill_batch only says which one is meant; but what is
 * predicted may be a batch that the host has (nn_predict_given). */
#ifndef NNGEN_RUNTIME_TARGET_H
#define NNGEN_RUNTIME_TARGET_H

#include "run.h"

struct NnDevice {
    void (*start)(NnRun *run);          /* before anything is read: the device is there and has its kernels */
    void (*open)(NnRun *run);           /* memory for all that there will be, and the data set */
    double (*train_step)(NnRun *run, const NnStep *step);
    void (*evaluate)(NnRun *run, const NnStep *step);
    void (*predict)(NnRun *run, const NnStep *step);
    void (*push)(NnRun *run);           /* the host's tensors become the device's; all else there starts anew */
    void (*pull)(NnRun *run);           /* and back */
    void (*take_copy)(NnRun *run, int before, int copy);
    void (*time_steps)(NnRun *run, int64_t batches, int64_t count, double *seconds);
    void (*measure)(double *flop_per_second, double *bytes_per_second);        /* what the device can do */
    void (*close)(NnRun *run);
};

bool nn_has_device(const NnRun *run);
void nn_start_device(NnRun *run);
void nn_open_device(NnRun *run);        /* pushes as well */
void nn_close_device(NnRun *run);
double nn_train_step(NnRun *run, const NnStep *step);         /* the loss */
bool nn_can_evaluate(const NnRun *run);
bool nn_can_predict(const NnRun *run);
void nn_evaluate_batch(NnRun *run, const NnStep *step);
void nn_predict_batch(NnRun *run, const NnStep *step);
void nn_predict_given(NnRun *run, const NnStep *step);        /* of what the inputs hold here, which may be no rows of the data */
void nn_push_state(NnRun *run);
void nn_pull_state(NnRun *run);
void nn_time_on_device(NnRun *run, int64_t batches, int64_t count, double *seconds);     /* of steps on so many first batches in turn */
void nn_measure_device(NnRun *run, double *flop_per_second, double *bytes_per_second);
void nn_swap_on_device(NnRun *run, int before, int copy);

/* The plain walk over the step that has just been trained, with the parameters that it began with. */
bool nn_find_not_finite(NnRun *run, const NnStep *step, NnCulprit *culprit);

#endif
