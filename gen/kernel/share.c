/* share.c: which kernels threads share. A call of threads costs some microseconds, whatever they do (tuning.h); a kernel that takes
 * a few times as long is worth it. What it takes is estimated: by the cycles of its tiles, else by its operations and its bytes. */
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

bool is_worth_sharing(const Plan *plan, const Kernel *kernel)
{
    const bool has_loops = kernel->form == FORM_NEST || kernel->form == FORM_ROW || kernel->form == FORM_CONTRACTION || kernel->form == FORM_SKIP;
    const bool has_threads = plan->target == TARGET_C && plan->model->emit == EMIT_PROGRAM;     /* others have none */
    return plan->mode == KERNELS_FUSED && has_threads && has_loops && !has_sum_of_all(kernel) && cycles_of(kernel) >= SHARED_CYCLES;
}
