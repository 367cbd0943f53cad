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

/* Is it read or added to at places that are an axis each? */
static bool is_plain(const Index *index, int rank)
{
    bool plain = true;
    for (int d = 0; d < rank; d++)
        plain &= index[d].count == 0 || plain_axis(&index[d]) != NONE;
    return plain;
}

static void add_folded(const Writing *w, const int *axes, int count, Text *out)
{
    const Kernel *kernel = w->kernel;
    for (int i = 0; i < count; i++) {
        bool folded = kernel->axis[axes[i]].extent > 1;
        for (int d = 0; d < w->plan->buffer[kernel->stage[0].buffer].rank; d++)
            folded &= !has_axis(&kernel->skip.into[d], axes[i]);
        if (folded)
            text_add(out, kernel->axis[axes[i]].letter);
    }
}

/* A sum that skips zeros, in the letters of its loops (emit_skips.c), which are other ones than those of the sum as it was written:
 *   d_weight[i,j,m,p] = sum_bqv d_pool[b,i,q,v] x[b,j,m + u + 2 q,p + o + 2 v]  where o + 2 u = best[b,i,q,v]
 * where elements of the factor add to sums here and there, what one of them adds:
 *   d_x[b,j,m + u + 2 q,p + o + 2 v] += d_pool[b,i,q,v] weight[i,j,m,p]  where o + 2 u = best[b,i,q,v] */
static const char *skip_formula(const Writing *w)
{
    const Kernel *kernel = w->kernel;
    const int sums = kernel->stage[0].buffer;
    const Term *other = kernel->skip.other;
    Text text = text_new(w->arena);
    text_print(&text, "%s ", access_text(w, sums, kernel->skip.into, NULL));
    if (is_plain(kernel->skip.into, w->plan->buffer[sums].rank)) {
        text_add(&text, "= sum_");
        add_folded(w, kernel->skip.point, kernel->skip.points, &text);
        add_folded(w, kernel->skip.inner, kernel->skip.inners, &text);
    } else {
        text_add(&text, "+=");
    }
    text_print(&text, " %s %s", term_text(w, kernel->skip.sparse, BIND_PRODUCT), access_text(w, other->buffer, other->index, NULL));
    for (int d = 0; d < kernel->skip.digits; d++) {
        const PlaceDigit *digit = &kernel->skip.digit[d];
        text_add(&text, d ? " + " : "  where ");
        if (digit->factor != 1)
            text_print(&text, "%lld ", (long long)digit->factor);
        text_add(&text, kernel->axis[digit->axis].letter);
    }
    if (kernel->skip.digits)
        text_print(&text, " = %s", term_text(w, kernel->skip.best, BIND_SUM));
    return text.bytes;
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

/* Different words in the order in which they came; a function of a hundred layers names some of them and counts the others. */
typedef struct Words { Arena *arena; const char **list; int count, room; } Words;

static void add_word(Words *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->list[i], word) == 0)
            return;
    ARENA_PUSH(words->arena, words->list, words->count, words->room, word);
}

static const char *enumerated(const Words *words)
{
    enum { MOST = 8, SHOWN = 4 };
    Text text = text_new(words->arena);
    int shown = words->count > MOST ? SHOWN : words->count;
    for (int i = 0; i < shown; i++)
        text_print(&text, "%s%s", i ? ", " : "", words->list[i]);
    if (shown < words->count)
        text_print(&text, " and %d more", words->count - shown);
    return text.bytes;
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

/* "mnist.lua:7", then "8" for another line of the file before it */
static void add_place(const Plan *plan, Words *places, NodeId node)
{
    Place place = plan->model->graph->nodes[node].origin.place;
    if (!place.file || !place.line)
        return;
    const char *name = strrchr(place.file, '/') ? strrchr(place.file, '/') + 1 : place.file;
    const char *whole = arena_print(places->arena, "%s:%d", name, place.line), *line = arena_print(places->arena, "%d", place.line);
    bool same_file = places->count && strncmp(places->list[0], name, strlen(name)) == 0;
    if (!places->count || strcmp(places->list[0], whole) != 0)
        add_word(places, same_file ? line : whole);
}

typedef struct Places { const Plan *plan; Words *places; } Places;

static void place_of_term(Term *term, void *context)
{
    Places *p = context;
    if (term->kind == TERM_APPLY)
        add_place(p->plan, p->places, term->node);
}

/* What a kernel that writes a parameter is there for, ": gradient and update" of the leaf `written`; or "the loss and its gradient".
 * NULL: the names of what it leaves behind are title enough. */
static const char *purpose(const Plan *plan, const Kernel *kernel, const char **written)
{
    bool gradient = false;
    int parameters = 0;
    *written = NULL;
    if (kernel->form == FORM_CALL)
        *written = plan->model->graph->leaves[plan->model->updates[kernel->update].parameter].name;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        gradient |= is_part_of_gradient(plan->model, stage->node);
        parameters += stage->buffer != NONE && plan->buffer[stage->buffer].kind == BUFFER_PARAMETER;
        if (assigns(plan, stage) && (!*written || plan->buffer[stage->buffer].kind == BUFFER_PARAMETER))
            *written = plan->model->graph->leaves[plan->buffer[stage->buffer].leaf].name;
    }
    if (*written)
        return parameters > 1 ? gradient ? ": gradients and updates" : ": updates" : gradient ? ": gradient and update" : ": update";
    return gradient && computes_loss(plan, PHASE_TRAIN, kernel) ? "the loss and its gradient" : NULL;
}

static void add_titles(Writing *w, const Kernel *kernel, Words *titles, Words *places)
{
    const char *written, *role = purpose(w->plan, kernel, &written);
    bool parameters = false;
    for (int s = 0; s < kernel->stage_count && written; s++)
        if (kernel->stage[s].buffer != NONE && w->plan->buffer[kernel->stage[s].buffer].kind == BUFFER_PARAMETER) {
            add_word(titles, w->plan->model->graph->leaves[w->plan->buffer[kernel->stage[s].buffer].leaf].name);
            parameters = true;
        }
    if (written && !parameters)
        add_word(titles, written);
    for (int s = 0; s < kernel->stage_count; s++) {
        const char *name = title_of(w, &kernel->stage[s]);
        if (name && !role && kernel->stage[s].buffer != NONE)
            add_word(titles, name);
        add_place(w->plan, places, kernel->stage[s].node);
        each_term(kernel->stage[s].term, place_of_term, &(Places){w->plan, places});
    }
}

/* The names of all that the function is called for, and their lines in the model. */
static void title_line(Writing *w, Text *out)
{
    Words titles = {.arena = w->arena}, places = {.arena = w->arena};
    const char *written, *role = purpose(w->plan, w->kernel, &written);
    for (const Kernel *user = w->kernel; user; user = w->kernel->array_name ? user->next_user : NULL)
        add_titles(w, user, &titles, &places);
    if (!titles.count && !role)
        add_word(&titles, w->kernel->name);
    const char *left = comment_text(w->arena, arena_print(w->arena, "%s%s", enumerated(&titles), role ? role : ""));
    const char *right = comment_text(w->arena, enumerated(&places));
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

/* "a block for each [b,j]": what the blocks and threads of a launch are. */
static const char *launch_text(const Writing *w)
{
    const Kernel *kernel = w->kernel;
    Text points = text_new(w->arena);
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->axis[kernel->outer[o]].extent > 1)
            text_print(&points, "%s%s", points.length ? "," : "", kernel->axis[kernel->outer[o]].letter);
    switch (kernel->launch.spread) {
    case SPREAD_POINTS: return points.length ? arena_print(w->arena, "a thread for each [%s]", points.bytes) : "one thread";
    case SPREAD_BLOCKS: return points.length ? arena_print(w->arena, "a block for each [%s]", points.bytes) : "one block";
    case SPREAD_SUM: return arena_print(w->arena, "one block, its threads take [%s] in turn", points.bytes);
    case SPREAD_TOGETHER: return arena_print(w->arena, "one block, all of it at one [%s] after the other", points.bytes);
    case SPREAD_TILES: return arena_print(w->arena, "a block for each tile of %d x %d", kernel->launch.height, kernel->launch.width);
    case SPREAD_COLUMNS: return "a thread for each column, which adds its elements in turn";
    case SPREAD_ELEMENTS: return "a thread for each element";
    }
    bug("%s: a launch of unknown kind %d", kernel->name, (int)kernel->launch.spread);
}

static void cost_line(const Writing *w, Text *out)
{
    const Kernel *kernel = w->kernel;
    const bool is_long = kernel->flop >= 10000, is_device = w->plan->target == TARGET_CUDA;
    const char *how = is_device ? launch_text(w) : "";
    if (is_long)
        formula_line(out, arena_print(w->arena, "%s%s%.3g MFLOP; reads %s, writes %s", how, is_device ? "; " : "", (double)kernel->flop / 1e6,
                                      amount(w->arena, kernel->bytes_read), amount(w->arena, kernel->bytes_written)), "");
    else if (is_device)
        formula_line(out, how, "");
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
        title_line(&w, out);
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
            const char *formula = kernel->form == FORM_SKIP && s == 0 ? skip_formula(&w) : arena_print(w.arena, "%s = %s", left_side(&w, stage), right);
            formula_line(out, comment_text(w.arena, formula), rule_text(&w, stage, &rules));
            rules = text_new(plan->arena);
        }
    }
    cost_line(&w, out);
    out->length--;                                      /* the comment ends on its last line */
    text_add(out, " */\n");
}
