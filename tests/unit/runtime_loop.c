/* The whole loop on a small program: what is trained, resumed, interrupted, logged, refused, predicted. */
#define REAL float
#define PRECISION NN_F32
#include "runtime_child.h"
#include "runtime_program.h"
#include <cJSON.h>
#include <sys/resource.h>

static void assert_same_files(const char *a, const char *b)
{
    size_t count_a = 0, count_b = 0;
    char *bytes_a = read_bytes(a, &count_a), *bytes_b = read_bytes(b, &count_b);
    ck_assert_ptr_nonnull(bytes_a);
    ck_assert_ptr_nonnull(bytes_b);
    ck_assert_uint_eq(count_a, count_b);
    ck_assert_mem_eq(bytes_a, bytes_b, count_a);
    free(bytes_a);
    free(bytes_b);
}

/* The log's events; the caller deletes them. */
static cJSON *read_log(const char *name)
{
    size_t count = 0;
    char *text = read_bytes(name, &count);
    ck_assert_ptr_nonnull(text);
    cJSON *events = cJSON_CreateArray();
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        cJSON *event = cJSON_Parse(line);
        ck_assert_msg(event != NULL, "no JSON: %s", line);
        cJSON_AddItemToArray(events, event);
    }
    free(text);
    return events;
}

static double number_of(const cJSON *event, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(event, key);
    ck_assert_msg(cJSON_IsNumber(value), "no number %s in %s", key, cJSON_PrintUnformatted(event));
    return value->valuedouble;
}

static const char *text_of(const cJSON *event, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(event, key));
}

/* The nth event of a kind, from 0, negative from the end; NULL: there are fewer. */
static const cJSON *event_of(const cJSON *events, const char *kind, int n)
{
    const cJSON *event;
    int count = 0;
    cJSON_ArrayForEach(event, events) {
        count += !strcmp(text_of(event, "event"), kind);
    }
    n = n < 0 ? count + n : n;
    cJSON_ArrayForEach(event, events) {
        if (!strcmp(text_of(event, "event"), kind) && n-- == 0)
            return event;
    }
    return NULL;
}

/* ---- training ---- */

START_TEST(trains_to_the_line)
{
    ck_assert_int_eq(run_program("--epochs", "200", "--log", "log"), 0);
    ck_assert_str_eq(child.error, "");
    ck_assert_ptr_nonnull(strstr(child.out, "memory: at most"));
    cJSON *events = read_log("log");
    const cJSON *epoch = event_of(events, "epoch", -1);
    ck_assert_double_lt(number_of(epoch, "test_loss"), 0.03);                  /* the noise has variance 0.01 */
    ck_assert_double_gt(number_of(epoch, "test_r2"), 0.99);
    cJSON_Delete(events);
}
END_TEST

START_TEST(log_has_every_event)
{
    ck_assert_int_eq(run_program("--epochs", "2", "--log", "log", "--log-every", "3"), 0);
    cJSON *events = read_log("log");
    for (int i = 0; i < 5; i++) {                             /* 16 steps in two epochs of 8: 3, 6, 9, 12, 15 */
        const cJSON *step = event_of(events, "step", i);
        ck_assert_double_eq(number_of(step, "step"), 3 * i + 3);
        ck_assert_double_eq(number_of(step, "lr"), 0.01);
        ck_assert_double_gt(number_of(step, "loss"), 0);
    }
    ck_assert_ptr_null(event_of(events, "step", 5));
    for (int i = 0; i < 2; i++) {
        const cJSON *epoch = event_of(events, "epoch", i);
        ck_assert_double_eq(number_of(epoch, "epoch"), i + 1);
        ck_assert_double_eq(number_of(epoch, "step"), 8 * (i + 1));
        static const char *const keys[] = {"loss", "train_error_sum", "train_r2", "test_loss", "test_error_sum", "test_r2", "seconds",
                                           "samples_per_second"};
        for (int k = 0; k < NN_COUNT(keys); k++)
            number_of(epoch, keys[k]);
        ck_assert_ptr_null(cJSON_GetObjectItem(epoch, "validation_loss"));
        ck_assert_ptr_null(cJSON_GetObjectItem(epoch, "partial"));
        ck_assert_ptr_null(cJSON_GetObjectItem(epoch, "train_loss"));
    }
    const cJSON *end = event_of(events, "end", 0);
    ck_assert_double_eq(number_of(end, "step"), 16);
    ck_assert_double_eq(number_of(end, "epoch"), 2);
    ck_assert_str_eq(text_of(end, "reason"), "done");
    number_of(end, "loss");
    number_of(end, "seconds");
    cJSON_Delete(events);
}
END_TEST

/* Metrics of a set against the formulas, over a partial last batch: lr 0 leaves the parameters as they are. */
START_TEST(metrics_are_over_all_rows)
{
    ck_assert_int_eq(run_program("--lr", "0", "--epochs", "1", "--log", "log"), 0);
    make_rows();
    float weight[2][3];
    for (int k = 0; k < 6; k++)
        weight[k / 3][k % 3] = (float)(-0.5 + nn_uniform(3, nn_stream("fc.weight"), 0, (uint64_t)k));
    cJSON *events = read_log("log");
    const cJSON *epoch = event_of(events, "epoch", 0);
    for (NnSet set = NN_TRAIN; set <= NN_TEST; set += NN_TEST) {
        int rows = set == NN_TRAIN ? TRAIN_ROWS : TEST_ROWS;
        double squares = 0, y_sum = 0, y_squares = 0, counts[2][2] = {{0}};
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < 2; j++) {
                double p = 0.25, y = rows_y[set][r][j];
                for (int i = 0; i < 3; i++)
                    p += rows_x[set][r][i] * weight[j][i];
                squares += (p - y) * (p - y);
                y_sum += y;
                y_squares += y * y;
                if (j == 0)
                    counts[(int)rows_sign[set][r]][p > 0]++;
            }
        bool test = set == NN_TEST;
        ck_assert_double_eq_tol(number_of(epoch, test ? "test_loss" : "loss"), squares / (2 * rows), 1e-5);
        ck_assert_double_eq_tol(number_of(epoch, test ? "test_error_sum" : "train_error_sum"), squares, 1e-4);
        ck_assert_double_eq_tol(number_of(epoch, test ? "test_r2" : "train_r2"),
                                1 - squares / (y_squares - y_sum * y_sum / (2 * rows)), 1e-5);
        const cJSON *matrix = cJSON_GetObjectItem(epoch, test ? "test_confusion" : "train_confusion");
        for (int label = 0; label < 2; label++)
            for (int guess = 0; guess < 2; guess++)
                ck_assert_double_eq(cJSON_GetArrayItem(cJSON_GetArrayItem(matrix, label), guess)->valuedouble, counts[label][guess]);
    }
    cJSON_Delete(events);
}
END_TEST

static double step_that_notes_its_loss(const NnStep *step)
{
    double loss = train_step(step);
    float f32 = (float)loss;
    FILE *file = fopen("bits", "ab");
    fwrite(&f32, sizeof f32, 1, file);
    fclose(file);
    return loss;
}

static int noting_main(int argc, char **argv)
{
    make_rows();
    NnRun *run = nn_start(&program, argc, argv);
    while (nn_next_epoch(run)) {
        for (NnStep step; nn_next_batch(run, &step);)
            nn_step_done(run, step_that_notes_its_loss(&step));
        nn_epoch_done(run);
    }
    return nn_finish(run);
}

static void call_noting_main(const void *argument)
{
    (void)argument;
    char *argv[] = {"line", "--steps", "50", "--log", "log", NULL};
    ck_assert_int_eq(chdir(folder), 0);
    exit(noting_main(5, argv));
}

START_TEST(logged_numbers_read_back_to_the_same_bits)
{
    ck_assert_int_eq(run_child(call_noting_main, NULL), 0);
    size_t count = 0;
    char *bits = read_bytes("bits", &count);
    ck_assert_uint_eq(count, 50 * sizeof(float));
    cJSON *events = read_log("log");
    for (int i = 0; i < 50; i++) {
        float logged = (float)number_of(event_of(events, "step", i), "loss");
        ck_assert_mem_eq(&logged, bits + (size_t)i * sizeof logged, sizeof logged);
    }
    cJSON_Delete(events);
    free(bits);
}
END_TEST

/* ---- the same bits ---- */

START_TEST(fifty_and_fifty_is_a_hundred)
{
    ck_assert_int_eq(run_program("--steps", "100", "--save", "hundred"), 0);
    ck_assert_int_eq(run_program("--steps", "50", "--save", "fifty"), 0);      /* inside the seventh epoch */
    ck_assert_int_eq(run_program("--resume", "fifty", "--steps", "100", "--save", "both", "--log", "log"), 0);
    assert_same_files("hundred", "both");
    cJSON *events = read_log("log");
    ck_assert_double_eq(number_of(event_of(events, "step", 0), "step"), 51);
    cJSON_Delete(events);
    ck_assert_int_eq(run_program("--steps", "48", "--save", "border"), 0);     /* at the end of the sixth */
    ck_assert_int_eq(run_program("--resume", "border", "--steps", "100", "--save", "both"), 0);
    assert_same_files("hundred", "both");
    ck_assert_int_eq(run_program("--steps", "100", "--save", "threads", "--threads", "1"), 0);
    assert_same_files("hundred", "threads");
    ck_assert_int_eq(run_program("--steps", "100", "--save", "other", "--seed", "4"), 0);
    size_t count = 0;
    char *a = read_bytes("hundred", &count), *b = read_bytes("other", &count);
    ck_assert_int_ne(memcmp(a, b, count), 0);
    free(a);
    free(b);
}
END_TEST

/* The epoch's loss of a run that was cut is that of one that was not. */
START_TEST(sums_of_the_epoch_survive)
{
    ck_assert_int_eq(run_program("--epochs", "3", "--log", "whole"), 0);
    ck_assert_int_eq(run_program("--steps", "11", "--save", "cut", "--log", "first"), 0);
    ck_assert_int_eq(run_program("--resume", "cut", "--epochs", "3", "--log", "second"), 0);
    cJSON *whole = read_log("whole"), *first = read_log("first"), *second = read_log("second");
    static const char *const keys[] = {"loss", "train_error_sum", "train_r2", "test_loss", "epoch", "step"};
    for (int k = 0; k < NN_COUNT(keys); k++)
        ck_assert_double_eq(number_of(event_of(whole, "epoch", 1), keys[k]), number_of(event_of(second, "epoch", 0), keys[k]));
    const cJSON *partial = event_of(first, "epoch", -1);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(partial, "partial")));
    ck_assert_double_eq(number_of(partial, "epoch"), 2);
    ck_assert_double_eq(number_of(partial, "step"), 11);
    number_of(partial, "test_loss");
    cJSON_Delete(whole);
    cJSON_Delete(first);
    cJSON_Delete(second);
}
END_TEST

static void interrupt_step_37(void) { interrupt_at = 37; }

START_TEST(ctrl_c_saves_and_says_130)
{
    ck_assert_int_eq(run_changed(interrupt_step_37, "--steps", "100", "--save", "stopped", "--log", "log"), 130);
    cJSON *events = read_log("log");
    const cJSON *end = event_of(events, "end", 0), *epoch = event_of(events, "epoch", -1);
    ck_assert_str_eq(text_of(end, "reason"), "interrupted");
    ck_assert_double_eq(number_of(end, "step"), 37);
    ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(epoch, "partial")));
    cJSON_Delete(events);
    ck_assert_int_eq(run_program("--resume", "stopped", "--steps", "100", "--save", "both"), 0);
    ck_assert_int_eq(run_program("--steps", "100", "--save", "hundred"), 0);
    assert_same_files("hundred", "both");
}
END_TEST

/* ---- other shapes of a run ---- */

static void drop_last(void) { program.drop_last = true; }

START_TEST(drop_last_drops_it)
{
    ck_assert_int_eq(run_changed(drop_last, "--epochs", "2", "--log", "log"), 0);
    cJSON *events = read_log("log");
    ck_assert_double_eq(number_of(event_of(events, "epoch", 1), "step"), 14);
    cJSON_Delete(events);
}
END_TEST

static void four_rows_drop_last(void)
{
    program.drop_last = true;
    data.table_rows[NN_TRAIN] = 4;
}

static void four_rows(void) { data.table_rows[NN_TRAIN] = 4; }

static void all_rows_wanted(void) { program.batch_all = true; }

START_TEST(odd_numbers_of_rows)
{
    ck_assert_int_eq(run_changed(four_rows_drop_last, "--epochs", "1"), 1);
    assert_said("line:", "4 training rows", "batch of 5");
    ck_assert_int_eq(run_changed(four_rows, "--epochs", "3", "--log", "log"), 0);      /* one batch an epoch, always partial */
    cJSON *events = read_log("log");
    ck_assert_double_eq(number_of(event_of(events, "end", 0), "step"), 3);
    cJSON_Delete(events);
    ck_assert_int_eq(run_changed(all_rows_wanted, "--epochs", "1"), 1);
    assert_said("made for 5 training rows", "37");
}
END_TEST

static void no_data(void)
{
    program.data = NULL;
    program.inputs = NULL;
    program.input_count = 0;
    program.evaluate = NULL;
    program.epochs = 0;
    program.steps = 60;
    program.metric_count = 1;
    for (int b = 0; b < BATCH; b++)
        m.x[b][0] = m.y[b][0] = 1;
}

START_TEST(without_data_an_epoch_is_the_run)
{
    ck_assert_int_eq(run_changed(no_data, "--log", "log", "--save", "sixty"), 0);
    cJSON *events = read_log("log");
    const cJSON *epoch = event_of(events, "epoch", 0);
    ck_assert_double_eq(number_of(epoch, "step"), 60);
    ck_assert_double_eq(number_of(epoch, "epoch"), 1);
    ck_assert_ptr_null(event_of(events, "epoch", 1));
    ck_assert_ptr_null(cJSON_GetObjectItem(epoch, "partial"));
    double mean = 0;
    for (int i = 0; i < 60; i++)
        mean += number_of(event_of(events, "step", i), "loss") / 60;
    ck_assert_double_eq_tol(number_of(epoch, "loss"), mean, 1e-6);
    cJSON_Delete(events);
    ck_assert_int_eq(run_changed(no_data, "--epochs", "25", "--save", "part"), 0);    /* epochs count steps */
    ck_assert_int_eq(run_changed(no_data, "--resume", "part", "--save", "both"), 0);
    assert_same_files("sixty", "both");
}
END_TEST

static void stop_early(void)
{
    program.stop_metric = "test_loss";
    program.stop_patience = 3;
    program.epochs = 100;
}

START_TEST(early_stop_waits_for_patience)
{
    ck_assert_int_eq(run_changed(stop_early, "--lr", "0", "--log", "log", "--save", "stopped"), 0);
    cJSON *events = read_log("log");
    ck_assert_str_eq(text_of(event_of(events, "end", 0), "reason"), "early_stop");
    ck_assert_double_eq(number_of(event_of(events, "end", 0), "epoch"), 4);    /* the first is the best, then three that are not better */
    cJSON_Delete(events);
    ck_assert_int_eq(run_changed(stop_early, "--lr", "0", "--epochs", "2", "--save", "two"), 0);
    ck_assert_int_eq(run_changed(stop_early, "--lr", "0", "--resume", "two", "--save", "both"), 0);
    assert_same_files("stopped", "both");
}
END_TEST

static void stop_on_nothing(void)
{
    program.stop_metric = "validation_loss";
    program.stop_patience = 3;
}

static void validate_seldom(void) { program.validate_every = 3; }

START_TEST(validation_comes_as_often_as_asked)
{
    ck_assert_int_eq(run_changed(stop_on_nothing, "--epochs", "1"), 1);
    assert_said("'validation_loss'");
    ck_assert_int_eq(run_changed(validate_seldom, "--epochs", "5", "--log", "log"), 0);
    cJSON *events = read_log("log");
    for (int i = 0; i < 5; i++)                               /* the third, and the last because it is the last */
        ck_assert_int_eq(cJSON_HasObjectItem(event_of(events, "epoch", i), "test_loss"), i == 2 || i == 4);
    cJSON_Delete(events);
}
END_TEST

/* ---- what goes wrong ---- */

static void diverge_in_step_13(void) { diverge_at = 13; }

START_TEST(not_a_finite_loss_ends_the_run)
{
    ck_assert_int_eq(run_program("--steps", "8", "--save", "kept"), 0);
    ck_assert_int_eq(run_program("--steps", "8", "--save", "copy"), 0);
    ck_assert_int_eq(run_changed(diverge_in_step_13, "--resume", "kept", "--steps", "100", "--save", "kept", "--log", "log"), 1);
    assert_said("line:", "step 13", "infinite", "'error'", "square", "line.lua:12");
    assert_same_files("kept", "copy");
    cJSON *events = read_log("log");
    const cJSON *end = event_of(events, "end", 0), *step = event_of(events, "step", -1);
    ck_assert_str_eq(text_of(end, "reason"), "not_finite");
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(end, "loss")));
    ck_assert(cJSON_IsNull(cJSON_GetObjectItem(step, "loss")));
    ck_assert_double_eq(number_of(step, "step"), 13);
    cJSON_Delete(events);
}
END_TEST

/* 1024: clang's OpenMP makes a file of that size in shared memory when it starts, and would die instead. */
static void no_large_files(void)
{
    struct rlimit limit = {1024, 1024};
    setrlimit(RLIMIT_FSIZE, &limit);
}

START_TEST(a_full_disk_keeps_the_old_file)
{
    ck_assert_int_eq(run_program("--steps", "8", "--save", "kept"), 0);
    ck_assert_int_eq(run_program("--steps", "8", "--save", "copy"), 0);
    ck_assert_int_eq(run_changed(no_large_files, "--steps", "20", "--save", "kept", "--quiet"), 3);
    assert_said("kept", "File too large", "the old file is as it was");
    assert_same_files("kept", "copy");
    char command[160];
    snprintf(command, sizeof command, "test $(ls %s | wc -l) = 2", folder);
    ck_assert_int_eq(system(command), 0);                     /* no temporary file is left */
    ck_assert_int_eq(run_program("--steps", "8", "--save", "/dev/full"), 3);
    assert_said("/dev/full", "No space left");
    ck_assert_int_eq(run_program("--steps", "8", "--log", "/dev/full"), 3);
    assert_said("/dev/full", "the log cannot be written", "No space left");
    ck_assert_int_eq(run_program("--steps", "8", "--log", "nowhere/log"), 3);
    assert_said("nowhere/log");
    ck_assert_int_eq(run_program("--steps", "8", "--save", "nowhere/save"), 3);
    assert_said("nowhere/save");
    ck_assert_int_eq(run_program("--steps", "8", "--save", "/dev/null", "--log", "/dev/null"), 0);
    struct stat information;
    ck_assert_int_eq(stat("/dev/null", &information), 0);
    ck_assert(S_ISCHR(information.st_mode));
}
END_TEST

/* ---- other uses ---- */

START_TEST(snapshots_lie_beside_the_checkpoint)
{
    ck_assert_int_eq(run_program("--steps", "20", "--save", "run.safetensors", "--snapshot-every", "10", "--log", "log"), 0);
    size_t count = 0;
    cJSON *events = read_log("log");
    for (int i = 0; i < 3; i++) {
        char name[64];
        snprintf(name, sizeof name, "run.step%d.safetensors", 10 * i);
        free(read_bytes(name, &count));
        ck_assert_str_eq(text_of(event_of(events, "snapshot", i), "file"), name);
        ck_assert_double_eq(number_of(event_of(events, "snapshot", i), "step"), 10 * i);
    }
    cJSON_Delete(events);
    ck_assert_int_eq(run_program("--steps", "10", "--save", "ten"), 0);
    assert_same_files("ten", "run.step10.safetensors");
}
END_TEST

START_TEST(resume_continues_the_log)
{
    ck_assert_int_eq(run_program("--steps", "5", "--save", "five", "--log", "log"), 0);
    ck_assert_int_eq(run_program("--resume", "five", "--steps", "9", "--log", "log"), 0);
    cJSON *events = read_log("log");
    for (int i = 0; i < 9; i++)
        ck_assert_double_eq(number_of(event_of(events, "step", i), "step"), i + 1);
    cJSON_Delete(events);
    ck_assert_int_eq(run_program("--steps", "2", "--log", "log"), 0);          /* a fresh run starts it anew */
    events = read_log("log");
    ck_assert_ptr_null(event_of(events, "step", 2));
    cJSON_Delete(events);
}
END_TEST

START_TEST(benchmark_ends_with_the_median)
{
    ck_assert_int_eq(run_program("--benchmark", "21"), 0);
    const char *last = strstr(child.out, "median_us_per_step ");
    ck_assert_ptr_nonnull(last);
    ck_assert_double_gt(atof(last + strlen("median_us_per_step ")), 0);
    ck_assert_str_eq(strchr(last, '\n'), "\n");
}
END_TEST

START_TEST(quiet_is_quiet)
{
    ck_assert_int_eq(run_program("--steps", "20", "--quiet"), 0);
    ck_assert_str_eq(child.out, "");
    ck_assert_str_eq(child.error, "");
}
END_TEST

static void never_evaluate(const NnStep *step)
{
    (void)step;
    abort();
}

static void without_evaluation(void) { program.evaluate = never_evaluate; }

START_TEST(what_nobody_sees_is_not_evaluated)
{
    ck_assert_int_eq(run_changed(without_evaluation, "--epochs", "3", "--quiet", "--save", "quiet"), 0);
    ck_assert_int_eq(run_program("--epochs", "3", "--log", "log", "--save", "loud"), 0);
    assert_same_files("quiet", "loud");
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, trains_to_the_line);
    tcase_add_test(cases, log_has_every_event);
    tcase_add_test(cases, metrics_are_over_all_rows);
    tcase_add_test(cases, logged_numbers_read_back_to_the_same_bits);
    tcase_add_test(cases, fifty_and_fifty_is_a_hundred);
    tcase_add_test(cases, sums_of_the_epoch_survive);
    tcase_add_test(cases, ctrl_c_saves_and_says_130);
    tcase_add_test(cases, drop_last_drops_it);
    tcase_add_test(cases, odd_numbers_of_rows);
    tcase_add_test(cases, without_data_an_epoch_is_the_run);
    tcase_add_test(cases, early_stop_waits_for_patience);
    tcase_add_test(cases, validation_comes_as_often_as_asked);
    tcase_add_test(cases, not_a_finite_loss_ends_the_run);
    tcase_add_test(cases, a_full_disk_keeps_the_old_file);
    tcase_add_test(cases, snapshots_lie_beside_the_checkpoint);
    tcase_add_test(cases, resume_continues_the_log);
    tcase_add_test(cases, benchmark_ends_with_the_median);
    tcase_add_test(cases, quiet_is_quiet);
    tcase_add_test(cases, what_nobody_sees_is_not_evaluated);
}

int main(void) { return run_suite("runtime_loop", fill); }
