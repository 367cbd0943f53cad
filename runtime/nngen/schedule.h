/* schedule.h: the learning rate as it moves: the rate lr that the optimizer was given (or --lr), and a count k of finished steps or
 * epochs. Closed forms, so that a resumed run needs no state; names, defaults and numbers are those of torch.optim.lr_scheduler.
 *
 *   STEP         lr gamma^floor(k / step_size)
 *   MULTISTEP    lr gamma^(how many of milestones are at most k)
 *   EXPONENTIAL  lr gamma^k
 *   COSINE       eta_min + (lr - eta_min) (1 + cos(pi k / t_max)) / 2
 *   LINEAR       lr (start_factor + (end_factor - start_factor) min(k, total_iters) / total_iters)
 *   ONE_CYCLE    from max_lr / div_factor up to max_lr, which it reaches at k = pct_start total_steps - 1, and down to
 *                max_lr / div_factor / final_div_factor at k = total_steps - 1, each way half a cosine; lr is not looked at
 *   WARMUP       for k < steps: (k + 1) / steps of the rate that `next` begins with; then `next`, its k counted from there
 *
 * A warmup and its next may count differently, the one steps and the other epochs; then next's k counts from the run's start. */
#ifndef NNGEN_SCHEDULE_H
#define NNGEN_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

typedef enum NnScheduleKind {
    NN_RATE_STEP, NN_RATE_MULTISTEP, NN_RATE_EXPONENTIAL, NN_RATE_COSINE, NN_RATE_LINEAR, NN_RATE_ONE_CYCLE, NN_RATE_WARMUP
} NnScheduleKind;

typedef struct NnSchedule {
    NnScheduleKind kind;
    bool per_step;                      /* k counts steps; else epochs */
    int64_t step_size, t_max, total_iters, total_steps, steps;
    const int64_t *milestones;          /* rising */
    int milestone_count;
    double gamma, eta_min, start_factor, end_factor, max_lr, pct_start, div_factor, final_div_factor;
    const struct NnSchedule *next;      /* WARMUP; NULL: lr */
} NnSchedule;

/* The rate of the step that comes after `step` steps and `epoch` epochs; schedule NULL: lr */
double nn_scheduled_rate(const NnSchedule *schedule, double lr, int64_t step, int64_t epoch);

#endif
