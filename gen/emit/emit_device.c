/* emit_device.c: the loops of a kernel as one thread of a GPU runs them. kernel/device.c has decided which points are whose:
 *
 *   points      the thread finds out its point and does all of its stages, the same lines as in C
 *   blocks      the block finds out its point; threads take the elements of inner loops and folds in turn, t, t + 256, …; what a
 *               fold leaves in each thread is added up as a tree of fixed shape, and then known to all
 *   sum         threads take points in turn, and what the sum over all points leaves in each is added up so
 *   together    one block goes from point to point, its threads share what is inside
 *
 *   tiles       a block fetches rows of the one factor and columns of the other into shared memory, a part of the fold at a time; a
 *               thread keeps the sums of some elements in registers and does their later stages; on tensor cores factors are
 *               rounded on their way into shared memory, two of bf16 make a word
 *
 * Between threads of a block that read what another one wrote stands a barrier: `Since` knows what was read and written since
 * the last one. Nothing is ever added by atomics, so the same bits come out of every run. */
#include "emit/loops_internal.h"
#include <string.h>

/* What threads of the block have read and written since they last met, by buffer; arrays of the block come behind the buffers. */
typedef struct Since { bool *read, *written; int count; } Since;

typedef struct Device { Emission *e; Since since; int threads; } Device;

/* ---- places ------------------------------------------------------------------------------------------------------------- */

static int64_t extents(const Emission *e, const int *axis, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= e->kernel->axis[axis[i]].extent;
    return product;
}

/* "BATCH * 24 * 24": the elements of these axes */
static const char *extents_text(const Emission *e, const int *axis, int count)
{
    Text text = text_new(e->w.arena);
    for (int i = 0; i < count; i++)
        if (is_loop(e, axis[i]))
            text_print(&text, "%s%s", text.length ? " * " : "", axis_extent(&e->w, axis[i]));
    return text.length ? text.bytes : "1";
}

/* const int b = point / 576, y = point / 24 % 24, x = point % 24; */
static void declare_place(Emission *e, const char *flat, const int *axis, int count)
{
    Text text = text_new(e->w.arena);
    int loops = 0, seen = 0;
    for (int i = 0; i < count; i++)
        loops += is_loop(e, axis[i]);
    for (int i = 0; i < count; i++) {
        if (!is_loop(e, axis[i]))
            continue;
        const int64_t below = extents(e, axis + i + 1, count - i - 1);
        text_print(&text, "%s%s = %s", seen ? ", " : "", e->kernel->axis[axis[i]].letter, flat);
        if (below > 1)
            text_print(&text, " / %lld", (long long)below);
        if (seen++ > 0)
            text_print(&text, " %% %s", axis_extent(&e->w, axis[i]));
    }
    if (loops)
        line(e, "const int %s;", text.bytes);
}

/* What an index over these axes is called: that of the only one that is a loop, or "point"; NULL: there is none. */
static const char *flat_name(const Emission *e, const int *axis, int count)
{
    int loops = 0, only = NONE;
    for (int i = 0; i < count; i++)
        if (is_loop(e, axis[i])) {
            loops++;
            only = axis[i];
        }
    return loops == 0 ? NULL : loops == 1 ? e->kernel->axis[only].letter : "point";
}

/* The point of the thread; those behind the last one have nothing to do. */
static void declare_own_place(Device *d, const int *axis, int count)
{
    Emission *e = d->e;
    const char *flat = flat_name(e, axis, count);
    const int64_t points = extents(e, axis, count);
    if (!flat)
        return;
    if (points > INT32_MAX - d->threads)
        line(e, "const int64_t %s = (int64_t)blockIdx.x * %d + threadIdx.x;", flat, d->threads);
    else
        line(e, "const int %s = blockIdx.x * %d + threadIdx.x;", flat, d->threads);
    if (points % d->threads) {
        line(e, "if (%s >= %s)", flat, extents_text(e, axis, count));
        line(e, "    return;");
    }
    if (strcmp(flat, "point") == 0)
        declare_place(e, flat, axis, count);
}

/* Threads take the elements of these axes in turn, the last axis running fastest. Returns whether there is a loop. */
static bool open_shared(Device *d, const int *axis, int count)
{
    Emission *e = d->e;
    const char *letter = flat_name(e, axis, count);
    if (!letter)
        return false;
    line(e, "for (int %s = threadIdx.x; %s < %s; %s += %d) {", letter, letter, extents_text(e, axis, count), letter, d->threads);
    e->indent += INDENT;
    if (strcmp(letter, "point") == 0)
        declare_place(e, letter, axis, count);
    return true;
}

static void close_shared(Device *d, bool opened)
{
    if (!opened)
        return;
    d->e->indent -= INDENT;
    line(d->e, "}");
}

/* ---- barriers -------------------------------------------------------------------------------------------------------------- */

static int place_of_array(const Device *d, int stage)
{
    return d->e->w.plan->buffer_count + stage;
}

typedef struct Uses { const Device *d; bool *read; } Uses;

static void note_read(Term *term, void *context)
{
    const Uses *uses = context;
    if (term->kind == TERM_READ)
        uses->read[term->buffer] = true;
    else if (term->kind == TERM_STAGE && uses->d->e->is_array[term->stage])
        uses->read[place_of_array(uses->d, term->stage)] = true;
}

static void meet(Device *d)
{
    line(d->e, "__syncthreads();");
    memset(d->since.read, 0, sizeof(bool) * (size_t)d->since.count);
    memset(d->since.written, 0, sizeof(bool) * (size_t)d->since.count);
}

/* What a group uses, against what was used since the last barrier. */
typedef struct Usage { bool *read, *written, conflicts; } Usage;

/* `own`: buffers that the thread which runs the group has written itself, alone, since the last barrier; NULL: there are none. */
static Usage usage_of(const Device *d, const Group *group, const bool *own)
{
    const Kernel *kernel = d->e->kernel;
    Usage usage = {NEW(d->e->w.arena, bool, d->since.count), NEW(d->e->w.arena, bool, d->since.count), false};
    Uses uses = {d, usage.read};
    for (int s = group->first; s < group->end; s++) {
        each_term(kernel->stage[s].term, note_read, &uses);
        if (kernel->stage[s].buffer != NONE)
            usage.written[kernel->stage[s].buffer] = true;
        if (d->e->is_array[s])
            usage.written[place_of_array(d, s)] = true;
    }
    for (int i = 0; i < d->since.count; i++) {
        const bool is_written = d->since.written[i] && !(own && own[i]);
        usage.conflicts |= (usage.read[i] && is_written) || (usage.written[i] && (d->since.read[i] || is_written));
    }
    return usage;
}

/* A barrier, where the group reads what was written since the last one, or writes what was read or written. */
static void begin_group(Device *d, const Group *group, const bool *own)
{
    const Usage usage = usage_of(d, group, own);
    if (usage.conflicts)
        meet(d);
    for (int i = 0; i < d->since.count; i++) {
        d->since.read[i] |= usage.read[i];
        d->since.written[i] |= usage.written[i];
    }
}

/* ---- stages that the threads of a block share ---------------------------------------------------------------------------------- */

/* All threads get the whole sum. */
static void reduce(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    const char *f = e->w.plan->model->precision == F32 ? "f" : "";
    if (stage->fold == FOLD_ARGMAX)
        line(e, "%s = nn_block_argmax%s(%s_value, %s);", stage->name, f, stage->name, stage->name);
    else
        line(e, "%s = nn_block_%s%s(%s);", stage->name, stage->fold == FOLD_MAX ? "max" : "sum", f, stage->name);
}

static void open_first_thread(Emission *e)
{
    line(e, "if (threadIdx.x == 0) {");
    e->indent += INDENT;
}

static void close_first_thread(Emission *e)
{
    e->indent -= INDENT;
    line(e, "}");
}

static void store_once(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    if (stage->buffer == NONE)
        return;
    open_first_thread(e);
    store_line(e, stage, stage->name);
    close_first_thread(e);
}

/* A stage with inner axes and a fold: threads take the elements; or, of few elements with a long fold each, share the folds. */
static void share_folds(Device *d, int s)
{
    Emission *e = d->e;
    const Stage *stage = &e->kernel->stage[s];
    const bool by_element = e->is_array[s] || stage->folds_outer
                         || extents(e, stage->inner, stage->inner_count) >= extents(e, stage->fold_axis, stage->fold_count);
    bool elements = false, folds = false;
    if (by_element)
        elements = open_shared(d, stage->inner, stage->inner_count);
    else
        for (int i = 0; i < stage->inner_count; i++)
            open_loop(e, stage->inner[i]);
    begin_fold(e, s);
    if (by_element)
        for (int f = 0; f < stage->fold_count; f++)
            open_loop(e, stage->fold_axis[f]);
    else
        folds = open_shared(d, stage->fold_axis, stage->fold_count);
    fold_element(e, s);
    if (by_element) {
        for (int f = stage->fold_count - 1; f >= 0; f--)
            close_loop(e, stage->fold_axis[f]);
        if (!e->is_array[s])
            store_line(e, stage, stage->name);
        close_shared(d, elements);
        return;
    }
    close_shared(d, folds);
    reduce(e, s);
    store_once(e, s);
    for (int i = stage->inner_count - 1; i >= 0; i--)
        close_loop(e, stage->inner[i]);
}

/* Stages without loops: every thread knows the values, the first one stores. */
static void share_scalars(Device *d, const Group *group)
{
    Emission *e = d->e;
    bool is_first_threads = false, *own = NEW(e->w.arena, bool, d->since.count);
    for (int s = group->first; s < group->end; s++) {
        const Stage *stage = &e->kernel->stage[s];
        const Group one = {.first = s, .end = s + 1};
        const bool is_stored = stage->fold == FOLD_NONE && stage->buffer != NONE;
        if (is_first_threads && (!is_stored || usage_of(d, &one, own).conflicts)) {
            close_first_thread(e);
            is_first_threads = false;
            memset(own, 0, sizeof *own * (size_t)d->since.count);
        }
        begin_group(d, &one, own);
        if (is_stored && !is_first_threads) {
            open_first_thread(e);
            is_first_threads = true;
        }
        if (is_stored)
            own[stage->buffer] = true;
        if (stage->fold == FOLD_NONE) {
            pointwise(e, s);
            continue;
        }
        if (!stage->folds_outer)
            begin_fold(e, s);
        fold_element(e, s);
        if (!stage->folds_outer)
            store_once(e, s);
    }
    if (is_first_threads)
        close_first_thread(e);
}

static void share_group(Device *d, const Group *group)
{
    Emission *e = d->e;
    const Stage *stage = e->kernel->stage;
    const bool has_own_loops = stage[group->first].inner_count && stage[group->first].fold_count;
    if (!has_own_loops && extents(e, group->loops, group->loop_count) == 1) {
        share_scalars(d, group);
        return;
    }
    begin_group(d, group, NULL);
    if (has_own_loops) {
        share_folds(d, group->first);
        return;
    }
    for (int s = group->first; s < group->end; s++)
        if (stage[s].fold != FOLD_NONE && !stage[s].folds_outer)
            begin_fold(e, s);
    const bool opened = open_shared(d, group->loops, group->loop_count);
    for (int s = group->first; s < group->end; s++)
        if (stage[s].fold != FOLD_NONE)
            fold_element(e, s);
        else
            pointwise(e, s);
    close_shared(d, opened);
    for (int s = group->first; s < group->end; s++)
        if (stage[s].fold != FOLD_NONE && !stage[s].folds_outer) {
            reduce(e, s);
            store_once(e, s);
        }
}

static void share_stages(Device *d, bool after)
{
    const Kernel *kernel = d->e->kernel;
    for (Group group = {.end = 0}; group.end < kernel->stage_count;) {
        group = next_group(d->e, group.end);
        if (kernel->stage[group.first].after == after)
            share_group(d, &group);
    }
}

/* ---- the spreads ------------------------------------------------------------------------------------------------------------------ */

static void declare_shared(Emission *e)
{
    for (int s = 0; s < e->kernel->stage_count; s++)
        if (e->is_array[s])
            declare_array(e, "NN_SHARED ", s);
}

static void begin_outer_folds(Emission *e)
{
    for (int s = 0; s < e->kernel->stage_count; s++)
        if (e->kernel->stage[s].folds_outer)
            begin_fold(e, s);
}

/* What the threads have of the sums over all points, put together; each stage has its part from its own loops, or from the points. */
static void end_outer_folds(Device *d, bool points_are_shared)
{
    Emission *e = d->e;
    for (int s = 0; s < e->kernel->stage_count; s++) {
        const Stage *stage = &e->kernel->stage[s];
        if (!stage->folds_outer)
            continue;
        if (points_are_shared || extents(e, stage->fold_axis, stage->fold_count) > 1)
            reduce(e, s);
        store_once(e, s);
        if (stage->buffer != NONE)
            d->since.written[stage->buffer] = true;
    }
}

static void emit_points(Device *d)
{
    Emission *e = d->e;
    const Kernel *kernel = e->kernel;
    if (kernel->launch.points > 1) {
        declare_own_place(d, kernel->outer, kernel->outer_count);
    } else {
        line(e, "if (threadIdx.x > 0)");
        line(e, "    return;");
    }
    emit_stages(e, false);
    emit_stages(e, true);
}

static void emit_blocks(Device *d)
{
    declare_shared(d->e);
    declare_place(d->e, "blockIdx.x", d->e->kernel->outer, d->e->kernel->outer_count);
    share_stages(d, false);
    share_stages(d, true);
}

static void emit_sum(Device *d)
{
    Emission *e = d->e;
    begin_outer_folds(e);
    const bool opened = open_shared(d, e->kernel->outer, e->kernel->outer_count);
    emit_stages(e, false);
    close_shared(d, opened);
    for (int s = 0; s < e->kernel->stage_count; s++)
        if (e->kernel->stage[s].buffer != NONE && !e->kernel->stage[s].after)
            d->since.written[e->kernel->stage[s].buffer] = true;
    end_outer_folds(d, true);
    share_stages(d, true);
}

static void emit_together(Device *d)
{
    Emission *e = d->e;
    const Kernel *kernel = e->kernel;
    declare_shared(e);
    begin_outer_folds(e);
    for (int o = 0; o < kernel->outer_count; o++)
        open_loop(e, kernel->outer[o]);
    share_stages(d, false);
    for (int i = 0; i < d->since.count; i++)
        if (d->since.written[i]) {                      /* the next point's stages write there again */
            meet(d);
            break;
        }
    for (int o = kernel->outer_count - 1; o >= 0; o--)
        close_loop(e, kernel->outer[o]);
    end_outer_folds(d, false);
    share_stages(d, true);
}

/* A scatter: zero in the thread's column, then one row after the other to its place in it. */
static void emit_columns(Device *d)
{
    Emission *e = d->e;
    const Kernel *kernel = e->kernel;
    const Stage *stage = kernel->stage;
    const Scatter scatter = scatter_of(stage);
    int column[MAX_AXES * 2], count = 0;
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->outer[o] != scatter.picked)
            column[count++] = kernel->outer[o];
    declare_own_place(d, column, count);
    open_loop(e, scatter.picked);
    assign_line(e, access_text(&e->w, stage->buffer, stage->store, NULL), "=", zero(e));
    close_loop(e, scatter.picked);
    Index place[MAX_RANK + 1];
    for (int i = 0; i < e->w.plan->buffer[stage->buffer].rank; i++)
        place[i] = plain_axis(&stage->store[i]) == scatter.picked ? (Index){.divisor = 1, .looked_up = true} : stage->store[i];
    for (int f = 0; f < stage->fold_count; f++)
        open_loop(e, stage->fold_axis[f]);
    assign_line(e, access_text(&e->w, stage->buffer, place, scatter.index), "+=", term_text(&e->w, scatter.value, BIND_CHOICE));
    for (int f = stage->fold_count - 1; f >= 0; f--)
        close_loop(e, stage->fold_axis[f]);
}

/* ---- tiles ------------------------------------------------------------------------------------------------------------------------ */

/* One side of a tile: the axes of its elements, what an index over them is called, how many there are. */
typedef struct Side { const int *axis; int count; const char *flat, *letter; int64_t extent; int size, own; } Side;

static Side side_of(const Emission *e, const int *axis, int count, const char *name, int size, int own)
{
    const char *flat = flat_name(e, axis, count);
    Side side = {axis, count, flat && strcmp(flat, "point") != 0 ? flat : name, name, extents(e, axis, count), size, own};
    return side;
}

/* Its axes, where the index over them is known. */
static void declare_side(Emission *e, const Side *side)
{
    if (side->flat == side->letter)
        declare_place(e, side->flat, side->axis, side->count);
}

static void store_in_tile(Emission *e, const char *tile, const char *depth, const char *place, const char *value)
{
    Arena *arena = e->w.arena;
    switch (e->kernel->launch.products) {
    case PRODUCTS_FULL: assign_line(e, arena_print(arena, "%s[%s][%s]", tile, depth, place), "=", value); return;
    case PRODUCTS_TF32:
        assign_line(e, arena_print(arena, "%s[%s][%s]", tile, depth, place), "=", arena_print(arena, "nn_tf32(%s)", value));
        return;
    case PRODUCTS_BF16:
        assign_line(e, arena_print(arena, "%s[%s / 2][%s][%s %% 2]", tile, depth, place, depth), "=", arena_print(arena, "nn_bf16(%s)", value));
    }
}

/* for (int at = threadIdx.x; at < 64 * 16; at += 256) {
 *     const int b = b0 + at / 16, i = i0 + at % 16;
 *     left_tile[at % 16][at / 16] = b < BATCH && i < 784 ? image[b][i] : 0.0f;  */
static void fetch_tile(Device *d, const char *tile, const Term *term, const Side *side, const Side *fold)
{
    Emission *e = d->e;
    bool along_fold = false;
    for (int f = 0; f < fold->count; f++)
        along_fold |= runs_along(e->w.plan, term, fold->axis[f]);
    for (int a = 0; a < side->count; a++)
        if (runs_along(e->w.plan, term, side->axis[a]))
            along_fold = false;
    const char *place = along_fold ? arena_print(e->w.arena, "at / %d", TILE_DEPTH) : arena_print(e->w.arena, "at %% %d", side->size);
    const char *depth = along_fold ? arena_print(e->w.arena, "at %% %d", TILE_DEPTH) : arena_print(e->w.arena, "at / %d", side->size);
    line(e, "for (int at = threadIdx.x; at < %d * %d; at += %d) {", side->size, TILE_DEPTH, d->threads);
    e->indent += INDENT;
    line(e, "const int %s = %s0 + %s, %s = %s0 + %s;", side->flat, side->flat, place, fold->flat, fold->flat, depth);
    declare_side(e, side);
    declare_side(e, fold);
    Text guard = text_new(e->w.arena);
    if (side->extent % side->size)
        text_print(&guard, "%s < %s", side->flat, extents_text(e, side->axis, side->count));
    if (fold->extent % TILE_DEPTH)
        text_print(&guard, "%s%s < %s", guard.length ? " && " : "", fold->flat, extents_text(e, fold->axis, fold->count));
    const char *value = term_text(&e->w, term, guard.length ? BIND_COMPARE : BIND_CHOICE);
    if (guard.length)
        value = arena_print(e->w.arena, "%s ? %s : %s", guard.bytes, value, zero(e));
    store_in_tile(e, tile, depth, place, value);
    e->indent -= INDENT;
    line(e, "}");
}

/* const int b0 = blockIdx.x / 7 % 2 * 64 */
static const char *tile_begin(const Emission *e, int64_t below, int64_t tiles, bool is_first, int size)
{
    Text text = text_new(e->w.arena);
    if (tiles == 1)
        return "0";
    text_add(&text, "blockIdx.x");
    if (below > 1)
        text_print(&text, " / %lld", (long long)below);
    if (!is_first)
        text_print(&text, " %% %lld", (long long)tiles);
    text_print(&text, " * %d", size);
    return text.bytes;
}

/* The threads' own elements: the stages that follow their sums. */
static void finish_tile(Device *d, const Side *row, const Side *column)
{
    Emission *e = d->e;
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    line(e, "NN_UNROLL for (int r = 0; r < %d; r++)", row->own);
    line(e, "    NN_UNROLL for (int c = 0; c < %d; c++) {", column->own);
    e->indent += 2 * INDENT;
    if (kernel->launch.products == PRODUCTS_FULL)
        line(e, "const int %s = %s0 + NN_TILE_ROW(%d) + r, %s = %s0 + NN_TILE_COLUMN(%d) + c;", row->flat, row->flat, row->own,
             column->flat, column->flat, column->own);
    else
        line(e, "const int %s = %s0 + NN_CORE_ROW(%d, r), %s = %s0 + NN_CORE_COLUMN(%d, c);", row->flat, row->flat, row->own,
             column->flat, column->flat, column->own);
    Text guard = text_new(e->w.arena);
    if (row->extent % row->size)
        text_print(&guard, "%s >= %s", row->flat, extents_text(e, row->axis, row->count));
    if (column->extent % column->size)
        text_print(&guard, "%s%s >= %s", guard.length ? " || " : "", column->flat, extents_text(e, column->axis, column->count));
    if (guard.length) {
        line(e, "if (%s)", guard.bytes);
        line(e, "    continue;");
    }
    declare_side(e, row);
    declare_side(e, column);
    e->w.lanes_local = "[r][c]";
    store_line(e, sum, arena_print(e->w.arena, "%s[r][c]", sum->name));
    for (int s = 1; s < kernel->stage_count; s++)
        pointwise(e, s);
    e->w.lanes_local = NULL;
    e->indent -= 2 * INDENT;
    line(e, "    }");
}

static void declare_tiles(Emission *e, const char *real, const Side *row, const Side *column)
{
    const Products products = e->kernel->launch.products;
    if (products == PRODUCTS_BF16)
        line(e, "NN_TILE uint16_t left_tile[%d / 2][%d + 8][2], right_tile[%d / 2][%d + 8][2];", TILE_DEPTH, row->size, TILE_DEPTH, column->size);
    else
        line(e, "NN_TILE %s left_tile[%d][%d + %d], right_tile[%d][%d + %d];", real, TILE_DEPTH, row->size, products == PRODUCTS_FULL ? 4 : 8,
             TILE_DEPTH, column->size, products == PRODUCTS_FULL ? 4 : 8);
}

static void add_products(Emission *e, const char *real, const char *sum, const Side *row, const Side *column)
{
    if (e->kernel->launch.products == PRODUCTS_FULL)
        line(e, "NN_ADD_PRODUCTS(%s, %s, %d, %d, left_tile, right_tile, %d);", real, sum, row->own, column->own, TILE_DEPTH);
    else
        line(e, "NN_ADD_%s_PRODUCTS(%s, %d, %d, left_tile, right_tile, %d);", e->kernel->launch.products == PRODUCTS_TF32 ? "TF32" : "BF16",
             sum, row->own, column->own, TILE_DEPTH);
}

static void emit_product(Device *d)
{
    Emission *e = d->e;
    const Kernel *kernel = e->kernel;
    const Stage *sum = kernel->stage;
    const Side row = side_of(e, kernel->launch.row, kernel->launch.row_count, "row", kernel->launch.height, kernel->launch.rows);
    const Side column = side_of(e, kernel->launch.column, kernel->launch.column_count, "column", kernel->launch.width, kernel->launch.columns);
    const Side fold = side_of(e, sum->fold_axis, sum->fold_count, "fold", 1, 1);
    const char *real = local_type(e, sum);
    const int64_t down = (row.extent + row.size - 1) / row.size, across = (column.extent + column.size - 1) / column.size;
    const bool grouped_too = extents(e, kernel->launch.group, kernel->launch.group_count) > 1;
    declare_tiles(e, real, &row, &column);
    line(e, "const int %s0 = %s, %s0 = %s;", row.flat, tile_begin(e, across, down, !grouped_too, row.size), column.flat,
         tile_begin(e, 1, across, !grouped_too && down == 1, column.size));
    if (grouped_too)
        declare_place(e, arena_print(e->w.arena, down * across > 1 ? "blockIdx.x / %lld" : "blockIdx.x", (long long)(down * across)),
                      kernel->launch.group, kernel->launch.group_count);
    line(e, "%s %s[%d][%d] = {{%s}};", real, sum->name, row.own, column.own, zero(e));
    line(e, "for (int %s0 = 0; %s0 < %s; %s0 += %d) {", fold.flat, fold.flat, extents_text(e, fold.axis, fold.count), fold.flat, TILE_DEPTH);
    e->indent += INDENT;
    fetch_tile(d, "left_tile", kernel->launch.left, &row, &fold);
    fetch_tile(d, "right_tile", kernel->launch.right, &column, &fold);
    line(e, "__syncthreads();");
    add_products(e, real, sum->name, &row, &column);
    line(e, "__syncthreads();");
    e->indent -= INDENT;
    line(e, "}");
    finish_tile(d, &row, &column);
}

void emit_device_loops(Emission *e)
{
    const int count = e->w.plan->buffer_count + e->kernel->stage_count;
    Device d = {.e = e, .threads = e->kernel->launch.threads,
                .since = {NEW(e->w.arena, bool, count + 1), NEW(e->w.arena, bool, count + 1), count}};
    switch (e->kernel->launch.spread) {
    case SPREAD_POINTS: emit_points(&d); return;
    case SPREAD_BLOCKS: emit_blocks(&d); return;
    case SPREAD_SUM: emit_sum(&d); return;
    case SPREAD_TOGETHER: emit_together(&d); return;
    case SPREAD_TILES: emit_product(&d); return;
    case SPREAD_COLUMNS: emit_columns(&d); return;
    case SPREAD_ELEMENTS: bug("%s: a call of the runtime has no loops", e->kernel->name);
    }
}
