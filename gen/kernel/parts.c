/* parts.c: values that are written straight into the array of a larger one.
 *
 *   whole = concat(a, b):   a is computed into whole[…, j, …], b into whole[…, j + size of a, …]
 *
 * Takes the graph, decides which nodes have their place in a CONCAT's array: `goes_to` is the next node on the way there, through
 * moves that leave an index a sum of axes (permute, a reshape that only merges axes, concat). So gates of an LSTM, or queries, keys
 * and values, meet no copy and no condition. What has no array of its own making (an input, another reader's move) is copied, by a
 * kernel of the CONCAT itself.
 *
 * Invariant: of the nodes on a way only its two ends are in memory, and every element of a stored CONCAT has one kernel that writes
 * it. Readers of a part wait for its kernel, readers of the whole for all of them. Where a node goes to is the same in all phases.
 *
 * Rejected: conditions on the index while the whole is computed (four an element in an LSTM's d_gates), and loops cut at the seams:
 * the parts are made by different kernels, with loops of their own. */
#include "kernel/fuse_internal.h"
#include <string.h>

static bool is_made(Op op)
{
    OpClass class = op_info[op].class;
    return class == POINTWISE || class == REDUCE || class == CONTRACT || class == RANDOM || op == OP_CONCAT;
}

bool merges_axes(Type from, Type to)
{
    int f = 0;
    for (int t = 0; t < to.rank; t++) {
        int64_t size = 1;
        while (f < from.rank && (size < to.size[t] || from.size[f] == 1))
            size *= from.size[f++];
        if (size != to.size[t])
            return false;
    }
    while (f < from.rank && from.size[f] == 1)
        f++;
    return f == from.rank;
}

/* By node: how many readers it has, and how many of them are moves. */
typedef struct Readings { int *all, *moves; } Readings;

static Readings count_readings(const Graph *graph, Arena *arena)
{
    Readings r = {NEW(arena, int, graph->count + 1), NEW(arena, int, graph->count + 1)};
    for (NodeId id = 0; id < graph->count; id++)
        for (int o = 0; o < op_info[graph->nodes[id].op].arity; o++) {
            r.all[graph->nodes[id].operand[o]]++;
            r.moves[graph->nodes[id].operand[o]] += is_view(graph->nodes[id].op) || graph->nodes[id].op == OP_FOLD;
        }
    return r;
}

static int wide_axes(Type type)
{
    int count = 0;
    for (int d = 0; d < type.rank; d++)
        count += type.size[d] > 1;
    return count;
}

/* Could some reader of what is moved on the way want it by quotient and remainder, as through the very reshape that merges its axes?
 * The place in the whole would be a sum of these, 2 (i / 2) + i % 2, which is no index of ours. */
static bool may_be_divided(const Graph *graph, const Readings *readings, NodeId operand, NodeId part)
{
    bool merged = false, read = readings->moves[part] > 1;
    for (NodeId id = operand; id != part; id = graph->nodes[id].operand[0]) {
        merged |= wide_axes(graph->nodes[id].type) < wide_axes(graph->nodes[graph->nodes[id].operand[0]].type);
        read |= readings->all[id] > 1;
    }
    return merged && read;
}

static bool keeps_order(const Graph *graph, const Node *move)
{
    return move->op == OP_PERMUTE || (move->op == OP_RESHAPE && merges_axes(graph->nodes[move->operand[0]].type, move->type));
}

/* What is asked for by itself has an array of its own, and so has a table that is read at any place. */
static bool *on_their_own(const Model *model, Arena *arena)
{
    const Graph *graph = model->graph;
    bool *alone = NEW(arena, bool, graph->count);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int r = 0; r < model->phase[phase].root_count; r++)
            alone[model->phase[phase].roots[r]] = true;
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_GATHER || graph->nodes[id].op == OP_ASSIGN)
            alone[graph->nodes[id].operand[0]] = true;
    return alone;
}

void find_parts(Plan *plan)
{
    const Graph *graph = plan->model->graph;
    Arena *scratch = arena_new();
    const bool *alone = on_their_own(plan->model, scratch);
    const Readings readings = count_readings(graph, scratch);
    plan->goes_to = NEW(plan->arena, NodeId, graph->count + 1);
    for (NodeId id = 0; id < graph->count; id++)
        plan->goes_to[id] = NONE;
    for (NodeId whole = graph->count - 1; whole >= 0 && plan->mode == KERNELS_FUSED; whole--)
        for (int o = 0; o < 2 && graph->nodes[whole].op == OP_CONCAT; o++) {
            NodeId part = graph->nodes[whole].operand[o];
            bool free = plan->goes_to[part] == NONE && !alone[part];
            while (free && keeps_order(graph, &graph->nodes[part])) {
                part = graph->nodes[part].operand[0];
                free = plan->goes_to[part] == NONE && !alone[part];
            }
            if (!free || !is_made(graph->nodes[part].op) || may_be_divided(graph, &readings, graph->nodes[whole].operand[o], part))
                continue;
            NodeId to = whole;
            for (NodeId id = graph->nodes[whole].operand[o]; id != part; to = id, id = graph->nodes[id].operand[0])
                plan->goes_to[id] = to;
            plan->goes_to[part] = to;
        }
    arena_free(scratch);
}

bool is_part(const Plan *plan, NodeId id)
{
    return plan->goes_to[id] != NONE && is_made(plan->model->graph->nodes[id].op);
}

bool has_parts(const Plan *plan, NodeId id)
{
    return plan->mode == KERNELS_FUSED && plan->model->graph->nodes[id].op == OP_CONCAT;
}

NodeId part_of(const Plan *plan, NodeId whole, int o)
{
    const Graph *graph = plan->model->graph;
    NodeId part = graph->nodes[whole].operand[o];
    if (plan->goes_to[part] == NONE)
        return NONE;
    while (!is_made(graph->nodes[part].op))
        part = graph->nodes[part].operand[0];
    NodeId up = part;                                   /* an operand twice goes one way only */
    for (NodeId to = plan->goes_to[up]; to != whole; up = to, to = plan->goes_to[to])
        if (to == NONE || graph->nodes[to].op == OP_CONCAT)
            return NONE;
    return graph->nodes[whole].operand[0] == graph->nodes[whole].operand[1] && o == 1 ? NONE : part;
}

NodeId place_in_whole(const Plan *plan, NodeId id, const Axis *axis, Index *index)
{
    const Graph *graph = plan->model->graph;
    while (plan->goes_to[id] != NONE) {
        const NodeId to = plan->goes_to[id];
        const Node *node = &graph->nodes[to];
        const Type type = graph->nodes[id].type;
        const int batch = node->type.per_row;
        Index from[MAX_RANK + 1];
        memcpy(from, index, sizeof *from * (size_t)(batch + type.rank));
        if (node->op == OP_PERMUTE)
            for (int d = 0; d < type.rank; d++)
                index[batch + d] = from[batch + node->attributes.order[d] - 1];
        else if (node->op == OP_RESHAPE)
            reshaped(node->type, type, from, axis, index);
        else if (node->operand[0] != id)
            index[batch + node->attributes.axis - 1].constant += graph->nodes[node->operand[0]].type.size[node->attributes.axis - 1];
        id = to;
    }
    return id;
}

bool are_apart(const Plan *plan, const Term *read, const Stage *writer)
{
    return has_parts(plan, plan->buffer[writer->buffer].node) && read->node != writer->node && !has_parts(plan, read->node);
}
