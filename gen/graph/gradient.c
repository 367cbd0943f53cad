/* gradient.c: one rule for each gradient_NAME of ops.def, with its formula.
 *
 * A rule gets the forward node (whose value it may use: tanh' reuses tanh), the number of an operand, and the incoming gradient
 * d y / d node; it builds d y / d operand, of the operand's type, or says NONE where that is zero. In the formulas r is the
 * node's value, a, b, c its operands, g the incoming gradient, da what the rule builds for a.
 *
 * Rules build only operations that have rules themselves, so derivatives of derivatives come by themselves. They choose at
 * kinks as PyTorch does: relu'(0) = 0, abs'(0) = 0, maximum and minimum give half to each at a tie, max gives all to the first.
 * What is chosen away adds an exact zero by SELECT, not a product with 0, which would turn infinity into NaN.
 *
 * Folds over the batch need no mask here: the forward graph multiplies by ROW_MASK before it folds, so the gradient that comes
 * back is zero in spare rows; where it is not to be so, differentiate.c sees to it. */
#include "graph/build.h"
#include "graph/rules.h"
#include <math.h>
#include <string.h>

static NodeId one_plus(Graph *graph, NodeId a)
{
    return add(graph, constant(graph, 1), a);
}

static NodeId one_minus(Graph *graph, NodeId a)
{
    return subtract(graph, constant(graph, 1), a);
}

/* [a > 0], or another comparison with 0 */
static NodeId compare_with_zero(Graph *graph, Op comparison, NodeId a)
{
    return apply2(graph, comparison, a, constant(graph, 0));
}

/* g where the condition holds, else 0 */
static NodeId where(Graph *graph, NodeId condition, NodeId g)
{
    return apply3(graph, OP_SELECT, condition, g, constant(graph, 0));
}

/* 0 where the condition holds, else g */
static NodeId unless(Graph *graph, NodeId condition, NodeId g)
{
    return apply3(graph, OP_SELECT, condition, constant(graph, 0), g);
}

/* No operand at all, integers, comparisons, steps: the derivative is zero everywhere. */
NodeId gradient_none(Graph *graph, NodeId node, int operand, NodeId incoming)
{
    (void)graph, (void)node, (void)operand, (void)incoming;
    return NONE;
}

/* A recurrence's gradient is one that runs the other way: it is opened at its SCAN and closed at its PREVIOUS, so
 * differentiate.c, which walks from one to the other, makes both. */
NodeId gradient_recurrence(Graph *graph, NodeId node, int operand, NodeId incoming)
{
    (void)operand, (void)incoming;
    bug("%s is differentiated as a whole", op_info[graph->nodes[node].op].name);
}

/* ---- one operand ------------------------------------------------------------------------------------------------- */

/* r = -a         da = -g */
NodeId gradient_negate(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)node, (void)operand;
    return negate(graph, g);
}

/* r = exp(a)     da = g r */
NodeId gradient_exp(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return multiply(graph, g, node);
}

/* r = log(a)     da = g / a */
NodeId gradient_log(Graph *graph, NodeId node, int operand, NodeId g)
{
    return divide(graph, g, operand_of(graph, node, operand));
}

/* r = log(1 + a) da = g / (1 + a) */
NodeId gradient_log1p(Graph *graph, NodeId node, int operand, NodeId g)
{
    return divide(graph, g, one_plus(graph, operand_of(graph, node, operand)));
}

/* r = sqrt(a)    da = g / (2 r) */
NodeId gradient_sqrt(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return divide(graph, g, times_number(graph, 2, node));
}

/* r = 1 / a      da = -g r^2 */
NodeId gradient_reciprocal(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return negate(graph, multiply(graph, g, apply1(graph, OP_SQUARE, node)));
}

/* r = a^2        da = g 2 a */
NodeId gradient_square(Graph *graph, NodeId node, int operand, NodeId g)
{
    return multiply(graph, g, times_number(graph, 2, operand_of(graph, node, operand)));
}

/* r = |a|        da = g sign(a) */
NodeId gradient_abs(Graph *graph, NodeId node, int operand, NodeId g)
{
    return multiply(graph, g, apply1(graph, OP_SIGN, operand_of(graph, node, operand)));
}

/* r = sin(a)     da = g cos(a) */
NodeId gradient_sin(Graph *graph, NodeId node, int operand, NodeId g)
{
    return multiply(graph, g, apply1(graph, OP_COS, operand_of(graph, node, operand)));
}

/* r = cos(a)     da = -g sin(a) */
NodeId gradient_cos(Graph *graph, NodeId node, int operand, NodeId g)
{
    return negate(graph, multiply(graph, g, apply1(graph, OP_SIN, operand_of(graph, node, operand))));
}

/* r = tan(a)     da = g (1 + r^2) */
NodeId gradient_tan(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return multiply(graph, g, one_plus(graph, apply1(graph, OP_SQUARE, node)));
}

/* r = atan(a)    da = g / (1 + a^2) */
NodeId gradient_atan(Graph *graph, NodeId node, int operand, NodeId g)
{
    return divide(graph, g, one_plus(graph, apply1(graph, OP_SQUARE, operand_of(graph, node, operand))));
}

/* r = tanh(a)    da = g (1 - r^2) */
NodeId gradient_tanh(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return multiply(graph, g, one_minus(graph, apply1(graph, OP_SQUARE, node)));
}

/* r = erf(a)     da = g 2 / sqrt(pi) exp(-a^2) */
NodeId gradient_erf(Graph *graph, NodeId node, int operand, NodeId g)
{
    NodeId bell = apply1(graph, OP_EXP, negate(graph, apply1(graph, OP_SQUARE, operand_of(graph, node, operand))));
    return multiply(graph, g, times_number(graph, M_2_SQRTPI, bell));
}

/* r = max(0, a)  da = g where r > 0, else 0 */
NodeId gradient_relu(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return where(graph, compare_with_zero(graph, OP_GREATER, node), g);
}

/* r = sigmoid(a) da = g r (1 - r) */
NodeId gradient_sigmoid(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return multiply(graph, g, multiply(graph, node, one_minus(graph, node)));
}

/* r = log(1 + exp(a))   da = g sigmoid(a) */
NodeId gradient_softplus(Graph *graph, NodeId node, int operand, NodeId g)
{
    return multiply(graph, g, apply1(graph, OP_SIGMOID, operand_of(graph, node, operand)));
}

/* ---- two and three operands -------------------------------------------------------------------------------------- */

/* r = a + b      da = g, db = g */
NodeId gradient_add(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)graph, (void)node, (void)operand;
    return g;
}

/* r = a - b      da = g, db = -g */
NodeId gradient_subtract(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)node;
    return operand == 0 ? g : negate(graph, g);
}

/* r = a b        da = g b, db = g a */
NodeId gradient_multiply(Graph *graph, NodeId node, int operand, NodeId g)
{
    return multiply(graph, g, operand_of(graph, node, 1 - operand));
}

/* r = a / b      da = g / b, db = -g r / b */
NodeId gradient_divide(Graph *graph, NodeId node, int operand, NodeId g)
{
    NodeId b = operand_of(graph, node, 1);
    return operand == 0 ? divide(graph, g, b) : negate(graph, divide(graph, multiply(graph, g, node), b));
}

/* r = a^b        da = g b a^(b - 1), and 0 where b = 0
 *                db = g r log(a),    and 0 where a = 0 and b >= 0; the logarithm never sees that a, so that second
 *                                    derivatives stay free of its infinity */
NodeId gradient_power(Graph *graph, NodeId node, int operand, NodeId g)
{
    NodeId a = operand_of(graph, node, 0), b = operand_of(graph, node, 1);
    if (operand == 0) {
        NodeId one_less = subtract(graph, b, constant(graph, 1)), power = apply2(graph, OP_POWER, a, one_less);
        NodeId slope = multiply(graph, g, multiply(graph, b, power)), is_constant = compare_with_zero(graph, OP_EQUAL, b);
        return unless(graph, is_constant, slope);
    }
    NodeId is_zero = compare_with_zero(graph, OP_EQUAL, a), not_below = compare_with_zero(graph, OP_GREATER_EQUAL, b);
    NodeId flat = multiply(graph, is_zero, not_below), one = constant(graph, 1);
    NodeId logarithm = apply1(graph, OP_LOG, apply3(graph, OP_SELECT, flat, one, a));
    return unless(graph, flat, multiply(graph, g, multiply(graph, node, logarithm)));
}

/* da = g where a is the chosen one, g / 2 at a tie, else 0 */
static NodeId share_of_winner(Graph *graph, NodeId node, int operand, NodeId g, Op better)
{
    NodeId mine = operand_of(graph, node, operand), other = operand_of(graph, node, 1 - operand);
    NodeId is_tie = apply2(graph, OP_EQUAL, mine, other), half = times_number(graph, 0.5, g), at_tie = where(graph, is_tie, half);
    NodeId wins = apply2(graph, better, mine, other);
    return apply3(graph, OP_SELECT, wins, g, at_tie);
}

/* r = max(a, b)  da = g [a > b] + g/2 [a = b], and b likewise */
NodeId gradient_maximum(Graph *graph, NodeId node, int operand, NodeId g)
{
    return share_of_winner(graph, node, operand, g, OP_GREATER);
}

/* r = min(a, b)  da = g [a < b] + g/2 [a = b], and b likewise */
NodeId gradient_minimum(Graph *graph, NodeId node, int operand, NodeId g)
{
    return share_of_winner(graph, node, operand, g, OP_LESS);
}

/* r = b if a else c      db = g if a else 0, dc = 0 if a else g */
NodeId gradient_select(Graph *graph, NodeId node, int operand, NodeId g)
{
    NodeId condition = operand_of(graph, node, 0);
    if (operand == 0)
        return NONE;
    return operand == 1 ? where(graph, condition, g) : unless(graph, condition, g);
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

/* r = sum a over axes    da = g, repeated along the axes */
NodeId gradient_sum(Graph *graph, NodeId node, int operand, NodeId g)
{
    return broadcast_axes(graph, g, attributes_of(graph, node)->axes, type_of(graph, operand_of(graph, node, operand)));
}

/* The place of an element of `type` among those along the axes, row-major. */
static NodeId place_among(Graph *graph, Type type, uint32_t axes)
{
    int last = 31 - __builtin_clz(axes);
    if (axes == 1u << last)
        return index_along(graph, type, last);
    Type all = {.rank = 1, .size = {1}}, among = {0};
    for (int axis = 1; axis <= type.rank; axis++)
        if (axes >> axis & 1) {
            among.size[among.rank++] = axis_size(type, axis);
            all.size[0] *= axis_size(type, axis);
        }
    type.scalar = INT;
    NodeId places = reshape_to(graph, index_along(graph, all, 1), among.rank, among.size);
    return broadcast_axes(graph, places, (((2u << type.rank) - 1) & ~axes & ~1u) | type.per_row, type);
}

/* r = max a over axes    da = g at the first largest, else 0
 * Over several axes: the maximum over the others of the maximum over the last, each with its own first largest, which together
 * is the first in row-major order. */
NodeId gradient_max(Graph *graph, NodeId node, int operand, NodeId g)
{
    NodeId a = operand_of(graph, node, operand);
    Type type = type_of(graph, a);
    uint32_t axes = attributes_of(graph, node)->axes;
    if (axes & 1 && axes != 1) {
        NodeId inner = reduce(graph, OP_MAX, a, axes & ~1u), outer = reduce(graph, OP_MAX, inner, 1);
        return gradient_max(graph, inner, 0, gradient_max(graph, outer, 0, g));
    }
    NodeId place = place_among(graph, type, axes), first = broadcast_axes(graph, reduce(graph, OP_ARGMAX, a, axes), axes, type);
    if (axes == 1) {                    /* a spare row is row 0 once more */
        place = mask_rows(graph, apply1(graph, OP_FLOAT, place));
        first = apply1(graph, OP_FLOAT, first);
    }
    NodeId is_first = apply2(graph, OP_EQUAL, place, first);
    return where(graph, is_first, broadcast_axes(graph, g, axes, type));
}

/* ---- moves ------------------------------------------------------------------------------------------------------- */

/* r = a, repeated along axes     da = sum g over them */
NodeId gradient_broadcast(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return reduce(graph, OP_SUM, g, attributes_of(graph, node)->axes);
}

/* r = a in another shape         da = g in the shape of a */
NodeId gradient_reshape(Graph *graph, NodeId node, int operand, NodeId g)
{
    Type type = type_of(graph, operand_of(graph, node, operand));
    return reshape_to(graph, g, type.rank, type.size);
}

/* axis d of r is axis order[d] of a      axis order[d] of da is axis d of g */
NodeId gradient_permute(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    int8_t inverse[MAX_RANK];
    for (int d = 1; d <= type_of(graph, node).rank; d++)
        inverse[attributes_of(graph, node)->order[d - 1] - 1] = (int8_t)d;
    return permute(graph, g, inverse);
}

/* r = a[from, to)                da = g with zeros around it */
NodeId gradient_slice(Graph *graph, NodeId node, int operand, NodeId g)
{
    const Attributes *part = attributes_of(graph, node);
    int64_t size = axis_size(type_of(graph, operand_of(graph, node, operand)), part->axis);
    return pad(graph, g, part->axis, part->from, size - part->to, 0);
}

/* r = a with a border            da = g without it */
NodeId gradient_pad(Graph *graph, NodeId node, int operand, NodeId g)
{
    const Attributes *border = attributes_of(graph, node);
    int64_t size = axis_size(type_of(graph, operand_of(graph, node, operand)), border->axis);
    return slice(graph, g, border->axis, border->from, border->from + size);
}

/* r = a, then b                  da, db = their parts of g */
NodeId gradient_concat(Graph *graph, NodeId node, int operand, NodeId g)
{
    int axis = attributes_of(graph, node)->axis;
    int64_t left = axis_size(type_of(graph, operand_of(graph, node, 0)), axis), all = axis_size(type_of(graph, node), axis);
    return operand == 0 ? slice(graph, g, axis, 0, left) : slice(graph, g, axis, left, all);
}

static Windows windows_at(Graph *graph, NodeId node)
{
    const Attributes *a = attributes_of(graph, node);
    return (Windows){a->axis, a->window, a->stride, a->dilation, a->from, a->to};
}

/* r[o,k] = a[stride o + dilation k - from]      da = each element's share of the windows that hold it, added up */
NodeId gradient_unfold(Graph *graph, NodeId node, int operand, NodeId g)
{
    Windows windows = windows_at(graph, node);
    return fold(graph, g, windows, axis_size(type_of(graph, operand_of(graph, node, operand)), windows.axis));
}

/* the transpose of unfold        da = g in windows, zero outside */
NodeId gradient_fold(Graph *graph, NodeId node, int operand, NodeId g)
{
    (void)operand;
    return unfold(graph, g, windows_at(graph, node), 0);
}

/* ---- gather ------------------------------------------------------------------------------------------------------ */

/* r[b,t,d] = a[index[b,t], d]    da[v,d] = sum of g[b,t,d] over index[b,t] = v
 * Where every axis of r is one of a, as when a row picks one of its scores, nothing is summed:  da[b,k] = g[b] if index[b] = k else 0,
 * which is elementwise and may be computed in passing. */
NodeId gradient_gather(Graph *graph, NodeId node, int operand, NodeId g)
{
    if (operand == 1)
        return NONE;
    NodeId a = operand_of(graph, node, 0), index = operand_of(graph, node, 1);
    Letters l = split_letters(attributes_of(graph, node)->letters);
    Type type = type_of(graph, a);
    int picked = 0;
    while (strchr(l.result, l.operand[0][picked]))
        picked++;
    int axis = picked + !type.per_row;
    if (strspn(l.result, l.operand[0]) < strlen(l.result))
        return scatter_add(graph, g, index, arena_print(graph->arena, "%s,%s->%s", l.result, l.operand[1], l.operand[0]), axis_size(type, axis));

    /* g and the index in the order of a's axes, repeated along those that they lack */
    uint32_t index_lacks = 0;
    int8_t order[MAX_RANK], index_order[MAX_RANK];
    int rank = 0, index_rank = 0;
    for (const char *c = l.operand[0]; *c; c++) {
        int here = (int)(c - l.operand[0]) + !type.per_row;
        const char *in_result = strchr(l.result, *c), *in_index = strchr(l.operand[1], *c);
        if (*c != 'b' && in_result)
            order[rank++] = (int8_t)(in_result - l.result + !type.per_row);
        if (*c != 'b' && in_index)
            index_order[index_rank++] = (int8_t)(in_index - l.operand[1] + (l.operand[1][0] != 'b'));
        index_lacks |= in_index ? 0 : 1u << here;
    }
    NodeId own = permute(graph, g, order), places = permute(graph, index, index_order);
    const NodeId along = index_along(graph, type, axis);        /* named: compilers differ in which argument they make first */
    const NodeId chosen = apply2(graph, OP_EQUAL, broadcast_axes(graph, places, index_lacks, type), along);
    return where(graph, chosen, broadcast_axes(graph, own, 1u << axis, type));
}

/* r[v,d] = sum of a[b,t,d] over index[b,t] = v       da[b,t,d] = g[index[b,t], d] */
NodeId gradient_scatter_add(Graph *graph, NodeId node, int operand, NodeId g)
{
    if (operand == 1)
        return NONE;
    Letters l = split_letters(attributes_of(graph, node)->letters);
    return gather(graph, g, operand_of(graph, node, 1), arena_print(graph->arena, "%s,%s->%s", l.result, l.operand[1], l.operand[0]));
}

/* ---- contraction ------------------------------------------------------------------------------------------------- */

/* r = sum a b, with letters A,B->R       da = sum g b with R,B->A;  db = sum a g with A,R->B
 * Each letter stands in two of A, B, R at least, so both are contractions again. */
NodeId gradient_contract(Graph *graph, NodeId node, int operand, NodeId g)
{
    Letters l = split_letters(attributes_of(graph, node)->letters);
    Arena *arena = graph->arena;
    if (operand == 0)
        return contract(graph, g, operand_of(graph, node, 1), arena_print(arena, "%s,%s->%s", l.result, l.operand[1], l.operand[0]));
    return contract(graph, operand_of(graph, node, 0), g, arena_print(arena, "%s,%s->%s", l.operand[0], l.result, l.operand[1]));
}
