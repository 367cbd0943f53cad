/* differentiate.c: reverse-mode differentiation as a rewriting of the graph: d y / d x is made of new nodes.
 *
 * Takes a shared float scalar y and any tensors x that it may depend on, inputs and intermediate ones included. Walks back from
 * y, once over the nodes; when it comes to a node all its readers have been seen, so its gradient is complete, and the node's
 * rule (gradient.c) hands it on to the operands that lead to some x. Only those are visited: asking for one small gradient in a
 * large graph builds a small graph.
 *
 * Every node built says where it comes from: the place and layer of the forward node, the rule ("matmul, right operand"), and
 * on a complete gradient what it is the gradient of. Forward nodes are left as they are.
 *
 * Rejected: forward mode (a pass for every parameter), and a tape in the emitted program (the point is to read the derivative). */
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/rules.h"
#include <string.h>

typedef NodeId GradientRule(Graph *graph, NodeId node, int operand, NodeId incoming);

static GradientRule *const gradient_rule[OP_COUNT] = {
#define OP(NAME, name, arity, CLASS, shape, gradient, ...) [OP_##NAME] = gradient_##gradient,
#include "graph/ops.def"
};

/* "matmul, right operand" */
static const char *rule_text(Arena *arena, Op op, int operand)
{
    const char *name = op == OP_CONTRACT ? "matmul" : op_info[op].name;
    if (op_info[op].arity == 1)
        return name;
    if (op == OP_SELECT)
        return arena_print(arena, "%s, %s choice", name, operand == 1 ? "first" : "second");
    return arena_print(arena, "%s, %s operand", name, operand == 0 ? "left" : "right");
}

static void require_differentiable(const Graph *graph, NodeId y, const NodeId *x, int count)
{
    Type type = graph->nodes[y].type;
    if (type.scalar != FLOAT)
        fail_at(graph->now.place, "the gradient of an integer tensor %s\nonly floats have derivatives",
                shape_text(graph->arena, type));
    if (type.per_row || type.rank > 0)
        fail_at(graph->now.place,
                "the gradient of a tensor %s: a single number is differentiated\nfold it first, with :mean() or :sum()",
                shape_text(graph->arena, type));
    for (int i = 0; i < count; i++)
        if (graph->nodes[x[i]].type.scalar != FLOAT)
            fail_at(graph->now.place, "the gradient with respect to an integer tensor %s\nonly floats have derivatives",
                    shape_text(graph->arena, graph->nodes[x[i]].type));
}

/* leads[id]: a derivative can flow from node id back to some x. */
static bool *find_paths(const Graph *graph, Arena *scratch, NodeId y, const NodeId *x, int count)
{
    bool *leads = NEW(scratch, bool, y + 1);
    for (int i = 0; i < count; i++)
        if (x[i] <= y)
            leads[x[i]] = true;
    for (NodeId id = 0; id <= y; id++) {
        const Node *node = &graph->nodes[id];
        if (node->type.scalar != FLOAT || gradient_rule[node->op] == gradient_none)
            continue;
        for (int i = 0; i < op_info[node->op].arity; i++)
            leads[id] |= leads[node->operand[i]];
    }
    return leads;
}

/* One gradient node may serve several forward nodes (both operands of a sum): it is called after the one that people know. */
static int renown(const Graph *graph, NodeId node)
{
    return node == NONE ? 0 : graph->nodes[node].op == OP_PARAMETER ? 3 : graph->nodes[node].origin.name ? 2 : 1;
}

static NodeId accumulate(Graph *graph, NodeId sum, NodeId term, NodeId of)
{
    if (sum == NONE)
        return term;
    graph->now.rule = "sum over its readers";
    graph->now.of = of;
    return add(graph, sum, term);
}

void differentiate(Graph *graph, NodeId y, const NodeId *x, int count, NodeId *gradients)
{
    require_differentiable(graph, y, x, count);
    Arena *scratch = arena_new();
    Origin caller = graph->now;
    int forward_count = graph->count;
    bool *leads = find_paths(graph, scratch, y, x, count);
    NodeId *gradient = NEW(scratch, NodeId, y + 1);
    memset(gradient, NONE, sizeof *gradient * (size_t)(y + 1));

    graph->now = (Origin){.place = graph->nodes[y].origin.place, .rule = "d y / d y", .of = y, .gradient_of = NONE};
    gradient[y] = constant(graph, 1);
    for (NodeId id = y; id >= 0; id--) {
        if (!leads[id] || gradient[id] == NONE)
            continue;
        NodeId incoming = gradient[id];
        Origin *origin = &graph->nodes[incoming].origin;
        if (incoming >= forward_count && renown(graph, id) > renown(graph, origin->gradient_of))
            origin->gradient_of = id;

        Node node = graph->nodes[id];
        for (int i = 0; i < op_info[node.op].arity; i++) {
            NodeId operand = node.operand[i];
            if (!leads[operand])
                continue;
            if (gradient_rule[node.op] == gradient_refused)
                fail_at(caller.place, "the operation %s has no derivative yet", op_info[node.op].name);
            graph->now = (Origin){.place = node.origin.place,
                                  .layer = node.origin.layer,
                                  .rule = rule_text(graph->arena, node.op, i),
                                  .of = id,
                                  .gradient_of = NONE};
            NodeId part = gradient_rule[node.op](graph, id, i, incoming);
            if (part == NONE)
                continue;
            if (!same_type(graph->nodes[part].type, graph->nodes[operand].type))
                bug("the gradient rule of %s gives %s for an operand %s", op_info[node.op].name,
                    shape_text(scratch, graph->nodes[part].type), shape_text(scratch, graph->nodes[operand].type));
            gradient[operand] = accumulate(graph, gradient[operand], part, operand);
        }
    }

    graph->now = caller;
    graph->now.name = NULL;
    for (int i = 0; i < count; i++) {
        gradients[i] = x[i] <= y ? gradient[x[i]] : NONE;
        if (gradients[i] == NONE)
            gradients[i] = broadcast_to(graph, constant(graph, 0), graph->nodes[x[i]].type);
    }
    graph->now = caller;
    arena_free(scratch);
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* metrics[0], the loss: its part that is a mean and its part that is a sum, added. */
static NodeId loss_node(Model *model)
{
    const Metric *loss = &model->metrics[0];
    if (loss->part[0] == NONE || loss->part[1] == NONE)
        return loss->part[0] == NONE ? loss->part[1] : loss->part[0];
    model->graph->now = (Origin){.place = loss->place, .of = NONE, .gradient_of = NONE};
    return add(model->graph, loss->part[0], loss->part[1]);
}

/* The searches look at the loss alone. */
static bool needs_gradients(const Model *model)
{
    return strcmp(model->optimizer.name, "random_search") && strcmp(model->optimizer.name, "coordinate_search");
}

/* reaches[id]: node id has a say in the loss, and where gradients are needed, one that they see. */
static bool *find_what_counts(const Model *model, Arena *scratch, NodeId loss)
{
    const Node *nodes = model->graph->nodes;
    bool *reaches = NEW(scratch, bool, loss + 1), gradients = needs_gradients(model);
    reaches[loss] = true;
    for (NodeId id = loss; id >= 0; id--) {
        if (!reaches[id] || (gradients && gradient_rule[nodes[id].op] == gradient_none))
            continue;
        for (int i = 0; i < op_info[nodes[id].op].arity; i++)
            reaches[nodes[id].operand[i]] = true;
    }
    return reaches;
}

void differentiate_model(Model *model)
{
    if (model->kind != MODEL_TRAIN)
        return;
    Graph *graph = model->graph;
    Place place = model->metrics[0].place;
    NodeId loss = loss_node(model);
    Arena *scratch = arena_new();
    NodeId *x = NEW(scratch, NodeId, graph->leaf_count + 1), *gradients = NEW(scratch, NodeId, graph->leaf_count + 1);
    model->updates = NEW(model->arena, Update, graph->leaf_count + 1);
    int parameters = 0;
    bool *reaches = find_what_counts(model, scratch, loss);

    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        if (leaf->kind != LEAF_PARAMETER)
            continue;
        parameters++;
        if (leaf->frozen)
            continue;
        if (leaf->node > loss || !reaches[leaf->node]) {
            warn_at(leaf->place, "the parameter %s does not reach the loss: it is not trained", quoted(scratch, leaf->name));
            continue;
        }
        x[model->update_count] = leaf->node;
        model->updates[model->update_count++] = (Update){.parameter = l, .gradient = NONE};
    }
    if (!model->update_count)
        fail_at(place, "nothing to train: %s\nnn.show evaluates expressions without training",
                parameters ? "no parameter that is not frozen reaches the loss" : "the model has no parameters");

    if (needs_gradients(model)) {
        graph->now = (Origin){.place = place, .of = NONE, .gradient_of = NONE};
        differentiate(graph, loss, x, model->update_count, gradients);
        for (int u = 0; u < model->update_count; u++)
            model->updates[u].gradient = gradients[u];
    }
    arena_free(scratch);
}
