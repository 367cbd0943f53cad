/* run.c: the loop of an emitted program, from its command line to its exit status.
 *
 * The state of training moves in nn_step_done and nn_epoch_done and nowhere else, and only by what a checkpoint holds; so a
 * run that stops after any step and is resumed computes the same bits as one that never stopped.
 *
 * An epoch takes the rows of the training set in the order of a permutation keyed by (seed, epoch). Where it is a single batch
 * the order cannot matter, and the batch is gathered once and left where it lies. Without data a step has one row and there is
 * one epoch, as long as the run: `epochs` counts steps then. */
#include "run.h"
#include "failure.h"
#include "memory.h"
#include "output_file.h"
#include "source.h"
#include "target.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t interrupted;

static struct timespec interrupted_at;

/* The first Ctrl-C asks for an end after the step; a second one is the system's own and ends at once. What comes within
 * ONE_PRESS of the first is the same wish told twice: a wrapper such as timeout(1) signals its child and then the whole group. */
static const double ONE_PRESS = 0.3;                          /* seconds */

static void on_interrupt(int number)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - interrupted_at.tv_sec) + 1e-9 * (double)(now.tv_nsec - interrupted_at.tv_nsec);
    if (!interrupted) {
        interrupted = 1;
        interrupted_at = now;
    } else if (since > ONE_PRESS) {
        nn_remove_unfinished();
        signal(number, SIG_DFL);
        raise(number);
    }
}

static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction hang_up;
    if (!sigaction(SIGHUP, NULL, &hang_up) && hang_up.sa_handler != SIG_IGN)      /* nohup(1) wants it ignored */
        sigaction(SIGHUP, &action, NULL);
}

bool nn_is_interrupted(void) { return interrupted; }

double nn_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool nn_all_finite(const void *data, int64_t count, NnPrecision precision)
{
    bool all = true;                                          /* no early exit: the loop vectorises */
    const float *f32 = data;
    const double *f64 = data;
    if (precision == NN_F32)
        for (int64_t i = 0; i < count; i++)
            all &= f32[i] - f32[i] == 0;
    else
        for (int64_t i = 0; i < count; i++)
            all &= f64[i] - f64[i] == 0;
    return all;
}

/* ---- before the loop ---- */

static void open_data(NnRun *run)
{
    static const NnData none = {.format = NULL};
    const NnProgram *program = run->program;
    const NnData *data = program->data ? program->data : &none;
    size_t before = nn_memory_held();
    const int64_t most_rows = run->flags.benchmark && !program->batch_all ? NN_BENCHMARK_BATCHES * (int64_t)program->batch : 0;
    run->dataset = nn_dataset_open_rows(data, program->inputs, program->input_count, run->flags.data_dir, run->seed, most_rows);
    run->data_bytes = nn_memory_held() - before;
    if (data->format)
        nn_dataset_check(run->dataset, program->precision == NN_F64);
    run->has_data = data->format != NULL;
    run->epoch_rows = run->has_data ? nn_dataset_rows(run->dataset, NN_TRAIN) : INT64_MAX;
    run->one_batch = run->epoch_rows <= program->batch;
    run->flags.no_shuffle |= data->no_shuffle;
    if (run->has_data && program->batch_all && run->epoch_rows != program->batch)
        nn_fail(NN_WRONG_INPUT, NULL, "was made for %d training rows (batch = \"all\"), but the data has %lld; generate it again "
                "with this data", program->batch, (long long)run->epoch_rows);
    if (program->drop_last && run->epoch_rows < program->batch)
        nn_fail(NN_WRONG_INPUT, NULL, "drop_last would drop everything: %lld training rows make no batch of %d",
                (long long)run->epoch_rows, program->batch);
    double ignored;
    if (program->stop_metric && !run->flags.benchmark && !nn_named_value(run, program->stop_metric, &ignored))
        nn_fail(NN_WRONG_INPUT, NULL, "early_stop watches %s, but there is no such set or metric", nn_quoted(program->stop_metric));
}

/* Batch norm has no variance of one row. The batch that is too small is the last of an epoch; a shorter run never comes to it. */
static void refuse_small_batches(const NnRun *run)
{
    const NnProgram *program = run->program;
    const int64_t last = run->has_data ? run->epoch_rows % program->batch : 0;
    if (!last || last >= program->least_rows || program->drop_last || run->last_step <= run->epoch_rows / program->batch)
        return;
    nn_fail(NN_WRONG_INPUT, NULL, "the last batch of an epoch has %lld row%s (%lld rows in batches of %d), but %s needs at least %lld to "
            "train; take another batch, or drop_last = true", (long long)last, last == 1 ? "" : "s", (long long)run->epoch_rows,
            program->batch, program->least_rows_for, (long long)program->least_rows);
}

static void set_limits(NnRun *run)
{
    const NnProgram *program = run->program;
    const NnFlags *flags = &run->flags;
    int64_t steps = flags->steps ? flags->steps : flags->epochs ? 0 : program->steps;
    int64_t epochs = flags->epochs ? flags->epochs : program->epochs;
    if (!steps && !run->has_data)
        steps = epochs;
    run->last_step = steps ? steps : INT64_MAX;
    run->last_epoch = steps ? INT64_MAX : epochs;
}

/* What the current copy's step is told besides its rows. */
static void set_rate(NnRun *run)
{
    const NnProgram *program = run->program;
    run->current.swept = nn_swept_value(run);
    const double lr = program->sweep && program->sweep->is_rate ? run->current.swept : run->lr;
    run->current.lr = nn_scheduled_rate(program->schedule, lr, run->step, run->epoch);
}

NnRun *nn_open_run(const NnProgram *program, NnFlags flags)
{
    NnRun *run = nn_allocate(1, sizeof *run);
    *run = (NnRun){.program = program, .flags = flags, .last_synced = -INFINITY};
    const int threads = nn_prepare_processor(flags.threads);
    nn_crew_start(&run->crew, program->threads && flags.threads == 0 ? threads : 1);
    nn_start_device(run);
    run->seed = flags.resume ? nn_resume_seed(flags.resume) : flags.has_seed ? flags.seed : program->seed;
    if (flags.has_lr && program->sweep && program->sweep->is_rate)
        nn_fail(NN_WRONG_CALL, NULL, "--lr: this program sweeps the rate, under the name %s; the values are in the model",
                nn_quoted(program->sweep->name));
    nn_open_copies(run);
    open_data(run);
    set_limits(run);

    nn_initialise(program, run->seed);
    nn_spread_copy(run);
    if (flags.init)
        nn_load_parameters(run, flags.init);
    if (flags.resume)
        nn_resume_checkpoint(run, flags.resume);
    run->first_step = run->step;
    run->lr = flags.has_lr ? flags.lr : program->lr;
    run->current.seed = run->seed;
    set_rate(run);
    nn_open_device(run);
    run->started = run->last_shown = nn_seconds();
    return run;
}

void nn_close_run(NnRun *run)
{
    nn_close_device(run);
    nn_dataset_close(run->dataset);
    nn_release(run->summary);
    nn_close_copies(run);
    nn_release(run);
}

NnRun *nn_start(const NnProgram *program, int argc, char **argv)
{
    NnFlags flags = nn_parse_flags(program, false, argc, argv);
    if (flags.save || flags.predict)
        nn_probe_output(flags.predict ? flags.predict : flags.save);          /* now, and not after hours */
    if (!program->sweep)
        nn_want_large_pages(program->state, program->memory);
    NnRun *run = nn_open_run(program, flags);
    if (flags.check_gradients)
        exit(nn_check_gradients(run));
    if (flags.predict)
        exit(nn_predict(run));
    refuse_small_batches(run);
    nn_open_summary(run);
    nn_show_memory(run);
    if (flags.benchmark)
        exit(nn_benchmark(run));

    nn_open_log(run);
    run->has_terminal = isatty(STDERR_FILENO);
    catch_interrupts();
    if (flags.snapshot_every && run->step == 0)
        nn_snapshot(run, false);
    return run;
}

/* ---- the loop ---- */

int nn_rows_at(const NnRun *run, int64_t position)
{
    if (!run->has_data)
        return 1;
    int64_t left = run->epoch_rows - position;
    int batch = run->program->batch;
    return left >= batch ? batch : run->program->drop_last ? 0 : (int)left;
}

/* An epoch has had all its rows, but not its evaluation, which was interrupted: that comes first. */
static bool is_epoch_pending(const NnRun *run)
{
    return run->has_data && run->position > 0 && !nn_rows_at(run, run->position);
}

bool nn_next_epoch(NnRun *run)
{
    if (run->reason == NN_RUNNING && !nn_next_copy(run, 0))
        run->reason = NN_EARLY_STOP;
    if (run->reason == NN_RUNNING && !is_epoch_pending(run) && (run->step >= run->last_step || run->epoch >= run->last_epoch))
        run->reason = NN_FINISHED;
    if (run->reason == NN_RUNNING && interrupted)
        run->reason = NN_WAS_INTERRUPTED;
    run->epoch_started = nn_seconds();
    run->epoch_first_position = run->position;
    return run->reason == NN_RUNNING;
}

static size_t row_bytes(const NnProgram *program, const NnInput *input)
{
    size_t size = input->classes ? sizeof(int32_t) : program->precision == NN_F32 ? sizeof(float) : sizeof(double);
    return (size_t)input->elements * size;
}

/* Where row `place` of an epoch is in the set. */
static int64_t row_at(const NnRun *run, int64_t place, bool is_shuffled)
{
    if (!is_shuffled || place >= run->epoch_rows)
        return place;
    return (int64_t)nn_permute((uint64_t)place, (uint64_t)run->epoch_rows, run->seed, (uint64_t)run->epoch);
}

static void prefetch(const NnRun *run, NnSet set, int64_t row)
{
    for (int i = 0; i < run->program->input_count && row < nn_dataset_rows(run->dataset, set); i++)
        nn_prefetch_row(run->dataset, set, i, row);
}

static bool has_augmented_input(const NnProgram *program)
{
    for (int i = 0; i < program->input_count; i++)
        if (nn_is_augmented(&program->inputs[i]))
            return true;
    return false;
}

static bool is_whole_epoch(const NnRun *run, const NnDrawn *drawn)
{
    return run->one_batch && drawn->set == NN_TRAIN && drawn->rows == run->epoch_rows;
}

bool nn_is_in_order(const NnRun *run, const NnDrawn *drawn)
{
    return !drawn->to_train || run->flags.no_shuffle || is_whole_epoch(run, drawn);
}

void nn_fill_batch(NnRun *run, NnSet set, int64_t first, int rows, bool to_train)
{
    run->drawn = (NnDrawn){.set = set, .first = first, .rows = rows, .to_train = to_train};
    if (!nn_has_device(run))
        nn_gather_batch(run, &run->drawn);
}

void nn_gather_batch(NnRun *run, const NnDrawn *drawn)
{
    const NnProgram *program = run->program;
    const NnSet set = drawn->set;
    const int64_t first = drawn->first;
    const int rows = drawn->rows;
    bool is_augmented = drawn->to_train && has_augmented_input(program), is_epoch = is_whole_epoch(run, drawn);
    if (is_epoch && run->holds_epoch && !is_augmented)
        return;
    run->holds_epoch = is_epoch && !is_augmented;
    bool is_shuffled = !nn_is_in_order(run, drawn);
    int64_t next = row_at(run, first, is_shuffled);
    for (int r = 0; r < program->batch; r++) {
        int64_t row = next;
        if (r < rows) {
            next = row_at(run, first + r + 1, is_shuffled);   /* behind the last one: the next batch's first */
            if (is_shuffled)
                prefetch(run, set, next);
        }
        for (int i = 0; i < program->input_count; i++) {
            const NnInput *input = &program->inputs[i];
            if (!input->batch)
                continue;                                     /* no kernel reads it: it is there for `stratify` */
            size_t bytes = row_bytes(program, input);
            char *batch = input->batch, *here = batch + (size_t)r * bytes;
            if (r < rows && drawn->to_train)
                nn_dataset_training_row(run->dataset, i, row, run->seed, run->epoch, program->precision == NN_F64, here);
            else if (r < rows)
                nn_dataset_row(run->dataset, set, i, row, program->precision == NN_F64, here);
            else
                memcpy(here, batch, bytes);
        }
    }
}

bool nn_next_batch(NnRun *run, NnStep *step)
{
    if (!run->is_within_step) {
        if (interrupted && run->step < run->last_step && !run->steps_ahead)
            run->reason = NN_WAS_INTERRUPTED;
        int rows = nn_rows_at(run, run->position);
        if (run->reason != NN_RUNNING || run->step >= run->last_step || !rows)
            return false;
        nn_next_copy(run, 0);
        nn_fill_batch(run, NN_TRAIN, run->position, rows, true);
        run->current.rows = rows;
        run->current.t = run->step + 1;
    }
    set_rate(run);
    *step = run->current;
    nn_begin_step(run);
    return true;
}

/* Which tensor it began with: "the first tensor that is not finite is 'logits', by the operation log at m.lua:7". */
static void tell_culprit(NnRun *run, char *out, size_t room)
{
    NnCulprit culprit = {0}, origin = {0};
    int64_t step = 0;
    const char *before = "the first tensor that is not finite is";
    if (!nn_find_not_finite(run, &run->current, &culprit))
        snprintf(out, room, "every tensor of the step is finite; only the sum of the loss is not");
    else if (strcmp(culprit.operation, "parameter"))
        snprintf(out, room, "%s %s, by the operation %s at %s:%d", before, nn_quoted(culprit.tensor), culprit.operation, culprit.file,
                 culprit.line);
    else if (nn_find_broken_update(run, &origin, &step))
        snprintf(out, room, "%s %s, by the operation %s at %s:%d, in step %lld; its update spoilt the parameter %s", before,
                 nn_quoted(origin.tensor), origin.operation, origin.file, origin.line, (long long)step, nn_quoted(culprit.tensor));
    else
        snprintf(out, room, "%s the parameter %s of %s:%d, by its update in an earlier step", before, nn_quoted(culprit.tensor),
                 culprit.file, culprit.line);
}

void nn_fail_not_finite(NnRun *run, double loss)
{
    char where[1024], what[64] = "a parameter is not finite after its update";
    const NnStep *step = &run->current;
    if (!isfinite(loss))
        snprintf(what, sizeof what, "the loss is %s", isnan(loss) ? "not a number (NaN)" : "infinite");
    run->own->loss = loss;
    run->reason = NN_NOT_FINITE;
    if (!isfinite(loss))
        nn_log_step(run);
    if (run->position > run->epoch_first_position)
        nn_log_epoch(run, true, nn_seconds() - run->epoch_started);
    nn_log_end(run, run->reason);
    nn_close_log(run);
    nn_show_end(run);
    char copy[NN_LONGEST_COPY];
    nn_name_copy(run, ", ", copy);
    nn_pull_state(run);
    tell_culprit(run, where, sizeof where);                   /* last: it spoils the state */
    nn_fail(NN_WRONG_INPUT, NULL, "step %lld%s: %s\n  %s\n  a smaller rate (--lr), scaled inputs or clip_norm may "
            "help; nothing was saved after this step", (long long)step->t, copy, what, where);
}

void nn_step_done(NnRun *run, double loss)
{
    nn_end_step(run);
    if (!isfinite(loss))
        nn_fail_not_finite(run, loss);
    run->own->loss = loss;
    nn_fold_batch(run->program, &run->own->fold, run->current.rows);
    nn_log_step(run);
    run->is_within_step = nn_next_copy(run, nn_current_copy(run) + 1);
    if (run->is_within_step)
        return;
    run->step++;
    run->position += run->current.rows;
    nn_show_step(run);
    if (run->flags.snapshot_every && run->step % run->flags.snapshot_every == 0)
        nn_snapshot(run, false);
}

static void clear_folds(NnRun *run, bool epoch_is_over)
{
    for (int c = 0; c < nn_copy_count(run->program); c++) {
        for (NnSet set = NN_VALIDATION; set < NN_SETS; set++)
            nn_fold_clear(run->program, &run->copies[c].evaluated[set]);
        if (epoch_is_over)
            nn_fold_clear(run->program, &run->copies[c].fold);
    }
}

/* Both sets in file order, in evaluation mode. False: a signal ended it. */
static bool evaluate_sets(NnRun *run)
{
    const NnProgram *program = run->program;
    if (!nn_can_evaluate(run))
        return true;
    nn_log_flush(run);                                        /* it may take long: what is known is on the disk */
    for (NnSet set = NN_VALIDATION; set < NN_SETS; set++) {
        int64_t count = nn_dataset_rows(run->dataset, set);
        for (int64_t first = 0; first < count; first += program->batch) {
            if (interrupted) {
                run->reason = NN_WAS_INTERRUPTED;
                return false;
            }
            NnStep step = run->current;
            step.rows = count - first < program->batch ? (int)(count - first) : program->batch;
            step.t = run->step;
            step.swept = nn_swept_value(run);
            nn_fill_batch(run, set, first, step.rows, false);
            nn_evaluate_batch(run, &step);
            nn_fold_batch(program, &run->own->evaluated[set], step.rows);
        }
    }
    return true;
}

/* All copies that are still trained; or, where a signal ended it, none: false. */
static bool evaluate_copies(NnRun *run)
{
    bool is_whole = true;
    for (bool more = nn_next_copy(run, 0); more && is_whole; more = nn_next_copy(run, nn_current_copy(run) + 1))
        is_whole = evaluate_sets(run);
    if (!is_whole)
        clear_folds(run, false);
    return is_whole;
}

/* Only whole epochs count: a run that stops inside one and evaluates there must not differ from one that does not. */
static void watch_for_early_stop(NnRun *run)
{
    const NnProgram *program = run->program;
    double value;
    if (!program->stop_metric || !nn_named_value(run, program->stop_metric, &value))
        return;
    value = program->stop_rises ? -value : value;
    bool is_better = value < run->own->best - program->stop_min_delta;
    run->own->best = is_better ? value : run->own->best;
    run->own->stale = is_better ? 0 : run->own->stale + 1;
}

void nn_epoch_done(NnRun *run)
{
    const NnProgram *program = run->program;
    double seconds = nn_seconds() - run->epoch_started;
    if (run->position == 0)
        return;                                               /* interrupted before its first step */
    bool is_whole = run->has_data && !nn_rows_at(run, run->position);
    bool is_last = run->reason != NN_RUNNING || run->step >= run->last_step || (is_whole && run->epoch + 1 >= run->last_epoch);
    bool is_due = is_whole && (program->validate_every <= 1 || (run->epoch + 1) % program->validate_every == 0);
    bool is_seen = run->log || program->stop_metric || nn_line_is_due(run, is_last);       /* an epoch may be a single short step */
    if ((is_due ? is_seen : is_last && run->reason == NN_RUNNING) && !evaluate_copies(run))
        is_whole = is_due = false;                            /* the epoch ends where the run is resumed */
    bool is_partial = run->has_data ? !is_whole : run->reason != NN_RUNNING;
    for (bool more = nn_next_copy(run, 0); more; more = nn_next_copy(run, nn_current_copy(run) + 1)) {
        nn_log_epoch(run, is_partial, seconds);
        if (is_due)
            watch_for_early_stop(run);
        if (program->sweep && nn_copy_has_stopped(run, nn_current_copy(run)))
            nn_log_end(run, NN_EARLY_STOP);                   /* the other copies go on */
    }
    nn_show_epoch(run, is_last, seconds);
    nn_note_summary(run);
    clear_folds(run, is_whole);
    if (!is_whole)
        return;
    run->epoch++;
    run->position = 0;
    if (run->flags.save && !is_last)
        nn_save_checkpoint(run, run->flags.save, false);
}

int nn_finish(NnRun *run)
{
    NnReason reason = run->reason;
    if (run->flags.save)
        nn_save_checkpoint(run, run->flags.save, true);
    if (run->flags.snapshot_every && run->step % run->flags.snapshot_every)
        nn_snapshot(run, true);
    for (int c = 0; c < nn_copy_count(run->program); c++)
        if (!run->program->sweep || !nn_copy_has_stopped(run, c)) {
            nn_take_copy(run, c);
            nn_log_end(run, reason);
        }
    nn_close_log(run);
    nn_show_end(run);
    nn_flush_output();
    nn_close_run(run);
    return reason == NN_WAS_INTERRUPTED ? NN_INTERRUPTED : NN_DONE;
}
