/* names.c: what things are called in the emitted text.
 *
 * Takes a plan with its kernels in order, gives every buffer, stage and kernel an identifier and every axis a letter. Names
 * come from the model where it has one (fc1_weight, logits), gradients are d_ and the name of what they belong to, and what
 * nobody named is called by its operation. Identifiers are unique in the program and keep off C's keywords, the C library's
 * names and the few that emitted programs use themselves. */
#include "kernel/kernel.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Sorted, for the reader's sake only: C's keywords and C++'s, which CUDA has, <math.h> and common library names, our own. */
static const char *const taken_by_c[] = {
    "BATCH", "COLUMNS", "FILE", "I", "INFINITY", "M_E", "M_PI", "NAN", "NULL", "ROWS", "State", "acos", "acosh", "ahead", "alignas",
    "alignof", "and", "and_eq", "are_classes", "asin", "asinh", "asm", "at", "atan", "atan2", "atanh", "auto", "bitand", "bitor",
    "blockDim", "blockIdx", "bool", "break", "case", "catch", "cbrt", "ceil", "char", "char16_t", "char32_t", "class",
    "column", "compl", "complex", "const", "const_cast", "constexpr", "continue", "copysign", "cos", "cosh", "cuda",
    "decltype", "default", "delete", "device_text", "div", "do", "double", "dynamic_cast", "else", "enum", "erf",
    "erfc", "errno", "evaluate", "exit", "exp", "exp2", "explicit", "expm1", "export", "extern", "fabs", "factor", "false",
    "fdim", "find_not_finite", "float", "floor", "fma", "fmax", "fmin", "fmod", "fold", "for", "free", "frexp",
    "friend", "from", "gamma", "goto", "gradients", "gridDim", "hypot", "if", "ilogb", "imaginary", "in_memory", "index",
    "inline", "inputs", "int", "isfinite", "isinf", "isnan", "isnormal", "j0", "j1", "jn", "kept", "kernels", "lane", "ldexp",
    "left_tile", "lgamma", "linux", "living", "log", "log10", "log1p", "log2", "logb", "long", "lr", "lrint", "lround", "main",
    "malloc", "metrics", "modf", "mutable", "namespace", "nan", "nearbyint", "new", "nextafter", "noexcept",
    "noreturn", "not", "not_eq", "nth", "nullptr", "number_kept", "operator", "or", "or_eq", "outputs", "panel", "part", "plain", "point",
    "pow", "predict", "private", "program", "protected", "public", "read", "register", "reinterpret_cast",
    "remainder", "remquo", "restrict", "return", "right_tile", "rint", "round", "row", "rows", "run", "s", "scalbn",
    "seed", "short", "side", "signbit", "signed", "signgam", "sin", "sinh", "sizeof", "sqrt", "state", "static",
    "static_assert", "static_cast", "step", "struct", "swept", "switch", "t", "tables", "tan", "tanh", "template",
    "tensors", "tgamma", "this", "threadIdx", "thread_local", "throw", "tile", "time", "train_step", "true", "trunc", "try",
    "typedef", "typeid", "typename", "typeof", "union", "unix", "unsigned", "using", "virtual", "void", "volatile",
    "warpSize", "wchar_t", "while", "why", "write", "xor", "xor_eq", "y0", "y1", "yn",
};

static bool is_taken_by_c(const char *name)
{
    for (size_t i = 0; i < sizeof taken_by_c / sizeof *taken_by_c; i++)
        if (strcmp(taken_by_c[i], name) == 0)
            return true;
    size_t length = strlen(name);                       /* sinf, expl; and the prefixes of the library and of our runtime */
    if (length > 1 && (name[length - 1] == 'f' || name[length - 1] == 'l')) {
        char stem[32];
        snprintf(stem, sizeof stem, "%.*s", (int)length - 1, name);
        for (size_t i = 0; i < sizeof taken_by_c / sizeof *taken_by_c; i++)
            if (strcmp(taken_by_c[i], stem) == 0)
                return true;
    }
    bool lower = strcmp(name, "math_errhandling") == 0;  /* macros of the C library are upper case, but this one */
    if (lower)
        return true;
    for (const char *c = name; *c; c++)
        lower |= islower((unsigned char)*c) != 0;
    if (!lower && length > 2)
        return true;
    static const char *const prefixes[] = {"nn_", "Nn", "NN_", "str", "mem", "wcs", "__", "table_", "int8_t", "int16_t", "int32_t", "int64_t", "uint"};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return name[0] == '_';
}

const char *identifier(Arena *arena, const char *name)
{
    char *out = arena_string(arena, *name ? name : "_");
    for (char *c = out; *c; c++)
        if (!isalnum((unsigned char)*c) || (unsigned char)*c > 127)
            *c = '_';
    if (strlen(out) > 60)
        out[60] = 0;
    if (isdigit((unsigned char)out[0]) || out[0] == '_')
        out = arena_print(arena, "x%s%s", isdigit((unsigned char)out[0]) ? "_" : "", out);
    return is_taken_by_c(out) ? arena_print(arena, "%s_", out) : out;
}

/* ---- names in use -------------------------------------------------------------------------------------------------- */

/* A hash table of names, open addressing; each remembers the last number that was put behind it, so that a thousand values of
 * one operation are numbered in one pass. */
typedef struct Names {
    Arena *arena;
    struct { const char *name; int last; } *entry;
    int count, size;                    /* size is a power of two, at least twice the count */
} Names;

static int slot_of(const Names *names, const char *name)
{
    unsigned hash = 2166136261u;        /* FNV-1a */
    for (const char *c = name; *c; c++)
        hash = (hash ^ (unsigned char)*c) * 16777619u;
    int slot = (int)(hash & (unsigned)(names->size - 1));
    while (names->entry[slot].name && strcmp(names->entry[slot].name, name) != 0)
        slot = (slot + 1) & (names->size - 1);
    return slot;
}

static bool in_use(const Names *names, const char *name)
{
    return names->size && names->entry[slot_of(names, name)].name;
}

static void use(Names *names, const char *name)
{
    if (2 * (names->count + 1) > names->size) {
        Names larger = {.arena = names->arena, .count = names->count, .size = names->size ? 2 * names->size : 32};
        larger.entry = arena_alloc(names->arena, sizeof *larger.entry * (size_t)larger.size);
        for (int i = 0; i < names->size; i++)
            if (names->entry[i].name)
                larger.entry[slot_of(&larger, names->entry[i].name)] = names->entry[i];
        *names = larger;
    }
    int slot = slot_of(names, name);
    names->entry[slot].name = name;
    names->entry[slot].last = 1;
    names->count++;
}

static const char *unique(Names *names, const char *wish)
{
    const char *name = wish;
    while (in_use(names, name))
        name = arena_print(names->arena, "%s_%d", wish, ++names->entry[slot_of(names, wish)].last);
    use(names, name);
    return name;
}

/* The words that two names share: equal ones, and what differs in its number only, if that is all; else those at both ends.
 * NULL: none; a NULL has none. */
static const char *in_common(Arena *arena, const char *a, const char *b)
{
    enum { MOST_WORDS = 32 };
    const char *word[2][MOST_WORDS];
    int length[2][MOST_WORDS], count[2] = {0, 0};
    if (!a || strcmp(a, b) == 0)
        return a;
    for (int i = 0; i < 2; i++)
        for (const char *c = i ? b : a; count[i] < MOST_WORDS; c++) {
            word[i][count[i]] = c;
            length[i][count[i]++] = (int)strcspn(c, "_");
            c += strcspn(c, "_");
            if (!*c)
                break;
        }
    int shorter = count[0] < count[1] ? count[0] : count[1], shared[MOST_WORDS] = {0}, front = 0;
    bool all = count[0] == count[1];
    for (int w = 0; w < shorter; w++) {                 /* shared[w]: how many letters of the word; 0: differs */
        bool equal = length[0][w] == length[1][w] && strncmp(word[0][w], word[1][w], (size_t)length[0][w]) == 0;
        int stem[2];
        for (int i = 0; i < 2; i++)
            for (stem[i] = length[i][w]; stem[i] && isdigit((unsigned char)word[i][w][stem[i] - 1]); )
                stem[i]--;
        bool numbered = stem[0] == stem[1] && strncmp(word[0][w], word[1][w], (size_t)stem[0]) == 0;
        shared[w] = equal ? length[0][w] : numbered ? stem[0] : 0;
        all &= equal || numbered;
        front += equal && front == w;
    }
    if (!all) {
        int back = 0;
        while (front + back < shorter && length[0][count[0] - 1 - back] == length[1][count[1] - 1 - back]
               && strncmp(word[0][count[0] - 1 - back], word[1][count[1] - 1 - back], (size_t)length[0][count[0] - 1 - back]) == 0)
            back++;
        for (int w = 0; w < count[0]; w++)
            shared[w] = w < front || w >= count[0] - back ? length[0][w] : 0;
    }
    Text text = text_new(arena);
    bool letters = false;
    for (int w = 0; w < count[0]; w++) {
        if (shared[w])
            text_print(&text, "%s%.*s", text.length ? "_" : "", shared[w], word[0][w]);
        letters |= shared[w] && !isdigit((unsigned char)word[0][w][0]);
    }
    return letters ? text.bytes : NULL;
}

/* What a value is called that nobody named. */
static const char *noun(Op op)
{
    switch (op) {
    case OP_ADD: case OP_SUM: return "sum";
    case OP_SUBTRACT: return "difference";
    case OP_MULTIPLY: case OP_CONTRACT: return "product";
    case OP_DIVIDE: return "quotient";
    case OP_MAX: return "largest";
    case OP_ARGMAX: return "best";
    case OP_EXP: return "power";
    case OP_LOG: case OP_LOG1P: return "logarithm";
    case OP_SQRT: return "root";
    case OP_SQUARE: return "square";
    case OP_SELECT: return "choice";
    case OP_UNIFORM: case OP_NORMAL: return "draw";
    default: return op_info[op].name;
    }
}

/* The wish for a node's name, as an identifier. */
static const char *wish_of(const Plan *plan, NodeId id, bool *named)
{
    const Graph *graph = plan->model->graph;
    const Node *node = &graph->nodes[id];
    const Origin *origin = &node->origin;
    *named = true;
    if (op_info[node->op].class == EFFECT)
        return identifier(plan->arena, arena_print(plan->arena, "new_%s", graph->leaves[node->attributes.leaf].name));
    if (node->attributes.leaf != NONE)
        return identifier(plan->arena, graph->leaves[node->attributes.leaf].name);
    if (origin->name)
        return identifier(plan->arena, origin->name);
    if (origin->gradient_of != NONE) {
        bool has;
        const char *of = wish_of(plan, origin->gradient_of, &has);
        if (has)
            return identifier(plan->arena, arena_print(plan->arena, "d_%s", of));
    }
    if (node->op == OP_DETACH) {                        /* a copy of something named: what a metric that is a parameter reads */
        const char *of = wish_of(plan, node->operand[0], named);
        if (*named)
            return identifier(plan->arena, arena_print(plan->arena, "%s_value", of));
    }
    *named = false;
    return identifier(plan->arena, noun(node->op));
}

/* "conv2" of "linear conv2" and of "max_pool2d of conv2", conv2_pool of a rule for the gradient of that; NULL: nothing has a name. */
static const char *surroundings(const Graph *graph, const Origin *origin)
{
    if (origin->rule && origin->of != NONE && graph->nodes[origin->of].origin.name)
        return graph->nodes[origin->of].origin.name;
    const char *space = origin->layer ? strrchr(origin->layer, ' ') : NULL;
    const char *dot = space ? strrchr(space, '.') : NULL;
    return dot ? dot + 1 : space ? space + 1 : NULL;
}

/* The name of the first named value that is made of it at once; NULL: there is none. */
static const char *name_of_reader(const Graph *graph, NodeId id)
{
    for (NodeId reader = id + 1; reader < graph->count; reader++)
        for (int o = 0; o < op_info[graph->nodes[reader].op].arity; o++)
            if (graph->nodes[reader].operand[o] == id && graph->nodes[reader].origin.name)
                return graph->nodes[reader].origin.name;
    return NULL;
}

/* As wish_of, for what is seen outside of its kernel: conv2_product. */
static const char *wish_for_all(const Plan *plan, NodeId id, bool *named)
{
    const Node *node = &plan->model->graph->nodes[id];
    const char *wish = wish_of(plan, id, named), *around = *named ? NULL : surroundings(plan->model->graph, &node->origin);
    if (!*named && !around)
        around = name_of_reader(plan->model->graph, id);
    return around ? identifier(plan->arena, arena_print(plan->arena, "%s_%s", around, wish)) : wish;
}

/* ---- buffers, stages, letters ---------------------------------------------------------------------------------------- */

/* Does it hold, in another layout, what the state or another buffer holds? */
static bool is_copy(const Plan *plan, int b)
{
    const NodeId node = plan->buffer[b].node;
    return plan->buffer[b].leaf == NONE && (plan->model->graph->nodes[node].attributes.leaf != NONE || plan->buffer_of[node] != b);
}

/* The first phase that computes it; PHASE_COUNT: none does. */
static PhaseId written_in(const Plan *plan, int b)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            for (int s = 0; s < plan->kernel[phase][k].stage_count; s++)
                if (plan->kernel[phase][k].stage[s].buffer == b)
                    return phase;
    return PHASE_COUNT;
}

static void name_buffers(Plan *plan, Names *names, bool plain)
{
    for (int b = 0; b < plan->buffer_count; b++) {
        Buffer *buffer = &plan->buffer[b];
        bool named;
        const char *wish = wish_for_all(plan, buffer->node, &named);
        if (named && is_copy(plan, b))
            wish = identifier(plan->arena, arena_print(plan->arena, "%s_copy", wish));
        if (named && in_use(names, wish)) {             /* dropout and batch norm: evaluation has an fc1_relu of its own */
            const PhaseId phase = written_in(plan, b);
            wish = phase == PHASE_EVALUATE ? arena_print(plan->arena, "%s_evaluated", wish)
                 : phase == PHASE_PREDICT ? arena_print(plan->arena, "%s_predicted", wish) : wish;
        }
        buffer->name = unique(names, wish);
        if (plain)
            buffer->name = arena_print(plan->arena, "%s%s", buffer->leaf == NONE ? "plain->" : "s->", buffer->name);
    }
}

typedef struct Mentions { Names *names; Plan *plan; } Mentions;

static void mention_buffer(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Mentions *m = context;
    if (!in_use(m->names, m->plan->buffer[read->buffer].name))
        unique(m->names, m->plan->buffer[read->buffer].name);
}

typedef struct Dimensions { Kernel *kernel; Plan *plan; const char *letter[MAX_AXES * 2]; } Dimensions;

static void letter_by_weight(Dimensions *d, int buffer, const Index *index)
{
    if (d->plan->buffer[buffer].leaf == NONE || d->plan->buffer[buffer].kind == BUFFER_INPUT || d->plan->buffer[buffer].rank != 2)
        return;
    static const char *const letters[] = {"j", "i"};    /* PyTorch's weight is [output j][input i] */
    int axis[2] = {plain_axis(&index[0]), plain_axis(&index[1])};
    for (int k = 0; k < 2; k++)
        if (axis[k] != NONE && !d->kernel->axis[axis[k]].batch && !d->letter[axis[k]] && axis[0] != axis[1])
            d->letter[axis[k]] = letters[k];
}

static void letter_of_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    letter_by_weight(context, read->buffer, read->index);
}

static bool letter_used(const Dimensions *d, const Names *names, const char *letter)
{
    for (int x = 0; x < d->kernel->axis_count; x++)
        if (d->letter[x] && strcmp(d->letter[x], letter) == 0)
            return true;
    char first[8], new[8];                              /* i0: where a tile begins along i; i1: where what is new in it does */
    snprintf(first, sizeof first, "%.6s0", letter);
    snprintf(new, sizeof new, "%.6s1", letter);
    const bool tiles = d->kernel->form == FORM_CONTRACTION;
    return in_use(names, letter) || (tiles && (in_use(names, first) || in_use(names, new)));
}

static void name_axes(Plan *plan, Kernel *kernel, const Names *names)
{
    Dimensions d = {.kernel = kernel, .plan = plan};
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE)
            letter_by_weight(&d, kernel->stage[s].buffer, kernel->stage[s].store);
    each_read(kernel, letter_of_read, &d);
    for (int x = 0; x < kernel->axis_count; x++)        /* two axes may have got one letter, from two weights */
        for (int y = 0; y < x; y++)
            if (d.letter[x] && d.letter[y] && strcmp(d.letter[x], d.letter[y]) == 0)
                d.letter[x] = NULL;
    for (int x = 0; x < kernel->axis_count; x++) {
        const char *wished = x == kernel->time ? "time" : d.letter[x];
        d.letter[x] = NULL;
        if (wished && !letter_used(&d, names, wished))
            d.letter[x] = wished;
        bool outer = false;
        for (int o = 0; o < kernel->outer_count; o++)
            outer |= kernel->outer[o] == x;
        static const char *const batch[] = {"b", "r", "n", "row", NULL};
        static const char *const outside[] = {"i", "j", "m", "p", "q", "u", "v", "k", "l", "n", "o", "w", "x", "y", "z", "a", "c", "d", "e", "f", "g", "h", NULL};
        static const char *const inside[] = {"k", "l", "m", "n", "i", "j", "p", "q", "u", "v", "o", "w", "x", "y", "z", "a", "c", "d", "e", "f", "g", "h", NULL};
        const char *const *pool = kernel->axis[x].batch ? batch : outer ? outside : inside;
        for (int l = 0; !d.letter[x] && pool[l]; l++)
            if (!letter_used(&d, names, pool[l]))
                d.letter[x] = pool[l];
        if (!d.letter[x])
            d.letter[x] = arena_print(plan->arena, "i%d", x);
        snprintf(kernel->axis[x].letter, sizeof kernel->axis[x].letter, "%s", d.letter[x]);
    }
}

/* ---- kernels ------------------------------------------------------------------------------------------------------------ */

/* Is it made of gradients, as an update is, and a norm that they are clipped by? */
static bool follows_gradients(const Plan *plan, NodeId node)
{
    return plan->model->graph->nodes[node].origin.rule && !is_part_of_gradient(plan->model, node);
}

static const char *main_wish(const Plan *plan, const Kernel *kernel)
{
    bool named;
    for (int pass = 0; pass < 2; pass++)
        for (int s = kernel->stage_count - 1; s >= 0; s--) {    /* the last named value that leaves the kernel, a gradient's norm if no other does */
            const char *wish = wish_of(plan, kernel->stage[s].node, &named);
            if (named && kernel->stage[s].buffer != NONE && (pass == 1 || !follows_gradients(plan, kernel->stage[s].node)))
                return wish;
        }
    for (int s = 0; s < kernel->stage_count; s++) {
        const char *wish = wish_of(plan, kernel->stage[s].node, &named);
        if (named)
            return wish;
    }
    return wish_for_all(plan, kernel->stage[kernel->stage_count - 1].node, &named);
}

static bool part_of_gradient(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (is_part_of_gradient(plan->model, kernel->stage[s].node))
            return true;
    return false;
}

/* Does it leave something of the forward graph behind, besides gradients? */
static bool leaves_forward_value(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE && !plan->model->graph->nodes[kernel->stage[s].node].origin.rule)
            return true;
    return false;
}

/* Is the whole gradient of something in it, not only what one needs? */
static bool holds_gradient(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (plan->model->graph->nodes[kernel->stage[s].node].origin.gradient_of != NONE)
            return true;
    return false;
}

/* "fc1_and_fc2" of a kernel that updates fc1.weight, fc1.bias and fc2.weight; NULL: it updates one parameter, or none */
static const char *updated_modules(const Plan *plan, const Kernel *kernel)
{
    const char *module[MAX_OPERANDS + 1];
    int modules = 0, parameters = 0;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        if (stage->buffer == NONE || plan->buffer[stage->buffer].kind != BUFFER_PARAMETER)
            continue;
        const char *leaf = plan->model->graph->leaves[plan->buffer[stage->buffer].leaf].name, *dot = strrchr(leaf, '.');
        const char *name = arena_print(plan->arena, "%.*s", (int)(dot ? dot - leaf : (long)strlen(leaf)), leaf);
        bool known = modules == MAX_OPERANDS + 1;
        for (int m = 0; m < modules; m++)
            known |= strcmp(module[m], name) == 0;
        if (!known)
            module[modules++] = name;
        parameters++;
    }
    Text text = text_new(plan->arena);
    for (int m = 0; m < modules; m++)
        text_print(&text, "%s%s", m ? "_and_" : "", identifier(plan->arena, module[m]));
    return parameters > 1 ? text.bytes : NULL;
}

static const char *kernel_wish(const Plan *plan, PhaseId phase, const Kernel *kernel)
{
    Arena *arena = plan->arena;
    const Graph *graph = plan->model->graph;
    if (kernel->form == FORM_CALL)
        return identifier(arena, arena_print(arena, "update_%s", graph->leaves[plan->model->updates[kernel->update].parameter].name));
    if (updated_modules(plan, kernel))
        return arena_print(arena, "update_%s", updated_modules(plan, kernel));
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE && plan->buffer[kernel->stage[s].buffer].kind == BUFFER_PARAMETER)
            return arena_print(arena, "update_%s", plan->buffer[kernel->stage[s].buffer].name);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE && plan->buffer[kernel->stage[s].buffer].kind == BUFFER_STATE)
            return arena_print(arena, "update_%s", plan->buffer[kernel->stage[s].buffer].name);
    if (graph->nodes[kernel->stage[0].node].op == OP_PREVIOUS)      /* the state before the first time */
        return arena_print(arena, "start_%s", plan->buffer[kernel->stage[0].buffer].name);
    const char *wish = main_wish(plan, kernel);
    if (kernel->stage_count == 1 && kernel->stage[0].buffer != NONE && is_copy(plan, kernel->stage[0].buffer))
        return arena_print(arena, "copy_%s", wish);
    bool gradient = part_of_gradient(plan, kernel), loss = computes_loss(plan, phase, kernel);
    if (phase == PHASE_TRAIN && loss)
        return gradient ? "loss_and_gradient" : "forward_loss";
    if (phase == PHASE_EVALUATE && loss)
        return "evaluate_loss";
    if (gradient && leaves_forward_value(plan, kernel) && !holds_gradient(plan, kernel))
        return arena_print(arena, "forward_%s", wish);
    if (gradient && leaves_forward_value(plan, kernel))
        return arena_print(arena, "%s_and_gradient", strncmp(wish, "d_", 2) == 0 ? wish + 2 : wish);
    if (gradient)
        return arena_print(arena, "backward_%s", strncmp(wish, "d_", 2) == 0 ? wish + 2 : wish);
    if (follows_gradients(plan, kernel->stage[0].node))
        return arena_print(arena, "update_%s", wish);
    if (phase == PHASE_EVALUATE)
        return arena_print(arena, "evaluate_%s", wish);
    return arena_print(arena, phase == PHASE_TRAIN ? "forward_%s" : "compute_%s", wish);
}

/* The gradient of a value that nobody named: d_ and what that value is called in this kernel, or as a buffer. */
static const char *gradient_wish(const Plan *plan, const Kernel *kernel, int s)
{
    NodeId of = plan->model->graph->nodes[kernel->stage[s].node].origin.gradient_of;
    if (of == NONE)
        return NULL;
    for (int earlier = 0; earlier < s; earlier++)
        if (kernel->stage[earlier].node == of)
            return arena_print(plan->arena, "d_%s", kernel->stage[earlier].buffer == NONE ? kernel->stage[earlier].name
                                                                                          : plan->buffer[kernel->stage[earlier].buffer].name);
    int buffer = plan->buffer_of[of];
    return arena_print(plan->arena, "d_%s", buffer != NONE && plan->buffer[buffer].name ? plan->buffer[buffer].name : noun(plan->model->graph->nodes[of].op));
}

/* `wish`, or that with a number, for the stage. */
static void name_stage(Names *names, Stage *stage, const char *wish)
{
    stage->name = unique(names, wish);
    while (stage->fold == FOLD_ARGMAX && in_use(names, arena_print(names->arena, "%s_value", stage->name)))
        stage->name = unique(names, wish);              /* its largest value is called so in the text */
    if (stage->fold == FOLD_ARGMAX)
        use(names, arena_print(names->arena, "%s_value", stage->name));
}

static void name_stages(Plan *plan, Kernel *kernel)
{
    Names names = {.arena = plan->arena};
    each_read(kernel, mention_buffer, &(Mentions){&names, plan});
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE && !in_use(&names, plan->buffer[kernel->stage[s].buffer].name))
            unique(&names, plan->buffer[kernel->stage[s].buffer].name);
    for (int s = 0; s < kernel->stage_count; s++) {
        Stage *stage = &kernel->stage[s];
        bool named;
        const char *wish = wish_of(plan, stage->node, &named);
        const char *gradient = named ? NULL : gradient_wish(plan, kernel, s);
        if (gradient)
            wish = identifier(plan->arena, gradient);
        if (stage->buffer != NONE)                      /* its sum while it grows; the value itself has the buffer's name */
            wish = stage->fold == FOLD_MAX ? "largest" : stage->fold == FOLD_ARGMAX ? "best" : "sum";
        name_stage(&names, stage, wish);
    }
    name_axes(plan, kernel, &names);
}

/* ---- functions that several kernels call ------------------------------------------------------------------------------ */

/* A gradient comes in from the result and goes out to the operand. */
static const char *role_of_array(const Plan *plan, const Kernel *kernel, int array, int buffer)
{
    bool written = writes(kernel, array, buffer);
    if (plan->buffer[buffer].is_gradient)
        return written ? "d_operand" : "d_result";
    return written ? "result" : "operand";
}

/* What the users call by different names is called by what these have in common: linear1_weight and linear2_weight linear_weight.
 * Where that is nothing, or the same for two arrays, it is called by its role. */
static void name_for_all(Plan *plan, Kernel *first)
{
    Arena *arena = plan->arena;
    int count;
    const int *arrays = arrays_of(plan, first, arena, &count);
    const char **name = NEW(arena, const char *, count + 1), **local = NEW(arena, const char *, first->stage_count + 1);
    bool differ = false;
    for (int i = 0; i < count; i++)
        name[i] = plan->buffer[arrays[i]].name;
    for (int s = 0; s < first->stage_count; s++)
        local[s] = first->stage[s].name;
    for (const Kernel *user = first->next_user; user; user = user->next_user) {
        const int *own = arrays_of(plan, user, arena, &count);
        for (int i = 0; i < count; i++) {
            differ |= own[i] != arrays[i];
            name[i] = in_common(arena, name[i], plan->buffer[own[i]].name);
        }
        for (int s = 0; s < first->stage_count; s++)
            local[s] = in_common(arena, local[s], user->stage[s].name);
    }
    if (!differ)
        return;
    Names names = {.arena = arena};
    const char **role = NEW(arena, const char *, count + 1);
    for (int i = 0; i < count; i++) {
        bool shared = name[i] != NULL;
        for (int other = 0; other < count && shared; other++)
            shared = other == i || !name[other] || strcmp(name[other], name[i]) != 0;
        role[i] = shared ? name[i] : role_of_array(plan, first, i, arrays[i]);
    }
    for (int i = 0; i < count; i++)
        name[i] = unique(&names, identifier(arena, role[i]));
    for (int s = 0; s < first->stage_count; s++)
        name_stage(&names, &first->stage[s], identifier(arena, local[s] ? local[s] : "value"));
    first->array_name = name;
    name_axes(plan, first, &names);
}

const char *array_name(const Plan *plan, const Kernel *kernel, int buffer)
{
    if (!kernel->array_name)
        return plan->buffer[buffer].name;
    int count;
    const int *arrays = arrays_of(plan, kernel, plan->arena, &count);
    for (int i = 0; i < count; i++)
        if (arrays[i] == buffer)
            return kernel->array_name[i];
    bug("%s takes no array %s", kernel->name, plan->buffer[buffer].name);
}

/* The function of the kernel and of those of its phase that call it too: forward_linear1_relu and forward_linear2_relu call
 * forward_linear_relu. */
static const char *function_wish(const Plan *plan, PhaseId phase, const Kernel *kernel)
{
    const char *wish = kernel_wish(plan, phase, kernel);
    const Kernel *end = plan->kernel[phase] + plan->kernel_count[phase];
    for (const Kernel *user = kernel->next_user; user && user >= plan->kernel[phase] && user < end; user = user->next_user) {
        const char *both = in_common(plan->arena, wish, kernel_wish(plan, phase, user));
        if (both && strchr(both, '_'))                  /* more than "forward"; a last layer with a name of its own does not count */
            wish = both;
    }
    return wish;
}

void name_plan(Plan *plan)
{
    Names state = {.arena = plan->arena}, functions = {.arena = plan->arena};
    name_buffers(plan, &state, false);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            name_stages(plan, &plan->kernel[phase][k]);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            Kernel *kernel = &plan->kernel[phase][k];
            if (kernel->same_as != NONE)
                continue;
            kernel->name = unique(&functions, function_wish(plan, phase, kernel));
            for (Kernel *user = kernel->next_user; user; user = user->next_user)
                user->name = kernel->name;
            name_for_all(plan, kernel);
        }
    if (plan->plain) {                                  /* the same leaves, by the names that they have in the state */
        Plan *plain = plan->plain;
        Names names = {.arena = plan->arena};
        for (int b = 0; b < plain->buffer_count; b++)
            if (plain->buffer[b].leaf != NONE && plan->buffer_of[plain->buffer[b].node] == NONE)
                bug("a leaf of the plain graph is not in the state");
        name_buffers(plain, &names, true);
        for (int b = 0; b < plain->buffer_count; b++)
            if (plain->buffer[b].leaf != NONE)
                plain->buffer[b].name = arena_print(plan->arena, "s->%s", plan->buffer[plan->buffer_of[plain->buffer[b].node]].name);
        for (int k = 0; k < plain->kernel_count[PHASE_TRAIN]; k++) {
            name_stages(plain, &plain->kernel[PHASE_TRAIN][k]);
            plain->kernel[PHASE_TRAIN][k].name = "plain";
        }
    }
}
