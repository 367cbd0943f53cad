/* emit_header.c: the comment that an emitted program opens with.
 *
 * What it is, how it was made, compiled and run; the model, how it is trained, its parameters, what a step costs, the memory
 * plan, and the conventions that the functions below keep. All of it follows from the model and the command line. */
#include "emit/emit_parts.h"
#include <math.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *shown_path(const char *path)
{
    return path[0] == '/' ? base_name(path) : path;
}

const char *place_text(Arena *arena, Place place)
{
    return place.line > 0 ? arena_print(arena, "%s:%d", base_name(place.file), place.line) : base_name(place.file);
}

/* "mnist_train.c" */
static const char *file_name(const Plan *plan, const EmitOptions *options, Arena *arena)
{
    return options->output ? base_name(options->output) : arena_print(arena, "%s.c", plan->model->name);
}

static const char *without_ending(Arena *arena, const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? arena_print(arena, "%.*s", (int)(dot - name), name) : arena_print(arena, "%s.out", name);
}

static void emit_commands(const Plan *plan, const EmitOptions *options, Text *out)
{
    const Model *model = plan->model;
    const char *file = file_name(plan, options, out->arena), *program = without_ending(out->arena, file);
    const bool has_files = model->data.kind != NN_DATA_NONE && model->data.kind != NN_DATA_TABLE;
    comment_item(out, "generated", options->command);
    comment_item(out, "compile", arena_print(out->arena, "cc %s $(nngen flags) -o %s", file, program));
    comment_item(out, "run", arena_print(out->arena, "./%s%s    (--help lists the flags)", program, has_files ? " --data DIR" : ""));
}

/* ---- the model ---- */

/* Forward nodes that a phase's first results need. */
static bool *mark_forward(const Model *model, Arena *arena)
{
    const Graph *graph = model->graph;
    bool *needed = NEW(arena, bool, graph->count);
    if (model->kind == MODEL_TRAIN)
        for (int part = 0; part < 2; part++) {
            NodeId node = model->phase[PHASE_TRAIN].metrics[0].part[part];
            if (node != NONE)
                needed[node] = true;
        }
    else
        for (int o = 0; o < model->output_count; o++)
            needed[model->phase[PHASE_PREDICT].outputs[o].node] = true;
    for (NodeId id = graph->count - 1; id >= 0; id--)
        for (int o = 0; needed[id] && o < op_info[graph->nodes[id].op].arity; o++)
            needed[graph->nodes[id].operand[o]] = true;
    return needed;
}

/* A layer of the model, or a value that it names: the last of its nodes stands for all. */
typedef struct Step { const char *label; NodeId last; } Step;

static int collect_steps(const Model *model, const bool *needed, Step *step)
{
    const Graph *graph = model->graph;
    int count = 0;
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        const char *label = node->origin.layer ? node->origin.layer : node->origin.name;
        if (!needed[id] || !label || node->origin.rule || op_info[node->op].class == LEAF)
            continue;
        int at = 0;
        while (at < count && strcmp(step[at].label, label) != 0)
            at++;
        if (at < count)
            memmove(&step[at], &step[at + 1], sizeof *step * (size_t)(--count - at));
        step[count++] = (Step){label, id};
    }
    return count;
}

/* "(784)": a row's sizes. */
static const char *row_text(Arena *arena, Type type)
{
    type.per_row = false;
    return shape_text(arena, type);
}

static bool is_result(const Model *model, NodeId node)
{
    const Metric *loss = model->phase[PHASE_TRAIN].metrics;
    return model->kind == MODEL_TRAIN && (node == loss->part[0] || node == loss->part[1]);
}

static const char *inputs_text(const Model *model, const bool *needed, Arena *arena)
{
    const Graph *graph = model->graph;
    Text text = text_new(arena);
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        if (leaf->kind != LEAF_INPUT || !needed[leaf->node])
            continue;
        text_print(&text, "%s%s", text.length ? ", " : "", leaf->name);
        if (leaf->type.rank > 0)
            text_print(&text, " %s", row_text(arena, leaf->type));
        if (leaf->classes > 0)
            text_print(&text, " in 0..%d", leaf->classes - 1);
    }
    return text.bytes;
}

/* "relu" for fc1_relu: a name that was made from an operation says the operation. */
static const char *value_label(const Node *node)
{
    const char *name = node->origin.name, *operation = op_info[node->op].name;
    const size_t length = strlen(name), ending = strlen(operation);
    bool is_made = length > ending && name[length - ending - 1] == '_' && strcmp(name + length - ending, operation) == 0;
    return is_made ? operation : name;
}

static const char *model_text(const Model *model, Arena *arena)
{
    const bool *needed = mark_forward(model, arena);
    Step *step = NEW(arena, Step, model->graph->count);
    const int count = collect_steps(model, needed, step);
    Text text = text_new(arena);
    text_add(&text, inputs_text(model, needed, arena));
    for (int i = 0; i < count; i++) {
        const Node *last = &model->graph->nodes[step[i].last];
        if (is_result(model, step[i].last))
            continue;
        text_print(&text, "%s%s", text.length ? " -> " : "", last->origin.layer ? step[i].label : value_label(last));
        if (last->type.rank > 0)
            text_print(&text, " %s", row_text(arena, last->type));
        if (last->origin.layer && last->origin.name && !strstr(step[i].label, last->origin.name))
            text_print(&text, " = %s", last->origin.name);
    }
    if (model->kind == MODEL_TRAIN)
        text_print(&text, "%sloss", text.length ? " -> " : "");
    return text.bytes;
}

/* ---- training ---- */

static const char *optimizer_text(const Model *model, Arena *arena)
{
    static const struct { const char *optimizer, *argument[8]; } arguments[] = {
        {"sgd", {"momentum", "dampening", "nesterov", "weight_decay"}},
        {"adam", {"beta1", "beta2", "eps", "weight_decay"}},
        {"adamw", {"beta1", "beta2", "eps", "weight_decay"}},
        {"random_search", {"scale"}},
        {"coordinate_search", {"step"}},
    };
    const Optimizer *optimizer = &model->optimizer;
    Text text = text_new(arena);
    text_add(&text, optimizer->name);
    if (optimizer->lr != 0)
        text_print(&text, ", lr %s", number(arena, optimizer->lr, true));
    for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
        for (int a = 0; strcmp(arguments[i].optimizer, optimizer->name) == 0 && a < 8 && arguments[i].argument[a]; a++)
            if (optimizer->argument[a] != 0)
                text_print(&text, ", %s %s", arguments[i].argument[a], number(arena, optimizer->argument[a], true));
    return text.bytes;
}

static const char *training_text(const Model *model, Arena *arena)
{
    Text text = text_new(arena);
    text_add(&text, optimizer_text(model, arena));
    if (model->clip_norm > 0)
        text_print(&text, ", clip_norm %s", number(arena, model->clip_norm, true));
    if (model->clip_value > 0)
        text_print(&text, ", clip_value %s", number(arena, model->clip_value, true));
    if (model->data.kind != NN_DATA_NONE)
        text_print(&text, "; batches of %lld %s%s", (long long)model->batch, model->batch == 1 ? "row" : "rows",
                   model->batch_all ? ", all there are" : "");
    if (model->steps > 0)
        text_print(&text, "; %s %s", grouped(arena, model->steps), model->steps == 1 ? "step" : "steps");
    else
        text_print(&text, "; %s %s", grouped(arena, model->epochs), model->epochs == 1 ? "epoch" : "epochs");
    text_print(&text, "; seed %llu; %s", (unsigned long long)model->seed, model->precision == F64 ? "f64" : "f32");
    return text.bytes;
}

static const char *options_text(const Model *model, Arena *arena)
{
    Text text = text_new(arena);
    for (int i = 0; i < model->option_count; i++)
        text_print(&text, "%s%s = %s", i ? ", " : "", model->options[i].name, model->options[i].value);
    return text.bytes;
}

static const char *parameters_text(const Model *model, Arena *arena)
{
    const Graph *graph = model->graph;
    int64_t total = 0;
    Text text = text_new(arena);
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        if (leaf->kind != LEAF_PARAMETER)
            continue;
        const int64_t count = element_count(leaf->type);
        total += count;
        text_print(&text, "%s%s %s", text.length ? ", " : "", leaf->name, grouped(arena, count));
    }
    return text.length ? arena_print(arena, "%s:  %s", grouped(arena, total), text.bytes) : "";
}

/* ---- one step ---- */

static const char *flop_text(Arena *arena, int64_t flop, const char **unit, double *scale)
{
    static const struct { const char *unit; double scale; } units[] = {{"GFLOP", 1e9}, {"MFLOP", 1e6}, {"kFLOP", 1e3}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if ((double)flop >= units[i].scale) {
            *unit = units[i].unit;
            *scale = units[i].scale;
            return arena_print(arena, "%.2f", (double)flop / *scale);
        }
    *unit = "FLOP";
    *scale = 1;
    return arena_print(arena, "%lld", (long long)flop);
}

static const char *step_text(const Plan *plan, Arena *arena)
{
    const Role *role = roles(plan, arena);
    int64_t flop[METRIC_ROLE + 1] = {0}, total = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        flop[role[k]] += plan->kernel[PHASE_TRAIN][k].flop;
        total += plan->kernel[PHASE_TRAIN][k].flop;
    }
    const char *unit;
    double scale;
    Text text = text_new(arena);
    const char *sum = flop_text(arena, total, &unit, &scale), *separator = ": ";
    text_print(&text, "%s %s", sum, unit);
    for (Role r = FORWARD_ROLE; r <= METRIC_ROLE; r++) {
        if (flop[r] == 0)
            continue;
        text_print(&text, scale == 1 ? "%s%s %.0f" : "%s%s %.2f", separator, role_title(plan, role, r), (double)flop[r] / scale);
        separator = "; ";
    }
    return text.bytes;
}

/* ---- conventions ---- */

static bool has_other_layout(const Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++)
        for (int d = 0; d < plan->buffer[b].rank; d++)
            if (plan->buffer[b].order[d] != d)
                return true;
    return false;
}

static bool has_rows(const Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->model->graph->nodes[plan->buffer[b].node].type.per_row)
            return true;
    return false;
}

static void emit_conventions(const Plan *plan, Text *out)
{
    Text text = text_new(out->arena);
    text_add(&text, "Conventions. ");
    if (has_rows(plan))
        text_add(&text, "b counts the rows of the batch. ");
    if (plan->model->kind == MODEL_TRAIN)
        text_add(&text, "d_x is d loss / d x. A kernel sets what it computes (=); only updates change what is there. ");
    if (has_rows(plan) && plan->model->batch > 1)
        text_add(&text, "A batch of fewer rows than BATCH is filled up with copies of its first row, which weigh nothing in the loss and "
                        "so nothing in any gradient. ");
    text_add(&text, "The state is static; nothing is allocated in a step. ");
    text_add(&text, has_other_layout(plan) ? "Arrays lie as PyTorch's tensors do; where one does not, struct State says so."
                                           : "Arrays lie as PyTorch's tensors do, the last index running fastest.");
    comment_paragraph(out, text.bytes);
}

void emit_header(const Plan *plan, const EmitOptions *options, Text *out)
{
    const Model *model = plan->model;
    const bool train = model->kind == MODEL_TRAIN;
    Arena *arena = out->arena;
    text_print(out, "/* %s: %s %s; written by nngen, meant to be read.\n *\n", comment_text(arena, file_name(plan, options, arena)),
               train ? "trains the model of" : "evaluates the expressions of", comment_text(arena, base_name(model->path)));
    emit_commands(plan, options, out);
    text_add(out, " *\n");
    comment_item(out, "model", model_text(model, arena));
    if (train)
        comment_item(out, "training", training_text(model, arena));
    comment_item(out, "options", options_text(model, arena));
    comment_item(out, "parameters", parameters_text(model, arena));
    if (train)
        comment_item(out, "one step", step_text(plan, arena));
    text_add(out, " *\n");
    emit_memory_plan(plan, out);
    text_add(out, " *\n");
    emit_conventions(plan, out);
    comment_end(out);
}
