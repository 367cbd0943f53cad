/* progress.c: what the person at the terminal sees.
 *
 * Lines go to standard output: the memory, about twenty lines over a run (at each epoch's end where there are fewer epochs),
 * the end. On a terminal a bar on standard error shows the rate and the time that remains; elsewhere a step that comes ten
 * seconds after the last line gets one of its own. Nothing here touches what is computed. --quiet prints none of it. */
#include "failure.h"
#include "memory.h"
#include "run.h"
#include "source.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { LINES = 20 };

/* Steps that the run has in all; 0: cannot be said. */
static int64_t total_steps(const NnRun *run)
{
    const NnProgram *program = run->program;
    if (run->last_step < INT64_MAX)
        return run->last_step;
    int64_t rows = run->epoch_rows + (program->drop_last ? 0 : program->batch - 1), each = rows / program->batch, total;
    return __builtin_mul_overflow(each, run->last_epoch, &total) ? 0 : total;
}

/* 79 510 */
static const char *grouped(char out[32], uint64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%llu", (unsigned long long)value), used = 0;
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0)
            out[used++] = ' ';
        out[used++] = digits[i];
    }
    out[used] = 0;
    return out;
}

static void clear_bar(NnRun *run)
{
    if (run->bar_is_shown)
        fputs("\r\033[K", stderr);
    run->bar_is_shown = false;
}

static void show_metrics(const NnRun *run, NnSet set, const NnFold *fold)
{
    const double *sum = fold->sum;
    for (int i = 0; i < run->program->metric_count && fold->rows; i++) {
        const NnMetric *metric = &run->program->metrics[i];
        bool is_plain = set == NN_TRAIN && i == 0;            /* "loss" is that of training */
        if (metric->kind != NN_COUNTS)
            printf("  %s%s%s %.6g", is_plain ? "" : nn_set_name[set], is_plain ? "" : "_", metric->name,
                   nn_metric_value(metric, sum, fold->rows));
        sum += nn_metric_sums(metric);
    }
}

static void show_place(const NnRun *run)
{
    int64_t epoch = run->epoch + (run->position > 0);
    if (run->has_data && !run->one_batch)
        printf(run->last_epoch < INT64_MAX ? "epoch %lld/%lld  " : "epoch %lld  ", (long long)epoch, (long long)run->last_epoch);
    int64_t total = total_steps(run);
    printf(total ? "step %lld/%lld" : "step %lld", (long long)run->step, (long long)total);
}

/* "loss 0.1"; of several copies the lowest and whose it is. */
static void show_loss(const NnRun *run)
{
    const NnSweep *sweep = run->program->sweep;
    int best = nn_current_copy(run);
    for (int c = 0; c < nn_copy_count(run->program); c++)
        if (run->copies[c].loss < run->copies[best].loss)
            best = c;
    printf("  loss %.6g", run->copies[best].loss);
    if (sweep)
        printf(", the lowest, with %s %.6g", sweep->name, sweep->values[best]);
}

static void line_is_done(NnRun *run)
{
    int64_t every = total_steps(run) / LINES;
    run->next_line = run->step + (every > 1 ? every : 1);
    run->last_shown = nn_seconds();
    fflush(stdout);
}

/* One line that never wraps, drawn over itself. */
static void show_bar(NnRun *run, double now)
{
    enum { WIDTH = 24, LONGEST = 160 };
    int64_t total = total_steps(run);
    double share = total ? (double)run->step / (double)total : 0;
    double rate = (double)(run->step - run->first_step) / (now - run->started);
    double left = (double)(total - run->step) / rate;
    char line[LONGEST] = "[", remains[32] = "";
    for (int i = 0; i < WIDTH; i++)
        strcat(line, i < share * WIDTH ? "=" : " ");
    if (total && left < 360000)
        snprintf(remains, sizeof remains, "%d:%02d left  ", (int)left / 60, (int)left % 60);
    int used = (int)strlen(line);
    used += snprintf(line + used, sizeof line - (size_t)used, "] %s%.*f steps/s  step %lld", remains, rate < 100 ? 1 : 0, rate,
                     (long long)run->step);
    if (total)
        used += snprintf(line + used, sizeof line - (size_t)used, "/%lld", (long long)total);
    snprintf(line + used, sizeof line - (size_t)used, "  loss %.4g", run->own->loss);

    struct winsize window = {0};
    bool is_known = !ioctl(STDERR_FILENO, TIOCGWINSZ, &window) && window.ws_col > 1;
    fprintf(stderr, "\r%.*s\033[K", is_known ? window.ws_col - 1 : 79, line);
    fflush(stderr);
    run->bar_is_shown = true;
}

void nn_show_memory(const NnRun *run)
{
    if (run->flags.quiet)
        return;
    size_t state = run->program->memory, held = nn_memory_held(), peak = held + nn_saving_bytes(run);
    peak = peak > nn_memory_peak() ? peak : nn_memory_peak();
    char text[5][32];
    printf("memory: at most %s bytes: state %s, data %s, runtime %s, while reading or saving %s more\n", grouped(text[0], state + peak),
           grouped(text[1], state), grouped(text[2], run->data_bytes), grouped(text[3], held - run->data_bytes),
           grouped(text[4], peak - held));
    if (run->device_name)
        printf("on %s: %s bytes, %s of them data\n", run->device_name, grouped(text[0], run->device_bytes), grouped(text[1], run->device_data_bytes));
    fflush(stdout);
}

void nn_show_step(NnRun *run)
{
    enum { CLOCK_EVERY = 16 };          /* a look at the clock costs as much as the step of a small model */
    if (run->flags.quiet)
        return;
    if (!run->has_data && (run->step >= run->next_line || run->step == run->last_step)) {
        clear_bar(run);
        show_place(run);
        show_loss(run);
        putchar('\n');
        line_is_done(run);
        return;
    }
    if (run->step % CLOCK_EVERY && run->program->flop < 1000000)
        return;
    double now = nn_seconds();
    if (run->has_terminal && now - run->last_shown > 0.1) {
        show_bar(run, now);
        run->last_shown = now;
    } else if (!run->has_terminal && now - run->last_shown > 10) {
        show_place(run);
        show_loss(run);
        putchar('\n');
        run->last_shown = now;
        fflush(stdout);
    }
}

bool nn_line_is_due(const NnRun *run, bool is_last)
{
    return !run->flags.quiet && run->has_data && (is_last || run->step >= run->next_line);
}

void nn_show_epoch(NnRun *run, bool is_last, double seconds)
{
    if (!nn_line_is_due(run, is_last))
        return;
    clear_bar(run);
    show_place(run);
    if (run->program->sweep)
        show_loss(run);
    for (NnSet set = NN_TRAIN; set < NN_SETS && !run->program->sweep; set++)
        show_metrics(run, set, set == NN_TRAIN ? &run->own->fold : &run->own->evaluated[set]);
    if (!run->one_batch)
        printf("  %.2f s", seconds);
    putchar('\n');
    line_is_done(run);
}

void nn_show_end(NnRun *run)
{
    static const char *const text[] = {[NN_RUNNING] = "done", [NN_FINISHED] = "done", [NN_EARLY_STOP] = "stopped early",
                                       [NN_WAS_INTERRUPTED] = "interrupted", [NN_NOT_FINITE] = "diverged"};
    clear_bar(run);
    if (run->flags.quiet)
        return;
    printf("%s: %lld steps in %.2f s", text[run->reason], (long long)(run->step - run->first_step),
           nn_seconds() - run->started);
    if (run->flags.save && run->reason != NN_NOT_FINITE)
        printf(", saved to %s", nn_quoted(run->flags.save));
    putchar('\n');
    if (run->reason == NN_FINISHED && run->flags.resume && run->step == run->first_step)
        printf("%s holds %lld steps and %lld epochs already: --steps and --epochs are totals\n", nn_quoted(run->flags.resume),
               (long long)run->step, (long long)run->epoch);
    for (int c = 0; c < nn_copy_count(run->program) && run->program->sweep && run->step > run->first_step; c++)
        printf("  %s %.6g: loss %.6g%s\n", run->program->sweep->name, run->program->sweep->values[c], run->copies[c].loss,
               nn_copy_has_stopped(run, c) ? ", stopped early" : "");
    nn_show_summary(run);
    fflush(stdout);
}
