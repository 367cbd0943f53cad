/* device.c: how a kernel runs on a GPU: what a thread has, how many there are.
 *
 * Takes a kernel whose stages and form are known, gives its `launch`. The same kernel can give each point of its outer axes to a
 * thread, or to a block whose threads share what is inside; the one with fewer steps in a row is taken. A step is one round of
 * an inner loop or a fold; a block's reduction costs REDUCTION of them, and no more than RESIDENT threads run at once.
 *
 * A sum over all points is made by one block, so that its order hangs on the text alone: nothing is ever added by atomics.
 *
 * Rejected: a search over measured times, which would need the card where the text is made, and give another text for each. */
#include "kernel/kernel.h"

enum {
    THREADS = 256,                      /* of a block: enough to hide latency, few enough for 255 registers each */
    MOST_THREADS = 512,                 /* of the one block of a sum */
    WARP = 32,
    REDUCTION = 24,                     /* steps: five shuffles, two barriers, a sum over warps */
    RESIDENT = 64 * 1024,               /* threads; half of what a large card holds, for neither registers nor memory allow all */
    SHARED_BYTES = 40 * 1024,           /* of arrays that a block may hold: 48 KB less what reductions need */
};

const char *const spread_name[] = {
    [SPREAD_POINTS] = "a thread a point", [SPREAD_BLOCKS] = "a block a point", [SPREAD_SUM] = "one block, its threads take points",
    [SPREAD_TOGETHER] = "one block, point by point", [SPREAD_COLUMNS] = "a thread a column", [SPREAD_ELEMENTS] = "a thread an element",
};

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t rounds(int64_t count, int64_t at_once)
{
    return (count + at_once - 1) / at_once;
}

static int64_t product_of(const Kernel *kernel, const int *axis, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= kernel->axis[axis[i]].extent;
    return product;
}

/* What is inside the outer axes: steps of one thread alone, of `threads` together, and the arrays that these would share. */
typedef struct Inside { int64_t alone, together, widest, bytes; bool folds_outer; } Inside;

static Inside look_inside(const Plan *plan, const Kernel *kernel, int threads)
{
    Inside inside = {.widest = 1};
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const int64_t inner = product_of(kernel, stage->inner, stage->inner_count);
        const int64_t folds = product_of(kernel, stage->fold_axis, stage->fold_count), wide = inner > folds ? inner : folds;
        inside.folds_outer |= stage->folds_outer;
        if (stage->after)
            continue;
        inside.alone += inner * folds;
        inside.together += rounds(wide, threads) * (inner * folds / wide) + (folds > 1 && inner < folds ? inner * REDUCTION : 0);
        inside.widest = wide > inside.widest ? wide : inside.widest;
        if (stage->inner_count && stage->buffer == NONE)
            inside.bytes += inner * (plan->model->precision == F32 ? 4 : 8);
    }
    return inside;
}

static int threads_for(int64_t wide, int most)
{
    return (int)least(rounds(wide, WARP) * WARP, most);
}

static void choose_scatter(Kernel *kernel)
{
    const int picked = scatter_of(&kernel->stage[0]).picked;
    int64_t columns = 1;
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->outer[o] != picked)
            columns *= kernel->axis[kernel->outer[o]].extent;
    kernel->launch.spread = SPREAD_COLUMNS;
    kernel->launch.threads = threads_for(columns, THREADS);
    kernel->launch.points = columns;
    kernel->launch.blocks = rounds(columns, kernel->launch.threads);
}

void choose_launch(const Plan *plan, Kernel *kernel)
{
    if (kernel->form == FORM_CALL) {
        const Leaf *leaf = &plan->model->graph->leaves[plan->model->updates[kernel->update].parameter];
        kernel->launch.spread = SPREAD_ELEMENTS;
        kernel->launch.points = element_count(leaf->type);
        kernel->launch.threads = threads_for(kernel->launch.points, THREADS);
        kernel->launch.blocks = rounds(kernel->launch.points, kernel->launch.threads);
        return;
    }
    if (kernel->form == FORM_SCATTER) {
        choose_scatter(kernel);
        return;
    }
    const int64_t points = product_of(kernel, kernel->outer, kernel->outer_count);
    const int most = look_inside(plan, kernel, THREADS).folds_outer ? MOST_THREADS : THREADS;
    const Inside inside = look_inside(plan, kernel, most);
    const bool fits = inside.bytes <= SHARED_BYTES;
    kernel->launch.points = points;
    if (inside.folds_outer) {
        const int64_t apart = inside.alone * rounds(points, most), together = inside.together * points;
        kernel->launch.spread = fits && together < apart ? SPREAD_TOGETHER : SPREAD_SUM;
        kernel->launch.threads = threads_for(kernel->launch.spread == SPREAD_SUM ? points : inside.widest, most);
        kernel->launch.blocks = 1;
        return;
    }
    const int threads = threads_for(inside.widest, THREADS);
    const int64_t apart = inside.alone * rounds(points, RESIDENT), together = inside.together * rounds(points * threads, RESIDENT);
    kernel->launch.spread = fits && together < apart ? SPREAD_BLOCKS : SPREAD_POINTS;
    kernel->launch.threads = kernel->launch.spread == SPREAD_BLOCKS ? threads : threads_for(points, THREADS);
    kernel->launch.blocks = kernel->launch.spread == SPREAD_BLOCKS ? points : rounds(points, kernel->launch.threads);
}
