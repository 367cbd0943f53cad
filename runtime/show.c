/* show.c: programs of nn.show: no training, each expression is computed once and printed, `name = value` a line.
 *
 * The rows of the training set are one batch. Numbers read back to the same bits: 9 digits in f32, 17 in f64. */
#include "failure.h"
#include "target.h"
#include "walk.h"

static void show_number(const NnProgram *program, const NnOutput *output, int64_t at)
{
    if (output->integer)
        printf("%d", ((const int *)output->data)[at]);
    else
        printf("%.*g", program->precision == NN_F32 ? 9 : 17, nn_get_real(output->data, at, program->precision));
}

/* Nested brackets; `at` moves over the elements as they are printed. */
static void show_tensor(const NnProgram *program, const NnOutput *output, int rank, const int64_t *shape, int64_t *at)
{
    if (rank == 0) {
        show_number(program, output, (*at)++);
        return;
    }
    putchar('[');
    for (int64_t i = 0; i < shape[0]; i++) {
        if (i)
            fputs(", ", stdout);
        show_tensor(program, output, rank - 1, shape + 1, at);
    }
    putchar(']');
}

int nn_show(const NnProgram *program, int argc, char **argv)
{
    NnRun *run = nn_open_run(program, nn_parse_flags(program, true, argc, argv));
    if (run->has_data && run->epoch_rows != program->batch)
        nn_fail(NN_WRONG_INPUT, NULL, "was made for %d rows, but the data has %lld; generate it again with this data",
                program->batch, (long long)run->epoch_rows);
    run->current.rows = program->batch;
    if (run->has_data)
        nn_fill_batch(run, NN_TRAIN, 0, program->batch, false);
    nn_predict_batch(run, &run->current);
    for (int i = 0; i < program->output_count; i++) {
        const NnOutput *output = &program->outputs[i];
        int64_t shape[NN_MAX_RANK + 1] = {run->current.rows}, at = 0;
        for (int d = 0; d < output->rank; d++)
            shape[d + output->per_row] = output->shape[d];
        printf("%s = ", output->name);
        show_tensor(program, output, output->rank + output->per_row, shape, &at);
        putchar('\n');
    }
    nn_flush_output();
    nn_close_run(run);
    return NN_DONE;
}
