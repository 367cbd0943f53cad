/* emit_lanes.c: a kernel that goes row by row through several stages, softmax and its kin, with sixteen rows side by side.
 *
 * Takes a kernel of FORM_ROW; gives, for each 16 neighbours of its last outer axis,
 *
 *   for (int b1 = 0; b1 < BATCH; b1 += 16) {
 *       const int b0 = NN_LEAST(b1, BATCH - 16);            the last sixteen begin earlier, some rows come twice
 *       float largest[16];
 *       NN_SIMD for (int b = b0; b < b0 + 16; b++)
 *           largest[b - b0] = -INFINITY;
 *       for (int k = 0; k < 10; k++)
 *           NN_SIMD for (int b = b0; b < b0 + 16; b++)
 *               largest[b - b0] = nn_maximumf(logits[b][k], largest[b - b0]);
 *
 * so that folds over 3 or 10 classes, which have no lanes of their own, and each row's logarithm are vector code: softmax with its
 * loss and gradient, 1347 rows of 10, 18 for 53 us. Each row's values are made in the order in which it would make them alone, and
 * what folds all rows adds them up one after the other: the bits are those of the loops as they stand. */
#include "emit/loops_internal.h"
#include <string.h>

enum { ROWS_IN_LANES = 16, LARGEST_IN_LANES = 256 /* elements of a row that a local keeps */ };

static int lanes_axis(const Emission *e)
{
    return e->kernel->outer[e->kernel->outer_count - 1];
}

/* A draw is a call, and what is guarded would be fetched lane by lane; a looked up class is worth it. */
static void find_obstacle(Term *term, void *context)
{
    bool *found = context;
    *found |= term->kind == TERM_RANDOM || term->kind == TERM_INSIDE;
    for (int i = 0; i < term->rank; i++)
        *found |= !term->index[i].looked_up && !is_affine(&term->index[i]);
}

/* Is there something that has no lanes within a row, and do the locals stay in the first cache? */
bool runs_rows_in_lanes(const Emission *e)
{
    const Kernel *kernel = e->kernel;
    bool obstacle = !has_lanes(e) || kernel->form != FORM_ROW || kernel->axis[lanes_axis(e)].extent < ROWS_IN_LANES;
    bool worth = false;
    for (int s = 0; s < kernel->stage_count && !obstacle; s++) {
        const Stage *stage = &kernel->stage[s];
        int64_t elements = 1;
        for (int i = 0; i < stage->inner_count; i++)
            elements *= kernel->axis[stage->inner[i]].extent;
        for (int f = 0; f < stage->fold_count && !stage->folds_outer; f++)
            elements *= kernel->axis[stage->fold_axis[f]].extent;
        obstacle = stage->fold == FOLD_ARGMAX || (stage->inner_count && stage->fold_count) || elements > LARGEST_IN_LANES
                || (stage->folds_outer && (stage->inner_count || stage->fold_count)) || folds_in_lanes(e, stage);
        each_term(stage->term, find_obstacle, &obstacle);
        worth |= stage->fold != FOLD_NONE && !stage->folds_outer;
    }
    return worth && !obstacle && !reads_what_it_writes(kernel);         /* rows may come twice */
}

static void find_lanes(Emission *e)
{
    const Kernel *kernel = e->kernel;
    for (Group group = {.end = 0}; group.end < kernel->stage_count; ) {
        group = next_group(e, group.end);
        for (int s = group.first; s < group.end; s++) {
            const Stage *stage = &kernel->stage[s];
            e->in_lanes[s] = !stage->folds_outer && !stage->after
                          && (stage->fold != FOLD_NONE || (stage->buffer == NONE && read_by(kernel, s, group.end, kernel->stage_count)));
        }
    }
    const char *letter = kernel->axis[lanes_axis(e)].letter;
    e->w.lane = arena_print(e->w.arena, "[%s - %s0]", letter, letter);
    e->w.in_lanes = e->in_lanes;
}

static void open_lanes_from(Emission *e, const char *how, int from)
{
    const char *letter = e->kernel->axis[lanes_axis(e)].letter;
    line(e, "%sfor (int %s = %s%d; %s < %s0 + %d; %s++) {", how, letter, letter, from, letter, letter, ROWS_IN_LANES, letter);
    e->indent += INDENT;
}

static void open_lanes(Emission *e)
{
    open_lanes_from(e, "NN_SIMD ", 0);
}

static bool rows_come_twice(const Emission *e)
{
    return e->kernel->axis[lanes_axis(e)].extent % ROWS_IN_LANES != 0;
}

static void close_lanes(Emission *e)
{
    e->indent -= INDENT;
    line(e, "}");
}

/* A sum over all rows: its terms in lanes, added in the order of the rows. */
static void emit_sum_of_rows(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    line(e, "%s part[%d];", local_type(e, stage), ROWS_IN_LANES);
    open_lanes(e);
    assign_line(e, arena_print(e->w.arena, "part%s", e->w.lane), "=", term_text(&e->w, stage->term, BIND_CHOICE));
    close_lanes(e);
    open_lanes_from(e, "", rows_come_twice(e));
    assign_line(e, stage->name, "+=", arena_print(e->w.arena, "part%s", e->w.lane));
    close_lanes(e);
}

static void emit_group_in_lanes(Emission *e, const Group *group)
{
    const Kernel *kernel = e->kernel;
    int folds = 0;
    for (int s = group->first; s < group->end; s++) {
        const Stage *stage = &kernel->stage[s];
        if (e->in_lanes[s]) {
            Text sizes = text_new(e->w.arena);
            for (int i = 0; i < stage->inner_count && e->is_array[s]; i++)
                text_print(&sizes, "[%s]", axis_extent(&e->w, stage->inner[i]));
            line(e, "%s %s%s[%d];", local_type(e, stage), stage->name, sizes.bytes, ROWS_IN_LANES);
        }
        folds += stage->fold != FOLD_NONE;
    }
    if (folds) {
        open_lanes(e);
        for (int s = group->first; s < group->end; s++)
            if (kernel->stage[s].fold != FOLD_NONE)
                begin_fold(e, s);
        close_lanes(e);
    }
    for (int l = 0; l < group->loop_count; l++)
        open_loop(e, group->loops[l]);
    open_lanes(e);
    for (int s = group->first; s < group->end; s++)
        if (kernel->stage[s].fold != FOLD_NONE)
            fold_element(e, s);
        else
            pointwise(e, s);
    close_lanes(e);
    for (int l = group->loop_count - 1; l >= 0; l--)
        close_loop(e, group->loops[l]);
    for (int s = group->first; s < group->end; s++)
        if (kernel->stage[s].fold != FOLD_NONE && kernel->stage[s].buffer != NONE) {
            open_lanes(e);
            store_line(e, &kernel->stage[s], local_element(e, s));
            close_lanes(e);
        }
}

void emit_rows_in_lanes(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const int axis = lanes_axis(e);
    const char *letter = kernel->axis[axis].letter, *extent = axis_extent(&e->w, axis);
    find_lanes(e);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            begin_fold(e, s);
    for (int o = 0; o < kernel->outer_count - 1; o++)
        open_loop(e, kernel->outer[o]);
    const bool twice = rows_come_twice(e);
    line(e, "for (int %s%d = 0; %s%d < %s; %s%d += %d) {", letter, twice, letter, twice, extent, letter, twice, ROWS_IN_LANES);
    e->indent += INDENT;
    if (twice)
        line(e, "const int %s0 = NN_LEAST(%s1, %s - %d);", letter, letter, extent, ROWS_IN_LANES);
    for (Group group = {.end = 0}; group.end < kernel->stage_count; ) {
        group = next_group(e, group.end);
        if (kernel->stage[group.first].after)
            continue;
        Group some = group;
        for (int s = group.first; s < group.end; s++)   /* a sum of all rows has loops of its own */
            if (kernel->stage[s].folds_outer) {
                some.end = s;
                if (some.first < some.end)
                    emit_group_in_lanes(e, &some);
                emit_sum_of_rows(e, s);
                some.first = s + 1;
            }
        some.end = group.end;
        if (some.first < some.end)
            emit_group_in_lanes(e, &some);
    }
    close_lanes(e);
    for (int o = kernel->outer_count - 2; o >= 0; o--)
        close_loop(e, kernel->outer[o]);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            store_line(e, &kernel->stage[s], kernel->stage[s].name);
    emit_stages(e, true);
}
