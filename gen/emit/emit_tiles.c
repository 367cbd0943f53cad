/* emit_tiles.c: the loops of a contraction, tile by tile, as kernel/tile.c chose them.
 *
 * Takes a kernel with choice.lanes set; gives, for each tile, the sums by NN_CORE or NN_DOT of core.h, then plain loops over the
 * tile for the stages that follow. Where tiles do not fill an axis the last one begins earlier and computes some of the sums
 * again, which gives the same bits; what follows the sums runs over new elements only, where it would not bear repeating. */
#include "emit/loops_internal.h"

static const char *letter_of(const Emission *e, int axis)
{
    return axis == NONE ? "nn_one" : e->kernel->axis[axis].letter;        /* an axis of one element; core.h has nn_one0 */
}

/* for (int b0 = 0; b0 < 96; b0 += 6) {       where tiles fill the axis, or end before the last, ragged one
 * for (int b1 = 0; b1 < BATCH; b1 += 6) {    where they do not: the last tile begins earlier, what is new in it at b1 */
static void open_tiles(Emission *e, int axis, int size, int64_t end)
{
    if (axis == NONE)
        return;
    const char *letter = letter_of(e, axis), *extent = axis_extent(&e->w, axis);
    if (e->kernel->axis[axis].extent == size) {
        line(e, "const int %s0 = 0;", letter);
        return;
    }
    const bool whole = end % size == 0;
    if (end != e->kernel->axis[axis].extent)
        extent = arena_print(e->w.arena, "%lld", (long long)end);
    line(e, "for (int %s%d = 0; %s%d < %s; %s%d%s) {", letter, !whole, letter, !whole, extent, letter, !whole,
         size == 1 ? "++" : arena_print(e->w.arena, " += %d", size));
    e->indent += INDENT;
    if (!whole)
        line(e, "const int %s0 = NN_LEAST(%s1, %s - %d);", letter, letter, extent, size);
}

static void close_tiles(Emission *e, int axis, int size)
{
    if (axis == NONE || e->kernel->axis[axis].extent == size)
        return;
    e->indent -= INDENT;
    line(e, "}");
}

/* A fold alone is written out in part; of several, written out, gcc spills the sums (36 for 22 µs). */
static const char *fold_loops(Emission *e, int except)
{
    const Stage *sum = &e->kernel->stage[0];
    Text text = text_new(e->w.arena);
    int count = 0;
    for (int f = 0; f < sum->fold_count; f++)
        count += sum->fold_axis[f] != except && is_loop(e, sum->fold_axis[f]);
    for (int f = 0; f < sum->fold_count; f++)
        if (sum->fold_axis[f] != except && is_loop(e, sum->fold_axis[f]))
            text_print(&text, count == 1 ? "NN_FOLD(%1$s, %2$s)" : "%3$sfor (int %1$s = 0; %1$s < %2$s; %1$s++)", letter_of(e, sum->fold_axis[f]),
                       axis_extent(&e->w, sum->fold_axis[f]), text.length ? " " : "");
    return text.length ? text.bytes : "";
}

/* The sums of one tile, then what follows them for its new elements: rows from b1, columns from `new_column` on. */
static void emit_tile(Emission *e, const char *new_column)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = &kernel->stage[0];
    const bool f32 = e->w.plan->model->precision == F32;
    const char *one = kernel->choice.lanes != kernel->choice.column ? f32 ? "nn_onef[0]" : "nn_oned[0]" : f32 ? "1.0f" : "1.0";     /* a sum is a product with one */
    const char *a = kernel->choice.a ? term_text(&e->w, kernel->choice.a, BIND_SUM) : one;
    const int row = kernel->choice.row, column = kernel->choice.column, lanes = kernel->choice.lanes, rows = kernel->choice.rows;
    const char *r = letter_of(e, row), *c = letter_of(e, column);
    line(e, "%s %s[%d][%d];", local_type(e, sum), sum->name, rows, kernel->choice.columns);
    Text call = text_new(e->w.arena);
    text_print(&call, "%s(%s, %s, %d, %s, %d, %s, ", lanes == column ? "NN_CORE" : "NN_DOT", sum->name, r, rows, c, kernel->choice.columns,
               fold_loops(e, lanes == column ? NONE : lanes));
    if (lanes != column)
        text_print(&call, "%s, %s, %d, ", letter_of(e, lanes), axis_extent(&e->w, lanes), kernel->choice.width);
    text_print(&call, "%s, %s);", a, term_text(&e->w, kernel->choice.b, BIND_SUM));
    text_print(e->out, "%*s", e->indent, "");
    add_wrapped(e->out, call.bytes, "", (size_t)e->indent + INDENT, 0);
    text_add(e->out, "\n");

    const bool rows_overlap = row != NONE && kernel->axis[row].extent % rows != 0;
    if (rows > 1)
        line(e, "for (int %s = %s%d; %s < %s0 + %d; %s++) {", r, r, rows_overlap, r, r, rows, r);
    else if (row != NONE)
        line(e, "const int %s = %s0;", r, r);
    e->indent += rows > 1 ? INDENT : 0;
    if (kernel->choice.columns > 1)
        line(e, "%sfor (int %s = %s; %s < %s0 + %d; %s++) {", lanes == column ? "NN_SIMD " : "", c, new_column, c, c, kernel->choice.columns, c);
    else if (column != NONE)
        line(e, "const int %s = %s0;", c, c);
    e->indent += kernel->choice.columns > 1 ? INDENT : 0;
    e->w.lanes_local = arena_print(e->w.arena, rows > 1 ? "[%1$s - %1$s0]" : "[0]", r);
    e->w.lanes_local = arena_print(e->w.arena, kernel->choice.columns > 1 ? "%1$s[%2$s - %2$s0]" : "%1$s[0]", e->w.lanes_local, c);
    store_line(e, sum, arena_print(e->w.arena, "%s%s", sum->name, e->w.lanes_local));
    for (int s = 1; s < kernel->stage_count; s++)
        pointwise(e, s);
    e->w.lanes_local = NULL;
    for (int loop = 0; loop < (rows > 1) + (kernel->choice.columns > 1); loop++) {
        e->indent -= INDENT;
        line(e, "}");
    }
}

typedef struct Reading { const Kernel *kernel; bool found; } Reading;

static void find_read_of_written(Term *term, void *context)
{
    Reading *r = context;
    for (int s = 0; s < r->kernel->stage_count; s++)
        r->found |= term->kind == TERM_READ && term->buffer == r->kernel->stage[s].buffer;
}

/* Does what follows the sums give another result when it is computed again? An update does. */
static bool only_once(const Kernel *kernel)
{
    Reading reading = {kernel, false};
    for (int s = 0; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, find_read_of_written, &reading);
    return reading.found;
}

static int64_t extent_or_one(const Kernel *kernel, int axis)
{
    return axis == NONE ? 1 : kernel->axis[axis].extent;
}

/* The sums of a long fold, a part of it at a time for all tiles, and then what follows them:
 *   for (int b0 = 0; b0 < BATCH; b0 += 128)  …  NN_CORE_ADD(d_fc1_weight, b0 > 0, j, 5, i, 16, for (int b = b0; …), …) */
static void emit_parts(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Stage *sum = &kernel->stage[0];
    const int fold = sum->fold_axis[0], block = kernel->choice.block, row = kernel->choice.row, column = kernel->choice.column;
    const int outer = kernel->choice.rows_outside ? row : column, inner = kernel->choice.rows_outside ? column : row;
    const char *k = letter_of(e, fold), *extent = axis_extent(&e->w, fold);
    const char *end = kernel->axis[fold].extent % block == 0 ? arena_print(e->w.arena, "%s0 + %d", k, block)
                    : arena_print(e->w.arena, "NN_LEAST(%s0 + %d, %s)", k, block, extent);
    const char *a = kernel->choice.a ? term_text(&e->w, kernel->choice.a, BIND_SUM) : e->w.plan->model->precision == F32 ? "1.0f" : "1.0";
    line(e, "for (int %s0 = 0; %s0 < %s; %s0 += %d) {", k, k, extent, k, block);
    e->indent += INDENT;
    open_tiles(e, outer, outer == row ? kernel->choice.rows : kernel->choice.columns, kernel->axis[outer].extent);
    open_tiles(e, inner, inner == row ? kernel->choice.rows : kernel->choice.columns, kernel->axis[inner].extent);
    const char *call = arena_print(e->w.arena, "NN_CORE_ADD(%s, %s0 > 0, %s, %d, %s, %d, for (int %s = %s0; %s < %s; %s++), %s, %s);",
        array_name(e->w.plan, kernel, sum->buffer), k, letter_of(e, row), kernel->choice.rows, letter_of(e, column), kernel->choice.columns,
        k, k, k, end, k, a, term_text(&e->w, kernel->choice.b, BIND_SUM));
    text_print(e->out, "%*s", e->indent, "");
    add_wrapped(e->out, call, "", (size_t)e->indent + INDENT, 0);
    text_add(e->out, "\n");
    close_tiles(e, inner, inner == row ? kernel->choice.rows : kernel->choice.columns);
    close_tiles(e, outer, outer == row ? kernel->choice.rows : kernel->choice.columns);
    e->indent -= INDENT;
    line(e, "}");
    if (kernel->stage_count == 1)
        return;
    open_loop(e, row);
    open_loop_as(e, column, "NN_SIMD ");
    for (int s = 1; s < kernel->stage_count; s++)
        pointwise(e, s);
    close_loop(e, column);
    close_loop(e, row);
}

/* Tiles of columns up to `end`, or the last one alone, each with its tiles of rows. */
static void emit_columns(Emission *e, int64_t end, const char *new_column)
{
    const Kernel *kernel = e->kernel;
    open_tiles(e, kernel->choice.column, kernel->choice.columns, end);
    if (!kernel->choice.rows_outside)
        open_tiles(e, kernel->choice.row, kernel->choice.rows, extent_or_one(kernel, kernel->choice.row));
    emit_tile(e, new_column);
    if (!kernel->choice.rows_outside)
        close_tiles(e, kernel->choice.row, kernel->choice.rows);
    close_tiles(e, kernel->choice.column, kernel->choice.columns);
}

static void emit_tiles(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const int row = kernel->choice.row, column = kernel->choice.column, columns = kernel->choice.columns;
    const char *c = letter_of(e, column);
    const int64_t breadth = extent_or_one(kernel, column), rest = breadth % columns;
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->outer[o] != row && kernel->outer[o] != column)
            open_loop(e, kernel->outer[o]);
    if (kernel->choice.rows_outside)
        open_tiles(e, row, kernel->choice.rows, extent_or_one(kernel, row));
    if (rest == 0 || row == NONE || !(only_once(kernel) && kernel->choice.lanes == column)) {
        emit_columns(e, breadth, arena_print(e->w.arena, "%s%d", c, rest != 0 && only_once(kernel)));
    } else {                                            /* whole registers of a matrix to update go through loops of constant length */
        emit_columns(e, breadth - rest, arena_print(e->w.arena, "%s0", c));
        line(e, "{");
        e->indent += INDENT;
        line(e, "const int %s0 = %lld;", c, (long long)(breadth - columns));
        if (!kernel->choice.rows_outside)
            open_tiles(e, row, kernel->choice.rows, extent_or_one(kernel, row));
        emit_tile(e, arena_print(e->w.arena, "%lld", (long long)(breadth - rest)));
        if (!kernel->choice.rows_outside)
            close_tiles(e, row, kernel->choice.rows);
        e->indent -= INDENT;
        line(e, "}");
    }
    if (kernel->choice.rows_outside)
        close_tiles(e, row, kernel->choice.rows);
    for (int o = kernel->outer_count - 1; o >= 0; o--)
        if (kernel->outer[o] != row && kernel->outer[o] != column)
            close_loop(e, kernel->outer[o]);
}

void emit_contraction(Emission *e)
{
    if (e->kernel->choice.block)
        emit_parts(e);
    else
        emit_tiles(e);
}
