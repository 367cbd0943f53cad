/* emit_model.c: the forward graph in a few lines, for the header:
 *
 *   image (784) -> linear fc1 (100) -> relu (100) -> linear fc2 (10) = logits
 *   logits, label in 0..9 -> cross_entropy -> loss
 *
 * A step is a layer, or a value that has a name; nodes without either belong to the steps that read them. Steps stand in the
 * order of their last nodes. One that reads just the step before it follows an arrow; any other begins a new line with what
 * it reads. The full graph is for --dump; here a reader should see the shape of the model at a glance. */
#include "emit/emit_parts.h"
#include <string.h>

typedef struct Step { const char *label; NodeId last; } Step;

typedef struct Overview {
    const Model *model;
    const Graph *graph;
    Step *step;                         /* the results come last, as one step without a label */
    int count;
    int *step_of;                       /* by node; NONE */
    bool *mentioned;                    /* by input leaf: its shape has been said */
    Arena *arena;
} Overview;

static const char *label_of(const Node *node)
{
    bool is_own = !node->origin.rule && op_info[node->op].class != LEAF;
    return is_own ? node->origin.layer ? node->origin.layer : node->origin.name : NULL;
}

static bool is_result(const Model *model, NodeId node)
{
    if (model->kind == MODEL_TRAIN) {
        const Metric *loss = model->phase[PHASE_TRAIN].metrics;
        return node == loss->part[0] || node == loss->part[1];
    }
    return false;
}

/* Nodes that the loss, or what is shown, depends on. */
static bool *mark_needed(const Model *model, Arena *arena)
{
    const Graph *graph = model->graph;
    bool *needed = NEW(arena, bool, graph->count);
    for (NodeId id = 0; id < graph->count; id++)
        needed[id] = is_result(model, id);
    for (int o = 0; model->kind == MODEL_SHOW && o < model->output_count; o++)
        needed[model->phase[PHASE_PREDICT].outputs[o].node] = true;
    for (NodeId id = graph->count - 1; id >= 0; id--)
        for (int o = 0; needed[id] && o < op_info[graph->nodes[id].op].arity; o++)
            needed[graph->nodes[id].operand[o]] = true;
    return needed;
}

static void collect_steps(Overview *view)
{
    const Graph *graph = view->graph;
    const bool *needed = mark_needed(view->model, view->arena);
    view->step = NEW(view->arena, Step, graph->count + 1);
    view->step_of = NEW(view->arena, int, graph->count);
    for (NodeId id = 0; id < graph->count; id++) {
        const char *label = label_of(&graph->nodes[id]);
        if (!needed[id] || !label || is_result(view->model, id))
            continue;
        int at = 0;
        while (at < view->count && strcmp(view->step[at].label, label) != 0)
            at++;
        if (at < view->count)
            memmove(&view->step[at], &view->step[at + 1], sizeof *view->step * (size_t)(--view->count - at));
        view->step[view->count++] = (Step){label, id};
    }
    for (NodeId id = 0; id < graph->count; id++) {
        const char *label = label_of(&graph->nodes[id]);
        view->step_of[id] = NONE;
        for (int s = 0; needed[id] && label && !is_result(view->model, id) && s < view->count; s++)
            if (strcmp(view->step[s].label, label) == 0)
                view->step_of[id] = s;
    }
}

/* ---- what a step reads ---- */

typedef struct Sources { NodeId *node; int count; bool *seen; } Sources;

/* Inputs, and last nodes of other steps, below `id`; nodes of step `own` and nodes without a step are looked through. */
static void find_sources(const Overview *view, NodeId id, int own, Sources *sources)
{
    if (sources->seen[id])
        return;
    sources->seen[id] = true;
    const Node *node = &view->graph->nodes[id];
    const int step = view->step_of[id];
    if (node->op == OP_INPUT || (step != NONE && step != own)) {
        const NodeId source = node->op == OP_INPUT ? id : view->step[step].last;
        for (int i = 0; i < sources->count; i++)
            if (sources->node[i] == source)
                return;
        sources->node[sources->count++] = source;
        return;
    }
    for (int o = 0; o < op_info[node->op].arity; o++)
        find_sources(view, node->operand[o], own, sources);
}

static Sources no_sources(const Overview *view)
{
    return (Sources){NEW(view->arena, NodeId, view->graph->count), 0, NEW(view->arena, bool, view->graph->count)};
}

/* ---- words ---- */

static const char *row_text(Arena *arena, Type type)
{
    type.per_row = false;
    return type.rank == 0 ? "" : arena_print(arena, " %s", shape_text(arena, type));
}

static const char *input_text(Overview *view, const Node *node)
{
    const Leaf *leaf = &view->graph->leaves[node->attributes.leaf];
    if (view->mentioned[node->attributes.leaf])
        return leaf->name;
    view->mentioned[node->attributes.leaf] = true;
    const char *classes = leaf->classes > 0 ? arena_print(view->arena, " in 0..%d", leaf->classes - 1) : "";
    return arena_print(view->arena, "%s%s%s", leaf->name, row_text(view->arena, leaf->type), classes);
}

static const char *source_text(Overview *view, NodeId id)
{
    const Node *node = &view->graph->nodes[id];
    if (node->op == OP_INPUT)
        return input_text(view, node);
    return node->origin.name ? node->origin.name : view->step[view->step_of[id]].label;
}

/* "linear fc1", "logits"; what was done where the name was made or will follow: "relu" of fc1_relu, "max_pool2d" of max_pool2d of conv1. */
static const char *label_text(const Overview *view, const Origin *origin)
{
    const char *layer = origin->layer, *of = layer ? strstr(layer, " of ") : NULL;
    if (of)
        return arena_print(view->arena, "%.*s", (int)(of - layer), layer);
    return layer ? layer : origin->after ? origin->name + strlen(origin->after) + 1 : origin->name;
}

static void add_step(const Overview *view, const Step *step, Text *text)
{
    const Node *last = &view->graph->nodes[step->last];
    const char *name = last->origin.name;
    text_add(text, label_text(view, &last->origin));
    text_add(text, row_text(view->arena, last->type));
    if (last->origin.layer && name && !last->origin.after && !strstr(step->label, name))
        text_print(text, " = %s", name);
}

/* An arrow from the step before, or a new line from what is read. */
static void add_arrow(Overview *view, const Sources *sources, NodeId before, Text *text)
{
    if (sources->count == 1 && sources->node[0] == before) {
        text_add(text, " -> ");
        return;
    }
    if (text->length > 0)
        text_add(text, "\n");
    for (int i = 0; i < sources->count; i++)
        text_print(text, "%s%s", i ? ", " : "", source_text(view, sources->node[i]));
    if (sources->count > 0)
        text_add(text, " -> ");
}

const char *model_text(const Model *model, Arena *arena)
{
    Overview view = {.model = model, .graph = model->graph, .arena = arena};
    view.mentioned = NEW(arena, bool, model->graph->leaf_count + 1);
    collect_steps(&view);
    Text text = text_new(arena);
    NodeId before = NONE;
    for (int s = 0; s < view.count; before = view.step[s++].last) {
        Sources sources = no_sources(&view);
        for (NodeId id = view.step[s].last; id >= 0; id--)
            if (view.step_of[id] == s)
                find_sources(&view, id, s, &sources);
        add_arrow(&view, &sources, before, &text);
        add_step(&view, &view.step[s], &text);
    }
    if (model->kind == MODEL_TRAIN) {
        Sources sources = no_sources(&view);
        for (int part = 0; part < 2; part++)
            if (model->phase[PHASE_TRAIN].metrics[0].part[part] != NONE)
                find_sources(&view, model->phase[PHASE_TRAIN].metrics[0].part[part], NONE, &sources);
        add_arrow(&view, &sources, before, &text);
        text_add(&text, "loss");
    }
    return text.bytes;
}
