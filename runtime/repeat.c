/* repeat.c: why a parameter is not finite.
 *
 * The loss of a step is looked at before its updates, so a gradient that is no number shows one step late: the parameter that it
 * spoilt is found, and where the gradient came from is lost, for an update writes in place. Keeping a copy of every parameter
 * in every step would cost more than the update itself.
 *
 * But a run repeats itself bit by bit. So it is taken up again where it began or was saved last, now with a copy of the state
 * before each step, until an update leaves something that is not finite; the plain walk over that step, with the state as it
 * was, names the first tensor. A run too long to be repeated in useful time keeps its secret. */
#include "failure.h"
#include "memory.h"
#include "target.h"
#include "walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const double SECONDS_AT_MOST = 20;

bool nn_parameters_are_finite(const NnProgram *program)
{
    for (int i = 0; i < program->tensor_count; i++)
        if (program->tensors[i].kind == NN_PARAMETER && !nn_all_finite(program->tensors[i].data, nn_tensor_span(&program->tensors[i]), program->precision))
            return false;
    return true;
}

/* All tensors to the copy, or back. */
static void copy_tensors(const NnProgram *program, char *copy, bool back)
{
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        size_t bytes = (size_t)nn_tensor_span(tensor) * nn_real_bytes(program->precision);
        memcpy(back ? tensor->data : copy, back ? copy : tensor->data, bytes);
        copy += bytes;
    }
}

static char *room_for_tensors(const NnProgram *program)
{
    size_t bytes = 1;
    for (int i = 0; i < program->tensor_count; i++)
        bytes += (size_t)nn_tensor_span(&program->tensors[i]) * nn_real_bytes(program->precision);
    return malloc(bytes);                                     /* not nn_allocate: without it the message is poorer, and that is all */
}

/* Where the run began, or what it saved last. */
static void go_back(NnRun *run)
{
    struct stat information;
    const NnFlags *flags = &run->flags;
    bool is_saved = run->has_saved && !stat(flags->save, &information) && S_ISREG(information.st_mode);
    run->step = run->epoch = run->position = 0;
    run->holds_epoch = false;
    run->is_within_step = false;
    nn_initialise(run->program, run->seed);
    nn_spread_copy(run);
    if (flags->init)
        nn_load_parameters(run, flags->init);
    if (is_saved || flags->resume)
        nn_resume_checkpoint(run, is_saved ? flags->save : flags->resume);
    nn_push_state(run);
}

bool nn_find_broken_update(const NnRun *broken, NnCulprit *culprit, int64_t *step)
{
    const NnProgram *program = broken->program;
    char *before = room_for_tensors(program);
    if (!before || broken->flags.benchmark)                   /* which has no data in order */
        return false;
    NnRun run = *broken;
    run.reason = NN_RUNNING;
    run.last_step = broken->step;
    run.one_by_one = true;
    go_back(&run);
    double end = nn_seconds() + SECONDS_AT_MOST;
    while (run.step < run.last_step && nn_seconds() < end) {
        NnStep current;
        if (!nn_next_batch(&run, &current)) {
            if (!run.position)
                break;                                        /* interrupted */
            run.epoch++;
            run.position = 0;
            continue;
        }
        copy_tensors(program, before, false);
        nn_train_step(&run, &current);
        nn_pull_state(&run);
        if (!nn_parameters_are_finite(program)) {
            copy_tensors(program, before, true);
            *step = current.t;
            return nn_find_not_finite(&run, &current, culprit);
        }
        run.is_within_step = nn_next_copy(&run, nn_current_copy(&run) + 1);
        run.step += !run.is_within_step;
        run.position += run.is_within_step ? 0 : current.rows;
    }
    return false;
}
