/* emit_memory.c: the memory plan as a table: what lies in the state, for how long, and what it is for.
 *
 * One row an array, in the order of the struct. Arrays that share a place follow each other; the first row holds the bytes of
 * the place, so that the column adds up to the total, which is the struct's size. */
#include "emit/emit_parts.h"
#include <string.h>

enum { COLUMNS = 6 };

static const char *shape_here(const Plan *plan, const Buffer *buffer, Arena *arena)
{
    const bool per_row = plan->model->graph->nodes[buffer->node].type.per_row;
    Text text = text_new(arena);
    for (int d = 0; d < buffer->rank; d++) {
        if (d > 0)
            text_add(&text, ",");
        if (per_row && buffer->order[d] == 0)
            text_add(&text, "BATCH");
        else
            text_print(&text, "%lld", (long long)room_in(buffer, d));
    }
    return buffer->rank == 0 ? "1" : text.bytes;
}

static const char *slot_text(const Plan *plan, const Leaf *slot, Arena *arena)
{
    if (slot->parameter == NONE)
        return "the optimizer's";
    const char *parameter = plan->model->graph->leaves[slot->parameter].name;
    const size_t length = strlen(parameter);
    const bool says_so = strncmp(slot->name, parameter, length) == 0 && slot->name[length] == '.';     /* fc1.weight.exp_avg */
    return says_so ? "the optimizer's" : arena_print(arena, "the optimizer's, for %s", parameter);
}

/* Kernels that write and read a buffer, numbered over all phases: the first that writes it; the last that reads it in a training
 * step, else in evaluation or prediction. */
typedef struct Uses { int first_write, last_read; PhaseId read_in; } Uses;

typedef struct Seeing { Uses *uses; int kernel; PhaseId phase; } Seeing;

static void read_here(const Seeing *seeing, int buffer)
{
    Uses *uses = &seeing->uses[buffer];
    if (uses->last_read != NONE && uses->read_in != seeing->phase)
        return;
    uses->last_read = seeing->kernel;
    uses->read_in = seeing->phase;
}

static void written_here(const Seeing *seeing, int buffer)
{
    if (seeing->uses[buffer].first_write == NONE)
        seeing->uses[buffer].first_write = seeing->kernel;
}

static void see_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    read_here(context, read->buffer);
}

static void see_call(const Plan *plan, const Kernel *kernel, const Seeing *seeing)
{
    const Model *model = plan->model;
    const int parameter = model->updates[kernel->update].parameter;
    read_here(seeing, plan->buffer_of[model->phase[PHASE_TRAIN].gradients[kernel->update]]);
    for (int l = 0; l < model->graph->leaf_count; l++) {
        const int buffer = plan->buffer_of[model->graph->leaves[l].node];
        if (buffer != NONE && (l == parameter || model->graph->leaves[l].parameter == parameter)) {
            written_here(seeing, buffer);
            read_here(seeing, buffer);
        }
    }
}

/* By buffer. */
static const Uses *uses_of_all(const Plan *plan, Arena *arena)
{
    Seeing seeing = {.uses = NEW(arena, Uses, plan->buffer_count + 1)};
    for (int b = 0; b < plan->buffer_count; b++)
        seeing.uses[b] = (Uses){.first_write = NONE, .last_read = NONE};
    for (; seeing.phase < PHASE_COUNT; seeing.phase++)
        for (int k = 0; k < plan->kernel_count[seeing.phase]; k++, seeing.kernel++) {
            Kernel *kernel = &plan->kernel[seeing.phase][k];
            if (kernel->form == FORM_CALL) {
                see_call(plan, kernel, &seeing);
                continue;
            }
            each_read(kernel, see_read, &seeing);
            for (int s = 0; s < kernel->stage_count; s++)
                if (kernel->stage[s].buffer != NONE)
                    written_here(&seeing, kernel->stage[s].buffer);
        }
    return seeing.uses;
}

/* A value of the forward pass that is read again after the loss was looked at. */
static bool is_kept_for_backward(const Plan *plan, int buffer, Uses uses)
{
    const Kernel *writer = kernel_at(plan, uses.first_write), *reader = kernel_at(plan, uses.last_read);
    const bool in_training = uses.last_read < plan->kernel_count[PHASE_TRAIN];
    return writer && reader && in_training && writer->before_loss_check && !reader->before_loss_check &&
           !plan->model->graph->nodes[plan->buffer[buffer].node].origin.rule;
}

/* "gradient" of d_fc1, "select (relu)", "linear fc2", "square in mse", "relu(fc1)", "multiply, line 12" */
static const char *value_text(const Plan *plan, const Buffer *buffer, Arena *arena)
{
    const Graph *graph = plan->model->graph;
    const Node *node = &graph->nodes[buffer->node];
    const char *operation = op_info[node->op].name;
    const char *of = node->origin.gradient_of != NONE ? graph->nodes[node->origin.gradient_of].origin.name : NULL;
    const char *operand = op_info[node->op].arity == 1 ? graph->nodes[node->operand[0]].origin.name : NULL;
    if (of && strncmp(buffer->name, "d_", 2) == 0 && strcmp(buffer->name + 2, identifier(arena, of)) == 0)
        return "gradient";
    if (of)
        return arena_print(arena, "d loss / d %s", of);
    if (node->origin.rule)
        return arena_print(arena, "%s (%s)", operation, node->origin.rule);
    if (node->origin.layer && node->origin.name)
        return node->origin.layer;
    if (node->origin.layer)
        return arena_print(arena, "%s in %s", operation, node->origin.layer);
    if (operand)
        return arena_print(arena, "%s(%s)", operation, operand);
    return node->origin.place.line > 0 ? arena_print(arena, "%s, line %d", operation, node->origin.place.line) : operation;
}

/* What the runtime reads it as: "loss", "output"; NULL: as nothing. */
static const char *result_text(const Plan *plan, int buffer)
{
    const Model *model = plan->model;
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        const Metric *metrics = model->phase[phase].metrics;
        for (int m = 0; metrics && m < model->metric_count; m++)
            for (int part = 0; part < 3; part++)
                if (metrics[m].part[part] != NONE && plan->buffer_of[metrics[m].part[part]] == buffer)
                    return metrics[m].is_loss ? "loss" : "metric";
        const Output *outputs = model->phase[phase].outputs;
        for (int o = 0; outputs && o < model->output_count; o++)
            if (plan->buffer_of[outputs[o].node] == buffer)
                return model->kind == MODEL_SHOW && model->emit == EMIT_PROGRAM ? "shown" : "output";
    }
    return NULL;
}

static const char *holds(const Plan *plan, int b, Uses uses, Arena *arena)
{
    const Buffer *buffer = &plan->buffer[b];
    const Leaf *leaf = buffer->leaf != NONE ? &plan->model->graph->leaves[buffer->leaf] : NULL;
    switch (buffer->kind) {
    case BUFFER_INPUT:
        return leaf->classes > 0 ? "classes" : "the batch";
    case BUFFER_PARAMETER:
        return leaf->frozen ? "parameter, frozen" : "parameter";
    case BUFFER_STATE:
        return leaf->kind == LEAF_STATISTIC ? "running statistic" : slot_text(plan, leaf, arena);
    case BUFFER_RESULT:
    case BUFFER_TEMPORARY: {
        const char *result = buffer->rank == 0 || plan->model->kind == MODEL_SHOW ? result_text(plan, b) : NULL;
        const char *value = result ? result : value_text(plan, buffer, arena);
        return is_kept_for_backward(plan, b, uses) ? arena_print(arena, "kept: %s", value) : value;
    }
    }
    bug("no such kind of buffer: %d", (int)buffer->kind);
}

static const char *kernel_name(const Plan *plan, int number)
{
    const Kernel *kernel = kernel_at(plan, number);
    return kernel ? kernel->name : "";
}

static void add_row(const Plan *plan, int b, Uses uses, const char *bytes, const char **row, Arena *arena)
{
    const Buffer *buffer = &plan->buffer[b];
    const char *who = plan->model->emit == EMIT_PROGRAM ? "the runtime" : "the caller";
    row[0] = buffer->name;
    row[1] = shape_here(plan, buffer, arena);
    row[2] = bytes;
    row[3] = holds(plan, b, uses, arena);
    row[4] = buffer->kind == BUFFER_INPUT && plan->target == TARGET_CUDA ? arena_print(arena, "gather_%s", buffer->name)
           : buffer->kind == BUFFER_INPUT ? who : kernel_name(plan, uses.first_write);
    row[5] = buffer->kind == BUFFER_RESULT ? who : kernel_name(plan, uses.last_read);
}

void emit_memory_plan(const Plan *plan, Text *out)
{
    static const BufferKind order[] = {BUFFER_PARAMETER, BUFFER_STATE, BUFFER_INPUT, BUFFER_TEMPORARY, BUFFER_RESULT};
    Arena *arena = out->arena;
    const char **rows = NEW(arena, const char *, (plan->buffer_count + 4) * COLUMNS);
    const char *heading[] = {"memory", "shape here", "bytes", "holds", "written by", "last read by"};
    memcpy(rows, heading, sizeof heading);
    int count = 1;
    bool *done = NEW(arena, bool, plan->buffer_count);
    const Uses *uses = uses_of_all(plan, arena);
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int b = 0; b < plan->buffer_count; b++) {
            const int place = plan->buffer[b].place;
            if (plan->buffer[b].kind != order[k] || done[b] || !is_in_state(plan, &plan->buffer[b]))
                continue;
            const char *bytes = grouped(arena, place == NONE ? aligned_bytes(plan->buffer[b].bytes) : place_bytes(plan, place));
            for (int c = b; c != NONE; c = plan->buffer[c].next_there) {
                add_row(plan, c, uses[c], c == b ? bytes : "same place", &rows[COLUMNS * count++], arena);
                done[c] = true;
            }
        }
    const int copies = plan->model->sweep.count;
    const int64_t kept = copies_bytes(plan);
    const char *flag[] = {"nn_stopped", "1", "64", "whether a loss was not finite", "check_loss", "the updates"};
    if (has_flag(plan))
        memcpy(&rows[COLUMNS * count++], flag, sizeof flag);
    const char *row[] = {"copies", arena_print(arena, "%d", copies), grouped(arena, kept), "what is kept of the copies", "the runtime", "the runtime"};
    if (copies)
        memcpy(&rows[COLUMNS * count++], row, sizeof row);
    const char *total[] = {"total", "", grouped(arena, state_bytes(plan) + kept), "", "", ""};
    memcpy(&rows[COLUMNS * count++], total, sizeof total);
    comment_table(out, rows, count, COLUMNS, (const Column[COLUMNS]){[2] = RIGHT, [3] = FOLDED});
}
