/* copies.c: nn.sweep: several copies of one model, trained side by side on the same batches.
 *
 * One copy is trained at a time, in the program's state; what it keeps between its steps is the first bytes of that state, which
 * are moved out and the next copy's moved in. What the loop knows of a copy (its sums, its best value, its loss) moves with
 * them. A copy that stopped early keeps what it has. Without a sweep there is one copy, and nothing is ever moved. */
#include "memory.h"
#include "target.h"

#include <math.h>
#include <string.h>

int nn_copy_count(const NnProgram *program)
{
    return program->sweep ? program->sweep->count : 1;
}

static char *row(const NnProgram *program, int copy)
{
    return (char *)program->sweep->copies + (size_t)copy * program->sweep->bytes;
}

static NnFold new_fold(const NnProgram *program)
{
    return (NnFold){.sum = nn_allocate((size_t)nn_fold_size(program), sizeof(double))};
}

void nn_open_copies(NnRun *run)
{
    const int count = nn_copy_count(run->program);
    run->copies = nn_allocate((size_t)count, sizeof *run->copies);
    for (int c = 0; c < count; c++) {
        run->copies[c] = (NnCopy){.fold = new_fold(run->program), .best = INFINITY};
        for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
            run->copies[c].evaluated[set] = new_fold(run->program);
    }
    run->own = &run->copies[0];
}

void nn_close_copies(NnRun *run)
{
    for (int c = 0; c < nn_copy_count(run->program); c++) {
        nn_release(run->copies[c].fold.sum);
        for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
            nn_release(run->copies[c].evaluated[set].sum);
    }
    nn_release(run->copies);
}

int nn_current_copy(const NnRun *run)
{
    return (int)(run->own - run->copies);
}

void nn_take_copy(NnRun *run, int copy)
{
    const NnSweep *sweep = run->program->sweep;
    const int before = nn_current_copy(run);
    if (copy == before)
        return;
    memcpy(row(run->program, before), sweep->state, sweep->bytes);
    memcpy(sweep->state, row(run->program, copy), sweep->bytes);
    run->own = &run->copies[copy];
    nn_swap_on_device(run, before, copy);
}

/* All copies begin as the current one is. */
void nn_spread_copy(NnRun *run)
{
    for (int c = 0; c < nn_copy_count(run->program) && run->program->sweep; c++)
        memcpy(row(run->program, c), run->program->sweep->state, run->program->sweep->bytes);
}

const void *nn_data_of_copy(const NnRun *run, int copy, const void *data)
{
    if (copy == nn_current_copy(run))
        return data;
    return row(run->program, copy) + ((const char *)data - (const char *)run->program->sweep->state);
}

bool nn_copy_has_stopped(const NnRun *run, int copy)
{
    return run->program->stop_metric && run->copies[copy].stale >= run->program->stop_patience;
}

bool nn_next_copy(NnRun *run, int from)
{
    int copy = from;
    while (copy < nn_copy_count(run->program) && nn_copy_has_stopped(run, copy))
        copy++;
    if (copy == nn_copy_count(run->program))
        return false;
    nn_take_copy(run, copy);
    return true;
}

double nn_swept_value(const NnRun *run)
{
    return run->program->sweep ? run->program->sweep->values[nn_current_copy(run)] : 0;
}

const char *nn_name_copy(const NnRun *run, const char *before, char text[NN_LONGEST_COPY])
{
    text[0] = '\0';
    if (run->program->sweep)
        snprintf(text, NN_LONGEST_COPY, "%s%s %.6g", before, run->program->sweep->name, nn_swept_value(run));
    return text;
}
