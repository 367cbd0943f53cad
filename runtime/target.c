/* target.c: see target.h. */
#include "target.h"

#include <nngen/cuda.h>

static const struct NnDevice *device_of(const NnRun *run)
{
    return run->program->cuda ? run->program->cuda->device : NULL;
}

bool nn_has_device(const NnRun *run) { return device_of(run); }

void nn_start_device(NnRun *run)
{
    if (nn_has_device(run))
        device_of(run)->start(run);
}

void nn_open_device(NnRun *run)
{
    if (nn_has_device(run)) {
        device_of(run)->open(run);
        device_of(run)->push(run);
    }
}

void nn_close_device(NnRun *run)
{
    if (nn_has_device(run))
        device_of(run)->close(run);
}

double nn_train_step(NnRun *run, const NnStep *step)
{
    return nn_has_device(run) ? device_of(run)->train_step(run, step) : run->program->train_step(step);
}

bool nn_can_evaluate(const NnRun *run)
{
    return nn_has_device(run) ? run->program->cuda->evaluate != NULL : run->program->evaluate != NULL;
}

bool nn_can_predict(const NnRun *run)
{
    return nn_has_device(run) ? run->program->cuda->predict != NULL : run->program->predict != NULL;
}

void nn_evaluate_batch(NnRun *run, const NnStep *step)
{
    if (nn_has_device(run))
        device_of(run)->evaluate(run, step);
    else
        run->program->evaluate(step);
}

void nn_predict_batch(NnRun *run, const NnStep *step)
{
    if (nn_has_device(run))
        device_of(run)->predict(run, step);
    else
        run->program->predict(step);
}

void nn_predict_given(NnRun *run, const NnStep *step)
{
    run->drawn = (NnDrawn){.rows = step->rows, .is_given = true};
    nn_predict_batch(run, step);
}

void nn_push_state(NnRun *run)
{
    if (nn_has_device(run))
        device_of(run)->push(run);
}

void nn_pull_state(NnRun *run)
{
    if (nn_has_device(run))
        device_of(run)->pull(run);
}

void nn_time_on_device(NnRun *run, int64_t batches, int64_t count, double *seconds)
{
    device_of(run)->time_steps(run, batches, count, seconds);
}

void nn_measure_device(NnRun *run, double *flop_per_second, double *bytes_per_second)
{
    device_of(run)->measure(flop_per_second, bytes_per_second);
}

void nn_swap_on_device(NnRun *run, int before, int copy)
{
    if (nn_has_device(run))
        device_of(run)->take_copy(run, before, copy);
}

bool nn_find_not_finite(NnRun *run, const NnStep *step, NnCulprit *culprit)
{
    if (!run->program->find_not_finite)
        return false;
    if (nn_has_device(run))
        nn_gather_batch(run, &run->drawn);
    return run->program->find_not_finite(step, culprit);
}
