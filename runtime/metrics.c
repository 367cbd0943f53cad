/* metrics.c: from the values of batches to the value of an epoch or a set.
 *
 *   MEAN    Σ rows · value / Σ rows                                      sums: Σ rows · part[0], Σ part[1]
 *   SUM     Σ value; a loss may have both (a sum of errors and a penalty), and is their sum
 *   COUNTS  the batches' matrices added                                  sums: classes²
 *   R2      1 − Σ(y−p)² / (Σy² − (Σy)²/n), n = rows · elements           sums: the three
 *
 * Sums are doubles, added in the order of the batches, so they are the same over a resume. */
#include "run.h"
#include "source.h"
#include "walk.h"

#include <math.h>
#include <string.h>

int64_t nn_metric_sums(const NnMetric *metric)
{
    return metric->kind == NN_COUNTS ? metric->classes * metric->classes : metric->kind == NN_R2 ? 3 : 2;
}

int64_t nn_fold_size(const NnProgram *program)
{
    int64_t size = 0;
    for (int i = 0; i < program->metric_count; i++)
        size += nn_metric_sums(&program->metrics[i]);
    return size;
}

void nn_fold_clear(const NnProgram *program, NnFold *fold)
{
    fold->rows = 0;
    memset(fold->sum, 0, (size_t)nn_fold_size(program) * sizeof *fold->sum);
}

static double part(const NnProgram *program, const NnMetric *metric, int which)
{
    return metric->part[which] ? nn_get_real(metric->part[which], 0, program->precision) : 0;
}

void nn_fold_batch(const NnProgram *program, NnFold *fold, int rows)
{
    double *sum = fold->sum;
    for (int i = 0; i < program->metric_count; i++) {
        const NnMetric *metric = &program->metrics[i];
        int64_t sums = nn_metric_sums(metric);
        switch (metric->kind) {
        case NN_MEAN:
        case NN_SUM:
            sum[0] += rows * part(program, metric, 0);
            sum[1] += part(program, metric, 1);
            break;
        case NN_COUNTS:
            for (int64_t k = 0; k < sums; k++)
                sum[k] += nn_get_real(metric->part[0], k, program->precision);
            break;
        case NN_R2:
            for (int k = 0; k < 3; k++)
                sum[k] += part(program, metric, k);
            break;
        }
        sum += sums;
    }
    fold->rows += rows;
}

double nn_metric_value(const NnMetric *metric, const double *sum, int64_t rows)
{
    if (!rows || metric->kind == NN_COUNTS)
        return NAN;
    if (metric->kind == NN_R2)
        return 1 - sum[0] / (sum[2] - sum[1] * sum[1] / ((double)rows * (double)metric->elements));
    return sum[0] / (double)rows + sum[1];
}

static bool value_in(const NnProgram *program, const NnFold *fold, const char *name, double *value)
{
    const double *sum = fold->sum;
    for (int i = 0; i < program->metric_count; i++) {
        const NnMetric *metric = &program->metrics[i];
        if (!strcmp(metric->name, name) && metric->kind != NN_COUNTS) {
            *value = nn_metric_value(metric, sum, fold->rows);
            return true;
        }
        sum += nn_metric_sums(metric);
    }
    return false;
}

bool nn_named_value(const NnRun *run, const char *name, double *value)
{
    if (!strcmp(name, "loss"))
        return value_in(run->program, &run->own->fold, name, value);
    for (NnSet set = NN_TRAIN; set < NN_SETS; set++) {
        size_t length = strlen(nn_set_name[set]);
        if (!strncmp(name, nn_set_name[set], length) && name[length] == '_' && nn_dataset_rows(run->dataset, set))
            return value_in(run->program, set == NN_TRAIN ? &run->own->fold : &run->own->evaluated[set], name + length + 1, value);
    }
    return false;
}
