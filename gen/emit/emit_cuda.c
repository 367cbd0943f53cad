/* emit_cuda.c: what a CUDA program has besides the kernels of its plan: the text before them, the kernels that fetch the batch,
 * look at the loss and move results, and the table that tells the runtime of them all. */
#include "emit/emit_cuda.h"
#include "emit/emit_fields.h"
#include <nngen/cuda.h>
#include <nngen/random.h>
#include <string.h>

static Place model_place(const Plan *plan, int line)
{
    return (Place){plan->model->path, line > 0 ? line : 1};
}

static const char *file_of(const Plan *plan, Arena *arena)
{
    const char *slash = strrchr(plan->model->path, '/');
    return c_string(arena, slash ? slash + 1 : plan->model->path);
}

/* ---- before the kernels -------------------------------------------------------------------------------------------------- */

void emit_device_text(const Plan *plan, const bool *tables, Text *out)
{
    section(out, "what the GPU compiles");
    text_add(out, "\n/* NN_CUDA makes a string of a kernel, for NVRTC when the program runs; nngen/device.h is what kernels stand on. A kernel's\n"
                  " * name is followed by its blocks and the threads of each; threads of a block that need each other's values wait at\n"
                  " * __syncthreads. Arrays are those of struct State, of which the GPU has a copy. */\n"
                  "static const char device_text[] =\n    \"#include <nngen/device.h>\\n\"\n");
    text_print(out, "    NN_CUDA_TEXT(%s, 1, enum { BATCH = %lld };)", file_of(plan, out->arena), (long long)plan->model->batch);
    for (NodeId id = 0; id < plan->model->graph->count; id++)
        if (tables[id]) {
            text_print(out, "\nNN_CUDA_TEXT(%s, %d,\n", file_of(plan, out->arena), plan->model->graph->nodes[id].origin.place.line);
            emit_table_of(plan, id, "NN_CONSTANT", out);
            text_add(out, ")");
        }
    text_add(out, ";\n");
}

/* ---- the batch ------------------------------------------------------------------------------------------------------------ */

enum { GATHER_THREADS = 256, COPY_THREADS = 256 };

static int buffer_of_input(const Plan *plan, int input)
{
    const Graph *graph = plan->model->graph;
    for (int l = 0; l < graph->leaf_count; l++)
        if (graph->leaves[l].kind == LEAF_INPUT && strcmp(graph->leaves[l].name, plan->model->inputs[input].name) == 0)
            return plan->buffer_of[graph->leaves[l].node];
    return NONE;
}

static int line_of_input(const Plan *plan, int input)
{
    const int buffer = buffer_of_input(plan, input);
    return plan->model->graph->leaves[plan->buffer[buffer].leaf].place.line;
}

/* A thread gathers an element of a row, which has a block; of rows of one element, a whole row. */
static int gather_threads(int64_t elements)
{
    return elements == 1 || elements >= GATHER_THREADS ? GATHER_THREADS : (int)(elements + 31) / 32 * 32;
}

/* Does the program fetch this input's rows? One that no kernel reads is there for `stratify`. */
static bool is_gathered(const Plan *plan, int input)
{
    return has_data(plan->model) && buffer_of_input(plan, input) != NONE;
}

static void emit_plain_gather(const char *name, int64_t elements, Text *out)
{
    text_print(out, "    for (int i = threadIdx.x; i < %lld; i += %d)\n", (long long)elements, gather_threads(elements));
    text_print(out, "        %s[b][i] = rows[row][i];\n", name);
}

/* A stored 0, as the data's conversion makes it: what comes in from outside when an image is moved. */
static const char *stored_zero(const Plan *plan, const NnInput *input, Arena *arena)
{
    const double zero = (0 * input->scale - input->mean) / input->std;
    return arena_print(arena, "%s%s", number(arena, zero, plan->model->precision == F64), plan->model->precision == F32 ? "f" : "");
}

static void emit_moved_gather(const Plan *plan, const NnInput *input, const char *name, Text *out)
{
    const long long height = input->shape[input->rank - 2], width = input->shape[input->rank - 1], size = input->elements;
    text_print(out, "    const NnMove move = nn_draw_move(step->seed, step->epoch, row - step->set_first, %uu, %d, %s);\n",
               (unsigned)nn_move_stream(input->name), input->augment.shift, input->augment.flip ? "true" : "false");
    text_print(out, "    for (int i = threadIdx.x; i < %lld; i += %d) {\n", size, gather_threads(size));
    text_print(out, "        const int y = i / %lld %% %lld - move.down, x = i %% %lld - move.right;\n", width, height, width);
    text_print(out, "        const int from = i / %lld * %lld + y * %lld + (move.is_mirrored ? %lld - x : x);\n", width * height, width * height, width, width - 1);
    text_print(out, "        const bool is_inside = y >= 0 && y < %lld && x >= 0 && x < %lld;\n", height, width);
    text_print(out, "        %s[b][i] = !step->is_augmented ? rows[row][i] : is_inside ? rows[row][from] : %s;\n", name,
               stored_zero(plan, input, out->arena));
    text_add(out, "    }\n");
}

static void emit_gather(const Plan *plan, int i, Text *out)
{
    const NnInput *input = &plan->model->inputs[i];
    const int buffer = buffer_of_input(plan, i);
    const char *name = plan->buffer[buffer].name, *type = real_type(plan, plan->buffer[buffer].scalar);
    const char *kernel = arena_print(out->arena, "gather_%s", name);
    text_add(out, "\n");
    comment_line(out, 0, arena_print(out->arena, "%s: the rows of the batch, out of all those that the GPU holds", input->name));
    const int threads = gather_threads(input->elements);
    const long long elements = input->elements, batch = plan->model->batch;
    emit_device_name(kernel, elements == 1 ? (batch + threads - 1) / threads : batch, threads, model_place(plan, line_of_input(plan, i)), out);
    if (elements == 1) {
        text_print(out, "const NnDeviceStep *step, const %s *rows, %s %s[BATCH])\n{\n", type, type, name);
        text_print(out, "    const int b = blockIdx.x * %d + threadIdx.x;\n    if (b < BATCH)\n        %s[b] = rows[nn_row(step, b)];\n})\n", threads, name);
        return;
    }
    text_print(out, "\n    const NnDeviceStep *step, const %s rows[][%lld], %s %s[BATCH][%lld])\n{\n", type, elements, type, name, elements);
    text_add(out, "    const int b = blockIdx.x;\n    const int64_t row = nn_row(step, b);\n");
    if (nn_is_moved_on_device(input))
        emit_moved_gather(plan, input, name, out);
    else
        emit_plain_gather(name, elements, out);
    text_add(out, "})\n");
}

void emit_gather_launches(const Plan *plan, Text *out)
{
    for (int i = 0; i < plan->model->input_count; i++)
        if (is_gathered(plan, i)) {
            const char *name = plan->buffer[buffer_of_input(plan, i)].name;
            text_print(out, "    NN_LAUNCH(gather_%s, step, nn_cuda_rows(%d), s->%s);\n", name, i, name);
        }
}

/* ---- the loss, results ------------------------------------------------------------------------------------------------------ */

/* The parts of the loss; how many. */
static int loss_parts(const Plan *plan, int *buffer)
{
    const Metric *loss = &plan->model->phase[PHASE_TRAIN].metrics[0];
    int count = 0;
    for (int part = 0; part < 2; part++)
        if (loss->part[part] != NONE)
            buffer[count++] = plan->buffer_of[loss->part[part]];
    return count;
}

static void emit_check(const Plan *plan, Text *out)
{
    int part[2];
    const int count = loss_parts(plan, part);
    const char *real = real_type(plan, FLOAT);
    text_add(out, "\n/* A loss that is not finite: from now on no update does anything, until the runtime has seen it. */\n");
    emit_device_name("check_loss", 1, 32, model_place(plan, plan->model->phase[PHASE_TRAIN].metrics[0].place.line), out);
    for (int p = 0; p < count; p++)
        text_print(out, "const %s *%s, ", real, p ? "penalty" : "loss");
    text_add(out, "int *nn_stopped)\n{\n");
    text_print(out, "    const %s value = *loss%s;\n", real, count > 1 ? " + *penalty" : "");
    text_add(out, "    if (threadIdx.x == 0 && value - value != 0)\n        *nn_stopped = 1;\n})\n");
}

void emit_check_launch(const Plan *plan, Text *out)
{
    int part[2];
    const int count = loss_parts(plan, part);
    text_add(out, "    NN_LAUNCH(check_loss, ");
    for (int p = 0; p < count; p++)
        text_print(out, "&s->%s, ", plan->buffer[part[p]].name);
    text_add(out, "&s->nn_stopped);\n\n");
}

/* Calls `visit` for each metric that evaluation leaves somewhere else than training does, where the runtime looks. */
static bool each_moved_metric(const Plan *plan, void (*visit)(const Plan *plan, int from, int to, Text *out), Text *out)
{
    const Metric *train = plan->model->phase[PHASE_TRAIN].metrics, *evaluate = plan->model->phase[PHASE_EVALUATE].metrics;
    bool any = false;
    for (int m = 0; has_phase(plan, PHASE_EVALUATE) && m < plan->model->metric_count; m++)
        for (int part = 0; part < 3; part++) {
            if (train[m].part[part] == NONE || evaluate[m].part[part] == NONE)
                continue;
            const int from = plan->buffer_of[evaluate[m].part[part]], to = plan->buffer_of[train[m].part[part]];
            if (from == to)
                continue;
            any = true;
            if (visit)
                visit(plan, from, to, out);
        }
    return any;
}

static void launch_move(const Plan *plan, int from, int to, Text *out)
{
    const Buffer *b = &plan->buffer[to];
    const char *address = b->rank == 0 ? "&" : "";
    text_print(out, "    NN_LAUNCH(copy_result, %ss->%s, %ss->%s, NN_INT(%lld));\n", address, plan->buffer[from].name, address, b->name,
               (long long)(b->bytes / (plan->model->precision == F32 ? 4 : 8)));
}

void emit_metric_launches(const Plan *plan, Text *out)
{
    each_moved_metric(plan, launch_move, out);
}

void emit_service_kernels(const Plan *plan, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN;
    bool titled = false;
    for (int i = 0; i < plan->model->input_count; i++)
        if (is_gathered(plan, i)) {
            if (!titled)
                section(out, "the batch");
            titled = true;
            emit_gather(plan, i, out);
        }
    if (train) {
        section(out, "what the runtime reads");
        emit_check(plan, out);
    }
    if (train && each_moved_metric(plan, NULL, out)) {
        const char *real = real_type(plan, FLOAT);
        text_add(out, "\n/* A metric as evaluation has it, to where the runtime reads it. */\n");
        emit_device_name("copy_result", 1, COPY_THREADS, model_place(plan, 0), out);
        text_print(out, "const %s *from, %s *to, int count)\n{\n    for (int i = threadIdx.x; i < count; i += %d)\n        to[i] = from[i];\n})\n",
                   real, real, COPY_THREADS);
    }
}

/* ---- the table ---------------------------------------------------------------------------------------------------------------- */

/* Every kernel that emit_kernel and emit_service_kernels made. */
void emit_cuda_table(const Plan *plan, bool has_cubin, Text *out)
{
    text_add(out, "\nstatic NnKernel *const kernels[] = {\n    ");
    int count = 0;
#define ADD(...) do { \
        const char *item = arena_print(out->arena, __VA_ARGS__); \
        text_add(out, count++ == 0 ? "" : text_column(out) + strlen(item) + 3 > LINE ? ",\n    " : ", "); \
        text_add(out, item); \
    } while (0)
    for (int i = 0; i < plan->model->input_count; i++)
        if (is_gathered(plan, i))
            ADD("&gather_%s", plan->buffer[buffer_of_input(plan, i)].name);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            if (plan->kernel[phase][k].same_as == NONE)
                ADD("&%s", plan->kernel[phase][k].name);
    if (plan->model->kind == MODEL_TRAIN)
        ADD("&check_loss");
    if (plan->model->kind == MODEL_TRAIN && each_moved_metric(plan, NULL, out))
        ADD("&copy_result");
#undef ADD
    text_add(out, "\n};\n");
    text_print(out, "\n%s NnCuda cuda = {\n    .device = &nn_cuda_device, .text = device_text, .file = %s,\n", table_storage(plan), file_of(plan, out->arena));
    text_add(out, "    .kernels = kernels, .kernel_count = NN_COUNT(kernels),\n");
    text_print(out, "    .state = %sstate, .state_bytes = sizeof %sstate,\n", is_state_allocated(plan) ? "" : "&", is_state_allocated(plan) ? "*" : "");
    if (plan->model->kind == MODEL_TRAIN)
        text_add(out, "    .train_step = train_step,\n");
    if (plan->model->kind == MODEL_TRAIN && has_phase(plan, PHASE_EVALUATE))
        text_add(out, "    .evaluate = evaluate,\n");
    if (has_phase(plan, PHASE_PREDICT))
        text_add(out, "    .predict = predict,\n");
    if (plan->model->products != PRODUCTS_FULL)
        text_print(out, "    .least_capability = %d,\n", LEAST_FOR_ROUNDED);
    if (has_cubin)
        text_add(out, "    .cubin = &cubin,\n");
    if (plan->mode == KERNELS_GENERIC)
        text_add(out, "    .one_by_one = true,\n");
    text_add(out, "};\n");
}
