/* rewrite_folds.c: sums, maxima and contractions: folding what was only repeated is a product with its size, two folds in a row
 * are one, and a contraction takes permutations and repetitions of its operands into its letters.
 *
 * Sums may be added in another order: the value stays up to rounding. B stands for a BROADCAST, n for the number of repetitions. */
#include "graph/build.h"
#include "graph/rules.h"
#include <stdio.h>
#include <string.h>

enum { MAX_LETTERS = MAX_RANK + 2 };

static bool is_fold(Op op)
{
    return op == OP_SUM || op == OP_MAX;
}

/* ---- sums and maxima --------------------------------------------------------------------------------------------- */

/* sum(x) = max(x) = reshape(x) over axes of size 1 */
static NodeId fold_of_ones(Graph *graph, const Node *node)
{
    if (!is_fold(node->op) || node->attributes.axes & 1)
        return NONE;
    Type from = type_of(graph, node->operand[0]);
    for (int axis = 1; axis <= from.rank; axis++)
        if (node->attributes.axes >> axis & 1 && axis_size(from, axis) != 1)
            return NONE;
    return reshape_to(graph, node->operand[0], node->type.rank, node->type.size);
}

/* sum(sum(x)) = sum(x), max(max(x)) = max(x), over the axes of both */
static NodeId fold_twice(Graph *graph, const Node *node)
{
    if (!is_fold(node->op) || op_of(graph, node->operand[0]) != node->op)
        return NONE;
    NodeId inner = node->operand[0], x = operand_of(graph, inner, 0);
    uint32_t axes = graph->nodes[inner].attributes.axes, all = axes | (node->attributes.axes & 1);
    for (int axis = 1, kept = 0; axis <= type_of(graph, x).rank; axis++)
        if (!(axes >> axis & 1) && node->attributes.axes >> ++kept & 1)
            all |= 1u << axis;
    return reduce(graph, node->op, x, all);
}

/* sum(B(x)) = n sum(x),  max(B(x)) = max(x);  a sum over a repeated batch stays: a graph does not know the size of its batch */
static NodeId fold_of_broadcast(Graph *graph, const Node *node)
{
    if (!is_fold(node->op) || op_of(graph, node->operand[0]) != OP_BROADCAST)
        return NONE;
    NodeId repeated = node->operand[0], y = operand_of(graph, repeated, 0);
    Type type = type_of(graph, repeated);
    uint32_t new_axes = graph->nodes[repeated].attributes.axes, common = new_axes & node->attributes.axes;
    double times = 1;
    if (node->op == OP_SUM)
        common &= ~1u;
    if (!common)
        return NONE;
    for (int axis = 1; axis <= type.rank; axis++)
        if (common >> axis & 1)
            times *= (double)axis_size(type, axis);
    uint32_t repeat = axes_without(new_axes & ~common, common), fold = axes_without(node->attributes.axes & ~common, common);
    if (repeat)
        y = broadcast_axes(graph, y, repeat, without_axes(type, common));
    if (fold)
        y = reduce(graph, node->op, y, fold);
    return node->op == OP_SUM ? times_number(graph, times, y) : y;
}

/* sum(reshape(x)) = sum(x) where all sizes are folded */
static NodeId fold_of_reshape(Graph *graph, const Node *node)
{
    if (!is_fold(node->op) || (op_of(graph, node->operand[0]) != OP_RESHAPE && op_of(graph, node->operand[0]) != OP_PERMUTE))
        return NONE;
    NodeId x = operand_of(graph, node->operand[0], 0);
    uint32_t batch = node->attributes.axes & 1, sizes = all_axes(type_of(graph, node->operand[0])) & ~1u;
    if ((node->attributes.axes & ~1u) != sizes)
        return NONE;
    uint32_t axes = (all_axes(type_of(graph, x)) & ~1u) | batch;
    return axes ? reduce(graph, node->op, x, axes) : x;
}

/* sum(-x) = -sum(x) */
static NodeId sum_of_negated(Graph *graph, const Node *node)
{
    if (node->op != OP_SUM || op_of(graph, node->operand[0]) != OP_NEGATE)
        return NONE;
    return negate(graph, reduce(graph, OP_SUM, operand_of(graph, node->operand[0], 0), node->attributes.axes));
}

/* the sum of the mask is the number of rows */
static NodeId sum_of_mask(Graph *graph, const Node *node)
{
    return node->op == OP_SUM && op_of(graph, node->operand[0]) == OP_ROW_MASK ? leaf_scalar(graph, OP_ROWS) : NONE;
}

/* Is it an index along this axis alone? */
static bool is_index_along(const Graph *graph, NodeId node, int axis)
{
    if (op_of(graph, node) == OP_INDEX)
        return graph->nodes[node].attributes.axis == axis;
    if (op_of(graph, node) != OP_BROADCAST || op_of(graph, operand_of(graph, node, 0)) != OP_INDEX)
        return false;
    return !(graph->nodes[node].attributes.axes >> axis & 1) && type_of(graph, operand_of(graph, node, 0)).rank == 1;
}

/* Is it the same along the axis, and certain to lie in [0, size)? */
static bool is_class_below(const Graph *graph, NodeId node, int axis, int64_t size)
{
    bool repeated = op_of(graph, node) == OP_BROADCAST && graph->nodes[node].attributes.axes >> axis & 1;
    return repeated && index_limit(graph, node) <= size;
}

/* Is it [k = class], k the index along the axis, of which exactly one k holds? */
static bool is_one_hot(const Graph *graph, NodeId node, int axis)
{
    if (op_of(graph, node) != OP_EQUAL)
        return false;
    int64_t size = axis_size(type_of(graph, node), axis);
    for (int i = 0; i < 2; i++)
        if (is_index_along(graph, operand_of(graph, node, i), axis) &&
            is_class_below(graph, operand_of(graph, node, 1 - i), axis, size))
            return true;
    return false;
}

/* sum over k of (x if k = class else 0) = sum over k of [k = class] x = x, where x does not depend on k */
static NodeId sum_of_one_hot(Graph *graph, const Node *node)
{
    double other;
    uint32_t axes = node->attributes.axes;
    if (node->op != OP_SUM || axes & (axes - 1) || axes & 1)
        return NONE;
    NodeId a = node->operand[0], x = NONE;
    int axis = 31 - __builtin_clz(axes);
    if (op_of(graph, a) == OP_SELECT && is_one_hot(graph, operand_of(graph, a, 0), axis))
        x = is_number(graph, operand_of(graph, a, 2), &other) && other == 0 ? operand_of(graph, a, 1) : NONE;
    for (int i = 0; op_of(graph, a) == OP_MULTIPLY && i < 2; i++)
        if (is_one_hot(graph, operand_of(graph, a, i), axis))
            x = operand_of(graph, a, 1 - i);
    if (x == NONE || op_of(graph, x) != OP_BROADCAST || !(graph->nodes[x].attributes.axes >> axis & 1))
        return NONE;
    return reduce(graph, OP_MAX, x, axes);      /* all are equal: any of them, which fold_of_broadcast takes */
}

/* ---- contractions ------------------------------------------------------------------------------------------------ */

static NodeId contract_letters(Graph *graph, NodeId a, NodeId b, const Letters *letters)
{
    char all[3 * MAX_LETTERS + 4];
    snprintf(all, sizeof all, "%s,%s->%s", letters->operand[0], letters->operand[1], letters->result);
    return contract(graph, a, b, all);
}

static void drop_letter(char *letters, char letter)
{
    char *at = strchr(letters, letter);
    memmove(at, at + 1, strlen(at));
}

/* The axis that the letter at `place` names: the batch is 0, and only a per-row tensor has it, first. */
static int axis_of_place(const char *letters, int place)
{
    return place + (letters[0] != 'b');
}

/* contract(permute(x), y) = contract(x, y) with other letters */
static NodeId contract_of_permute(Graph *graph, const Node *node)
{
    if (node->op != OP_CONTRACT)
        return NONE;
    for (int side = 0; side < 2; side++) {
        NodeId a = node->operand[side];
        if (op_of(graph, a) != OP_PERMUTE)
            continue;
        Letters l = split_letters(node->attributes.letters);
        char moved[MAX_LETTERS] = "";
        int batch = type_of(graph, a).per_row;
        strcpy(moved, l.operand[side]);
        for (int d = 0; d < type_of(graph, a).rank; d++)
            moved[batch + graph->nodes[a].attributes.order[d] - 1] = l.operand[side][batch + d];
        strcpy(l.operand[side], moved);
        NodeId x = operand_of(graph, a, 0), y = node->operand[1 - side];
        return contract_letters(graph, side == 0 ? x : y, side == 0 ? y : x, &l);
    }
    return NONE;
}

/* permute(contract(x, y)) = contract(x, y) with other letters, where nobody else reads the contraction */
static NodeId permute_of_contract(Graph *graph, const Node *node)
{
    if (node->op != OP_PERMUTE || op_of(graph, node->operand[0]) != OP_CONTRACT || reader_count(graph, node->operand[0]) > 1)
        return NONE;
    NodeId product = node->operand[0];
    Letters l = split_letters(graph->nodes[product].attributes.letters);
    char moved[MAX_LETTERS];
    int batch = node->type.per_row;
    strcpy(moved, l.result);
    for (int d = 0; d < node->type.rank; d++)
        moved[batch + d] = l.result[batch + node->attributes.order[d] - 1];
    strcpy(l.result, moved);
    return contract_letters(graph, operand_of(graph, product, 0), operand_of(graph, product, 1), &l);
}

/* contract(B(x), y): a letter along which x is only repeated leaves x. If y and the result have it, that is all; if only y has it,
 * y is summed over it first; if only the result has it, the result is repeated along it. */
static NodeId contract_of_broadcast(Graph *graph, const Node *node)
{
    if (node->op != OP_CONTRACT)
        return NONE;
    for (int side = 0; side < 2; side++) {
        NodeId a = node->operand[side], y = node->operand[1 - side];
        if (op_of(graph, a) != OP_BROADCAST)
            continue;
        Letters l = split_letters(node->attributes.letters), before = l;
        uint32_t new_axes = graph->nodes[a].attributes.axes, sum_over = 0, repeat = 0;
        for (int place = 0; before.operand[side][place]; place++) {
            char letter = before.operand[side][place];
            if (!(new_axes >> axis_of_place(before.operand[side], place) & 1))
                continue;
            const char *in_other = strchr(before.operand[1 - side], letter), *in_result = strchr(before.result, letter);
            drop_letter(l.operand[side], letter);
            if (in_other && !in_result) {
                sum_over |= 1u << axis_of_place(before.operand[1 - side], (int)(in_other - before.operand[1 - side]));
                drop_letter(l.operand[1 - side], letter);
            } else if (!in_other) {
                repeat |= 1u << axis_of_place(before.result, (int)(in_result - before.result));
                drop_letter(l.result, letter);
            }
        }
        NodeId x = operand_of(graph, a, 0);
        y = sum_over ? reduce(graph, OP_SUM, y, sum_over) : y;
        NodeId product = contract_letters(graph, side == 0 ? x : y, side == 0 ? y : x, &l);
        return repeat ? broadcast_axes(graph, product, repeat, node->type) : product;
    }
    return NONE;
}

/* contract(s, y) = s permute(y) for a single number s */
static NodeId contract_with_scalar(Graph *graph, const Node *node)
{
    if (node->op != OP_CONTRACT)
        return NONE;
    for (int side = 0; side < 2; side++) {
        Type type = type_of(graph, node->operand[side]);
        if (type.rank > 0 || type.per_row)
            continue;
        Letters l = split_letters(node->attributes.letters);
        int8_t order[MAX_RANK];
        for (int d = 0; d < node->type.rank; d++) {
            int place = (int)(strchr(l.operand[1 - side], l.result[d + node->type.per_row]) - l.operand[1 - side]);
            order[d] = (int8_t)axis_of_place(l.operand[1 - side], place);
        }
        return multiply(graph, node->operand[side], permute(graph, node->operand[1 - side], order));
    }
    return NONE;
}

/* contract(-x, y) = contract(x, -y) = -contract(x, y) */
static NodeId contract_of_negated(Graph *graph, const Node *node)
{
    if (node->op != OP_CONTRACT)
        return NONE;
    for (int side = 0; side < 2; side++)
        if (op_of(graph, node->operand[side]) == OP_NEGATE) {
            NodeId x = operand_of(graph, node->operand[side], 0), y = node->operand[1 - side];
            return negate(graph, contract(graph, side == 0 ? x : y, side == 0 ? y : x, node->attributes.letters));
        }
    return NONE;
}

const Rewrite fold_rewrites[] = {
#define REWRITE(name) {#name, name}
    REWRITE(fold_of_ones),
    REWRITE(fold_twice),
    REWRITE(fold_of_broadcast),
    REWRITE(fold_of_reshape),
    REWRITE(sum_of_negated),
    REWRITE(sum_of_mask),
    REWRITE(sum_of_one_hot),
    REWRITE(contract_of_permute),
    REWRITE(permute_of_contract),
    REWRITE(contract_of_broadcast),
    REWRITE(contract_with_scalar),
    REWRITE(contract_of_negated),
#undef REWRITE
    {NULL, NULL},
};
