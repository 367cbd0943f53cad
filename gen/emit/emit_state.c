/* emit_state.c: the struct that holds everything a step reads and writes, and the tables of constants.
 *
 * Each array begins at a multiple of 64 bytes (a cache line, and the widest vector), so the struct's size is the sum of its
 * arrays' sizes, each rounded up to 64. The emitted _Static_assert holds the compiler to that sum, which the memory plan at
 * the top of the program states.
 *
 * Arrays of one place are members of one anonymous union: C itself then says that they share memory. One block of bytes with
 * offsets would need casts, and no reader could see what lies where. */
#include "emit/emit_parts.h"
#include <math.h>
#include <string.h>

enum { ALIGNMENT = 64, PLACE_COLUMN = 64 };

int64_t aligned_bytes(int64_t bytes)
{
    return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A predictor's weights that were given when it was generated: constants of the text. */
bool is_constant(const Plan *plan, const Buffer *buffer)
{
    return plan->model->emit == EMIT_PREDICT && plan->model->has_weights
           && (buffer->kind == BUFFER_PARAMETER || buffer->kind == BUFFER_STATE);
}

bool is_in_state(const Plan *plan, const Buffer *buffer)
{
    return !is_constant(plan, buffer) && (buffer->kind != BUFFER_TEMPORARY || buffer->phases != 0);
}

int64_t place_bytes(const Plan *plan, int place)
{
    int64_t most = 0;
    for (int b = plan->first_there[place]; b != NONE; b = plan->buffer[b].next_there)
        if (plan->buffer[b].bytes > most)
            most = plan->buffer[b].bytes;
    return aligned_bytes(most);
}

static bool is_first_of_place(const Plan *plan, int buffer)
{
    return plan->first_there[plan->buffer[buffer].place] == buffer;
}

bool has_flag(const Plan *plan)
{
    return plan->target == TARGET_CUDA && plan->model->kind == MODEL_TRAIN;
}

int64_t state_bytes(const Plan *plan)
{
    int64_t total = 0;
    for (int b = 0; b < plan->buffer_count; b++)
        if (is_in_state(plan, &plan->buffer[b]) && plan->buffer[b].place == NONE)
            total += aligned_bytes(plan->buffer[b].bytes);
        else if (is_in_state(plan, &plan->buffer[b]) && is_first_of_place(plan, b))
            total += place_bytes(plan, plan->buffer[b].place);
    return total + (has_flag(plan) ? ALIGNMENT : 0);
}

void buffer_strides(const Buffer *buffer, int64_t *strides)
{
    int64_t stride = 1;
    for (int d = buffer->rank - 1; d >= 0; d--) {
        strides[buffer->order[d]] = stride;
        stride *= buffer->size[buffer->order[d]] + (d == buffer->rank - 1 ? buffer->pad : 0);
    }
}

static bool is_row_major(const Buffer *buffer)
{
    for (int d = 0; d < buffer->rank; d++)
        if (buffer->order[d] != d)
            return false;
    return true;
}

/* "[j][i] is PyTorch's fc1.weight[i][j]" */
static const char *layout_comment(const Plan *plan, const Buffer *buffer, Arena *arena)
{
    const bool per_row = plan->model->graph->nodes[buffer->node].type.per_row;
    const char *letters = per_row ? "bijklmn" : "ijklmn";
    Text text = text_new(arena);
    for (int d = 0; d < buffer->rank; d++)
        text_print(&text, "[%c]", letters[buffer->order[d]]);
    if (buffer->leaf == NONE)
        text_add(&text, " is element ");
    else
        text_print(&text, " is PyTorch's %s", comment_text(arena, plan->model->graph->leaves[buffer->leaf].name));
    for (int d = 0; d < buffer->rank; d++)
        text_print(&text, "[%c]", letters[d]);
    return text.bytes;
}

static void emit_member(const Plan *plan, int b, int indent, Text *out)
{
    const Buffer *buffer = &plan->buffer[b];
    text_print(out, "%*s_Alignas(64) %s %s;", indent, "", real_type(plan, buffer->scalar),
               buffer_declarator(plan, b, out->arena));
    const char *layout = is_row_major(buffer) ? NULL : layout_comment(plan, buffer, out->arena);
    const char *border = buffer->border ? "a border of zeros: padding" : NULL;
    const char *pad = buffer->pad ? arena_print(out->arena, "rows %lld longer, for the cache", (long long)buffer->pad) : NULL;
    if (layout || pad || border) {
        text_pad(out, PLACE_COLUMN);
        text_print(out, " /* %s%s%s%s%s */", layout ? layout : "", layout && (pad || border) ? "; " : "", border ? border : "",
                   border && pad ? "; " : "", pad ? pad : "");
    }
    text_add(out, "\n");
}

static void emit_place(const Plan *plan, int place, Text *out)
{
    const int first = plan->first_there[place];
    if (plan->buffer[first].next_there == NONE) {
        emit_member(plan, first, 4, out);
        return;
    }
    text_add(out, "    union {");
    text_pad(out, PLACE_COLUMN);
    text_add(out, " /* never needed at the same time */\n");
    for (int b = first; b != NONE; b = plan->buffer[b].next_there)
        emit_member(plan, b, 8, out);
    text_add(out, "    };\n");
}

/* The struct's members in groups; a group is a kind of buffer, statistics being one of their own. The runtime takes the metrics of
 * a CUDA program from the GPU after each step, so they lie together. */
static const struct { BufferKind kind; bool is_statistic, is_metric; const char *title; } groups[] = {
    {BUFFER_PARAMETER, false, false, "parameters"},
    {BUFFER_STATE, true, false, "running statistics"},
    {BUFFER_STATE, false, false, "what the optimizer keeps of them"},
    {BUFFER_INPUT, false, false, "the batch"},
    {BUFFER_TEMPORARY, false, false, "what the functions below leave for each other"},
    {BUFFER_RESULT, false, true, "what the runtime reads after each step"},
    {BUFFER_RESULT, false, false, "what the runtime reads"},
};

static bool is_metric(const Plan *plan, int buffer)
{
    const Metric *metrics = plan->model->phase[PHASE_TRAIN].metrics;
    for (int m = 0; plan->target == TARGET_CUDA && metrics && m < plan->model->metric_count; m++)
        for (int part = 0; part < 3; part++)
            if (metrics[m].part[part] != NONE && plan->buffer_of[metrics[m].part[part]] == buffer)
                return true;
    return false;
}

static bool is_statistic(const Plan *plan, const Buffer *buffer)
{
    return buffer->leaf != NONE && plan->model->graph->leaves[buffer->leaf].kind == LEAF_STATISTIC;
}

/* Results of what is no program: no runtime reads them. */
static bool is_for_others(const Plan *plan, const Buffer *buffer)
{
    return buffer->kind == BUFFER_RESULT && plan->model->emit != EMIT_PROGRAM;
}

static void emit_members(const Plan *plan, size_t group, Text *out)
{
    bool titled = false;
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        const bool is_here = buffer->kind == groups[group].kind && is_statistic(plan, buffer) == groups[group].is_statistic
                          && is_metric(plan, b) == groups[group].is_metric;
        if (!is_here || !is_in_state(plan, buffer) || (buffer->place != NONE && !is_first_of_place(plan, b)))
            continue;
        if (!titled)
            text_print(out, "    /* %s */\n", is_for_others(plan, buffer) ? "results" : groups[group].title);
        titled = true;
        if (buffer->place == NONE)
            emit_member(plan, b, 4, out);
        else
            emit_place(plan, buffer->place, out);
    }
}

/* Code reaches static data by offsets of 32 bits, so 2 GiB are the end; half of that leaves room for all else. */
int64_t copies_bytes(const Plan *plan)
{
    int64_t kept = 0;
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->buffer[b].kind == BUFFER_PARAMETER || plan->buffer[b].kind == BUFFER_STATE)
            kept += aligned_bytes(plan->buffer[b].bytes);
    return plan->model->sweep.count * kept;
}

bool is_state_allocated(const Plan *plan)
{
    return plan->model->emit == EMIT_PROGRAM && state_bytes(plan) + copies_bytes(plan) > INT64_C(1) << 30;
}

static void emit_struct(const Plan *plan, Text *out)
{
    const bool allocated = is_state_allocated(plan), library = plan->model->emit == EMIT_LIBRARY;
    text_print(out, "%sstruct State {\n", allocated || library ? "" : "static ");
    for (size_t group = 0; group < sizeof groups / sizeof *groups; group++)
        emit_members(plan, group, out);
    if (has_flag(plan))
        text_add(out, "    /* 1 once a loss was not finite: updates do nothing from then on */\n    _Alignas(64) int nn_stopped;\n");
    if (library)
        text_add(out, "    /* where training is */\n"
                      "    _Alignas(64) struct { int64_t step, epoch; uint64_t seed; } run;    /* steps and epochs done */\n");
    text_add(out, allocated || library ? "};\n" : "} state;\n");
    text_print(out, "_Static_assert(sizeof(struct State) == %lld, \"the memory plan above\");\n",
               (long long)state_bytes(plan) + (library ? RUN_BYTES : 0));
    if (allocated)
        text_add(out, "\nstatic struct State *state;        /* too large for the program's static data: main gets it from the runtime */\n");
}

/* ---- constant tables ---- */

const char *table_name(const Plan *plan, NodeId node, Arena *arena)
{
    int number = 1;
    for (NodeId id = 0; id < node; id++)
        number += plan->model->graph->nodes[id].op == OP_TABLE;
    return arena_print(arena, "table_%d", number);
}

static void mark_table(Term *term, void *context)
{
    bool *used = context;
    if (term->kind == TERM_TABLE)
        used[term->node] = true;
}

static void mark_tables(const Plan *plan, bool *used)
{
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            const Kernel *kernel = &plan->kernel[phase][k];
            for (int i = 0; i < kernel->stage_count; i++)
                each_term(kernel->stage[i].term, mark_table, used);
        }
}

void emit_numbers(const double *values, int64_t count, NumberForm form, int indent, Text *out)
{
    for (int64_t i = 0; i < count; i++) {
        const char *digits = form == INTEGERS ? arena_print(out->arena, "%lld", (long long)values[i])
                                              : number(out->arena, values[i], form == DOUBLES);
        const char *suffix = form == FLOATS && isfinite(values[i]) ? "f" : "";
        if (i > 0 && text_column(out) + strlen(digits) + strlen(", f,") > LINE) {
            text_add(out, ",\n");
            text_pad(out, (size_t)indent);
        } else if (i > 0) {
            text_add(out, ", ");
        }
        text_print(out, "%s%s", digits, suffix);
    }
}

/* The elements of dimensions `d` and further, in braces. */
static void emit_elements(const Node *node, int d, const double *values, NumberForm form, Text *out)
{
    const int indent = 4 * (d + 1);
    int64_t inner = 1;
    for (int e = d + 1; e < node->type.rank; e++)
        inner *= node->type.size[e];
    if (d == node->type.rank - 1) {
        if (d == 0)
            text_print(out, "{\n%*s", indent, "");
        else
            text_add(out, "{");
        emit_numbers(values, node->type.size[d], form, d == 0 ? indent : indent + 1, out);
        text_add(out, d == 0 ? "\n}" : "}");
        return;
    }
    text_add(out, "{\n");
    for (int64_t i = 0; i < node->type.size[d]; i++) {
        text_pad(out, (size_t)indent);
        emit_elements(node, d + 1, values + i * inner, form, out);
        text_add(out, ",\n");
    }
    text_pad(out, (size_t)(indent - 4));
    text_add(out, "}");
}

void emit_table_of(const Plan *plan, NodeId id, const char *storage, Text *out)
{
    const Node *node = &plan->model->graph->nodes[id];
    if (node->origin.place.file)
        comment_line(out, 0, place_text(out->arena, node->origin.place));
    text_print(out, "%s %s %s", storage, real_type(plan, node->type.scalar), table_name(plan, id, out->arena));
    for (int d = 0; d < node->type.rank; d++)
        text_print(out, "[%lld]", (long long)node->type.size[d]);
    text_add(out, " = ");
    const NumberForm form = node->type.scalar == INT ? INTEGERS : plan->model->precision == F64 ? DOUBLES : FLOATS;
    if (node->type.rank == 0)
        emit_numbers(node->attributes.table, 1, form, 0, out);
    else
        emit_elements(node, 0, node->attributes.table, form, out);
    text_add(out, ";");
}

const bool *tables_of(const Plan *plan, Arena *arena)
{
    bool *used = NEW(arena, bool, plan->model->graph->count + 1);
    mark_tables(plan, used);
    return used;
}

/* Of what runs on the host: on a GPU the kernels have theirs with them. */
static void emit_constant_tables(const Plan *plan, Text *out)
{
    const Graph *graph = plan->model->graph;
    bool *used = NEW(out->arena, bool, graph->count);
    if (plan->target == TARGET_C)
        mark_tables(plan, used);
    if (plan->plain)
        mark_tables(plan->plain, used);
    bool titled = false;
    for (NodeId id = 0; id < graph->count; id++) {
        if (!used[id])
            continue;
        if (!titled)
            section(out, "constants of the model");
        titled = true;
        text_add(out, "\n");
        emit_table_of(plan, id, "static const", out);
        text_add(out, "\n");
    }
}

/* The elements of dimensions order[d] and further of a weight, in the layout that the kernels want. */
static void emit_weight_elements(const Buffer *buffer, int d, int64_t offset, const int64_t *stride, const double *values, NumberForm form, Text *out)
{
    const int64_t count = buffer->size[buffer->order[d]], step = stride[buffer->order[d]];
    const int indent = 4 * (d + 1);
    if (d + 1 < buffer->rank) {
        text_add(out, "{\n");
        for (int64_t i = 0; i < count; i++) {
            text_pad(out, (size_t)indent);
            emit_weight_elements(buffer, d + 1, offset + i * step, stride, values, form, out);
            text_add(out, ",\n");
        }
        text_pad(out, (size_t)(indent - 4));
        text_add(out, "}");
        return;
    }
    double *row = NEW(out->arena, double, count);
    for (int64_t i = 0; i < count; i++)
        row[i] = values[offset + i * step];
    text_add(out, "{");
    emit_numbers(row, count, form, indent + (buffer->rank > 1 ? 1 : 4), out);
    text_add(out, "}");
}

static void emit_weights(const Plan *plan, Text *out)
{
    bool titled = false;
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        if (!is_constant(plan, buffer))
            continue;
        if (!titled)
            section(out, "the weights");
        titled = true;
        const Leaf *leaf = &plan->model->graph->leaves[buffer->leaf];
        const NumberForm form = plan->model->precision == F64 ? DOUBLES : FLOATS;
        int64_t stride[MAX_RANK + 1], all = 1;
        for (int d = leaf->type.rank - 1; d >= 0; d--) {
            stride[d] = all;
            all *= leaf->type.size[d];
        }
        text_add(out, "\n");
        if (!is_row_major(buffer))
            text_print(out, "/* %s */\n", layout_comment(plan, buffer, out->arena));
        text_print(out, "static const %s %s = ", real_type(plan, FLOAT), buffer_declarator(plan, b, out->arena));
        if (buffer->rank == 0)
            emit_numbers(leaf->init.table, 1, form, 0, out);
        else
            emit_weight_elements(buffer, 0, 0, stride, leaf->init.table, form, out);
        text_add(out, ";\n");
    }
}

void emit_state(const Plan *plan, Text *out)
{
    emit_struct(plan, out);
    emit_constant_tables(plan, out);
    emit_weights(plan, out);
}
