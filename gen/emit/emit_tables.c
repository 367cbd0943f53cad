/* emit_tables.c: the static tables that tell the runtime what the program is: tensors, data, inputs, metrics, outputs, and the
 * NnProgram over them; then main.
 *
 * All fields are named, and those that are zero left out, so that a table reads as a description. Tables without rows are left
 * out with their field. */
#include "emit/emit_parts.h"
#include <math.h>
#include <string.h>

/* ---- small pieces ---- */

/* "state.fc1_weight", or with & for a scalar: the address of a buffer as a constant expression. */
static const char *address(const Plan *plan, int buffer, Arena *arena)
{
    const Buffer *b = &plan->buffer[buffer];
    return arena_print(arena, "%sstate.%s", b->rank == 0 ? "&" : "", b->name);
}

static void emit_sizes(Text *out, const char *field, const int64_t *size, int rank)
{
    if (rank == 0)
        return;
    text_print(out, ".%s = {", field);
    for (int d = 0; d < rank; d++)
        text_print(out, "%s%lld", d ? ", " : "", (long long)size[d]);
    text_add(out, "}, ");
}

/* Drops the ", " after the last field of a row. */
static void end_row(Text *out)
{
    out->length -= 2;
    out->bytes[out->length] = '\0';
    text_add(out, "},\n");
}

/* Goes on with the row on a new line if `next` would not fit on this one. */
static void field(Text *out, const char *next)
{
    if (text_column(out) + strlen(next) > LINE) {
        out->length--;                                  /* the space after the last comma */
        out->bytes[out->length] = '\0';
        text_add(out, "\n     ");
    }
    text_add(out, next);
}

static const char *double_text(Arena *arena, double value)
{
    return number(arena, value, true);
}

static void emit_numbers_table(const char *name, const double *values, int64_t count, Text *out)
{
    text_print(out, "static const double %s[] = {\n    ", name);
    if (count == 0)
        text_add(out, "0");                             /* C has no empty arrays */
    emit_numbers(values, count, DOUBLES, 4, out);
    text_add(out, "\n};\n");
}

/* ---- tensors ---- */

static const char *initial_name(const Plan *plan, const Leaf *leaf, Arena *arena)
{
    return arena_print(arena, "initial_%s", plan->buffer[plan->buffer_of[leaf->node]].name);
}

static const char *init_text(const Plan *plan, const Leaf *leaf, Arena *arena)
{
    const NnInit *init = &leaf->init;
    switch (init->kind) {
    case NN_INIT_CONSTANT:
        if (init->a == 0)
            return ".init = {.kind = NN_INIT_CONSTANT}, ";
        return arena_print(arena, ".init = {.kind = NN_INIT_CONSTANT, .a = %s}, ", double_text(arena, init->a));
    case NN_INIT_UNIFORM:
    case NN_INIT_NORMAL:
        return arena_print(arena, ".init = {.kind = %s, .a = %s, .b = %s}, ",
                           init->kind == NN_INIT_UNIFORM ? "NN_INIT_UNIFORM" : "NN_INIT_NORMAL", double_text(arena, init->a),
                           double_text(arena, init->b));
    case NN_INIT_TABLE:
        return arena_print(arena, ".init = {.kind = NN_INIT_TABLE, .table = %s}, ", initial_name(plan, leaf, arena));
    }
    bug("no such initialiser: %d", (int)init->kind);
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
    const int b = plan->buffer_of[leaf->node];
    int64_t stride[MAX_RANK + 1];
    buffer_strides(&plan->buffer[b], stride);

    text_print(out, "    {.name = %s, .kind = %s, ", c_string(out->arena, leaf->name), kind_name[leaf->kind]);
    if (leaf->type.rank > 0)
        text_print(out, ".rank = %d, ", leaf->type.rank);
    emit_sizes(out, "shape", leaf->type.size, leaf->type.rank);
    emit_sizes(out, "stride", stride, leaf->type.rank);
    field(out, arena_print(out->arena, ".data = %s, ", address(plan, b, out->arena)));
    field(out, init_text(plan, leaf, out->arena));
    int gradient = with_gradient && leaf->kind == LEAF_PARAMETER ? gradient_buffer(plan, l) : NONE;
    if (gradient != NONE)
        field(out, arena_print(out->arena, ".gradient = %s, ", address(plan, gradient, out->arena)));
    end_row(out);
}

/* Calls `emit` for each leaf of `kind` that the program has. */
static bool is_held(const Plan *plan, const Leaf *leaf)
{
    return leaf->kind != LEAF_INPUT && plan->buffer_of[leaf->node] != NONE;
}

static bool emit_tensors(const Plan *plan, bool with_gradient, Text *out)
{
    static const LeafKind order[] = {LEAF_PARAMETER, LEAF_STATISTIC, LEAF_SLOT};
    const Graph *graph = plan->model->graph;
    bool any = false;
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        any = any || is_held(plan, leaf);
        if (is_held(plan, leaf) && leaf->init.kind == NN_INIT_TABLE)
            emit_numbers_table(initial_name(plan, leaf, out->arena), leaf->init.table, element_count(leaf->type), out);
    }
    if (!any)
        return false;
    text_add(out, "\n/* What a checkpoint holds, by PyTorch's names and shapes: element (i, j) is at data[i stride[0] + j stride[1]]. */\n"
                  "static const NnTensor tensors[] = {\n");
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int l = 0; l < graph->leaf_count; l++)
            if (graph->leaves[l].kind == order[k] && is_held(plan, &graph->leaves[l]))
                emit_tensor(plan, l, with_gradient, out);
    text_add(out, "};\n");
    return true;
}

/* ---- data ---- */

static const char *const set_name[NN_SETS] = {[NN_TRAIN] = "NN_TRAIN", [NN_VALIDATION] = "NN_VALIDATION", [NN_TEST] = "NN_TEST"};
static const char *const set_word[NN_SETS] = {[NN_TRAIN] = "train", [NN_VALIDATION] = "validation", [NN_TEST] = "test"};

/* ".file = {[NN_TRAIN] = "a.csv", [NN_TEST] = "b.csv"}, "; nothing if no set has a value. */
static void emit_sets(Text *out, const char *name, const char *const value[NN_SETS])
{
    Text text = text_new(out->arena);
    for (int set = 0; set < NN_SETS; set++)
        if (value[set])
            text_print(&text, "%s[%s] = %s", text.length ? ", " : "", set_name[set], value[set]);
    if (text.length)
        field(out, arena_print(out->arena, ".%s = {%s}, ", name, text.bytes));
}

static void emit_files(Text *out, const char *const file[NN_SETS])
{
    const char *value[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        if (file[set])
            value[set] = c_string(out->arena, file[set]);
    emit_sets(out, "file", value);
}

static void emit_counts(Text *out, const char *name, const int64_t count[NN_SETS])
{
    const char *value[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        if (count[set] != 0)
            value[set] = arena_print(out->arena, "%lld", (long long)count[set]);
    emit_sets(out, name, value);
}

static void emit_data(const NnData *data, Text *out)
{
    static const char *const kind_name[] = {
        [NN_DATA_IDX] = "NN_DATA_IDX", [NN_DATA_CSV] = "NN_DATA_CSV", [NN_DATA_TABLE] = "NN_DATA_TABLE", [NN_DATA_NPY] = "NN_DATA_NPY",
        [NN_DATA_NPZ] = "NN_DATA_NPZ", [NN_DATA_SAFETENSORS] = "NN_DATA_SAFETENSORS", [NN_DATA_IMAGES] = "NN_DATA_IMAGES",
        [NN_DATA_TEXT] = "NN_DATA_TEXT",
    };
    const char *share[NN_SETS] = {NULL};
    text_print(out, "\nstatic const NnData data = {\n    .kind = %s, ", kind_name[data->kind]);
    emit_files(out, data->file);
    emit_counts(out, "table_rows", data->table_rows);
    if (data->by_byte)
        field(out, ".by_byte = true, ");
    emit_counts(out, "first_rows", data->first_rows);
    for (int set = 0; set < NN_SETS; set++)
        if (data->share[set] > 0)
            share[set] = double_text(out->arena, data->share[set]);
    emit_sets(out, "share", share);
    if (data->stratify)
        field(out, arena_print(out->arena, ".stratify = %s, ", c_string(out->arena, data->stratify)));
    if (data->no_shuffle)
        field(out, ".no_shuffle = true, ");
    if (data->folder && data->folder[0] != '/')
        field(out, arena_print(out->arena, ".folder = %s, ", c_string(out->arena, data->folder)));
    if (data->default_folder)
        field(out, arena_print(out->arena, ".default_folder = %s, ", c_string(out->arena, data->default_folder)));
    out->length -= 2;
    out->bytes[out->length] = '\0';
    text_add(out, "\n};\n");
}

static const Leaf *input_leaf(const Plan *plan, const char *name)
{
    const Graph *graph = plan->model->graph;
    for (int l = 0; l < graph->leaf_count; l++)
        if (graph->leaves[l].kind == LEAF_INPUT && strcmp(graph->leaves[l].name, name) == 0)
            return &graph->leaves[l];
    bug("input %s has no leaf", name);
}

static const char *rows_name(int input, int set, Arena *arena)
{
    return arena_print(arena, "rows_%d_%s", input + 1, set_word[set]);
}

static void emit_rows(const Plan *plan, Text *out)
{
    for (int i = 0; i < plan->model->input_count; i++) {
        const NnInput *input = &plan->model->inputs[i];
        for (int set = 0; set < NN_SETS; set++)
            if (input->table[set]) {
                text_add(out, "\n");
                comment_line(out, 0, arena_print(out->arena, "%s, %s", input->name, set_word[set]));
                emit_numbers_table(rows_name(i, set, out->arena), input->table[set],
                                   plan->model->data.table_rows[set] * input->elements, out);
            }
    }
}

static void emit_columns(Text *out, const NnColumns *columns)
{
    if (columns->name)
        field(out, arena_print(out->arena, ".columns = {.name = %s}, ", c_string(out->arena, columns->name)));
    else if (columns->first != 0)
        field(out, arena_print(out->arena, ".columns = {.first = %d, .last = %d}, ", columns->first, columns->last));
}

static void emit_augment(Text *out, const NnAugment *augment)
{
    if (augment->shift > 0)
        field(out, arena_print(out->arena, ".augment = {.shift = %d%s}, ", augment->shift, augment->flip ? ", .flip = true" : ""));
    else if (augment->flip)
        field(out, ".augment = {.flip = true}, ");
}

static void emit_input(const Plan *plan, int i, Text *out)
{
    const NnInput *input = &plan->model->inputs[i];
    const int b = plan->buffer_of[input_leaf(plan, input->name)->node];
    text_print(out, "    {.name = %s, ", c_string(out->arena, input->name));
    if (input->classes > 0)
        text_print(out, ".classes = %d, ", input->classes);
    if (input->rank > 0)
        text_print(out, ".rank = %d, ", input->rank);
    emit_sizes(out, "shape", input->shape, input->rank);
    text_print(out, ".elements = %lld, ", (long long)input->elements);
    if (b != NONE)
        field(out, arena_print(out->arena, ".batch = %s, ", address(plan, b, out->arena)));
    emit_files(out, input->file);
    const char *table[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        if (input->table[set])
            table[set] = rows_name(i, set, out->arena);
    emit_sets(out, "table", table);
    emit_columns(out, &input->columns);
    if (input->later > 0)
        field(out, arena_print(out->arena, ".later = %d, ", input->later));
    field(out, arena_print(out->arena, ".scale = %s, .mean = %s, .std = %s, ", double_text(out->arena, input->scale),
                           double_text(out->arena, input->mean), double_text(out->arena, input->std)));
    if (input->standardize != NN_AS_IS)
        field(out, input->standardize == NN_BY_FEATURE ? ".standardize = NN_BY_FEATURE, " : ".standardize = NN_BY_ALL, ");
    emit_augment(out, &input->augment);
    end_row(out);
}

static bool has_data(const Model *model)
{
    return model->data.kind != NN_DATA_NONE && model->input_count > 0;
}

static void emit_inputs(const Plan *plan, Text *out)
{
    emit_rows(plan, out);
    emit_data(&plan->model->data, out);
    text_add(out, "\n/* A value x of the data becomes (x scale - mean) / std. */\nstatic const NnInput inputs[] = {\n");
    for (int i = 0; i < plan->model->input_count; i++)
        emit_input(plan, i, out);
    text_add(out, "};\n");
}

/* ---- metrics and outputs ---- */

static void emit_metrics(const Plan *plan, Text *out)
{
    static const char *const kind_name[] = {
        [METRIC_MEAN] = "NN_MEAN", [METRIC_SUM] = "NN_SUM", [METRIC_COUNTS] = "NN_COUNTS", [METRIC_R2] = "NN_R2",
    };
    const Model *model = plan->model;
    text_add(out, "\n/* What is logged, and how the values of batches become that of an epoch or a set. */\n"
                  "static const NnMetric metrics[] = {\n");
    for (int m = 0; m < model->metric_count; m++) {
        const Metric *metric = &model->phase[PHASE_TRAIN].metrics[m];
        text_print(out, "    {.name = %s, .kind = %s, ", c_string(out->arena, metric->name), kind_name[metric->kind]);
        if (metric->kind == METRIC_COUNTS)
            text_print(out, ".classes = %lld, ", (long long)model->graph->nodes[metric->part[0]].type.size[0]);
        if (metric->kind == METRIC_R2)
            text_print(out, ".elements = %lld, ", (long long)metric->elements);
        Text parts = text_new(out->arena);
        for (int part = 0; part < 3; part++)
            if (metric->part[part] != NONE)
                text_print(&parts, "%s[%d] = %s", parts.length ? ", " : "", part,
                           address(plan, plan->buffer_of[metric->part[part]], out->arena));
        field(out, arena_print(out->arena, ".part = {%s}, ", parts.bytes));
        if (metric->is_loss)
            field(out, ".is_loss = true, ");
        end_row(out);
    }
    text_add(out, "};\n");
}

static void emit_outputs(const Plan *plan, Text *out)
{
    const Model *model = plan->model;
    text_print(out, "\n/* %s */\nstatic const NnOutput outputs[] = {\n",
               model->kind == MODEL_SHOW ? "What is printed." : "What --predict writes.");
    for (int o = 0; o < model->output_count; o++) {
        const Output *output = &model->phase[PHASE_PREDICT].outputs[o];
        const Type type = model->graph->nodes[output->node].type;
        text_print(out, "    {.name = %s, ", c_string(out->arena, output->name));
        if (type.rank > 0)
            text_print(out, ".rank = %d, ", type.rank);
        emit_sizes(out, "shape", type.size, type.rank);
        if (type.per_row)
            field(out, ".per_row = true, ");
        if (type.scalar == INT)
            field(out, ".integer = true, ");
        field(out, arena_print(out->arena, ".data = %s, ", address(plan, plan->buffer_of[output->node], out->arena)));
        end_row(out);
    }
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

static void emit_training(const Plan *plan, const EmitOptions *options, Text *out)
{
    const Model *model = plan->model;
    Arena *arena = out->arena;
    if (options->check_command)
        text_print(out, "    .check_command = %s,\n", c_string(arena, options->check_command));
    if (model->steps > 0)
        text_print(out, "    .steps = %lld,", (long long)model->steps);
    else
        text_print(out, "    .epochs = %lld,", (long long)model->epochs);
    text_print(out, " .lr = %s,", double_text(arena, model->optimizer.lr));
    if (model->batch_all)
        text_add(out, " .batch_all = true,");
    if (model->drop_last)
        text_add(out, " .drop_last = true,");
    if (model->validate_every > 1)
        text_print(out, " .validate_every = %lld,", (long long)model->validate_every);
    if (model->stop_metric)
        text_print(out, "\n    .stop_metric = %s, .stop_patience = %lld, .stop_min_delta = %s,", c_string(arena, model->stop_metric),
                   (long long)model->stop_patience, double_text(arena, model->stop_min_delta));
    text_print(out, "\n    .flop = %lld,\n", (long long)flop_of_step(plan));
}

static void emit_functions(const Plan *plan, const EmitOptions *options, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN;
    if (train)
        text_add(out, "    .train_step = train_step,\n");
    if (train && options->can_check_gradients)
        text_add(out, "    .gradients = gradients,\n");
    if (train && has_phase(plan, PHASE_EVALUATE))
        text_add(out, "    .evaluate = evaluate,\n");
    if (has_phase(plan, PHASE_PREDICT))
        text_add(out, "    .predict = predict,\n");
    if (train && plan->plain)
        text_add(out, "    .find_not_finite = find_not_finite,\n");
}

static void emit_nn_program(const Plan *plan, const EmitOptions *options, bool has_tensors, Text *out)
{
    const Model *model = plan->model;
    text_print(out, "\nstatic const NnProgram program = {\n    .model = %s,\n", c_string(out->arena, shown_path(model->path)));
    text_print(out, "    .signature = \"%016llx\",\n", (unsigned long long)signature(model->graph, out->arena));
    text_print(out, "    .precision = %s, .batch = BATCH, .seed = %lluu, .memory = sizeof state,\n",
               model->precision == F64 ? "NN_F64" : "NN_F32", (unsigned long long)model->seed);
    if (model->kind == MODEL_TRAIN)
        emit_training(plan, options, out);
    if (has_data(model))
        text_add(out, "    .data = &data,\n    .inputs = inputs, .input_count = NN_COUNT(inputs),\n");
    if (has_tensors)
        text_add(out, "    .tensors = tensors, .tensor_count = NN_COUNT(tensors),\n");
    if (model->kind == MODEL_TRAIN)
        text_add(out, "    .metrics = metrics, .metric_count = NN_COUNT(metrics),\n");
    if (model->output_count > 0)
        text_add(out, "    .outputs = outputs, .output_count = NN_COUNT(outputs),\n");
    emit_functions(plan, options, out);
    text_add(out, "};\n");
}

static void emit_main(ModelKind kind, Text *out)
{
    text_add(out, "\nint main(int argc, char **argv)\n{\n");
    if (kind == MODEL_SHOW)
        text_add(out, "    return nn_show(&program, argc, argv);               /* data into the inputs, predict, print */\n");
    else
        text_add(out,
                 "    NnRun *run = nn_start(&program, argc, argv);        /* flags, data, initial values; --predict and others end here */\n"
                 "    while (nn_next_epoch(run)) {\n"
                 "        for (NnStep step; nn_next_batch(run, &step);)   /* the next rows are in the state's batch */\n"
                 "            nn_step_done(run, train_step(&step));\n"
                 "        nn_epoch_done(run);                             /* evaluates, logs, saves */\n"
                 "    }\n"
                 "    return nn_finish(run);\n");
    text_add(out, "}\n");
}

void emit_tables(const Plan *plan, const EmitOptions *options, Text *out)
{
    const Model *model = plan->model;
    section(out, "what the runtime is told");
    bool has_tensors = emit_tensors(plan, options->can_check_gradients, out);
    if (has_data(model))
        emit_inputs(plan, out);
    if (model->kind == MODEL_TRAIN)
        emit_metrics(plan, out);
    if (model->output_count > 0)
        emit_outputs(plan, out);
    emit_nn_program(plan, options, has_tensors, out);
    emit_main(model->kind, out);
}
