/* emit_formula.c: the comment above a kernel: what it computes as mathematics, which lines of the model it comes from, which
 * derivative rule made it, what it costs.
 *
 *   fc1, relu                                                                                     mnist_mlp.lua:7
 *     fc1_relu[b,j] = max(0, fc1_bias[j] + sum_i image[b,i] fc1_weight[j,i])
 *     0.78 MFLOP; reads 330 KB, writes 2 KB */
#include "emit/emit_parts.h"
#include "emit/term.h"
#include <string.h>

enum { LONGEST_RULES = 48 };            /* characters, after which further rules of one formula are left out */

typedef struct Counting { int *uses; } Counting;

static void count_use(Term *term, void *context)
{
    if (term->kind == TERM_STAGE)
        ((Counting *)context)->uses[term->stage]++;
}

static const char *fold_prefix(const Writing *w, const Stage *stage)
{
    static const char *const names[] = {[FOLD_SUM] = "sum", [FOLD_MAX] = "max", [FOLD_ARGMAX] = "argmax"};
    Text text = text_new(w->arena);
    text_print(&text, "%s_", names[stage->fold]);
    for (int f = 0; f < stage->fold_count; f++)
        if (w->kernel->axis[stage->fold_axis[f]].extent > 1)
            text_print(&text, "%s", w->kernel->axis[stage->fold_axis[f]].letter);
    for (int o = 0; o < w->kernel->outer_count && stage->folds_outer; o++)
        if (w->kernel->axis[w->kernel->outer[o]].extent > 1)
            text_add(&text, w->kernel->axis[w->kernel->outer[o]].letter);
    text_add(&text, " ");
    return text.bytes;
}

static const char *right_side(const Writing *w, const Stage *stage)
{
    if (stage->fold == FOLD_NONE)
        return term_text(w, stage->term, BIND_CHOICE);
    return arena_print(w->arena, "%s%s", fold_prefix(w, stage), term_text(w, stage->term, BIND_PRODUCT));
}

static const char *left_side(const Writing *w, const Stage *stage)
{
    if (stage->buffer != NONE)
        return access_text(w, stage->buffer, stage->store, NULL);
    Index inner[MAX_AXES];
    for (int i = 0; i < stage->inner_count; i++)
        inner[i] = index_axis(stage->inner[i]);
    return local_text(w, stage, inner, NULL);
}

/* "(rule: matmul, right operand)" for what a derivative rule built, "(sgd)" for an update; with the rules of the formulas that
 * stand inside this one. */
static const char *rule_text(const Writing *w, const Stage *stage, const Text *inside)
{
    const Origin *origin = &w->plan->model->graph->nodes[stage->node].origin;
    if (!origin->rule && !inside->length)
        return "";
    if (origin->rule && !is_part_of_gradient(w->plan->model, stage->node))
        return arena_print(w->arena, "(%s)", origin->rule);
    const char *both = inside->length && origin->rule ? "; then " : "";
    return arena_print(w->arena, "(rule: %s%s%s)", inside->bytes, both, origin->rule ? origin->rule : "");
}

/* ---- title ------------------------------------------------------------------------------------------------------------ */

static bool contains(const Text *list, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = list->bytes; (at = strstr(at, word)); at++)
        if ((at == list->bytes || at[-1] == ' ') && (at[length] == ',' || at[length] == 0))
            return true;
    return false;
}

static void add_word(Text *list, const char *word)
{
    if (!contains(list, word))
        text_print(list, "%s%s", list->length ? ", " : "", word);
}

static const char *title_of(const Writing *w, const Stage *stage)
{
    const Graph *graph = w->plan->model->graph;
    const Node *node = &graph->nodes[stage->node];
    if (stage->buffer != NONE && w->plan->buffer[stage->buffer].leaf != NONE)
        return graph->leaves[w->plan->buffer[stage->buffer].leaf].name;
    if (node->origin.gradient_of != NONE) {
        const Origin *of = &graph->nodes[node->origin.gradient_of].origin;
        NodeId leaf = graph->nodes[node->origin.gradient_of].attributes.leaf;
        const char *name = leaf != NONE ? graph->leaves[leaf].name : of->name;
        return name ? arena_print(w->arena, "gradient of %s", name) : NULL;
    }
    return node->origin.name;
}

static void add_place(Writing *w, Text *places, NodeId node)
{
    Place place = w->plan->model->graph->nodes[node].origin.place;
    if (!place.file || !place.line)
        return;
    const char *name = strrchr(place.file, '/') ? strrchr(place.file, '/') + 1 : place.file;
    const char *whole = arena_print(w->arena, "%s:%d", name, place.line), *line = arena_print(w->arena, "%d", place.line);
    if (strncmp(places->bytes, name, strlen(name)) == 0) {
        if (!contains(places, whole))
            add_word(places, line);
    } else {
        add_word(places, whole);
    }
}

typedef struct Places { Writing *w; Text *places; } Places;

static void place_of_term(Term *term, void *context)
{
    Places *p = context;
    if (term->kind == TERM_APPLY)
        add_place(p->w, p->places, term->node);
}

/* "fc1.weight: gradient and update" for kernels that write a parameter, "the loss and its gradient"; NULL: the names of what it
 * leaves behind are title enough */
static const char *purpose(const Writing *w)
{
    const Metric *loss = w->plan->model->phase[PHASE_TRAIN].metrics;
    const char *written = NULL;
    bool gradient = false, has_loss = false;
    for (int s = 0; s < w->kernel->stage_count; s++) {
        const Stage *stage = &w->kernel->stage[s];
        gradient |= is_part_of_gradient(w->plan->model, stage->node);
        has_loss |= loss && (stage->node == loss->part[0] || stage->node == loss->part[1]);
        if (assigns(w->plan, stage) && (!written || w->plan->buffer[stage->buffer].kind == BUFFER_PARAMETER))
            written = w->plan->model->graph->leaves[w->plan->buffer[stage->buffer].leaf].name;
    }
    if (written)
        return arena_print(w->arena, gradient ? "%s: gradient and update" : "%s: update", written);
    return has_loss && gradient ? "the loss and its gradient" : NULL;
}

static void title_line(Writing *w, Text *out)
{
    Text title = text_new(w->arena), places = text_new(w->arena);
    const Kernel *kernel = w->kernel;
    const char *role = purpose(w);
    if (role)
        text_add(&title, role);
    for (int s = 0; s < kernel->stage_count; s++) {
        const char *name = title_of(w, &kernel->stage[s]);
        if (name && !role && kernel->stage[s].buffer != NONE)
            add_word(&title, name);
        add_place(w, &places, kernel->stage[s].node);
        each_term(kernel->stage[s].term, place_of_term, &(Places){w, &places});
    }
    if (!title.length)
        text_add(&title, kernel->name);
    const char *left = comment_text(w->arena, title.bytes), *right = comment_text(w->arena, places.bytes);
    text_print(out, "/* %s", left);
    if (strlen(left) + strlen(right) + 6 > LINE)
        text_print(out, "\n *   %s", right);
    else if (*right)
        text_print(out, "%*s", (int)(LINE - 3 - strlen(left)), right);
    text_add(out, "\n");
}

/* ---- formulas ---------------------------------------------------------------------------------------------------------- */

/* One formula, broken where it is too long, with its rule at the right. */
static void formula_line(Text *out, const char *formula, const char *rule)
{
    enum { RULES = 76 };                /* the column where rules begin, if the formula leaves room */
    text_add(out, " *   ");
    add_wrapped(out, formula, " *", 9, 1);
    size_t column = text_column(out), length = strlen(rule);
    if (length && column + length + 3 > LINE - 1)
        text_print(out, "\n *%*s%s", (int)(LINE - 3 - length), "", rule);
    else if (length)
        text_print(out, "%*s", (int)(column < RULES && RULES + length < LINE ? RULES - column + length : length + 3), rule);
    text_add(out, "\n");
}

static const char *amount(Arena *arena, int64_t bytes)
{
    return bytes < 1000 ? arena_print(arena, "%lld bytes", (long long)bytes)
         : bytes < 1000000 ? arena_print(arena, "%.3g KB", (double)bytes / 1e3) : arena_print(arena, "%.3g MB", (double)bytes / 1e6);
}

static void call_formulas(Writing *w, Text *out)
{
    const Model *model = w->plan->model;
    const char *name = model->optimizer.name;
    formula_line(out, arena_print(w->arena, "%s as the runtime's plain loop has it (nn_%s in nngen/optimizer.h)", name, name), "");
}

void emit_kernel_comment(const Plan *plan, const Kernel *kernel, Text *out)
{
    Writing w = {.plan = plan, .kernel = kernel, .arena = plan->arena, .formula = true};
    if (kernel->form == FORM_CALL) {
        const Leaf *leaf = &plan->model->graph->leaves[plan->model->updates[kernel->update].parameter];
        text_print(out, "/* %s: update\n", comment_text(w.arena, leaf->name));
        call_formulas(&w, out);
        text_add(out, " */\n");
        return;
    }
    int *uses = NEW(plan->arena, int, kernel->stage_count);
    for (int s = 0; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, count_use, &(Counting){uses});
    const char **expression = NEW(plan->arena, const char *, kernel->stage_count);
    w.stage_formula = expression;

    title_line(&w, out);
    Text rules = text_new(plan->arena);                 /* of the formulas that wait for their reader */
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const char *right = right_side(&w, stage);
        const Origin *origin = &plan->model->graph->nodes[stage->node].origin;
        bool nameless = stage->buffer == NONE && uses[s] == 1 && !origin->name && origin->gradient_of == NONE && stage->fold == FOLD_SUM
                     && s + 1 < kernel->stage_count && strlen(right) < 60;
        if (nameless) {                                 /* its one reader's formula holds it */
            expression[s] = right;
            if (origin->rule && rules.length < LONGEST_RULES)
                text_print(&rules, "%s%s", rules.length ? "; " : "", origin->rule);
        } else {
            formula_line(out, comment_text(w.arena, arena_print(w.arena, "%s = %s", left_side(&w, stage), right)), rule_text(&w, stage, &rules));
            rules = text_new(plan->arena);
        }
    }
    if (kernel->flop >= 10000)
        formula_line(out, arena_print(w.arena, "%.3g MFLOP; reads %s, writes %s", (double)kernel->flop / 1e6, amount(w.arena, kernel->bytes_read),
                                      amount(w.arena, kernel->bytes_written)), "");
    out->length--;                                      /* the comment ends on its last line */
    text_add(out, " */\n");
}
