/* skip.c: sums of products in which most factors are zero.
 *
 * The gradient behind a max-pool is zero but for one element a window: of 2 x 2, three products of four add nothing. Where a factor
 * is so (its node puts a value where a place is the largest's, else zero), the sum may run the other way round: over the elements of
 * that factor, and for each that is not zero add its share to all sums that it is part of,
 *
 *   for b, o, y, x:  if g[b,o,y,x] != 0:  for u, (v,c):  d_w[o,u,v,c] += g[b,o,y,x] x[b,y+u,x+v,c]
 *
 * likewise the gradient of the input, d_x[b,y+u,x+v,c] += g[b,o,y,x] w[o,u,v,c]. The innermost two run over neighbours in memory if
 * channels are last in both arrays; a weight and a sum are laid out so, an activation is copied so. A channel that dropout holds back
 * costs a look at each of its elements. What is skipped is a product with an exact zero: 0 times infinity adds nothing.
 *
 * Elements that all add to the same sums (those of a channel, to its weight) may go through them while runs of these lie in registers:
 * all of them, where the runs are few registers, for then looking costs as much as adding; else those in a list of the living, which
 * is written without a branch. Three ways, then (Kernel.skip.way); by list and by all the weights of 10 to 20 channels of 5 x 5 took
 * 102 for 136 us, of 1 to 10 channels 130 for 295 us with 64 rows. The input's gradient, whose places differ, stays with looks: lists
 * by place took as long.
 *
 * The kernel itself stays the sum that it is; what is decided here is how its loops run (Kernel.skip). Chosen by cycles, against
 * the tiles that tile.c would take. */
#include "graph/rules.h"
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

/* Of how many elements of the node at most one is not zero. `looks` bounds the walk. */
static int64_t zeros_of(const Graph *graph, NodeId id, int *looks)
{
    const Node *node = &graph->nodes[id];
    double other;
    if (--*looks < 0)
        return 1;
    switch (node->op) {
    case OP_SELECT: {
        const Node *equal = &graph->nodes[node->operand[0]];
        if (!is_number(graph, node->operand[2], &other) || other != 0)
            return 1;
        for (int o = 0; equal->op == OP_EQUAL && o < 2; o++) {
            NodeId place = equal->operand[o];
            if (graph->nodes[place].op == OP_BROADCAST && graph->nodes[graph->nodes[place].operand[0]].op == OP_ARGMAX)
                return index_limit(graph, place);
        }
        return zeros_of(graph, node->operand[1], looks);
    }
    case OP_MULTIPLY: {
        int64_t a = zeros_of(graph, node->operand[0], looks), b = zeros_of(graph, node->operand[1], looks);
        return a > b ? a : b;
    }
    case OP_FOLD:
        return node->attributes.stride >= node->attributes.window && node->attributes.dilation == 1 ? zeros_of(graph, node->operand[0], looks) : 1;
    case OP_DIVIDE: case OP_NEGATE:
        return zeros_of(graph, node->operand[0], looks);
    default:
        return 1;
    }
}

/* The read inside conditions that say: where the element exists, else zero. NULL: something else. */
static Term *read_inside(Term *term)
{
    while (term->kind == TERM_INSIDE && term->operand[1]->kind == TERM_NUMBER && term->operand[1]->number == 0)
        term = term->operand[0];
    bool plain = term->kind == TERM_READ && term->scalar == FLOAT && !term->operand[0];
    for (int d = 0; plain && d < term->rank; d++)
        plain = is_affine(&term->index[d]);
    return plain ? term : NULL;
}

static int64_t factor_of(const Index *index, int axis)
{
    for (int t = 0; t < index->count; t++)
        if (index->term[t].axis == axis)
            return index->term[t].factor;
    return 0;
}

static Index with_axis(Index index, int axis, const Index *by)
{
    int64_t factor = factor_of(&index, axis);
    index = index_add(index, -factor, index_axis(axis));
    return index_add(index, factor, *by);
}

typedef struct Skipping {
    Plan *plan;
    Kernel *kernel;                     /* a copy, until it is known to pay */
    Term *sparse, *other;               /* with the loops' own indices */
    int run[2], run_count;              /* the axes whose elements are neighbours in both arrays: v and c */
    int64_t run_length;
} Skipping;

/* Loops over the elements of the factor: an index of it that is no axis names one anew (y = Y - u), and Y becomes y + u. */
static bool find_points(Skipping *s)
{
    Kernel *kernel = s->kernel;
    const Buffer *buffer = &s->plan->buffer[s->sparse->buffer];
    for (int d = 0; d < s->sparse->rank; d++) {
        const Index index = s->sparse->index[d];
        int axis = plain_axis(&index);
        if (axis == NONE && index.count == 0)
            continue;
        for (int t = 0; axis == NONE && t < index.count; t++) {
            const int old = index.term[t].axis;
            if (index.term[t].factor != 1 || !is_among(kernel->outer, kernel->outer_count, old) || kernel->axis_count == MAX_AXES * 2)
                continue;
            axis = kernel->axis_count++;
            kernel->axis[axis] = (Axis){.extent = buffer->size[d]};
            Index by = index_add(index_add(index_axis(axis), -1, index), 1, index_axis(old));      /* y - (index - Y) */
            for (int e = 0; e < s->other->rank; e++)
                s->other->index[e] = with_axis(s->other->index[e], old, &by);
            for (int e = 0; e < s->plan->buffer[kernel->stage[0].buffer].rank; e++)
                kernel->skip.into[e] = with_axis(kernel->skip.into[e], old, &by);
            s->sparse->index[d] = index_axis(axis);
            kernel->skip.gone[kernel->skip.gone_count++] = old;
        }
        if (axis == NONE || kernel->axis[axis].extent != buffer->size[d])
            return false;
        kernel->skip.point[kernel->skip.points++] = axis;
    }
    return true;
}

/* The dimension that holds the axis, with a factor of one, in an array; NONE if there are none or several. */
static int dimension_of(const Index *index, int rank, int axis)
{
    int found = NONE;
    for (int d = 0; d < rank; d++)
        if (factor_of(&index[d], axis) != 0)
            found = found == NONE && factor_of(&index[d], axis) == 1 ? d : MAX_RANK + 1;
    return found > MAX_RANK ? NONE : found;
}

/* Channels: all of a dimension of both arrays, which comes last in both. Before it what moves along the last dimension otherwise. */
static bool find_run(Skipping *s, int8_t *into_order, int8_t *other_order)
{
    Kernel *kernel = s->kernel;
    const Buffer *into = &s->plan->buffer[kernel->stage[0].buffer], *other = &s->plan->buffer[s->other->buffer];
    int all[MAX_AXES * 2], count = 0;
    for (int o = 0; o < kernel->outer_count; o++)
        all[count++] = kernel->outer[o];
    for (int f = 0; f < kernel->stage[0].fold_count; f++)
        all[count++] = kernel->stage[0].fold_axis[f];
    for (int i = 0; i < count; i++)
        if (!is_among(kernel->skip.point, kernel->skip.points, all[i]) && !is_among(kernel->skip.gone, kernel->skip.gone_count, all[i]))
            kernel->skip.inner[kernel->skip.inners++] = all[i];
    int into_last = NONE, other_last = NONE, channel = NONE, beside = NONE;
    for (int i = 0; i < kernel->skip.inners && channel == NONE; i++) {
        const int axis = kernel->skip.inner[i], a = dimension_of(kernel->skip.into, into->rank, axis), b = dimension_of(s->other->index, other->rank, axis);
        if (a == NONE || b == NONE || plain_axis(&kernel->skip.into[a]) != axis || plain_axis(&s->other->index[b]) != axis
            || into->size[a] != kernel->axis[axis].extent || other->size[b] != into->size[a])
            continue;
        if (a == into->rank - 1 || a == 0 || b == other->rank - 1 || b == 0)
            continue;
        channel = axis, into_last = a, other_last = b;
    }
    if (channel == NONE || into->rank < 3 || other->rank < 3)
        return false;
    for (int i = 0; i < kernel->skip.inners; i++)
        if (dimension_of(kernel->skip.into, into->rank, kernel->skip.inner[i]) == into->rank - 1
            && dimension_of(s->other->index, other->rank, kernel->skip.inner[i]) == other->rank - 1)
            beside = kernel->skip.inner[i];
    s->run_length = kernel->axis[channel].extent;
    s->run[s->run_count++] = channel;
    if (beside != NONE) {
        s->run_length *= kernel->axis[beside].extent;
        s->run[s->run_count++] = beside;
    }
    for (int side = 0; side < 2; side++) {
        int8_t *order = side ? other_order : into_order;
        const int last = side ? other_last : into_last, rank = side ? other->rank : into->rank;
        int at = 0;
        for (int d = 0; d < rank; d++)
            if (d != last || kernel->axis[channel].extent == 1)        /* of one channel there is nothing to put last */
                order[at++] = (int8_t)d;
        if (at < rank)
            order[at] = (int8_t)last;
    }
    return true;
}

static int64_t extent_product(const Kernel *kernel, const int *axes, int count)
{
    int64_t product = 1;
    for (int i = 0; i < count; i++)
        product *= kernel->axis[axes[i]].extent;
    return product;
}

/* How far the places go beyond an array of this size: that many elements more at both ends. */
static void make_room(const Kernel *kernel, const Index *index, const Buffer *buffer, int64_t *before, int64_t *after)
{
    for (int d = 0; d < buffer->rank; d++) {
        const Reach reach = reach_of(&index[d], kernel->axis, buffer->size[d]);
        before[d] = reach.before;
        after[d] = reach.after;
    }
}

/* Does the array lie in this order already, dimensions of one element aside, and is there all that is read of it? */
static bool lies_so(const Kernel *kernel, const Term *other, const Buffer *buffer, const int8_t *order)
{
    int64_t before[MAX_RANK + 1] = {0}, after[MAX_RANK + 1] = {0};
    make_room(kernel, other->index, buffer, before, after);
    bool lies = buffer->kind == BUFFER_INPUT;           /* of others nobody knows yet how they will lie */
    int at = 0;
    for (int d = 0; d < buffer->rank; d++) {
        lies &= before[d] == 0 && after[d] == 0;
        if (buffer->size[order[d]] == 1)
            continue;
        while (at < buffer->rank && buffer->size[at] == 1)
            at++;
        lies &= order[d] == at++;
    }
    return lies;
}

/* A weight is kept so with its slots; what the step computes is copied so. */
static bool lay_other(Plan *plan, Kernel *kernel, Term *other, const int8_t *order)
{
    const Graph *graph = plan->model->graph;
    const int source = other->buffer;
    if (plan->buffer[source].leaf != NONE && graph->leaves[plan->buffer[source].leaf].kind == LEAF_PARAMETER) {
        for (int b = 0; b < plan->buffer_count; b++) {
            Buffer *slot = &plan->buffer[b];
            bool ours = b == source || (slot->leaf != NONE && graph->leaves[slot->leaf].kind == LEAF_SLOT && slot->rank == plan->buffer[source].rank
                                        && graph->leaves[slot->leaf].parameter == plan->buffer[source].leaf);
            if (!ours)
                continue;
            memcpy(slot->order, order, sizeof slot->order[0] * (size_t)slot->rank);
            slot->is_laid = true;
            slot->why_order = "the gradient of what it is multiplied with skips zeros and runs along it";
        }
        return true;
    }
    if (plan->buffer[source].kind != BUFFER_TEMPORARY && plan->buffer[source].kind != BUFFER_INPUT)
        return false;
    if (lies_so(kernel, other, &plan->buffer[source], order))
        return true;
    Buffer copy = plan->buffer[source];
    copy.kind = BUFFER_TEMPORARY;
    copy.leaf = NONE;
    copy.copy_of = source;
    copy.is_laid = true;
    copy.why_order = "copied so: a gradient that skips zeros runs along it";
    memcpy(copy.order, order, sizeof copy.order[0] * (size_t)copy.rank);
    make_room(kernel, other->index, &copy, copy.before, copy.after);
    for (int d = 0; d < copy.rank; d++)
        copy.border |= copy.before[d] + copy.after[d] > 0;
    ARENA_PUSH(plan->arena, plan->buffer, plan->buffer_count, plan->buffer_room, copy);
    other->buffer = plan->buffer_count - 1;
    return true;
}

static Term *own_read(Arena *arena, const Term *read)
{
    Term *copy = arena_copy(arena, read, sizeof *read);
    copy->index = arena_copy(arena, read->index, sizeof *read->index * (size_t)read->rank);
    return copy;
}

static bool is_run(const Kernel *kernel, int axis)
{
    return is_among(kernel->skip.run, kernel->skip.run_count, axis);
}

static bool moves_along(const Index *index, int rank, int axis)
{
    bool moves = false;
    for (int d = 0; d < rank; d++)
        moves |= factor_of(&index[d], axis) != 0;
    return moves;
}

/* The first of the innermost points that all grow the same sums, whatever their places; as many points as there are: not even the last. */
static int first_listed(const Kernel *kernel)
{
    int64_t length = 1;
    int first = kernel->skip.points;
    for (int d = 0; d < kernel->skip.digits; d++)
        if (moves_along(kernel->skip.into, MAX_RANK + 1, kernel->skip.digit[d].axis))
            return first;
    while (first > 0 && !moves_along(kernel->skip.into, MAX_RANK + 1, kernel->skip.point[first - 1])
           && !kernel->axis[kernel->skip.point[first - 1]].batch && (length *= kernel->axis[kernel->skip.point[first - 1]].extent) <= MOST_LISTED)
        first--;
    return first;
}

/* How the sums grow, of the three ways the one that takes the least; returns its cycles. `living` elements are not zero. */
static int64_t choose_way(const Plan *plan, Kernel *kernel, int64_t living)
{
    const int lanes = plan->model->precision == F32 ? LANES_OF_RUN : LANES_OF_RUN / 2;
    const int64_t points = extent_product(kernel, kernel->skip.point, kernel->skip.points);
    const int64_t runs = extent_product(kernel, kernel->skip.inner, kernel->skip.inners) / kernel->skip.run_length;
    const int64_t registers = (kernel->skip.run_length + lanes - 1) / lanes;
    int64_t best = points * LOOK_CYCLES + living * (CHANCE_MISSED + runs * registers * RUN_QUARTERS / 4);
    kernel->skip.way = SKIP_LOOK;
    kernel->skip.together = 1;
    const int listed = kernel->skip.listed = first_listed(kernel);
    int others = 0;
    for (int i = 0; i < kernel->skip.inners; i++)
        others += kernel->axis[kernel->skip.inner[i]].extent > 1 && !is_run(kernel, kernel->skip.inner[i]);
    if (listed == kernel->skip.points || registers > MOST_RUN_REGISTERS)
        return best;
    if (others <= 1 && runs * registers <= MOST_RUN_REGISTERS)
        kernel->skip.together = (int)runs;
    const int64_t lists = extent_product(kernel, kernel->skip.point, listed);
    const int64_t in_list = points * LIST_CYCLES + lists * runs * registers * 2 + living * runs * (registers + 1);
    const int64_t of_all = lists * runs * registers * 2 + points * (ALL_CYCLES + runs * registers);
    if (in_list < best)
        kernel->skip.way = SKIP_LIST, best = in_list;
    if (kernel->skip.together == runs && of_all < best)
        kernel->skip.way = SKIP_ALL, best = of_all;
    return best;
}

static const char *way_text(const Kernel *kernel, int64_t window, Arena *arena)
{
    switch (kernel->skip.way) {
    case SKIP_LOOK: return arena_print(arena, "adds what is not zero, at most one of %lld", (long long)window);
    case SKIP_LIST: return arena_print(arena, "lists what is not zero, at most one of %lld, and adds it in registers", (long long)window);
    case SKIP_ALL: return arena_print(arena, "adds one of %lld in registers", (long long)window);
    }
    bug("way %d", (int)kernel->skip.way);
}

static void try_to_skip(Plan *plan, Kernel *kernel)
{
    Term *product = kernel->stage[0].term;
    const Graph *graph = plan->model->graph;
    if (kernel->form == FORM_SKIP || kernel->region != NONE || !is_contraction(plan, &kernel->stage[0]) || product->kind != TERM_APPLY || product->op != OP_MULTIPLY)
        return;
    int64_t window = 1;
    int side = NONE;
    for (int o = 0; o < 2; o++) {
        const Term *read = read_inside(product->operand[o]);
        int looks = 20;
        int64_t zeros = read && plan->buffer[read->buffer].kind == BUFFER_TEMPORARY ? zeros_of(graph, plan->buffer[read->buffer].node, &looks) : 1;
        if (zeros > window)
            window = zeros, side = o;
    }
    if (side == NONE || !read_inside(product->operand[1 - side]))
        return;

    Kernel copy = *kernel, dense = *kernel;
    const bool stored = kernel->stage[0].buffer != NONE;
    const int buffers = plan->buffer_count;
    Skipping s = {.plan = plan, .kernel = &copy, .sparse = own_read(plan->arena, read_inside(product->operand[side])),
                  .other = own_read(plan->arena, read_inside(product->operand[1 - side]))};
    copy.stage = arena_copy(plan->arena, kernel->stage, sizeof *kernel->stage * (size_t)kernel->stage_count);
    if (!stored)
        copy.stage[0].buffer = buffer_for(plan, copy.stage[0].node, BUFFER_TEMPORARY);
    memcpy(copy.skip.into, kernel->stage[0].store, sizeof copy.skip.into);
    int8_t into_order[MAX_RANK + 1] = {0}, other_order[MAX_RANK + 1] = {0};
    bool possible = plan->buffer[copy.stage[0].buffer].kind == BUFFER_TEMPORARY && find_points(&s);
    const int64_t elements = extent_product(&copy, copy.skip.point, copy.skip.points);
    Term **gradient = &copy.stage[0].term->operand[side];
    while ((*gradient)->kind == TERM_INSIDE)
        gradient = &(*gradient)->operand[0];
    const int from = (*gradient)->buffer;
    Term *choice = possible ? take_windows(plan, &copy, *gradient, &s.sparse, s.other) : NULL;
    possible = possible && find_run(&s, into_order, other_order);
    if (possible) {
        copy.skip.run_length = s.run_length;
        memcpy(copy.skip.run, s.run, sizeof s.run);
        copy.skip.run_count = s.run_count;
        const int64_t cycles = choose_way(plan, &copy, elements / window);
        dense.stage = arena_copy(plan->arena, kernel->stage, sizeof *kernel->stage * (size_t)kernel->stage_count);
        choose_tile(plan, &dense);
        if (dense.choice.lanes == NONE)
            dense.choice.cycles = extent_product(&copy, copy.skip.point, copy.skip.points) * extent_product(&copy, copy.skip.inner, copy.skip.inners);
        possible = cycles < dense.choice.cycles;
        copy.choice.why = arena_print(plan->arena, "%s: about %s cycles, %s by tiles", way_text(&copy, window, plan->arena), grouped(plan->arena, cycles),
                                      grouped(plan->arena, dense.choice.cycles));
        copy.choice.cycles = cycles;
    }
    if (!possible) {
        if (!stored) {                                  /* as if it had never been asked */
            plan->buffer_of[copy.stage[0].node] = NONE;
            plan->buffer_count = buffers;
        }
        return;
    }
    if (!lay_other(plan, &copy, s.other, other_order))
        bug("a factor that is neither computed nor kept");
    Buffer *into = &plan->buffer[copy.stage[0].buffer];
    memcpy(into->order, into_order, sizeof into_order[0] * (size_t)into->rank);
    into->is_laid = true;
    into->why_order = "sums that grow by what is not zero, run after run";
    make_room(&copy, copy.skip.into, into, into->before, into->after);
    read_inside(product->operand[1 - side])->buffer = s.other->buffer;
    if (choice)
        *gradient = choice;
    copy.skip.sparse = s.sparse;
    copy.skip.other = s.other;
    copy.form = FORM_SKIP;
    copy.choice.lanes = NONE;
    *kernel = copy;
    if (!stored)
        read_stored_sum(kernel);
    if (choice)
        drop_unread(plan, from);
}

/* ---- what follows the sums lies as they do --------------------------------------------------------------------------------- */

typedef struct Readers { int buffer; bool look_only; const Kernel *kernel; } Readers;

/* A factor whose zeros are skipped is read element by element, and a sum over all but one of its axes runs along any. */
static void look_at_reader(Stage *stage, Term *read, void *context)
{
    Readers *r = context;
    const bool skips = r->kernel->form == FORM_SKIP && r->kernel->skip.sparse->kind == TERM_READ && r->kernel->skip.sparse->buffer == r->buffer;
    const bool adds = stage->fold == FOLD_SUM && stage->term == read && r->kernel->outer_count == 1;
    if (read->buffer == r->buffer)
        r->look_only &= skips || adds;
}

static bool is_only_looked_at(Plan *plan, int buffer)
{
    Readers readers = {.buffer = buffer, .look_only = true};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            readers.kernel = &plan->kernel[phase][k];
            each_read(&plan->kernel[phase][k], look_at_reader, &readers);
        }
    return readers.look_only;
}

typedef struct Following { Plan *plan; const Kernel *kernel; } Following;

/* The copy of an array, if there is one that lies as the sums do. */
static void take_copy(Term *term, void *context)
{
    const Following *f = context;
    const Buffer *sums = &f->plan->buffer[f->kernel->stage[0].buffer];
    for (int b = 0; term->kind == TERM_READ && b < f->plan->buffer_count; b++) {
        const Buffer *copy = &f->plan->buffer[b];
        if (copy->copy_of != term->buffer || copy->rank != sums->rank || memcmp(copy->order, sums->order, sizeof copy->order[0] * (size_t)copy->rank) != 0)
            continue;
        term->buffer = b;
        return;
    }
}

/* The gradient of a layer's input, and what it is multiplied with: channels last as the sums, if nobody reads it along a line. */
static void lay_behind_sums(Plan *plan, Kernel *kernel)
{
    const Buffer *sums = &plan->buffer[kernel->stage[0].buffer];
    for (int s = 1; s < kernel->stage_count; s++) {
        Stage *stage = &kernel->stage[s];
        Buffer *made = stage->buffer != NONE ? &plan->buffer[stage->buffer] : NULL;
        bool follows = made && made->kind == BUFFER_TEMPORARY && !made->is_laid && made->rank == sums->rank && made->scalar == FLOAT;
        for (int d = 0; follows && d < made->rank; d++)
            follows = same_index(&stage->store[d], &kernel->stage[0].store[d]);
        if (!follows || !is_only_looked_at(plan, stage->buffer))
            continue;
        memcpy(made->order, sums->order, sizeof made->order[0] * (size_t)made->rank);
        made->is_laid = true;
        made->why_order = "as the sums that it is made of";
        each_term(stage->term, take_copy, &(Following){plan, kernel});
    }
}

void skip_zeros(Plan *plan)
{
    for (int k = plan->kernel_count[PHASE_TRAIN] - 1; k >= 0; k--)      /* backwards: one that is dropped comes before */
        if (is_product(plan, &plan->kernel[PHASE_TRAIN][k]))
            try_to_skip(plan, &plan->kernel[PHASE_TRAIN][k]);
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        if (plan->kernel[PHASE_TRAIN][k].form == FORM_SKIP)
            lay_behind_sums(plan, &plan->kernel[PHASE_TRAIN][k]);
}
