/* rewrite_windows.c: gradients behind a max-pool: of the elements of a window one has all of it.
 *
 * FOLD adds up, at each element, its share of the windows that hold it. Where windows do not overlap each has one share at most:
 * a sum over the elements is one over the shares, and a factor that a whole window has in common is applied to the shares. Of
 * those only the largest element's is not zero, so both come down to one number a window:
 *
 *   sum over k of FOLD(x)[k] = sum over windows o and places m of x[o,m],        sum over m of (v[o] if m = best[o] else 0) = v[o] */
#include "graph/build.h"
#include "graph/rules.h"

static bool is_apart(const Graph *graph, NodeId fold)
{
    const Attributes *a = attributes_of(graph, fold);
    return op_of(graph, fold) == OP_FOLD && a->stride >= a->window && a->dilation == 1;
}

/* sum(fold(x)) = sum(x), over the windows' places too, where no window reaches beyond the axis */
static NodeId sum_of_windows(Graph *graph, const Node *node)
{
    if (node->op != OP_SUM || !is_apart(graph, node->operand[0]))
        return NONE;
    NodeId folded = node->operand[0], x = operand_of(graph, folded, 0);
    const Attributes *a = attributes_of(graph, folded);
    const int64_t end = (axis_size(type_of(graph, x), a->axis) - 1) * a->stride + a->window;
    if (!(node->attributes.axes >> a->axis & 1) || a->from != 0 || end > a->size)
        return NONE;
    return reduce(graph, OP_SUM, x, node->attributes.axes | 1u << type_of(graph, x).rank);
}

/* Is it one of [place = best], place numbering all points of some axes (0: it is not) and best being the same along these? */
static uint32_t axes_of_choice(const Graph *graph, NodeId node)
{
    if (op_of(graph, node) != OP_EQUAL)
        return 0;
    for (int i = 0; i < 2; i++) {
        NodeId place = operand_of(graph, node, i), best = operand_of(graph, node, 1 - i);
        if (op_of(graph, place) != OP_BROADCAST || op_of(graph, best) != OP_BROADCAST)
            continue;
        NodeId index = operand_of(graph, place, 0);
        if (op_of(graph, index) == OP_RESHAPE)
            index = operand_of(graph, index, 0);
        const uint32_t axes = all_axes(type_of(graph, place)) & ~attributes_of(graph, place)->axes;
        if (op_of(graph, index) == OP_INDEX && type_of(graph, index).rank == 1 && (attributes_of(graph, best)->axes & axes) == axes
            && index_limit(graph, best) <= axis_size(type_of(graph, index), 1))
            return axes;
    }
    return 0;
}

static bool is_choice(const Graph *graph, NodeId node)
{
    double other;
    return op_of(graph, node) == OP_SELECT && axes_of_choice(graph, operand_of(graph, node, 0)) && is_number(graph, operand_of(graph, node, 2), &other)
        && other == 0;
}

/* sum over the places m of (v if m = best else 0) = v, where v is the same for all of them */
static NodeId sum_of_choice(Graph *graph, const Node *node)
{
    if (node->op != OP_SUM || !is_choice(graph, node->operand[0]))
        return NONE;
    const uint32_t places = axes_of_choice(graph, operand_of(graph, node->operand[0], 0));
    NodeId v = operand_of(graph, node->operand[0], 1);
    if ((node->attributes.axes & places) != places || op_of(graph, v) != OP_BROADCAST || (attributes_of(graph, v)->axes & places) != places)
        return NONE;
    v = reduce(graph, OP_MAX, v, places);       /* all are equal: any of them, which fold_of_broadcast takes */
    const uint32_t others = axes_without(node->attributes.axes & ~places, places);
    return others ? reduce(graph, OP_SUM, v, others) : v;
}

/* Certain to be finite, so that 0 times it is 0: what a dropout multiplies with. */
static bool is_mask(const Graph *graph, NodeId node)
{
    switch (op_of(graph, node)) {
    case OP_BROADCAST: case OP_RESHAPE: return is_mask(graph, operand_of(graph, node, 0));
    case OP_MULTIPLY: return is_mask(graph, operand_of(graph, node, 0)) && is_mask(graph, operand_of(graph, node, 1));
    case OP_CONSTANT: case OP_UNIFORM: return true;
    default: return op_is_comparison(op_of(graph, node));
    }
}

/* fold(x) B(y) = fold(x B(y)), (v if m = best else 0) y = (v y if m = best else 0), for a mask y */
static NodeId mask_of_windows(Graph *graph, const Node *node)
{
    for (int side = 0; node->op == OP_MULTIPLY && side < 2; side++) {
        NodeId x = node->operand[side], y = node->operand[1 - side];
        if (!is_mask(graph, y))
            continue;
        if (is_choice(graph, x)) {
            NodeId both = multiply(graph, operand_of(graph, x, 1), y);
            return apply3(graph, OP_SELECT, operand_of(graph, x, 0), both, operand_of(graph, x, 2));
        }
        if (!is_apart(graph, x) || op_of(graph, y) != OP_BROADCAST || !(attributes_of(graph, y)->axes >> attributes_of(graph, x)->axis & 1))
            continue;
        const Attributes a = *attributes_of(graph, x);
        const Type type = type_of(graph, operand_of(graph, x, 0));
        NodeId shares = operand_of(graph, x, 0);
        NodeId mask = broadcast_axes(graph, operand_of(graph, y, 0), attributes_of(graph, y)->axes | 1u << type.rank, type);
        shares = multiply(graph, shares, mask);
        return fold(graph, shares, (Windows){a.axis, a.window, a.stride, a.dilation, a.from, a.to}, a.size);
    }
    return NONE;
}

/* slice(fold(x)) is a fold of fewer elements; along another axis than the windows' it is fold(slice(x)) */
static NodeId slice_of_fold(Graph *graph, const Node *node)
{
    if (node->op != OP_SLICE || op_of(graph, node->operand[0]) != OP_FOLD || reader_count(graph, node->operand[0]) > 1)
        return NONE;
    const Attributes a = *attributes_of(graph, node->operand[0]), part = node->attributes;
    NodeId x = operand_of(graph, node->operand[0], 0);
    if (part.axis != a.axis)
        return fold(graph, slice(graph, x, part.axis, part.from, part.to), (Windows){a.axis, a.window, a.stride, a.dilation, a.from, a.to}, a.size);
    return fold(graph, x, (Windows){a.axis, a.window, a.stride, a.dilation, a.from + part.from, a.to + a.size - part.to}, part.to - part.from);
}

const Rewrite window_rewrites[] = {
#define REWRITE(name) {#name, name}
    REWRITE(sum_of_windows),
    REWRITE(sum_of_choice),
    REWRITE(mask_of_windows),
    REWRITE(slice_of_fold),
#undef REWRITE
    {NULL, NULL},
};
