/* runtime_child.h: for tests of the runtime, whose failures end the process: run a piece in a child, keep what it printed.
 * Files go to a folder of the test's own, removed at the end. */
#ifndef NNGEN_TESTS_RUNTIME_CHILD_H
#define NNGEN_TESTS_RUNTIME_CHILD_H

#include <check.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

typedef struct Child {
    int status;                         /* exit status; 128 + signal if one killed it */
    char out[1 << 16], error[1 << 14];
} Child;

__attribute__((unused)) static char folder[64];
static Child child;

__attribute__((unused)) static void make_folder(void)
{
    strcpy(folder, "/tmp/nngen-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

__attribute__((unused)) static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    ck_assert_int_eq(system(command), 0);
}

/* The path of a file in the test's folder; good until the eighth call after it. */
__attribute__((unused)) static const char *in_folder(const char *name)
{
    static char ring[8][256];
    static int next;
    char *path = ring[next++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", folder, name);
    return path;
}

__attribute__((unused)) static void write_bytes(const char *name, const void *bytes, size_t count)
{
    FILE *file = fopen(in_folder(name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, count, file), count);
    ck_assert_int_eq(fclose(file), 0);
}

__attribute__((unused)) static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

__attribute__((unused)) static void write_gzip(const char *name, const void *bytes, size_t count)
{
    gzFile file = gzopen(in_folder(name), "wb");
    ck_assert_int_eq(gzwrite(file, bytes, (unsigned)count), (int)count);
    ck_assert_int_eq(gzclose(file), Z_OK);
}

/* The content, terminated by a zero; the caller frees it. NULL: there is no such file. */
__attribute__((unused)) static char *read_bytes(const char *name, size_t *count)
{
    FILE *file = fopen(in_folder(name), "rb");
    if (!file)
        return NULL;
    char *bytes = calloc(1, 1 << 22);
    *count = fread(bytes, 1, (1 << 22) - 1, file);
    fclose(file);
    return bytes;
}

static void read_stream(FILE *stream, char *out, size_t room)
{
    rewind(stream);
    out[fread(out, 1, room - 1, stream)] = 0;
    fclose(stream);
}

/* Calls piece(argument) in a child, which then exits with 0; what it did is in `child`. */
__attribute__((unused)) static int run_child(void (*piece)(const void *), const void *argument)
{
    FILE *out = tmpfile(), *error = tmpfile();
    fflush(NULL);
    pid_t pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(error), STDERR_FILENO);
        piece(argument);
        exit(0);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    child.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_stream(out, child.out, sizeof child.out);
    read_stream(error, child.error, sizeof child.error);
    return child.status;
}

/* The message of the last child holds every one of these words. */
#define assert_said(...)                                                                                                       \
    do {                                                                                                                      \
        const char *words[] = {__VA_ARGS__};                                                                                  \
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)                                                             \
            ck_assert_msg(strstr(child.error, words[i]), "'%s' is not said in: %s", words[i], child.error);                   \
    } while (0)

__attribute__((unused)) static int run_suite(const char *name, void (*fill)(TCase *))
{
    Suite *suite = suite_create(name);
    TCase *cases = tcase_create(name);
    tcase_set_timeout(cases, 60);
    tcase_add_checked_fixture(cases, make_folder, remove_folder);
    fill(cases);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
