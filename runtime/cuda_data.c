/* cuda_data.c: the data set on the device.
 *
 * All sets lie there one after the other, each input an array of rows in the program's precision, converted here by the same
 * code as for C; a kernel of the program gathers a batch by the step's record (device_step.h). A set that does not fit streams
 * instead: the host gathers the batches of a group of steps and uploads them to places of their own, and the record says so. So does one
 * with an input that is augmented and standardized: rows are moved before they are converted, and by feature each place has a mean. */
#include "cuda_steps.h"
#include "failure.h"
#include "memory.h"
#include "source.h"
#include "target.h"
#include "walk.h"

#include <string.h>

enum { LINE = 256, MOST_INPUTS = 64, CHUNK = 8 << 20, BUFFERS = 2 };

static struct {
    NnAddress rows[MOST_INPUTS];
    int64_t set_first[NN_SETS], set_rows[NN_SETS];
    int64_t given_first;                /* where a batch that the host gives lies */
    int streamed_steps;
    char *buffer[BUFFERS];              /* pinned: what the uploads of a group read */
} data;

static size_t row_bytes(const NnProgram *program, const NnInput *input)
{
    return (size_t)input->elements * (input->classes ? sizeof(int32_t) : nn_real_bytes(program->precision));
}

static size_t aligned(size_t bytes) { return (bytes + LINE - 1) / LINE * LINE; }

/* Of all inputs that a kernel reads, for so many rows. */
static size_t bytes_of_rows(const NnRun *run, int64_t rows)
{
    size_t bytes = 0;
    for (int i = 0; i < run->program->input_count; i++)
        if (run->program->inputs[i].batch)
            bytes += aligned((size_t)rows * row_bytes(run->program, &run->program->inputs[i]));
    return bytes;
}

/* Snapshots predict batches that are none of the data. */
static int64_t given_rows(const NnRun *run)
{
    return run->flags.snapshot_every && nn_can_predict(run) ? run->program->batch : 0;
}

size_t nn_staged_bytes(const NnRun *run)
{
    int64_t rows = 0;
    for (NnSet set = NN_TRAIN; set < NN_SETS && run->has_data; set++)
        rows += nn_dataset_rows(run->dataset, set);
    return bytes_of_rows(run, rows + given_rows(run));
}

size_t nn_streamed_bytes(const NnRun *run, int steps)
{
    return bytes_of_rows(run, (int64_t)steps * run->program->batch);
}

bool nn_must_stream(const NnRun *run)
{
    bool must = false;
    for (int i = 0; i < run->program->input_count && run->has_data; i++)
        must |= nn_is_augmented(&run->program->inputs[i]) && !nn_is_moved_on_device(&run->program->inputs[i]);
    return must;
}

int nn_streamed_steps(void) { return data.streamed_steps; }

const void *nn_cuda_rows(int input) { return (const void *)data.rows[input]; }

static void stage_input(const NnRun *run, int input, char *chunk)
{
    const NnProgram *program = run->program;
    const size_t bytes = row_bytes(program, &program->inputs[input]), most = CHUNK / bytes ? CHUNK / bytes : 1;
    NnAddress to = data.rows[input];
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
        for (int64_t row = 0, count = 0; row < data.set_rows[set]; row += count) {
            const int64_t left = data.set_rows[set] - row;
            count = left < (int64_t)most ? left : (int64_t)most;
            for (int64_t r = 0; r < count; r++)
                nn_dataset_row(run->dataset, set, input, row + r, program->precision == NN_F64, chunk + (size_t)r * bytes);
            nn_upload(to, chunk, (size_t)count * bytes);
            nn_wait_for_card();
            to += (size_t)count * bytes;
        }
}

void nn_stage_data(NnRun *run, NnAddress first, int streamed_steps)
{
    const NnProgram *program = run->program;
    int64_t all = (int64_t)streamed_steps * program->batch;
    size_t widest = 1;
    if (program->input_count > MOST_INPUTS)
        nn_fail(NN_OUR_FAULT, NULL, "error: %d inputs on a device; %d are the most", program->input_count, MOST_INPUTS);
    data.streamed_steps = streamed_steps;
    for (NnSet set = NN_TRAIN; set < NN_SETS && !streamed_steps && run->has_data; set++) {
        data.set_first[set] = all;
        data.set_rows[set] = nn_dataset_rows(run->dataset, set);
        all += data.set_rows[set];
    }
    if (!streamed_steps) {
        data.given_first = all;
        all += given_rows(run);
    }
    for (int i = 0; i < program->input_count; i++) {
        const size_t bytes = row_bytes(program, &program->inputs[i]);
        widest = bytes > widest ? bytes : widest;
        data.rows[i] = first;
        first += program->inputs[i].batch ? aligned((size_t)all * bytes) : 0;
    }
    if (streamed_steps) {
        for (int b = 0; b < BUFFERS; b++)
            data.buffer[b] = nn_allocate_pinned(nn_streamed_bytes(run, streamed_steps));
        return;
    }
    char *chunk = nn_allocate_pinned(widest > CHUNK ? widest : CHUNK);
    for (int i = 0; i < program->input_count && run->has_data; i++)
        if (program->inputs[i].batch)
            stage_input(run, i, chunk);
    nn_driver.cuMemFreeHost(chunk);
}

/* Gathers the batch here and sends it to place `slot` of the inputs' arrays. */
static void stream(NnRun *run, const NnDrawn *drawn, int slot, char *buffer)
{
    const NnProgram *program = run->program;
    run->holds_epoch = false;
    nn_gather_batch(run, drawn);
    for (int i = 0; i < program->input_count; i++) {
        if (!program->inputs[i].batch)
            continue;
        const size_t bytes = (size_t)program->batch * row_bytes(program, &program->inputs[i]);
        memcpy(buffer + (size_t)slot * bytes, program->inputs[i].batch, bytes);
        nn_upload(data.rows[i] + (size_t)slot * bytes, buffer + (size_t)slot * bytes, bytes);
        buffer += aligned((size_t)data.streamed_steps * bytes);
    }
}

/* What the host's inputs hold, to the batch behind the sets; of a set that is streamed, to the place of the first step's. */
static void give(const NnRun *run)
{
    const NnProgram *program = run->program;
    for (int i = 0; i < program->input_count; i++) {
        const size_t bytes = row_bytes(program, &program->inputs[i]);
        if (program->inputs[i].batch)
            nn_upload(data.rows[i] + (size_t)data.given_first * bytes, program->inputs[i].batch, (size_t)program->batch * bytes);
    }
}

void nn_draw(NnRun *run, const NnDrawn *drawn, int slot, int buffer, NnDeviceStep *step)
{
    step->rows = drawn->rows;
    if (!run->has_data) {
        step->set_rows = 1;
    } else if (drawn->is_given) {
        give(run);
        step->set_first = data.given_first;
        step->set_rows = run->program->batch;
    } else if (data.streamed_steps) {
        stream(run, drawn, slot, data.buffer[buffer]);
        step->set_first = (long long)slot * run->program->batch;
        step->set_rows = run->program->batch;
    } else {
        step->first = drawn->first;
        step->set_first = data.set_first[drawn->set];
        step->set_rows = data.set_rows[drawn->set];
        step->is_shuffled = !nn_is_in_order(run, drawn);
        step->is_augmented = drawn->to_train;
    }
}
