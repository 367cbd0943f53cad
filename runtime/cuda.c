/* cuda.c: an emitted CUDA program's device: what target.h asks of one, by the card (cuda_device.c), the data set on it
 * (cuda_data.c) and the steps (cuda_steps.c).
 *
 * One allocation holds it all: the state, laid out as on the host; the copies of nn.sweep; the records and results of groups of
 * steps; the data. */
#include "cuda_steps.h"
#include "failure.h"
#include "target.h"
#include "walk.h"

#include <stdio.h>

enum { LINE = 256, STREAMED_STEPS = 16, SPARE = 64 << 20 };   /* bytes that graphs and the driver may still take */

static NnAddress state, copies;

static size_t aligned(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

static void start(NnRun *run)
{
    static char name[160];
    nn_open_card(run->program->cuda, run->flags.device);
    snprintf(name, sizeof name, "%s (sm_%d)", nn_card.name, nn_card.capability);
    run->device_name = name;
}

static void open(NnRun *run)
{
    const NnCuda *cuda = run->program->cuda;
    const NnSweep *sweep = run->program->sweep;
    const size_t state_bytes = aligned(cuda->state_bytes), copies_bytes = sweep ? aligned((size_t)sweep->count * sweep->bytes) : 0;
    const size_t own = state_bytes + copies_bytes + nn_group_bytes(run);
    size_t rows = nn_staged_bytes(run);
    int streamed = 0;
    const bool is_too_large = own + rows + SPARE > nn_card.free && nn_streamed_bytes(run, STREAMED_STEPS) < rows;
    if (is_too_large || nn_must_stream(run)) {
        streamed = STREAMED_STEPS;
        rows = nn_streamed_bytes(run, streamed);
    }
    char what[160];
    snprintf(what, sizeof what, "state %zu, copies %zu, steps %zu, data %zu", state_bytes, copies_bytes, own - state_bytes - copies_bytes, rows);
    nn_allocate_on_card(own + rows, what);
    state = nn_card.memory;
    copies = state + state_bytes;
    run->device_bytes = own + rows;
    run->device_data_bytes = rows;
    nn_stage_data(run, state + own, streamed);
    nn_open_groups(run, copies + copies_bytes, state);
}

static double train_step(NnRun *run, const NnStep *step) { return nn_next_result(run, WORK_TRAIN, step); }
static void evaluate(NnRun *run, const NnStep *step)     { nn_next_result(run, WORK_EVALUATE, step); }

/* Where the device has what lies there in the host's state. */
static NnAddress on_device(const NnRun *run, const void *here)
{
    return state + (NnAddress)((const char *)here - (const char *)run->program->cuda->state);
}

static void predict(NnRun *run, const NnStep *step)
{
    const NnProgram *program = run->program;
    nn_next_result(run, WORK_PREDICT, step);
    for (int i = 0; i < program->output_count; i++) {
        const NnOutput *output = &program->outputs[i];
        const size_t element = output->integer ? sizeof(int32_t) : nn_real_bytes(program->precision);
        const size_t rows = output->per_row ? (size_t)step->rows : 1;
        nn_download((void *)output->data, on_device(run, output->data), rows * (size_t)nn_element_count(output->rank, output->shape) * element);
    }
    nn_wait_for_card();
}

/* ---- the state, there and back ---- */

static void move_tensors(NnRun *run, bool up)
{
    for (int i = 0; i < run->program->tensor_count; i++) {
        const NnTensor *tensor = &run->program->tensors[i];
        const size_t bytes = (size_t)nn_tensor_span(tensor) * nn_real_bytes(run->program->precision);
        if (up)
            nn_upload(on_device(run, tensor->data), tensor->data, bytes);
        else
            nn_download(tensor->data, on_device(run, tensor->data), bytes);
    }
}

static void push(NnRun *run)
{
    const NnSweep *sweep = run->program->sweep;
    nn_drop_groups(run);
    nn_check_driver(nn_driver.cuMemsetD8Async(state, 0, run->program->cuda->state_bytes, nn_card.stream), "clear memory");
    move_tensors(run, true);
    if (sweep) {
        nn_upload(on_device(run, sweep->state), sweep->state, sweep->bytes);
        nn_upload(copies, sweep->copies, (size_t)sweep->count * sweep->bytes);
    }
    nn_wait_for_card();
}

static void pull(NnRun *run)
{
    const NnSweep *sweep = run->program->sweep;
    move_tensors(run, false);
    if (sweep) {
        nn_download(sweep->state, on_device(run, sweep->state), sweep->bytes);
        nn_download(sweep->copies, copies, (size_t)sweep->count * sweep->bytes);
    }
    nn_wait_for_card();
}

/* A checkpoint is read copy by copy before the device has any memory; what it holds is pushed later. */
static void take_copy(NnRun *run, int before, int copy)
{
    if (!state)
        return;
    const NnSweep *sweep = run->program->sweep;
    const NnAddress here = on_device(run, sweep->state);
    nn_copy_on_card(copies + (NnAddress)before * sweep->bytes, here, sweep->bytes);
    nn_copy_on_card(here, copies + (NnAddress)copy * sweep->bytes, sweep->bytes);
}

static void close(NnRun *run)
{
    nn_drop_groups(run);
    nn_close_card();
}

const struct NnDevice nn_cuda_device = {
    .start = start, .open = open, .train_step = train_step, .evaluate = evaluate, .predict = predict, .push = push, .pull = pull,
    .take_copy = take_copy, .time_steps = nn_time_groups, .measure = nn_measure_card, .close = close,
};

double nn_cuda_step(NnRun *run, const NnStep *step) { return train_step(run, step); }
