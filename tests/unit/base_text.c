/* text.h: growing text, files written whole or not at all, strings made fit for messages, comments and C. */
#define _GNU_SOURCE
#include "base/text.h"
#include "base/fail.h"
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static Arena *arena;
static char folder[] = "/tmp/nngen-test-XXXXXX";

static void set_up(void)
{
    arena = arena_new();
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void tear_down(void)
{
    char *command = arena_print(arena, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    arena_free(arena);
}

static char *in_folder(const char *name)
{
    return arena_print(arena, "%s/%s", folder, name);
}

static int files_in_folder(void)
{
    DIR *directory = opendir(folder);
    int count = -2;                                     /* . and .. */
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

/* The exit status of write_file in a process of its own. */
static int status_of_writing(const char *path, const char *bytes)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(99);
        write_file(path, bytes, strlen(bytes));
        exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(grows)
{
    Text text = text_new(arena);
    size_t length = 0;
    for (int i = 0; i < 5000; i++) {
        text_print(&text, "%d,", i);
        length += (size_t)snprintf(NULL, 0, "%d,", i);
    }
    ck_assert_uint_eq(text.length, length);
    ck_assert_int_eq(text.bytes[text.length], '\0');
    ck_assert_str_eq(text.bytes + length - 5, "4999,");

    char long_string[1000];
    memset(long_string, 'x', sizeof long_string - 1);
    long_string[sizeof long_string - 1] = '\0';
    text = text_new(arena);
    text_print(&text, "<%s>", long_string);
    ck_assert_uint_eq(text.length, sizeof long_string + 1);
}
END_TEST

START_TEST(pads_by_characters)
{
    Text text = text_new(arena);
    text_add(&text, "a line\nüç");
    ck_assert_uint_eq(text_column(&text), 2);
    text_pad(&text, 5);
    text_pad(&text, 3);
    text_add(&text, "|");
    ck_assert_str_eq(text.bytes, "a line\nüç   |");
}
END_TEST

START_TEST(writes_and_reads)
{
    char *path = in_folder("out.c");
    write_file(path, "first", 5);
    write_file(path, "a\0b", 3);
    size_t count;
    char *bytes = read_file(arena, path, &count);
    ck_assert_uint_eq(count, 3);
    ck_assert_mem_eq(bytes, "a\0b", 4);
    ck_assert_int_eq(files_in_folder(), 1);
    ck_assert_ptr_null(read_file(arena, in_folder("none"), &count));
    ck_assert_int_eq(errno, ENOENT);
    ck_assert_ptr_null(read_file(arena, folder, &count));
    ck_assert_int_eq(errno, EISDIR);
}
END_TEST

START_TEST(keeps_mode_and_links)
{
    struct stat status;
    char *path = in_folder("script"), *link_path = in_folder("link");
    write_file(path, "1", 1);
    ck_assert_int_eq(chmod(path, 0750), 0);
    ck_assert_int_eq(symlink("script", link_path), 0);
    write_file(link_path, "22", 2);
    ck_assert_int_eq(lstat(link_path, &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    ck_assert_int_eq(stat(path, &status), 0);
    ck_assert_int_eq(status.st_mode & 07777, 0750);
    ck_assert_int_eq(status.st_size, 2);
}
END_TEST

/* As root a rename would replace the device. */
START_TEST(never_replaces_what_is_no_file)
{
    char *pipe_path = in_folder("pipe");
    ck_assert_int_eq(mkfifo(pipe_path, 0600), 0);
    int reader = open(pipe_path, O_RDONLY | O_NONBLOCK);
    write_file(pipe_path, "through", 7);
    char got[8] = "";
    ck_assert_int_eq(read(reader, got, 7), 7);
    ck_assert_str_eq(got, "through");
    close(reader);

    struct stat before, after;
    ck_assert_int_eq(stat("/dev/null", &before), 0);
    write_file("/dev/null", "gone", 4);
    ck_assert_int_eq(stat("/dev/null", &after), 0);
    ck_assert_int_eq(before.st_ino, after.st_ino);
    ck_assert_int_eq(files_in_folder(), 1);
}
END_TEST

START_TEST(failing_is_3_and_leaves_nothing)
{
    ck_assert_int_eq(status_of_writing(in_folder("none/out.c"), "x"), STATUS_MACHINE);
    ck_assert_int_eq(status_of_writing(folder, "x"), STATUS_MACHINE);
    ck_assert_int_eq(status_of_writing("/dev/full", "x"), STATUS_MACHINE);
    ck_assert_int_eq(files_in_folder(), 0);
}
END_TEST

START_TEST(messages_show_what_is_dangerous)
{
    ck_assert_str_eq(quoted(arena, "a b"), "'a b'");
    ck_assert_str_eq(quoted(arena, "größe"), "'größe'");
    ck_assert_str_eq(quoted(arena, "\033[2Ja\n\t\x7f"), "'\\x1b[2Ja\\n\\t\\x7f'");
    ck_assert_str_eq(quoted(arena, "\xc2\x9b" "2J"), "'<U+009B>2J'");           /* a control sequence in one character */
    ck_assert_str_eq(quoted(arena, "a\u202eb"), "'a<U+202E>b'");
    ck_assert_str_eq(quoted(arena, "\xff\xc0\x80\xe2\x82"), "'\\xff\\xc0\\x80\\xe2\\x82'");
    ck_assert_str_eq(quoted(arena, "\xed\xa0\x80"), "'\\xed\\xa0\\x80'");       /* half a surrogate pair */
    ck_assert_str_eq(quoted(arena, "\U0001f600"), "'\U0001f600'");
}
END_TEST

START_TEST(comments_stay_closed)
{
    ck_assert_str_eq(comment_text(arena, "a */ b /* c"), "a * / b / * c");
    ck_assert_str_eq(comment_text(arena, "**//"), "** //");
    ck_assert_str_eq(comment_text(arena, "what?\?/"), "what? ?/");
    ck_assert_str_eq(comment_text(arena, "path\\"), "path\\x5c");
    ck_assert_str_eq(comment_text(arena, "two\nlines\tand a tab"), "two\\nlines and a tab");
}
END_TEST

START_TEST(c_strings)
{
    ck_assert_str_eq(c_string(arena, "a\"b\\c"), "\"a\\\"b\\\\c\"");
    ck_assert_str_eq(c_string(arena, "?\?/"), "\"?\\?/\"");
    ck_assert_str_eq(c_string(arena, "\n1"), "\"\\0121\"");
    ck_assert_str_eq(c_string(arena, "\xff"), "\"\\377\"");
    ck_assert_str_eq(c_string(arena, "größe"), "\"größe\"");
}
END_TEST

START_TEST(numbers_are_short)
{
    ck_assert_str_eq(number(arena, 0.9, false), "0.9");
    ck_assert_str_eq(number(arena, 0.9, true), "0.9");
    ck_assert_str_eq(number(arena, 1e-8, false), "1e-08");
    ck_assert_str_eq(number(arena, 0, true), "0.0");
    ck_assert_str_eq(number(arena, -0.0, true), "-0.0");
    ck_assert_str_eq(number(arena, 1000, false), "1000.0");
    ck_assert_str_eq(number(arena, 1.0 / 3, true), "0.3333333333333333");
    ck_assert_str_eq(number(arena, 1.0 / 3, false), "0.33333334");
    ck_assert_str_eq(number(arena, INFINITY, false), "INFINITY");
    ck_assert_str_eq(number(arena, -INFINITY, true), "-INFINITY");
    ck_assert_str_eq(number(arena, NAN, true), "NAN");
}
END_TEST

/* Each reads back to the same bits and, with a suffix, is a C floating constant: it has a point or an exponent. */
START_TEST(numbers_read_back)
{
    static const double values[] = {
        0.1, 1.0 / 3, 784, 1e7, 123456789, 1e15, 1e16, 4503599627370497.5, DBL_MAX, DBL_MIN, DBL_TRUE_MIN, FLT_MAX, FLT_TRUE_MIN,
        16777217, 2.5e-5, -7.25, 3.0000002384185791, 6.02214076e23,
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        const char *f64 = number(arena, values[i], true);
        ck_assert_msg(strtod(f64, NULL) == values[i], "%s is not %.17g", f64, values[i]);
        ck_assert_msg(strpbrk(f64, ".e"), "%s has neither point nor exponent", f64);
        const char *f32 = number(arena, values[i], false);
        if (isfinite((float)values[i])) {
            ck_assert_msg(strtof(f32, NULL) == (float)values[i], "%s is not %.9g", f32, values[i]);
            ck_assert_msg(strpbrk(f32, ".e"), "%s has neither point nor exponent", f32);
        }
    }
}
END_TEST

START_TEST(groups_of_three)
{
    ck_assert_str_eq(grouped(arena, 0), "0");
    ck_assert_str_eq(grouped(arena, 999), "999");
    ck_assert_str_eq(grouped(arena, 79510), "79 510");
    ck_assert_str_eq(grouped(arena, -123456), "-123 456");
    ck_assert_str_eq(grouped(arena, INT64_MIN), "-9 223 372 036 854 775 808");
}
END_TEST

START_TEST(did_you_mean)
{
    static const char *const words[] = {"momentum", "lr", "nesterov", "relu", "weight_decay"};
    ck_assert_str_eq(nearest("momentun", words, 5), "momentum");
    ck_assert_str_eq(nearest("moemntum", words, 5), "momentum");
    ck_assert_str_eq(nearest("ReLU", words, 5), "relu");
    ck_assert_str_eq(nearest("weigthdecay", words, 5), "weight_decay");
    ck_assert_str_eq(nearest("rl", words, 5), "lr");
    ck_assert_ptr_null(nearest("zebra", words, 5));
    ck_assert_ptr_null(nearest("x", words, 5));
    ck_assert_ptr_null(nearest("", words, 5));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text");
    TCase *tests = tcase_create("text");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, grows);
    tcase_add_test(tests, pads_by_characters);
    tcase_add_test(tests, writes_and_reads);
    tcase_add_test(tests, keeps_mode_and_links);
    tcase_add_test(tests, never_replaces_what_is_no_file);
    tcase_add_test(tests, failing_is_3_and_leaves_nothing);
    tcase_add_test(tests, messages_show_what_is_dangerous);
    tcase_add_test(tests, comments_stay_closed);
    tcase_add_test(tests, c_strings);
    tcase_add_test(tests, numbers_are_short);
    tcase_add_test(tests, numbers_read_back);
    tcase_add_test(tests, groups_of_three);
    tcase_add_test(tests, did_you_mean);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
