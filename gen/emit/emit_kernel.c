/* emit_kernel.c: a kernel as a C function: its parameters (what of the step it needs, the arrays it reads, those it writes), its
 * call, and the call of the runtime that a standard optimizer is in generic programs. The loops inside are emit_loops.c's. */
#include "emit/emit_parts.h"
#include "emit/term.h"
#include <math.h>
#include <string.h>

const char *real_type(const Plan *plan, Scalar scalar)
{
    return scalar == INT ? "int" : plan->model->precision == F32 ? "float" : "double";
}

const char *buffer_declarator(const Plan *plan, int buffer, Arena *arena)
{
    const Buffer *b = &plan->buffer[buffer];
    Text text = text_new(arena);
    text_add(&text, b->name);
    for (int d = 0; d < b->rank; d++) {
        const int dimension = b->order[d];
        const bool batch = dimension == 0 && plan->model->graph->nodes[b->node].type.per_row;
        text_add(&text, "[");
        if (b->before[dimension])
            text_print(&text, "%lld + ", (long long)b->before[dimension]);
        text_add(&text, batch ? "BATCH" : arena_print(arena, "%lld", (long long)b->size[dimension]));
        if (b->after[dimension])
            text_print(&text, " + %lld", (long long)b->after[dimension]);
        if (d == b->rank - 1 && b->pad)
            text_print(&text, " + %lld", (long long)b->pad);
        text_add(&text, "]");
    }
    return text.bytes;
}

/* What a kernel needs besides its arrays, and the arrays in the order of its parameters: those it reads, then those it writes. */
typedef struct Parameters {
    bool rows, lr, swept, t, seed;
    int *buffer, count, first_written;
} Parameters;

static void need_of_step(Term *term, void *context)
{
    Parameters *p = context;
    p->rows |= term->kind == TERM_MASK || (term->kind == TERM_SYMBOL && term->op == OP_ROWS);
    p->lr |= term->kind == TERM_SYMBOL && term->op == OP_RATE;
    p->swept |= term->kind == TERM_SYMBOL && term->op == OP_SWEPT;
    p->t |= term->kind == TERM_RANDOM || (term->kind == TERM_SYMBOL && term->op == OP_STEP);
    p->seed |= term->kind == TERM_RANDOM;
}

static Parameters parameters_of(const Plan *plan, const Kernel *kernel)
{
    Parameters p = {.lr = kernel->form == FORM_CALL, .t = kernel->form == FORM_CALL};
    int count;
    const int *arrays = arrays_of(plan, kernel, plan->arena, &count);
    p.buffer = NEW(plan->arena, int, count + 1);
    for (int written = 0; written < 2; written++) {
        for (int i = 0; i < count; i++)
            if (writes(kernel, i, arrays[i]) == written)
                p.buffer[p.count++] = arrays[i];
        if (!written)
            p.first_written = p.count;
    }
    for (int s = 0; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, need_of_step, &p);
    return p;
}

/* Comma-separated items, filled to the width of a line. */
static void fill(Text *out, const char *const *items, int count, size_t indent, const char *end)
{
    for (int i = 0; i < count; i++) {
        const char *after = i == count - 1 ? end : ",";
        size_t length = strlen(items[i]) + strlen(after);
        if (i && text_column(out) + 1 + length > LINE - 1)      /* the caller may add a semicolon */
            text_print(out, "\n%*s", (int)indent, "");
        else if (i)
            text_add(out, " ");
        text_print(out, "%s%s", items[i], after);
    }
}

/* On a GPU everything that a kernel reads is on the device, scalars too; and C++ has no restrict in brackets. */
static const char *parameter_text(const Plan *plan, const Kernel *kernel, int buffer, bool written)
{
    const Buffer *b = &plan->buffer[buffer];
    const bool cuda = plan->target == TARGET_CUDA;
    const char *type = real_type(plan, b->scalar), *constant = written ? "" : "const ", *name = array_name(plan, kernel, buffer);
    if (b->rank == 0 && cuda)
        return arena_print(plan->arena, "%s%s *%s", constant, type, name);
    if (b->rank == 0)
        return arena_print(plan->arena, written ? "%s *%s" : "%s %s", type, name);
    const char *declarator = buffer_declarator(plan, buffer, plan->arena), *bracket = strchr(declarator, '[');
    return arena_print(plan->arena, "%s%s %s[%s%s", constant, type, name, cuda ? "" : "restrict ", bracket + 1);
}

/* CUDA: what varies by step is read from the device, so that a captured graph never changes. */
static int device_items(const Plan *plan, const Kernel *kernel, const Parameters *p, bool call, const char **items)
{
    int count = 0;
    if (kernel->time != NONE)
        items[count++] = call ? "NN_INT(time)" : "int time";
    if (p->rows || p->lr || p->swept || p->t || p->seed)
        items[count++] = call ? "step" : "const NnDeviceStep *step";
    if (is_update(plan, kernel))
        items[count++] = call ? "&s->nn_stopped" : "const int *nn_stopped";
    return count;
}

static void emit_device_locals(const Plan *plan, const Kernel *kernel, const Parameters *p, Text *out)
{
    const char *real = real_type(plan, FLOAT);
    if (is_update(plan, kernel))
        text_add(out, "    if (*nn_stopped)\n        return;\n");
    if (p->rows)
        text_add(out, "    const int rows = step->rows;\n");
    if (p->lr)
        text_print(out, "    const %s lr = step->lr;\n", real);
    if (p->swept)
        text_print(out, "    const %s swept = step->swept;\n", real);
    if (p->t)
        text_add(out, "    const int64_t t = step->t;\n");
    if (p->seed)
        text_add(out, "    const uint64_t seed = step->seed;\n");
}

static int step_items(const Plan *plan, const Kernel *kernel, const Parameters *p, bool call, const char **items)
{
    int count = 0;
    if (kernel->time != NONE)
        items[count++] = call ? "time" : "int time";
    if (p->rows)
        items[count++] = call ? "step->rows" : "int rows";
    if (p->lr)
        items[count++] = call ? plan->model->precision == F32 ? "(float)step->lr" : "step->lr" : plan->model->precision == F32 ? "float lr" : "double lr";
    if (p->swept)
        items[count++] = !call ? arena_print(plan->arena, "%s swept", real_type(plan, FLOAT))
                       : plan->model->precision == F32 ? "(float)step->swept" : "step->swept";
    if (p->t)
        items[count++] = call ? "step->t" : "int64_t t";
    if (p->seed)
        items[count++] = call ? "step->seed" : "uint64_t seed";
    return count;
}

/* A pointer to the first element of a parameter: fc1_weight[0] of fc1_weight[100][784], &x of a scalar that is passed by value. */
static const char *first_element(const Plan *plan, const Kernel *kernel, int buffer, bool written)
{
    Text text = text_new(plan->arena);
    text_print(&text, "%s%s", plan->buffer[buffer].rank == 0 && !written ? "&" : "", array_name(plan, kernel, buffer));
    for (int d = 0; d + 1 < plan->buffer[buffer].rank; d++)
        text_add(&text, "[0]");
    return text.bytes;
}

static const char *double_literal(const Plan *plan, double value)
{
    return number(plan->arena, value, true);
}

/* The runtime's plain loop for a standard optimizer, of all elements, or on a GPU of the thread's one; the arguments are in the
 * order of optimizer.h. */
static void emit_runtime_call(const Plan *plan, const Kernel *kernel, const Parameters *p, Text *out)
{
    const Model *model = plan->model;
    const Leaf *leaf = &model->graph->leaves[model->updates[kernel->update].parameter];
    bool adam = strncmp(model->optimizer.name, "adam", 4) == 0;
    const char *items[16];
    int count = 0, flag = adam ? 4 : 2, decay = 3;
    const bool cuda = plan->target == TARGET_CUDA;
    const char *at = cuda ? " + point" : "";
    if (cuda)
        text_print(out, "    const int point = blockIdx.x * %d + threadIdx.x;\n    if (point >= %lld)\n        return;\n", kernel->launch.threads,
                   (long long)kernel->launch.points);
    items[count++] = arena_print(plan->arena, "    nn_%s_%s(%lld", adam ? "adam" : "sgd", model->precision == F32 ? "f32" : "f64",
                                 cuda ? 1 : (long long)element_count(leaf->type));
    for (int i = 1; i < p->count; i++)
        items[count++] = arena_print(plan->arena, "%s%s", first_element(plan, kernel, p->buffer[i], true), at);
    if (!adam && p->count == 2)
        items[count++] = "NULL";
    items[count++] = arena_print(plan->arena, "%s%s", first_element(plan, kernel, p->buffer[0], cuda), at);
    items[count++] = leaf->lr_factor == 1 ? "lr" : arena_print(plan->arena, "lr * %s(%s)", plan->model->precision == F32 ? "(float)" : "", double_literal(plan, leaf->lr_factor));
    items[count++] = "t";
    for (int a = 0; a < (adam ? 5 : 4); a++) {
        double value = a == decay && !isnan(leaf->weight_decay) ? leaf->weight_decay : model->optimizer.argument[a];
        items[count++] = a == flag ? (value != 0 ? "true" : "false") : double_literal(plan, value);
    }
    fill(out, items, count, 8, ");\n");
}

/* The place that a kernel is said to come from. */
static Place place_of(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++) {
        const Place place = plan->model->graph->nodes[kernel->stage[s].node].origin.place;
        if (place.file)
            return place;
    }
    return (Place){plan->model->path, 1};
}

void emit_device_name(const char *name, int64_t blocks, int threads, Place place, Text *out)
{
    const char *slash = strrchr(place.file, '/');
    text_print(out, "NN_CUDA(%s, %lld, %d, %s, %d,\nNN_GPU_KERNEL(%d) %s(", name, (long long)blocks, threads,
               c_string(out->arena, slash ? slash + 1 : place.file), place.line > 0 ? place.line : 1, threads, name);
}

void emit_kernel(const Plan *plan, const Kernel *kernel, Text *out)
{
    const bool cuda = plan->target == TARGET_CUDA;
    Parameters p = parameters_of(plan, kernel);
    const char **items = NEW(plan->arena, const char *, p.count + 6);
    int count = (cuda ? device_items : step_items)(plan, kernel, &p, false, items);
    for (int i = 0; i < p.count; i++)
        items[count++] = parameter_text(plan, kernel, p.buffer[i], i >= p.first_written);
    emit_kernel_comment(plan, kernel, out);
    if (cuda)
        emit_device_name(kernel->name, kernel->launch.blocks, kernel->launch.threads, place_of(plan, kernel), out);
    else
        text_print(out, "NN_KERNEL void %s(", kernel->name);
    size_t length = 0;
    for (int i = 0; i < count; i++)
        length += strlen(items[i]) + 2;
    if (text_column(out) + length > LINE)
        text_add(out, "\n    ");
    if (count)
        fill(out, items, count, 4, ")\n{\n");
    else
        text_add(out, "void)\n{\n");
    if (cuda)
        emit_device_locals(plan, kernel, &p, out);
    if (kernel->form == FORM_CALL)
        emit_runtime_call(plan, kernel, &p, out);
    else
        emit_body(plan, kernel, 4, out);
    text_add(out, cuda ? "})\n" : "}\n");
}

void emit_call(const Plan *plan, const Kernel *kernel, Text *out)
{
    Parameters p = parameters_of(plan, kernel);
    const char **items = NEW(plan->arena, const char *, p.count + 6);
    const bool cuda = plan->target == TARGET_CUDA;
    int count = (cuda ? device_items : step_items)(plan, kernel, &p, true, items);
    for (int i = 0; i < p.count; i++) {
        const Buffer *b = &plan->buffer[p.buffer[i]];
        const bool by_address = b->rank == 0 && (cuda || i >= p.first_written);
        items[count++] = is_constant(plan, b) ? b->name : arena_print(plan->arena, "%ss->%s", by_address ? "&" : "", b->name);
    }
    size_t indent = text_column(out) + 4;
    if (cuda)
        text_print(out, "NN_LAUNCH(%s%s", kernel->name, count ? ", " : "");
    else
        text_print(out, "%s%s(", runs_in_threads(plan, kernel) ? "NN_THREADS " : "", kernel->name);
    if (count)
        fill(out, items, count, indent, ")");
    else
        text_add(out, ")");
}
