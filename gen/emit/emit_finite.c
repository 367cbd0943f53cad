/* emit_finite.c: find_not_finite, the function that says where a NaN or an infinity came from.
 *
 * Fused kernels keep few intermediate values, so the emitted program carries its forward graph a second time: plan->plain, one
 * plain loop nest an operation, every value kept. It runs once, when a loss is not finite, on the batch that made it so.
 *
 * Infinities that the model itself put there (a constant used as a mask, the spare rows of a maximum) are no fault. What
 * only moves, chooses or adds such values is not looked at; the first operation that computes with them is. */
#include "emit/emit_parts.h"
#include <math.h>
#include <string.h>

static const char prefix[] = "plain->";

/* The buffer as a member of struct Plain: "fc1[BATCH][100]". */
static const char *plain_member(const char *declarator)
{
    return strncmp(declarator, prefix, sizeof prefix - 1) == 0 ? declarator + sizeof prefix - 1 : declarator;
}

static bool is_plain(const Buffer *buffer)
{
    return strncmp(buffer->name, prefix, sizeof prefix - 1) == 0;
}

static bool table_is_finite(const Node *node)
{
    for (int64_t i = 0; i < element_count(node->type); i++)
        if (!isfinite(node->attributes.table[i]))
            return false;
    return true;
}

/* By node: may it hold infinities that the model put there? */
static bool *mark_intended(const Graph *graph, Arena *arena)
{
    bool *intended = NEW(arena, bool, graph->count);
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        const OpClass class = op_info[node->op].class;
        if (node->op == OP_CONSTANT || node->op == OP_PAD)
            intended[id] = !isfinite(node->attributes.value);
        else if (node->op == OP_TABLE)
            intended[id] = !table_is_finite(node);
        bool passes_on = class == MOVE || node->op == OP_SELECT || node->op == OP_ADD || node->op == OP_SUBTRACT ||
                         node->op == OP_NEGATE || node->op == OP_MAXIMUM || node->op == OP_MINIMUM || node->op == OP_MAX;
        for (int o = 0; passes_on && o < op_info[node->op].arity; o++)
            intended[id] = intended[id] || intended[node->operand[o]];
    }
    return intended;
}

static const char *node_name(const Plan *plan, NodeId id)
{
    const char *name = plan->model->graph->nodes[id].origin.name;
    return name ? name : plain_member(plan->buffer[plan->buffer_of[id]].name);
}

static const char *precision_name(const Plan *plan)
{
    return plan->model->precision == F64 ? "NN_F64" : "NN_F32";
}

static void emit_test(const Plan *plan, const Buffer *buffer, const char *tensor, const char *operation, Place place, Text *out)
{
    int64_t count = 1;
    for (int d = 0; d < buffer->rank; d++)
        count *= buffer->size[d];
    text_print(out, "    if (!nn_all_finite(%s%s, %lld, %s))\n", buffer->rank == 0 ? "&" : "", buffer->name, (long long)count,
               precision_name(plan));
    text_print(out, "        return found(culprit, %s, %s, ", c_string(out->arena, tensor), c_string(out->arena, operation));
    text_print(out, "%s, %d);\n", c_string(out->arena, place.file ? place.file : plan->model->path), place.line);
}

static void emit_leaf_tests(const Plan *plain, BufferKind kind, const char *operation, Text *out)
{
    for (int b = 0; b < plain->buffer_count; b++) {
        const Buffer *buffer = &plain->buffer[b];
        if (buffer->kind != kind || buffer->leaf == NONE || buffer->scalar != FLOAT)
            continue;
        const Leaf *leaf = &plain->model->graph->leaves[buffer->leaf];
        emit_test(plain, buffer, leaf->name, operation, leaf->place, out);
    }
}

static void emit_plain_struct(const Plan *plain, Text *out)
{
    text_add(out, "static struct Plain {\n");
    for (int b = 0; b < plain->buffer_count; b++)
        if (is_plain(&plain->buffer[b]))
            text_print(out, "    %s %s;\n", real_type(plain, plain->buffer[b].scalar),
                       plain_member(buffer_declarator(plain, b, out->arena)));
    text_add(out, "} *plain;\n");
}

/* The loops, in braces if they open with a variable: its name may come again. */
static void emit_loops(const Plan *plain, const Kernel *kernel, Text *out)
{
    Text loops = text_new(out->arena);
    emit_body(plain, kernel, 4, &loops);
    const char *end = strchr(loops.bytes, '\n');
    if (!end || !end[1] || strncmp(loops.bytes, "    for", 7) == 0) {
        text_add(out, loops.bytes);
        return;
    }
    text_add(out, "    {\n");
    emit_body(plain, kernel, 8, out);
    text_add(out, "    }\n");
}

static void emit_operation(const Plan *plain, const Kernel *kernel, bool intended, Text *out)
{
    const Stage *stage = &kernel->stage[kernel->stage_count - 1];
    const Node *node = &plain->model->graph->nodes[stage->node];
    const char *operation = op_info[node->op].name;
    const char *name = node->origin.name ? arena_print(out->arena, "%s: ", node->origin.name) : "";
    const char *place = node->origin.place.file ? arena_print(out->arena, ", %s", place_text(out->arena, node->origin.place)) : "";
    text_add(out, "\n");
    comment_line(out, 4, arena_print(out->arena, "%s%s%s", name, operation, place));
    emit_loops(plain, kernel, out);
    if (stage->buffer != NONE && node->type.scalar == FLOAT && !intended)
        emit_test(plain, &plain->buffer[stage->buffer], node_name(plain, stage->node), operation, node->origin.place, out);
}

/* The names that loops use for what a kernel would get as parameters. */
static void emit_locals(const Plan *plan, const char *body, Text *out)
{
    const char *real = real_type(plan, FLOAT);
    const struct { const char *name, *declaration; } locals[] = {
        {"s", "const struct State *s = &state;"},
        {"rows", "const int rows = step->rows;"},
        {"lr", arena_print(out->arena, "const %s lr = step->lr;", real)},
        {"t", "const int64_t t = step->t;"},
        {"seed", "const uint64_t seed = step->seed;"},
    };
    bool uses_step = false;
    for (size_t i = 0; i < sizeof locals / sizeof *locals; i++)
        if (uses_name(body, locals[i].name)) {
            text_print(out, "    %s\n", locals[i].declaration);
            uses_step = uses_step || i > 0;
        }
    if (!uses_step)
        text_add(out, "    (void)step;\n");
}

void emit_find_not_finite(const Plan *plan, Text *out)
{
    const Plan *plain = plan->plain;
    const bool *intended = mark_intended(plan->model->graph, out->arena);
    section(out, "where a number stopped being finite");
    bool has_members = false;
    for (int b = 0; b < plain->buffer_count; b++)
        has_members = has_members || is_plain(&plain->buffer[b]);

    text_add(out, "\n/* Never runs while training goes well. When a loss is not finite, this computes the batch's forward pass again, one\n"
                  " * operation at a time, and names the first tensor that holds a NaN or an infinity. */\n");
    if (has_members)
        emit_plain_struct(plain, out);
    text_add(out, "\nstatic bool found(NnCulprit *culprit, const char *tensor, const char *operation, const char *file, int line)\n"
                  "{\n"
                  "    *culprit = (NnCulprit){.tensor = tensor, .operation = operation, .file = file, .line = line};\n"
                  "    return true;\n"
                  "}\n");

    Text body = text_new(out->arena);
    if (has_members)
        text_add(&body, "    if (!plain && !(plain = calloc(1, sizeof *plain)))\n"
                        "        return false;                           /* no memory: the loss alone must do */\n");
    emit_leaf_tests(plain, BUFFER_PARAMETER, "parameter", &body);
    emit_leaf_tests(plain, BUFFER_INPUT, "input", &body);
    for (int k = 0; k < plain->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plain->kernel[PHASE_TRAIN][k];
        emit_operation(plain, kernel, intended[kernel->stage[kernel->stage_count - 1].node], &body);
    }
    text_add(out, "\nstatic bool find_not_finite(const NnStep *step, NnCulprit *culprit)\n{\n");
    emit_locals(plan, body.bytes, out);
    text_add(out, body.bytes);
    text_add(out, "    return false;\n}\n");
}
