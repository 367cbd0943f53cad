/* emit_comment.h: what stands in an emitted comment stays in it, in lines of at most 120 characters. */
#include "emit/emit_comment.h"
#include <check.h>
#include <string.h>

static Arena *arena;
static Text out;

static void set_up(void)
{
    arena = arena_new();
    out = text_new(arena);
}

static void tear_down(void)
{
    arena_free(arena);
}

/* The longest line of a text, in characters. */
static size_t longest_line(const char *text)
{
    size_t longest = 0, line = 0;
    for (; *text; text++) {
        line = *text == '\n' ? 0 : line + (((unsigned char)*text & 0xc0) != 0x80);
        longest = line > longest ? line : longest;
    }
    return longest;
}

START_TEST(short_items_take_one_line)
{
    comment_item(&out, "compile", "cc a.c $(nngen flags) -o a");
    ck_assert_str_eq(out.bytes, " *   compile     cc a.c $(nngen flags) -o a\n");
}
END_TEST

START_TEST(nothing_to_say_is_no_line)
{
    comment_item(&out, "options", "");
    ck_assert_str_eq(out.bytes, "");
}
END_TEST

START_TEST(long_items_go_on_below_their_first_word)
{
    Text words = text_new(arena);
    for (int i = 0; i < 60; i++)
        text_print(&words, "%sw%d", i ? " " : "", i);
    comment_item(&out, "parameters", words.bytes);
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    const char *second = strchr(out.bytes, '\n') + 1;
    ck_assert_int_eq(strncmp(second, " *               w", 18), 0);

    /* No word is lost, doubled or cut. */
    char *at = out.bytes;
    for (int i = 0; i < 60; i++) {
        char *word = arena_print(arena, "w%d", i);
        at = strstr(at, word);
        ck_assert_ptr_nonnull(at);
        at += strlen(word);
        ck_assert_msg(*at == ' ' || *at == '\n', "after %s", word);
    }
}
END_TEST

START_TEST(lines_count_characters_not_bytes)
{
    Text words = text_new(arena);
    for (int i = 0; i < 103; i++)
        text_add(&words, "é");
    comment_item(&out, "options", words.bytes);               /* 17 columns and 103 characters: exactly a line */
    ck_assert_uint_eq(longest_line(out.bytes), LINE);
    ck_assert_ptr_eq(strchr(out.bytes, '\n'), out.bytes + out.length - 1);
}
END_TEST

START_TEST(a_word_longer_than_a_line_is_cut_between_characters)
{
    Text words = text_new(arena);
    for (int i = 0; i < 300; i++)
        text_add(&words, "ü");
    comment_paragraph(&out, words.bytes);
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    int characters = 0;
    for (const char *at = out.bytes; (at = strstr(at, "ü")); at += 2)
        characters++;
    ck_assert_int_eq(characters, 300);
}
END_TEST

START_TEST(newlines_are_kept)
{
    comment_item(&out, "model", "a\nb");
    ck_assert_str_eq(out.bytes, " *   model       a\n *               b\n");
}
END_TEST

START_TEST(closes_on_the_last_line)
{
    comment_paragraph(&out, "a");
    comment_end(&out);
    ck_assert_str_eq(out.bytes, " * a */\n");

    out = text_new(arena);
    Text words = text_new(arena);
    for (int i = 0; i < 117; i++)
        text_add(&words, "a");
    comment_paragraph(&out, words.bytes);
    comment_end(&out);
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    ck_assert_str_eq(out.bytes + out.length - 6, "a\n */\n");
}
END_TEST

START_TEST(comments_inside_functions_are_filled_too)
{
    comment_line(&out, 4, "fc1: contract");
    ck_assert_str_eq(out.bytes, "    /* fc1: contract */\n");

    out = text_new(arena);
    Text words = text_new(arena);
    for (int i = 0; i < 60; i++)
        text_add(&words, "word ");
    comment_line(&out, 4, words.bytes);
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    ck_assert_int_eq(strncmp(strchr(out.bytes, '\n') + 1, "     * word", 11), 0);
    ck_assert_str_eq(out.bytes + out.length - 4, " */\n");
}
END_TEST

/* A comment ends where its writer ends it, whatever the user calls things. */
START_TEST(users_cannot_close_the_comment)
{
    static const char *const hostile[] = {
        "*/ int x; /*", "a*/", "?" "?/", "ends in \\", "*\n/", "a \\ b", "/* nested", "\x1b[31m", "*\\\n/", "?" "?/\n*/",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        out = text_new(arena);
        comment_item(&out, "model", hostile[i]);
        comment_paragraph(&out, hostile[i]);
        comment_table(&out, (const char *[]){hostile[i], hostile[i]}, 1, 2, (const Column[2]){LEFT, RIGHT});
        ck_assert_msg(!strstr(out.bytes, "*/"), "%s", out.bytes);
        ck_assert_msg(!strstr(out.bytes, "/*"), "%s", out.bytes);
        ck_assert_msg(!strstr(out.bytes, "\\\n"), "%s", out.bytes);
        ck_assert_msg(!strstr(out.bytes, "?" "?"), "%s", out.bytes);
        ck_assert_msg(!strchr(out.bytes, '\x1b'), "%s", out.bytes);
        ck_assert_int_eq(strncmp(out.bytes, " *", 2), 0);
    }
}
END_TEST

START_TEST(tables_stand_in_columns)
{
    static const char *const rows[] = {"memory", "bytes", "holds", "w", "64", "parameter", "total", "1 024", NULL};
    comment_table(&out, rows, 3, 3, (const Column[3]){[1] = RIGHT});
    ck_assert_str_eq(out.bytes,
                     " *   memory  bytes  holds\n"
                     " *   w          64  parameter\n"
                     " *   total   1 024\n");
}
END_TEST

START_TEST(wide_tables_fold_their_cells)
{
    Text wide = text_new(arena);
    for (int i = 0; i < 40; i++)
        text_print(&wide, "%sword%d", i ? " " : "", i);
    const char *rows[] = {"a", wide.bytes, "z"};
    comment_table(&out, rows, 1, 3, (const Column[3]){LEFT});
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    for (int i = 0; i < 40; i++)
        ck_assert_ptr_nonnull(strstr(out.bytes, arena_print(arena, "word%d", i)));
    const char *z = strchr(out.bytes, 'z');
    ck_assert_ptr_nonnull(z);
    ck_assert(z < strchr(out.bytes, '\n'));                   /* beside the first line of the folded cell */
}
END_TEST

START_TEST(the_folded_column_gives_way_first)
{
    Text name = text_new(arena), sentence = text_new(arena);
    for (int i = 0; i < 60; i++)
        text_add(&name, "n");
    for (int i = 0; i < 10; i++)
        text_add(&sentence, "words ");
    const char *rows[] = {name.bytes, sentence.bytes};
    comment_table(&out, rows, 1, 2, (const Column[2]){LEFT, FOLDED});
    ck_assert_uint_le(longest_line(out.bytes), LINE);
    ck_assert_ptr_nonnull(strstr(out.bytes, name.bytes));
}
END_TEST

START_TEST(sections_are_as_wide_as_a_line)
{
    section(&out, "forward");
    ck_assert_int_eq(strncmp(out.bytes, "\n/* ---- forward ---", 20), 0);
    ck_assert_uint_eq(longest_line(out.bytes), LINE);
    ck_assert_str_eq(out.bytes + out.length - 4, " */\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emit_comment");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, short_items_take_one_line);
    tcase_add_test(tests, nothing_to_say_is_no_line);
    tcase_add_test(tests, long_items_go_on_below_their_first_word);
    tcase_add_test(tests, lines_count_characters_not_bytes);
    tcase_add_test(tests, a_word_longer_than_a_line_is_cut_between_characters);
    tcase_add_test(tests, newlines_are_kept);
    tcase_add_test(tests, closes_on_the_last_line);
    tcase_add_test(tests, comments_inside_functions_are_filled_too);
    tcase_add_test(tests, users_cannot_close_the_comment);
    tcase_add_test(tests, tables_stand_in_columns);
    tcase_add_test(tests, wide_tables_fold_their_cells);
    tcase_add_test(tests, the_folded_column_gives_way_first);
    tcase_add_test(tests, sections_are_as_wide_as_a_line);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
