/* Files written whole or not at all, and nothing left beside them: signals, long names, links that lead nowhere. */
#include "runtime_child.h"
#include "output_file.h"
#include <dirent.h>
#include <signal.h>

static int files_in_folder(void)
{
    DIR *open = opendir(folder);
    int count = -2;                                           /* . and .. */
    while (readdir(open))
        count++;
    closedir(open);
    return count;
}

/* Check has handlers of its own. */
static void plain_signals(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    signal(SIGHUP, SIG_DFL);
}

static void write_until_signal(const void *number)
{
    plain_signals();
    NnOutputFile file = nn_create_output(in_folder("out"));
    nn_write_output(&file, "half", 4);
    raise(*(const int *)number);
}

START_TEST(a_signal_leaves_nothing)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    write_text("out", "old");
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(run_child(write_until_signal, &numbers[i]), 128 + numbers[i]);
        ck_assert_int_eq(files_in_folder(), 1);
        size_t count = 0;
        char *old = read_bytes("out", &count);
        ck_assert_str_eq(old, "old");
        free(old);
    }
}
END_TEST

static void write_whole(const void *name)
{
    plain_signals();
    NnOutputFile file = nn_create_output(in_folder(name));
    nn_write_output(&file, "new", 3);
    nn_commit_output(&file, false);
    raise(SIGTERM);                                           /* the program's own way with signals is back */
}

static void must_hold_new(const char *name)
{
    size_t count = 0;
    char *bytes = read_bytes(name, &count);
    ck_assert_ptr_nonnull(bytes);
    ck_assert_str_eq(bytes, "new");
    free(bytes);
}

START_TEST(names_at_the_limits)
{
    char name[201];
    memset(name, 'a', 200);
    name[200] = 0;                                            /* in_folder has room for this much */
    ck_assert_int_eq(run_child(write_whole, name), 128 + SIGTERM);
    must_hold_new(name);
    char longest[256], path[512];
    memset(longest, 'b', 255);
    longest[255] = 0;
    snprintf(path, sizeof path, "%s/%s", folder, longest);
    NnOutputFile file = nn_create_output(path);
    nn_write_output(&file, "new", 3);
    nn_commit_output(&file, true);
    struct stat information;
    ck_assert_int_eq(stat(path, &information), 0);
    ck_assert_int_eq(files_in_folder(), 2);
}
END_TEST

START_TEST(a_link_that_leads_nowhere_is_followed)
{
    ck_assert_int_eq(symlink("there", in_folder("link")), 0);
    ck_assert_int_eq(run_child(write_whole, "link"), 128 + SIGTERM);
    struct stat information;
    ck_assert_int_eq(lstat(in_folder("link"), &information), 0);
    ck_assert(S_ISLNK(information.st_mode));
    must_hold_new("there");
    ck_assert_int_eq(files_in_folder(), 2);
}
END_TEST

static void probe(const void *name)
{
    nn_probe_output(in_folder(name));
}

START_TEST(a_probe_leaves_nothing)
{
    ck_assert_int_eq(run_child(probe, "new"), 0);
    ck_assert_int_eq(files_in_folder(), 0);
    ck_assert_int_eq(run_child(probe, "nowhere/new"), 3);
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(run_child(probe, "pipe"), 0);            /* nobody reads it yet: not opened */
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, a_signal_leaves_nothing);
    tcase_add_test(cases, names_at_the_limits);
    tcase_add_test(cases, a_link_that_leads_nowhere_is_followed);
    tcase_add_test(cases, a_probe_leaves_nothing);
}

int main(void) { return run_suite("runtime_output", fill); }
