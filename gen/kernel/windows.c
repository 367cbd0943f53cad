/* windows.c: kernels of products, and of what overlapping windows add up to.
 *
 * CONTRACT is a sum of products over the letters that its result lacks. FOLD adds up, at each element, its share of the windows
 * that hold it. The gradient of a convolution's input, and a transposed convolution, is FOLD after FOLD of a CONTRACT: the
 * products of every window, then their sums. Where nobody else reads these, they are one sum,
 *
 *   r[c,y,x] = sum over u, v, o of g[o, y + p - u, x + p - v] w[o,c,u,v],
 *
 * a product like the forward one: neither the windows nor their sums along one axis are ever stored. */
#include "graph/rules.h"
#include "kernel/fuse_internal.h"
#include <string.h>

/* A reshape adds indices up and takes them apart, which could not be done to divided ones. Does it, or another move, so to a
 * dimension of those in `divided`? */
static bool mixes(const Graph *graph, NodeId id, uint32_t divided)
{
    for (; divided && op_info[graph->nodes[id].op].class == MOVE; id = graph->nodes[id].operand[0]) {
        const Node *node = &graph->nodes[id];
        const int batch = node->type.per_row;
        uint32_t below = divided & (uint32_t)batch;
        if (node->op == OP_PERMUTE)
            for (int d = 0; d < node->type.rank; d++)
                below |= (divided >> (batch + d) & 1) << (batch + node->attributes.order[d] - 1);
        else if (node->op == OP_BROADCAST)
            for (int axis = batch ? 0 : 1, to = 0; axis <= node->type.rank; axis++)
                below |= node->attributes.axes >> axis & 1 ? 0 : (divided >> (batch + axis - 1) & 1) << to++;
        else if (node->op == OP_RESHAPE) {
            const Type from = graph->nodes[node->operand[0]].type;
            for (int d = 0; d < node->type.rank; d++)
                if (divided >> (batch + d) & 1) {
                    int64_t outside = 1, elements = 1;
                    int at = 0;
                    for (int e = 0; e < d; e++)
                        outside *= node->type.size[e];
                    while (at < from.rank && (elements < outside || from.size[at] == 1))
                        elements *= from.size[at++];
                    if (elements != outside || at == from.rank || from.size[at] != node->type.size[d])
                        return true;
                    below |= 1u << (batch + at);
                }
        } else if (node->op == OP_PAD || node->op == OP_SLICE) {
            below = divided;
        } else {
            return true;
        }
        divided = below;
    }
    return false;
}

/* Is it a chain of FOLDs around a CONTRACT, all of it read by this node alone? */
bool gathers_products(const Plan *plan, NodeId id, const int *uses, const bool *root)
{
    const Graph *graph = plan->model->graph;
    if (graph->nodes[id].op != OP_FOLD)
        return false;
    uint32_t strides = 0;                               /* dimensions of the product whose indices are divided */
    while (graph->nodes[id].op == OP_FOLD) {
        const Node *node = &graph->nodes[id];
        strides |= (uint32_t)(node->attributes.stride > 1) << (node->type.per_row + node->attributes.axis - 1);
        id = node->operand[0];
        if (uses[id] > 1 || root[id])
            return false;
    }
    if (graph->nodes[id].op != OP_CONTRACT || plan->recurrences.region_of[id] != NONE)
        return false;
    const Letters l = split_letters(graph->nodes[id].attributes.letters);
    for (int o = 0; o < 2; o++) {
        uint32_t divided = 0;
        for (int d = 0; l.operand[o][d]; d++) {
            const char *at = strchr(l.result, l.operand[o][d]);
            divided |= at ? (strides >> (at - l.result) & 1) << d : 0;
        }
        if (mixes(graph, graph->nodes[id].operand[o], divided))
            return false;
    }
    return true;
}

/* 0 <= place < size and stride divides it, else the element is not there; it is the one at `index`, place / stride. */
typedef struct Guard { Index place, index; int64_t size, stride; } Guard;

/* The letters of a contraction as axes; those of the result are at `result` already. A guard is that of the letter whose index it is. */
static void product_stage(Plan *plan, const bool *stored, const Node *node, const Index *result, const Guard *guard, int guards,
                          Kernel *kernel, Stage *stage)
{
    const Letters l = split_letters(node->attributes.letters);
    Index of[128] = {{0}};
    for (int d = 0; l.result[d]; d++)
        of[(unsigned char)l.result[d]] = result[d];
    Term *product = NEW(plan->arena, Term, 1);
    *product = (Term){.kind = TERM_APPLY, .op = OP_MULTIPLY, .scalar = FLOAT, .node = stage->node, .buffer = NONE, .stage = NONE};
    for (int o = 0; o < 2; o++) {
        int64_t size[MAX_RANK + 1];
        dimensions(plan->model, plan->model->graph->nodes[node->operand[o]].type, size);
        for (int d = 0; l.operand[o][d]; d++) {
            const unsigned char letter = (unsigned char)l.operand[o][d];
            if (!strchr(l.result, letter) && !(o == 1 && strchr(l.operand[0], letter)))
                of[letter] = axis_for(kernel, stage, size[d], letter == 'b', true);
        }
    }
    for (int o = 0; o < 2; o++) {
        Index index[MAX_RANK + 1];
        for (int d = 0; l.operand[o][d]; d++)
            index[d] = of[(unsigned char)l.operand[o][d]];
        Term *factor = lower(plan, stored, node->operand[o], index, kernel->axis, false);
        for (int d = 0; l.operand[o][d]; d++)
            for (int g = 0; g < guards; g++)
                if (same_index(&index[d], &guard[g].index)) {
                    if (guard[g].stride > 1)
                        factor = inside_or_zero(plan, stage->node, factor, index_modulo(guard[g].place, guard[g].stride, kernel->axis), 1);
                    factor = inside_or_zero(plan, stage->node, factor, guard[g].place, guard[g].size);
                }
        product->operand[o] = factor;
    }
    stage->fold = FOLD_SUM;
    stage->term = product;
}

void contract_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage)
{
    int64_t size[MAX_RANK + 1];
    Index index[MAX_RANK + 1];
    int rank = dimensions(plan->model, node->type, size);
    for (int d = 0; d < rank; d++)
        index[d] = axis_for(kernel, stage, size[d], node->type.per_row && d == 0, false);
    product_stage(plan, stored, node, index, NULL, 0, kernel, stage);
}

/* r[n] = sum over k of a[o,k] where stride o = n + from - dilation k: gathered, so that nothing is written twice */
void fold_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage)
{
    const Node *nodes = plan->model->graph->nodes;
    int64_t size[MAX_RANK + 1];
    Index index[MAX_RANK + 1];
    int rank = dimensions(plan->model, node->type, size), guards = 0;
    for (int d = 0; d < rank; d++)
        index[d] = axis_for(kernel, stage, size[d], node->type.per_row && d == 0, false);
    Guard guard[MAX_RANK];
    const Attributes *a;
    NodeId from;
    int axis;
    Index place;
    for (;; node = &nodes[from]) {
        a = &node->attributes;
        from = node->operand[0];
        axis = node->type.per_row + a->axis - 1;
        index[rank] = axis_for(kernel, stage, a->window, false, true);
        place = index_shift(index_add(index[axis], -a->dilation, index[rank]), a->from);
        index[axis] = index_divide(place, a->stride, kernel->axis);
        rank++;
        if (stored[from] || (nodes[from].op != OP_FOLD && nodes[from].op != OP_CONTRACT))
            break;
        guard[guards++] = (Guard){place, index[axis], axis_size(nodes[from].type, a->axis) * a->stride, a->stride};
        if (nodes[from].op == OP_CONTRACT) {
            product_stage(plan, stored, &nodes[from], index, guard, guards, kernel, stage);
            return;
        }
    }
    Term *term = lower(plan, stored, from, index, kernel->axis, false);
    if (a->stride > 1)
        term = inside_or_zero(plan, stage->node, term, index_modulo(place, a->stride, kernel->axis), 1);
    stage->term = inside_or_zero(plan, stage->node, term, place, axis_size(nodes[from].type, a->axis) * a->stride);
    stage->fold = FOLD_SUM;
}
