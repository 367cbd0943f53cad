/* recurrence.c: which nodes a recurrence holds, which of their axes is time, and an order in which everything can be computed.
 *
 * A region is a strongly connected component of the graph with an edge from each SCAN back to its PREVIOUS. There are few, so
 * each is found by two sweeps from one of its nodes: what depends on it, and what it depends on. */
#include "graph/recurrence.h"
#include "graph/build.h"
#include "graph/rules.h"
#include "base/text.h"
#include <string.h>

/* ---- time as an axis --------------------------------------------------------------------------------------------- */

/* The axis of `to` that axis `axis` of `from` became by a reshape: the same size behind the same number of elements. */
static int reshaped_axis(Type from, Type to, int axis)
{
    int64_t before = 1, count = 1;
    for (int d = 1; d < axis; d++)
        before *= from.size[d - 1];
    for (int d = 1; d <= to.rank; count *= to.size[d++ - 1])
        if (count == before && to.size[d - 1] == from.size[axis - 1])
            return d;
    return NONE;
}

/* The number of an axis once those of `removed` are gone, or NONE if it is one of them. */
static int axis_without(int axis, uint32_t removed)
{
    if (removed >> axis & 1)
        return NONE;
    int rest = axis;
    for (int d = 1; d < axis; d++)
        rest -= removed >> d & 1;
    return rest;
}

/* The axis that becomes `axis` once those of `added` are there. */
static int axis_with(int axis, uint32_t added)
{
    for (int d = 1; d <= MAX_RANK; d++)
        if (axis_without(d, added) == axis)
            return d;
    return NONE;
}

static int letter_axis(const char *letters, char letter)
{
    const char *at = strchr(letters, letter);
    return letter && at ? (int)(at - letters) + (letters[0] != 'b') : NONE;
}

/* The letter of an axis; axis 1 is the first letter that is not the batch's. */
static char axis_letter(const char *letters, int axis)
{
    return letters[axis - (letters[0] != 'b')];
}

/* The axis of the node that axis `axis` of its operand became; NONE: the operation mixes or folds the times. */
static int time_of_result(const Graph *graph, const Node *node, int operand, int axis)
{
    const Attributes *a = &node->attributes;
    Type from = graph->nodes[node->operand[operand]].type;
    if (op_info[node->op].class == POINTWISE)
        return axis;
    switch (node->op) {
    case OP_PREVIOUS: return NONE;
    case OP_SCAN: return axis == 1 ? 1 : NONE;
    case OP_BROADCAST: return axis_with(axis, a->axes);
    case OP_RESHAPE: return reshaped_axis(from, node->type, axis);
    case OP_PERMUTE:
        for (int d = 1; d <= node->type.rank; d++)
            if (a->order[d - 1] == axis)
                return d;
        return NONE;
    case OP_SLICE: case OP_PAD: case OP_CONCAT: case OP_UNFOLD: return a->axis == axis ? NONE : axis;
    case OP_FOLD: return a->axis == axis || axis == from.rank ? NONE : axis;
    case OP_SUM: case OP_MAX: case OP_ARGMAX: return axis_without(axis, a->axes);
    case OP_CONTRACT: {
        Letters letters = split_letters(a->letters);
        return letter_axis(letters.result, axis_letter(letters.operand[operand], axis));
    }
    default: return NONE;
    }
}

int time_of_operand(const Graph *graph, const Node *node, int operand, int axis)
{
    const Attributes *a = &node->attributes;
    switch (node->op) {
    case OP_PREVIOUS: return NONE;
    case OP_BROADCAST: return axis_without(axis, a->axes);
    case OP_RESHAPE: return reshaped_axis(node->type, graph->nodes[node->operand[operand]].type, axis);
    case OP_PERMUTE: return a->order[axis - 1];
    case OP_SUM: case OP_MAX: case OP_ARGMAX: return axis_with(axis, a->axes);
    case OP_CONTRACT: {
        Letters letters = split_letters(a->letters);
        return letter_axis(letters.operand[operand], axis_letter(letters.result, axis));
    }
    default: return axis;
    }
}

static _Noreturn void refuse_mixing(const Node *node)
{
    fail_at(node->origin.place, "%s mixes the times of a recurrence\nwithin it each time is treated alike, on an axis of its own",
            op_info[node->op].name);
}

static void find_time(const Graph *graph, Recurrences *all, Region *region)
{
    for (int n = 0; n < region->count; n++) {
        NodeId id = region->nodes[n];
        const Node *node = &graph->nodes[id];
        int axis = node->op == OP_PREVIOUS ? 1 : NONE;
        for (int i = 0; i < op_info[node->op].arity && node->op != OP_PREVIOUS; i++) {
            if (all->region_of[node->operand[i]] != all->region_of[id])
                continue;
            int here = time_of_result(graph, node, i, all->time_axis[node->operand[i]]);
            if (here == NONE || (axis != NONE && here != axis))
                refuse_mixing(node);
            axis = here;
        }
        all->time_axis[id] = axis;
        int64_t steps = axis_size(node->type, axis);
        if (region->steps && region->steps != steps)
            fail_at(node->origin.place, "two recurrences of %lld and %lld steps need each other\nstates that do must have one number of steps",
                    (long long)region->steps, (long long)steps);
        region->steps = steps;
    }
}

/* ---- regions ----------------------------------------------------------------------------------------------------- */

/* Marks what depends on `start`; a SCAN makes its PREVIOUS depend on it. */
static bool *depending_on(const Graph *graph, const Recurrences *all, Arena *arena, NodeId start)
{
    bool *marked = NEW(arena, bool, graph->count + 1);
    marked[start] = true;
    for (NodeId id = start; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        for (int i = 0; i < op_info[node->op].arity && !marked[id]; i++)
            marked[id] = marked[node->operand[i]];
        if (node->op != OP_SCAN || !marked[id])
            continue;
        NodeId previous = all->previous[node->attributes.loop];
        if (!marked[previous]) {
            marked[previous] = true;
            if (previous < id)
                id = previous;
        }
    }
    return marked;
}

static void find_regions(const Graph *graph, Recurrences *all, Arena *arena)
{
    for (int loop = 1; loop <= graph->loop_count; loop++) {
        NodeId start = all->previous[loop];
        if (start == NONE || all->scan[loop] == NONE || all->region_of[start] != NONE)
            continue;
        Arena *scratch = arena_new();
        bool *after = depending_on(graph, all, scratch, start), *before = needed_for(graph, scratch, &start, 1);
        bool is_cycle = after[all->scan[loop]];
        Region region = {.backward = graph->nodes[start].attributes.backward, .nodes = NEW(arena, NodeId, graph->count)};
        for (NodeId id = 0; id < graph->count && is_cycle; id++) {
            const Node *node = &graph->nodes[id];
            if (!after[id] || !before[id])
                continue;
            if (node->op == OP_PREVIOUS && node->attributes.backward != region.backward)
                fail_at(node->origin.place, "two recurrences that need each other run in opposite directions\ntheir states can never be computed");
            all->region_of[id] = all->count;
            region.nodes[region.count++] = id;
        }
        arena_free(scratch);
        if (is_cycle) {
            all->regions[all->count++] = region;
            find_time(graph, all, &all->regions[all->count - 1]);
        }
    }
}

/* ---- order ------------------------------------------------------------------------------------------------------- */

typedef struct Ordering { const Graph *graph; const Recurrences *all; bool *done; NodeId *order; int count; } Ordering;

static void place_in_order(Ordering *o, NodeId id);

static void place_operands(Ordering *o, NodeId id, int region)
{
    const Node *node = &o->graph->nodes[id];
    for (int i = 0; i < op_info[node->op].arity; i++)
        if (!o->done[node->operand[i]] && (region == NONE || o->all->region_of[node->operand[i]] != region))
            place_in_order(o, node->operand[i]);
    if (node->op == OP_PREVIOUS && region == NONE && o->all->scan[node->attributes.loop] != NONE &&
        !o->done[o->all->scan[node->attributes.loop]])
        place_in_order(o, o->all->scan[node->attributes.loop]);
}

/* Everything outside that a region needs, then the region as a whole. */
static void place_in_order(Ordering *o, NodeId id)
{
    int region = o->all->region_of[id];
    if (region == NONE) {
        place_operands(o, id, NONE);
        o->done[id] = true;
        o->order[o->count++] = id;
        return;
    }
    const Region *r = &o->all->regions[region];
    for (int n = 0; n < r->count; n++)
        place_operands(o, r->nodes[n], region);
    for (int n = 0; n < r->count; n++) {
        o->done[r->nodes[n]] = true;
        o->order[o->count++] = r->nodes[n];
    }
}

Recurrences find_recurrences(const Graph *graph, Arena *arena)
{
    Recurrences all = {
        .regions = NEW(arena, Region, graph->loop_count + 1), .region_of = NEW(arena, int, graph->count + 1),
        .time_axis = NEW(arena, int, graph->count + 1), .previous = NEW(arena, NodeId, graph->loop_count + 1),
        .scan = scans_of(graph, arena), .order = NEW(arena, NodeId, graph->count + 1),
    };
    memset(all.region_of, NONE, sizeof *all.region_of * (size_t)(graph->count + 1));
    memset(all.time_axis, NONE, sizeof *all.time_axis * (size_t)(graph->count + 1));
    for (int loop = 0; loop <= graph->loop_count; loop++)
        all.previous[loop] = NONE;
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_PREVIOUS)
            all.previous[graph->nodes[id].attributes.loop] = id;
    find_regions(graph, &all, arena);
    Ordering ordering = {.graph = graph, .all = &all, .done = NEW(arena, bool, graph->count + 1), .order = all.order};
    for (NodeId id = 0; id < graph->count; id++)
        if (!ordering.done[id])
            place_in_order(&ordering, id);
    return all;
}

NodeId *scans_of(const Graph *graph, Arena *arena)
{
    NodeId *scan = NEW(arena, NodeId, graph->loop_count + 1);
    for (int loop = 0; loop <= graph->loop_count; loop++)
        scan[loop] = NONE;
    for (NodeId id = 0; id < graph->count && graph->loop_count; id++)
        if (graph->nodes[id].op == OP_SCAN)
            scan[graph->nodes[id].attributes.loop] = id;
    return scan;
}

NodeId previous_of(const Graph *graph, int loop)
{
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_PREVIOUS && graph->nodes[id].attributes.loop == loop)
            return id;
    return NONE;
}

/* ---- making them ------------------------------------------------------------------------------------------------- */

NodeId open_recurrence(Graph *graph, NodeId initial, int64_t steps, bool backward)
{
    Attributes a = attributes();
    Type one = type_of(graph, initial);
    a.type = (Type){.scalar = one.scalar, .per_row = one.per_row, .rank = 1, .size = {steps}};
    for (int d = 0; d < one.rank && a.type.rank < MAX_RANK; d++)
        a.type.size[a.type.rank++] = one.size[d];
    a.loop = ++graph->loop_count;
    a.backward = backward;
    return new_node(graph, OP_PREVIOUS, &initial, 1, a);
}

NodeId close_recurrence(Graph *graph, NodeId previous, NodeId next)
{
    Attributes a = attributes();
    a.loop = attributes_of(graph, previous)->loop;
    a.backward = attributes_of(graph, previous)->backward;
    return new_node(graph, OP_SCAN, &next, 1, a);
}
