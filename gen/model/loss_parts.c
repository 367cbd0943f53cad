/* loss_parts.c: which part of a loss is a mean over the rows, and which a sum.
 *
 * Takes the loss, a number; gives the two parts that add up to it, either of which may be missing. The loss of a set is the
 * row-weighted mean of the mean parts of its batches plus the sum of their sum parts, so a sum loss comes out the same for
 * every batch size, and a mean loss too.
 *
 * The idea: count how many factors "number of rows" a term carries, its degree. A sum over the batch adds one, the division by
 * ROWS takes it away; a product adds the degrees of its factors. A term of degree 1 is a sum over the rows; degree 0 is a
 * mean, or has no rows in it (a penalty). Where two degrees are added the sum is mixed, and is taken apart from the outside
 * as far as it is linear; what resists (the exponential of a mixed sum) counts as a mean. */
#include "model/loss_parts.h"
#include "graph/build.h"

typedef struct Degree {
    int8_t rows;
    bool mixed;
} Degree;

static bool folds_batch(const Graph *graph, const Node *node)
{
    if (node->op == OP_SUM)
        return node->attributes.axes & 1 && graph->nodes[node->operand[0]].type.per_row;
    return (node->op == OP_CONTRACT || node->op == OP_SCATTER_ADD) && !node->type.per_row &&
           (graph->nodes[node->operand[0]].type.per_row || graph->nodes[node->operand[1]].type.per_row);
}

static int8_t bounded(int rows)
{
    return (int8_t)(rows > 100 ? 100 : rows < -100 ? -100 : rows);
}

static Degree degree_of(const Graph *graph, NodeId id, const Degree *degree)
{
    const Node *node = &graph->nodes[id];
    Degree of[MAX_OPERANDS] = {0};
    bool mixed = false;
    for (int i = 0; i < MAX_OPERANDS && node->operand[i] != NONE; i++) {
        of[i] = degree[node->operand[i]];
        mixed |= of[i].mixed;
    }
    int a = of[0].rows, b = of[1].rows, c = of[2].rows;
    switch (node->op) {
    case OP_ROWS: return (Degree){1, false};
    case OP_ADD: case OP_SUBTRACT: case OP_MAXIMUM: case OP_MINIMUM: case OP_CONCAT:
        return (Degree){bounded(a), mixed || a != b};
    case OP_SELECT: return (Degree){bounded(b), mixed || b != c};
    case OP_MULTIPLY: return (Degree){bounded(a + b), mixed};
    case OP_DIVIDE: return (Degree){bounded(a - b), mixed};
    case OP_RECIPROCAL: return (Degree){bounded(-a), mixed};
    case OP_SQUARE: return (Degree){bounded(2 * a), mixed};
    case OP_SQRT: return (Degree){bounded(a / 2), mixed};
    case OP_SUM: case OP_CONTRACT: case OP_SCATTER_ADD: return (Degree){bounded(a + b + folds_batch(graph, node)), mixed};
    case OP_NEGATE: case OP_ABS: case OP_RELU: case OP_DETACH: case OP_MAX: case OP_BROADCAST: case OP_RESHAPE: case OP_PERMUTE:
    case OP_SLICE: case OP_PAD: case OP_UNFOLD: case OP_FOLD: case OP_GATHER:
        return (Degree){bounded(a), mixed};
    default: return (Degree){0, mixed};
    }
}

/* The operand that carries the parts of a mixed product or quotient, the other being free of rows; NONE: neither. */
static int mixed_factor(const Node *node, const Degree *degree)
{
    if (node->op != OP_MULTIPLY && node->op != OP_DIVIDE)
        return NONE;
    for (int i = 0; i < (node->op == OP_MULTIPLY ? 2 : 1); i++) {
        Degree other = degree[node->operand[1 - i]];
        if (degree[node->operand[i]].mixed && !other.mixed && !other.rows)
            return i;
    }
    return NONE;
}

static NodeId combined(Graph *graph, Op op, NodeId a, NodeId b)
{
    if (a == NONE || b == NONE)
        return b == NONE ? a : op == OP_SUBTRACT ? negate(graph, b) : b;
    return apply2(graph, op, a, b);
}

static NodeId negated(Graph *graph, NodeId part)
{
    return part == NONE ? NONE : negate(graph, part);
}

static NodeId scaled(Graph *graph, Op op, NodeId part, NodeId factor)
{
    return part == NONE ? NONE : apply2(graph, op, part, factor);
}

/* The parts of one node, those of its operands being known. */
static LossParts parts_of(Graph *graph, NodeId id, const Degree *degree, const LossParts *parts)
{
    if (!degree[id].mixed)
        return degree[id].rows == 1 ? (LossParts){NONE, id} : (LossParts){id, NONE};
    const Op op = graph->nodes[id].op;
    const NodeId a = graph->nodes[id].operand[0], b = graph->nodes[id].operand[1];
    const int inner = mixed_factor(&graph->nodes[id], degree);
    graph->now = graph->nodes[id].origin;
    LossParts own = {id, NONE};
    if (op == OP_ADD || op == OP_SUBTRACT) {
        own.mean = combined(graph, op, parts[a].mean, parts[b].mean);
        own.sum = combined(graph, op, parts[a].sum, parts[b].sum);
    } else if (op == OP_NEGATE) {
        own.mean = negated(graph, parts[a].mean);
        own.sum = negated(graph, parts[a].sum);
    } else if (inner != NONE) {
        const LossParts of = parts[inner ? b : a];
        own.mean = scaled(graph, op, of.mean, inner ? a : b);
        own.sum = scaled(graph, op, of.sum, inner ? a : b);
    }
    return own;
}

/* Marks the nodes whose parts are asked for, from the loss down: operands have smaller ids. */
static void mark(const Graph *graph, NodeId loss, const Degree *degree, bool *asked)
{
    asked[loss] = true;
    for (NodeId id = loss; id >= 0; id--) {
        const Node *node = &graph->nodes[id];
        if (!asked[id] || !degree[id].mixed)
            continue;
        const int inner = mixed_factor(node, degree);
        if (node->op == OP_ADD || node->op == OP_SUBTRACT)
            asked[node->operand[0]] = asked[node->operand[1]] = true;
        else if (node->op == OP_NEGATE)
            asked[node->operand[0]] = true;
        else if (inner != NONE)
            asked[node->operand[inner]] = true;
    }
}

LossParts split_loss(Graph *graph, NodeId loss)
{
    Arena *scratch = arena_new();
    Degree *degree = NEW(scratch, Degree, loss + 1);
    bool *asked = NEW(scratch, bool, loss + 1);
    LossParts *parts = NEW(scratch, LossParts, loss + 1);
    for (NodeId id = 0; id <= loss; id++)
        degree[id] = degree_of(graph, id, degree);
    mark(graph, loss, degree, asked);
    const Origin before = graph->now;
    for (NodeId id = 0; id <= loss; id++)
        if (asked[id])
            parts[id] = parts_of(graph, id, degree, parts);
    graph->now = before;
    const LossParts result = parts[loss];
    arena_free(scratch);
    return result;
}
