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
#include <stdlib.h>

typedef struct Degree {
    int8_t rows;
    bool mixed;
} Degree;

static bool folds_batch(const Graph *graph, const Node *node)
{
    if (node->op == OP_SUM)
        return node->attributes.axes & 1 && graph->nodes[node->operand[0]].type.per_row;
    return node->op == OP_CONTRACT && !node->type.per_row &&
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
    case OP_SUM: case OP_CONTRACT: return (Degree){bounded(a + b + folds_batch(graph, node)), mixed};
    case OP_NEGATE: case OP_ABS: case OP_RELU: case OP_DETACH: case OP_MAX: case OP_BROADCAST: case OP_RESHAPE: case OP_PERMUTE:
    case OP_SLICE: case OP_PAD:
        return (Degree){bounded(a), mixed};
    default: return (Degree){0, mixed};
    }
}

typedef struct Split {
    Graph *graph;
    const Degree *degree;
} Split;

static NodeId combined(Graph *graph, Op op, NodeId a, NodeId b)
{
    if (a == NONE || b == NONE)
        return b == NONE ? a : op == OP_SUBTRACT ? negate(graph, b) : b;
    return apply2(graph, op, a, b);
}

static LossParts split(const Split *s, NodeId id)
{
    Graph *graph = s->graph;
    if (!s->degree[id].mixed)
        return s->degree[id].rows == 1 ? (LossParts){NONE, id} : (LossParts){id, NONE};
    Node node = graph->nodes[id];
    NodeId a = node.operand[0], b = node.operand[1];
    bool factor_first = node.op == OP_MULTIPLY && s->degree[b].mixed && !s->degree[a].mixed && !s->degree[a].rows;
    bool factor_last = (node.op == OP_MULTIPLY || node.op == OP_DIVIDE) && s->degree[a].mixed && !s->degree[b].mixed && !s->degree[b].rows;
    LossParts parts = {id, NONE};
    if (node.op == OP_ADD || node.op == OP_SUBTRACT) {
        LossParts left = split(s, a), right = split(s, b);
        graph->now = node.origin;
        parts = (LossParts){combined(graph, node.op, left.mean, right.mean), combined(graph, node.op, left.sum, right.sum)};
    } else if (node.op == OP_NEGATE) {
        LossParts inner = split(s, a);
        graph->now = node.origin;
        parts = (LossParts){inner.mean == NONE ? NONE : negate(graph, inner.mean), inner.sum == NONE ? NONE : negate(graph, inner.sum)};
    } else if (factor_first || factor_last) {
        LossParts inner = split(s, factor_first ? b : a);
        NodeId factor = factor_first ? a : b;
        graph->now = node.origin;
        parts.mean = inner.mean == NONE ? NONE : apply2(graph, node.op, inner.mean, factor);
        parts.sum = inner.sum == NONE ? NONE : apply2(graph, node.op, inner.sum, factor);
    }
    return parts;
}

LossParts split_loss(Graph *graph, NodeId loss)
{
    Arena *scratch = arena_new();
    Degree *degree = NEW(scratch, Degree, loss + 1);
    for (NodeId id = 0; id <= loss; id++)
        degree[id] = degree_of(graph, id, degree);
    Origin before = graph->now;
    LossParts parts = split(&(Split){graph, degree}, loss);
    graph->now = before;
    arena_free(scratch);
    return parts;
}
