/* emit_skips.c: the loops of a sum of products in which most factors are zero, as kernel/skip.c chose them.
 *
 * All sums are set to zero; then the elements of the factor in order, and each that is not zero adds to the sums that it is part of,
 * a run of neighbours at a time; then plain loops over the sums for the stages that follow. A sum grows in the order of those elements,
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

/* The element with which a run begins. */
static const char *beginning(Emission *e, int buffer, const Index *index)
{
    const Kernel *kernel = e->kernel;
    Index first[MAX_RANK + 1];
    for (int d = 0; d < e->w.plan->buffer[buffer].rank; d++) {
        first[d] = index[d];
        for (int r = 0; r < kernel->skip.run_count; r++)
            for (int t = 0; t < index[d].count; t++)
                if (index[d].term[t].axis == kernel->skip.run[r])
                    first[d] = index_add(first[d], -index[d].term[t].factor, index_axis(kernel->skip.run[r]));
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
        line(e, "%s;", text.bytes);
}

void emit_skips(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const Buffer *sums = &e->w.plan->buffer[kernel->stage[0].buffer];
    const char *name = array_name(e->w.plan, kernel, kernel->stage[0].buffer);
    const bool batch = sums->order[0] == 0 && e->w.plan->model->graph->nodes[sums->node].type.per_row;
    line(e, "NN_ZERO(%s, %s);", name, batch ? "BATCH" : arena_print(e->w.arena, "%lld", (long long)room_in(sums, 0)));
    for (int p = 0; p < kernel->skip.points; p++)
        open_loop(e, kernel->skip.point[p]);
    assign_line(e, arena_print(e->w.arena, "const %s factor", real_type(e->w.plan, FLOAT)), "=", term_text(&e->w, kernel->skip.sparse, BIND_CHOICE));
    line(e, "if (factor != 0) {");
    e->indent += INDENT;
    declare_places(e);
    for (int i = 0; i < kernel->skip.inners; i++)
        if (!is_run(kernel, kernel->skip.inner[i]))
            open_loop_as(e, kernel->skip.inner[i], "NN_FOLD");
    const char *call = arena_print(e->w.arena, "NN_ADD_RUN(%s, factor, %s, %lld);", beginning(e, kernel->stage[0].buffer, kernel->skip.into),
                                   beginning(e, kernel->skip.other->buffer, kernel->skip.other->index), (long long)kernel->skip.run_length);
    text_print(e->out, "%*s", e->indent, "");
    add_wrapped(e->out, call, "", (size_t)e->indent + INDENT, 0);
    text_add(e->out, "\n");
    for (int i = kernel->skip.inners - 1; i >= 0; i--)
        if (!is_run(kernel, kernel->skip.inner[i]))
            close_loop(e, kernel->skip.inner[i]);
    e->indent -= INDENT;
    line(e, "}");
    for (int p = kernel->skip.points - 1; p >= 0; p--)
        close_loop(e, kernel->skip.point[p]);
    emit_behind_sums(e);
}
