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
 *           NN_SIMD_SUMS for (int b = b0; b < b0 + 16; b++)
 *               largest[b - b0] = nn_maximumf(logits[b][k], largest[b - b0]);
 *
 * so that folds over 3 or 10 classes, which have no lanes of their own, and each row's logarithm are vector code: softmax with its
 * loss and gradient, 1347 rows of 10, 18 for 53 us. Each row's values are made in the order in which it would make them alone; what
 * folds all rows has a part in each lane, and these are added up as a tree, in one order for every width of registers. */
#include "emit/loops_internal.h"
#include <string.h>

enum { ROWS_IN_LANES = 16, FEW_IN_LANES = 8, LARGEST_IN_LANES = 256 /* elements of a row that a local keeps */, SHORTEST_ROW_SUM = 32 };

/* The innermost outer loop. */
static int lanes_axis(const Kernel *kernel)
{
    int o = kernel->outer_count - 1;
    while (o > 0 && kernel->axis[kernel->outer[o]].extent == 1)
        o--;
    return kernel->outer[o];
}

/* Rows side by side: sixteen, or eight where there are fewer and no sum goes over them. 0: too few. The largest of 20 rows of 13 that are
 * looked up, 100 times: 51 and 2.8 µs. */
static int rows_at_once(const Kernel *kernel)
{
    const int64_t rows = kernel->axis[lanes_axis(kernel)].extent;
    bool summed = false;
    for (int s = 0; s < kernel->stage_count; s++)
        summed |= kernel->stage[s].folds_outer;
    return rows >= ROWS_IN_LANES ? ROWS_IN_LANES : rows >= FEW_IN_LANES && !summed ? FEW_IN_LANES : 0;
}

typedef struct Beside { const Plan *plan; int axis; bool found; } Beside;

static void find_beside(Term *term, void *context)
{
    Beside *b = context;
    if (term->kind == TERM_READ && term->rank) {
        const Buffer *buffer = &b->plan->buffer[term->buffer];
        b->found |= plain_axis(&term->index[buffer->order[buffer->rank - 1]]) == b->axis;
    }
}

/* Is it a long fold whose own neighbours are apart in memory, while the rows' are beside each other in some array? Row by row, each row
 * would fetch every line of that array once more: sums over 64 images of 24 x 24, channels innermost, for 64 channels 4.6 times as long. */
static bool folds_across_lines(const Emission *e, const Stage *stage)
{
    Beside beside = {e->w.plan, lanes_axis(e->kernel), false};
    for (int s = 0; s < e->kernel->stage_count; s++)
        if (e->kernel->stage[s].inner_count)
            return false;
    each_term(stage->term, find_beside, &beside);
    return beside.found && steps_inside(e->kernel, stage) > MOST_WRITTEN_OUT && !folds_in_lanes(e, stage);
}

bool folds_vectors(const Emission *e)
{
    const Kernel *kernel = e->kernel;
    bool fold = false, others = false;
    if (!has_lanes(e) || (kernel->form != FORM_ROW && kernel->form != FORM_NEST) || !kernel->outer_count
        || !rows_at_once(kernel))
        return false;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const bool vectors = ((stage->fold == FOLD_SUM || stage->fold == FOLD_MAX) && combines_vectors(kernel, stage) && stage->term->kind != TERM_READ)
            || (stage->fold != FOLD_NONE && folds_across_lines(e, stage));
        fold |= vectors;
        others |= stage->inner_count ? stage->fold != FOLD_NONE || stage->buffer != NONE : stage->fold != FOLD_NONE && !stage->folds_outer && !vectors;
    }
    return fold && !others;
}

/* A draw is a call, and what is guarded would be fetched lane by lane; a looked up class is worth it. */
static void find_obstacle(Term *term, void *context)
{
    bool *found = context;
    *found |= term->kind == TERM_RANDOM || term->kind == TERM_INSIDE;
    for (int i = 0; i < term->rank; i++)
        *found |= !term->index[i].looked_up && !is_affine(&term->index[i]);
}

typedef struct Lying { const Plan *plan; int axis; bool apart; } Lying;

static void find_apart(Term *term, void *context)
{
    Lying *l = context;
    const Buffer *buffer = term->kind == TERM_READ ? &l->plan->buffer[term->buffer] : NULL;
    for (int d = 0; buffer && d < term->rank; d++)
        l->apart |= has_axis(&term->index[d], l->axis) && buffer->order[buffer->rank - 1] != d;
}

/* Are neighbouring rows apart in an array that the kernel reads? */
static bool are_rows_apart(const Emission *e)
{
    Lying lying = {e->w.plan, lanes_axis(e->kernel), false};
    for (int s = 0; s < e->kernel->stage_count; s++)
        each_term(e->kernel->stage[s].term, find_apart, &lying);
    return lying.apart;
}

/* Is a row written whose elements are apart, while those of neighbouring rows lie side by side? One by one, 128 x 128 took 31 µs, in lanes 1. */
static bool writes_rows_apart(const Emission *e)
{
    bool apart = false, folds = e->kernel->form != FORM_NEST || !e->kernel->outer_count;
    for (int s = 0; s < e->kernel->stage_count && !folds; s++) {
        const Stage *stage = &e->kernel->stage[s];
        const Buffer *written = stage->buffer == NONE ? NULL : &e->w.plan->buffer[stage->buffer];
        apart |= written && stage->inner_count && plain_axis(&stage->store[written->order[written->rank - 1]]) == lanes_axis(e->kernel);
        folds |= stage->fold != FOLD_NONE;
    }
    return apart && !folds;
}

/* Is there something that has no lanes within a row, and do the locals stay in the first cache? A fold that has is no obstacle where
 * all rows lie beside each other: it is over locals. */
bool runs_rows_in_lanes(const Emission *e)
{
    const Kernel *kernel = e->kernel;
    const bool apart = writes_rows_apart(e);
    bool obstacle = !has_lanes(e) || (kernel->form != FORM_ROW && !e->folds_vectors && !apart) || !rows_at_once(kernel);
    bool worth = apart;
    for (int s = 0; s < kernel->stage_count && !obstacle; s++) {
        const Stage *stage = &kernel->stage[s];
        int64_t elements = 1;
        for (int i = 0; i < stage->inner_count && !e->folds_vectors && !(apart && stage->buffer != NONE); i++)
            elements *= kernel->axis[stage->inner[i]].extent;
        for (int f = 0; f < stage->fold_count && !stage->folds_outer && !e->folds_vectors; f++)
            elements *= kernel->axis[stage->fold_axis[f]].extent;
        obstacle = (stage->fold == FOLD_ARGMAX && !e->folds_vectors) || (stage->inner_count && stage->fold_count) || elements > LARGEST_IN_LANES
                || (stage->folds_outer && (stage->inner_count || stage->fold_count)) || (folds_in_lanes(e, stage) && are_rows_apart(e));
        each_term(stage->term, find_obstacle, &obstacle);
        worth |= stage->fold != FOLD_NONE && !stage->folds_outer;
    }
    return worth && !obstacle && (e->folds_vectors || !changes_what_it_reads(kernel));     /* rows may come twice */
}

static void find_lanes(Emission *e)
{
    const Kernel *kernel = e->kernel;
    for (Group group = {.end = 0}; group.end < kernel->stage_count; ) {
        group = next_group(e, group.end);
        for (int s = group.first; s < group.end; s++) {
            const Stage *stage = &kernel->stage[s];
            int end = s + 1;                            /* of its loops: a sum of all rows has others */
            while (end < group.end && !kernel->stage[end].folds_outer)
                end++;
            e->in_lanes[s] = !stage->folds_outer && !stage->after
                          && (stage->fold != FOLD_NONE || (stage->buffer == NONE && read_by(kernel, s, end, kernel->stage_count)));
        }
    }
    const char *letter = kernel->axis[lanes_axis(e->kernel)].letter;
    e->w.lane = arena_print(e->w.arena, "[%s - %s0]", letter, letter);
    e->w.in_lanes = e->in_lanes;
}

static void open_lanes_from(Emission *e, const char *how, int from)
{
    const int axis = lanes_axis(e->kernel);
    open_over(e, axis, how, arena_print(e->w.arena, "for (int %1$s = %1$s%2$d; %1$s < %1$s0 + %3$d; %1$s++)", e->kernel->axis[axis].letter, from, e->rows_in_lanes));
}

static void open_lanes(Emission *e)
{
    open_lanes_from(e, "NN_SIMD ", 0);
}

static bool rows_come_twice(const Emission *e)
{
    return e->kernel->axis[lanes_axis(e->kernel)].extent % rows_at_once(e->kernel) != 0 && !changes_what_it_reads(e->kernel);
}

/* Elements at an index that is looked up by each row, its class, come one after the other, in a loop of their own: in the loop that needs
 * them they would keep all of it out of the lanes (loss of 300 rows of 3: 4.5 for 1.2 us). */
typedef struct Fetching { Emission *e; Fetch fetch[4]; int count; } Fetching;

static void fetch_term(Term *term, void *context)
{
    Fetching *fetching = context;
    Emission *e = fetching->e;
    bool looked_up = false;
    for (int i = 0; i < term->rank; i++)
        looked_up |= term->index[i].looked_up && depends_on(term->operand[0], lanes_axis(e->kernel));
    if (!looked_up || (term->kind != TERM_READ && term->kind != TERM_STAGE) || fetching->count == 4)
        return;
    const char *text = term_text(&e->w, term, BIND_CHOICE);
    for (int f = 0; f < fetching->count; f++)
        if (strcmp(fetching->fetch[f].looked_up, text) == 0)
            return;
    const char *whose = term->kind == TERM_STAGE ? e->kernel->stage[term->stage].name : array_name(e->w.plan, e->kernel, term->buffer);
    Fetch *fetch = &fetching->fetch[fetching->count++];
    *fetch = (Fetch){text, arena_print(e->w.arena, fetching->count == 1 ? "%s_there" : "%s_there%d", whose, fetching->count)};
    own_line(e, "%s %s[%d];", real_type(e->w.plan, term->scalar), fetch->name, e->rows_in_lanes);
    open_lanes_from(e, "", 0);
    assign_line(e, arena_print(e->w.arena, "%s%s", fetch->name, e->w.lane), "=", text);
    close_block(e);
}

/* Fetches what the stages look up; until `forget` their terms are written with the locals. */
static void fetch_for(Fetching *fetching, int first, int end)
{
    Emission *e = fetching->e;
    for (int s = first; s < end; s++)
        each_term(e->kernel->stage[s].term, fetch_term, fetching);
    e->w.fetch = fetching->fetch;
    e->w.fetch_count = fetching->count;
}

static void forget(Emission *e)
{
    e->w.fetch_count = 0;
}

/* A sum over all rows has sixteen parts, one a lane; a row that comes again adds nothing. */
static void emit_sum_of_rows(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    const char *letter = e->kernel->axis[lanes_axis(e->kernel)].letter;
    Fetching fetching = {.e = e};
    fetch_for(&fetching, s, s + 1);
    const char *term = term_text(&e->w, stage->term, BIND_CHOICE);
    if (rows_come_twice(e))
        term = arena_print(e->w.arena, "nn_choose%s(%s >= %s1, %s, %s)", e->w.plan->model->precision == F32 ? "f" : "", letter, letter, term, zero(e));
    open_lanes_from(e, "NN_SIMD_SUMS ", 0);
    assign_line(e, arena_print(e->w.arena, "%s_lanes%s", stage->name, e->w.lane), "+=", term);
    close_block(e);
    forget(e);
}

static void find_lookup(Term *term, void *context)
{
    for (int i = 0; i < term->rank; i++)
        *(bool *)context |= term->index[i].looked_up;
}

/* One sum, so long that additions waiting for each other are what it takes: NN_ROW_SUM. */
static bool is_long_sum(const Emission *e, const Group *group)
{
    const Stage *stage = &e->kernel->stage[group->first];
    bool lookup = false;
    each_term(stage->term, find_lookup, &lookup);
    return group->end == group->first + 1 && stage->fold == FOLD_SUM && stage->fold_count == 1 && !stage->inner_count && !lookup
        && e->kernel->axis[stage->fold_axis[0]].extent >= SHORTEST_ROW_SUM;
}

static void emit_long_sum(Emission *e, int s)
{
    const Stage *stage = &e->kernel->stage[s];
    const int axis = stage->fold_axis[0];
    stand_beside(e);
    text_print(e->out, "%*s", e->indent, "");
    add_wrapped(e->out, arena_print(e->w.arena, "NN_ROW_SUM(%s, %s, %s, %d, %s, %s, %s);", local_type(e, stage), stage->name,
                                    e->kernel->axis[lanes_axis(e->kernel)].letter, e->rows_in_lanes, e->kernel->axis[axis].letter,
                                    axis_extent(&e->w, axis), term_text(&e->w, stage->term, BIND_CHOICE)),
                "", (size_t)e->indent + 2 * INDENT, 0);
    text_add(e->out, "\n");
}

/* The stages' folds and elements, in the loops that they share. */
static void emit_loops_in_lanes(Emission *e, const Group *group, int folds)
{
    const Kernel *kernel = e->kernel;
    if (folds) {
        open_lanes(e);
        for (int s = group->first; s < group->end; s++)
            if (kernel->stage[s].fold != FOLD_NONE)
                begin_fold(e, s);
        close_block(e);
    }
    for (int l = 0; l < group->loop_count; l++)
        open_loop_as(e, group->loops[l], folds > 1 && l == group->loop_count - 1 ? "NN_ROLLED " : "");
    Fetching fetching = {.e = e};
    fetch_for(&fetching, group->first, group->end);
    open_lanes_from(e, folds && e->rows_in_lanes > FEW_IN_LANES ? "NN_SIMD_SUMS " : "NN_SIMD ", 0);     /* gcc writes eight out, then sees no vectors */
    for (int s = group->first; s < group->end; s++)
        if (kernel->stage[s].fold != FOLD_NONE)
            fold_element(e, s);
        else
            pointwise(e, s);
    close_block(e);
    forget(e);
    for (int l = group->loop_count - 1; l >= 0; l--)
        close_loop(e, group->loops[l]);
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
            own_line(e, "%s %s%s[%d];", local_type(e, stage), stage->name, sizes.bytes, e->rows_in_lanes);
            if (stage->fold == FOLD_ARGMAX && !stage->beside_largest)
                own_line(e, "%s %s_value[%d];", real_type(e->w.plan, FLOAT), stage->name, e->rows_in_lanes);
        }
        folds += stage->fold != FOLD_NONE;
    }
    if (is_long_sum(e, group))
        emit_long_sum(e, group->first);
    else
        emit_loops_in_lanes(e, group, folds);
    for (int s = group->first; s < group->end; s++)
        if (kernel->stage[s].fold != FOLD_NONE && kernel->stage[s].buffer != NONE) {
            open_lanes(e);
            store_line(e, &kernel->stage[s], local_element(e, s));
            close_block(e);
        }
}

/* The stages for the rows of one block. */
static void emit_block(Emission *e, int rows)
{
    const Kernel *kernel = e->kernel;
    e->rows_in_lanes = rows;
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
}

void emit_rows_in_lanes(Emission *e)
{
    const Kernel *kernel = e->kernel;
    const int axis = lanes_axis(kernel);
    const char *letter = kernel->axis[axis].letter, *extent = axis_extent(&e->w, axis);
    const int rows = rows_at_once(kernel), rest = (int)(kernel->axis[axis].extent % rows);
    const bool twice = rows_come_twice(e), apart = rest && !twice;
    find_lanes(e);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            line(e, "%s %s_lanes[%d] = {0};", local_type(e, &kernel->stage[s]), kernel->stage[s].name, ROWS_IN_LANES);
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->outer[o] != axis)
            open_loop(e, kernel->outer[o]);
    const char *end = apart ? arena_print(e->w.arena, "%s - %d", extent, rest) : extent;
    open_over(e, axis, "", arena_print(e->w.arena, "for (int %1$s%2$d = 0; %1$s%2$d < %3$s; %1$s%2$d += %4$d)", letter, twice, end, rows));
    if (twice)
        own_line(e, "const int %s0 = NN_LEAST(%s1, %s - %d);", letter, letter, extent, rows);
    emit_block(e, rows);
    close_block(e);
    if (apart) {                                        /* what is updated must not come twice */
        own_line(e, "/* the last %d */", rest);
        open_block(e, "{");
        own_line(e, "const int %s0 = %s - %d;", letter, extent, rest);
        emit_block(e, rest);
        close_block(e);
    }
    for (int o = kernel->outer_count - 1; o >= 0; o--)
        if (kernel->outer[o] != axis)
            close_loop(e, kernel->outer[o]);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer) {
            begin_fold(e, s);
            line(e, "NN_ADD_LANES(%s, %s_lanes);", kernel->stage[s].name, kernel->stage[s].name);
            store_line(e, &kernel->stage[s], kernel->stage[s].name);
        }
    emit_stages(e, true);
}
