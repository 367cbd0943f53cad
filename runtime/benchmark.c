/* benchmark.c: --benchmark N: the time of a training step, without gathering its batch.
 *
 * The first eight batches of the first epoch come in turn: one fixed batch would teach the branch predictor its data. Eight
 * steps go before the clock starts. The median is told, not the mean: on a shared machine the mean measures the neighbours. */
#include "failure.h"
#include "memory.h"
#include "target.h"

#include <math.h>
#include <stdlib.h>

enum { BATCHES = 8 };

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int nn_benchmark(NnRun *run)
{
    const NnProgram *program = run->program;
    int64_t count = run->flags.benchmark, whole = run->has_data ? run->epoch_rows / program->batch : 1;
    int64_t batches = whole < 1 ? 1 : whole < BATCHES ? whole : BATCHES;
    double *seconds = nn_allocate((size_t)count, sizeof *seconds);
    if (nn_has_device(run))
        nn_time_on_device(run, batches, count, seconds);
    for (int64_t i = -BATCHES; i < count && !nn_has_device(run); i++) {
        int64_t first = (i + BATCHES) % batches * program->batch;
        int rows = !run->has_data ? 1 : run->epoch_rows < program->batch ? (int)run->epoch_rows : program->batch;
        nn_fill_batch(run, NN_TRAIN, first, rows, true);
        run->current.rows = rows;
        run->current.t = ++run->step;
        double start = nn_seconds(), loss = program->train_step(&run->current), end = nn_seconds();
        if (!isfinite(loss))
            nn_fail_not_finite(run, loss);
        if (i >= 0)
            seconds[i] = end - start;
    }
    qsort(seconds, (size_t)count, sizeof *seconds, by_value);
    double median = (seconds[(count - 1) / 2] + seconds[count / 2]) / 2;
    if (!run->flags.quiet && program->flop)
        printf("%lld steps of %lld FLOP: %.3g GFLOP/s\n", (long long)count, (long long)program->flop,
               1e-9 * (double)program->flop / median);
    printf("median_us_per_step %.3f\n", 1e6 * median);
    nn_flush_output();
    nn_release(seconds);
    nn_close_run(run);
    return 0;
}
