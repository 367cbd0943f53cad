/* schedule.c: the rate of a step in closed form; nngen/schedule.h has the formulas. PyTorch computes most of them by a recursion
 * from epoch to epoch, which agrees to rounding. */
#include <nngen/schedule.h>

#include <math.h>

static const double PI = 3.14159265358979323846;

/* half a cosine from `from` at 0 to `to` at 1 */
static double annealed(double from, double to, double share)
{
    return to + (from - to) / 2 * (1 + cos(PI * share));
}

static double one_cycle(const NnSchedule *schedule, int64_t k)
{
    const double first = schedule->max_lr / schedule->div_factor, last = first / schedule->final_div_factor;
    const double peak = schedule->pct_start * (double)schedule->total_steps - 1, end = (double)schedule->total_steps - 1;
    if ((double)k >= end)
        return last;
    if ((double)k <= peak)
        return peak > 0 ? annealed(first, schedule->max_lr, (double)k / peak) : schedule->max_lr;
    return annealed(schedule->max_lr, last, ((double)k - peak) / (end - peak));
}

static int64_t milestones_passed(const NnSchedule *schedule, int64_t k)
{
    int passed = 0;
    while (passed < schedule->milestone_count && schedule->milestones[passed] <= k)
        passed++;
    return passed;
}

double nn_scheduled_rate(const NnSchedule *schedule, double lr, int64_t step, int64_t epoch)
{
    if (!schedule)
        return lr;
    const int64_t k = schedule->per_step ? step : epoch;
    switch (schedule->kind) {
    case NN_RATE_STEP: return lr * pow(schedule->gamma, (double)(k / schedule->step_size));
    case NN_RATE_MULTISTEP: return lr * pow(schedule->gamma, (double)milestones_passed(schedule, k));
    case NN_RATE_EXPONENTIAL: return lr * pow(schedule->gamma, (double)k);
    case NN_RATE_COSINE: return annealed(lr, schedule->eta_min, (double)k / (double)schedule->t_max);
    case NN_RATE_LINEAR: {
        const double share = k < schedule->total_iters ? (double)k / (double)schedule->total_iters : 1;
        return lr * (schedule->start_factor + (schedule->end_factor - schedule->start_factor) * share);
    }
    case NN_RATE_ONE_CYCLE: return one_cycle(schedule, k);
    case NN_RATE_WARMUP:
        if (k < schedule->steps)
            return (double)(k + 1) / (double)schedule->steps * nn_scheduled_rate(schedule->next, lr, 0, 0);
        return nn_scheduled_rate(schedule->next, lr, step - (schedule->per_step ? schedule->steps : 0),
                                 epoch - (schedule->per_step ? 0 : schedule->steps));
    }
    return lr;
}
