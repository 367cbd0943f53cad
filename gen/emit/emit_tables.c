/* emit_tables.c: the tables that tell the runtime what the program is: tensors, data, metrics, outputs, and the NnProgram over
 * them; then main. They are static and stand before main, unless they point into a state that main must get first: then they
 * are its variables.
 *
 * All fields are named, and those that are zero left out, so that a table reads as a description. Tables without rows are left
 * out with their field. */
#include "emit/emit_cuda.h"
#include "emit/emit_fields.h"
#include "emit/emit_kernel.h"
#include <inttypes.h>
#include <string.h>

/* ---- tensors ---- */

/* Does the program hold it? A parameter that nothing reads has no place. */
static bool is_held(const Plan *plan, const Leaf *leaf)
{
    return leaf->kind != LEAF_INPUT && plan->buffer_of[leaf->node] != NONE;
}

static const char *initial_name(const Plan *plan, const Leaf *leaf, Arena *arena)
{
    return arena_print(arena, "initial_%s", plan->buffer[plan->buffer_of[leaf->node]].name);
}

static void add_init(const Plan *plan, const Leaf *leaf, Text *out)
{
    static const char *const kind_name[] = {
        [NN_INIT_CONSTANT] = "NN_INIT_CONSTANT", [NN_INIT_UNIFORM] = "NN_INIT_UNIFORM", [NN_INIT_NORMAL] = "NN_INIT_NORMAL",
        [NN_INIT_TABLE] = "NN_INIT_TABLE",
    };
    const NnInit *init = &leaf->init;
    const char *kind = kind_name[init->kind], *a = double_text(out->arena, init->a), *b = double_text(out->arena, init->b);
    const char *zeros = init->zero_to > init->zero_from
        ? arena_print(out->arena, ", .zero_from = %" PRId64 ", .zero_to = %" PRId64, init->zero_from, init->zero_to) : "";
    if (init->kind == NN_INIT_TABLE)
        add_field(out, ".init = {.kind = %s, .table = %s}", kind, initial_name(plan, leaf, out->arena));
    else if (init->kind != NN_INIT_CONSTANT)
        add_field(out, ".init = {.kind = %s, .a = %s, .b = %s%s}", kind, a, b, zeros);
    else if (init->a != 0)
        add_field(out, ".init = {.kind = %s, .a = %s}", kind, a);
    else
        add_field(out, ".init = {.kind = %s}", kind);
}

/* The buffer of the gradient of parameter `leaf`, or NONE. */
static int gradient_buffer(const Plan *plan, int leaf)
{
    const Model *model = plan->model;
    for (int u = 0; u < model->update_count; u++)
        if (model->updates[u].parameter == leaf && model->phase[PHASE_TRAIN].gradients[u] != NONE)
            return plan->buffer_of[model->phase[PHASE_TRAIN].gradients[u]];
    return NONE;
}

static void emit_tensor(const Plan *plan, int l, bool with_gradient, Text *out)
{
    static const char *const kind_name[] = {
        [LEAF_PARAMETER] = "NN_PARAMETER", [LEAF_SLOT] = "NN_SLOT", [LEAF_STATISTIC] = "NN_STATISTIC",
    };
    const Leaf *leaf = &plan->model->graph->leaves[l];
    const int buffer = plan->buffer_of[leaf->node], gradient = with_gradient ? gradient_buffer(plan, l) : NONE;
    int64_t stride[MAX_RANK + 1];
    buffer_strides(&plan->buffer[buffer], stride);

    begin_row(out);
    add_string_field(out, "name", leaf->name);
    add_field(out, ".kind = %s", kind_name[leaf->kind]);
    if (leaf->type.rank > 0)
        add_field(out, ".rank = %d", leaf->type.rank);
    add_sizes_field(out, "shape", leaf->type.size, leaf->type.rank);
    add_sizes_field(out, "stride", stride, leaf->type.rank);
    if (plan->model->emit == EMIT_LIBRARY)
        add_field(out, ".place = offsetof(struct State, %s)", plan->buffer[buffer].name);
    else
        add_field(out, ".data = %s", address(plan, buffer, out->arena));
    if (plan->model->emit != EMIT_PREDICT)
        add_init(plan, leaf, out);
    if (gradient != NONE)
        add_field(out, ".gradient = %s", address(plan, gradient, out->arena));
    end_row(out);
}

/* Parameters first, then statistics, then slots; false if there is nothing to hold. */
bool emit_tensors(const Plan *plan, bool with_gradient, Text *out)
{
    static const LeafKind order[] = {LEAF_PARAMETER, LEAF_STATISTIC, LEAF_SLOT};
    const Graph *graph = plan->model->graph;
    bool any = false;
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        any = any || is_held(plan, leaf);
        if (is_held(plan, leaf) && leaf->init.kind == NN_INIT_TABLE && plan->model->emit != EMIT_PREDICT)
            emit_doubles(initial_name(plan, leaf, out->arena), leaf->init.table, element_count(leaf->type), out);
    }
    if (!any)
        return false;
    text_print(out, "\n/* What %s, by PyTorch's names and shapes: element (i, j) is at %s[i stride[0] + j stride[1]]. */\n"
                    "%s NnTensor tensors[] = {\n", plan->model->emit == EMIT_PROGRAM ? "a checkpoint holds" : "outlives a step",
               plan->model->emit == EMIT_LIBRARY ? "place" : "data", table_storage(plan));
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int l = 0; l < graph->leaf_count; l++)
            if (graph->leaves[l].kind == order[k] && is_held(plan, &graph->leaves[l]))
                emit_tensor(plan, l, with_gradient, out);
    text_add(out, "};\n");
    return true;
}

/* ---- metrics and outputs ---- */

static void emit_metric(const Plan *plan, const Metric *metric, Text *out)
{
    static const char *const kind_name[] = {
        [METRIC_MEAN] = "NN_MEAN", [METRIC_SUM] = "NN_SUM", [METRIC_COUNTS] = "NN_COUNTS", [METRIC_R2] = "NN_R2",
    };
    Text parts = text_new(out->arena);
    for (int part = 0; part < 3; part++)
        if (metric->part[part] != NONE)
            text_print(&parts, "%s[%d] = %s", parts.length ? ", " : "", part,
                       address(plan, plan->buffer_of[metric->part[part]], out->arena));
    begin_row(out);
    add_string_field(out, "name", metric->name);
    add_field(out, ".kind = %s", kind_name[metric->kind]);
    if (metric->kind == METRIC_COUNTS)
        add_field(out, ".classes = %lld", (long long)plan->model->graph->nodes[metric->part[0]].type.size[0]);
    if (metric->kind == METRIC_R2)
        add_field(out, ".elements = %lld", (long long)metric->elements);
    add_field(out, ".part = {%s}", parts.bytes);
    if (metric->is_loss)
        add_field(out, ".is_loss = true");
    end_row(out);
}

static void emit_metrics(const Plan *plan, Text *out)
{
    text_print(out, "\n/* What is logged, and how the values of batches become that of an epoch or a set. */\n"
                    "%s NnMetric metrics[] = {\n", table_storage(plan));
    for (int m = 0; m < plan->model->metric_count; m++)
        emit_metric(plan, &plan->model->phase[PHASE_TRAIN].metrics[m], out);
    text_add(out, "};\n");
}

static void emit_output(const Plan *plan, const Output *output, Text *out)
{
    const Type type = plan->model->graph->nodes[output->node].type;
    begin_row(out);
    add_string_field(out, "name", output->name);
    if (type.rank > 0)
        add_field(out, ".rank = %d", type.rank);
    add_sizes_field(out, "shape", type.size, type.rank);
    if (type.per_row)
        add_field(out, ".per_row = true");
    if (type.scalar == INT)
        add_field(out, ".integer = true");
    add_field(out, ".data = %s", address(plan, plan->buffer_of[output->node], out->arena));
    end_row(out);
}

static void emit_outputs(const Plan *plan, Text *out)
{
    const Model *model = plan->model;
    text_print(out, "\n/* %s */\n%s NnOutput outputs[] = {\n",
               model->kind == MODEL_SHOW ? "What is printed." : "What --predict writes.", table_storage(plan));
    for (int o = 0; o < model->output_count; o++)
        emit_output(plan, &model->phase[PHASE_PREDICT].outputs[o], out);
    text_add(out, "};\n");
}

/* ---- the program ---- */

/* 64 bits of FNV-1a over everything that decides what is computed: not names or lines of the model, but those of its leaves. */
static uint64_t signature(const Graph *graph, Arena *arena)
{
    Text text = text_new(arena);
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        const Attributes *a = &node->attributes;
        text_print(&text, "%s %d %d %u %d %lld %lld %s %.17g", op_info[node->op].name, node->type.scalar, node->type.per_row, a->axes,
                   a->axis, (long long)a->from, (long long)a->to, a->letters, a->value);
        for (int d = 0; d < node->type.rank; d++)
            text_print(&text, " %lld/%d", (long long)node->type.size[d], a->order[d]);
        for (int o = 0; o < op_info[node->op].arity; o++)
            text_print(&text, " %%%d", node->operand[o]);
        for (int64_t i = 0; a->table && i < element_count(node->type); i++)
            text_print(&text, " %.17g", a->table[i]);
        text_print(&text, " %s\n", a->leaf == NONE ? "" : graph->leaves[a->leaf].name);
    }
    uint64_t hash = 14695981039346656037u;
    for (size_t i = 0; i < text.length; i++)
        hash = (hash ^ (unsigned char)text.bytes[i]) * 1099511628211u;
    return hash;
}

static int64_t flop_of_step(const Plan *plan)
{
    int64_t flop = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        flop += plan->kernel[PHASE_TRAIN][k].flop;
    return flop;
}

static bool any_in_threads(const Plan *plan)
{
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        if (runs_in_threads(plan, &plan->kernel[PHASE_TRAIN][k]))
            return true;
    return false;
}

static void emit_training(const Plan *plan, Text *out)
{
    const Model *model = plan->model;
    if (model->steps > 0)
        text_print(out, "    .steps = %lld,", (long long)model->steps);
    else
        text_print(out, "    .epochs = %lld,", (long long)model->epochs);
    text_print(out, " .lr = %s,%s", double_text(out->arena, model->optimizer.lr), model->schedule ? " .schedule = &schedule," : "");
    if (model->sweep.count)
        text_add(out, " .sweep = &sweep,");
    if (model->batch_all)
        text_add(out, " .batch_all = true,");
    if (model->least_rows > 0)
        text_print(out, " .least_rows = %lld, .least_rows_for = %s,", (long long)model->least_rows,
                   c_string(out->arena, model->least_rows_for));
    if (model->drop_last)
        text_add(out, " .drop_last = true,");
    if (model->validate_every > 1)
        text_print(out, " .validate_every = %lld,", (long long)model->validate_every);
    text_print(out, " .flop = %lld,%s\n", (long long)flop_of_step(plan), any_in_threads(plan) ? " .threads = true," : "");
    if (model->stop_metric)
        text_print(out, "    .stop_metric = %s, .stop_patience = %lld, .stop_min_delta = %s,%s\n",
                   c_string(out->arena, model->stop_metric), (long long)model->stop_patience,
                   double_text(out->arena, model->stop_min_delta), model->stop_rises ? " .stop_rises = true," : "");
}

static void emit_functions(const Plan *plan, bool can_check_gradients, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN, cuda = plan->target == TARGET_CUDA;
    if (cuda)
        text_add(out, "    .cuda = &cuda,\n");
    if (train && !cuda)
        text_add(out, "    .train_step = train_step,\n");
    if (train && can_check_gradients)
        text_add(out, "    .gradients = gradients,\n");
    if (train && has_phase(plan, PHASE_EVALUATE) && !cuda)
        text_add(out, "    .evaluate = evaluate,\n");
    if (has_phase(plan, PHASE_PREDICT) && !cuda)
        text_add(out, "    .predict = predict,\n");
    if (train && plan->plain)
        text_add(out, "    .find_not_finite = find_not_finite,\n");
}

static void emit_nn_program(const Plan *plan, const EmitOptions *options, bool has_tensors, Text *out)
{
    const Model *model = plan->model;
    const bool train = model->kind == MODEL_TRAIN;
    text_print(out, "\n%s NnProgram program = {\n    .model = %s,\n", table_storage(plan), c_string(out->arena, shown_path(model->path)));
    text_print(out, "    .signature = \"%016llx\",\n", (unsigned long long)signature(model->written ? model->written : model->graph, out->arena));
    if (train && options->check_command)
        text_print(out, "    .check_command = %s,\n", c_string(out->arena, options->check_command));
    text_print(out, "    .precision = %s, .batch = BATCH, .seed = %lluu,%s .memory = sizeof %sstate%s,\n",
               model->precision == F64 ? "NN_F64" : "NN_F32", (unsigned long long)model->seed,
               plan->target == TARGET_CUDA || is_state_allocated(plan) ? "" : " .state = &state,", is_state_allocated(plan) ? "*" : "",
               model->sweep.count ? " + (size_t)COPIES * KEPT" : "");
    if (train)
        emit_training(plan, out);
    if (has_data(model))
        text_add(out, "    .data = &data,\n    .inputs = inputs, .input_count = NN_COUNT(inputs),\n");
    if (has_tensors)
        text_add(out, "    .tensors = tensors, .tensor_count = NN_COUNT(tensors),\n");
    if (train)
        text_add(out, "    .metrics = metrics, .metric_count = NN_COUNT(metrics),\n");
    if (model->output_count > 0)
        text_add(out, "    .outputs = outputs, .output_count = NN_COUNT(outputs),\n");
    emit_functions(plan, options->can_check_gradients, out);
    text_add(out, "};\n");
}

static void emit_loop(const Plan *plan, Text *out)
{
    if (plan->model->kind == MODEL_SHOW)
        text_add(out, "    return nn_show(&program, argc, argv);               /* data into the inputs, predict, print */\n");
    else
        text_print(out,
                 "    NnRun *run = nn_start(&program, argc, argv);        /* flags, data, initial values; --predict and others end here */\n"
                 "    while (nn_next_epoch(run)) {\n"
                 "        for (NnStep step; nn_next_batch(run, &step);)   /* %s */\n"
                 "            nn_step_done(run, %s);\n"
                 "        nn_epoch_done(run);                             /* evaluates, logs, saves */\n"
                 "    }\n"
                 "    return nn_finish(run);\n",
                 plan->target == TARGET_CUDA ? "several steps are ahead of it on the GPU" : "the next rows are in the state's batch",
                 plan->target == TARGET_CUDA ? "nn_cuda_step(run, &step)" : "train_step(&step)");
}

static void add_indented(const char *lines, Text *out)
{
    while (*lines) {
        const size_t length = strcspn(lines, "\n") + 1;
        if (length > 1)
            text_add(out, "    ");
        text_add_bytes(out, lines, length);
        lines += length;
    }
}

const char *table_storage(const Plan *plan)
{
    return is_state_allocated(plan) ? "const" : "static const";
}

void emit_tables(const Plan *plan, const EmitOptions *options, Text *out)
{
    Text tables = text_new(out->arena);
    bool has_tensors = emit_tensors(plan, options->can_check_gradients, &tables);
    if (has_data(plan->model))
        emit_data(plan, &tables);
    if (plan->model->kind == MODEL_TRAIN)
        emit_metrics(plan, &tables);
    if (plan->model->output_count > 0)
        emit_outputs(plan, &tables);
    if (plan->model->sweep.count)
        emit_sweep(plan, &tables);
    if (plan->model->schedule)
        emit_schedule(plan->model->schedule, &tables);
    if (plan->target == TARGET_CUDA)
        emit_cuda_table(plan, options->gpu_arch, &tables);
    emit_nn_program(plan, options, has_tensors, &tables);

    section(out, "what the runtime is told");
    if (!is_state_allocated(plan))
        text_add(out, tables.bytes);
    text_add(out, "\nint main(int argc, char **argv)\n{\n");
    if (is_state_allocated(plan)) {
        text_add(out, "    state = nn_allocate_state(sizeof *state);           /* zeros; the tables below point into it */\n");
        add_indented(tables.bytes, out);
        text_add(out, "\n");
    }
    emit_loop(plan, out);
    text_add(out, "}\n");
}
