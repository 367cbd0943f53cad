/* emit_shared.c: which loops of a kernel threads share.
 *
 * Takes a kernel worth sharing (Kernel.is_shared) while its loops are written, and says what comes before each: NN_SHARED before the
 * outermost loops over its outer axes; its calls begin with NN_THREADS. All threads run the kernel then, and meet behind each such loop,
 * whose rounds they share out. Its elements are independent of each other, and each is made whole by one thread in the order in
 * which one thread alone would make it: the bits are the same for every number of threads. A loop over a part of a fold is run by
 * all, and the loops in it are shared; so is what fills a thread's own arrays (panels, a tile).
 *
 * All forms of loops are opened by open_over and closed by close_block, and nowhere else, so that none of them need know of threads. What
 * could not be run by all of them at once (a store that is in no shared loop, a sum beside them) leaves the kernel to one thread: that is
 * known when its loops are written, so such a kernel is written again, without threads (emit_body). Rejected: to say beforehand which
 * loops a kernel will have, which would be all of emit_tiles.c a second time.
 *
 * The loops are marked by themselves (an orphaned `omp for`) and the threads started around the call, because a compiler puts the
 * body of an `omp parallel` into a function of its own, where it knows less of the arrays: 50 for 44 µs a step of 784-100-10 with
 * one thread. */
#include "emit/loops_internal.h"

static bool has_own_place(const Stage *stage, int axis)
{
    for (int d = 0; d < MAX_RANK + 1; d++)
        if (has_axis(&stage->store[d], axis))
            return true;
    return false;
}

/* Does each element along the axis go to places of its own? */
static bool is_independent(const Kernel *kernel, int axis)
{
    bool independent = is_among(kernel->outer, kernel->outer_count, axis);
    for (int s = 0; s < kernel->stage_count; s++)
        independent &= kernel->stage[s].buffer == NONE || has_own_place(&kernel->stage[s], axis);
    return independent;
}

const char *share_loop(Emission *e, int axis)
{
    const Kernel *kernel = e->kernel;
    Threads *threads = &e->threads;
    if (!threads->wanted || threads->inside != NONE)
        return "";
    if (axis != NONE && is_independent(kernel, axis)) {
        threads->inside = e->indent;
        threads->any = true;
        return threads->in_fold == NONE ? "NN_SHARED " : "NN_SHARED_ON ";
    }
    if (axis == NONE || !is_among(kernel->stage[0].fold_axis, kernel->stage[0].fold_count, axis))
        threads->impossible = true;
    else if (kernel->form == FORM_SKIP && threads->in_fold == NONE)
        threads->in_fold = e->indent;
    return "";
}

void leave_loop(Emission *e)
{
    if (e->threads.inside == e->indent)
        e->threads.inside = NONE;
    if (e->threads.in_fold == e->indent)
        e->threads.in_fold = NONE;
}

void stand_beside(Emission *e)
{
    e->threads.impossible |= e->threads.wanted && e->threads.inside == NONE;
}

bool runs_in_threads(const Plan *plan, const Kernel *kernel)
{
    const Kernel *function = kernel->same_as == NONE ? kernel : kernel_at(plan, kernel->same_as);
    Text body = text_new(plan->arena);
    return function->is_shared && emit_body(plan, function, INDENT, &body);
}
