/* summary.c: what a run came to, as a table on a terminal: a line a loss or metric, a column a set.
 *
 * Values are those of the last epoch that had them; the lines printed on the way may be rows back. Elsewhere than on a terminal
 * nothing is printed: programs read the log. Copies of nn.sweep have their own lines (progress.c). */
#include "memory.h"
#include "run.h"
#include "source.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

static double *value_at(const NnRun *run, NnSet set, int metric)
{
    return &run->summary[(int)set * run->program->metric_count + metric];
}

void nn_open_summary(NnRun *run)
{
    if (run->flags.quiet || run->program->sweep || !run->has_data || !isatty(STDOUT_FILENO))
        return;
    const int count = NN_SETS * run->program->metric_count;
    run->summary = nn_allocate((size_t)count, sizeof *run->summary);
    for (int i = 0; i < count; i++)
        run->summary[i] = NAN;
}

void nn_note_summary(NnRun *run)
{
    const NnProgram *program = run->program;
    for (NnSet set = NN_TRAIN; set < NN_SETS && run->summary; set++) {
        const NnFold *fold = set == NN_TRAIN ? &run->own->fold : &run->own->evaluated[set];
        const double *sum = fold->sum;
        for (int i = 0; i < program->metric_count && fold->rows; i++) {
            *value_at(run, set, i) = nn_metric_value(&program->metrics[i], sum, fold->rows);
            sum += nn_metric_sums(&program->metrics[i]);
        }
    }
}

void nn_show_summary(const NnRun *run)
{
    const NnProgram *program = run->program;
    bool has_set[NN_SETS] = {false};
    int widest = 0;
    for (int i = 0; i < program->metric_count && run->summary; i++) {
        bool has_value = false;
        for (NnSet set = NN_TRAIN; set < NN_SETS; set++) {
            const bool is_there = !isnan(*value_at(run, set, i));
            has_set[set] |= is_there;
            has_value |= is_there;
        }
        const int width = (int)strlen(program->metrics[i].name);
        widest = has_value && width > widest ? width : widest;
    }
    if (!widest)
        return;
    printf("\n  %-*s", widest, "");
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
        if (has_set[set])
            printf("  %12s", nn_set_name[set]);
    putchar('\n');
    for (int i = 0; i < program->metric_count; i++) {
        if (program->metrics[i].kind == NN_COUNTS)
            continue;
        printf("  %-*s", widest, program->metrics[i].name);
        for (NnSet set = NN_TRAIN; set < NN_SETS; set++) {
            const double value = *value_at(run, set, i);
            if (has_set[set] && isnan(value))
                printf("  %12s", "");
            else if (has_set[set])
                printf("  %12.6g", value);
        }
        putchar('\n');
    }
}
