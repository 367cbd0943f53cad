/* model.c: the node ids that a Model holds, and a copy with its own; what its precision is called. */
#include "graph/model.h"

const char *model_precision(const Model *model)
{
    static const char *const rounded[] = {[PRODUCTS_FULL] = "f32", [PRODUCTS_TF32] = "tf32", [PRODUCTS_BF16] = "bf16"};
    return model->precision == F64 ? "f64" : rounded[model->products];
}

typedef struct Addresses { Arena *arena; NodeId **list; int count, room; } Addresses;

static void note(Addresses *addresses, NodeId *id)
{
    ARENA_PUSH(addresses->arena, addresses->list, addresses->count, addresses->room, id);
}

static void note_metrics(Addresses *addresses, Metric *metrics, int count)
{
    for (int m = 0; metrics && m < count; m++)
        for (int p = 0; p < 3; p++)
            note(addresses, &metrics[m].part[p]);
}

static void note_outputs(Addresses *addresses, Output *outputs, int count)
{
    for (int o = 0; outputs && o < count; o++)
        note(addresses, &outputs[o].node);
}

NodeId **model_roots(Arena *arena, Model *model, int *count)
{
    Addresses addresses = {.arena = arena};
    for (int l = 0; l < model->graph->leaf_count; l++)
        note(&addresses, &model->graph->leaves[l].node);
    note_metrics(&addresses, model->metrics, model->metric_count);
    note_outputs(&addresses, model->outputs, model->output_count);
    for (int u = 0; u < model->update_count; u++) {
        note(&addresses, &model->updates[u].gradient);
        for (int a = 0; a < model->updates[u].assign_count; a++)
            note(&addresses, &model->updates[u].assigns[a]);
    }
    for (int s = 0; s < model->statistics.count; s++)
        note(&addresses, &model->statistics.assigns[s]);
    for (int p = 0; p < PHASE_COUNT; p++) {
        Phase *phase = &model->phase[p];
        for (int r = 0; r < phase->root_count; r++)
            note(&addresses, &phase->roots[r]);
        for (int u = 0; phase->gradients && u < model->update_count; u++)
            note(&addresses, &phase->gradients[u]);
        note_metrics(&addresses, phase->metrics, model->metric_count);
        note_outputs(&addresses, phase->outputs, model->output_count);
    }
    *count = addresses.count;
    return addresses.list;
}

static void *array_copy(Arena *arena, const void *from, int count, size_t element)
{
    return from ? arena_copy(arena, from, element * (size_t)count) : NULL;
}

Model *model_copy(Arena *arena, const Model *model)
{
    Model *copy = arena_copy(arena, model, sizeof *model);
    Graph *graph = copy->graph = arena_copy(arena, model->graph, sizeof *model->graph);
    graph->nodes = array_copy(arena, graph->nodes, graph->count, sizeof *graph->nodes);
    graph->room = graph->count;
    graph->leaves = array_copy(arena, graph->leaves, graph->leaf_count, sizeof *graph->leaves);
    graph->leaf_room = graph->leaf_count;
    copy->metrics = array_copy(arena, copy->metrics, copy->metric_count, sizeof *copy->metrics);
    copy->outputs = array_copy(arena, copy->outputs, copy->output_count, sizeof *copy->outputs);
    copy->updates = array_copy(arena, copy->updates, copy->update_count, sizeof *copy->updates);
    for (int u = 0; u < copy->update_count; u++)
        copy->updates[u].assigns = array_copy(arena, copy->updates[u].assigns, copy->updates[u].assign_count, sizeof(NodeId));
    copy->statistics.assigns = array_copy(arena, copy->statistics.assigns, copy->statistics.count, sizeof(NodeId));
    copy->statistics.room = copy->statistics.count;
    for (int p = 0; p < PHASE_COUNT; p++) {
        Phase *phase = &copy->phase[p];
        phase->roots = array_copy(arena, phase->roots, phase->root_count, sizeof(NodeId));
        phase->gradients = array_copy(arena, phase->gradients, copy->update_count, sizeof(NodeId));
        phase->metrics = array_copy(arena, phase->metrics, copy->metric_count, sizeof *phase->metrics);
        phase->outputs = array_copy(arena, phase->outputs, copy->output_count, sizeof *phase->outputs);
    }
    return copy;
}
