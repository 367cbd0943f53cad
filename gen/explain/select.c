/* select.c: which nodes a line of the model or a name stands for, and which kernels, formulas and verdicts belong to them.
 *
 * Nothing is worked out here a second time: nodes have their places and rules, kernels their stages, the plan its verdicts. */
#include "explain/explain.h"
#include "emit/emit_parts.h"
#include <string.h>

Selection selection_new(const Compilation *c)
{
    Selection s = {.c = c, .graph = c->model->graph, .plan = c->plan};
    s.chosen = NEW(c->arena, bool, s.graph->count + 1);
    s.related = NEW(c->arena, bool, s.graph->count + 1);
    s.formula = formulas_of(c->model, c->arena);
    return s;
}

/* ---- nodes ---- */

static const char *const phase_word[PHASE_COUNT] = {"training", "evaluation", "prediction"};

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

void choose_nodes(Selection *s, const char *name, int line)
{
    s->count = 0;
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

bool concerns_chosen(const Selection *s, const Kernel *kernel)
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

const char *form_text(const Kernel *kernel)
{
    switch (kernel->form) {
    case FORM_NEST: return "loops as they stand";
    case FORM_ROW: return "a pass over rows, with folds inside";
    case FORM_BLAS: return "a call of CBLAS";
    case FORM_SCATTER: return "zero, then each element added to its place, rows in order";
    case FORM_DRAW: return "random numbers, 64 at a time";
    case FORM_SKIP: return "a sum of products that adds only those that are not zero";
    case FORM_CONTRACTION: return "a sum of products";
    case FORM_CALL: return "a call of the runtime";
    }
    bug("form %d", (int)kernel->form);
}

/* A kernel that another phase has too is told once, with the phases that share it. */
const char *phases_of(const Selection *s, const Kernel *kernel)
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

/* Does an earlier kernel call the same function with the same arrays? */
bool is_told_elsewhere(const Selection *s, int phase, int number)
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

/* ---- memory and verdicts ---- */

const Buffer *stored_in(const Selection *s, NodeId id)
{
    int b = s->plan->buffer_of[id];
    if (b == NONE)
        return NULL;
    const Buffer *buffer = &s->plan->buffer[b];
    return buffer->kind != BUFFER_TEMPORARY || buffer->phases != 0 ? buffer : NULL;      /* what fusing left without an array has no phases */
}

const char *node_label(const Selection *s, NodeId id)
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

const Verdict *next_verdict(const Selection *s, bool all, int *from)
{
    while (*from < s->plan->verdict_count) {
        int v = (*from)++;
        const Verdict *verdict = &s->plan->verdict[v];
        bool about = (verdict->producer != NONE && s->chosen[verdict->producer]) || (verdict->consumer != NONE && s->chosen[verdict->consumer]);
        if ((all || about) && !was_told(s->plan, v))
            return verdict;
    }
    return NULL;
}
