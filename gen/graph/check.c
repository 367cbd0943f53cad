/* check.c: the invariants of graph.h and model.h, checked by the driver after every pass.
 *
 * Takes a finished graph and the pass that made it; says nothing or ends with a bug() that names both. Types are inferred again
 * with the same rules that made them (shape.c), so that a pass that patches nodes by hand cannot leave a wrong one. */
#include "graph/passes.h"
#include "graph/rules.h"

/* An operation's own attributes may be set; all others are zero, so that equal nodes have equal attributes. */
static Attributes used_attributes(const Node *node)
{
    const Attributes *a = &node->attributes;
    Attributes used = {.leaf = NONE};
    switch (node->op) {
    case OP_INPUT: case OP_PARAMETER: case OP_STATE: case OP_ASSIGN: used.leaf = a->leaf; break;
    case OP_CONSTANT: used.value = a->value; break;
    case OP_TABLE: used.table = a->table; used.type = a->type; break;
    case OP_INDEX: used.axis = a->axis; used.type = a->type; break;
    case OP_PREVIOUS: used.loop = a->loop, used.backward = a->backward, used.type = a->type; break;
    case OP_SCAN: used.loop = a->loop, used.backward = a->backward; break;
    case OP_UNIFORM: case OP_NORMAL: used.stream = a->stream; used.type = a->type; break;
    case OP_SUM: case OP_MAX: case OP_ARGMAX: used.axes = a->axes; break;
    case OP_BROADCAST: used.axes = a->axes; used.type = a->type; break;
    case OP_RESHAPE: used.type = a->type; break;
    case OP_PERMUTE:
        for (int d = 0; d < node->type.rank; d++)
            used.order[d] = a->order[d];
        break;
    case OP_SLICE: used.axis = a->axis; used.from = a->from; used.to = a->to; break;
    case OP_PAD: used.axis = a->axis; used.from = a->from; used.to = a->to; used.value = a->value; break;
    case OP_CONCAT: used.axis = a->axis; break;
    case OP_UNFOLD: case OP_FOLD:
        used.axis = a->axis, used.from = a->from, used.to = a->to, used.window = a->window, used.stride = a->stride;
        used.dilation = a->dilation, used.size = a->size, used.value = a->value;
        break;
    case OP_CONTRACT: case OP_GATHER: case OP_SCATTER_ADD:
        used.size = node->op == OP_SCATTER_ADD ? a->size : 0;
        for (int i = 0; i < (int)sizeof used.letters && a->letters[i]; i++)
            used.letters[i] = a->letters[i];
        break;
    default: break;
    }
    return used;
}

static void check_node(const Graph *graph, NodeId id, const char *after)
{
    const Node *node = &graph->nodes[id];
    if ((unsigned)node->op >= OP_COUNT)
        bug("after %s: %%%d has operation number %d", after, id, (int)node->op);
    const OpInfo *info = &op_info[node->op];
    Question question = {.graph = graph, .op = node->op, .count = info->arity, .attributes = &node->attributes, .after = after};
    for (int i = 0; i < MAX_OPERANDS; i++) {
        NodeId operand = question.operand[i] = node->operand[i];
        if (i >= info->arity ? operand != NONE : operand < 0 || operand >= id)
            bug("after %s: operand %d of %%%d = %s is %d", after, i, id, info->name, operand);
    }
    Attributes used = used_attributes(node);
    if (!equal_attributes(&node->attributes, &used, 0))
        bug("after %s: %%%d = %s has attributes that it does not use", after, id, info->name);
    Type type = infer_type(&question);
    if (!same_type(type, node->type))
        bug("after %s: %%%d = %s has the type %s, and its operands give %s", after, id, info->name,
            shape_text(graph->arena, node->type), shape_text(graph->arena, type));
    const Origin *origin = &node->origin;
    if (origin->of < NONE || origin->of >= graph->count || origin->gradient_of < NONE || origin->gradient_of >= graph->count)
        bug("after %s: the origin of %%%d names the nodes %d and %d", after, id, origin->of, origin->gradient_of);
}

void check_graph(const Graph *graph, const char *after)
{
    for (NodeId id = 0; id < graph->count; id++)
        check_node(graph, id, after);
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        Op op = leaf->kind == LEAF_INPUT ? OP_INPUT : leaf->kind == LEAF_PARAMETER ? OP_PARAMETER : OP_STATE;
        if (leaf->node < 0 || leaf->node >= graph->count || graph->nodes[leaf->node].op != op ||
            graph->nodes[leaf->node].attributes.leaf != l)
            bug("after %s: the leaf %s is not node %d", after, leaf->name, leaf->node);
        if (leaf->type.per_row != (leaf->kind == LEAF_INPUT))
            bug("after %s: the leaf %s is %s", after, leaf->name, shape_text(graph->arena, leaf->type));
        if (leaf->kind == LEAF_SLOT && (leaf->parameter < 0 || leaf->parameter >= graph->leaf_count))
            bug("after %s: the slot %s belongs to leaf %d", after, leaf->name, leaf->parameter);
    }
}

/* A loss is a number of the step; a metric too, or a matrix of counts. */
static void check_metric(const Graph *graph, const Metric *metric, const char *after)
{
    for (int p = 0; p < 3; p++) {
        NodeId part = metric->part[p];
        if (part == NONE)
            continue;
        Type type = graph->nodes[part].type;
        if (type.per_row || type.scalar != FLOAT || type.rank != (metric->kind == METRIC_COUNTS ? 2 : 0))
            bug("after %s: the metric %s is %s", after, metric->name, shape_text(graph->arena, type));
    }
}

static void check_phase(const Model *model, const Phase *phase, bool assigns, const char *after)
{
    const Graph *graph = model->graph;
    Arena *scratch = arena_new();
    bool *needed = needed_for(graph, scratch, phase->roots, phase->root_count);
    for (NodeId id = 0; id < graph->count; id++) {
        if (!needed[id])
            continue;
        Op op = graph->nodes[id].op;
        if (op == OP_MODE || (op == OP_ASSIGN && !assigns))
            bug("after %s: %s in a phase", after, op_info[op].name);
        for (int i = 0; i < op_info[op].arity; i++) {
            if (graph->nodes[graph->nodes[id].operand[i]].op == OP_ASSIGN)
                bug("after %s: %%%d reads an assignment", after, id);
        }
    }
    for (int m = 0; phase->metrics && m < model->metric_count; m++)
        check_metric(graph, &phase->metrics[m], after);
    arena_free(scratch);
}

void check_model(const Model *model, const char *after)
{
    const Graph *graph = model->graph;
    int count;
    Arena *scratch = arena_new();
    NodeId **roots = model_roots(scratch, (Model *)model, &count);
    for (int r = 0; r < count; r++)
        if (*roots[r] < NONE || *roots[r] >= graph->count)
            bug("after %s: a root is node %d of %d", after, *roots[r], graph->count);
    for (int m = 0; m < model->metric_count; m++)
        check_metric(graph, &model->metrics[m], after);
    for (int u = 0; u < model->update_count; u++) {
        const Update *update = &model->updates[u];
        const Leaf *leaf = &graph->leaves[update->parameter];
        if (leaf->kind != LEAF_PARAMETER || leaf->frozen)
            bug("after %s: an update of %s", after, leaf->name);
        if (update->gradient != NONE && !same_type(graph->nodes[update->gradient].type, leaf->type))
            bug("after %s: the gradient of %s is %s", after, leaf->name,
                shape_text(scratch, graph->nodes[update->gradient].type));
        for (int a = 0; a < update->assign_count; a++)
            if (graph->nodes[update->assigns[a]].op != OP_ASSIGN)
                bug("after %s: %%%d is no assignment", after, update->assigns[a]);
    }
    for (int s = 0; s < model->statistics.count; s++) {
        const Node *node = &graph->nodes[model->statistics.assigns[s]];
        if (node->op != OP_ASSIGN || graph->leaves[node->attributes.leaf].kind != LEAF_STATISTIC)
            bug("after %s: %%%d assigns no statistic", after, model->statistics.assigns[s]);
    }
    for (int p = 0; p < PHASE_COUNT; p++)
        check_phase(model, &model->phase[p], p == PHASE_TRAIN, after);
    arena_free(scratch);
}
