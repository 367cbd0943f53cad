/* device.c: how a kernel runs on a GPU: what a thread has, how many there are.
 *
 * Takes a kernel whose stages and form are known, gives its `launch`. The same kernel can give each point of its outer axes to a
 * thread, or to a block whose threads share what is inside; the one with fewer steps in a row is taken. A step is one round of
 * an inner loop or a fold; a block's reduction costs REDUCTION of them, and no more than RESIDENT threads run at once.
 *
 * A product may go by tiles: its factors pass through shared memory, and each thread keeps some sums in registers. Where the model
 * says tf32 or bf16, the tiles may be those of tensor cores, if that is faster: which rounds the factors, so no other product does.
 *
 * The numbers are those of data sheets and of no measurement: they order the ways, they do not foretell a time.
 *
 * A sum over all points is made by one block, so that its order hangs on the text alone: nothing is ever added by atomics.
 *
 * Rejected: a search over measured times, which would need the card where the text is made, and give another text for each. */
#include "kernel/kernel.h"
#include <string.h>

enum {
    THREADS = 256,                      /* of a block: enough to hide latency, few enough for 255 registers each */
    MOST_THREADS = 512,                 /* of the one block of a sum */
    WARP = 32,
    REDUCTION = 24,                     /* steps: five shuffles, two barriers, a sum over warps */
    RESIDENT = 64 * 1024,               /* threads; half of what a large card holds, for neither registers nor memory allow all */
    STEP_CYCLES = 40,                   /* of a step, of RESIDENT threads: two loads that the first cache has, a multiply-add */
    MULTIPROCESSORS = 128,
    TILE_THREADS = 256, TILE_SIDE = 16,      /* of one tile; along each side, where each has a block of neighbours */
    LANES_A_CYCLE = 128,                /* multiply-adds of a multiprocessor without tensor cores */
    MEMORY_LATENCY = 600,               /* cycles until a tile is there, and two barriers */
    SHARED_BYTES = 40 * 1024,           /* of arrays that a block may hold: 48 KB less what reductions need */
};

const char *const spread_name[] = {
    [SPREAD_POINTS] = "a thread a point", [SPREAD_BLOCKS] = "a block a point", [SPREAD_SUM] = "one block, its threads take points",
    [SPREAD_TOGETHER] = "one block, point by point", [SPREAD_TILES] = "tiles", [SPREAD_COLUMNS] = "a thread a column", [SPREAD_ELEMENTS] = "a thread an element",
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

/* ---- tiles of products ---------------------------------------------------------------------------------------------------- */

typedef struct Along { const Plan *plan; int axis; bool found; } Along;

static void find_along(Term *term, void *context)
{
    Along *a = context;
    if (term->kind != TERM_READ || term->rank == 0)
        return;
    const Index *last = &term->index[a->plan->buffer[term->buffer].order[term->rank - 1]];
    for (int t = 0; t < last->count; t++)
        a->found |= last->term[t].axis == a->axis && last->term[t].factor == 1;
}

bool runs_along(const Plan *plan, const Term *term, int axis)
{
    Along along = {plan, axis, false};
    each_term((Term *)term, find_along, &along);
    return along.found;
}

/* What follows the sums must belong to one element each. */
static bool is_tileable(const Plan *plan, const Kernel *kernel)
{
    const Stage *sum = kernel->stage;
    if (plan->mode != KERNELS_FUSED || kernel->form != FORM_CONTRACTION || sum->term->kind != TERM_APPLY || sum->term->op != OP_MULTIPLY)
        return false;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        if (stage->inner_count || stage->folds_outer || stage->after || (s > 0 && stage->fold != FOLD_NONE))
            return false;
    }
    return true;
}

static void find_sides(Kernel *kernel)
{
    const Term *product = kernel->stage[0].term;
    kernel->launch.left = product->operand[0];
    kernel->launch.right = product->operand[1];
    for (int o = 0; o < kernel->outer_count; o++) {
        const int axis = kernel->outer[o];
        const bool left = depends_on(kernel->launch.left, axis), right = depends_on(kernel->launch.right, axis);
        if (left && !right)
            kernel->launch.row[kernel->launch.row_count++] = axis;
        else if (right && !left)
            kernel->launch.column[kernel->launch.column_count++] = axis;
        else
            kernel->launch.group[kernel->launch.group_count++] = axis;
    }
}

/* The neighbours of the result should be a warp's: columns are the side that its last axis is on. */
static void turn_to_result(Kernel *kernel)
{
    const int last = kernel->outer_count ? kernel->outer[kernel->outer_count - 1] : NONE;
    if (kernel->launch.row_count == 0 || kernel->launch.row[kernel->launch.row_count - 1] != last)
        return;
    int axis[MAX_AXES], count = kernel->launch.row_count;
    memcpy(axis, kernel->launch.row, sizeof axis);
    memcpy(kernel->launch.row, kernel->launch.column, sizeof axis);
    memcpy(kernel->launch.column, axis, sizeof axis);
    kernel->launch.row_count = kernel->launch.column_count;
    kernel->launch.column_count = count;
    Term *left = kernel->launch.left;
    kernel->launch.left = kernel->launch.right;
    kernel->launch.right = left;
}

/* A shape of tiles: the elements of one, and the sums of a thread of it. */
typedef struct TileShape { Products products; int rows, columns, height, width; } TileShape;

/* Threads of an ordinary tile stand 16 x 16, each with neighbours. On tensor cores 8 warps stand 4 x 2; a warp has m16n8 pieces, and
 * a thread two rows and two columns of each. */
static TileShape tile_shape(Products products, int rows, int columns)
{
    if (products == PRODUCTS_FULL)
        return (TileShape){products, rows, columns, TILE_SIDE * rows, TILE_SIDE * columns};
    return (TileShape){products, rows, columns, 32 * rows, 8 * columns};
}

/* Cycles of a multiprocessor for the sums of one tile over one depth, and for their loads from shared memory. */
static int64_t depth_cycles(const TileShape *tile)
{
    const int64_t multiplied = (int64_t)TILE_DEPTH * tile->height * tile->width;
    if (tile->products == PRODUCTS_FULL)
        return multiplied / LANES_A_CYCLE + TILE_DEPTH * 2 * (tile->rows + tile->columns);
    const int64_t words = tile->products == PRODUCTS_TF32 ? TILE_DEPTH : TILE_DEPTH / 2;
    return multiplied / (tile->products == PRODUCTS_TF32 ? 512 : 1024) + words * (2 * tile->rows + tile->columns);
}

/* Cycles of a whole kernel: blocks of one multiprocessor share what it can do in one and wait together for memory, once a depth. */
static int64_t tile_cycles(int64_t height, int64_t width, int64_t groups, int64_t folds, const TileShape *tile)
{
    const int64_t blocks = rounds(height, tile->height) * rounds(width, tile->width) * groups;
    const int64_t resident = tile->rows * tile->columns > 16 ? 2 : 4, beside = least(resident, rounds(blocks, MULTIPROCESSORS));
    return rounds(blocks, MULTIPROCESSORS * resident) * rounds(folds, TILE_DEPTH) * (MEMORY_LATENCY + beside * depth_cycles(tile))
         + MEMORY_LATENCY;
}

/* Returns the cycles of the best tile; INT64_MAX: a product of this shape has none. */
static int64_t choose_tiles(const Plan *plan, Kernel *kernel)
{
    if (!is_tileable(plan, kernel))
        return INT64_MAX;
    find_sides(kernel);
    turn_to_result(kernel);
    const Stage *sum = kernel->stage;
    const int64_t height = product_of(kernel, kernel->launch.row, kernel->launch.row_count);
    const int64_t width = product_of(kernel, kernel->launch.column, kernel->launch.column_count);
    const int64_t groups = product_of(kernel, kernel->launch.group, kernel->launch.group_count);
    const int64_t folds = product_of(kernel, sum->fold_axis, sum->fold_count);
    if (height < 2 || width < 2 || folds < 2 || height > INT32_MAX || width > INT32_MAX || folds > INT32_MAX)
        return INT64_MAX;
    int64_t best = INT64_MAX;
    const int most = plan->model->precision == F32 ? 8 : 4;
    for (Products products = PRODUCTS_FULL; products <= PRODUCTS_BF16; products++) {
        if (products != PRODUCTS_FULL && products != plan->model->products)
            continue;
        const bool pieces = products != PRODUCTS_FULL;                   /* of two rows and two columns a thread */
        for (int rows = pieces ? 2 : 1; rows <= (pieces ? 4 : most); rows *= 2)
            for (int columns = pieces ? 2 : 1; columns <= (pieces ? 16 : most); columns *= 2) {
                const TileShape tile = tile_shape(products, rows, columns);
                const int64_t cycles = tile_cycles(height, width, groups, folds, &tile);
                if (cycles >= best)
                    continue;
                best = cycles;
                kernel->launch.products = products;
                kernel->launch.rows = rows;
                kernel->launch.columns = columns;
                kernel->launch.height = tile.height;
                kernel->launch.width = tile.width;
                kernel->launch.blocks = rounds(height, tile.height) * rounds(width, tile.width) * groups;
            }
    }
    return best;
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
        if (kernel->launch.spread == SPREAD_SUM)
            compute_lookups_again(plan, kernel);
        return;
    }
    const int threads = threads_for(inside.widest, THREADS);
    const int64_t apart = inside.alone * rounds(points, RESIDENT), together = inside.together * rounds(points * threads, RESIDENT);
    if (choose_tiles(plan, kernel) < STEP_CYCLES * least(apart, fits ? together : apart)) {
        kernel->launch.spread = SPREAD_TILES;
        kernel->launch.threads = TILE_THREADS;
        return;
    }
    kernel->launch.spread = fits && together < apart ? SPREAD_BLOCKS : SPREAD_POINTS;
    kernel->launch.threads = kernel->launch.spread == SPREAD_BLOCKS ? threads : threads_for(points, THREADS);
    kernel->launch.blocks = kernel->launch.spread == SPREAD_BLOCKS ? points : rounds(points, kernel->launch.threads);
    if (kernel->launch.spread == SPREAD_POINTS && plan->mode == KERNELS_FUSED)
        compute_lookups_again(plan, kernel);
}
