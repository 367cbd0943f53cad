/* specialise.c: one list of roots for each function of the emitted program, with MODE folded to a number in each.
 *
 * Takes a simplified model. Gives model->phase[]: TRAIN computes the loss and the metrics as training sees them, the gradients and
 * every assignment; EVALUATE the metrics in evaluation mode; PREDICT the outputs in evaluation mode. A model of nn.show has
 * PREDICT alone. All phases share one graph: what does not depend on the mode is one node for all. After the mode is folded the
 * graph is simplified again, which takes away the branches that a mode does not have.
 *
 * A root that is an input, a parameter or a state itself becomes a copy of it (DETACH, which simplification would take away, so
 * this comes last): the value that the step began with, though the step writes the tensor. So does the state of a recurrence,
 * whose array holds one time more than the root.
 *
 * The model's own roots become those of the phase that uses them (metrics, gradients and assignments: training; outputs:
 * prediction), so no MODE is left. */
#include "graph/build.h"
#include "graph/passes.h"
#include <string.h>

typedef struct Roots { Arena *arena; NodeId *list; int count, room; } Roots;

static void add_root(Roots *roots, NodeId node)
{
    if (node != NONE)
        ARENA_PUSH(roots->arena, roots->list, roots->count, roots->room, node);
}

static void add_metrics(Roots *roots, const Metric *metrics, int count)
{
    for (int m = 0; m < count; m++)
        for (int p = 0; p < 3; p++)
            add_root(roots, metrics[m].part[p]);
}

/* The addresses' nodes with MODE replaced by a number. */
static void fold_mode(Graph *graph, NodeId **addresses, int count, double mode)
{
    Arena *scratch = arena_new();
    NodeId *nodes = NEW(scratch, NodeId, count + 1), *from = NEW(scratch, NodeId, graph->count + 1),
           *to = NEW(scratch, NodeId, graph->count + 1);
    int modes = 0;
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_MODE)
            from[modes++] = id;
    if (modes) {
        graph->now = graph->nodes[from[0]].origin;
        to[0] = constant(graph, mode);
        for (int i = 1; i < modes; i++)
            to[i] = to[0];
        for (int i = 0; i < count; i++)
            nodes[i] = *addresses[i];
        substitute_all(graph, nodes, count, from, to, modes);
        for (int i = 0; i < count; i++)
            *addresses[i] = nodes[i];
    }
    arena_free(scratch);
}

static NodeId **metric_addresses(Arena *arena, Metric *metrics, int count)
{
    NodeId **addresses = NEW(arena, NodeId *, 3 * count + 1);
    for (int m = 0; m < count; m++)
        for (int p = 0; p < 3; p++)
            addresses[3 * m + p] = &metrics[m].part[p];
    return addresses;
}

static void specialise_training(Model *model)
{
    Arena *arena = model->arena;
    Phase *phase = &model->phase[PHASE_TRAIN];
    int count;
    NodeId **addresses = model_roots(arena, model, &count);        /* leaves are nodes of their own: no mode in them */
    fold_mode(model->graph, addresses, count, 1);
    Roots roots = {.arena = arena};
    add_metrics(&roots, model->metrics, model->metric_count);
    phase->metrics = arena_copy(arena, model->metrics, sizeof *model->metrics * (size_t)model->metric_count);
    phase->gradients = NEW(arena, NodeId, model->update_count + 1);
    for (int u = 0; u < model->update_count; u++) {
        const Update *update = &model->updates[u];
        add_root(&roots, phase->gradients[u] = update->gradient);
        for (int a = 0; a < update->assign_count; a++)
            add_root(&roots, update->assigns[a]);
    }
    for (int s = 0; s < model->statistics.count; s++)
        add_root(&roots, model->statistics.assigns[s]);
    phase->roots = roots.list;
    phase->root_count = roots.count;
}

static void specialise_evaluation(Model *model, Metric *metrics)
{
    Phase *phase = &model->phase[PHASE_EVALUATE];
    fold_mode(model->graph, metric_addresses(model->arena, metrics, model->metric_count), 3 * model->metric_count, 0);
    Roots roots = {.arena = model->arena};
    add_metrics(&roots, metrics, model->metric_count);
    phase->metrics = metrics;
    phase->roots = roots.list;
    phase->root_count = roots.count;
}

static void specialise_prediction(Model *model)
{
    Arena *arena = model->arena;
    Phase *phase = &model->phase[PHASE_PREDICT];
    NodeId **addresses = NEW(arena, NodeId *, model->output_count + 1);
    for (int o = 0; o < model->output_count; o++)
        addresses[o] = &model->outputs[o].node;
    fold_mode(model->graph, addresses, model->output_count, 0);
    Roots roots = {.arena = arena};
    for (int o = 0; o < model->output_count; o++)
        add_root(&roots, model->outputs[o].node);
    phase->outputs = arena_copy(arena, model->outputs, sizeof *model->outputs * (size_t)model->output_count);
    phase->roots = roots.list;
    phase->root_count = roots.count;
}

static bool is_memory(const Graph *graph, NodeId node)
{
    Op op = graph->nodes[node].op;
    return op == OP_INPUT || op == OP_PARAMETER || op == OP_STATE || op == OP_SCAN || op == OP_PREVIOUS;
}

/* Every root but the leaves' own nodes; one copy for all roots on one tensor. */
static void copy_memory_roots(Model *model)
{
    Graph *graph = model->graph;
    Arena *scratch = arena_new();
    int count;
    NodeId **roots = model_roots(scratch, model, &count), *copy = NEW(scratch, NodeId, graph->count + 1);
    for (int r = graph->leaf_count; r < count; r++) {
        NodeId node = *roots[r];
        if (node == NONE || !is_memory(graph, node))
            continue;
        if (!copy[node]) {
            graph->now = (Origin){.place = graph->nodes[node].origin.place, .of = NONE, .gradient_of = NONE};
            copy[node] = new_node(graph, OP_DETACH, &node, 1, attributes());
        }
        *roots[r] = copy[node];
    }
    arena_free(scratch);
}

/* What is assigned another leaf as it stands gets a copy of it: two slots may then change places, for all of a step read the
 * state before it. */
static void copy_assigned_memory(Model *model, NodeId *root)
{
    Graph *graph = model->graph;
    Phase *phase = &model->phase[PHASE_TRAIN];
    const NodeId old = *root, value = graph->nodes[old].operand[0];
    if (!is_memory(graph, value))
        return;
    graph->now = graph->nodes[old].origin;
    NodeId copy = new_node(graph, OP_DETACH, &value, 1, attributes());
    *root = assign(graph, graph->nodes[old].attributes.leaf, copy);
    for (int r = 0; r < phase->root_count; r++)
        if (phase->roots[r] == old)
            phase->roots[r] = *root;
}

void specialise(Model *model)
{
    specialise_prediction(model);       /* first: training folds the mode in all that is left */
    if (model->kind == MODEL_TRAIN) {
        Metric *metrics = arena_copy(model->arena, model->metrics, sizeof *model->metrics * (size_t)model->metric_count);
        specialise_evaluation(model, metrics);
        specialise_training(model);
    }
    simplify(model);
    for (int u = 0; u < model->update_count; u++)
        for (int a = 0; a < model->updates[u].assign_count; a++)
            copy_assigned_memory(model, &model->updates[u].assigns[a]);
    for (int s = 0; s < model->statistics.count; s++)
        copy_assigned_memory(model, &model->statistics.assigns[s]);
    copy_memory_roots(model);
}
