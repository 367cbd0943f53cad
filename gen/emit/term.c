/* term.c: the scalar expressions of kernels as text.
 *
 * Parentheses are written only where the reader (or C) needs them: each operation's row in ops.def says how tightly it binds.
 * Loops over a single element are not written, so their axis is 0. */
#include "emit/emit_parts.h"
#include "emit/term.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *bound(const Writing *w, const char *text, Binding own, Binding around)
{
    return own < around ? arena_print(w->arena, "(%s)", text) : text;
}

/* Where to break: of the spaces within `room`, the last at the smallest depth of parentheses, sums before products. 0: nowhere. */
static size_t break_at(const char *expression, size_t room)
{
    size_t best = 0;
    int depth = 0, loosest = 1000;
    for (size_t i = 0; expression[i] && i <= room; i++) {
        depth += (expression[i] == '(' || expression[i] == '[') - (expression[i] == ')' || expression[i] == ']');
        bool before_operator = i > 0 && expression[i] == ' ' && expression[i + 1] && strchr("+-*/?:=&<>{", expression[i + 1]);
        bool after_comma = i > 0 && expression[i] == ' ' && expression[i - 1] == ',';
        int tightness = 2 * depth + (before_operator && strchr("*/", expression[i + 1]));
        if ((before_operator || after_comma) && tightness <= loosest && i > room / 4) {
            loosest = tightness;
            best = i;
        }
    }
    for (size_t i = room; best == 0 && i > 0 && strlen(expression) > room; i--)
        if (expression[i] == ' ')
            best = i;
    return best;
}

void add_wrapped(Text *text, const char *expression, const char *margin, size_t indent, size_t spare)
{
    for (;;) {
        size_t column = text_column(text), room = column + spare < LINE ? LINE - column - spare : 0, length = strlen(expression);
        size_t at = length <= room ? 0 : break_at(expression, room);
        if (at == 0) {
            text_add(text, expression);
            return;
        }
        text_add_bytes(text, expression, at);
        text_print(text, "\n%s%*s", margin, (int)(indent - strlen(margin)), "");
        expression += at + 1;
    }
}

const char *axis_extent(const Writing *w, int axis)
{
    const Axis *a = &w->kernel->axis[axis];
    return a->batch && a->extent == w->plan->model->batch ? "BATCH" : arena_print(w->arena, "%lld", (long long)a->extent);
}

const char *index_text(const Writing *w, const Index *index, Binding around)
{
    Text text = text_new(w->arena);
    int64_t constant = index->constant;
    int terms = 0;
    for (int t = 0; t < index->count; t++) {
        const Axis *axis = &w->kernel->axis[index->term[t].axis];
        int64_t factor = index->term[t].factor;
        if (axis->extent == 1)
            continue;
        if (terms++)
            text_add(&text, factor < 0 ? " - " : " + ");
        else if (factor < 0)
            text_add(&text, "-");
        if (factor != 1 && factor != -1)
            text_print(&text, w->formula ? "%lld " : "%lld * ", (long long)(factor < 0 ? -factor : factor));
        if (w->picks_kept && index->term[t].axis == w->kernel->kept.axis)
            text_print(&text, "kept[%s]", axis->letter);
        else if (w->pads_columns && index->term[t].axis == w->kernel->choice.column)
            text_print(&text, "NN_LEAST(%s, %lld)", axis->letter, (long long)axis->extent - 1);
        else
            text_add(&text, axis->letter);
    }
    if (!terms)
        text_print(&text, "%lld", (long long)constant);
    else if (constant)
        text_print(&text, " %c %lld", constant < 0 ? '-' : '+', (long long)(constant < 0 ? -constant : constant));
    Binding own = !terms || (terms == 1 && !constant && index->term[0].factor == 1) ? BIND_ATOM
                : terms == 1 && !constant ? BIND_PRODUCT : BIND_SUM;
    const char *whole = text.bytes;
    if (index->divisor != 1) {
        whole = arena_print(w->arena, own < BIND_PRODUCT ? "(%s) / %lld" : "%s / %lld", whole, (long long)index->divisor);
        own = BIND_PRODUCT;
    }
    if (index->modulus) {
        whole = arena_print(w->arena, own < BIND_PRODUCT ? "(%s) %% %lld" : "%s %% %lld", whole, (long long)index->modulus);
        own = BIND_PRODUCT;
    }
    return bound(w, whole, own, around);
}

/* `place`: what stands for the index that is looked up. */
static const char *indexed(const Writing *w, const char *name, const Index *index, const Term *place, const Buffer *buffer, int rank)
{
    Text text = text_new(w->arena);
    text_add(&text, name);
    for (int d = 0; d < rank; d++) {
        const int dimension = buffer ? buffer->order[d] : d;
        const Index moved = buffer ? index_shift(index[dimension], buffer->before[dimension]) : index[dimension], *at = &moved;
        const char *one = at->looked_up ? term_text(w, place, BIND_CHOICE) : index_text(w, at, BIND_CHOICE);
        if (w->formula)
            text_print(&text, "%s%s%s", d == 0 ? "[" : ",", one, d == rank - 1 ? "]" : "");
        else
            text_print(&text, "[%s]", one);
    }
    return text.bytes;
}

const char *local_text(const Writing *w, const Stage *stage, const Index *inner, const Term *place)
{
    Index index[MAX_AXES * 2];
    int count = 0;
    for (int o = 0; o < w->kernel->outer_count && !stage->after && !stage->folds_outer; o++)
        if (w->kernel->axis[w->kernel->outer[o]].extent > 1)
            index[count++] = index_axis(w->kernel->outer[o]);
    for (int i = 0; i < stage->inner_count; i++)
        index[count++] = inner[i];
    return indexed(w, stage->name, index, place, NULL, count);
}

static bool written_here(const Writing *w, int buffer)
{
    for (int s = 0; s < w->kernel->stage_count; s++)
        if (w->kernel->stage[s].buffer == buffer)
            return true;
    return false;
}

const char *access_text(const Writing *w, int buffer, const Index *index, const Term *place)
{
    const Buffer *b = &w->plan->buffer[buffer];
    const char *name = array_name(w->plan, w->kernel, buffer);
    if (w->formula && strchr(name, '>'))
        name = strchr(name, '>') + 1;
    if (b->rank == 0) {                                 /* on a GPU a scalar that is read is a pointer too */
        const bool is_pointer = w->in_function && (w->plan->target == TARGET_CUDA || written_here(w, buffer));
        return is_pointer && !w->formula ? arena_print(w->arena, "*%s", name) : name;
    }
    if (!w->element)
        return indexed(w, name, index, place, w->formula ? NULL : b, b->rank);
    Text text = text_new(w->arena);
    text_print(&text, "(&%s", name);
    for (int d = 0; d < b->rank; d++)
        text_add(&text, "[0]");
    text_print(&text, ")[%s]", w->element);
    return text.bytes;
}

static const char *literal(const Writing *w, double value, Scalar scalar)
{
    if (w->formula || scalar == INT) {
        const char *text = number(w->arena, value, w->plan->model->precision == F64);
        size_t length = strlen(text);
        if (length > 2 && strcmp(text + length - 2, ".0") == 0)
            return arena_print(w->arena, "%.*s", (int)length - 2, text);
        return text;
    }
    if (isinf(value) || (w->plan->model->precision == F32 && isinf((float)value)))
        return value < 0 ? "-INFINITY" : "INFINITY";
    if (value == floor(value) && fabs(value) < 1e6)     /* 1.0f / rows is a division of floats, 2 * x needs no suffix */
        return arena_print(w->arena, "%.1f%s", value, w->plan->model->precision == F32 ? "f" : "");
    return arena_print(w->arena, "%s%s", number(w->arena, value, w->plan->model->precision == F64),
                       w->plan->model->precision == F32 ? "f" : "");
}

/* Is the C text an int? Comparisons, row counts and indices are; two of them must not be divided or multiplied as such. */
static bool is_int_text(const Term *term)
{
    if (term->kind == TERM_SYMBOL)
        return term->op == OP_ROWS || term->op == OP_STEP;
    if (term->kind != TERM_APPLY)
        return term->scalar == INT;
    if (op_is_comparison(term->op))
        return true;
    switch (term->op) {
    case OP_NEGATE: case OP_DETACH:
        return is_int_text(term->operand[0]);
    case OP_ADD: case OP_SUBTRACT: case OP_MULTIPLY: case OP_SQUARE:
        return is_int_text(term->operand[0]) && (!term->operand[1] || is_int_text(term->operand[1]));
    case OP_SELECT:
        return is_int_text(term->operand[1]) && is_int_text(term->operand[2]);
    default:
        return term->scalar == INT;
    }
}

static bool needs_cast(const Writing *w, const Term *term)
{
    bool arithmetic = term->op == OP_DIVIDE || term->op == OP_MULTIPLY || term->op == OP_SQUARE || term->op == OP_ADD || term->op == OP_SUBTRACT;
    return !w->formula && arithmetic && is_int_text(term->operand[0]) && (!term->operand[1] || is_int_text(term->operand[1]));
}

/* Does the C text read as a condition by itself? Arithmetic does not, and gcc warns of it. */
static bool is_condition(const Term *term)
{
    return term->kind == TERM_APPLY ? op_is_comparison(term->op) : term->kind == TERM_READ || term->kind == TERM_STAGE;
}

static void find_float_read(Term *term, void *context)
{
    *(bool *)context |= term->kind == TERM_READ && term->scalar == FLOAT;
}

static void find_guard(Term *term, void *context)
{
    *(bool *)context |= term->kind == TERM_INSIDE;
}

/* In lanes a choice takes both values: what only one branch would read would make it a branch. So it does of a sum whose elements are
 * guarded, which compilers leave alone, outside of lanes: there a branch would be on chance (backward of a max-pool of 3 x 3 windows
 * two apart, then relu: 700 or 190 µs). */
static bool takes_both(const Writing *w, const Term *term)
{
    bool both = false;
    for (int o = 1; o < 3 && term->op == OP_SELECT && term->scalar == FLOAT && !w->formula && w->plan->mode == KERNELS_FUSED; o++) {
        const Term *value = term->operand[o];
        each_term(term->operand[o], find_float_read, &both);
        if (value->kind == TERM_STAGE && w->kernel->stage[value->stage].fold != FOLD_NONE)
            each_term(w->kernel->stage[value->stage].term, find_guard, &both);
    }
    return both;
}

/* [r > 0] of an r = max(0, a) that is a local: the same comparison as in r, !(a <= 0), which a compiler then makes once (1.06 for
 * 1.38 µs). A NaN's gradient passes, as PyTorch's. */
static bool is_local_relu_above_zero(const Writing *w, const Term *term)
{
    const Term *of = term->operand[0], *zero = term->operand[1];
    return term->op == OP_GREATER && !w->formula && of->kind == TERM_STAGE && w->kernel->stage[of->stage].term->kind == TERM_APPLY
        && w->kernel->stage[of->stage].term->op == OP_RELU && zero->kind == TERM_NUMBER && zero->number == 0;
}

/* The operation's text with $a $b $c replaced, @ and # as the precision has them. An operand binds as tightly as the operation
 * that it stands in; the right one of a non-associative operator more tightly. */
static const char *applied(const Writing *w, const Term *term)
{
    const OpInfo *info = &op_info[term->op];
    bool f32 = w->plan->model->precision == F32;
    Text text = text_new(w->arena);
    bool inside_call = false;
    for (const char *c = w->formula ? info->formula : info->c; *c; c++) {
        if (*c == '(' || *c == '[' || *c == '|')
            inside_call = true;
        if (*c == '$') {
            int o = *++c - 'a';
            Binding around = info->binding;
            bool alone = c[1] == ')' || (c[1] == ',' && inside_call) || (info->arity == 2 && inside_call && c[1] == ']');
            if (inside_call && info->binding == BIND_ATOM)
                around = alone || info->arity == 1 ? BIND_CHOICE : BIND_PRODUCT;
            else if (o == 1 && (term->op == OP_SUBTRACT || term->op == OP_DIVIDE || term->op == OP_MULTIPLY))
                around = w->formula && term->op == OP_MULTIPLY ? BIND_ATOM : (Binding)(info->binding + 1);
            else if (op_is_comparison(term->op))
                around = BIND_SUM;          /* (a > b) == c: compilers ask for the parentheses */
            else if (term->op == OP_RECIPROCAL || term->op == OP_NEGATE || term->op == OP_SQUARE || info->binding == BIND_CHOICE)
                around = (Binding)(info->binding + 1);
            if (w->formula && (term->op == OP_SQUARE || term->op == OP_POWER))
                around = BIND_ATOM;
            if (o == 0 && term->op == OP_SELECT && !w->formula && !is_condition(term->operand[0]))
                text_print(&text, "%s != 0", term_text(w, term->operand[o], BIND_COMPARE));
            else if (o == 0 && needs_cast(w, term))
                text_print(&text, "(%s)%s", f32 ? "float" : "double", term_text(w, term->operand[o], BIND_ATOM));
            else
                text_add(&text, term_text(w, term->operand[o], around));
        } else if (*c == '@') {
            text_add(&text, f32 ? "f" : "");
        } else if (*c == '#') {
            text_add(&text, f32 ? "f" : "");
        } else {
            text_add_bytes(&text, c, 1);
        }
    }
    return text.bytes;
}

static const char *random_text(const Writing *w, const Term *term)
{
    const Node *node = &w->plan->model->graph->nodes[term->node];
    const char *kind = term->op == OP_UNIFORM ? "uniform" : "normal";
    if (w->formula)
        return arena_print(w->arena, "%s[%s]", kind, index_text(w, &term->index[0], BIND_CHOICE));
    return arena_print(w->arena, "%snn_%s(seed, %uu, (uint32_t)t, (uint64_t)(%s))", w->plan->model->precision == F32 ? "(float)" : "", kind,
                       (unsigned)node->attributes.stream, index_text(w, &term->index[0], BIND_CHOICE));
}

/* 1 for a valid row; a loop over several rows, or several runs of one, decide at run time */
static const char *mask_text(const Writing *w, const Term *term)
{
    const char *row = index_text(w, &term->index[0], BIND_SUM);
    if (w->formula)
        return arena_print(w->arena, "[%s < rows]", row);
    return arena_print(w->arena, w->plan->model->precision == F32 ? "%s < rows ? 1.0f : 0.0f" : "%s < rows ? 1.0 : 0.0", row);
}

/* `from <= i && i < to`, without the half that always holds */
static const char *inside_text(const Writing *w, const Term *term)
{
    const Index *index = &term->index[0];
    const Extremes range = extremes_of(index, w->kernel->axis);
    bool low = !is_affine(index) || range.least < term->from, high = !is_affine(index) || range.most >= term->to;
    const char *i = index_text(w, index, BIND_SUM);
    if (low && high)
        return arena_print(w->arena, "%lld <= %s && %s < %lld", (long long)term->from, i, i, (long long)term->to);
    if (low)
        return arena_print(w->arena, "%s >= %lld", i, (long long)term->from);
    return high ? arena_print(w->arena, "%s < %lld", i, (long long)term->to) : "1";
}

/* Formulas bring brackets of their own where the C text has none: [a = b], (b if a else c), x^2. */
static Binding binding_of(const Writing *w, Op op)
{
    bool closed = op == OP_SQUARE || op_info[op].formula[0] == '[' || op_info[op].formula[0] == '(';
    return w->formula && closed ? BIND_ATOM : op_info[op].binding;
}

/* The local that stands in for the text of a read; without one, that text. */
static const char *fetched(const Writing *w, const char *text)
{
    for (int f = 0; f < w->fetch_count; f++)
        if (strcmp(w->fetch[f].looked_up, text) == 0)
            return arena_print(w->arena, "%s%s", w->fetch[f].name, w->lane);
    return text;
}

const char *term_text(const Writing *w, const Term *term, Binding around)
{
    switch (term->kind) {
    case TERM_APPLY:
        if (term->op == OP_FLOAT || term->op == OP_DETACH) {
            if (term->op == OP_FLOAT && !w->formula)        /* a division of two integers would be one of integers */
                return arena_print(w->arena, "(%s)%s", w->plan->model->precision == F32 ? "float" : "double", term_text(w, term->operand[0], BIND_ATOM));
            return term_text(w, term->operand[0], around);
        }
        if (is_local_relu_above_zero(w, term))
            return bound(w, arena_print(w->arena, "!(%s <= %s)", term_text(w, term->operand[0], BIND_SUM), term_text(w, term->operand[1], BIND_SUM)),
                         BIND_UNARY, around);
        if (takes_both(w, term))
            return arena_print(w->arena, "nn_choose%s(%s%s, %s, %s)", w->plan->model->precision == F32 ? "f" : "",
                               term_text(w, term->operand[0], BIND_COMPARE), is_int_text(term->operand[0]) ? "" : " != 0",
                               term_text(w, term->operand[1], BIND_CHOICE), term_text(w, term->operand[2], BIND_CHOICE));
        return bound(w, applied(w, term), binding_of(w, term->op), around);
    case TERM_READ: {
        const char *text = fetched(w, access_text(w, term->buffer, term->index, term->operand[0]));
        return text[0] == '*' ? bound(w, text, BIND_UNARY, around) : text;
    }
    case TERM_STAGE: {
        const Stage *stage = &w->kernel->stage[term->stage];
        if (w->stage_formula && w->stage_formula[term->stage])
            return bound(w, w->stage_formula[term->stage], BIND_SUM, around);
        if (w->lanes_local && term->stage == 0)
            return arena_print(w->arena, "%s%s", stage->name, w->lanes_local);
        if (w->formula)
            return local_text(w, stage, term->index, term->operand[0]);
        const char *lane = w->in_lanes && w->in_lanes[term->stage] ? w->lane : "";
        const bool array = w->is_array && w->is_array[term->stage];
        const char *element = array ? indexed(w, stage->name, term->index, term->operand[0], NULL, term->rank) : stage->name;
        return fetched(w, arena_print(w->arena, "%s%s", element, lane));
    }
    case TERM_NUMBER: {
        const char *text = literal(w, term->number, term->scalar);
        return text[0] == '-' ? bound(w, text, BIND_UNARY, around) : text;
    }
    case TERM_TABLE:
        return indexed(w, table_name(w->plan, term->node, w->arena), term->index, term->operand[0], NULL, term->rank);
    case TERM_INDEX:
        return index_text(w, &term->index[0], around);
    case TERM_SYMBOL:
        return term->op == OP_MODE ? "training" : op_info[term->op].formula;
    case TERM_MASK:
        return bound(w, mask_text(w, term), w->formula ? BIND_ATOM : BIND_CHOICE, around);
    case TERM_RANDOM:
        return random_text(w, term);
    case TERM_INSIDE:
        return bound(w, arena_print(w->arena, w->formula ? "(%2$s if %1$s else %3$s)" : "%s ? %s : %s", inside_text(w, term),
                                    term_text(w, term->operand[0], BIND_COMPARE), term_text(w, term->operand[1], BIND_CHOICE)),
                     w->formula ? BIND_ATOM : BIND_CHOICE, around);
    }
    bug("a term of unknown kind %d", term->kind);
}
