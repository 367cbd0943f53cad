/* predict.c: --predict F: the model's outputs for the test set, else for the training set, as safetensors.
 *
 * The outputs of copy K of nn.sweep are called sweep.K.NAME. An output with rows becomes (rows, …) in file order; one without is written as it is after the first batch. */
#include "failure.h"
#include "memory.h"
#include "safetensors.h"
#include "target.h"
#include "walk.h"

#include <string.h>

static NnDtype output_type(const NnProgram *program, const NnOutput *output)
{
    return output->integer ? NN_DTYPE_I32 : program->precision == NN_F32 ? NN_DTYPE_F32 : NN_DTYPE_F64;
}

/* The outputs of the current copy, of all rows; each array of `values` is filled. */
static void predict_set(NnRun *run, NnSet set, int64_t count, char **values, const size_t *row_bytes)
{
    const NnProgram *program = run->program;
    for (int64_t first = 0; first < count; first += program->batch) {
        NnStep step = run->current;
        step.rows = count - first < program->batch ? (int)(count - first) : program->batch;
        step.t = run->step;
        step.swept = nn_swept_value(run);
        if (run->has_data)
            nn_fill_batch(run, set, first, step.rows, false);
        nn_predict_batch(run, &step);
        for (int i = 0; i < program->output_count; i++)
            if (program->outputs[i].per_row)
                memcpy(values[i] + (size_t)first * row_bytes[i], program->outputs[i].data, (size_t)step.rows * row_bytes[i]);
            else if (first == 0)
                memcpy(values[i], program->outputs[i].data, row_bytes[i]);
    }
}

int nn_predict(NnRun *run)
{
    const NnProgram *program = run->program;
    NnSet set = nn_dataset_rows(run->dataset, NN_TEST) ? NN_TEST : NN_TRAIN;
    int64_t count = run->has_data ? nn_dataset_rows(run->dataset, set) : 1;
    const int copies = nn_copy_count(program), all = copies * program->output_count;
    NnSaved *saved = nn_allocate((size_t)all, sizeof *saved);
    char **values = nn_allocate((size_t)all, sizeof *values), (*prefix)[32] = nn_allocate((size_t)copies, sizeof *prefix);
    size_t *row_bytes = nn_allocate((size_t)program->output_count, sizeof *row_bytes);
    for (int c = 0; c < copies; c++) {
        const int begin = c * program->output_count;
        if (program->sweep)
            snprintf(prefix[c], sizeof prefix[c], "sweep.%d.", c);
        for (int i = 0; i < program->output_count; i++) {
            const NnOutput *output = &program->outputs[i];
            NnDtype dtype = output_type(program, output);
            row_bytes[i] = (size_t)nn_element_count(output->rank, output->shape) * (dtype == NN_DTYPE_F64 ? 8 : 4);
            values[begin + i] = nn_allocate(output->per_row ? (size_t)count : 1, row_bytes[i]);
            NnSaved *one = &saved[begin + i];
            *one = (NnSaved){.prefix = prefix[c], .name = output->name, .dtype = dtype, .rank = output->rank + output->per_row,
                             .data = values[begin + i]};
            one->shape[0] = count;
            memcpy(one->shape + output->per_row, output->shape, (size_t)output->rank * sizeof *output->shape);
        }
        nn_take_copy(run, c);
        predict_set(run, set, count, values + begin, row_bytes);
    }
    const NnMetadata metadata[] = {{"format", "pt"}, {"nngen.model", program->model}};
    nn_write_safetensors(run->flags.predict, saved, all, metadata, NN_COUNT(metadata), true);
    if (!run->flags.quiet)
        printf("wrote the outputs of %lld rows to %s\n", (long long)count, nn_quoted(run->flags.predict));
    for (int i = 0; i < all; i++)
        nn_release(values[i]);
    nn_release(values);
    nn_release(prefix);
    nn_release(row_bytes);
    nn_release(saved);
    nn_flush_output();
    nn_close_run(run);
    return NN_DONE;
}
