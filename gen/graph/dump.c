/* dump.c: a graph as text, a node a line in order of computation, and as a picture for Graphviz.
 *
 *   %12 = contract(%3, %9, "bi,ji->bj") (batch, 100) float  mnist.lua:7  # matmul, left operand of %5; gradient of %3
 *   loss = %40
 *
 * Takes a model after any graph pass. The same line serves both forms, so there is one syntax to learn. */
#include "graph/passes.h"
#include "graph/rules.h"
#include <inttypes.h>
#include <string.h>

typedef void RootLine(Text *out, const char *phase, const char *name, NodeId node);

static const char *const phase_name[PHASE_COUNT] = {"train", "evaluate", "predict"};

static void add_axes(Text *text, const char *word, uint32_t axes)
{
    text_print(text, ", %s {", word);
    const char *between = "";
    for (int axis = 0; axis <= MAX_RANK; axis++)
        if (axes >> axis & 1) {
            text_print(text, axis == 0 ? "batch" : "%s%d", between, axis);
            between = ", ";
        }
    text_add(text, "}");
}

static void add_attributes(const Graph *graph, const Node *node, Text *text)
{
    const Attributes *a = &node->attributes;
    switch (node->op) {
    case OP_INPUT: case OP_PARAMETER: case OP_STATE: text_add(text, quoted(text->arena, graph->leaves[a->leaf].name)); break;
    case OP_ASSIGN: text_print(text, ", to %s", quoted(text->arena, graph->leaves[a->leaf].name)); break;
    case OP_CONSTANT: text_add(text, number(text->arena, a->value, true)); break;
    case OP_TABLE:
        for (int64_t i = 0; i < element_count(a->type) && i < 4; i++)
            text_print(text, "%s%s", i ? ", " : "", number(text->arena, a->table[i], true));
        if (element_count(a->type) > 4)
            text_add(text, ", ...");
        break;
    case OP_PREVIOUS: case OP_SCAN: text_print(text, ", loop %d%s", a->loop, a->backward ? ", backward" : ""); break;
    case OP_INDEX: text_print(text, "axis %d", a->axis); break;
    case OP_UNIFORM: case OP_NORMAL: text_print(text, "stream %" PRIu64, a->stream); break;
    case OP_SUM: case OP_MAX: case OP_ARGMAX: add_axes(text, "over", a->axes); break;
    case OP_BROADCAST: add_axes(text, "along", a->axes); break;
    case OP_PERMUTE:
        for (int d = 0; d < node->type.rank; d++)
            text_print(text, "%s%d", d ? ", " : ", order {", a->order[d]);
        text_add(text, node->type.rank ? "}" : "");
        break;
    case OP_SLICE: text_print(text, ", axis %d from %" PRId64 " to %" PRId64, a->axis, a->from, a->to); break;
    case OP_PAD:
        text_print(text, ", axis %d, %" PRId64 " before, %" PRId64 " after, of %s", a->axis, a->from, a->to,
                   number(text->arena, a->value, true));
        break;
    case OP_CONCAT: text_print(text, ", axis %d", a->axis); break;
    case OP_UNFOLD: case OP_FOLD:
        text_print(text, ", axis %d, windows of %" PRId64 ", stride %" PRId64 ", dilation %" PRId64 ", %" PRId64 " before, %" PRId64 " after",
                   a->axis, a->window, a->stride, a->dilation, a->from, a->to);
        break;
    case OP_CONTRACT: case OP_GATHER: case OP_SCATTER_ADD: text_print(text, ", \"%s\"", a->letters); break;
    default: break;
    }
}

static const char *call_text(const Graph *graph, Arena *arena, const Node *node)
{
    Text text = text_new(arena);
    text_print(&text, "%s(", op_info[node->op].name);
    for (int i = 0; i < op_info[node->op].arity; i++)
        text_print(&text, "%s%%%d", i ? ", " : "", node->operand[i]);
    add_attributes(graph, node, &text);
    text_add(&text, ")");
    return text.bytes;
}

/* ---- roots ------------------------------------------------------------------------------------------------------- */

static void list_metrics(const Model *model, const char *phase, const Metric *metrics, RootLine *line, Text *out)
{
    for (int m = 0; metrics && m < model->metric_count; m++)
        for (int p = 0; p < 3; p++)
            if (metrics[m].part[p] != NONE)
                line(out, phase, metrics[m].name, metrics[m].part[p]);
}

static void list_outputs(const Model *model, const char *phase, const Output *outputs, RootLine *line, Text *out)
{
    for (int o = 0; outputs && o < model->output_count; o++)
        line(out, phase, outputs[o].name, outputs[o].node);
}

static void list_roots(const Model *model, RootLine *line, Text *out)
{
    bool specialised = false;
    for (int p = 0; p < PHASE_COUNT; p++) {
        const Phase *phase = &model->phase[p];
        specialised |= phase->root_count > 0;
        list_metrics(model, phase_name[p], phase->metrics, line, out);
        list_outputs(model, phase_name[p], phase->outputs, line, out);
    }
    if (!specialised) {
        list_metrics(model, NULL, model->metrics, line, out);
        list_outputs(model, NULL, model->outputs, line, out);
    }
    for (int u = 0; u < model->update_count; u++) {
        const Update *update = &model->updates[u];
        if (update->gradient != NONE)
            line(out, NULL, arena_print(out->arena, "gradient of %s", model->graph->leaves[update->parameter].name),
                 update->gradient);
    }
    for (int s = 0; s < model->statistics.count; s++) {
        const NodeId node = model->statistics.assigns[s];
        line(out, NULL, model->graph->leaves[model->graph->nodes[node].attributes.leaf].name, node);
    }
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static void root_line(Text *out, const char *phase, const char *name, NodeId node)
{
    text_print(out, "%s%s%s = %%%d\n", phase ? phase : "", phase ? ": " : "", escaped(out->arena, name), node);
}

void dump_node(const Graph *graph, NodeId id, Text *out)
{
    const Node *node = &graph->nodes[id];
    const Origin *origin = &node->origin;
    text_print(out, "%%%d = %s %s %s", id, call_text(graph, out->arena, node), shape_text(out->arena, node->type),
               node->type.scalar == INT ? "int" : "float");
    if (origin->name)
        text_print(out, "  \"%s\"", escaped(out->arena, origin->name));
    if (origin->place.file)
        text_print(out, "  %s:%d", escaped(out->arena, origin->place.file), origin->place.line);
    if (origin->rule && origin->of != NONE)
        text_print(out, "  # %s of %%%d", origin->rule, origin->of);
    else if (origin->rule)
        text_print(out, "  # %s", origin->rule);
    if (origin->gradient_of != NONE)
        text_print(out, "%s gradient of %%%d", origin->rule ? ";" : "  #", origin->gradient_of);
    text_add(out, "\n");
}

void dump_graph(const Model *model, Text *out)
{
    for (NodeId id = 0; id < model->graph->count; id++)
        dump_node(model->graph, id, out);
    list_roots(model, root_line, out);
}

/* ---- Graphviz ---------------------------------------------------------------------------------------------------- */

/* A string inside a dot label. */
static const char *dot_text(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    for (const char *c = escaped(arena, string); *c; c++) {
        if (*c == '"' || *c == '\\')
            text_add(&text, "\\");
        text_add_bytes(&text, c, 1);
    }
    return text.bytes;
}

static void root_box(Text *out, const char *phase, const char *name, NodeId node)
{
    const char *label = phase ? arena_print(out->arena, "%s: %s", phase, name) : name;
    text_print(out, "  \"root %s %d\" [label=\"%s\", shape=plaintext];\n  n%d -> \"root %s %d\";\n", dot_text(out->arena, label),
               node, dot_text(out->arena, label), node, dot_text(out->arena, label), node);
}

void dump_dot(const Model *model, Text *out)
{
    const Graph *graph = model->graph;
    text_add(out, "digraph model {\n  node [shape=box, style=filled, fontname=\"monospace\", fontsize=10];\n");
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        const char *colour = op_info[node->op].class == LEAF ? "lightyellow" : op_info[node->op].class == EFFECT ? "lightpink"
                             : node->origin.rule ? "lightblue" : "white";
        text_print(out, "  n%d [label=\"", id);
        if (node->origin.name && op_info[node->op].class != LEAF)
            text_print(out, "%s\\n", dot_text(out->arena, node->origin.name));
        Text call = text_new(out->arena);
        text_print(&call, "%s%s", op_info[node->op].name, op_info[node->op].arity ? "" : " ");
        add_attributes(graph, node, &call);
        text_print(out, "%s\\n%s\", fillcolor=%s];\n", dot_text(out->arena, call.bytes), shape_text(out->arena, node->type),
                   colour);
        for (int i = 0; i < op_info[node->op].arity; i++)
            text_print(out, "  n%d -> n%d;\n", node->operand[i], id);
    }
    list_roots(model, root_box, out);
    text_add(out, "}\n");
}
