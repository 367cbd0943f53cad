/* arena.h: zeroed, aligned, separate memory in every size; tables that grow; too much is status 3. */
#include "base/arena.h"
#include "base/fail.h"
#include <check.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static Arena *arena;

static void set_up(void) { arena = arena_new(); }
static void tear_down(void) { arena_free(arena); }

static bool holds_only(const unsigned char *bytes, size_t count, int value)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != value)
            return false;
    return true;
}

/* Each piece is filled with its own byte after it was seen to be zero; at the end all pieces must still hold theirs. */
START_TEST(pieces_are_zeroed_aligned_and_apart)
{
    static const size_t sizes[] = {0, 1, 7, 16, 17, 1000, 65535, 65536, 65537, 1 << 20, 3, 40000, 40000};
    enum { COUNT = sizeof sizes / sizeof *sizes, ROUNDS = 5 };
    unsigned char *piece[ROUNDS][COUNT];
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < COUNT; i++) {
            piece[round][i] = arena_alloc(arena, sizes[i]);
            ck_assert_ptr_nonnull(piece[round][i]);
            ck_assert_uint_eq((uintptr_t)piece[round][i] % _Alignof(max_align_t), 0);
            ck_assert(holds_only(piece[round][i], sizes[i], 0));
            memset(piece[round][i], round * COUNT + i + 1, sizes[i]);
        }
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < COUNT; i++)
            ck_assert(holds_only(piece[round][i], sizes[i], round * COUNT + i + 1));
}
END_TEST

START_TEST(strings)
{
    ck_assert_ptr_null(arena_string(arena, NULL));
    ck_assert_str_eq(arena_string(arena, ""), "");
    ck_assert_str_eq(arena_print(arena, "%d %s", 7, "seven"), "7 seven");
    char *long_one = arena_print(arena, "%0*d", 100000, 1);
    ck_assert_uint_eq(strlen(long_one), 100000);
}
END_TEST

START_TEST(tables_grow)
{
    int *table = NULL, count = 0, room = 0;
    for (int i = 0; i < 10000; i++)
        ARENA_PUSH(arena, table, count, room, i * i);
    ck_assert_int_eq(count, 10000);
    for (int i = 0; i < 10000; i++)
        ck_assert_int_eq(table[i], i * i);
}
END_TEST

START_TEST(too_much_is_status_3)
{
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stderr))
            _exit(99);
        arena_alloc(arena, SIZE_MAX - 5);
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), STATUS_MACHINE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("arena");
    TCase *tests = tcase_create("arena");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, pieces_are_zeroed_aligned_and_apart);
    tcase_add_test(tests, strings);
    tcase_add_test(tests, tables_grow);
    tcase_add_test(tests, too_much_is_status_3);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
