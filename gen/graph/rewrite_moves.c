/* rewrite_moves.c: moves of elements: what moves nothing goes, what moves twice moves once, and repetition goes outward, so that
 * less is moved. Values are not touched: every rewrite here is exact.
 *
 * B stands for a BROADCAST. */
#include "graph/build.h"
#include "graph/rules.h"
#include <string.h>

enum { MOST_ADDENDS = 16 };             /* that one concat is looked for in */

/* The operand, if the node is `outer` and its operand `inner`; else NONE. */
static NodeId pair(const Graph *graph, const Node *node, Op outer, Op inner)
{
    return node->op == outer && op_of(graph, node->operand[0]) == inner ? node->operand[0] : NONE;
}

/* a move to the same place: reshape to the same sizes, permute to the same order, a slice of all, a border of nothing */
static NodeId move_nothing(Graph *graph, const Node *node)
{
    const Attributes *a = &node->attributes;
    if (op_info[node->op].class != MOVE || node->op == OP_BROADCAST || node->op == OP_CONCAT || node->op == OP_GATHER)
        return NONE;
    if (!same_type(node->type, type_of(graph, node->operand[0])))
        return NONE;
    for (int d = 1; node->op == OP_PERMUTE && d <= node->type.rank; d++)
        if (a->order[d - 1] != d)
            return NONE;
    return node->operand[0];
}

/* reshape(reshape(x)) = reshape(x), permute(permute(x)) = permute(x), slice(slice(x)) and pad(pad(x)) along one axis likewise */
static NodeId move_twice(Graph *graph, const Node *node)
{
    if (op_info[node->op].class != MOVE || op_of(graph, node->operand[0]) != node->op)
        return NONE;
    const Attributes *outer = &node->attributes, *inner = &graph->nodes[node->operand[0]].attributes;
    NodeId x = operand_of(graph, node->operand[0], 0);
    switch (node->op) {
    case OP_RESHAPE: return reshape_to(graph, x, node->type.rank, node->type.size);
    case OP_PERMUTE: {
        int8_t order[MAX_RANK];
        for (int d = 1; d <= node->type.rank; d++)
            order[d - 1] = inner->order[outer->order[d - 1] - 1];
        return permute(graph, x, order);
    }
    case OP_SLICE:
        return outer->axis == inner->axis ? slice(graph, x, outer->axis, inner->from + outer->from, inner->from + outer->to)
                                          : NONE;
    case OP_PAD:
        if (outer->axis != inner->axis || outer->value != inner->value)
            return NONE;
        return pad(graph, x, outer->axis, inner->from + outer->from, inner->to + outer->to, outer->value);
    default: return NONE;
    }
}

/* B(B(x)) = B(x) along the axes of both */
static NodeId broadcast_twice(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_BROADCAST, OP_BROADCAST);
    if (a == NONE)
        return NONE;
    uint32_t inner = graph->nodes[a].attributes.axes, axes = node->attributes.axes | (inner & 1);
    for (int axis = 1, kept = 0; axis <= node->type.rank; axis++)
        if (!(node->attributes.axes >> axis & 1) && inner >> ++kept & 1)
            axes |= 1u << axis;
    return broadcast_axes(graph, operand_of(graph, a, 0), axes, node->type);
}

/* B(x) = reshape(x) where all new axes have size 1 */
static NodeId broadcast_once(Graph *graph, const Node *node)
{
    if (node->op != OP_BROADCAST || node->attributes.axes & 1)
        return NONE;
    for (int axis = 1; axis <= node->type.rank; axis++)
        if (node->attributes.axes >> axis & 1 && axis_size(node->type, axis) != 1)
            return NONE;
    return reshape_to(graph, node->operand[0], node->type.rank, node->type.size);
}

/* B(reshape(x)) = B(x) where the reshape only adds axes of size 1: they are new as well */
static NodeId broadcast_of_reshape(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_BROADCAST, OP_RESHAPE);
    if (a == NONE)
        return NONE;
    NodeId x = operand_of(graph, a, 0);
    Type small = type_of(graph, x);
    uint32_t axes = node->attributes.axes;
    int matched = 0;
    for (int axis = 1; axis <= node->type.rank; axis++) {
        if (axes >> axis & 1)
            continue;
        if (matched < small.rank && small.size[matched] == axis_size(node->type, axis))
            matched++;
        else if (axis_size(node->type, axis) == 1)
            axes |= 1u << axis;
        else
            return NONE;
    }
    return matched == small.rank && axes != node->attributes.axes ? broadcast_axes(graph, x, axes, node->type) : NONE;
}

/* reshape(B(x)) = B(reshape(x)) where the reshape adds and drops axes of size 1, or x is a single number (a row) */
static NodeId reshape_of_broadcast(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_RESHAPE, OP_BROADCAST);
    if (a == NONE)
        return NONE;
    NodeId x = operand_of(graph, a, 0);
    Type from = type_of(graph, a), to = node->type;
    uint32_t old_axes = graph->nodes[a].attributes.axes, axes = old_axes & 1;
    if (type_of(graph, x).rank == 0) {
        axes |= all_axes(to) & ~1u;
        return axes ? broadcast_axes(graph, x, axes, to) : NONE;
    }
    int64_t kept[MAX_RANK];
    int kept_rank = 0, old = 1;
    for (int axis = 1; axis <= to.rank; axis++) {
        int64_t size = axis_size(to, axis);
        if (size == 1) {
            axes |= 1u << axis;
            continue;
        }
        while (old <= from.rank && axis_size(from, old) == 1)
            old++;
        if (old > from.rank || axis_size(from, old) != size)
            return NONE;
        if (old_axes >> old++ & 1)
            axes |= 1u << axis;
        else
            kept[kept_rank++] = size;
    }
    x = reshape_to(graph, x, kept_rank, kept);
    return axes ? broadcast_axes(graph, x, axes, to) : x;
}

/* reshape(table) is a table */
static NodeId reshape_of_table(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_RESHAPE, OP_TABLE);
    if (a == NONE)
        return NONE;
    Attributes table = graph->nodes[a].attributes;
    table.type = node->type;
    return new_node(graph, OP_TABLE, NULL, 0, table);
}

/* a table of equal numbers is a number, repeated */
static NodeId table_of_equals(Graph *graph, const Node *node)
{
    if (node->op != OP_TABLE || node->type.scalar != FLOAT)
        return NONE;
    const double *table = node->attributes.table;
    for (int64_t i = 0; i < element_count(node->type); i++)
        if (table[i] != table[0])
            return NONE;
    return broadcast_to(graph, constant(graph, table[0]), node->type);
}

/* permute(x) = reshape(x) where only axes of size 1 change places */
static NodeId permute_of_ones(Graph *graph, const Node *node)
{
    if (node->op != OP_PERMUTE)
        return NONE;
    for (int d = 1, last = 0; d <= node->type.rank; d++) {
        if (axis_size(node->type, d) == 1)
            continue;
        if (node->attributes.order[d - 1] < last)
            return NONE;
        last = node->attributes.order[d - 1];
    }
    return reshape_to(graph, node->operand[0], node->type.rank, node->type.size);
}

/* permute(B(x)) = B(permute(x)) */
static NodeId permute_of_broadcast(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_PERMUTE, OP_BROADCAST);
    if (a == NONE)
        return NONE;
    uint32_t old_axes = graph->nodes[a].attributes.axes, axes = old_axes & 1;
    int8_t order[MAX_RANK];
    int kept = 0;
    for (int d = 1; d <= node->type.rank; d++) {
        int from = node->attributes.order[d - 1];
        if (old_axes >> from & 1)
            axes |= 1u << d;
        else
            order[kept++] = (int8_t)(from - __builtin_popcount(old_axes & ((1u << from) - 1) & ~1u));
    }
    return broadcast_axes(graph, permute(graph, operand_of(graph, a, 0), order), axes, node->type);
}

/* slice(B(x)) = B(slice(x)), or a B with fewer repetitions */
static NodeId slice_of_broadcast(Graph *graph, const Node *node)
{
    NodeId a = pair(graph, node, OP_SLICE, OP_BROADCAST);
    if (a == NONE)
        return NONE;
    uint32_t axes = graph->nodes[a].attributes.axes;
    NodeId x = operand_of(graph, a, 0);
    int axis = node->attributes.axis;
    if (!(axes >> axis & 1))
        x = slice(graph, x, axis - __builtin_popcount(axes & ((1u << axis) - 1) & ~1u), node->attributes.from,
                  node->attributes.to);
    return broadcast_axes(graph, x, axes, node->type);
}

/* slice(pad(x)) = slice(x) within the border, slice(concat(x, y)) = slice(x) or slice(y) where one of them holds it */
static NodeId slice_of_joined(Graph *graph, const Node *node)
{
    if (node->op != OP_SLICE)
        return NONE;
    NodeId a = node->operand[0];
    int axis = node->attributes.axis;
    if ((op_of(graph, a) != OP_PAD && op_of(graph, a) != OP_CONCAT) || graph->nodes[a].attributes.axis != axis)
        return NONE;
    int64_t from = node->attributes.from, to = node->attributes.to;
    for (int i = 0; i < op_info[op_of(graph, a)].arity; i++) {
        NodeId x = operand_of(graph, a, i);
        int64_t begin = op_of(graph, a) == OP_PAD ? graph->nodes[a].attributes.from
                        : i == 0                  ? 0
                                                  : axis_size(type_of(graph, operand_of(graph, a, 0)), axis);
        if (from >= begin && to <= begin + axis_size(type_of(graph, x), axis))
            return slice(graph, x, axis, from - begin, to - begin);
    }
    return NONE;
}

/* pad(c) with c around it is c */
static NodeId pad_of_number(Graph *graph, const Node *node)
{
    double c;
    if (node->op != OP_PAD || !is_number(graph, node->operand[0], &c) || c != node->attributes.value)
        return NONE;
    return broadcast_to(graph, constant(graph, c), node->type);
}

/* concat(x[a, b), x[b, c)) = x[a, c) */
static NodeId concat_of_neighbours(Graph *graph, const Node *node)
{
    NodeId a = node->operand[0], b = node->operand[1];
    if (node->op != OP_CONCAT || op_of(graph, a) != OP_SLICE || op_of(graph, b) != OP_SLICE ||
        operand_of(graph, a, 0) != operand_of(graph, b, 0))
        return NONE;
    const Attributes *left = &graph->nodes[a].attributes, *right = &graph->nodes[b].attributes;
    int axis = node->attributes.axis;
    if (left->axis != axis || right->axis != axis || left->to != right->from)
        return NONE;
    return slice(graph, operand_of(graph, a, 0), axis, left->from, right->to);
}

/* The addends of nested sums, all of them pads of zero along one axis; 0 if some are not, or there are too many. */
static int padded_addends(const Graph *graph, NodeId id, int axis, NodeId *pads, int room)
{
    const Node *node = &graph->nodes[id];
    if (node->op == OP_ADD) {
        int left = padded_addends(graph, node->operand[0], axis, pads, room);
        int right = left ? padded_addends(graph, node->operand[1], axis, pads + left, room - left) : 0;
        return right ? left + right : 0;
    }
    if (node->op != OP_PAD || node->attributes.axis != axis || node->attributes.value != 0 || room == 0)
        return 0;
    pads[0] = id;
    return 1;
}

/* pad(x) + pad(y) + … = concat(x, y, …) where each element is of exactly one of them: gradients of slices that cut all of a tensor */
static NodeId sum_of_pads(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD)
        return NONE;
    NodeId pads[MOST_ADDENDS], first = node->operand[0];
    for (int depth = 1; depth < MOST_ADDENDS && op_of(graph, first) == OP_ADD; depth++)
        first = operand_of(graph, first, 0);
    if (op_of(graph, first) != OP_PAD)
        return NONE;
    const int axis = graph->nodes[first].attributes.axis;
    int left = padded_addends(graph, node->operand[0], axis, pads, MOST_ADDENDS);
    int right = left ? padded_addends(graph, node->operand[1], axis, pads + left, MOST_ADDENDS - left) : 0;
    NodeId joined = NONE;
    int64_t reached = 0;
    for (int found = 0; right && found < left + right; found++) {
        int next = 0;
        while (next < left + right && graph->nodes[pads[next]].attributes.from != reached)
            next++;
        if (next == left + right)
            return NONE;
        NodeId part = operand_of(graph, pads[next], 0);
        reached += axis_size(type_of(graph, part), axis);
        joined = joined == NONE ? part : concat(graph, joined, part, axis);
    }
    return right && reached == axis_size(node->type, axis) ? joined : NONE;
}

/* index along one axis of many = B(index along it alone), so that all of them are one node */
static NodeId index_alone(Graph *graph, const Node *node)
{
    int axis = node->attributes.axis;
    uint32_t others = all_axes(node->type) & ~(1u << axis);
    if (node->op != OP_INDEX || !others)
        return NONE;
    Type alone = without_axes(node->type, others);
    return broadcast_axes(graph, index_along(graph, alone, axis == 0 ? 0 : 1), others, node->type);
}

/* a recurrence of one time is none: previous = its initial value, scan(x) = x */
static NodeId recurrence_of_one(Graph *graph, const Node *node)
{
    if ((node->op != OP_PREVIOUS && node->op != OP_SCAN) || axis_size(node->type, 1) != 1)
        return NONE;
    return node->op == OP_SCAN ? node->operand[0] : reshape_to(graph, node->operand[0], node->type.rank, node->type.size);
}

const Rewrite move_rewrites[] = {
#define REWRITE(name) {#name, name}
    REWRITE(move_nothing),
    REWRITE(move_twice),
    REWRITE(broadcast_twice),
    REWRITE(broadcast_once),
    REWRITE(broadcast_of_reshape),
    REWRITE(reshape_of_broadcast),
    REWRITE(reshape_of_table),
    REWRITE(table_of_equals),
    REWRITE(permute_of_ones),
    REWRITE(permute_of_broadcast),
    REWRITE(slice_of_broadcast),
    REWRITE(slice_of_joined),
    REWRITE(pad_of_number),
    REWRITE(concat_of_neighbours),
    REWRITE(sum_of_pads),
    REWRITE(index_alone),
    REWRITE(recurrence_of_one),
#undef REWRITE
    {NULL, NULL},
};
