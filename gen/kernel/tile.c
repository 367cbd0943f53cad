/* tile.c: how a sum of products runs: which axes make its tiles, and what lies in the lanes of a register.
 *
 * Takes a kernel that begins with a contraction, result = sum over the folds of a · b, decides one of
 *
 *   lanes on a column    NN_CORE: one element of a meets neighbouring elements of b. b is contiguous along the column, a does not
 *                        depend on it; the row is an axis of a that b does not depend on. A narrow image fills no long tile:
 *                        a few of its lines side by side in one do (NN_LINES), the line being another axis of b.
 *   panels               the same, b copied first: the columns of a tile side by side, one step of the fold behind the other. It
 *                        may lie in any way, its far rows are touched once, and a group of panels stays in the second cache while
 *                        all rows pass by; so what follows walks along rows too, which an update's arrays in memory want. Where a
 *                        lies across the fold, a tile's rows of it are copied as well, once for a group; or, of a long fold's part,
 *                        all rows of it, past which the panels come one by one.
 *   lanes on the fold    NN_DOT: both operands are contiguous along one fold, whose lanes are added as a tree at the end
 *   neither              one scalar sum, loops as they stand
 *
 * by the least estimated cycles (tuning.h), and records why. In PyTorch's layouts the forward product of a linear layer has its
 * lanes on the fold or in panels that turn the weight, the gradients of input and weight on a column.
 *
 * Tiles are for registers of REGISTER_BYTES. Wider ones hold twice the columns, and there are twice as many: rows and columns that
 * there are enough of are constants of the emitted function, which grow where it is compiled for such (widen). The sums stay the
 * same, and their bits.
 *
 * Any number of rows and columns is covered by whole tiles: the last one begins that much earlier and computes some sums again,
 * which have the same bits; or, of a panel wider than there are columns, the last column stands for those that there are not. */
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
        d->found |= has_axis(&term->index[i], d->axis);
}

bool depends_on(Term *term, int axis)
{
    Dependence d = {axis, false};
    if (term)
        each_term(term, find_axis, &d);
    return d.found;
}

/* Can a register be loaded from where the term is, along the axis? */
static bool lies_along(const Plan *plan, const Term *term, int axis)
{
    return term->kind == TERM_READ && term->scalar == FLOAT && !(term->operand[0] && depends_on(term->operand[0], axis))
        && contiguity(&plan->buffer[term->buffer], term->index, term->rank, axis) == 1;
}

/* Four columns and four steps of the fold at a time: where parts of it are taken, the last has as many. */
static bool can_turn(const Plan *plan, const Kernel *kernel, const Term *b, int columns, int block)
{
    const Stage *sum = kernel->stage;
    const int last = sum->fold_axis[sum->fold_count - 1];
    const int64_t extent = kernel->axis[last].extent, rest = block && sum->fold_count == 1 ? extent % block : 0;
    return columns >= 4 && extent >= 4 && (rest == 0 || rest >= 4) && lies_along(plan, b, last);
}

bool turns_panels(const Plan *plan, const Kernel *kernel, int columns)
{
    return can_turn(plan, kernel, kernel->choice.b, columns, kernel->choice.block);
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

typedef enum { IN_PLACE, IN_PANELS, ALONG_FOLD, FORMS_OF_PRODUCT } FormOfProduct;

typedef struct Product {
    const Plan *plan;
    Kernel *kernel;
    const Stage *sum;
    Term *a, *b;                        /* the factors as they are tried; a NULL: one */
    int element;                        /* bytes */
    int64_t points, folds;              /* of the result; of each sum */
    int streams;                        /* arrays that what follows changes and that the first cache does not hold */
    int64_t after;                      /* cycles of what follows an element, alone */
    int64_t chances;                    /* choices in it, which are branches where it is alone */
    int64_t best[FORMS_OF_PRODUCT];     /* the least cycles of each way; 0: it cannot be */
} Product;

static int64_t extent_of(const Product *p, int axis)
{
    return axis == NONE ? 1 : p->kernel->axis[axis].extent;
}

/* How an operand lies as the tile sees it: bytes of cache lines that a tile touches, and that all tiles do. */
typedef struct Sweep { int64_t tile, whole; bool far; } Sweep;

/* Bytes of a line that are used where the axis goes through, one way or the other. Of a matrix all are taken to be: its rows are few. */
static int64_t run_of(const Product *p, const Term *operand, int axis)
{
    if (operand->kind == TERM_READ && p->plan->buffer[operand->buffer].rank < 3)
        return LINE_BYTES;
    const Buffer *buffer = operand->kind == TERM_READ && !operand->operand[0] ? &p->plan->buffer[operand->buffer] : NULL;
    int64_t run = p->element;
    for (int d = 0; buffer && d < operand->rank && axis != NONE; d++)
        for (int t = 0; t < operand->index[d].count; t++)
            if (operand->index[d].term[t].axis == axis && operand->index[d].term[t].factor * operand->index[d].term[t].factor == 1
                && buffer->order[buffer->rank - 1] == d)
                run = extent_of(p, axis) * p->element;
    return run < LINE_BYTES ? run : LINE_BYTES;
}

static Sweep sweep_of(const Product *p, Term *operand, int axis, int64_t size)
{
    bool along_fold = false;
    int64_t fold_run = p->element;
    for (int f = 0; f < p->sum->fold_count; f++) {
        along_fold |= lies_along(p->plan, operand, p->sum->fold_axis[f]);
        fold_run = most(fold_run, run_of(p, operand, p->sum->fold_axis[f]));
    }
    const int64_t run = most(fold_run, run_of(p, operand, axis));
    int64_t line = along_fold ? size * p->element * LINE_BYTES / fold_run
                 : axis == NONE || lies_along(p->plan, operand, axis) ? steps(size * p->element, LINE_BYTES) * LINE_BYTES : size * LINE_BYTES;
    const bool far = !along_fold && p->folds > FEW_ROWS && extent_of(p, axis) * p->element >= ROW_APART;
    return (Sweep){line * p->folds, extent_of(p, axis) * p->folds * p->element * LINE_BYTES / run, far};
}

static int64_t fetch_cycles(const Sweep *sweep)
{
    return sweep->whole <= FIRST_CACHE ? 0 : sweep->tile / (sweep->whole <= SECOND_CACHE ? SECOND_CACHE_RATE : sweep->far ? FAR_ROW_RATE : THIRD_CACHE_RATE);
}

static bool is_found(const Product *p)
{
    return p->kernel->choice.lanes != NONE;
}

const Buffer *updated_here(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (assigns(plan, &kernel->stage[s]) && plan->buffer[kernel->stage[s].buffer].rank == 2)
            return &plan->buffer[kernel->stage[s].buffer];
    return NULL;
}

/* Would the sums, stored as they are made, lie along the column? An array made for them lies as the tiles like it. */
static bool sums_along(const Product *p, int column)
{
    const Stage *sum = p->sum;
    if (sum->buffer == NONE)
        return plain_axis(&sum->store[0]) == column || plain_axis(&sum->store[1]) == column;
    return contiguity(&p->plan->buffer[sum->buffer], sum->store, p->plan->buffer[sum->buffer].rank, column) == 1;
}

/* Does an array made for the sums lie across what they update? That is read element by element then. */
static bool lies_across(const Product *p, int column)
{
    const Buffer *like = updated_here(p->plan, p->kernel);
    return p->sum->buffer == NONE && like && plain_axis(&p->sum->store[like->order[1]]) != column;
}

/* Sums that are added up in an array: each part brings and takes it, and what follows them passes over it once more. */
static int64_t array_cycles(const Product *p, int column, int64_t parts)
{
    const int64_t bytes = p->points * p->element;
    const int64_t pass = bytes <= FIRST_CACHE ? 0 : bytes / (bytes <= SECOND_CACHE ? SECOND_CACHE_RATE : THIRD_CACHE_RATE);
    return parts * 2 * pass + pass * (1 + 2 * p->streams) + (lies_across(p, column) ? p->points * TURN_CYCLES : 0) + bytes / REGISTER_BYTES * p->after;
}

/* May the rows of this tile be channels that are picked from a list? It is made once for what is around the tiles. */
static bool takes_kept(const Product *p, const Tile *tile)
{
    const Kept *kept = &p->kernel->kept;
    return !kept->condition || (tile->row == kept->axis && tile->rows == KEPT_TOGETHER && !tile->group && !tile->block
                                && !depends_on(kept->condition, tile->column) && !depends_on(kept->condition, tile->line));
}

/* Takes a tile if nothing better is known. */
static void propose(Product *p, FormOfProduct form, const Tile *tile, int64_t cycles)
{
    if (!takes_kept(p, tile))
        return;
    if (p->kernel->kept.condition)
        cycles = (int64_t)((double)cycles * p->kernel->kept.share);
    if (!p->best[form] || cycles < p->best[form])
        p->best[form] = cycles;
    if (is_found(p) && p->kernel->choice.cycles <= cycles)
        return;
    p->kernel->choice = *tile;
    p->kernel->choice.a = p->a;
    p->kernel->choice.b = p->b;
    p->kernel->choice.cycles = cycles;
}

/* Do lines along this axis have elements of b in common, as windows of neighbouring lines do? Those of other images have none. */
static bool shares_windows(const Product *p, int line)
{
    for (int d = 0; line != NONE && p->b->kind == TERM_READ && d < p->b->rank; d++)
        for (int t = 0; t < p->b->index[d].count; t++)
            if (p->b->index[d].term[t].axis == line)
                return p->b->index[d].count > 1;
    return line == NONE;
}

/* The loop inside sweeps its operand once for each tile of the other; what does not stay in the first cache is fetched again.
 * `down_columns` is what a tile takes more where tiles of rows follow each other. */
static void consider(Product *p, FormOfProduct form, Tile tile, int64_t step, int64_t end, int64_t down_columns)
{
    Sweep a = p->a ? sweep_of(p, p->a, tile.row, tile.rows) : (Sweep){0}, b = sweep_of(p, p->b, tile.column, tile.columns);
    int64_t across = steps(extent_of(p, tile.row), tile.rows), along = steps(extent_of(p, tile.column), tile.columns);
    int64_t groups = p->points / (extent_of(p, tile.row) * extent_of(p, tile.column) * extent_of(p, tile.line)) * steps(extent_of(p, tile.line), tile.lines), parts = tile.block ? steps(extent_of(p, p->sum->fold_axis[0]), tile.block) : 1;
    if (!shares_windows(p, tile.line)) {
        b.tile *= tile.lines;
        b.whole *= tile.lines;
    }
    Sweep *operand[] = {&a, &b};
    for (int o = 0; o < 2; o++) {
        operand[o]->tile /= parts;
        operand[o]->whole /= parts;
    }
    step /= parts;
    for (int outside = 1; outside >= 0; outside--) {
        Sweep *inner = outside ? &b : &a, *outer = outside ? &a : &b;
        int64_t fetch = fetch_cycles(inner) + (outer->tile > FIRST_CACHE ? fetch_cycles(outer) : 0);
        tile.rows_outside = outside;
        propose(p, form, &tile, (tile.block ? array_cycles(p, tile.column, parts) : 0) + groups * parts * (across * along * (most(step, fetch) + end + (outside ? 0 : down_columns)) + (outside ? across : along) * fetch_cycles(outer)));
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

/* Are the sums a matrix of rows and columns, whose registers can be added up in an array? */
static bool is_matrix(const Product *p, int row, int column)
{
    return p->kernel->outer_count == 2 && row != NONE && sums_along(p, column);
}

/* May the sums of a long fold lie in an array meanwhile? They are added up part by part then. */
static bool can_add_up(const Product *p, int row, int column)
{
    return p->sum->fold_count == 1 && is_matrix(p, row, column);
}

/* Of several folds, the first being the batch: rows of it that all tiles take before any takes more, at least so many steps. What a
 * row has of both factors stays in the cache meanwhile; sums of products by windows read it once for every place in the window, those
 * over all times of a text once for every tile. 0: not so. */
static int rows_together(const Product *p, int64_t least)
{
    const Kernel *kernel = p->kernel;
    if (p->sum->fold_count < 2 || !kernel->axis[p->sum->fold_axis[0]].batch || kernel->region != NONE)
        return 0;
    const int64_t rows = extent_of(p, p->sum->fold_axis[0]), together = steps(least, p->folds / rows);
    return together < rows ? (int)together : 0;
}

static int columns_of(const Product *p, int64_t extent)
{
    int columns = PANEL_BYTES / p->element;
    while (columns > extent)
        columns /= 2;
    return columns * p->element < REGISTER_BYTES / 2 ? 0 : columns;
}

static int registers_of(const Product *p, int columns)
{
    return columns * p->element > REGISTER_BYTES ? 2 : 1;
}

/* Cycles to end a tile: what follows its sums, and bringing what that changes where it is along the rows. */
static int64_t end_of(const Product *p, int column, int rows, int columns)
{
    int64_t registers = registers_of(p, columns);
    int64_t element = stores_along(p, column) ? 0 : p->after + p->chances * CHANCE_CYCLES;      /* one by one */
    int64_t streams = p->streams ? (rows - 1) * registers * STREAM_CYCLES : 0;
    return TILE_START + rows * registers * p->after + rows * columns * element + streams;
}

/* Tiles of so many columns in so many lines, of any number of rows. */
static void consider_columns(Product *p, int row, int column, int columns, int line, int lines)
{
    int64_t extent = extent_of(p, column), height = extent_of(p, row);
    const int registers = lines * registers_of(p, columns);
    for (int rows = 1; rows <= TILE_REGISTERS / registers && rows <= height; rows++) {
        const int64_t step = p->folds * step_cost(rows * registers, rows + registers, p->folds) / 2;
        const bool far = p->folds > NEAR_ROWS && extent * p->element >= FAR_ROW;
        const int64_t down_columns = p->streams * p->points * p->element > SECOND_CACHE ? rows * registers * p->streams * COLUMN_STREAM_CYCLES : 0;
        Tile tile = {.lanes = column, .row = row, .column = column, .rows = rows, .columns = columns, .line = line, .lines = lines};
        consider(p, IN_PLACE, tile, step + (far ? step / FAR_SHARE : 0), end_of(p, column, lines * rows, columns), down_columns);
        if (line != NONE)
            continue;
        tile.block = BLOCK;
        if (p->folds >= 2 * BLOCK && can_add_up(p, row, column))
            consider(p, IN_PLACE, tile, step + (extent * p->element >= FAR_ROW_OF_BLOCK ? step / FAR_SHARE_OF_BLOCK : 0), TILE_START + 3 * rows * registers, 0);
        const bool matrix = is_matrix(p, row, column);
        tile.block = rows_together(p, matrix ? BLOCK : ROW_STEPS);
        if (tile.block)
            consider(p, IN_PLACE, tile, step, TILE_START + (matrix ? 3 * rows * registers : rows * columns * ELEMENT_CYCLES), 0);
    }
}

/* May the last tile compute again what follows its sums? An update may not. */
static bool bears_repeating(const Product *p)
{
    for (int s = 0; s < p->kernel->stage_count; s++)
        if (assigns(p->plan, &p->kernel->stage[s]))
            return false;
    return true;
}

/* Columns in one line of b, or in a few lines along an axis that is b's alone. */
static void consider_lines(Product *p, int row, int column, const int *axis, int axes)
{
    const int widest = columns_of(p, extent_of(p, column)), narrow = REGISTER_BYTES / p->element;
    if (!widest)
        return;
    consider_columns(p, row, column, widest, NONE, 1);
    for (int l = axes - 1; l >= 0 && row != NONE && bears_repeating(p); l--)
        for (int columns = widest; columns >= narrow && axis[l] != column; columns /= 2)
            for (int lines = 2; lines <= MOST_LINES && lines <= extent_of(p, axis[l]); lines++)
                consider_columns(p, row, column, columns, axis[l], lines);
}

/* Cycles to end a tile in panels: sums that are added up, or what follows them. */
static int64_t end_in_panels(const Product *p, const Tile *tile, int column, int rows, int columns)
{
    const int64_t registers = registers_of(p, columns);
    if (tile->block)
        return TILE_START + 3 * rows * registers;
    return end_of(p, column, rows, columns) - (tile->fetches ? (rows - 1) * registers * STREAM_CYCLES - rows * p->streams : 0);
}

/* Cycles of the tiles of one shape, and the rows that take the least; `fetch` and `row_fetch` are those of a tile and of each row of it to
 * bring its factors, meanwhile. */
static int64_t strip_cycles(const Product *p, const Tile *tile, int64_t tiles, int columns, int64_t folds, int64_t fetch, int64_t row_fetch, int *best_rows)
{
    const int row = tile->row, column = tile->column;
    int64_t least = 0, height = extent_of(p, row);
    int registers = registers_of(p, columns);
    for (int rows = 1; rows <= TILE_REGISTERS / registers && rows <= height; rows++) {
        int64_t step = most(folds * step_cost(rows * registers, rows + registers, folds) / 2, fetch + rows * row_fetch);
        int64_t cycles = tiles * steps(height, rows) * (step + end_in_panels(p, tile, column, rows, columns));
        if (least && cycles >= least)
            continue;
        least = cycles;
        *best_rows = rows;
    }
    return least;
}

static bool lies_along_fold(const Product *p, const Term *operand)
{
    for (int f = 0; f < p->sum->fold_count; f++)
        if (lies_along(p->plan, operand, p->sum->fold_axis[f]))
            return true;
    return false;
}

/* Quarters of a cycle to put an element into a panel. */
static int64_t panel_quarters(const Product *p, const Tile *tile)
{
    return lies_along(p->plan, p->b, tile->column) && extent_of(p, tile->column) >= tile->columns ? COPY_QUARTERS
         : can_turn(p->plan, p->kernel, p->b, tile->columns, tile->block) ? TURN_QUARTERS : GATHER_QUARTERS;
}

/* Is the operand of a product a matrix that the caches near the processor do not hold, whose rows in memory run along `inner`? */
static bool comes_from_memory(const Product *p, const Term *operand, int outer, int inner)
{
    if (p->plan->target != TARGET_C || p->sum->fold_count != 1 || operand->kind != TERM_READ || operand->operand[0] || operand->rank != 2)
        return false;
    const Buffer *buffer = &p->plan->buffer[operand->buffer];
    return !buffer->border && plain_axis(&operand->index[buffer->order[0]]) == outer && plain_axis(&operand->index[buffer->order[1]]) == inner
        && room_in(buffer, 0) * room_in(buffer, 1) * p->element > AHEAD_BYTES;
}

/* Cycles of a few columns beside the whole tiles of their rows, with the lanes on the fold: 0 where they cannot be. */
static int64_t dots_cycles(const Product *p, const Tile *tile, int columns)
{
    const int width = PANEL_BYTES / p->element, fold = p->sum->fold_axis[0];
    if (p->sum->fold_count > 1 || p->folds < width || tile->rows % (2 * DOTS_ROWS) != 0 || tile->block || tile->side || tile->fetches
        || !lies_along(p->plan, p->a, fold) || !lies_along(p->plan, p->b, fold))
        return 0;
    const int sums = DOTS_ROWS * DOTS_COLUMNS, registers = PANEL_BYTES / REGISTER_BYTES;
    const int64_t step = step_cost(sums * registers, (DOTS_ROWS + DOTS_COLUMNS) * registers, p->folds);
    return steps(extent_of(p, tile->row), DOTS_ROWS) * steps(columns, DOTS_COLUMNS)
         * (steps(p->folds, width) * step / 2 + TILE_START + sums * (TREE_CYCLES + p->after));
}

/* The tile of the columns that fill none: a narrower one, or one that begins earlier, with all rows after the others have had them;
 * or, where all others are one group, one beside these. */
static int64_t choose_rest(const Product *p, Tile *tile, int rest, int64_t folds, bool one_group)
{
    const int columns = tile->columns, even = (int)steps(rest, DOTS_COLUMNS) * DOTS_COLUMNS;
    tile->rest_columns = rest * p->element <= REGISTER_BYTES && columns * p->element > REGISTER_BYTES ? REGISTER_BYTES / p->element : columns;
    const int64_t apart = strip_cycles(p, tile, 1, tile->rest_columns, folds, 0, 0, &tile->rest_rows);
    const int64_t dots = one_group && rest <= MOST_DOTS_COLUMNS ? dots_cycles(p, tile, even) : 0;
    if (!dots || dots >= apart)
        return apart;
    tile->rest_dots = true;
    tile->width = PANEL_BYTES / p->element;
    tile->rest_columns = even;
    tile->rest_rows = tile->rows;
    return dots;
}

/* Columns that fill no panel have a narrower tile, or one that begins earlier. Panels are made once for all rows: a copy where b
 * lies along the column, turned where it lies along the innermost fold, else element by element. */
static void consider_panels_of(Product *p, int row, int column, int columns)
{
    const int64_t extent = extent_of(p, column);
    const bool in_parts = p->folds > LONGEST_PANEL;
    if (in_parts && !can_add_up(p, row, column))
        return;
    Tile tile = {.lanes = column, .row = row, .column = column, .columns = columns, .line = NONE, .lines = 1, .rows_outside = true, .block = in_parts ? PANEL_STEPS : 0};
    const int64_t parts = in_parts ? steps(p->folds, PANEL_STEPS) : 1, folds = in_parts ? PANEL_STEPS : p->folds;
    const int64_t bytes = folds * columns * p->element, whole = most(1, extent / columns), rest = extent < columns ? 0 : extent % columns;
    const bool copies_side = folds >= SIDE_STEPS && !lies_along_fold(p, p->a);
    const int64_t at_once = most(1, (copies_side || whole * bytes <= MOST_PANELS_BYTES ? MOST_PANELS_BYTES : PANELS_BYTES) / bytes);
    const int64_t groups = steps(whole, at_once);
    tile.group = (int)(steps(whole, groups) * columns);
    tile.side = copies_side && tile.group >= SIDE_PANELS * columns;
    tile.fetches = p->streams && !in_parts && folds >= FETCH_STEPS;
    const int64_t fetch = tile.group / columns * bytes > FIRST_CACHE ? bytes / SECOND_CACHE_RATE : 0;
    const bool one = groups == whole;                   /* panel while all rows pass by */
    const Sweep a_row = sweep_of(p, p->a, row, 1);
    int64_t cycles = strip_cycles(p, &tile, whole, columns, folds, fetch, one ? fetch_cycles(&a_row) / parts : 0, &tile.rows);
    if (rest)
        cycles += choose_rest(p, &tile, (int)rest, folds, groups == 1);
    if (!in_parts && whole >= FEWEST_TILES_AHEAD && comes_from_memory(p, p->a, row, p->sum->fold_axis[0]))
        tile.ahead = AHEAD_ROWS;
    const Sweep a = sweep_of(p, p->a, row, tile.rows), b = sweep_of(p, p->b, column, columns);
    cycles += steps(extent_of(p, row), tile.rows) * (groups + (rest > 0)) * ((one ? 0 : fetch_cycles(&a) / parts) + (tile.side ? folds * tile.rows : 0));
    int64_t copies = p->points / (extent_of(p, row) * extent);          /* of the axes around, those that b knows */
    for (int o = 0; o < p->kernel->outer_count; o++)
        if (p->kernel->outer[o] != row && p->kernel->outer[o] != column && !depends_on(p->b, p->kernel->outer[o]))
            copies /= p->kernel->axis[p->kernel->outer[o]].extent;
    const int64_t all = p->points / (extent_of(p, row) * extent);
    cycles = all * parts * cycles + (in_parts ? array_cycles(p, tile.column, parts) : 0);
    const int64_t elements = p->folds * most(extent, columns);
    propose(p, IN_PANELS, &tile, cycles + copies * (elements * panel_quarters(p, &tile) / 4 + b.whole / THIRD_CACHE_RATE));
}

/* Few columns are two tiles of half as many or more, which overlap, or a panel of the next power of two: ten are 8 and 8, or 16. */
static void consider_panels(Product *p, int row, int column)
{
    const int64_t extent = extent_of(p, column);
    const int columns = columns_of(p, extent);
    int wide = PANEL_BYTES / p->element;
    while (wide / 2 >= extent)
        wide /= 2;
    if (row == NONE || !p->a)
        return;
    if (columns)
        consider_panels_of(p, row, column, columns);
    if (wide > extent && wide * p->element >= REGISTER_BYTES / 2)
        consider_panels_of(p, row, column, wide);
}

/* A long fold's part: the rows' factor of all tiles is copied once and stays in the second cache, a panel of the columns' factor in the
 * first while all rows pass by; that needs no copy where tiles ask for what the next ones read. */
static void consider_sides(Product *p, int row, int column)
{
    const int64_t extent = extent_of(p, column), height = extent_of(p, row), side_bytes = PANEL_STEPS * height * p->element;
    const int columns = columns_of(p, extent);
    if (!columns || row == NONE || !p->a || p->folds < 2 * PANEL_STEPS || !can_add_up(p, row, column) || lies_along_fold(p, p->a) || side_bytes > MOST_SIDES_BYTES)
        return;
    Tile tile = {.lanes = column, .row = row, .column = column, .columns = columns, .line = NONE, .lines = 1, .block = PANEL_STEPS, .group = columns, .side = true};
    const int64_t parts = steps(p->folds, PANEL_STEPS), steps_of_part = p->folds / parts;
    const int64_t tiles = strip_cycles(p, &tile, steps(extent, columns), columns, steps_of_part, 0, 0, &tile.rows);
    if (extent % columns) {
        tile.rest_columns = columns;
        tile.rest_rows = tile.rows;
    }
    const Sweep a = sweep_of(p, p->a, row, tile.rows), b = sweep_of(p, p->b, column, columns);
    if (steps(height, tile.rows) * AHEAD_STEPS >= PANEL_STEPS && extent >= 2 * columns && comes_from_memory(p, p->b, p->sum->fold_axis[0], column)
        && extent * p->element % SET_STRIDE != 0) {
        tile.ahead = AHEAD_COLUMNS;
        tile.group = 0;
    }
    const int64_t copies = steps_of_part * (height + (tile.group ? extent * panel_quarters(p, &tile) / 4 : 0));
    propose(p, IN_PANELS, &tile, parts * (tiles + copies) + (a.whole + b.whole) / THIRD_CACHE_RATE + array_cycles(p, column, parts));
}

static void consider_width(Product *p, int row, int column, int fold, int width)
{
    int64_t extent = extent_of(p, fold), height = extent_of(p, row), breadth = extent_of(p, column);
    int registers = width * p->element > REGISTER_BYTES ? 2 : 1;
    for (int rows = 1; rows <= MOST_DOT_ROWS && rows <= height; rows++)
        for (int columns = 1; columns <= TILE_REGISTERS / rows && columns <= breadth; columns++) {
            const int passes = rows * columns * registers > TILE_REGISTERS ? registers : 1, at_once = registers / passes;
            if (passes > 1 && (p->folds < LEAST_OF_PASSES || (rows + columns) * p->folds * p->element > FIRST_CACHE))
                continue;                               /* the second pass reads what the first has brought */
            int64_t step = passes * step_cost(rows * columns * at_once, (rows + columns) * at_once, p->folds);
            int64_t end = TILE_START + rows * columns * (TREE_CYCLES + p->after);
            const Tile tile = {.lanes = fold, .row = row, .column = column, .rows = rows, .columns = columns, .width = width, .line = NONE, .lines = 1};
            consider(p, ALONG_FOLD, tile, p->folds / extent * steps(extent, width) * step / 2, end, 0);
            Tile part = tile;
            part.block = rows_together(p, ROW_STEPS);
            if (!part.block || fold == p->sum->fold_axis[0])
                continue;
            consider(p, ALONG_FOLD, part, p->folds / extent * steps(extent, width) * step / 2, TILE_START + rows * columns * (TREE_CYCLES + ELEMENT_CYCLES), 0);
        }
}

/* Two registers at a time; or one, where that leaves less of a short fold empty: 24 are 2 times 16, or 3 times 8. */
static void consider_fold(Product *p, int row, int column, int fold)
{
    const int64_t extent = extent_of(p, fold);
    int width = PANEL_BYTES / p->element;
    while (width > extent)
        width /= 2;
    if (width < 4)
        return;
    consider_width(p, row, column, fold, width);
    if (width * p->element > REGISTER_BYTES && extent % width != 0)
        consider_width(p, row, column, fold, width / 2);
}

/* ---- the choice ------------------------------------------------------------------------------------------------------------ */

/* Calls are worth what exp costs in vector code. */
static void add_cycles(Term *term, void *context)
{
    int64_t *cycles = context;
    if (term->kind == TERM_APPLY)
        *cycles += op_is_call(term->op) ? CALL_CYCLES : 1;
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
        if (kernel->axis[kernel->outer[o]].extent > 1 && depends_on(one, kernel->outer[o]) && !depends_on(other, kernel->outer[o]))
            axis[count++] = kernel->outer[o];
    if (!count)
        axis[count++] = NONE;
    return count;
}

/* The tile that was taken, and what the other ways would take. */
static const char *reason_of(const Product *p)
{
    static const char *const way[] = {"where it lies", "in panels", "lanes along the fold"};
    const Tile *tile = &p->kernel->choice;
    Text text = text_new(p->plan->arena);
    text_print(&text, "tiles of %d x %d", tile->rows, tile->columns);
    if (tile->row_growth * tile->column_growth > 1)
        text_print(&text, " (%d x %d where registers have %d bytes)", tile->rows * tile->row_growth, tile->columns * tile->column_growth,
                   REGISTER_BYTES * WIDER);
    if (tile->lines > 1)
        text_print(&text, " in each of %d lines", tile->lines);
    if (tile->group)
        text_print(&text, ", panels of %d columns made first, %d at a time", tile->columns, tile->group / tile->columns);
    if (tile->side)
        text_add(&text, tile->rows_outside ? ", the rows' factor beside them" : ", all rows' factor before them");
    if (tile->rest_dots)
        text_print(&text, ", the last %d columns with lanes along the fold", tile->rest_columns);
    if (tile->ahead)
        text_print(&text, ", asking for the %s that the next ones read", tile->ahead == AHEAD_ROWS ? "rows" : "columns");
    if (tile->block)
        text_print(&text, ", %d steps of the fold at a time", tile->block);
    text_print(&text, ", about %s cycles", grouped(p->plan->arena, tile->cycles));
    if (p->kernel->kept.condition)
        text_add(&text, ", rows that are multiplied with zero left out");
    for (int form = 0; form < FORMS_OF_PRODUCT; form++)
        if (p->best[form] && p->best[form] != tile->cycles)
            text_print(&text, "; %s %s", way[form], grouped(p->plan->arena, p->best[form]));
    return text.bytes;
}

/* Do columns come out as whole tiles of `columns`, or is what is left over something that a strip of its own may have? */
static bool takes_columns(const Product *p, int columns, bool apart, bool high)
{
    const Tile *tile = &p->kernel->choice;
    const int64_t breadth = extent_of(p, tile->column), rest = breadth % columns;
    return breadth >= columns && !(apart && rest >= tile->columns && high) && !(tile->group && rest > tile->columns);
}

/* Which sizes of the tile grow with the registers. There a step of as many sums waits for the one before: twice the columns make as
 * many registers of them, twice the rows need fewer loads for each: 784-1024-1024-10 with 256 rows and Adam 21.0 ms a step with
 * neither, 17.3 with both; 64-80-10 with 1347 rows 360 and 278 µs, 784-10 with 100 rows 28.6 and 23.3. Short folds do not wait. Rows
 * that an update streams through stay as few as they are; lines of one register become so of one wide register. Four times the columns
 * instead need 10 loads for 24 multiply-adds, not 14: 256 x 1024 x 1024 forward 3.25 and 2.95 ms. Rows stay, too, where twice as many
 * fill their tiles much worse: a convolution of 64 to 64 channels with 16 images, 24 rows made for 16 or 18, a step 22.6 and 17.0 ms. */
static void widen(Product *p)
{
    Tile *tile = &p->kernel->choice;
    const int64_t height = extent_of(p, tile->row), breadth = extent_of(p, tile->column);
    const int lanes = tile->lanes == tile->column ? tile->columns : tile->width;
    tile->row_growth = tile->column_growth = 1;
    if (p->plan->target != TARGET_C || p->folds < SHORT_FOLD || p->kernel->kept.condition)
        return;
    if (tile->lines > 1 && lanes * p->element == REGISTER_BYTES) {
        if (breadth >= WIDER * lanes && steps(breadth, WIDER * lanes) < steps(breadth, lanes))
            tile->column_growth = WIDER;
        return;
    }
    if (lanes * p->element < PANEL_BYTES)
        return;
    const bool streams = p->streams && tile->lanes == tile->column && !tile->group && !tile->block, high = height >= WIDER * tile->rows && !streams;
    if (high)
        tile->row_growth = WIDER;
    if (tile->lines > 1)
        return;
    if (tile->lanes != tile->column) {
        if (!high && breadth >= WIDER * tile->columns)
            tile->column_growth = WIDER;
        return;
    }
    const bool apart = tile->ahead != AHEAD_COLUMNS && (tile->group || tile->block || !bears_repeating(p));  /* columns that fill no tile need loops of their own */
    const int twice = WIDER * tile->columns, four_times = WIDER * twice;
    if (!takes_columns(p, twice, apart, high))
        return;
    tile->column_growth = WIDER;
    if (high && !tile->ahead && takes_columns(p, four_times, apart, false) && steps(breadth, four_times) * WIDER <= steps(breadth, twice)) {
        tile->row_growth = 1;
        tile->column_growth = WIDER * WIDER;
    }
    const int64_t made = steps(height, tile->rows) * tile->rows, made_wide = steps(height, WIDER * tile->rows) * WIDER * tile->rows;
    if ((made_wide - made) * MOST_MADE_AGAIN > made)    /* columns twice as many are enough sums by themselves */
        tile->row_growth = 1;
    if (!tile->group)
        return;
    const int columns = tile->columns * tile->column_growth;
    tile->group = (int)steps(tile->group, columns) * columns;
    if (breadth % columns == tile->columns) {
        tile->rest_columns = tile->columns;
        tile->rest_rows = tile->rows;
    }
}

void choose_tile(const Plan *plan, Kernel *kernel)
{
    Product p = {.plan = plan, .kernel = kernel, .sum = kernel->stage, .points = 1, .folds = 1};
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
        p.streams += kernel->stage[s].buffer != NONE && assigns(plan, &kernel->stage[s]) && p.points * p.element > FIRST_CACHE;
    }

    for (int turned = 0; turned < 1 + (factor[1] != NULL); turned++) {
        p.a = factor[1] ? factor[turned] : NULL;
        p.b = factor[1] ? factor[1 - turned] : factor[0];
        int row[MAX_AXES + 1], column[MAX_AXES + 1];
        int row_count = axes_of_one(kernel, p.a, p.b, row), column_count = axes_of_one(kernel, p.b, p.a, column);
        for (int r = 0; r < row_count; r++)
            for (int c = 0; c < column_count; c++) {
                if (column[c] != NONE && lies_along(plan, p.b, column[c]))
                    consider_lines(&p, row[r], column[c], column, column_count);
                if (column[c] != NONE) {
                    consider_panels(&p, row[r], column[c]);
                    consider_sides(&p, row[r], column[c]);
                }
                for (int f = 0; f < p.sum->fold_count; f++)
                    if ((!p.a || lies_along(plan, p.a, p.sum->fold_axis[f])) && lies_along(plan, p.b, p.sum->fold_axis[f]))
                        consider_fold(&p, row[r], column[c], p.sum->fold_axis[f]);
            }
    }
    if (!is_found(&p))
        return;
    widen(&p);
    kernel->choice.why = reason_of(&p);
}

/* Does the fold move along a dimension of b that the tile's columns or lines lie along, as a window's places do? */
static bool moves_window(const Kernel *kernel, int fold)
{
    const Term *b = kernel->choice.b;
    for (int d = 0; b->kind == TERM_READ && d < b->rank; d++) {
        bool lies = false, moves = false;
        for (int t = 0; t < b->index[d].count; t++) {
            lies |= b->index[d].term[t].axis == kernel->choice.column || b->index[d].term[t].axis == kernel->choice.line;
            moves |= b->index[d].term[t].axis == fold;
        }
        if (lies && moves)
            return true;
    }
    return false;
}

/* Tiles of lines take a channel's window whole before the next channel's: what neighbouring places of it read is in the first cache
 * still. Channels innermost, 1 KB apart, drove it out: 64 to 64, 14 x 14, 8 rows 4600 µs. */
static void put_windows_inside(Kernel *kernel)
{
    Stage *sum = kernel->stage;
    int order[MAX_AXES], count = 0;
    for (int inside = 0; inside < 2; inside++)
        for (int f = 0; f < sum->fold_count; f++)
            if (moves_window(kernel, sum->fold_axis[f]) == inside)
                order[count++] = sum->fold_axis[f];
    memcpy(sum->fold_axis, order, sizeof *order * (size_t)count);
}

/* Where the row's factor is read number by number, the fold along which it lies is the innermost: a line is read at once. Channels that
 * came first, and last in memory, took 3600 µs for 2500 (64 to 64, 14 x 14, 8 rows); panels that are turned for it are worth it too (5 x 5
 * by steps of two, 16 rows: 2.3 ms, 1.2 with them). */
void order_folds(const Plan *plan, Kernel *kernel)
{
    Stage *sum = kernel->stage;
    const int last = sum->fold_count - 1;
    if (kernel->choice.lines > 1) {
        put_windows_inside(kernel);
        return;
    }
    if (kernel->choice.lanes == NONE || kernel->choice.lanes != kernel->choice.column || !kernel->choice.a
        || (kernel->choice.group && turns_panels(plan, kernel, kernel->choice.columns)))
        return;
    for (int f = kernel->choice.block > 0; f < last; f++)
        if (lies_along(plan, kernel->choice.a, sum->fold_axis[f])) {
            const int axis = sum->fold_axis[f];
            memmove(&sum->fold_axis[f], &sum->fold_axis[f + 1], sizeof axis * (size_t)(last - f));
            sum->fold_axis[last] = axis;
            return;
        }
}
