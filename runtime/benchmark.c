/* benchmark.c: --benchmark N: the time of a training step, without gathering its batch.
 *
 * The first eight batches of the first epoch come in turn: one fixed batch would teach the branch predictor its data. Eight
 * steps go before the clock starts. The median is told, not the mean: on a shared machine the mean measures the neighbours. */
#include "failure.h"
#include "memory.h"
#include "target.h"

#include <math.h>
#include <stdlib.h>

enum { BATCHES = NN_BENCHMARK_BATCHES, MOST_LAPS = 4096 };

/* ---- laps: the kernels of a step, for nngen bench ---- */

typedef struct Laps {
    double now[MOST_LAPS];              /* seconds of this step, by kernel; one in a loop over time is called many times */
    double *seconds;                    /* [kernel][step] */
    double begin, clock;                /* when the last one ended; what a look at the clock costs */
    int count;
} Laps;
static Laps laps;

void nn_lap(int kernel)
{
    if (kernel >= 0 && kernel < MOST_LAPS) {
        double seconds = nn_seconds() - laps.begin - laps.clock;
        laps.now[kernel] += seconds > 0 ? seconds : 0;
        laps.count = kernel >= laps.count ? kernel + 1 : laps.count;
    }
    laps.begin = nn_seconds();
}

static double cost_of_clock(void)
{
    double least = 1;
    for (int i = 0; i < 1000; i++) {
        double start = nn_seconds(), end = nn_seconds();
        least = end - start < least ? end - start : least;
    }
    return least;
}

/* Of a step that is timed, or of one before (step < 0), which only tells how many there are. */
static void keep_laps(int64_t step, int64_t steps)
{
    if (!laps.count)
        return;
    if (!laps.seconds)
        laps.seconds = nn_allocate((size_t)(steps * laps.count), sizeof *laps.seconds);
    for (int k = 0; k < laps.count; k++) {
        if (step >= 0)
            laps.seconds[k * steps + step] = laps.now[k];
        laps.now[k] = 0;
    }
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int64_t count)
{
    qsort(values, (size_t)count, sizeof *values, by_value);
    return (values[(count - 1) / 2] + values[count / 2]) / 2;
}

static void tell_laps(int64_t steps)
{
    for (int k = 0; k < laps.count; k++)
        printf("kernel_us %d %.4f\n", k, 1e6 * median(laps.seconds + k * steps, steps));
    nn_release(laps.seconds);
}

int nn_benchmark(NnRun *run)
{
    const NnProgram *program = run->program;
    int64_t count = run->flags.benchmark, whole = run->has_data ? run->epoch_rows / program->batch : 1;
    int64_t batches = whole < 1 ? 1 : whole < BATCHES ? whole : BATCHES;
    double *seconds = nn_allocate((size_t)count, sizeof *seconds);
    laps.clock = cost_of_clock();
    if (nn_has_device(run))
        nn_time_on_device(run, batches, count, seconds);
    for (int64_t i = -BATCHES; i < count && !nn_has_device(run); i++) {
        int64_t first = (i + BATCHES) % batches * program->batch;
        int rows = !run->has_data ? 1 : run->epoch_rows < program->batch ? (int)run->epoch_rows : program->batch;
        nn_fill_batch(run, NN_TRAIN, first, rows, true);
        run->current.rows = rows;
        run->current.t = ++run->step;
        nn_begin_step(run);
        double start = nn_seconds(), loss = program->train_step(&run->current), end = nn_seconds();
        nn_end_step(run);
        if (!isfinite(loss))
            nn_fail_not_finite(run, loss);
        if (i >= 0)
            seconds[i] = end - start;
        keep_laps(i, count);
    }
    const double middle = median(seconds, count);
    if (!run->flags.quiet && program->flop)
        printf("%lld steps of %lld FLOP: %.3g GFLOP/s\n", (long long)count, (long long)program->flop,
               1e-9 * (double)program->flop / middle);
    tell_laps(count);
    if (nn_has_device(run)) {
        double flop, bytes;
        nn_measure_device(run, &flop, &bytes);
        printf("device_flop_per_second %.6g\ndevice_bytes_per_second %.6g\n", flop, bytes);
    }
    printf("median_us_per_step %.3f\n", 1e6 * middle);
    nn_flush_output();
    nn_release(seconds);
    nn_close_run(run);
    return 0;
}
