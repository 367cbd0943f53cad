/* share.c: which kernels threads share. A call of threads costs some microseconds, whatever they do (tuning.h); a kernel that takes
 * a few times as long is worth it. What it takes is estimated: by the cycles of its tiles, else by its operations and its bytes.
 *
 * Most of what threads lose is arrays that go from one processor's cache to the other's. A kernel that reads what shared ones left, each
 * thread its own rows, loses little, and may be shorter. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"

static int64_t cycles_of(const Kernel *kernel)
{
    const int64_t times = kernel->time != NONE ? kernel->axis[kernel->time].extent : 1;
    if (kernel->form == FORM_SKIP || (kernel->form == FORM_CONTRACTION && kernel->choice.lanes != NONE))
        return kernel->choice.cycles;                   /* of a call */
    const int64_t operations = kernel->flop / OPERATIONS_A_CYCLE, bytes = (kernel->bytes_read + kernel->bytes_written) / SECOND_CACHE_RATE;
    return (operations > bytes ? operations : bytes) / times;
}

/* What folds its outer axes adds up in one place. */
static bool has_sum_of_all(const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer || kernel->stage[s].after)
            return true;
    return false;
}

/* Bytes of arrays that a kernel reads: those that shared kernels before it have left there, and all. */
typedef struct Reads { const Plan *plan; const Kernel *first, *kernel; int64_t left, all; } Reads;

static void add_read(Stage *stage, Term *read, void *context)
{
    Reads *reads = context;
    const Buffer *buffer = &reads->plan->buffer[read->buffer];
    (void)stage;
    reads->all += buffer->bytes;
    for (const Kernel *before = reads->kernel; before-- > reads->first;)
        for (int s = 0; s < before->stage_count; s++)
            if (before->stage[s].buffer == read->buffer) {
                reads->left += before->is_shared ? buffer->bytes : 0;
                return;
            }
}

/* Has a thread its own rows of the batch? Tiles of columns outside have all rows each. */
static bool takes_rows(const Kernel *kernel)
{
    const bool tiles = kernel->form == FORM_CONTRACTION && kernel->choice.lanes != NONE;
    return kernel->outer_count > 0 && kernel->axis[kernel->outer[0]].batch
        && (!tiles || kernel->choice.group || kernel->choice.rows_outside || kernel->outer[0] != kernel->choice.row);
}

static bool follows_shared(const Plan *plan, const Kernel *first, Kernel *kernel)
{
    if (!takes_rows(kernel))
        return false;
    Reads reads = {.plan = plan, .first = first, .kernel = kernel};
    each_read(kernel, add_read, &reads);
    return reads.left > reads.all - reads.left && !updated_here(plan, kernel);
}

bool is_worth_sharing(const Plan *plan, const Kernel *first, Kernel *kernel)
{
    const bool has_loops = kernel->form == FORM_NEST || kernel->form == FORM_ROW || kernel->form == FORM_CONTRACTION || kernel->form == FORM_SKIP;
    const bool has_threads = plan->target == TARGET_C && plan->model->emit == EMIT_PROGRAM;     /* others have none */
    if (plan->mode != KERNELS_FUSED || !has_threads || !has_loops || has_sum_of_all(kernel))
        return false;
    const int64_t cycles = cycles_of(kernel);
    return cycles >= SHARED_CYCLES || (cycles >= SHARED_CYCLES_NEAR && follows_shared(plan, first, kernel));
}
