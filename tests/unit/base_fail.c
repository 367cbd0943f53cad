/* fail.h: what a failure prints, line by line, and its exit status. */
#include "base/arena.h"
#include "base/fail.h"
#include "base/text.h"
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Arena *arena;
static char model[] = "/tmp/nngen-model-XXXXXX";

static void set_up(void)
{
    static const char text[] = "local nn = require 'nn'\n\tlocal x = nn.input(\"x\", {1})\r\n\033[31mred\nlast, without an end";
    arena = arena_new();
    strcpy(model + strlen(model) - 6, "XXXXXX");
    int file = mkstemp(model);
    ck_assert_int_ge(file, 0);
    close(file);
    write_file(model, text, sizeof text - 1);
}

static void tear_down(void)
{
    unlink(model);
    arena_free(arena);
}

/* Runs `fails` in a process of its own; what it said and its status. */
static const char *said_by(void (*fails)(void), int *status)
{
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        close(ends[0]);
        close(ends[1]);
        fails();
        exit(0);
    }
    close(ends[1]);
    Text text = text_new(arena);
    char bytes[256];
    for (ssize_t got; (got = read(ends[0], bytes, sizeof bytes)) > 0;)
        text_add_bytes(&text, bytes, (size_t)got);
    close(ends[0]);
    waitpid(child, status, 0);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return text.bytes;
}

static void in_the_model(void) { fail_at((Place){model, 2}, "the shapes differ\nleft  (%d)\nswap them", 3); }
static void in_the_last_line(void) { fail_at((Place){model, 4}, "no"); }
static void behind_the_end(void) { fail_at((Place){model, 5}, "no"); }
static void with_an_escape(void) { fail_at((Place){model, 3}, "no"); }
static void in_the_file(void) { fail_at((Place){model, 0}, "cannot be read"); }
static void nowhere(void) { fail_at((Place){0}, "no data"); }
static void in_no_file(void) { fail_at((Place){"/no/such\nfile.lua", 1}, "no"); }
static void only_warned(void) { warn_at((Place){model, 2}, "unused"); }
static void wrong_call(void) { fail_call("no %s", "such option"); }
static void lacking(void) { fail_machine("no compiler"); }
static void faulty(void) { bug("node %d", 7); }

static void holds(void (*fails)(void), int expected_status, const char *expected)
{
    int status;
    const char *said = said_by(fails, &status);
    ck_assert_str_eq(said, expected);
    ck_assert_int_eq(status, expected_status);
}

START_TEST(failures_show_the_line)
{
    holds(in_the_model, 1, arena_print(arena, "%s:2: error: the shapes differ\n     2 |  local x = nn.input(\"x\", {1})\n"
                                              "  left  (3)\n  swap them\n", model));
    holds(in_the_last_line, 1, arena_print(arena, "%s:4: error: no\n     4 | last, without an end\n", model));
    holds(behind_the_end, 1, arena_print(arena, "%s:5: error: no\n", model));
    holds(with_an_escape, 1, arena_print(arena, "%s:3: error: no\n     3 | \\x1b[31mred\n", model));
}
END_TEST

START_TEST(failures_without_a_line)
{
    holds(in_the_file, 1, arena_print(arena, "%s: error: cannot be read\n", model));
    holds(nowhere, 1, "nngen: error: no data\n");
    holds(in_no_file, 1, "/no/such\\nfile.lua:1: error: no\n");
}
END_TEST

START_TEST(a_warning_goes_on)
{
    holds(only_warned, 0, arena_print(arena, "%s:2: warning: unused\n     2 |  local x = nn.input(\"x\", {1})\n", model));
}
END_TEST

START_TEST(statuses_as_promised)
{
    int status;
    holds(wrong_call, 2, "nngen: error: no such option\n");
    holds(lacking, 3, "nngen: error: no compiler\n");
    ck_assert_ptr_nonnull(strstr(said_by(faulty, &status), "node 7"));
    ck_assert_int_eq(status, 70);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fail");
    TCase *tests = tcase_create("fail");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, failures_show_the_line);
    tcase_add_test(tests, failures_without_a_line);
    tcase_add_test(tests, a_warning_goes_on);
    tcase_add_test(tests, statuses_as_promised);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
