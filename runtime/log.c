/* log.c: the JSON log, one object a line.
 *
 *   {"event":"step","step":1,"loss":2.31,"lr":0.001}
 *   {"event":"epoch","epoch":1,"step":12000,"loss":…,"train_accuracy":…,"test_loss":…,"test_accuracy":…,"seconds":…,
 *    "samples_per_second":…}                                   in the file all on one line
 *   {"event":"snapshot","step":20, …}                         snapshot.c says what is in it
 *   {"event":"end","step":…,"epoch":…,"loss":…,"seconds":…,"reason":"done"}
 *
 * With nn.sweep every step, epoch and end is of one copy and carries its value: "rate":0.005.
 *
 * Numbers read back to the same bits; one that is not finite is null. A further loss or a metric is train_NAME in step and
 * epoch events. A resumed run continues the file it is given, a fresh one starts it anew. What cannot be written ends the
 * program with status 3 at once: a run whose record is lost is not worth finishing. */
#include "failure.h"
#include "json.h"
#include "run.h"
#include "source.h"
#include "walk.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const reason_name[] = {[NN_RUNNING] = "done", [NN_FINISHED] = "done", [NN_EARLY_STOP] = "early_stop",
                                          [NN_WAS_INTERRUPTED] = "interrupted", [NN_NOT_FINITE] = "not_finite"};

static void end_line(NnRun *run, bool flush)
{
    fputs("}\n", run->log);
    if (ferror(run->log) || (flush && fflush(run->log)))
        nn_fail(NN_MACHINE_LACKS, run->flags.log, "the log cannot be written: %s", strerror(errno));
}

static void key(NnRun *run, const char *prefix, const char *name)
{
    fputs(",\"", run->log);
    nn_json_text(run->log, prefix);
    nn_json_text(run->log, name);
    fputs("\":", run->log);
}

static void number(NnRun *run, const char *prefix, const char *name, double value)
{
    key(run, prefix, name);
    nn_json_number(run->log, value, run->program->precision);
}

static void counts(FILE *out, const double *sum, int64_t classes)
{
    for (int64_t i = 0; i < classes; i++)
        for (int64_t j = 0; j < classes; j++)
            fprintf(out, "%s%.17g%s", j ? "," : i ? ",[" : "[[", sum[i * classes + j], j < classes - 1 ? "" : "]");
    fputc(']', out);
}

/* The metrics of one set. The training loss is "loss" itself. */
static void fold_values(NnRun *run, NnSet set, const NnFold *fold)
{
    static const char *const prefix[NN_SETS] = {"train_", "validation_", "test_"};
    const double *sum = fold->sum;
    for (int i = 0; i < run->program->metric_count && fold->rows; i++) {
        const NnMetric *metric = &run->program->metrics[i];
        const char *before = set == NN_TRAIN && i == 0 ? "" : prefix[set];
        if (metric->kind == NN_COUNTS) {
            key(run, before, metric->name);
            counts(run->log, sum, metric->classes);
        } else {
            number(run, before, metric->name, nn_metric_value(metric, sum, fold->rows));
        }
        sum += nn_metric_sums(metric);
    }
}

void nn_log_flush(NnRun *run)
{
    if (run->log && fflush(run->log))
        nn_fail(NN_MACHINE_LACKS, run->flags.log, "the log cannot be written: %s", strerror(errno));
}

/* A run that was killed may have left half a line: the log goes on behind its last whole one. */
static void cut_to_lines(FILE *log)
{
    struct stat information;
    if (fstat(fileno(log), &information) || !S_ISREG(information.st_mode))
        return;
    off_t end = information.st_size;
    for (char last; end > 0 && pread(fileno(log), &last, 1, end - 1) == 1 && last != '\n'; end--)
        continue;
    if (end < information.st_size && ftruncate(fileno(log), end))
        return;                                               /* then the first write fails as well, and says why */
}

/* The swept value of the current copy; "lr" is the rate itself, which a step has already. */
static void swept_value(NnRun *run, bool has_rate)
{
    const NnSweep *sweep = run->program->sweep;
    if (sweep && !(has_rate && !strcmp(sweep->name, "lr")))
        number(run, "", sweep->name, nn_swept_value(run));
}

void nn_open_log(NnRun *run)
{
    if (!run->flags.log)
        return;
    run->log = fopen(run->flags.log, run->flags.resume ? "a+" : "w");
    if (!run->log)
        nn_fail(NN_MACHINE_LACKS, run->flags.log, "the log cannot be written: %s", strerror(errno));
    if (run->flags.resume)
        cut_to_lines(run->log);
}

void nn_log_step(NnRun *run)
{
    const NnProgram *program = run->program;
    int64_t step = run->current.t;
    if (!run->log || step % run->flags.log_every)
        return;
    fprintf(run->log, "{\"event\":\"step\",\"step\":%lld", (long long)step);
    number(run, "", "loss", run->own->loss);
    for (int i = 1; i < program->metric_count; i++) {
        const NnMetric *metric = &program->metrics[i];
        if (metric->is_loss) {
            double part[2] = {0};
            for (int k = 0; k < 2; k++)
                part[k] = metric->part[k] ? nn_get_real(metric->part[k], 0, program->precision) : 0;
            number(run, "train_", metric->name, part[0] + part[1]);
        }
    }
    number(run, "", "lr", run->current.lr);
    swept_value(run, true);
    end_line(run, false);
}

void nn_log_begin_snapshot(NnRun *run, const char *file)
{
    fprintf(run->log, "{\"event\":\"snapshot\",\"step\":%lld", (long long)run->step);
    swept_value(run, false);
    if (file) {
        key(run, "", "file");
        nn_json_string(run->log, file);
    }
}

void nn_log_end_snapshot(NnRun *run)
{
    end_line(run, true);
}

void nn_log_epoch(NnRun *run, bool is_partial, double seconds)
{
    if (!run->log)
        return;
    fprintf(run->log, "{\"event\":\"epoch\",\"epoch\":%lld,\"step\":%lld", (long long)run->epoch + 1, (long long)run->step);
    swept_value(run, false);
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++)
        fold_values(run, set, set == NN_TRAIN ? &run->own->fold : &run->own->evaluated[set]);
    double rows = (double)(run->position - run->epoch_first_position);
    fprintf(run->log, ",\"seconds\":%.6f,\"samples_per_second\":%.1f", seconds, seconds > 0 ? rows / seconds : 0);
    if (is_partial)
        fputs(",\"partial\":true", run->log);
    end_line(run, true);
}

void nn_log_end(NnRun *run, NnReason reason)
{
    if (!run->log)
        return;
    fprintf(run->log, "{\"event\":\"end\",\"step\":%lld,\"epoch\":%lld", (long long)run->step,
            (long long)run->epoch + (run->position > 0));
    swept_value(run, false);
    number(run, "", "loss", run->own->loss);
    fprintf(run->log, ",\"seconds\":%.6f,\"reason\":\"%s\"", nn_seconds() - run->started, reason_name[reason]);
    end_line(run, true);
}

void nn_close_log(NnRun *run)
{
    if (!run->log)
        return;
    FILE *log = run->log;
    run->log = NULL;
    if (fclose(log))
        nn_fail(NN_MACHINE_LACKS, run->flags.log, "the log cannot be written: %s", strerror(errno));
}
