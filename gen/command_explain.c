/* command_explain.c: nngen explain, what became of a line of the model, or of a tensor.
 *
 * Takes the finished plan and prints what the passes recorded: the nodes with their places and derivative rules, the kernels
 * that compute them with the formulas of the emitted text, and the verdicts on fusing, with their reasons. Nothing is worked
 * out a second time here, so what it says is what was done.
 *
 * Three sections, each of the same nodes: those whose place is the LINE, or whose name, layer or leaf is NAME. */
#include "base/text.h"
#include "emit/emit_parts.h"
#include "graph/passes.h"
#include "pipeline.h"
#include <stdlib.h>
#include <string.h>

typedef struct Selection {
    const Compilation *c;
    const Graph *graph;
    const Plan *plan;
    bool *chosen;                       /* by node id */
    bool *related;                      /* chosen, or of a chosen node's derivative */
    int count;
    Text *out;
} Selection;

static const char *const phase_word[PHASE_COUNT] = {"training", "evaluation", "prediction"};

/* ---- which nodes ---- */

/* "fc1" chooses what is named so, the layer "linear fc1" and its leaves "fc1.weight", "fc1.bias" and their slots. */
static bool has_name(const char *full, const char *name)
{
    size_t length = strlen(name);
    return full && strncmp(full, name, length) == 0 && (full[length] == '\0' || full[length] == '.');
}

static bool is_named(const Graph *graph, const Node *node, const char *name)
{
    const Origin *origin = &node->origin;
    const char *layer = origin->layer ? strrchr(origin->layer, ' ') : NULL;
    if (has_name(origin->name, name) || (layer && strcmp(layer + 1, name) == 0))
        return true;
    return node->attributes.leaf != NONE && has_name(graph->leaves[node->attributes.leaf].name, name);
}

static void choose_nodes(Selection *s, const char *name, int line)
{
    for (NodeId id = 0; id < s->graph->count; id++) {
        const Node *node = &s->graph->nodes[id];
        const Place *place = &node->origin.place;
        bool in_model = place->file && strcmp(place->file, s->c->model->path) == 0;
        s->chosen[id] = line ? in_model && place->line == line : is_named(s->graph, node, name);
        s->count += s->chosen[id];
    }
    for (NodeId id = 0; id < s->graph->count; id++) {
        const Origin *origin = &s->graph->nodes[id].origin;
        s->related[id] = s->chosen[id] || (origin->of != NONE && s->chosen[origin->of]) ||
                         (origin->gradient_of != NONE && s->chosen[origin->gradient_of]);
    }
}

static _Noreturn void refuse_name(const Selection *s, const char *name)
{
    Arena *arena = s->c->arena;
    const char **names = NEW(arena, const char *, s->graph->count + s->graph->leaf_count);
    int count = 0;
    for (int l = 0; l < s->graph->leaf_count; l++)
        names[count++] = s->graph->leaves[l].name;
    for (NodeId id = 0; id < s->graph->count; id++)
        if (s->graph->nodes[id].origin.name)
            names[count++] = s->graph->nodes[id].origin.name;
    const char *near = nearest(name, names, count);
    fail_call("there is no tensor %s in the model%s%s%s\n  'nngen explain %s' lists what there is", quoted(arena, name),
              near ? " (did you mean " : "", near ? escaped(arena, near) : "", near ? "?)" : "", escaped(arena, s->c->model->path));
}

/* ---- nodes and derivatives ---- */

static void tell_source(const Selection *s, int line)
{
    const char *source = s->c->model->source;
    for (int number = 1; source && number < line; number++) {
        source = strchr(source, '\n');
        source = source ? source + 1 : NULL;
    }
    if (source)
        text_print(s->out, "%4d | %s\n\n", line,
                   escaped(s->c->arena, arena_print(s->c->arena, "%.*s", (int)strcspn(source, "\n"), source)));
}

static void tell_nodes(const Selection *s)
{
    text_add(s->out, "nodes (%N is a node's number; a derivative names its rule and the node it belongs to)\n");
    for (NodeId id = 0; id < s->graph->count; id++)
        if (s->chosen[id]) {
            text_add(s->out, "  ");
            dump_node(s->graph, id, s->out);
        }
}

/* Nodes of derivative rules and updates that belong to a chosen node without being chosen themselves. */
static void tell_derivatives(const Selection *s)
{
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        if (!s->related[id] || s->chosen[id])
            continue;
        if (!any)
            text_add(s->out, "\nderivatives of these\n");
        any = true;
        text_add(s->out, "  ");
        dump_node(s->graph, id, s->out);
    }
}

/* ---- kernels ---- */

typedef struct Search { const Selection *selection; bool found; } Search;

/* What is read from memory was computed elsewhere; but who reads a leaf is what one asks a leaf for. */
static void look_at_term(Term *term, void *context)
{
    Search *search = context;
    const Selection *s = search->selection;
    if (term->kind == TERM_READ) {
        const Buffer *buffer = &s->plan->buffer[term->buffer];
        search->found |= buffer->leaf != NONE && s->chosen[buffer->node];
    } else if (term->kind == TERM_APPLY && term->node != NONE) {
        search->found |= s->related[term->node];
    }
}

static bool concerns_chosen(const Selection *s, const Kernel *kernel)
{
    if (kernel->form == FORM_CALL)
        return s->chosen[s->graph->leaves[s->c->model->updates[kernel->update].parameter].node];
    Search search = {s, false};
    for (int i = 0; i < kernel->stage_count; i++) {
        const Stage *stage = &kernel->stage[i];
        if (s->related[stage->node] || (stage->buffer != NONE && s->chosen[s->plan->buffer[stage->buffer].node]))
            return true;
        each_term(stage->term, look_at_term, &search);
    }
    return search.found;
}

static const char *form_text(const Kernel *kernel)
{
    switch (kernel->form) {
    case FORM_NEST: return "loops as they stand";
    case FORM_ROW: return "a pass over rows, with folds inside";
    case FORM_SCATTER: return "zero, then each element added to its place, rows in order";
    case FORM_CONTRACTION: return "a sum of products";
    case FORM_CALL: return "a call of the runtime";
    }
    bug("form %d", (int)kernel->form);
}

/* A line of a comment without its star, and with a narrow gap between a formula and what stands at the right margin. */
static void add_comment_line(Text *out, const char *line)
{
    line += strspn(line, " ");
    line += *line == '*';
    if (line[strspn(line, " ")] == '\0')
        return;
    text_add(out, "   ");
    for (size_t spaces = strspn(line, " "), first = 1; *(line += spaces); spaces = strspn(line, " "), first = 0) {
        size_t word = strcspn(line, " ");
        text_print(out, "%*s%.*s", (int)(first || spaces < 3 ? spaces : 3), "", (int)word, line);
        line += word;
    }
    text_add(out, "\n");
}

/* The comment that the emitted text has above the kernel: its formulas and lines of the model. */
static void tell_comment(const Selection *s, const Kernel *kernel)
{
    Text text = text_new(s->c->arena);
    emit_kernel(s->plan, kernel, &text);
    char *line = strstr(text.bytes, "/*"), *end = strstr(text.bytes, "*/");
    if (!line || !end)
        return;
    *end = '\0';
    for (char *rest = line + 2; (line = strsep(&rest, "\n"));)
        add_comment_line(s->out, line);
}

/* A kernel that another phase has too is told once, with the phases that share it. */
static const char *phases_of(const Selection *s, const Kernel *kernel)
{
    Text text = text_new(s->c->arena);
    for (int p = 0; p < PHASE_COUNT; p++) {
        bool here = false;
        for (int k = 0; k < s->plan->kernel_count[p]; k++)
            here |= strcmp(s->plan->kernel[p][k].name, kernel->name) == 0;
        if (here)
            text_print(&text, "%s%s", text.length ? ", " : "", phase_word[p]);
    }
    return text.bytes;
}

static void tell_kernel(const Selection *s, const Kernel *kernel)
{
    Arena *arena = s->c->arena;
    text_print(s->out, "  %s (%s): %s; %s operations, reads %s bytes, writes %s\n", kernel->name, phases_of(s, kernel),
               form_text(kernel), grouped(arena, kernel->flop), grouped(arena, kernel->bytes_read), grouped(arena, kernel->bytes_written));
    if (kernel->choice.why)
        text_print(s->out, "    %s%s: %s\n",
                   kernel->choice.lanes == NONE ? "one scalar sum" : "lanes along ",
                   kernel->choice.lanes == NONE ? "" : kernel->axis[kernel->choice.lanes].letter, kernel->choice.why);
    tell_comment(s, kernel);
}

/* Does an earlier kernel call the same function with the same arrays? */
static bool is_told_elsewhere(const Selection *s, int phase, int number)
{
    const Kernel *kernel = &s->plan->kernel[phase][number];
    if (kernel->same_as == NONE)
        return false;
    int count, other_count;
    const int *arrays = arrays_of(s->plan, kernel, s->c->arena, &count);
    for (const Kernel *earlier = kernel_at(s->plan, kernel->same_as); earlier != kernel; earlier = earlier->next_user) {
        const int *others = arrays_of(s->plan, earlier, s->c->arena, &other_count);
        if (memcmp(arrays, others, sizeof *arrays * (size_t)count) == 0)
            return true;
    }
    return false;
}

static void tell_kernels(const Selection *s)
{
    text_add(s->out, "\nkernels\n");
    for (int p = 0; p < PHASE_COUNT; p++)
        for (int k = 0; k < s->plan->kernel_count[p]; k++)
            if (!is_told_elsewhere(s, p, k) && concerns_chosen(s, &s->plan->kernel[p][k]))
                tell_kernel(s, &s->plan->kernel[p][k]);
}

/* ---- memory and verdicts ---- */

static void tell_buffers(const Selection *s)
{
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        int b = s->plan->buffer_of[id];
        bool is_stored = b != NONE && (s->plan->buffer[b].kind != BUFFER_TEMPORARY || s->plan->buffer[b].phases != 0);
        if (!s->chosen[id] || !is_stored)               /* what fusing left without an array has no phases */
            continue;
        if (!any)
            text_add(s->out, "\nmemory\n");
        any = true;
        const Buffer *buffer = &s->plan->buffer[b];
        text_print(s->out, "  %%%d is stored in %s, %s bytes%s%s\n", id, buffer->name, grouped(s->c->arena, buffer->bytes),
                   buffer->why_order ? "; its layout: " : "", buffer->why_order ? buffer->why_order : "");
    }
}

static const char *node_label(const Selection *s, NodeId id)
{
    const Node *node = &s->graph->nodes[id];
    return node->origin.name ? arena_print(s->c->arena, "%%%d %s", id, escaped(s->c->arena, node->origin.name))
                             : arena_print(s->c->arena, "%%%d %s", id, op_info[node->op].name);
}

/* Each phase is fused by itself, mostly with the same verdicts. */
static bool was_told(const Plan *plan, int v)
{
    const Verdict *now = &plan->verdict[v];
    for (int earlier = 0; earlier < v; earlier++) {
        const Verdict *then = &plan->verdict[earlier];
        if (then->producer == now->producer && then->consumer == now->consumer && then->reason == now->reason && !strcmp(then->rule, now->rule))
            return true;
    }
    return false;
}

static void tell_verdicts(const Selection *s, bool all)
{
    bool any = false;
    for (int v = 0; v < s->plan->verdict_count; v++) {
        const Verdict *verdict = &s->plan->verdict[v];
        bool about = (verdict->producer != NONE && s->chosen[verdict->producer]) || (verdict->consumer != NONE && s->chosen[verdict->consumer]);
        if ((!all && !about) || was_told(s->plan, v))
            continue;
        if (!any)
            text_add(s->out, "\nfused or not\n");
        any = true;
        text_print(s->out, "  %s", verdict->fused ? "yes  " : "no   ");
        if (verdict->producer != NONE)
            text_add(s->out, node_label(s, verdict->producer));
        if (verdict->consumer != NONE)
            text_print(s->out, " into %s", node_label(s, verdict->consumer));
        text_pad(s->out, 48);
        text_print(s->out, " (%s) %s\n", verdict->rule, reason_text[verdict->reason]);
    }
}

/* ---- without NAME or LINE: an overview ---- */

static void tell_overview(const Selection *s)
{
    const Model *model = s->c->model;
    text_print(s->out, "%s\n", escaped(s->c->arena, model->path));
    for (int l = 0; l < s->graph->leaf_count; l++) {
        static const char *const kind[] = {"input", "parameter", "slot", "statistic"};
        const Leaf *leaf = &s->graph->leaves[l];
        text_print(s->out, "  %-10s %s", kind[leaf->kind], escaped(s->c->arena, leaf->name));
        text_pad(s->out, 44);
        text_print(s->out, " %s\n", shape_text(s->c->arena, leaf->type));
    }
    for (int p = 0; p < PHASE_COUNT; p++) {
        if (s->plan->kernel_count[p] == 0)
            continue;
        text_print(s->out, "\n%s\n", phase_word[p]);
        for (int k = 0; k < s->plan->kernel_count[p]; k++) {
            const Kernel *kernel = &s->plan->kernel[p][k];
            text_print(s->out, "  %s", kernel->name);
            text_pad(s->out, 44);
            text_print(s->out, " %10s operations  %s\n", grouped(s->c->arena, kernel->flop), form_text(kernel));
        }
    }
    tell_verdicts(s, true);
    text_print(s->out, "\n'nngen explain %s NAME' or a line's number tells more\n", escaped(s->c->arena, model->path));
}

int command_explain(Arena *arena, Options *options)
{
    Compilation *c = run_passes(arena, options, "plan_memory");
    Text out = text_new(arena);
    Selection s = {.c = c, .graph = c->model->graph, .plan = c->plan, .out = &out};
    s.chosen = NEW(arena, bool, s.graph->count);
    s.related = NEW(arena, bool, s.graph->count);

    const char *what = options->operand[1];
    if (!what) {
        tell_overview(&s);
    } else {
        bool is_line = strspn(what, "0123456789") == strlen(what);
        int line = is_line ? atoi(what) : 0;
        if (is_line && line < 1)
            fail_call("lines count from 1, so there is no line %s", what);
        choose_nodes(&s, what, line);
        if (s.count == 0 && !is_line)
            refuse_name(&s, what);
        if (s.count == 0) {
            text_print(&out, "nothing that is computed comes from line %s of %s\n", what, escaped(arena, c->model->path));
        } else {
            if (is_line)
                tell_source(&s, line);
            tell_nodes(&s);
            tell_derivatives(&s);
            tell_kernels(&s);
            tell_buffers(&s);
            tell_verdicts(&s, false);
        }
    }
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
