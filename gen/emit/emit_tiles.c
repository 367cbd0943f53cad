/* emit_tiles.c: the loops of a contraction, tile by tile, as kernel/tile.c chose them.
 *
 * Takes a kernel with choice.lanes set; gives, for each tile, the sums by NN_CORE or NN_DOT of core.h, then plain loops over the
 * tile for the stages that follow. Where tiles do not fill an axis the last one begins earlier and computes some of the sums
 * again, which gives the same bits; what follows the sums runs over new elements only, where it would not bear repeating.
 *
 *   for (int i1 = 0; i1 < 1024; i1 += 256) {                panels of a group of columns, made once for all rows
 *       float panel[16][BATCH][16];
 *       NN_PANELS(panel, i, i1, i1 + 256, 16, NN_FOLD(b, BATCH), [b], x[b][i]);
 *       for (int j1 = 0; j1 < 1024; j1 += 6) {              tiles of rows
 *           const int j0 = NN_LEAST(j1, 1024 - 6);
 *           float side[BATCH][6];                           what the rows of a tile are multiplied with, made once for all columns
 *           NN_SIDE(side, j, 6, NN_FOLD(b, BATCH), [b], d[b][j]);
 *           for (int i0 = i1; i0 < i1 + 256; i0 += 16) {    tiles of columns
 *               NN_FETCH(j, 6, i, weight[j][i]);
 *               float sum[6][16];
 *               NN_CORE(sum, j, 6, i, 16, NN_FOLD(b, BATCH), side[b][j - j0], panel[(i - i1) / 16][b][(i - i1) % 16]);
 *
 * The columns are one strip of tiles of one shape, or two: those that fill no tile have their own. Where registers have 64 bytes a
 * tile has more of them as well (tile.c), so that rows or columns are constants of the function:
 *
 *   enum { ROWS = 6 * NN_WIDE, COLUMNS = 16 * NN_WIDE };
 *   for (int j0 = 0; j0 < 1024; j0 += COLUMNS) {
 *       float sum[ROWS][COLUMNS]; */
#include "emit/loops_internal.h"
#include <string.h>

static const char *letter_of(const Emission *e, int axis)
{
    return axis == NONE ? "nn_one" : e->kernel->axis[axis].letter;        /* an axis of one element; core.h has nn_one0 */
}

static int64_t extent_or_one(const Kernel *kernel, int axis)
{
    return axis == NONE ? 1 : kernel->axis[axis].extent;
}

/* Rows or columns of a tile, as a number, and as the text has them: on wide registers `growth` times as many. */
typedef struct TileSize { int number, growth; const char *text; } TileSize;

/* Columns from `from` to `to` in tiles of one shape; what follows the sums begins at `fresh`. */
typedef struct Strip { int64_t from, to, fresh; TileSize rows, columns; bool clamps, dots; } Strip;

static TileSize size_of(const Emission *e, int number)
{
    return (TileSize){number, 1, arena_print(e->w.arena, "%d", number)};
}

static TileSize growing(const Emission *e, int number, int growth, const char *name)
{
    return growth > 1 ? (TileSize){number, growth, name} : size_of(e, number);
}

static TileSize rows_of(const Emission *e)
{
    return growing(e, e->kernel->choice.rows, e->kernel->choice.row_growth, "ROWS");
}

static TileSize columns_of(const Emission *e)
{
    return growing(e, e->kernel->choice.columns, e->kernel->choice.column_growth, "COLUMNS");
}

static int largest(TileSize size)
{
    return size.number * size.growth;
}

static bool fills(TileSize size, int64_t count)
{
    return count % largest(size) == 0;
}

static void add_constant(TileSize size, Text *text)
{
    if (size.growth == 1)
        return;
    text_print(text, text->length ? ", %s = " : "%s = ", size.text);
    if (size.number > 1)
        text_print(text, "%d * ", size.number);
    text_add(text, size.growth == WIDER ? "NN_WIDE" : "NN_WIDE * NN_WIDE");
}

static void emit_sizes(Emission *e)
{
    Text constants = text_new(e->w.arena);
    add_constant(rows_of(e), &constants);
    add_constant(columns_of(e), &constants);
    if (constants.length)
        own_line(e, "enum { %s };", constants.bytes);
}

/* for (int b0 = 0; b0 < 96; b0 += 6) {       where tiles fill the axis, or end before the last, ragged one
 * for (int b1 = 0; b1 < BATCH; b1 += 6) {    where they do not: the last tile begins earlier, what is new in it at b1 */
static void open_tiles(Emission *e, int axis, TileSize size, const char *from, const char *to, int64_t count)
{
    const char *letter = letter_of(e, axis);
    const bool whole = fills(size, count);
    const char *step = largest(size) == 1 ? "++" : arena_print(e->w.arena, " += %s", size.text);
    open_over(e, axis, "", arena_print(e->w.arena, "for (int %1$s%2$d = %3$s; %1$s%2$d < %4$s; %1$s%2$d%5$s)", letter, !whole, from, to, step));
    if (!whole)
        own_line(e, "const int %s0 = NN_LEAST(%s1, %s - %s);", letter, letter, to, size.text);
}

static const char *number_text(const Emission *e, int64_t number)
{
    return arena_print(e->w.arena, "%lld", (long long)number);
}

static bool has_row_loop(const Emission *e, const Strip *strip)
{
    const int row = e->kernel->choice.row;
    return e->w.picks_kept || (row != NONE && e->kernel->axis[row].extent != strip->rows.number);
}

static bool has_line_loop(const Emission *e)
{
    const Tile *tile = &e->kernel->choice;
    return tile->lines > 1 && e->kernel->axis[tile->line].extent != tile->lines;
}

static void open_lines(Emission *e)
{
    const Tile *tile = &e->kernel->choice;
    if (has_line_loop(e))
        open_tiles(e, tile->line, size_of(e, tile->lines), "0", axis_extent(&e->w, tile->line), e->kernel->axis[tile->line].extent);
    else if (tile->lines > 1)
        own_line(e, "const int %s0 = 0;", letter_of(e, tile->line));
}

static void open_rows(Emission *e, const Strip *strip)
{
    const int row = e->kernel->choice.row;
    if (e->w.picks_kept)
        open_tiles(e, row, strip->rows, "0", "number_kept", strip->rows.number);
    else if (has_row_loop(e, strip))
        open_tiles(e, row, strip->rows, "0", axis_extent(&e->w, row), e->kernel->axis[row].extent);
    else if (row != NONE)
        own_line(e, "const int %s0 = 0;", letter_of(e, row));
}

/* A panel of more columns than there are: the last one stands for the others, which nothing follows. */
static bool is_padded(const Kernel *kernel)
{
    return kernel->choice.group && extent_or_one(kernel, kernel->choice.column) < kernel->choice.columns;
}

/* What the columns of a strip need around their tiles: a group of panels has its own range. */
typedef struct Columns { const char *from, *to; int64_t count; bool loop; } Columns;

static Columns columns_of_strip(const Emission *e, const Strip *strip)
{
    const int column = e->kernel->choice.column;
    Columns columns = {number_text(e, strip->from), number_text(e, strip->to), strip->to - strip->from, strip->to - strip->from != strip->columns.number};
    if (column != NONE && strip->to == e->kernel->axis[column].extent)
        columns.to = axis_extent(&e->w, column);
    columns.loop &= column != NONE && !is_padded(e->kernel);
    return columns;
}

static void open_columns(Emission *e, const Strip *strip, const Columns *columns)
{
    if (columns->loop)
        open_tiles(e, e->kernel->choice.column, strip->columns, columns->from, columns->to, columns->count);
    else if (e->kernel->choice.column != NONE)
        own_line(e, "const int %s0 = %s;", letter_of(e, e->kernel->choice.column), columns->from);
}

/* Where the part of the first fold that tiles take at a time ends. */
static const char *part_end(const Emission *e)
{
    const int axis = e->kernel->stage[0].fold_axis[0], block = e->kernel->choice.block;
    const char *end = arena_print(e->w.arena, "%s0 + %d", letter_of(e, axis), block);
    return e->kernel->axis[axis].extent % block == 0 ? end : arena_print(e->w.arena, "NN_LEAST(%s, %s)", end, axis_extent(&e->w, axis));
}

/* A fold alone is written out in part; of several, written out, gcc spills the sums (36 for 22 µs). Where tiles take a part of the
 * first fold at a time, it runs from b0 on. */
static const char *fold_loops(Emission *e, int except)
{
    const Stage *sum = e->kernel->stage;
    const int block = e->kernel->choice.block;
    Text text = text_new(e->w.arena);
    int count = 0;
    for (int f = 0; f < sum->fold_count; f++)
        count += sum->fold_axis[f] != except && is_loop(e, sum->fold_axis[f]) && !(f == 0 && block == 1);
    for (int f = 0; f < sum->fold_count; f++) {
        const int axis = sum->fold_axis[f];
        const char *k = letter_of(e, axis), *space = text.length ? " " : "";
        if (axis == except || (f == 0 && block == 1))
            continue;                                   /* another loop's: the caller's, or the one around all tiles */
        if (f == 0 && block)
            text_print(&text, count == 1 ? "NN_PART(%s, %s)" : "for (int %1$s = %1$s0; %1$s < %2$s; %1$s++)", k, part_end(e));
        else if (is_loop(e, axis))
            text_print(&text, count == 1 ? "NN_FOLD(%1$s, %2$s)" : "%3$sfor (int %1$s = 0; %1$s < %2$s; %1$s++)", k, axis_extent(&e->w, axis), space);
    }
    return text.length ? text.bytes : "";
}

/* Does a strip ask for what the next tiles read? The rest of the columns is too few tiles to ask for rows. */
static bool asks(const Emission *e, const Strip *strip)
{
    return e->kernel->choice.ahead && strip->from == 0;
}

/* The same where each eighth step asks for what the next tiles read, from emit_ahead's `ahead` on: of rows, which follow each other, as much
 * as a tile has columns; of columns, those of a step. */
static const char *fold_ahead(const Emission *e, const Strip *strip)
{
    const Tile *tile = &e->kernel->choice;
    const int axis = e->kernel->stage[0].fold_axis[0];
    const Buffer *columns = &e->w.plan->buffer[tile->b->buffer];
    const char *k = letter_of(e, axis), *step = tile->ahead == AHEAD_ROWS ? strip->columns.text : number_text(e, room_in(columns, 1));
    return arena_print(e->w.arena, "%s(%s, %s, %s, ahead, %s)", e->kernel->axis[axis].extent % 8 == 0 ? "NN_AHEAD" : "NN_ODD_AHEAD", k,
                       tile->block ? arena_print(e->w.arena, "%s0", k) : "0", tile->block ? part_end(e) : axis_extent(&e->w, axis), step);
}

/* const float *ahead = x[NN_LEAST(b0 + ROWS, BATCH - ROWS)];        what the next tiles read */
static void emit_ahead(Emission *e, const Strip *strip)
{
    const Kernel *kernel = e->kernel;
    const Tile *tile = &kernel->choice;
    const bool of_rows = tile->ahead == AHEAD_ROWS;
    const int axis = of_rows ? tile->row : tile->column;
    const char *size = of_rows ? strip->rows.text : strip->columns.text;
    const char *next = arena_print(e->w.arena, "[NN_LEAST(%1$s0 + %2$s, %3$s - %2$s)]", letter_of(e, axis), size, axis_extent(&e->w, axis));
    const char *name = array_name(e->w.plan, kernel, (of_rows ? tile->a : tile->b)->buffer), *k = letter_of(e, kernel->stage[0].fold_axis[0]);
    own_line(e, "const %s *ahead = %s;", local_type(e, kernel->stage), of_rows ? arena_print(e->w.arena, "%s%s", name, next)
         : arena_print(e->w.arena, "&%s[%s0]%s", name, k, next));
}

static const char *zero_or_one(const Emission *e, int number)
{
    return arena_print(e->w.arena, e->w.plan->model->precision == F32 ? "%d.0f" : "%d.0", number);
}

static void find_choice(Term *term, void *context)
{
    bool *found = context;
    *found |= term->kind == TERM_APPLY && strchr(op_info[term->op].c, '?') != NULL;
}

/* Does what follows choose? Then an element of the tile is read before: gcc gathers what is read only on one side (79 for 31 µs). */
static bool chooses(const Kernel *kernel)
{
    bool found = false;
    for (int s = 1; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, find_choice, &found);
    return found && !kernel->choice.block;
}

/* Where the factor of a tile's rows lies. */
static const char *row_factor(const Emission *e)
{
    const Kernel *kernel = e->kernel;
    if (kernel->choice.a)
        return term_text(&e->w, kernel->choice.a, BIND_SUM);
    const bool single = e->w.plan->model->precision == F32;
    return kernel->choice.lanes == kernel->choice.column ? zero_or_one(e, 1) : single ? "nn_onef[0]" : "nn_oned[0]";     /* a sum is a product with one */
}

static void emit_fetches(Emission *e, TileSize rows)
{
    const Kernel *kernel = e->kernel;
    for (int s = 0; s < kernel->stage_count; s++)
        if (assigns(e->w.plan, &kernel->stage[s]))
            line(e, "NN_FETCH(%s, %s, %s, %s);", letter_of(e, kernel->choice.row), rows.text, letter_of(e, kernel->choice.column),
                 access_text(&e->w, kernel->stage[s].buffer, kernel->stage[s].store, NULL));
}

/* The sums of one tile, then what follows them for its new elements. `a` and `b` are where the factors lie. */
static void emit_tile(Emission *e, const Strip *strip, const char *a, const char *b)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const int row = kernel->choice.row, column = kernel->choice.column, lanes = kernel->choice.lanes;
    const TileSize rows = strip->rows, columns = strip->columns;
    const bool several_rows = largest(rows) > 1, several = largest(columns) > 1;
    const bool in_parts = kernel->choice.block > 0;
    const int fold = strip->dots ? sum->fold_axis[0] : lanes;
    const char *r = letter_of(e, row), *c = letter_of(e, column), *name = in_parts ? "part" : chooses(kernel) ? "tile" : sum->name;
    const int lines = kernel->choice.lines;
    const char *y = lines > 1 ? letter_of(e, kernel->choice.line) : NULL;
    if (kernel->choice.fetches)
        emit_fetches(e, rows);
    own_line(e, "%s %s[%s][%s%s];", local_type(e, sum), name, rows.text, lines > 1 ? arena_print(e->w.arena, "%d * ", lines) : "", columns.text);
    Text call = text_new(e->w.arena);
    text_print(&call, "%s(%s, %s, %s, ", strip->dots ? "NN_DOTS" : lines > 1 ? "NN_LINES" : lanes == column ? "NN_CORE" : "NN_DOT", name, r, rows.text);
    if (lines > 1)
        text_print(&call, "%s, %d, ", y, lines);
    text_print(&call, "%s, %s, ", c, columns.text);
    if (!strip->dots)
        text_print(&call, "%s, ", asks(e, strip) ? fold_ahead(e, strip) : fold_loops(e, lanes == column ? NONE : lanes));
    if (strip->dots || lanes != column)
        text_print(&call, "%s, %s, %d, ", letter_of(e, fold), axis_extent(&e->w, fold), kernel->choice.width);
    text_print(&call, "%s, %s);", a, b);
    own_call_line(e, call.bytes);

    const bool rows_overlap = row != NONE && !e->w.picks_kept && !fills(rows, kernel->axis[row].extent);
    if (several_rows)
        open_over(e, row, "", arena_print(e->w.arena, "for (int %1$s = %1$s%2$d; %1$s < %1$s0 + %3$s; %1$s++)", r, rows_overlap, rows.text));
    else if (row != NONE)
        own_line(e, "const int %s = %s0;", r, r);
    if (lines > 1)
        open_over(e, kernel->choice.line, "", arena_print(e->w.arena, "for (int %1$s = %1$s0; %1$s < %1$s0 + %2$d; %1$s++)", y, lines));
    const char *fresh = strip->fresh != strip->from ? number_text(e, strip->fresh) : arena_print(e->w.arena, "%s%d", c, strip->clamps);
    const char *end = is_padded(kernel) ? number_text(e, strip->to) : arena_print(e->w.arena, "%s0 + %s", c, columns.text);
    if (several)
        open_over(e, column, lanes == column ? "NN_SIMD " : "", arena_print(e->w.arena, "for (int %1$s = %2$s; %1$s < %3$s; %1$s++)", c, fresh, end));
    else if (column != NONE)
        own_line(e, "const int %s = %s0;", c, c);
    const char *element = arena_print(e->w.arena, several_rows ? "[%1$s - %1$s0]" : "[0]", r);
    element = lines > 1 ? arena_print(e->w.arena, "%1$s[(%2$s - %2$s0) * %3$s + %4$s - %4$s0]", element, y, columns.text, c)
            : arena_print(e->w.arena, several ? "%1$s[%2$s - %2$s0]" : "%1$s[0]", element, c);
    if (in_parts) {
        assign_line(e, access_text(&e->w, sum->buffer, sum->store, NULL), "+=", arena_print(e->w.arena, "%s%s", name, element));
    } else {
        e->w.lanes_local = chooses(kernel) ? "" : element;
        if (chooses(kernel))
            line(e, "const %s %s = tile%s;", local_type(e, sum), sum->name, element);
        store_line(e, sum, arena_print(e->w.arena, "%s%s", sum->name, e->w.lanes_local));
        for (int s = 1; s < kernel->stage_count; s++)
            pointwise(e, s);
        e->w.lanes_local = NULL;
    }
    for (int loop = 0; loop < several_rows + (lines > 1) + several; loop++)
        close_block(e);
}

typedef struct Reading { const Kernel *kernel; int stage; bool found; } Reading;

static void find_changed(Term *term, void *context)
{
    Reading *r = context;
    for (int s = r->stage; s < r->kernel->stage_count; s++)
        r->found |= term->kind == TERM_READ && term->buffer == r->kernel->stage[s].buffer;
}

/* Does it give another result when it is computed again? An update does; what an earlier stage has written is the same again. */
bool changes_what_it_reads(const Kernel *kernel)
{
    Reading reading = {.kernel = kernel};
    for (; reading.stage < kernel->stage_count; reading.stage++)
        each_term(kernel->stage[reading.stage].term, find_changed, &reading);
    return reading.found;
}

/* ---- panels --------------------------------------------------------------------------------------------------------------- */

static bool is_around(const Kernel *kernel, int axis)
{
    return axis != kernel->choice.row && axis != kernel->choice.column && axis != kernel->choice.line;
}

/* Loops around the tiles, of axes that are neither row nor column: those that the panels depend on are around these as well. */
static void open_around(Emission *e, bool panels_know)
{
    for (int o = 0; o < e->kernel->outer_count; o++)
        if (is_around(e->kernel, e->kernel->outer[o]) && depends_on(e->kernel->choice.b, e->kernel->outer[o]) == panels_know)
            open_loop(e, e->kernel->outer[o]);
}

static void close_around(Emission *e, bool panels_know)
{
    for (int o = e->kernel->outer_count - 1; o >= 0; o--)
        if (is_around(e->kernel, e->kernel->outer[o]) && depends_on(e->kernel->choice.b, e->kernel->outer[o]) == panels_know)
            close_loop(e, e->kernel->outer[o]);
}

/* The folds as dimensions of an array, "[BATCH]", and as a place in it, "[b]": the part of a fold that is taken at a time. */
static void fold_dimensions(const Emission *e, Text *sizes, Text *place)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const int block = kernel->choice.block;
    for (int f = 0; f < sum->fold_count; f++) {
        const char *fold = letter_of(e, sum->fold_axis[f]);
        if (!is_loop(e, sum->fold_axis[f]))
            continue;
        text_print(sizes, "[%s]", block ? number_text(e, block) : axis_extent(&e->w, sum->fold_axis[f]));
        text_print(place, block ? "[%1$s - %1$s0]" : "[%1$s]", fold);
    }
}

/* The rows' factor of a tile: its array and what fills it. Returns where an element of it is. */
static const char *emit_side(Emission *e, TileSize rows)
{
    Text sizes = text_new(e->w.arena), place = text_new(e->w.arena);
    fold_dimensions(e, &sizes, &place);
    const char *r = letter_of(e, e->kernel->choice.row);
    own_line(e, "%s side%s[%s];", local_type(e, &e->kernel->stage[0]), sizes.bytes, rows.text);
    own_call_line(e, arena_print(e->w.arena, "NN_SIDE(side, %s, %s, %s, %s, %s);", r, rows.text, fold_loops(e, NONE), place.bytes, row_factor(e)));
    return arena_print(e->w.arena, "side%s[%s - %s0]", place.bytes, r, r);
}

static bool makes_all_sides(const Kernel *kernel)
{
    return kernel->choice.side && !kernel->choice.rows_outside;
}

/* The same for all tiles of a part of the fold:
 *   float side[100 / 5][256][5];
 *   NN_SIDES(side, j, 100, 5, NN_PART(b, b0 + 256), [b - b0], d_fc1[b][j]); */
static void emit_sides(Emission *e)
{
    const Tile *tile = &e->kernel->choice;
    const char *r = letter_of(e, tile->row), *extent = axis_extent(&e->w, tile->row);
    const int64_t height = e->kernel->axis[tile->row].extent;
    Text sizes = text_new(e->w.arena), place = text_new(e->w.arena);
    fold_dimensions(e, &sizes, &place);
    const TileSize rows = rows_of(e);
    const char *tiles = rows.growth > 1 ? arena_print(e->w.arena, "(%lld + %s - 1) / %s", (long long)height, rows.text, rows.text)
                      : number_text(e, (height + rows.number - 1) / rows.number);
    own_line(e, "%s side[%s]%s[%s];", local_type(e, &e->kernel->stage[0]), tiles, sizes.bytes, rows.text);
    own_call_line(e, arena_print(e->w.arena, "NN_SIDES(side, %s, %s, %s, %s, %s, %s);", r, extent, rows.text, fold_loops(e, NONE), place.bytes, row_factor(e)));
}

/* Where an element of what emit_sides has made is. */
static const char *side_of_all(const Emission *e, const Strip *strip)
{
    Text sizes = text_new(e->w.arena), place = text_new(e->w.arena);
    fold_dimensions(e, &sizes, &place);
    const char *r = letter_of(e, e->kernel->choice.row);
    if (!has_row_loop(e, strip))
        return arena_print(e->w.arena, "side[0]%s[%s]", place.bytes, r);
    return arena_print(e->w.arena, "side[%1$s%2$d / %3$s]%4$s[%1$s - %1$s0]", r, !fills(strip->rows, e->kernel->axis[e->kernel->choice.row].extent), strip->rows.text, place.bytes);
}

/* The panels of columns `first` to `end`: their array and what fills it. Returns where an element of them is. */
static const char *emit_panels(Emission *e, const Strip *strip, int64_t at_once, const char *first, const char *end)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    Arena *arena = e->w.arena;
    const int block = kernel->choice.block, last = sum->fold_axis[sum->fold_count - 1];
    const TileSize columns = strip->columns;
    const int64_t panels = at_once / columns.number;
    const char *c = letter_of(e, kernel->choice.column), *k = letter_of(e, last);
    Text sizes = text_new(arena), place = text_new(arena);
    fold_dimensions(e, &sizes, &place);
    const bool turned = turns_panels(e->w.plan, kernel, columns.number);
    const char *several = columns.growth > 1 ? arena_print(arena, "[%lld / %s]", (long long)at_once, columns.text)
                        : panels > 1 ? arena_print(arena, "[%lld]", (long long)panels) : "";
    own_line(e, "_Alignas(64) %s panel%s%s[%s];", local_type(e, sum), several, sizes.bytes, columns.text);
    Text call = text_new(arena);
    text_print(&call, "%s(%s, %s, %s, %s, %s, %s, ", turned ? "NN_TURNED_PANELS" : "NN_PANELS", panels > 1 ? "panel" : "&panel", c, first, end, columns.text,
               fold_loops(e, turned ? last : NONE));
    if (turned)
        text_print(&call, "%s, %s, %s, ", k, block ? arena_print(arena, "%s0", k) : "0",
                   block ? part_end(e) : axis_extent(&e->w, last));
    e->w.pads_columns = is_padded(kernel);
    text_print(&call, "%s, %s);", place.bytes, term_text(&e->w, kernel->choice.b, BIND_SUM));
    e->w.pads_columns = false;
    own_call_line(e, call.bytes);
    if (panels == 1)
        return arena_print(arena, "panel%s[%s - %s0]", place.bytes, c, c);
    if (strcmp(first, "0") == 0)
        return arena_print(arena, "panel[%1$s / %3$s]%2$s[%1$s %% %3$s]", c, place.bytes, columns.text);
    return arena_print(arena, "panel[(%1$s - %4$s) / %3$s]%2$s[(%1$s - %4$s) %% %3$s]", c, place.bytes, columns.text, first);
}

/* ---- strips --------------------------------------------------------------------------------------------------------------- */

static void emit_rows_and_columns(Emission *e, const Strip *strip, const Columns *columns, const char *b)
{
    if (e->kernel->choice.rows_outside)
        open_rows(e, strip);
    open_columns(e, strip, columns);
    if (asks(e, strip))
        emit_ahead(e, strip);
    if (!e->kernel->choice.rows_outside)
        open_rows(e, strip);
    emit_tile(e, strip, makes_all_sides(e->kernel) ? side_of_all(e, strip) : row_factor(e), b);
    for (int loop = 0; loop < columns->loop + has_row_loop(e, strip); loop++)
        close_block(e);
}

/* Columns with lanes along the fold, beside the tiles of their rows. */
static void emit_dots(Emission *e, const Strip *strip)
{
    const char *c = letter_of(e, e->kernel->choice.column);
    own_line(e, "/* the last %lld of %s: lanes along %s */", (long long)(strip->to - strip->fresh), c, letter_of(e, e->kernel->stage[0].fold_axis[0]));
    open_block(e, "{");
    own_line(e, "const int %s0 = %lld;", c, (long long)strip->from);
    emit_tile(e, strip, row_factor(e), term_text(&e->w, e->kernel->choice.b, BIND_SUM));
    close_block(e);
}

/* A group of panels after the other, each with all rows; one panel needs no loop over its columns. `dots`: the columns beside them, or NULL. */
static void emit_strip_in_panels(Emission *e, const Strip *strip, const Strip *dots)
{
    Columns columns = columns_of_strip(e, strip);
    const char *c = letter_of(e, e->kernel->choice.column);
    const int group = e->kernel->choice.group;
    const bool loop = columns.count > group && columns.loop;
    const int64_t at_once = columns.count < group && !is_padded(e->kernel) ? columns.count : group, panels = at_once / strip->columns.number;
    const char *first = columns.from;
    if (loop) {
        first = arena_print(e->w.arena, "%s%d", c, panels > 1);
        open_over(e, e->kernel->choice.column, "", arena_print(e->w.arena, "for (int %1$s = %2$s; %1$s < %3$s; %1$s += %4$d)", first, columns.from, columns.to, group));
        columns = (Columns){first, columns.count % group == 0 ? arena_print(e->w.arena, "%s + %d", first, group)
                            : arena_print(e->w.arena, "NN_LEAST(%s + %d, %s)", first, group, columns.to), largest(strip->columns), panels > 1};
    } else if (panels == 1) {
        first = arena_print(e->w.arena, "%s0", c);
        own_line(e, "const int %s = %s;", first, columns.from);
        columns.to = arena_print(e->w.arena, "%s + %s", first, strip->columns.text);
        columns.loop = false;
    }
    const char *b = emit_panels(e, strip, at_once, first, columns.to);
    open_around(e, false);
    open_rows(e, strip);
    const char *a = makes_all_sides(e->kernel) ? side_of_all(e, strip) : e->kernel->choice.side ? emit_side(e, strip->rows) : row_factor(e);
    if (asks(e, strip))
        emit_ahead(e, strip);
    if (columns.loop)
        open_columns(e, strip, &columns);
    emit_tile(e, strip, a, b);
    if (columns.loop)
        close_block(e);
    if (dots)
        emit_dots(e, dots);
    if (has_row_loop(e, strip))
        close_block(e);
    close_around(e, false);
    if (loop)
        close_block(e);
}

static void emit_strip(Emission *e, const Strip *strip, const Strip *dots)
{
    const Columns columns = columns_of_strip(e, strip);
    if (e->kernel->choice.group)
        emit_strip_in_panels(e, strip, dots);
    else
        emit_rows_and_columns(e, strip, &columns, term_text(&e->w, e->kernel->choice.b, BIND_SUM));
}

/* Columns that fill no tile: the last tile begins earlier, in the same loop where that may compute what follows again; else it has
 * loops of its own, so that whole registers of a matrix to update go through loops of constant length. */
static void emit_strips(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Tile *tile = &kernel->choice;
    const TileSize rows = rows_of(e), columns = columns_of(e);
    const int64_t breadth = extent_or_one(kernel, tile->column), rest = breadth % largest(columns);
    const bool once = tile->block || changes_what_it_reads(kernel);
    const bool apart = rest && !is_padded(kernel) && tile->ahead != AHEAD_COLUMNS && (tile->group || (tile->row != NONE && once && tile->lanes == tile->column));
    if (!apart) {
        emit_strip(e, &(Strip){0, breadth, 0, rows, columns, rest != 0 && once && !is_padded(kernel), false}, NULL);
        return;
    }
    const int narrow = tile->group ? tile->rest_columns : tile->columns;
    const TileSize rest_rows = tile->group && !makes_all_sides(kernel) ? size_of(e, tile->rest_rows) : rows, rest_columns = size_of(e, narrow);
    const Strip whole = {0, breadth - rest, 0, rows, columns, false, false};
    const Strip one = {breadth - narrow, breadth, breadth - rest, tile->rest_dots ? rows : rest_rows, rest_columns, false, tile->rest_dots};
    const Strip few = {breadth - rest, breadth, breadth - rest, rest_rows, rest_columns, true, false};      /* more than one tile, of those that do not grow */
    const Strip strip[] = {whole, rest > narrow ? few : one};
    for (int s = 0; s < 2 - tile->rest_dots; s++) {
        const bool loop = strip[s].to - strip[s].from > (tile->group ? tile->group : strip[s].columns.number);
        if (s == 1)
            own_line(e, strip[s].from < strip[s].fresh ? "/* the last %lld of %s fill no tile: theirs begins at %lld, what is new in it at %lld */"
                 : "/* the last %lld of %s */", (long long)rest, letter_of(e, tile->column), (long long)strip[s].from, (long long)strip[s].fresh);
        if (!loop || s == 1)                            /* a scope for its constants */
            open_block(e, "{");
        emit_strip(e, &strip[s], tile->rest_dots ? &strip[1] : NULL);
        if (!loop || s == 1)
            close_block(e);
    }
}

/* What the kept channels are called, and that the sums of the others are zero:
 *   int kept[20 + 1], number_kept = 0;                     the last one twice, for tiles of two
 *   for (int i = 0; i < 20; i++) {
 *       kept[number_kept] = i;
 *       number_kept += conv2_draw[b][i] >= 0.5f;
 *   }
 *   kept[number_kept] = kept[number_kept > 0 ? number_kept - 1 : 0];
 *   NN_ZERO(conv2_product[b], 20); */
static void emit_kept(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const Buffer *sums = &e->w.plan->buffer[sum->buffer];
    const char *extent = axis_extent(&e->w, kernel->kept.axis);
    own_line(e, "/* What is multiplied with zero afterwards is left at zero; kept[] are the others. */");
    line(e, "int kept[%s + %d], number_kept = 0;", extent, kernel->choice.rows - 1);
    open_loop(e, kernel->kept.axis);
    line(e, "kept[number_kept] = %s;", letter_of(e, kernel->kept.axis));
    line(e, "number_kept += %s;", term_text(&e->w, kernel->kept.condition, BIND_CHOICE));
    close_loop(e, kernel->kept.axis);
    line(e, "kept[number_kept] = kept[number_kept > 0 ? number_kept - 1 : 0];");
    const char *around = array_name(e->w.plan, kernel, sum->buffer);
    for (int d = 0; plain_axis(&sum->store[sums->order[d]]) != kernel->kept.axis; d++)
        around = arena_print(e->w.arena, "%s[%s]", around, index_text(&e->w, &sum->store[sums->order[d]], BIND_CHOICE));
    line(e, "NN_ZERO(%s, %s);", around, extent);
}

/* All tiles, within the loops over the axes that they do not have. */
static void emit_all(Emission *e)
{
    open_around(e, true);
    if (e->kernel->kept.condition)
        emit_kept(e);
    e->w.picks_kept = e->kernel->kept.condition != NULL;
    open_lines(e);
    if (!e->kernel->choice.group)
        open_around(e, false);
    if (makes_all_sides(e->kernel))
        emit_sides(e);
    emit_strips(e);
    if (!e->kernel->choice.group)
        close_around(e, false);
    if (has_line_loop(e))
        close_block(e);
    e->w.picks_kept = false;
    close_around(e, true);
}

static void open_in_memory_order(Emission *e, const int *axes, int count)
{
    int last = count - 1;
    while (last > 0 && !is_loop(e, axes[last]))
        last--;
    for (int a = 0; a < count; a++)
        open_loop_as(e, axes[a], a == last ? "NN_SIMD " : "");
}

static void close_in_memory_order(Emission *e, const int *axes, int count)
{
    for (int a = count - 1; a >= 0; a--)
        close_loop(e, axes[a]);
}

void emit_behind_sums(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Buffer *sums = &e->w.plan->buffer[kernel->stage[0].buffer], *updated = updated_here(e->w.plan, kernel);
    int axes[MAX_AXES * 2];
    const int count = axes_in_memory(kernel, updated && sums->rank == 2 ? updated : sums, axes);      /* of sums that lie across, one is read at a time */
    if (kernel->stage_count == 1)
        return;
    open_in_memory_order(e, axes, count);
    for (int s = 1; s < kernel->stage_count; s++)
        pointwise(e, s);
    close_in_memory_order(e, axes, count);
}

/* The sums of a long fold, a part of it at a time for all tiles, added up in an array, and then what follows them:
 *   for (int b0 = 0; b0 < BATCH; b0 += 256)  …  NN_CORE(part, j, 5, i, 16, NN_PART(b, b0 + 256), …)  …  d_fc1_weight[j][i] += part[j - j0][i - i0]; */
static void emit_parts(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const int fold = sum->fold_axis[0];
    const char *k = letter_of(e, fold), *extent = axis_extent(&e->w, fold);
    int axes[MAX_AXES * 2];
    const int count = axes_in_memory(kernel, &e->w.plan->buffer[sum->buffer], axes);
    open_in_memory_order(e, axes, count);
    assign_line(e, access_text(&e->w, sum->buffer, sum->store, NULL), "=", zero_or_one(e, 0));
    close_in_memory_order(e, axes, count);
    if (kernel->choice.block == 1)
        open_over(e, fold, "", arena_print(e->w.arena, "for (int %1$s = 0; %1$s < %2$s; %1$s++)", k, extent));
    else
        open_over(e, fold, "", arena_print(e->w.arena, "for (int %1$s0 = 0; %1$s0 < %2$s; %1$s0 += %3$d)", k, extent, kernel->choice.block));
    emit_all(e);
    close_block(e);
    emit_behind_sums(e);
}

void emit_contraction(Emission *e)
{
    emit_sizes(e);
    if (e->kernel->choice.block)
        emit_parts(e);
    else
        emit_all(e);
}
