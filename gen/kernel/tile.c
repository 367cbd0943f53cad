/* tile.c: how a sum of products runs: which axes make its tiles, and what lies in the lanes of a register.
 *
 * Takes a kernel that begins with a contraction, result = sum over the folds of a · b, decides one of
 *
 *   lanes on a column    NN_CORE: one element of a meets neighbouring elements of b. b is contiguous along the column, a does not
 *                        depend on it; the row is an axis of a that b does not depend on.
 *   lanes on the fold    NN_DOT: both operands are contiguous along one fold, whose lanes are added as a tree at the end
 *   neither              one scalar sum, loops as they stand
 *
 * by the least estimated cycles (tuning.h), and records why. In PyTorch's layouts the forward product of a linear layer has its
 * lanes on the fold, the gradients of input and weight on a column; nothing is ever transposed.
 *
 * Any number of rows and columns is covered by whole tiles: the last one begins that much earlier and computes some sums again,
 * which have the same bits. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

/* ---- what an operand depends on ---------------------------------------------------------------------------------------- */

/* 1: neighbours along the axis are neighbours in memory; 0: the element does not depend on the axis; −1: neither */
static int contiguity(const Buffer *buffer, const Index *index, int rank, int axis)
{
    int found = 0;
    for (int d = 0; d < rank; d++)
        for (int t = 0; t < index[d].count; t++)
            if (index[d].term[t].axis == axis)
                found = is_affine(&index[d]) && index[d].term[t].factor == 1 && found == 0 && buffer->order[rank - 1] == d ? 1 : -1;
    return found;
}

typedef struct Dependence { int axis; bool found; } Dependence;

static void find_axis(Term *term, void *context)
{
    Dependence *d = context;
    for (int i = 0; i < term->rank; i++)
        for (int t = 0; t < term->index[i].count; t++)
            d->found |= term->index[i].term[t].axis == d->axis;
}

static bool depends(Term *term, int axis)               /* NULL: one, which depends on nothing */
{
    Dependence d = {axis, false};
    if (term)
        each_term(term, find_axis, &d);
    return d.found;
}

/* Can a register be loaded from where the term is, along the axis? */
static bool lies_along(const Plan *plan, const Term *term, int axis)
{
    return term->kind == TERM_READ && term->scalar == FLOAT && !(term->operand[0] && depends(term->operand[0], axis))
        && contiguity(&plan->buffer[term->buffer], term->index, term->rank, axis) == 1;
}

/* ---- cost ----------------------------------------------------------------------------------------------------------------- */

static int64_t steps(int64_t extent, int64_t size)
{
    return (extent + size - 1) / size;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Half cycles of one step of a tile: multiply-adds, loads, or waiting for the sums of the step before; short folds do not wait,
 * for the next tile's begin meanwhile. */
static int64_t step_cost(int64_t sums, int64_t loads, int64_t folds)
{
    return most(most(sums, loads), folds < SHORT_FOLD ? 0 : MULTIPLY_ADD_LATENCY * 2);
}

typedef struct Product {
    const Plan *plan;
    Kernel *kernel;
    const Stage *sum;
    Term *a, *b;                        /* the factors as they are tried; a NULL: one */
    int element;                        /* bytes */
    int64_t points, folds;              /* of the result; of each sum */
    bool streams;                       /* what follows changes an array that no cache holds, a row of tiles after another */
    int64_t after;                      /* cycles of what follows an element, alone */
    int64_t chances;                    /* choices in it, which are branches where it is alone */
    bool found;
} Product;

static int64_t extent_of(const Product *p, int axis)
{
    return axis == NONE ? 1 : p->kernel->axis[axis].extent;
}

/* How an operand lies as the tile sees it: bytes of cache lines that a tile touches, and that all tiles do. */
typedef struct Sweep { int64_t tile, whole; } Sweep;

static Sweep sweep_of(const Product *p, Term *operand, int axis, int64_t size)
{
    bool along_fold = false;
    for (int f = 0; f < p->sum->fold_count; f++)
        along_fold |= lies_along(p->plan, operand, p->sum->fold_axis[f]);
    int64_t line = along_fold ? size * p->element
                 : axis == NONE || lies_along(p->plan, operand, axis) ? steps(size * p->element, LINE_BYTES) * LINE_BYTES : size * LINE_BYTES;
    return (Sweep){line * p->folds, extent_of(p, axis) * p->folds * p->element};
}

static int64_t fetch_cycles(const Sweep *sweep)
{
    return sweep->whole <= FIRST_CACHE ? 0 : sweep->tile / (sweep->whole <= SECOND_CACHE ? SECOND_CACHE_RATE : THIRD_CACHE_RATE);
}

/* The loop inside sweeps its operand once for each tile of the other; what does not stay in the first cache is fetched again. */
static void consider(Product *p, int lanes, int row, int column, int rows, int columns, int width, int block, int64_t step, int64_t end)
{
    Sweep a = p->a ? sweep_of(p, p->a, row, rows) : (Sweep){0}, b = sweep_of(p, p->b, column, columns);
    int64_t across = steps(extent_of(p, row), rows), along = steps(extent_of(p, column), columns);
    int64_t groups = p->points / (extent_of(p, row) * extent_of(p, column)), parts = block ? steps(p->folds, block) : 1;
    Sweep *operand[] = {&a, &b};
    for (int o = 0; o < 2; o++) {
        operand[o]->tile /= parts;
        operand[o]->whole /= parts;
    }
    step /= parts;
    for (int outside = 1; outside >= 0; outside--) {
        Sweep *inner = outside ? &b : &a, *outer = outside ? &a : &b;
        int64_t fetch = fetch_cycles(inner) + (outer->tile > FIRST_CACHE ? fetch_cycles(outer) : 0);
        int64_t cycles = groups * parts * (across * along * (most(step, fetch) + end) + (outside ? across : along) * fetch_cycles(outer));
        if (p->found && p->kernel->choice.cycles <= cycles)
            continue;
        p->found = true;
        p->kernel->choice.lanes = lanes;
        p->kernel->choice.row = row;
        p->kernel->choice.column = column;
        p->kernel->choice.rows = rows;
        p->kernel->choice.columns = columns;
        p->kernel->choice.width = width;
        p->kernel->choice.block = block;
        p->kernel->choice.rows_outside = outside;
        p->kernel->choice.a = p->a;
        p->kernel->choice.b = p->b;
        p->kernel->choice.cycles = cycles;
    }
}

/* Is what follows the sum stored along the column, so that whole registers are written? */
static bool stores_along(const Product *p, int column)
{
    bool along = true;
    for (int s = 0; s < p->kernel->stage_count; s++) {
        const Stage *stage = &p->kernel->stage[s];
        if (stage->buffer != NONE)
            along &= contiguity(&p->plan->buffer[stage->buffer], stage->store, p->plan->buffer[stage->buffer].rank, column) == 1;
    }
    return along;
}

const Buffer *updated_here(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (assigns(plan, &kernel->stage[s]) && plan->buffer[kernel->stage[s].buffer].rank == 2)
            return &plan->buffer[kernel->stage[s].buffer];
    return NULL;
}

/* Would the sums, stored as they are made, lie along the column? An array made for them lies as what they update. */
static bool sums_along(const Product *p, int column)
{
    const Stage *sum = p->sum;
    const Buffer *like = updated_here(p->plan, p->kernel);
    if (sum->buffer == NONE)
        return plain_axis(&sum->store[like ? like->order[1] : 1]) == column;
    return contiguity(&p->plan->buffer[sum->buffer], sum->store, p->plan->buffer[sum->buffer].rank, column) == 1;
}

/* May the sums of a long fold lie in an array meanwhile? They are a matrix of rows and columns then, added up part by part. */
static bool can_add_up(const Product *p, int row, int column)
{
    const Kernel *kernel = p->kernel;
    return p->folds >= 2 * BLOCK && p->sum->fold_count == 1 && kernel->outer_count == 2 && row != NONE
        && sums_along(p, column);
}

static void consider_columns(Product *p, int row, int column)
{
    int64_t extent = extent_of(p, column), height = extent_of(p, row);
    int columns = PANEL_BYTES / p->element;
    while (columns > extent)
        columns /= 2;
    if (columns * p->element < REGISTER_BYTES / 2)
        return;
    int registers = columns * p->element > REGISTER_BYTES ? 2 : 1;
    int64_t element = stores_along(p, column) ? 0 : ELEMENT_CYCLES + p->chances * CHANCE_CYCLES;
    for (int rows = 1; rows <= TILE_REGISTERS / registers && rows <= height; rows++) {
        int64_t step = step_cost(rows * registers, rows + registers, p->folds);
        int64_t streams = p->streams ? (rows - 1) * registers * STREAM_CYCLES : 0;
        int64_t end = TILE_START + rows * registers * p->after + rows * columns * element + streams;
        consider(p, column, row, column, rows, columns, 0, 0, p->folds * step / 2, end);
        if (can_add_up(p, row, column) && height % rows == 0 && extent % columns == 0)
            consider(p, column, row, column, rows, columns, 0, BLOCK, p->folds * step / 2, TILE_START + 2 * rows * registers);
    }
}

static void consider_fold(Product *p, int row, int column, int fold)
{
    int64_t extent = extent_of(p, fold), height = extent_of(p, row), breadth = extent_of(p, column);
    int width = PANEL_BYTES / p->element;
    while (width > extent)
        width /= 2;
    if (width < 4)
        return;
    int registers = width * p->element > REGISTER_BYTES ? 2 : 1;
    for (int rows = 1; rows <= MOST_DOT_ROWS && rows <= height; rows++)
        for (int columns = 1; columns <= TILE_REGISTERS / registers / rows && columns <= breadth; columns++) {
            int64_t step = step_cost(rows * columns * registers, (rows + columns) * registers, p->folds);
            int64_t end = TILE_START + rows * columns * (TREE_CYCLES + p->after);
            consider(p, fold, row, column, rows, columns, width, 0, p->folds / extent * steps(extent, width) * step / 2, end);
        }
}

/* ---- the choice ------------------------------------------------------------------------------------------------------------ */

/* Calls are worth what exp costs in vector code. */
static void add_cycles(Term *term, void *context)
{
    int64_t *cycles = context;
    if (term->kind == TERM_APPLY)
        *cycles += strstr(op_info[term->op].c, "@(") && term->op != OP_RELU && term->op != OP_MAXIMUM && term->op != OP_MINIMUM ? CALL_CYCLES : 1;
}

static void add_chance(Term *term, void *context)
{
    int64_t *chances = context;
    *chances += term->kind == TERM_APPLY && (term->op == OP_SELECT || term->op == OP_RELU);
}

/* The axes of the result that one operand depends on and the other does not; where there are none, NONE stands for one element. */
static int axes_of_one(const Kernel *kernel, Term *one, Term *other, int *axis)
{
    int count = 0;
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->axis[kernel->outer[o]].extent > 1 && depends(one, kernel->outer[o]) && !depends(other, kernel->outer[o]))
            axis[count++] = kernel->outer[o];
    if (!count)
        axis[count++] = NONE;
    return count;
}

void choose_tile(const Plan *plan, Kernel *kernel)
{
    Product p = {.plan = plan, .kernel = kernel, .sum = &kernel->stage[0], .points = 1, .folds = 1};
    p.element = plan->model->precision == F32 ? 4 : 8;
    kernel->form = FORM_CONTRACTION;
    kernel->choice.lanes = NONE;
    kernel->choice.why = "no axis along which an operand lies side by side, or a short one";
    Term *factor[2] = {p.sum->term, NULL};              /* a sum is that of its terms times one */
    if (p.sum->term->kind == TERM_APPLY && p.sum->term->op == OP_MULTIPLY)
        memcpy(factor, p.sum->term->operand, sizeof factor);
    for (int o = 0; o < kernel->outer_count; o++)
        p.points *= kernel->axis[kernel->outer[o]].extent;
    for (int f = 0; f < p.sum->fold_count; f++)
        p.folds *= kernel->axis[p.sum->fold_axis[f]].extent;

    p.after = ELEMENT_CYCLES;
    for (int s = 1; s < kernel->stage_count; s++) {
        each_term(kernel->stage[s].term, add_cycles, &p.after);
        each_term(kernel->stage[s].term, add_chance, &p.chances);
        p.streams |= assigns(plan, &kernel->stage[s]) && p.points * p.element > FIRST_CACHE;
    }

    for (int turned = 0; turned < 1 + (factor[1] != NULL); turned++) {
        p.a = factor[1] ? factor[turned] : NULL;
        p.b = factor[1] ? factor[1 - turned] : factor[0];
        int row[MAX_AXES + 1], column[MAX_AXES + 1];
        int row_count = axes_of_one(kernel, p.a, p.b, row), column_count = axes_of_one(kernel, p.b, p.a, column);
        for (int r = 0; r < row_count; r++)
            for (int c = 0; c < column_count; c++) {
                if (column[c] != NONE && lies_along(plan, p.b, column[c]))
                    consider_columns(&p, row[r], column[c]);
                for (int f = 0; f < p.sum->fold_count; f++)
                    if ((!p.a || lies_along(plan, p.a, p.sum->fold_axis[f])) && lies_along(plan, p.b, p.sum->fold_axis[f]))
                        consider_fold(&p, row[r], column[c], p.sum->fold_axis[f]);
            }
    }
    if (!p.found)
        return;
    kernel->choice.why = arena_print(plan->arena, "tiles of %d x %d, about %s cycles", kernel->choice.rows, kernel->choice.columns,
                                     grouped(plan->arena, kernel->choice.cycles));
}
