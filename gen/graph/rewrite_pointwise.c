/* rewrite_pointwise.c: the algebra of pointwise operations, one rewrite a function with its equation.
 *
 * What holds of every rewrite: the value stays the same for all finite operands up to rounding, and NaN and infinity in the data
 * stay visible: x · 0 and x - x are left alone. Two liberties are taken: the sign of a zero may change (x + 0 = x), and a
 * constant product may no longer overflow on its way to a finite result (0.5 (2 x) = x).
 *
 * c, c1, c2 stand for numbers, the letters x, y, a, b for any node, B for a BROADCAST. */
#include "graph/build.h"
#include "graph/rules.h"
#include <math.h>

static bool equals(const Graph *graph, NodeId node, double value)
{
    double number;
    return is_number(graph, node, &number) && number == value;
}

/* Far enough from the ends of both float types for products of constants to stay plain numbers. */
static bool is_moderate(double value)
{
    return fabs(value) > 1e-30 && fabs(value) < 1e30;
}

enum { DEEPEST = 4 };                   /* products are searched no deeper, so that long ones do not take quadratic time */

static bool holds_negation(const Graph *graph, NodeId node, int depth)
{
    if (op_of(graph, node) == OP_BROADCAST)
        node = operand_of(graph, node, 0);
    if (op_of(graph, node) == OP_MULTIPLY && depth < DEEPEST)
        return holds_negation(graph, operand_of(graph, node, 0), depth + 1) ||
               holds_negation(graph, operand_of(graph, node, 1), depth + 1);
    return op_of(graph, node) == OP_NEGATE;
}

/* Does the node say -x: a negation, one that is repeated, or a product that holds such a one? */
static bool is_negated(const Graph *graph, NodeId node)
{
    return holds_negation(graph, node, 0);
}

/* x, where the node is -x. */
static NodeId without_sign(Graph *graph, NodeId node)
{
    NodeId a = operand_of(graph, node, 0);
    if (op_of(graph, node) == OP_NEGATE)
        return a;
    if (op_of(graph, node) == OP_BROADCAST) {
        Attributes repeat = graph->nodes[node].attributes;
        return broadcast_axes(graph, without_sign(graph, a), repeat.axes, repeat.type);
    }
    NodeId b = operand_of(graph, node, 1);
    return is_negated(graph, a) ? multiply(graph, without_sign(graph, a), b) : multiply(graph, a, without_sign(graph, b));
}

/* ---- numbers ----------------------------------------------------------------------------------------------------- */

/* op(c1, c2, …) = c, unless that is not a number */
static NodeId fold_numbers(Graph *graph, const Node *node)
{
    double value[MAX_OPERANDS] = {0, 0, 0};
    int arity = op_info[node->op].arity;
    if (op_info[node->op].class != POINTWISE || node->type.scalar != FLOAT)
        return NONE;
    for (int i = 0; i < arity; i++)
        if (!is_number(graph, node->operand[i], &value[i]))
            return NONE;
    double result = evaluate_pointwise(node->op, value[0], value[1], value[2]);
    return isnan(result) ? NONE : broadcast_to(graph, constant(graph, result), node->type);
}

/* x c = c x: numbers stand on the left of a product, as people write them */
static NodeId number_first(Graph *graph, const Node *node)
{
    double c;
    if (node->op != OP_MULTIPLY || !is_number(graph, node->operand[1], &c) || is_number(graph, node->operand[0], &c))
        return NONE;
    return multiply(graph, node->operand[1], node->operand[0]);
}

/* x + 0 = 0 + x = x */
static NodeId add_zero(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD)
        return NONE;
    return equals(graph, node->operand[1], 0) ? node->operand[0] : equals(graph, node->operand[0], 0) ? node->operand[1] : NONE;
}

/* x - 0 = x,  0 - x = -x */
static NodeId subtract_zero(Graph *graph, const Node *node)
{
    if (node->op != OP_SUBTRACT)
        return NONE;
    return equals(graph, node->operand[1], 0)   ? node->operand[0]
           : equals(graph, node->operand[0], 0) ? negate(graph, node->operand[1])
                                                : NONE;
}

/* 1 x = x,  (-1) x = -x */
static NodeId multiply_one(Graph *graph, const Node *node)
{
    if (node->op != OP_MULTIPLY)
        return NONE;
    return equals(graph, node->operand[0], 1)    ? node->operand[1]
           : equals(graph, node->operand[0], -1) ? negate(graph, node->operand[1])
                                                 : NONE;
}

/* x / c = (1 / c) x where 1 / c is exact: a power of two;  x / 1 = x comes of it */
static NodeId divide_by_power_of_two(Graph *graph, const Node *node)
{
    double c;
    int exponent;
    if (node->op != OP_DIVIDE || !is_number(graph, node->operand[1], &c) || !is_moderate(c) || fabs(frexp(c, &exponent)) != 0.5)
        return NONE;
    return times_number(graph, 1 / c, node->operand[0]);
}

/* 1 / x = reciprocal(x),  c reciprocal(x) = c / x */
static NodeId one_over(Graph *graph, const Node *node)
{
    if (node->op == OP_DIVIDE && equals(graph, node->operand[0], 1))
        return apply1(graph, OP_RECIPROCAL, node->operand[1]);
    double c;
    if (node->op == OP_MULTIPLY && is_number(graph, node->operand[0], &c) && op_of(graph, node->operand[1]) == OP_RECIPROCAL)
        return divide(graph, constant(graph, c), operand_of(graph, node->operand[1], 0));
    return NONE;
}

/* c1 (c2 x) = (c1 c2) x,  c1 (c2 / x) = (c1 c2) / x */
static NodeId gather_numbers(Graph *graph, const Node *node)
{
    double c1, c2;
    if (node->op != OP_MULTIPLY || !is_number(graph, node->operand[0], &c1))
        return NONE;
    NodeId product = node->operand[1];
    Op op = op_of(graph, product);
    if ((op != OP_MULTIPLY && op != OP_DIVIDE) || !is_number(graph, operand_of(graph, product, 0), &c2))
        return NONE;
    if (!is_moderate(c1) || !is_moderate(c2) || !is_moderate(c1 * c2))
        return NONE;
    return apply2(graph, op, constant(graph, c1 * c2), operand_of(graph, product, 1));
}

/* a (c b) = (c a) b = c (a b) */
static NodeId number_out_of_product(Graph *graph, const Node *node)
{
    double c;
    if (node->op != OP_MULTIPLY || is_number(graph, node->operand[0], &c))
        return NONE;
    for (int i = 0; i < 2; i++) {
        NodeId product = node->operand[i], a = node->operand[1 - i];
        if (op_of(graph, product) != OP_MULTIPLY || !is_number(graph, operand_of(graph, product, 0), &c) || !is_moderate(c))
            continue;
        NodeId b = operand_of(graph, product, 1);
        return times_number(graph, c, i == 0 ? multiply(graph, b, a) : multiply(graph, a, b));
    }
    return NONE;
}

/* c x with c multiplied into a repeated, smaller factor of x; NONE where x has none */
static NodeId sink_number(Graph *graph, double c, NodeId x, int depth)
{
    Op op = op_of(graph, x);
    double number;
    if (depth > DEEPEST)
        return NONE;
    if (op == OP_BROADCAST && !is_number(graph, x, &number)) {
        Attributes repeat = graph->nodes[x].attributes;
        return broadcast_axes(graph, times_number(graph, c, operand_of(graph, x, 0)), repeat.axes, repeat.type);
    }
    if (op == OP_RESHAPE) {
        Type type = graph->nodes[x].type;
        NodeId inner = sink_number(graph, c, operand_of(graph, x, 0), depth + 1);
        return inner == NONE ? NONE : reshape_to(graph, inner, type.rank, type.size);
    }
    for (int i = 0; op == OP_MULTIPLY && i < 2; i++) {
        NodeId inner = sink_number(graph, c, operand_of(graph, x, i), depth + 1);
        if (inner != NONE)
            return i == 0 ? multiply(graph, inner, operand_of(graph, x, 1)) : multiply(graph, operand_of(graph, x, 0), inner);
    }
    return NONE;
}

/* c (B x) = (c B) x, however deep in the product: the product with fewer elements is made first */
static NodeId number_into_broadcast(Graph *graph, const Node *node)
{
    double c;
    if (node->op != OP_MULTIPLY || !is_number(graph, node->operand[0], &c) || !is_moderate(c))
        return NONE;
    return op_of(graph, node->operand[1]) == OP_MULTIPLY ? sink_number(graph, c, node->operand[1], 0) : NONE;
}

/* ---- sums of products -------------------------------------------------------------------------------------------- */

/* c p q, or c p where q is NONE */
typedef struct Product { double c; NodeId factor[2]; } Product;

static Product product_of(const Graph *graph, NodeId node)
{
    Product product = {1, {node, NONE}};
    if (op_of(graph, node) == OP_MULTIPLY && is_number(graph, operand_of(graph, node, 0), &product.c))
        node = product.factor[0] = operand_of(graph, node, 1);
    else
        product.c = 1;
    if (op_of(graph, node) == OP_MULTIPLY) {
        product.factor[0] = operand_of(graph, node, 0);
        product.factor[1] = operand_of(graph, node, 1);
    }
    return product;
}

/* c x, or c where x is NONE */
static NodeId term(Graph *graph, double c, NodeId x)
{
    return x == NONE ? constant(graph, c) : times_number(graph, c, x);
}

/* x + x = 2 x,  c1 x + c2 x = (c1 + c2) x; but not x - x = 0, which would hide a NaN */
static NodeId like_terms(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD && node->op != OP_SUBTRACT)
        return NONE;
    Product left = product_of(graph, node->operand[0]), right = product_of(graph, node->operand[1]);
    double c = node->op == OP_ADD ? left.c + right.c : left.c - right.c, number;
    if (left.factor[0] != right.factor[0] || left.factor[1] != right.factor[1] || !is_moderate(c) ||
        is_number(graph, left.factor[0], &number))
        return NONE;
    NodeId x = left.factor[1] == NONE ? left.factor[0] : multiply(graph, left.factor[0], left.factor[1]);
    return times_number(graph, c, x);
}

/* a x + c a y = a (x + c y), a + c a y = a (1 + c y): no product more, unless others read both, and the factor that a
 * derivative shares is seen */
static NodeId common_factor(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD && node->op != OP_SUBTRACT)
        return NONE;
    Product left = product_of(graph, node->operand[0]), right = product_of(graph, node->operand[1]);
    if (!is_moderate(left.c) || !is_moderate(right.c))
        return NONE;
    if (reader_count(graph, node->operand[0]) > 1 && reader_count(graph, node->operand[1]) > 1)
        return NONE;
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < 2; j++) {
            NodeId a = left.factor[i];
            if (a == NONE || a != right.factor[j] || (left.factor[1 - i] == NONE && right.factor[1 - j] == NONE))
                continue;
            double c = left.c == right.c ? left.c : 1;
            NodeId x = term(graph, left.c / c, left.factor[1 - i]), y = term(graph, right.c / c, right.factor[1 - j]);
            return times_number(graph, c, multiply(graph, a, apply2(graph, node->op, x, y)));
        }
    return NONE;
}

/* ---- signs ------------------------------------------------------------------------------------------------------- */

/* -(-x) = x,  -(a - b) = b - a,  -(c x) = (-c) x,  -(c / x) = (-c) / x */
static NodeId negate_negation(Graph *graph, const Node *node)
{
    if (node->op != OP_NEGATE)
        return NONE;
    NodeId a = node->operand[0];
    double c;
    if (is_negated(graph, a))
        return without_sign(graph, a);
    if (op_of(graph, a) == OP_SUBTRACT)
        return subtract(graph, operand_of(graph, a, 1), operand_of(graph, a, 0));
    if ((op_of(graph, a) == OP_MULTIPLY || op_of(graph, a) == OP_DIVIDE) && is_number(graph, operand_of(graph, a, 0), &c))
        return apply2(graph, op_of(graph, a), constant(graph, -c), operand_of(graph, a, 1));
    return NONE;
}

/* a + (-b) = a - b,  (-a) + b = b - a */
static NodeId add_negated(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD)
        return NONE;
    if (is_negated(graph, node->operand[1]))
        return subtract(graph, node->operand[0], without_sign(graph, node->operand[1]));
    if (is_negated(graph, node->operand[0]))
        return subtract(graph, node->operand[1], without_sign(graph, node->operand[0]));
    return NONE;
}

/* a - (-b) = a + b,  (-a) - b = -(a + b) */
static NodeId subtract_negated(Graph *graph, const Node *node)
{
    if (node->op != OP_SUBTRACT)
        return NONE;
    if (is_negated(graph, node->operand[1]))
        return add(graph, node->operand[0], without_sign(graph, node->operand[1]));
    if (is_negated(graph, node->operand[0]))
        return negate(graph, add(graph, without_sign(graph, node->operand[0]), node->operand[1]));
    return NONE;
}

/* (-a) b = a (-b) = -(a b),  (-a) / b = a / (-b) = -(a / b);  c (-x) = (-c) x
 * The sign of a repeated operand stays: it is cheaper there. */
static NodeId sign_out_of_product(Graph *graph, const Node *node)
{
    double c;
    if (node->op != OP_MULTIPLY && node->op != OP_DIVIDE)
        return NONE;
    for (int i = 0; i < 2; i++) {
        if (op_of(graph, node->operand[i]) != OP_NEGATE)
            continue;
        NodeId x = operand_of(graph, node->operand[i], 0);
        if (is_number(graph, node->operand[1 - i], &c)) {
            NodeId number = constant(graph, -c);
            return apply2(graph, node->op, i == 0 ? x : number, i == 0 ? number : x);
        }
        NodeId other = node->operand[1 - i];
        return negate(graph, apply2(graph, node->op, i == 0 ? x : other, i == 0 ? other : x));
    }
    return NONE;
}

/* (-x)^2 = |x|^2 = x^2,  |-x| = ||x|| = |x|,  |x^2| = x^2,  cos(-x) = cos(x) */
static NodeId even_function(Graph *graph, const Node *node)
{
    if (node->op != OP_SQUARE && node->op != OP_ABS && node->op != OP_COS)
        return NONE;
    NodeId a = node->operand[0];
    if (node->op == OP_ABS && (op_of(graph, a) == OP_ABS || op_of(graph, a) == OP_SQUARE))
        return a;
    if (is_negated(graph, a))
        return apply1(graph, node->op, without_sign(graph, a));
    return op_of(graph, a) == OP_ABS ? apply1(graph, node->op, operand_of(graph, a, 0)) : NONE;
}

/* ---- functions --------------------------------------------------------------------------------------------------- */

/* x x = x^2 */
static NodeId product_with_itself(Graph *graph, const Node *node)
{
    return node->op == OP_MULTIPLY && node->operand[0] == node->operand[1] ? apply1(graph, OP_SQUARE, node->operand[0]) : NONE;
}

/* x^0 = 1, x^1 = x, x^2, x^3 = x x^2, x^-1 = 1/x, x^-2 = 1/x^2, x^0.5 = sqrt(x) (as PyTorch does), x^-0.5 = 1/sqrt(x) */
static NodeId small_power(Graph *graph, const Node *node)
{
    double exponent;
    if (node->op != OP_POWER || !is_number(graph, node->operand[1], &exponent))
        return NONE;
    NodeId x = node->operand[0];
    if (exponent == 0)
        return broadcast_to(graph, constant(graph, 1), node->type);
    if (exponent == 1)
        return x;
    if (exponent == 2)
        return apply1(graph, OP_SQUARE, x);
    if (exponent == 3)
        return multiply(graph, x, apply1(graph, OP_SQUARE, x));
    if (exponent == -1)
        return apply1(graph, OP_RECIPROCAL, x);
    if (exponent == -2)
        return apply1(graph, OP_RECIPROCAL, apply1(graph, OP_SQUARE, x));
    if (exponent == 0.5)
        return apply1(graph, OP_SQRT, x);
    return exponent == -0.5 ? apply1(graph, OP_RECIPROCAL, apply1(graph, OP_SQRT, x)) : NONE;
}

/* max(x, x) = min(x, x) = x,  max(x, 0) = relu(x),  relu(relu(x)) = relu(x) */
static NodeId maximum_with_known(Graph *graph, const Node *node)
{
    if (node->op == OP_RELU)
        return op_of(graph, node->operand[0]) == OP_RELU ? node->operand[0] : NONE;
    if (node->op != OP_MAXIMUM && node->op != OP_MINIMUM)
        return NONE;
    if (node->operand[0] == node->operand[1])
        return node->operand[0];
    for (int i = 0; node->op == OP_MAXIMUM && i < 2; i++)
        if (equals(graph, node->operand[i], 0))
            return apply1(graph, OP_RELU, node->operand[1 - i]);
    return NONE;
}

/* [x > x] = [x < x] = 0, of a NaN too; [x = x] is 1 of all others only and stays */
static NodeId compare_with_itself(Graph *graph, const Node *node)
{
    if ((node->op != OP_GREATER && node->op != OP_LESS) || node->operand[0] != node->operand[1])
        return NONE;
    return broadcast_to(graph, constant(graph, 0), node->type);
}

/* (b if c else d) is b or d;  (b if a else b) = b */
static NodeId select_known(Graph *graph, const Node *node)
{
    double condition;
    if (node->op != OP_SELECT)
        return NONE;
    if (is_number(graph, node->operand[0], &condition))
        return node->operand[condition != 0 ? 1 : 2];
    return node->operand[1] == node->operand[2] ? node->operand[1] : NONE;
}

/* The node as it is where the condition chooses operand `which`; the node itself where that says nothing new. */
static NodeId within_choice(Graph *graph, NodeId id, NodeId condition, int which, int depth)
{
    Node node = graph->nodes[id];
    bool changed = false;
    if (node.op == OP_SELECT && node.operand[0] == condition)
        return node.operand[which];
    if (op_info[node.op].class != POINTWISE || depth == DEEPEST)
        return id;
    for (int i = 0; i < op_info[node.op].arity; i++) {
        NodeId operand = within_choice(graph, node.operand[i], condition, which, depth + 1);
        changed |= operand != node.operand[i];
        node.operand[i] = operand;
    }
    return changed ? new_node(graph, node.op, node.operand, op_info[node.op].arity, node.attributes) : id;
}

/* (f(b if a else x) if a else c) = (f(b) if a else c), and so under the other choice: only what is chosen is looked at */
static NodeId select_within(Graph *graph, const Node *node)
{
    if (node->op != OP_SELECT)
        return NONE;
    NodeId b = within_choice(graph, node->operand[1], node->operand[0], 1, 0);
    NodeId c = within_choice(graph, node->operand[2], node->operand[0], 2, 0);
    return b == node->operand[1] && c == node->operand[2] ? NONE : apply3(graph, OP_SELECT, node->operand[0], b, c);
}

/* (b if a else 0) + (0 if a else c) = (b if a else c) */
static NodeId sum_of_choices(Graph *graph, const Node *node)
{
    if (node->op != OP_ADD || op_of(graph, node->operand[0]) != OP_SELECT || op_of(graph, node->operand[1]) != OP_SELECT)
        return NONE;
    NodeId condition = operand_of(graph, node->operand[0], 0);
    if (operand_of(graph, node->operand[1], 0) != condition)
        return NONE;
    for (int i = 0; i < 2; i++) {
        NodeId first = node->operand[i], second = node->operand[1 - i];
        if (equals(graph, operand_of(graph, first, 2), 0) && equals(graph, operand_of(graph, second, 1), 0))
            return apply3(graph, OP_SELECT, condition, operand_of(graph, first, 1), operand_of(graph, second, 2));
    }
    return NONE;
}

/* (-b if a else 0) = -(b if a else 0), and so for the other choice */
static NodeId select_negated(Graph *graph, const Node *node)
{
    if (node->op != OP_SELECT)
        return NONE;
    NodeId a = node->operand[0], b = node->operand[1], c = node->operand[2];
    if (is_negated(graph, b) && equals(graph, c, 0))
        return negate(graph, apply3(graph, OP_SELECT, a, without_sign(graph, b), c));
    if (is_negated(graph, c) && equals(graph, b, 0))
        return negate(graph, apply3(graph, OP_SELECT, a, b, without_sign(graph, c)));
    return NONE;
}

/* detach(x) = x, once all gradients are built */
static NodeId detached(Graph *graph, const Node *node)
{
    (void)graph;
    return node->op == OP_DETACH ? node->operand[0] : NONE;
}

/* mask (mask x) = mask x, mask^2 = mask: it holds ones and zeros */
static NodeId mask_twice(Graph *graph, const Node *node)
{
    if (node->op != OP_MULTIPLY && node->op != OP_SQUARE)
        return NONE;
    for (int i = 0; i < op_info[node->op].arity; i++) {
        NodeId mask = node->operand[i], x = node->operand[node->op == OP_SQUARE ? 0 : 1 - i];
        if (op_of(graph, mask) != OP_ROW_MASK &&
            (op_of(graph, mask) != OP_BROADCAST || op_of(graph, operand_of(graph, mask, 0)) != OP_ROW_MASK))
            continue;
        if (x == mask || (op_of(graph, x) == OP_MULTIPLY && (operand_of(graph, x, 0) == mask || operand_of(graph, x, 1) == mask)))
            return x;
    }
    return NONE;
}

/* op(B(x), B(y), …) = B(op(x, y, …)) over the axes that all are repeated along: computed once, not once a place */
static NodeId pointwise_of_broadcasts(Graph *graph, const Node *node)
{
    int arity = op_info[node->op].arity;
    uint32_t common = ~0u;
    if (op_info[node->op].class != POINTWISE)
        return NONE;
    for (int i = 0; i < arity; i++)
        common &= op_of(graph, node->operand[i]) == OP_BROADCAST ? graph->nodes[node->operand[i]].attributes.axes : 0;
    if (!common)
        return NONE;
    Type small = without_axes(node->type, common);
    NodeId inner[MAX_OPERANDS];
    for (int i = 0; i < arity; i++) {
        uint32_t rest = axes_without(graph->nodes[node->operand[i]].attributes.axes & ~common, common);
        NodeId x = operand_of(graph, node->operand[i], 0);
        inner[i] = rest ? broadcast_axes(graph, x, rest, small) : x;
    }
    return broadcast_axes(graph, new_node(graph, node->op, inner, arity, node->attributes), common, node->type);
}

const Rewrite pointwise_rewrites[] = {
#define REWRITE(name) {#name, name}
    REWRITE(fold_numbers),
    REWRITE(detached),
    REWRITE(number_first),
    REWRITE(add_zero),
    REWRITE(subtract_zero),
    REWRITE(multiply_one),
    REWRITE(divide_by_power_of_two),
    REWRITE(one_over),
    REWRITE(negate_negation),
    REWRITE(add_negated),
    REWRITE(subtract_negated),
    REWRITE(sign_out_of_product),
    REWRITE(even_function),
    REWRITE(mask_twice),
    REWRITE(product_with_itself),
    REWRITE(small_power),
    REWRITE(maximum_with_known),
    REWRITE(compare_with_itself),
    REWRITE(select_known),
    REWRITE(select_within),
    REWRITE(sum_of_choices),
    REWRITE(select_negated),
    REWRITE(pointwise_of_broadcasts),
    REWRITE(gather_numbers),
    REWRITE(number_out_of_product),
    REWRITE(number_into_broadcast),
    REWRITE(like_terms),
    REWRITE(common_factor),
#undef REWRITE
    {NULL, NULL},
};
