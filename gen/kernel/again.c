/* again.c: which values of a matrix's size are computed anew wherever they are read, because only vectors are behind them.
 *
 * Takes the graph of a phase; gives, by node, whether its readers compute it. A network with one input feature has hidden values
 *
 *   h[b,j] = relu(x[b] w[j] + bias[j])        and, behind one output,        d_h[b,j] = (h[b,j] > 0) d_y[b] v[j],
 *
 * and each of them is three operations of vectors that lie in the first cache, where an array of them, written once and read by four
 * folds, does not. So a contraction without a fold is a product like any other, and what is pointwise of such products stays in its
 * readers' expressions, when
 *
 *   - all that it is made of has at most an eighth (SMALLER_BEHIND) of its elements, and it costs at most MOST_COMPUTED_AGAIN operations, none a call;
 *   - every reader wants each element once: pointwise, a sum, or a product with a vector (one with a matrix would compute each
 *     element for every row of the result).
 *
 * The bits are those of the stored value: f32 in memory and in a register are the same, but that a product and the sum after it may
 * now be one multiply-add. Source: rematerialisation, as compilers do it for registers (Briggs, Cooper, Torczon 1992). */
#include "graph/rules.h"
#include "kernel/fuse_internal.h"
#include "kernel/tuning.h"
#include <string.h>

static int64_t elements(const Plan *plan, NodeId id)
{
    const Type type = plan->model->graph->nodes[id].type;
    return element_count(type) * (type.per_row ? plan->model->batch : 1);
}

/* Elements of the dimensions of operand o that `in` lacks, or of those that the result and not the operand has. */
static int64_t extent_of_letters(const Plan *plan, NodeId whole, const char *letters, const char *without)
{
    int64_t size[MAX_RANK + 1], product = 1;
    dimensions(plan->model, plan->model->graph->nodes[whole].type, size);
    for (int d = 0; letters[d]; d++)
        product *= strchr(without, letters[d]) ? 1 : size[d];
    return product;
}

bool is_outer_product(const Plan *plan, NodeId id)
{
    const Node *node = &plan->model->graph->nodes[id];
    if (node->op != OP_CONTRACT)
        return false;
    const Letters l = split_letters(node->attributes.letters);
    return extent_of_letters(plan, node->operand[0], l.operand[0], l.result) == 1
        && extent_of_letters(plan, node->operand[1], l.operand[1], l.result) == 1;
}

/* Does the reader take each element of its operand o once? */
static bool reads_once(const Plan *plan, NodeId reader, int o)
{
    const Node *node = &plan->model->graph->nodes[reader];
    if (op_info[node->op].class == POINTWISE || node->op == OP_SUM)
        return true;
    if (node->op != OP_CONTRACT)
        return false;
    const Letters l = split_letters(node->attributes.letters);
    return extent_of_letters(plan, reader, l.result, l.operand[o]) == 1;
}

bool *find_computed_again(const Plan *plan, const bool *needed, const bool *root, const bool *kept, Arena *arena)
{
    const Graph *graph = plan->model->graph;
    bool *again = NEW(arena, bool, graph->count), *taken_often = NEW(arena, bool, graph->count);
    if (plan->mode != KERNELS_FUSED || plan->target != TARGET_C)
        return again;
    for (NodeId reader = graph->count - 1; reader >= 0; reader--)
        for (int o = 0; needed[reader] && o < op_info[graph->nodes[reader].op].arity; o++) {
            NodeId from = graph->nodes[reader].operand[o];
            if (is_view(graph->nodes[reader].op))
                taken_often[from] |= taken_often[reader] || root[reader] || elements(plan, from) != elements(plan, reader);
            else
                taken_often[from] |= !reads_once(plan, reader, o) || plan->recurrences.region_of[reader] != NONE;
        }
    int *operations = NEW(arena, int, graph->count);
    int64_t *behind = NEW(arena, int64_t, graph->count);       /* elements of the vectors that it is made of */
    bool *has_product = NEW(arena, bool, graph->count);
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        has_product[id] = is_outer_product(plan, id);
        bool may = needed[id] && !root[id] && !kept[id] && !taken_often[id] && node->type.scalar == FLOAT && plan->recurrences.region_of[id] == NONE
                && (has_product[id] || is_view(node->op) || (op_info[node->op].class == POINTWISE && !op_is_call(node->op)));
        operations[id] = !is_view(node->op);
        for (int o = 0; may && o < op_info[node->op].arity; o++) {
            const NodeId from = node->operand[o];
            if (elements(plan, from) <= elements(plan, id) / SMALLER_BEHIND) {
                behind[id] += elements(plan, from);
                continue;
            }
            may = again[from];
            operations[id] += operations[from];
            behind[id] += behind[from];
            has_product[id] |= has_product[from];
        }
        again[id] = may && behind[id] <= elements(plan, id) / SMALLER_BEHIND && operations[id] <= MOST_COMPUTED_AGAIN;
    }
    for (NodeId id = 0; id < graph->count; id++)
        again[id] &= has_product[id];
    return again;
}
