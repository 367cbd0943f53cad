/* emit_finite.c: find_not_finite, the function that says where a NaN or an infinity came from.
 *
 * Fused kernels keep few intermediate values, so the emitted program carries its forward and backward graph a second time:
 * plan->plain, one plain loop nest an operation, every value kept. It runs once, on the batch that went wrong: the one whose loss
 * is not finite, or, where a parameter is not (runtime/repeat.c), the one whose gradient made it so.
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

/* Operations whose result is finite when their operands are: no test is needed after them. */
static bool keeps_finite(Op op)
{
    switch (op) {
    case OP_NEGATE: case OP_ABS: case OP_SIGN: case OP_FLOOR: case OP_SIN: case OP_COS: case OP_ATAN: case OP_TANH: case OP_ERF:
    case OP_RELU: case OP_SIGMOID: case OP_FLOAT: case OP_DETACH: case OP_MAXIMUM: case OP_MINIMUM: case OP_SELECT: case OP_MAX:
        return true;
    default:
        return op_info[op].class == MOVE || op_info[op].class == RANDOM || op_is_comparison(op);
    }
}

/* By node: must it be looked at? Not if it cannot be the first that is not finite, nor if infinities in it are meant. */
static bool *mark_tested(const Graph *graph, Arena *arena)
{
    const bool *intended = mark_intended(graph, arena);
    bool *tested = NEW(arena, bool, graph->count);
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        bool operands_finite = true;
        for (int o = 0; o < op_info[node->op].arity; o++)
            operands_finite = operands_finite && !intended[node->operand[o]];
        tested[id] = node->type.scalar == FLOAT && !intended[id] && !(operands_finite && keeps_finite(node->op));
    }
    return tested;
}

/* What a message calls the tensor: by its name, else by its layer. */
static const char *node_name(const Plan *plan, NodeId id)
{
    const Origin *origin = &plan->model->graph->nodes[id].origin;
    if (is_part_of_gradient(plan->model, id))
        return plain_member(plan->buffer[plan->buffer_of[id]].name);      /* d_fc1 */
    return origin->name ? origin->name : origin->layer ? origin->layer : plain_member(plan->buffer[plan->buffer_of[id]].name);
}

static const char *precision_name(const Plan *plan)
{
    return plan->model->precision == F64 ? "NN_F64" : "NN_F32";
}

static void emit_test(const Plan *plan, const Buffer *buffer, const char *tensor, const char *operation, Place place, Text *out)
{
    int64_t count = buffer->bytes / (buffer->scalar == INT || plan->model->precision == F32 ? 4 : 8);
    text_print(out, "    if (!nn_all_finite(%s%s, %lld, %s))\n", buffer->rank == 0 ? "&" : "", buffer->name, (long long)count,
               precision_name(plan));
    text_print(out, "        return found(culprit, %s, %s, ", c_string(out->arena, tensor), c_string(out->arena, operation));
    text_print(out, "%s, %d);\n", c_string(out->arena, shown_path(place.file ? place.file : plan->model->path)), place.line);
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

static void emit_operation(const Plan *plain, const Kernel *kernel, const bool *tested, Text *out)
{
    const Stage *stage = &kernel->stage[kernel->stage_count - 1];
    const Node *node = &plain->model->graph->nodes[stage->node];
    const char *operation = op_info[node->op].name;
    Text comment = text_new(out->arena);
    if (node->origin.name || node->origin.layer || is_part_of_gradient(plain->model, stage->node))
        text_print(&comment, "%s: ", node_name(plain, stage->node));
    text_add(&comment, operation);
    if (node->origin.place.file)
        text_print(&comment, ", %s", place_text(out->arena, node->origin.place));
    text_add(out, "\n");
    comment_line(out, 4, comment.bytes);
    emit_loops(plain, kernel, out);
    if (tested[stage->node])
        emit_test(plain, &plain->buffer[stage->buffer], node_name(plain, stage->node), operation, node->origin.place, out);
}

/* The operation, four columns further in where it runs in a loop over time. */
static void emit_in_region(const Plan *plain, int k, const bool *tested, Text *out)
{
    const Kernel *kernels = plain->kernel[PHASE_TRAIN];
    if (kernels[k].region == NONE) {
        emit_operation(plain, &kernels[k], tested, out);
        return;
    }
    if (opens_region(kernels, 0, k)) {
        text_add(out, "\n");
        open_region(plain, &kernels[k], out);
    }
    Text lines = text_new(out->arena);
    emit_operation(plain, &kernels[k], tested, &lines);
    for (const char *line = lines.bytes, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        text_print(out, "%s%.*s\n", end > line ? "    " : "", (int)(end - line), line);
    }
    if (closes_region(kernels, plain->kernel_count[PHASE_TRAIN], k))
        text_add(out, "    }\n");
}

/* The names that loops use for what a kernel would get as parameters. */
static void emit_locals(const Plan *plan, const char *body, Text *out)
{
    const char *real = real_type(plan, FLOAT);
    const struct { const char *name, *declaration; } locals[] = {
        {"s", is_state_allocated(plan) ? "const struct State *s = state;" : "const struct State *s = &state;"},
        {"rows", "const int rows = step->rows;"},
        {"lr", arena_print(out->arena, "const %s lr = step->lr;", real)},
        {"swept", arena_print(out->arena, "const %s swept = step->swept;", real)},
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
    const bool *tested = mark_tested(plan->model->graph, out->arena);
    section(out, "where a number stopped being finite");
    bool has_members = false;
    for (int b = 0; b < plain->buffer_count; b++)
        has_members = has_members || is_plain(&plain->buffer[b]);

    text_add(out, "\n/* Never runs while training goes well. When a loss is not finite, this computes the batch's forward and backward pass\n"
                  " * again, one operation at a time, and names the first tensor that holds a NaN or an infinity. */\n");
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
    for (int k = 0; k < plain->kernel_count[PHASE_TRAIN]; k++)
        emit_in_region(plain, k, tested, &body);
    text_add(out, "\nNN_RARELY bool find_not_finite(const NnStep *step, NnCulprit *culprit)\n{\n");
    emit_locals(plan, body.bytes, out);
    text_add(out, body.bytes);
    text_add(out, "    return false;\n}\n");
}
