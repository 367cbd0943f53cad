/* command_bench.c: nngen bench, the programs of one model side by side.
 *
 * Takes the model through the passes once, then makes its program with each kind of kernels, compiles them as nngen run does, and
 * lets them take turns, round after round: a shared machine is slower at times, and so all of them are. Each run is the program's
 * own --benchmark. Medians of the rounds are told, with the least and the largest. In every round a probe (templates/c/probe.c)
 * measures what the processor can do; the most of all rounds is what shares are counted of.
 *
 * FLOP and bytes are counted, not measured: schedule.c adds up each kernel's operations and the arrays that it reads and writes,
 * each array once. They are what the formulas say; a convolution that skips zeros does less.
 *
 * With --kernels-table the fused program is made a second time, with a look at the clock behind every kernel of the step (nn_lap
 * of the runtime). Its whole step is told from the other one, which has none. */
#include "bench.h"
#include "base/text.h"
#include "emit/emit_parts.h"
#include "kernel/kernel.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char template_c_probe[];

static const double SHARE = 0.1;       /* seconds of a program's turn */
static const double PATIENCE = 3;       /* seconds of a round: where it takes longer there are fewer */
enum { ROUNDS = 5, FEW_ROUNDS = 3, LEAST_STEPS = 3, MOST_STEPS = 5000 };

/* ---- other programs ---- */

/* Runs it and gives what it printed. A program that fails has said why: nngen ends with its status. */
static const char *output_of(Arena *arena, char **words)
{
    int ends[2];
    fflush(NULL);
    pid_t child = pipe(ends) == 0 ? fork() : -1;
    if (child < 0)
        fail_machine("cannot start %s: %s", quoted(arena, words[0]), strerror(errno));
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execv(words[0], words);
        fprintf(stderr, "nngen: error: cannot run %s: %s\n", words[0], strerror(errno));
        _exit(STATUS_MACHINE);
    }
    close(ends[1]);
    Text said = text_new(arena);
    char part[4096];
    for (ssize_t count; (count = read(ends[0], part, sizeof part)) != 0;)
        if (count > 0)
            text_add_bytes(&said, part, (size_t)count);
        else if (errno != EINTR)
            break;
    close(ends[0]);
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            fail_machine("cannot wait for %s: %s", quoted(arena, words[0]), strerror(errno));
    if (WIFSIGNALED(status))
        fail_machine("%s was ended by signal %d", quoted(arena, words[0]), WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        exit(WEXITSTATUS(status));
    return said.bytes;
}

/* The number behind `name` at the beginning of a line. */
static double figure(const char *said, const char *name)
{
    size_t length = strlen(name);
    for (const char *line = said; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, name, length) == 0 && line[length] == ' ')
            return atof(line + length);
    bug("no %s in what a program printed", name);
}

static const char *benchmark(Arena *arena, const Bench *bench, const Options *options, const char *program, int64_t steps)
{
    const char *data = data_folder(arena, options);
    const char *words[] = {program, "--benchmark", arena_print(arena, "%lld", (long long)steps), "--threads",
                           arena_print(arena, "%d", bench->threads), "--quiet", data ? "--data" : NULL, data, NULL};
    return output_of(arena, (char **)words);
}

/* ---- the contestants ---- */

static Work work_of(const Plan *plan)
{
    Work work = {0};
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        work.flop += kernel->flop;
        work.bytes += kernel->bytes_read + kernel->bytes_written;
    }
    return work;
}

static void prepare(Arena *arena, const Compilation *read, Contestant *one)
{
    one->c = compilation_with(read, one->kernels, one->target, false);
    one->program = compiled_program(arena, &one->c->program);
    one->work = work_of(one->c->plan);
}

static const char *make_probe(Arena *arena, const Model *model)
{
    Text text = text_new(arena);
    text_print(&text, "#define REAL %s\n%s", model->precision == F32 ? "float" : "double", template_c_probe);
    return compiled_program(arena, &text);
}

/* ---- the rounds ---- */

static void add_sample(Samples *samples, double value)
{
    samples->value[samples->count++] = value;
}

static void measure_processor(Arena *arena, Bench *bench, const char *probe)
{
    const int64_t size[] = {bench->working_set, MEMORY_BYTES};
    for (int i = 0; i < 2; i++) {
        const char *words[] = {probe, arena_print(arena, "%d", bench->threads), arena_print(arena, "%lld", (long long)size[i]), NULL};
        const char *said = output_of(arena, (char **)words);
        if (i == 0)
            add_sample(&bench->flop_per_second, figure(said, "flop_per_second"));
        add_sample(i == 0 ? &bench->bytes_per_second : &bench->memory_per_second, figure(said, "bytes_per_second"));
    }
}

static void add_turn(Bench *bench, Contestant *one, const char *said)
{
    add_sample(&one->seconds, 1e-6 * figure(said, "median_us_per_step"));
    if (one->target != TARGET_CUDA)
        return;
    add_sample(&bench->device_flop_per_second, figure(said, "device_flop_per_second"));
    add_sample(&bench->device_bytes_per_second, figure(said, "device_bytes_per_second"));
}

/* How many steps make a turn; the first run tells. */
static int64_t steps_of_turn(Arena *arena, const Bench *bench, const Options *options, const Contestant *one, double *round)
{
    double seconds = 1e-6 * figure(benchmark(arena, bench, options, one->program, LEAST_STEPS), "median_us_per_step");
    double steps = SHARE / (seconds > 0 ? seconds : 1e-9);
    steps = steps < LEAST_STEPS ? LEAST_STEPS : steps > MOST_STEPS ? MOST_STEPS : steps;
    *round += seconds * (steps + 8);                    /* eight go before the clock starts */
    return (int64_t)steps;
}

static void say_round(int round, int rounds)
{
    if (!isatty(STDERR_FILENO))
        return;
    if (round < rounds)
        fprintf(stderr, "\rround %d of %d ...", round + 1, rounds);
    else
        fprintf(stderr, "\r\033[K");
}

static void measure(Arena *arena, const Options *options, Bench *bench, const char *probe, const char *with_laps)
{
    int64_t steps[8];
    double round = 0;
    for (int i = 0; i < bench->count; i++)
        steps[i] = bench->contestant[i].absent ? 0 : steps_of_turn(arena, bench, options, &bench->contestant[i], &round);
    bench->rounds = round > PATIENCE ? FEW_ROUNDS : ROUNDS;
    for (int r = 0; r < bench->rounds; r++) {
        say_round(r, bench->rounds);
        measure_processor(arena, bench, probe);
        for (int i = 0; i < bench->count; i++)
            if (!bench->contestant[i].absent)
                add_turn(bench, &bench->contestant[i], benchmark(arena, bench, options, bench->contestant[i].program, steps[i]));
        if (!with_laps)
            continue;
        const char *said = benchmark(arena, bench, options, with_laps, steps[0]);
        for (int k = 0; k < bench->contestant[0].c->plan->kernel_count[PHASE_TRAIN]; k++)
            add_sample(&bench->kernel[k], 1e-6 * figure(said, arena_print(arena, "kernel_us %d", k)));
    }
    say_round(bench->rounds, bench->rounds);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(const Samples *samples)
{
    Samples sorted = *samples;
    qsort(sorted.value, (size_t)sorted.count, sizeof *sorted.value, by_value);
    return (sorted.value[(sorted.count - 1) / 2] + sorted.value[sorted.count / 2]) / 2;
}

double least(const Samples *samples)
{
    double value = samples->value[0];
    for (int i = 1; i < samples->count; i++)
        value = samples->value[i] < value ? samples->value[i] : value;
    return value;
}

double largest(const Samples *samples)
{
    double value = samples->value[0];
    for (int i = 1; i < samples->count; i++)
        value = samples->value[i] > value ? samples->value[i] : value;
    return value;
}

double roofline_of_kernel(const Bench *bench, Target target, const Kernel *kernel, bool *by_memory)
{
    const bool gpu = target == TARGET_CUDA;
    double compute = (double)kernel->flop / largest(gpu ? &bench->device_flop_per_second : &bench->flop_per_second);
    double memory = (double)(kernel->bytes_read + kernel->bytes_written)
                  / largest(gpu ? &bench->device_bytes_per_second : &bench->bytes_per_second);
    if (by_memory)
        *by_memory = memory > compute;
    return memory > compute ? memory : compute;
}

double roofline_of_step(const Bench *bench, const Plan *plan)
{
    double seconds = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        seconds += roofline_of_kernel(bench, plan->target, &plan->kernel[PHASE_TRAIN][k], NULL);
    return seconds;
}

int command_bench(Arena *arena, Options *options)
{
    Contestant contestant[] = {
        {.name = "fused", .kernels = KERNELS_FUSED},
        {.name = "generic", .kernels = KERNELS_GENERIC},
        {.name = "blas", .kernels = KERNELS_BLAS, .absent = missing_cblas()},
        {.name = "cuda", .kernels = KERNELS_FUSED, .target = TARGET_CUDA},      /* the last two: with --target cuda */
        {.name = "cuda_generic", .kernels = KERNELS_GENERIC, .target = TARGET_CUDA},
    };
    const int all = sizeof contestant / sizeof *contestant;
    Bench bench = {.contestant = contestant, .count = options->target == TARGET_CUDA ? all : all - 2, .threads = options->threads ? options->threads : 1};
    Compilation *read = run_passes(arena, options, "keep");
    const Model *model = read->model;
    if (model->kind != MODEL_TRAIN)
        fail_at((Place){model->path, 0}, "nngen bench times training steps, but this model returns nn.show and trains nothing");

    for (int i = 0; i < bench.count; i++)
        if (!contestant[i].absent)
            prepare(arena, read, &contestant[i]);
    const Plan *plan = contestant[0].c->plan;
    bench.working_set = state_bytes(plan);
    const char *with_laps = NULL;
    if (options->kernels_table) {
        with_laps = compiled_program(arena, &compilation_with(read, KERNELS_FUSED, TARGET_C, true)->program);
        bench.kernel = NEW(arena, Samples, plan->kernel_count[PHASE_TRAIN]);
    }
    measure(arena, options, &bench, make_probe(arena, model), with_laps);

    Text out = text_new(arena);
    if (options->json)
        tell_bench_as_json(&bench, model, &out);
    else
        tell_bench(&bench, model, &out);
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
