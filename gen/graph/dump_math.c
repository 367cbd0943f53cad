/* dump_math.c: a graph as formulas, the way one would write them down.
 *
 *   u1 = exp(x)
 *   u2 = exp(2 x)
 *   f = exp(u1 + u2) + sin(u1 + u2)
 *
 * Takes a simplified model. Prints every output of nn.show; of a training model the loss, the metrics and the outputs, then the
 * gradient of each trained parameter. A value that is read more than once gets a line and a name of its own before its first
 * reader: the user's name where there is one, d_NAME for a gradient of a named tensor, else u1, u2, … Everything else is
 * written in place, so the text is no longer than the graph; what would become a long line is cut in the same way. Values that
 * the user named are always lines of their own in a training model.
 *
 * Products are written side by side, matrix products with a dot: image · fc1.weightᵀ + fc1.bias. What only repeats elements or
 * adds axes of size 1 is not written; operands of formulas broadcast as in the model. The state of a recurrence one step earlier
 * is h[t-1], and the line of h itself says how it goes on and from what it began. */
#include "graph/passes.h"
#include "graph/rules.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST = 24 };                  /* operations in one formula; what is longer is cut into lines */

/* How tightly the outermost operator of a formula holds its parts, loosest first. */
typedef enum Level { LEVEL_SUM, LEVEL_PRODUCT, LEVEL_UNARY, LEVEL_POWER, LEVEL_ATOM } Level;

typedef struct Writer {
    const Graph *graph;
    Arena *scratch;
    Text *out;
    const char **label;                 /* by node; NULL: written in place */
    int *uses;                          /* by node: readers among the formulas to come */
    int *size;                          /* by node: operations written in its place; 0 where a name is */
    bool *defined;
    int last_number;
    bool lines_for_names;
    NodeId *scan;                       /* by loop number: what PREVIOUS is an earlier time of; NONE */
    NodeId unsigned_node;               /* the negation or number that is written next without its sign; NONE */
    const char **formula;               /* by node: its line, for formulas_of; NULL: nobody asks, or it has none */
} Writer;

static void write_operand(Writer *w, NodeId node, bool parentheses);

/* ---- what is written in place, what by name ---------------------------------------------------------------------- */

static int significant_sizes(Type type, int64_t *size)
{
    int count = 0;
    for (int d = 0; d < type.rank; d++)
        if (type.size[d] != 1)
            size[count++] = type.size[d];
    return count;
}

static bool is_unwritten(const Graph *graph, const Node *node)
{
    if (node->op == OP_BROADCAST || node->op == OP_FLOAT || node->op == OP_DETACH)
        return true;
    if (node->op != OP_RESHAPE)
        return false;
    int64_t before[MAX_RANK], after[MAX_RANK];
    int count = significant_sizes(graph->nodes[node->operand[0]].type, before);
    return count == significant_sizes(node->type, after) && !memcmp(before, after, sizeof *after * (size_t)count);
}

static NodeId written(const Graph *graph, NodeId node)
{
    while (is_unwritten(graph, &graph->nodes[node]))
        node = graph->nodes[node].operand[0];
    return node;
}

static bool is_leaf(const Graph *graph, NodeId node)
{
    return op_info[graph->nodes[node].op].arity == 0;
}

static bool is_taken(const Writer *w, const char *label)
{
    for (int l = 0; l < w->graph->leaf_count; l++)
        if (!strcmp(w->graph->leaves[l].name, label))
            return true;
    for (NodeId id = 0; id < w->graph->count; id++)
        if (w->label[id] && !strcmp(w->label[id], label))
            return true;
    return false;
}

static const char *unique_label(const Writer *w, const char *wish)
{
    const char *label = wish;
    for (int copy = 2; is_taken(w, label); copy++)
        label = arena_print(w->scratch, "%s_%d", wish, copy);
    return label;
}

static const char *new_label(Writer *w, NodeId node)
{
    const Origin *origin = &w->graph->nodes[node].origin;
    if (origin->name)
        return unique_label(w, escaped(w->scratch, origin->name));
    if (origin->gradient_of != NONE && w->graph->nodes[origin->gradient_of].origin.name)
        return unique_label(
            w, arena_print(w->scratch, "d_%s", escaped(w->scratch, w->graph->nodes[origin->gradient_of].origin.name)));
    const char *label;
    do
        label = arena_print(w->scratch, "u%d", ++w->last_number);
    while (is_taken(w, label));
    return label;
}

/* ---- formulas ---------------------------------------------------------------------------------------------------- */

/* Folds, moves and functions enclose their operands, and so do the formulas of comparisons and choices. */
static Level level_of(const Node *node)
{
    switch (node->op) {
    case OP_CONSTANT: return signbit(node->attributes.value) ? LEVEL_UNARY : LEVEL_ATOM;
    case OP_ADD: case OP_SUBTRACT: return LEVEL_SUM;
    case OP_MULTIPLY: case OP_DIVIDE: case OP_RECIPROCAL: case OP_CONTRACT: return LEVEL_PRODUCT;
    case OP_NEGATE: return LEVEL_UNARY;
    case OP_POWER: case OP_SQUARE: return LEVEL_POWER;
    default: return LEVEL_ATOM;
    }
}

/* As people write it: 2, not 2.0. */
static const char *plain_number(Arena *arena, double value)
{
    char *text = arena_string(arena, number(arena, value, true));
    size_t length = strlen(text);
    if (length > 2 && !strcmp(text + length - 2, ".0"))
        text[length - 2] = '\0';
    return text;
}

/* The node that is written for an operand, and whether by name. */
static NodeId shown(const Writer *w, NodeId node, bool *by_name)
{
    node = written(w->graph, node);
    *by_name = w->label[node] && w->defined[node];
    return node;
}

/* The negation or negative number with which a term begins, as written in place: a + -3 x is to be written a - 3 x. */
static NodeId leading_sign(const Writer *w, NodeId operand)
{
    bool by_name;
    NodeId id = shown(w, operand, &by_name);
    const Node *node = &w->graph->nodes[id];
    if (by_name)
        return NONE;
    if (node->op == OP_MULTIPLY || node->op == OP_DIVIDE)
        return leading_sign(w, node->operand[0]);
    return node->op == OP_NEGATE || (node->op == OP_CONSTANT && signbit(node->attributes.value)) ? id : NONE;
}

/* -x as the first factor of a product: only where the sign cannot be read as belonging to more. */
static bool is_loose_negation(const Writer *w, const Node *node)
{
    bool by_name;
    if (node->op != OP_NEGATE)
        return false;
    const Node *x = &w->graph->nodes[shown(w, node->operand[0], &by_name)];
    return !by_name && level_of(x) < LEVEL_POWER && x->op != OP_MULTIPLY;
}

static bool needs_parentheses(const Writer *w, const Node *parent, int which)
{
    bool by_name;
    const Node *child = &w->graph->nodes[shown(w, parent->operand[which], &by_name)];
    Level level = level_of(child);
    bool is_product = child->op == OP_MULTIPLY;
    if (by_name)
        return false;
    switch (parent->op) {
    case OP_ADD: return false;
    case OP_SUBTRACT: return which == 1 && level <= LEVEL_SUM;
    case OP_NEGATE: return level <= LEVEL_SUM || level == LEVEL_UNARY;
    case OP_MULTIPLY:
        if (which == 0)
            return (level < LEVEL_UNARY && !is_product) || is_loose_negation(w, child);
        return level < LEVEL_POWER && (!is_product || leading_sign(w, parent->operand[1]) != NONE);
    case OP_DIVIDE: return which == 0 ? (level < LEVEL_UNARY && !is_product) || is_loose_negation(w, child) : level < LEVEL_POWER;
    case OP_RECIPROCAL: case OP_CONTRACT: return level < LEVEL_POWER;
    case OP_POWER: case OP_SQUARE: return level < LEVEL_ATOM;
    default: return false;
    }
}

static void write_part(Writer *w, const Node *parent, int which)
{
    write_operand(w, parent->operand[which], needs_parentheses(w, parent, which));
}

/* Is this the node whose sign was written already? */
static bool takes_no_sign(Writer *w, const Node *node)
{
    if (w->unsigned_node == NONE || node != &w->graph->nodes[w->unsigned_node])
        return false;
    w->unsigned_node = NONE;
    return true;
}

static void write_sum(Writer *w, const Node *node)
{
    bool minus = node->op == OP_SUBTRACT;
    write_part(w, node, 0);
    w->unsigned_node = leading_sign(w, node->operand[1]);
    text_add(w->out, minus == (w->unsigned_node != NONE) ? " + " : " - ");
    write_part(w, node, 1);
}

/* The row's formula from ops.def with its operands put in. */
static void write_pointwise(Writer *w, const Node *node)
{
    const char *formula = op_info[node->op].formula;
    for (const char *c = formula + takes_no_sign(w, node); *c; c++) {
        if (!strncmp(c, "+ $a", 4) && (w->unsigned_node = leading_sign(w, node->operand[0])) != NONE)
            text_add(w->out, "-");      /* log(1 - x), not log(1 + -x) */
        else if (*c == '$')
            write_part(w, node, *++c - 'a');
        else
            text_add_bytes(w->out, c, 1);
    }
}

static void write_axes(Writer *w, uint32_t axes, Type type)
{
    if (axes == (((1u << type.rank) - 1) << 1 | type.per_row))
        return;
    for (int axis = 0; axis <= MAX_RANK; axis++)
        if (axes >> axis & 1)
            text_print(w->out, axis == 0 ? "_batch" : "_%d", axis);
}

/* Two letters each, one of them folded: a matrix product, the batch being rows like others. Sets who is left and who is
 * transposed. Vectors have one letter. */
static bool is_matrix_product(const char *letters, int *left, bool transposed[2])
{
    char side[2][MAX_RANK + 2] = {"", ""};
    const char *comma = strchr(letters, ','), *arrow = strstr(letters, "->"), *result = arrow + 2;
    if (comma - letters > 2 || arrow - comma - 1 > 2 || comma == letters || arrow == comma + 1)
        return false;
    memcpy(side[0], letters, (size_t)(comma - letters));
    memcpy(side[1], comma + 1, (size_t)(arrow - comma - 1));
    char folded = 0;
    for (const char *c = side[0]; *c; c++)
        if (strchr(side[1], *c)) {
            if (folded || strchr(result, *c))
                return false;
            folded = *c;
        }
    if (!folded || strlen(result) != strlen(side[0]) + strlen(side[1]) - 2)
        return false;
    *left = *result && strchr(side[1], *result) ? 1 : 0;
    for (int i = 0; i < 2; i++) {
        bool is_left = i == *left;
        transposed[i] = side[i][1] && side[i][is_left ? 0 : 1] == folded;
    }
    return true;
}

static void write_contraction(Writer *w, const Node *node)
{
    int left;
    bool transposed[2];
    if (!is_matrix_product(node->attributes.letters, &left, transposed)) {
        text_add(w->out, "contract(");
        write_operand(w, node->operand[0], false);
        text_add(w->out, ", ");
        write_operand(w, node->operand[1], false);
        text_print(w->out, ", \"%s\")", node->attributes.letters);
        return;
    }
    for (int i = 0; i < 2; i++) {
        int which = i == 0 ? left : 1 - left;
        bool by_name;
        const Node *child = &w->graph->nodes[shown(w, node->operand[which], &by_name)];
        bool open = transposed[which] ? !by_name && level_of(child) < LEVEL_ATOM : needs_parentheses(w, node, which);
        text_add(w->out, i ? " · " : "");
        write_operand(w, node->operand[which], open);
        text_add(w->out, transposed[which] ? "ᵀ" : "");
    }
}

static void write_leaf(Writer *w, const Node *node)
{
    const Attributes *a = &node->attributes;
    switch (node->op) {
    case OP_INPUT:
    case OP_PARAMETER:
    case OP_STATE: text_add(w->out, escaped(w->scratch, w->graph->leaves[a->leaf].name)); return;
    case OP_CONSTANT: text_add(w->out, plain_number(w->scratch, takes_no_sign(w, node) ? -a->value : a->value)); return;
    case OP_TABLE:
        for (int64_t i = 0; i < element_count(a->type) && i < 6; i++)
            text_print(w->out, "%s%s", i ? ", " : "[", plain_number(w->scratch, a->table[i]));
        text_add(w->out, element_count(a->type) > 6 ? ", …]" : "]");
        return;
    case OP_ROW_MASK: text_add(w->out, "mask"); return;
    default: text_add(w->out, op_info[node->op].formula[0] ? op_info[node->op].formula : op_info[node->op].name); return;
    }
}

static const char *label_of(Writer *w, NodeId node)
{
    if (!w->label[node])
        w->label[node] = new_label(w, node);
    return w->label[node];
}

/* h[t-1], and what closes it, scan(next, from initial): h at each time, given that it was `initial` before the first one. */
static void write_recurrence(Writer *w, const Node *node)
{
    const Attributes *a = &node->attributes;
    if (node->op == OP_PREVIOUS) {
        text_print(w->out, "%s[t%c1]", label_of(w, w->scan[a->loop]), a->backward ? '+' : '-');
        return;
    }
    text_add(w->out, "scan(");
    write_operand(w, node->operand[0], false);
    text_add(w->out, ", from ");
    write_operand(w, w->graph->nodes[previous_of(w->graph, a->loop)].operand[0], false);
    text_add(w->out, ")");
}

/* name(operand, …) for what has no shorter way of being written */
static void write_move(Writer *w, const Node *node)
{
    const Attributes *a = &node->attributes;
    bool is_transpose = node->op == OP_PERMUTE && node->type.rank == 2;
    text_print(w->out, "%s(", is_transpose ? "transpose" : op_info[node->op].name);
    write_operand(w, node->operand[0], false);
    switch (node->op) {
    case OP_RESHAPE: text_print(w->out, ", %s", shape_text(w->scratch, node->type)); break;
    case OP_PERMUTE:
        for (int d = 0; d < node->type.rank && !is_transpose; d++)
            text_print(w->out, ", %d", a->order[d]);
        break;
    case OP_SLICE:                      /* as x:slice(axis, first, last) */
        text_print(w->out, ", %d, %" PRId64 ", %" PRId64, a->axis, a->from + 1, a->to);
        break;
    case OP_PAD:
        text_print(w->out, ", %d, %" PRId64 ", %" PRId64 ", %s", a->axis, a->from, a->to, plain_number(w->scratch, a->value));
        break;
    case OP_UNFOLD: text_print(w->out, ", %d, %" PRId64 ", %" PRId64, a->axis, a->window, a->stride); break;
    case OP_CONCAT:
        text_add(w->out, ", ");
        write_operand(w, node->operand[1], false);
        text_print(w->out, ", %d", a->axis);
        break;
    case OP_GATHER: case OP_SCATTER_ADD:
        text_add(w->out, ", ");
        write_operand(w, node->operand[1], false);
        text_print(w->out, ", \"%s\"", a->letters);
        break;
    default: break;
    }
    text_add(w->out, ")");
}

static void write_formula(Writer *w, NodeId id)
{
    const Node *node = &w->graph->nodes[id];
    switch (op_info[node->op].class) {
    case LEAF: case RANDOM: write_leaf(w, node); return;
    case REDUCE:
        if (node->op == OP_SCATTER_ADD) {
            write_move(w, node);
            return;
        }
        text_add(w->out, op_info[node->op].name);
        if (node->op != OP_FOLD)
            write_axes(w, node->attributes.axes, w->graph->nodes[node->operand[0]].type);
        text_add(w->out, "(");
        write_operand(w, node->operand[0], false);
        text_add(w->out, ")");
        return;
    case CONTRACT: write_contraction(w, node); return;
    case POINTWISE:
        if (node->op == OP_ADD || node->op == OP_SUBTRACT)
            write_sum(w, node);
        else
            write_pointwise(w, node);
        return;
    case LOOP: write_recurrence(w, node); return;
    case MOVE: case EFFECT: write_move(w, node); return;
    }
}

static void write_operand(Writer *w, NodeId node, bool parentheses)
{
    bool by_name;
    node = shown(w, node, &by_name);
    if (by_name) {
        text_add(w->out, w->label[node]);
        return;
    }
    text_add(w->out, parentheses ? "(" : "");
    write_formula(w, node);
    text_add(w->out, parentheses ? ")" : "");
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

typedef struct Line { const char *name; NodeId node; bool names_it; } Line;      /* names_it: other formulas may use the name */
typedef struct Lines { Arena *arena; Line *list; int count, room; } Lines;

static bool gets_a_line(const Writer *w, NodeId id)
{
    const Origin *origin = &w->graph->nodes[id].origin;
    if (is_leaf(w->graph, id))
        return false;
    return w->label[id] || w->graph->nodes[id].op == OP_SCAN || w->uses[id] > 1 || w->size[id] == 0 || w->size[id] > LONGEST ||
           (w->lines_for_names && origin->name && !origin->rule);
}

static void count_uses(Writer *w, const Lines *lines)
{
    bool *needed = NEW(w->scratch, bool, w->graph->count + 1);
    for (int i = 0; i < lines->count; i++) {
        NodeId node = written(w->graph, lines->list[i].node);
        needed[node] = true;
        w->uses[node] += !lines->list[i].names_it;
    }
    for (NodeId id = w->graph->count - 1; id >= 0; id--) {
        const Node *node = &w->graph->nodes[id];
        for (int i = 0; needed[id] && i < op_info[node->op].arity; i++)
            needed[written(w->graph, node->operand[i])] = true;
        NodeId scan = needed[id] && node->op == OP_PREVIOUS ? w->scan[node->attributes.loop] : NONE;
        if (scan != NONE && !needed[scan]) {            /* a later node: once more from there */
            needed[scan] = true;
            id = scan + 1;
        }
    }
    for (NodeId id = 0; id < w->graph->count; id++)
        for (int i = 0; needed[id] && i < op_info[w->graph->nodes[id].op].arity; i++)
            w->uses[written(w->graph, w->graph->nodes[id].operand[i])]++;
    for (NodeId id = 0; id < w->graph->count; id++) {
        if (!needed[id] || is_leaf(w->graph, id))
            continue;
        w->size[id] = 1;
        for (int i = 0; i < op_info[w->graph->nodes[id].op].arity; i++)
            w->size[id] += w->size[written(w->graph, w->graph->nodes[id].operand[i])];
        if (gets_a_line(w, id))
            w->size[id] = 0;
    }
}

/* The line of a node that begins at `start` is complete. */
static void end_formula(Writer *w, NodeId id, size_t start)
{
    if (w->formula)
        w->formula[id] = arena_string(w->out->arena, w->out->bytes + start);
    text_add(w->out, "\n");
}

/* Defines what `root` reads by name, in order of computation; and root, where it gets a line that is not the one asked for. */
static void define_what_it_needs(Writer *w, NodeId root)
{
    bool *needed = NEW(w->scratch, bool, root + 1);
    needed[root] = true;
    for (NodeId id = root; id >= 0; id--)
        for (int i = 0; needed[id] && !(w->defined[id] && id != root) && i < op_info[w->graph->nodes[id].op].arity; i++)
            needed[written(w->graph, w->graph->nodes[id].operand[i])] = true;
    for (NodeId id = 0; id < root; id++) {
        if (!needed[id] || w->defined[id] || !gets_a_line(w, id))
            continue;
        if (!w->label[id])
            w->label[id] = new_label(w, id);
        size_t start = w->out->length;
        text_print(w->out, "%s = ", w->label[id]);
        write_formula(w, id);
        end_formula(w, id, start);
        w->defined[id] = true;
    }
}

/* The recurrences that formulas so far took earlier times of. */
static void define_recurrences(Writer *w)
{
    for (int loop = 1; loop <= w->graph->loop_count; loop++) {
        NodeId scan = w->scan[loop];
        if (scan == NONE || !w->label[scan] || w->defined[scan])
            continue;
        w->defined[scan] = true;
        define_what_it_needs(w, scan);
        size_t start = w->out->length;
        text_print(w->out, "%s = ", w->label[scan]);
        write_formula(w, scan);
        end_formula(w, scan, start);
        loop = 0;                                       /* its own formula may have named another */
    }
}

static void write_line(Writer *w, const Line *line)
{
    NodeId node = written(w->graph, line->node);
    define_what_it_needs(w, node);
    define_recurrences(w);
    bool is_definition = w->label[node] && !strcmp(w->label[node], line->name);
    bool is_itself =
        is_leaf(w->graph, node) && w->graph->nodes[node].origin.name && !strcmp(w->graph->nodes[node].origin.name, line->name);
    if (is_itself || (is_definition && w->defined[node]))
        return;
    size_t start = w->out->length;
    text_print(w->out, "%s = ", line->name);
    write_operand(w, node, false);
    end_formula(w, line->node, start);
    w->defined[node] |= is_definition;
}

static void add_line(Lines *lines, const char *name, NodeId node, bool names_it)
{
    if (node != NONE)
        ARENA_PUSH(lines->arena, lines->list, lines->count, lines->room, (Line){name, node, names_it});
}

static Lines list_lines(const Model *model, Arena *arena)
{
    Lines lines = {.arena = arena};
    for (int m = 0; m < model->metric_count; m++) {
        const Metric *metric = &model->metrics[m];
        const char *name = escaped(arena, metric->name);
        bool several = (metric->part[0] != NONE) + (metric->part[1] != NONE) + (metric->part[2] != NONE) > 1;
        for (int p = 0; p < 3; p++)
            add_line(&lines, several ? arena_print(arena, "%s, part %d", name, p + 1) : name, metric->part[p], !several);
    }
    for (int o = 0; o < model->output_count; o++)
        add_line(&lines, escaped(arena, model->outputs[o].name), model->outputs[o].node, true);
    for (int u = 0; u < model->update_count; u++) {
        const char *parameter = escaped(arena, model->graph->leaves[model->updates[u].parameter].name);
        add_line(&lines, arena_print(arena, "d loss / d %s", parameter), model->updates[u].gradient, false);
    }
    return lines;
}

static void write_lines(const Model *model, Text *out, const char **formula)
{
    Arena *scratch = arena_new();
    int count = model->graph->count;
    Writer writer = {.graph = model->graph, .scratch = scratch, .out = out, .label = NEW(scratch, const char *, count + 1),
                     .uses = NEW(scratch, int, count + 1), .size = NEW(scratch, int, count + 1),
                     .defined = NEW(scratch, bool, count + 1), .formula = formula,
                     .lines_for_names = model->kind == MODEL_TRAIN, .scan = scans_of(model->graph, scratch), .unsigned_node = NONE};
    Lines lines = list_lines(model, scratch);
    count_uses(&writer, &lines);
    for (int i = 0; i < lines.count; i++) {          /* a line's own name is the name of its node */
        NodeId node = written(model->graph, lines.list[i].node);
        if (lines.list[i].names_it && !is_leaf(model->graph, node) && !writer.label[node])
            writer.label[node] = lines.list[i].name;
    }
    for (int i = 0; i < lines.count; i++)
        write_line(&writer, &lines.list[i]);
    arena_free(scratch);
}

void dump_math(const Model *model, Text *out)
{
    write_lines(model, out, NULL);
}

const char **formulas_of(const Model *model, Arena *arena)
{
    const char **formula = NEW(arena, const char *, model->graph->count + 1);
    Text lines = text_new(arena);
    write_lines(model, &lines, formula);
    return formula;
}
