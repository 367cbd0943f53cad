/* cuda_steps.c: see cuda_steps.h.
 *
 * A group is up to K steps that are launched together: their records are uploaded, one captured graph of K steps runs, each step
 * leaving the values of its metrics in a place of its own, and those come back in one copy. While the loop takes the results of
 * one group, the next is in line, so the device never waits for the loop, nor the loop for the device within an epoch. A group
 * ends where the loop has something to do in between: at the end of an epoch or the run, before a snapshot. What is left there is
 * launched as single steps, by a graph of one.
 *
 * A loss that is not finite stops the updates of its step and of all that follow, on the device itself; so when the loop comes to
 * that step, the parameters there are those that the step began with. */
#include "cuda_steps.h"
#include "failure.h"
#include "memory.h"
#include "walk.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_STEPS = 64,                    /* of a group: far beyond what hides the cost of launching it */
    MOST_NODES = 2048,                  /* of a graph: recurrences launch many kernels a step, and a graph takes memory and time to make */
    MOST_RESULTS = 16 << 20,            /* bytes of a group's results */
    LINE = 256,
    GROUPS = 2,                         /* in line at once */
};

typedef struct Group {
    NnWork work;
    NnDrawn drawn[MOST_STEPS];
    NnDeviceStep *steps;                /* pinned, as are the results */
    char *results;
    int count, given;
    bool is_here;                       /* the results have arrived */
    NnEvent *start, *end;
} Group;

static struct {
    const NnCuda *cuda;
    NnAddress state, steps, results;
    char *mirror;                       /* of the results, in the host's state */
    size_t offset, bytes, stride;       /* of the results in the state; from one step's to the next one's */
    int most;                           /* steps that there is room for */
    int size;                           /* K; 0: not known yet */
    bool has_graphs;
    NnLaunchable *one[WORK_KINDS], *many[WORK_KINDS];
    Group group[GROUPS];
    int head, in_line;
    int64_t next_step, next_position;   /* of training: behind what is in line */
} line;

/* ---- memory ---- */

static size_t part_bytes(const NnProgram *program, const NnMetric *metric)
{
    return nn_real_bytes(program->precision) * (metric->kind == NN_COUNTS ? (size_t)(metric->classes * metric->classes) : 1);
}

/* The stretch of the host's state that the metrics' parts lie in. */
static void find_results(const NnProgram *program)
{
    const char *first = NULL, *last = NULL;
    for (int i = 0; i < program->metric_count; i++)
        for (int k = 0; k < 3; k++) {
            const char *part = program->metrics[i].part[k];
            if (!part)
                continue;
            const char *end = part + part_bytes(program, &program->metrics[i]);
            first = !first || part < first ? part : first;
            last = !last || end > last ? end : last;
        }
    line.mirror = (char *)first;
    line.offset = first ? (size_t)(first - (const char *)program->cuda->state) : 0;
    line.bytes = (size_t)(last - first);
    line.stride = (line.bytes + LINE - 1) / LINE * LINE;
    line.most = line.stride * MOST_STEPS > MOST_RESULTS ? (int)(MOST_RESULTS / line.stride) : MOST_STEPS;
    line.most = line.most ? line.most : 1;
}

/* NNGEN_CUDA_STEPS=N: groups of N; 0: no graphs at all. For measurements. */
static void choose_size(const NnProgram *program)
{
    const char *given = getenv("NNGEN_CUDA_STEPS");
    const int asked = given && *given ? atoi(given) : program->cuda->launched_steps;
    line.has_graphs = !program->cuda->one_by_one && !(given && *given && asked <= 0);
    if (nn_streamed_steps() && nn_streamed_steps() < line.most)
        line.most = nn_streamed_steps();
    if (asked > 0 || !line.has_graphs)
        line.size = asked > 0 && asked < line.most ? asked : line.most;
}

size_t nn_group_bytes(const NnRun *run)
{
    find_results(run->program);
    return (MOST_STEPS * sizeof(NnDeviceStep) + LINE - 1) / LINE * LINE + (size_t)line.most * line.stride;
}

void nn_open_groups(const NnRun *run, NnAddress first, NnAddress state)
{
    line.cuda = run->program->cuda;
    line.state = state;
    line.steps = first;
    line.results = first + (MOST_STEPS * sizeof(NnDeviceStep) + LINE - 1) / LINE * LINE;
    choose_size(run->program);
    for (int g = 0; g < GROUPS; g++) {
        line.group[g].steps = nn_allocate_pinned(MOST_STEPS * sizeof(NnDeviceStep));
        line.group[g].results = nn_allocate_pinned((size_t)line.most * line.stride);
        line.group[g].start = nn_new_event();
        line.group[g].end = nn_new_event();
    }
}

void nn_drop_groups(NnRun *run)
{
    nn_wait_for_card();
    line.in_line = 0;
    run->steps_ahead = 0;
}

/* ---- launching ---- */

/* One step, told by the record in place `slot`, and its results. */
static void put_in_line(NnWork work, int slot)
{
    void (*const step[])(void *, const NnDeviceStep *) = {line.cuda->train_step, line.cuda->evaluate, line.cuda->predict};
    step[work]((void *)line.state, (const NnDeviceStep *)line.steps + slot);
    if (line.bytes)
        nn_copy_on_card(line.results + (size_t)slot * line.stride, line.state + line.offset, line.bytes);
}

static NnLaunchable *graph_of(NnWork work, int steps)
{
    NnLaunchable **graph = steps == 1 ? &line.one[work] : &line.many[work];
    if (*graph)
        return *graph;
    nn_begin_graph();
    for (int slot = 0; slot < steps; slot++)
        put_in_line(work, slot);
    return *graph = nn_end_graph();
}

/* K hangs on how many kernels a step of training has, which only a first capture tells. */
static int group_size(void)
{
    if (!line.size) {
        const int64_t before = nn_card.launches;
        graph_of(WORK_TRAIN, 1);
        const int64_t size = MOST_NODES / (nn_card.launches - before + 1);
        line.size = size < 1 ? 1 : size > line.most ? line.most : (int)size;
    }
    return line.size;
}

static void launch(Group *group)
{
    const size_t record = sizeof *group->steps;
    const int count = group->count;
    nn_record(group->start);
    if (!line.has_graphs || (count == line.size && count > 1)) {
        nn_upload(line.steps, group->steps, (size_t)count * record);
        if (line.has_graphs)
            nn_launch_graph(graph_of(group->work, count));
        for (int slot = 0; slot < count && !line.has_graphs; slot++)
            put_in_line(group->work, slot);
        nn_download(group->results, line.results, (size_t)count * line.stride);
    } else {
        for (int i = 0; i < count; i++) {
            nn_upload(line.steps, &group->steps[i], record);
            nn_launch_graph(graph_of(group->work, 1));
            nn_download(group->results + (size_t)i * line.stride, line.results, line.stride);
        }
    }
    nn_record(group->end);
    group->given = 0;
    group->is_here = false;
    line.in_line++;
}

static Group *next_group(NnWork work)
{
    Group *group = &line.group[(line.head + line.in_line) % GROUPS];
    group->work = work;
    group->count = 0;
    return group;
}

static void add_step(NnRun *run, Group *group, NnDrawn drawn, const NnStep *step)
{
    const int slot = group->count++;
    group->drawn[slot] = drawn;
    group->steps[slot] = (NnDeviceStep){.seed = step->seed, .epoch = (unsigned long long)run->epoch, .t = step->t, .lr = step->lr,
                                        .swept = step->swept};
    nn_draw(run, &drawn, slot, (int)(group - line.group), &group->steps[slot]);
}

/* ---- training ---- */

/* Steps from there on before the loop has something to do in between. */
static int64_t steps_to_boundary(const NnRun *run, int64_t step, int64_t position)
{
    const int64_t batch = run->program->batch, every = run->flags.snapshot_every;
    int64_t left = run->last_step - step;
    if (run->has_data) {
        const int64_t rows = run->epoch_rows - position, batches = (rows + (run->program->drop_last ? 0 : batch - 1)) / batch;
        left = batches < left ? batches : left;
    }
    if (every && every - step % every < left)
        left = every - step % every;
    return left;
}

/* One more group, if there is anything to launch before the loop must act. */
static bool launch_ahead(NnRun *run, const NnStep *step)
{
    const bool is_alone = run->one_by_one || run->program->sweep;          /* another copy comes in between */
    const int64_t every = run->flags.snapshot_every;
    if (!line.in_line) {
        line.next_step = step->t - 1;
        line.next_position = run->position;
    } else if (is_alone || nn_is_interrupted() || line.in_line == GROUPS || line.group[line.head].work != WORK_TRAIN) {
        return false;
    } else if (every && line.next_step % every == 0) {                      /* a snapshot is of the state as it is then */
        return false;
    }
    int64_t count = steps_to_boundary(run, line.next_step, line.next_position);
    const int most = is_alone ? 1 : group_size();
    count = count < most ? count : most;
    if (count <= 0)
        return false;
    Group *group = next_group(WORK_TRAIN);
    for (int64_t i = 0; i < count; i++) {
        const NnDrawn drawn = {.set = NN_TRAIN, .first = line.next_position, .rows = nn_rows_at(run, line.next_position), .to_train = true};
        NnStep next = *step;
        next.t = line.next_step + 1;
        if (!is_alone)
            next.lr = nn_scheduled_rate(run->program->schedule, run->lr, line.next_step, run->epoch);
        add_step(run, group, drawn, &next);
        line.next_step++;
        line.next_position += drawn.rows;
    }
    launch(group);
    return true;
}

/* ---- evaluating ---- */

static void launch_evaluation(NnRun *run, NnWork work, const NnStep *step)
{
    const int64_t rows = run->has_data ? nn_dataset_rows(run->dataset, run->drawn.set) : 1;
    const int most = work == WORK_PREDICT ? 1 : group_size();
    Group *group = next_group(work);
    NnDrawn drawn = run->drawn;
    for (int i = 0; i < most && (drawn.first < rows || !i); i++) {
        drawn.rows = !i ? run->drawn.rows : rows - drawn.first < run->program->batch ? (int)(rows - drawn.first) : run->program->batch;
        add_step(run, group, drawn, step);
        drawn.first += run->program->batch;
    }
    launch(group);
}

/* ---- giving ---- */

static bool is_next(const NnRun *run, NnWork work, const NnStep *step)
{
    const Group *group = &line.group[line.head];
    const NnDrawn *drawn = &group->drawn[group->given];
    return line.in_line && group->work == work && drawn->set == run->drawn.set && drawn->first == run->drawn.first
           && group->steps[group->given].t == step->t;
}

static double loss_here(const NnProgram *program)
{
    double loss = 0;
    for (int k = 0; k < 2 && program->metric_count; k++)
        loss += program->metrics[0].part[k] ? nn_get_real(program->metrics[0].part[k], 0, program->precision) : 0;
    return loss;
}

double nn_next_result(NnRun *run, NnWork work, const NnStep *step)
{
    if (!is_next(run, work, step))
        nn_drop_groups(run);
    if (work == WORK_TRAIN)
        while (launch_ahead(run, step))
            continue;
    else if (!line.in_line)
        launch_evaluation(run, work, step);
    Group *group = &line.group[line.head];
    if (!group->is_here)
        nn_wait_for(group->end);
    group->is_here = true;
    if (line.bytes)
        memcpy(line.mirror, group->results + (size_t)group->given * line.stride, line.bytes);
    if (++group->given == group->count) {
        line.head = (line.head + 1) % GROUPS;
        line.in_line--;
    }
    run->steps_ahead = work == WORK_TRAIN ? line.next_step - step->t : 0;
    return loss_here(run->program);
}

/* ---- --benchmark ---- */

/* Each group takes the first batches in turn and is timed by the device's own clock; its steps share its time equally. */
void nn_time_groups(NnRun *run, int64_t batches, int64_t count, double *seconds)
{
    const int batch = run->program->batch, size = group_size();
    for (int64_t timed = -size; timed < count; timed += size) {
        Group *group = next_group(WORK_TRAIN);
        for (int i = 0; i < size; i++) {
            run->current.t = ++run->step;
            const int64_t first = run->step % batches * batch;
            run->current.rows = !run->has_data ? 1 : run->epoch_rows < batch ? (int)run->epoch_rows : batch;
            run->drawn = (NnDrawn){.set = NN_TRAIN, .first = first, .rows = run->current.rows, .to_train = true};
            add_step(run, group, run->drawn, &run->current);
        }
        launch(group);
        const double each = nn_seconds_between(group->start, group->end) / size;
        memcpy(line.mirror, group->results + (size_t)(size - 1) * line.stride, line.bytes);
        nn_drop_groups(run);
        if (!isfinite(loss_here(run->program)))
            nn_fail_not_finite(run, loss_here(run->program));
        for (int64_t i = timed < 0 ? count : timed; i < timed + size && i < count; i++)
            seconds[i] = each;
    }
}
