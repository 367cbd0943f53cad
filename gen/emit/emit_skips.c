/* emit_skips.c: the loops of a sum of products in which most factors are zero, as kernel/skip.c chose them.
 *
 * All sums are set to zero; then the elements of the factor in order, and each adds to the sums that it is part of, a run of neighbours
 * at a time: in memory, or in registers that those elements go through which grow the same sums; then plain loops over the sums for the stages that follow. A sum grows in the order of those elements,
 * whatever the width of a register. */
#include "emit/loops_internal.h"
#include <string.h>

static bool is_run(const Kernel *kernel, int axis)
{
    for (int r = 0; r < kernel->skip.run_count; r++)
        if (kernel->skip.run[r] == axis)
            return true;
    return false;
}

static Index without_axis(Index index, int axis)
{
    for (int t = 0; t < index.count; t++)
        if (index.term[t].axis == axis)
            return index_add(index, -index.term[t].factor, index_axis(axis));
    return index;
}

/* The element with which a run begins. */
static const char *beginning(Emission *e, int buffer, const Index *index)
{
    const Kernel *kernel = e->kernel;
    Index first[MAX_RANK + 1];
    for (int d = 0; d < e->w.plan->buffer[buffer].rank; d++) {
        first[d] = index[d];
        for (int r = 0; r < kernel->skip.run_count; r++)
            first[d] = without_axis(first[d], kernel->skip.run[r]);
    }
    return access_text(&e->w, buffer, first, NULL);
}

/* The axes of the stages behind the sum, in the order in which the sums lie. */
int axes_in_memory(const Kernel *kernel, const Buffer *buffer, int *axes)
{
    int count = 0;
    for (int d = 0; d < buffer->rank; d++) {
        const Index *index = &kernel->stage[0].store[buffer->order[d]];
        for (int t = 0; t < index->count; t++)
            axes[count++] = index->term[t].axis;
    }
    return count;
}

/* const int m = best[b][i][j][p] / 2, q = best[b][i][j][p] % 2; */
static void declare_places(Emission *e)
{
    const Kernel *kernel = e->kernel;
    Text text = text_new(e->w.arena);
    for (int d = 0; d < kernel->skip.digits; d++) {
        const PlaceDigit *digit = &kernel->skip.digit[d];
        text_print(&text, "%s%s = %s", d ? ", " : "const int ", kernel->axis[digit->axis].letter, term_text(&e->w, kernel->skip.best, BIND_PRODUCT));
        if (digit->factor > 1)
            text_print(&text, " / %lld", (long long)digit->factor);
        if (digit->modulus)
            text_print(&text, " %% %lld", (long long)digit->modulus);
    }
    if (text.length)
        own_line(e, "%s;", text.bytes);
}

/* The axis of the sums besides their runs; NONE. */
static int axis_across(const Kernel *kernel)
{
    int across = NONE;
    for (int i = 0; i < kernel->skip.inners; i++)
        if (!is_run(kernel, kernel->skip.inner[i]) && kernel->axis[kernel->skip.inner[i]].extent > 1)
            across = kernel->skip.inner[i];
    return across;
}

static void open_inner(Emission *e, const char *how)
{
    for (int i = 0; i < e->kernel->skip.inners; i++)
        if (!is_run(e->kernel, e->kernel->skip.inner[i]))
            open_loop_as(e, e->kernel->skip.inner[i], how);
}

static void close_inner(Emission *e)
{
    for (int i = e->kernel->skip.inners - 1; i >= 0; i--)
        if (!is_run(e->kernel, e->kernel->skip.inner[i]))
            close_loop(e, e->kernel->skip.inner[i]);
}

/* An element after the other:
 *   const float factor = d_pool[b][n][v][w];
 *   if (factor != 0) {
 *       const int u = best[b][n][v][w] / 2, o = best[b][n][v][w] % 2;
 *       NN_FOLD(k, 5)
 *           NN_ADD_RUN(d_x[b][k + u + 2 * v][o + 2 * w][0], factor, weight[n][k][0][0], 50);
 *   } */
static void emit_looks(Emission *e)
{
    const Kernel *kernel = e->kernel;
    assign_line(e, arena_print(e->w.arena, "const %s factor", real_type(e->w.plan, FLOAT)), "=", term_text(&e->w, kernel->skip.sparse, BIND_CHOICE));
    stand_beside(e);
    open_block(e, "if (factor != 0) {");
    declare_places(e);
    open_inner(e, "NN_FOLD");
    call_line(e, arena_print(e->w.arena, "NN_ADD_RUN(%s, factor, %s, %lld);", beginning(e, kernel->stage[0].buffer, kernel->skip.into),
                            beginning(e, kernel->skip.other->buffer, kernel->skip.other->index), (long long)kernel->skip.run_length));
    close_inner(e);
    close_block(e);
}

/* const int at[4] = {0, 1, 28, 29};     how far a window's elements lie behind its first, in the array that they are multiplied with */
static void declare_distances(Emission *e)
{
    const Kernel *kernel = e->kernel;
    int64_t places = 1;
    for (int d = 0; d < kernel->skip.digits; d++)
        places *= kernel->axis[kernel->skip.digit[d].axis].extent;
    if (!kernel->skip.digits)
        return;
    Text text = text_new(e->w.arena);
    own_line(e, "/* how far each element of a window lies behind its first; only the largest one's factor is not zero */");
    text_print(&text, "const int at[%lld] = {", (long long)places);
    for (int64_t place = 0; place < places; place++) {
        int64_t distance = 0;
        for (int d = 0; d < kernel->skip.digits; d++) {
            const PlaceDigit *digit = &kernel->skip.digit[d];
            const int64_t own = place / digit->factor;
            distance += (digit->modulus ? own % digit->modulus : own) * step_in_memory(&e->w.plan->buffer[kernel->skip.other->buffer], kernel->skip.other->index, digit->axis);
        }
        text_print(&text, "%s%lld", place ? ", " : "", (long long)distance);
    }
    own_call_line(e, arena_print(e->w.arena, "%s};", text.bytes));
}

/* Where a run begins that an element is multiplied with: (&x[b][0][2 * q][2 * v])[at[best[b][i][q][v]]]. */
static const char *place_of_run(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Buffer *array = &e->w.plan->buffer[kernel->skip.other->buffer];
    Index first[MAX_RANK + 1];
    for (int d = 0; d < array->rank; d++) {
        first[d] = kernel->skip.other->index[d];
        for (int i = 0; i < kernel->skip.inners; i++)
            first[d] = without_axis(first[d], kernel->skip.inner[i]);
        for (int i = 0; i < kernel->skip.digits; i++)
            first[d] = without_axis(first[d], kernel->skip.digit[i].axis);
    }
    const char *element = access_text(&e->w, kernel->skip.other->buffer, first, NULL);
    return kernel->skip.digits ? arena_print(e->w.arena, "(&%s)[at[%s]]", element, term_text(&e->w, kernel->skip.best, BIND_CHOICE)) : element;
}

/* for (int q = 0; q < 4; q++) for (int v = 0; v < 4; v++): the elements that grow the same sums */
static const char *loops_of_listed(Emission *e)
{
    Text text = text_new(e->w.arena);
    for (int p = e->kernel->skip.listed; p < e->kernel->skip.points; p++)
        if (is_loop(e, e->kernel->skip.point[p]))
            text_print(&text, "%1$sfor (int %2$s = 0; %2$s < %3$s; %2$s++)", text.length ? " " : "", e->kernel->axis[e->kernel->skip.point[p]].letter,
                       axis_extent(&e->w, e->kernel->skip.point[p]));
    return text.length ? text.bytes : "";
}

/* Runs of the sums, one or all of them, through `folds`. */
static void emit_add_runs(Emission *e, const char *folds, const char *factor, const char *from)
{
    const Kernel *kernel = e->kernel;
    const int across = kernel->skip.together > 1 ? axis_across(kernel) : NONE;
    Index into[MAX_RANK + 1];
    for (int d = 0; d < e->w.plan->buffer[kernel->stage[0].buffer].rank; d++)
        into[d] = across == NONE ? kernel->skip.into[d] : without_axis(kernel->skip.into[d], across);
    call_line(e, arena_print(e->w.arena, "NN_ADD_RUNS(%s, %lld, %d, %lld, %s, %s, %s, %lld);", beginning(e, kernel->stage[0].buffer, into),
                            (long long)step_in_memory(&e->w.plan->buffer[kernel->stage[0].buffer], kernel->skip.into, across), kernel->skip.together,
                            (long long)kernel->skip.run_length, folds, factor, from,
                            (long long)step_in_memory(&e->w.plan->buffer[kernel->skip.other->buffer], kernel->skip.other->index, across)));
}

/* Those of the elements that are not zero, then each run of the sums through all of them:
 *   float factor[16];
 *   const float *from[16];
 *   int living = 0;
 *   for (int q = 0; q < 4; q++)
 *       for (int v = 0; v < 4; v++) {
 *           factor[living] = d_pool[b][i][q][v];
 *           from[living] = &(&x[b][2 * q][2 * v][0])[at[best[b][i][q][v]]];
 *           living += factor[living] != 0;
 *       }
 *   for (int m = 0; m < 5; m++)
 *       NN_ADD_RUNS(d_weight[i][m][0][0], 0, 1, 50, for (int nth = 0; nth < living; nth++), factor[nth], from[nth][120 * m], 0); */
static void emit_list(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const char *real = real_type(e->w.plan, FLOAT);
    int64_t length = 1;
    for (int p = kernel->skip.listed; p < kernel->skip.points; p++)
        length *= kernel->axis[kernel->skip.point[p]].extent;
    own_line(e, "/* a list of the factors that are not zero, and of what they are multiplied with */");
    own_line(e, "%s factor[%lld];", real, (long long)length);
    own_line(e, "const %s *from[%lld];", real, (long long)length);
    line(e, "int living = 0;");
    for (int p = kernel->skip.listed; p < kernel->skip.points; p++)
        open_loop(e, kernel->skip.point[p]);
    assign_line(e, "factor[living]", "=", term_text(&e->w, kernel->skip.sparse, BIND_CHOICE));
    assign_line(e, "from[living]", "=", arena_print(e->w.arena, "&%s", place_of_run(e)));
    line(e, "living += factor[living] != 0;");
    for (int p = kernel->skip.points - 1; p >= kernel->skip.listed; p--)
        close_loop(e, kernel->skip.point[p]);
    Text place = text_new(e->w.arena);
    if (kernel->skip.together == 1) {
        open_inner(e, "");
        for (int i = 0; i < kernel->skip.inners; i++) {
            const int axis = kernel->skip.inner[i];
            const int64_t distance = step_in_memory(&e->w.plan->buffer[kernel->skip.other->buffer], kernel->skip.other->index, axis);
            if (!is_run(kernel, axis) && is_loop(e, axis) && distance)
                text_print(&place, "%s%lld * %s", place.length ? " + " : "", (long long)distance, kernel->axis[axis].letter);
        }
    }
    emit_add_runs(e, "for (int nth = 0; nth < living; nth++)", "factor[nth]", arena_print(e->w.arena, "from[nth][%s]", place.length ? place.bytes : "0"));
    if (kernel->skip.together == 1)
        close_inner(e);
}

/* The axis that the sums have outermost in memory, all of it in the order of its numbers; NONE. */
static int outermost_of_sums(const Kernel *kernel, const Buffer *sums)
{
    const int axis = plain_axis(&kernel->skip.into[sums->order[0]]);
    return sums->rank > 1 && axis != NONE && kernel->axis[axis].extent == room_in(sums, 0) ? axis : NONE;
}

/* NN_ZERO(d_x[b], 12); of a row, whose elements come next, or of all in turn, so that threads may share them */
static void emit_zero(Emission *e, const Buffer *sums, int axis, bool here)
{
    const char *name = array_name(e->w.plan, e->kernel, e->kernel->stage[0].buffer);
    if (axis == NONE) {
        const bool batch = sums->order[0] == 0 && e->w.plan->model->graph->nodes[sums->node].type.per_row;
        line(e, "NN_ZERO(%s, %s);", name, batch ? "BATCH" : arena_print(e->w.arena, "%lld", (long long)room_in(sums, 0)));
        return;
    }
    const char *index = is_loop(e, axis) ? e->kernel->axis[axis].letter : "0";
    if (!here)
        open_loop(e, axis);
    line(e, "NN_ZERO(%s[%s], %lld);", name, index, (long long)room_in(sums, 1));
    if (!here)
        close_loop(e, axis);
}

void emit_skips(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Buffer *sums = &e->w.plan->buffer[kernel->stage[0].buffer];
    const int loops = kernel->skip.way == SKIP_LOOK ? kernel->skip.points : kernel->skip.listed, outermost = outermost_of_sums(kernel, sums);
    const bool by_row = loops > 0 && outermost == kernel->skip.point[0];
    if (!by_row)
        emit_zero(e, sums, outermost, false);
    if (kernel->skip.way != SKIP_LOOK)
        declare_distances(e);
    for (int p = 0; p < loops; p++) {
        open_loop(e, kernel->skip.point[p]);
        if (p == 0 && by_row)
            emit_zero(e, sums, outermost, true);
    }
    if (kernel->skip.way == SKIP_LOOK)
        emit_looks(e);
    else if (kernel->skip.way == SKIP_LIST)
        emit_list(e);
    else
        emit_add_runs(e, loops_of_listed(e), term_text(&e->w, kernel->skip.sparse, BIND_CHOICE), place_of_run(e));
    for (int p = loops - 1; p >= 0; p--)
        close_loop(e, kernel->skip.point[p]);
    emit_behind_sums(e);
}
