/* page.h: formulas become the MathML that says the same, whatever the signs; strings of the user stay text; tools that are not there
 * are named. Markup that does not nest would break a page, so every formula here is also checked for balance. */
#include "page/page.h"
#include <check.h>
#include <stdio.h>
#include <string.h>

static Arena *arena;

static void set_up(void) { arena = arena_new(); }
static void tear_down(void) { arena_free(arena); }

/* Elements open and close in pairs. */
static bool is_balanced(const char *markup)
{
    const char *open[400];
    size_t length[400];
    int depth = 0;
    for (const char *at = markup; (at = strchr(at, '<')); at++) {
        const char *name = at + 1 + (at[1] == '/');
        size_t letters = strcspn(name, " />");
        const char *end = strchr(at, '>');
        if (!end)
            return false;
        if (at[1] == '/') {
            if (depth == 0 || length[depth - 1] != letters || memcmp(open[depth - 1], name, letters) != 0)
                return false;
            depth--;
        } else if (end[-1] != '/') {
            open[depth] = name;
            length[depth++] = letters;
        }
    }
    return depth == 0;
}

static void check_formula(const char *formula, const char *expected)
{
    const char *markup = mathml(arena, formula);
    ck_assert_msg(is_balanced(markup), "%s: %s", formula, markup);
    ck_assert_str_eq(markup, arena_print(arena, "<math display=\"block\">%s</math>", expected));
}

START_TEST(sums_and_signs)
{
    check_formula("a + b - c", "<mi>a</mi><mo>+</mo><mi>b</mi><mo>−</mo><mi>c</mi>");
    check_formula("-x", "<mrow><mo>−</mo><mi>x</mi></mrow>");
    check_formula("y = 2 x", "<mi>y</mi><mo>=</mo><mn>2</mn><mspace width=\"0.2em\"/><mi>x</mi>");
}
END_TEST

START_TEST(a_quotient_holds_all_factors_before_it)
{
    check_formula("a b / c", "<mfrac><mrow><mi>a</mi><mspace width=\"0.2em\"/><mi>b</mi></mrow><mrow><mi>c</mi></mrow></mfrac>");
    check_formula("a / b + c", "<mfrac><mrow><mi>a</mi></mrow><mrow><mi>b</mi></mrow></mfrac><mo>+</mo><mi>c</mi>");
    check_formula("(a + b) / (c)", "<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mrow><mi>c</mi></mrow></mfrac>");
    check_formula("a (b) / c", "<mfrac><mrow><mi>a</mi><mspace width=\"0.2em\"/><mrow><mo stretchy=\"false\">(</mo><mi>b</mi>"
                  "<mo stretchy=\"false\">)</mo></mrow></mrow><mrow><mi>c</mi></mrow></mfrac>");
}
END_TEST

START_TEST(powers_roots_and_transposes)
{
    check_formula("x ^ 2", "<msup><mi>x</mi><mn>2</mn></msup>");
    check_formula("sqrt(a + 1)", "<msqrt><mi>a</mi><mo>+</mo><mn>1</mn></msqrt>");
    check_formula("x · w.weightᵀ", "<mi>x</mi><mo>·</mo><msup><mi>w.weight</mi><mi>T</mi></msup>");
}
END_TEST

START_TEST(indices_folds_and_conditions)
{
    check_formula("sum_b x[b,i]", "<munder><mo>∑</mo><mi>b</mi></munder><mspace width=\"0.2em\"/><msub><mi>x</mi><mrow><mi>b</mi><mo>,</mo><mi>i</mi></mrow></msub>");
    check_formula("[a > 0]", "<mrow><mo stretchy=\"false\">[</mo><mi>a</mi><mo>&gt;</mo><mn>0</mn><mo stretchy=\"false\">]</mo></mrow>");
    check_formula("exp(x)", "<mrow><mi>exp</mi><mo stretchy=\"false\">(</mo><mi>x</mi><mo stretchy=\"false\">)</mo></mrow>");
    check_formula("|x|", "<mrow><mo stretchy=\"false\">|</mo><mi>x</mi><mo stretchy=\"false\">|</mo></mrow>");
}
END_TEST

START_TEST(numbers_read_as_numbers)
{
    check_formula("1e-08", "<mrow><mn>1</mn><mo>·</mo><msup><mn>10</mn><mrow><mo>−</mo><mn>8</mn></mrow></msup></mrow>");
    check_formula("0.9f", "<mn>0.9</mn>");
}
END_TEST

START_TEST(a_derivative_is_a_quotient)
{
    check_formula("d loss / d fc1.weight = u", "<mfrac><mrow><mi>∂</mi><mi>loss</mi></mrow><mrow><mi>∂</mi><mi>fc1.weight</mi></mrow></mfrac><mo>=</mo><mi>u</mi>");
}
END_TEST

/* Whatever it is given, it ends, and what it writes nests. */
START_TEST(nothing_is_refused)
{
    static const char *const odd[] = {"", "(", ")", "]]]", "a ^", "a /", "-", "- -", "|", "||", "\"unfinished", "a[b", "f(", "1e", "<script>",
                                      "&amp;", "a -> b", "sum_", "sum_b", "d x / d", "ᵀ", "·", "ü + 日本", "if", "a if b else", "...", "%12", "a = = b"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        const char *markup = mathml(arena, odd[i]);
        ck_assert_msg(is_balanced(markup), "%s: %s", odd[i], markup);
        ck_assert_ptr_null(strstr(markup, "<script"));
    }
    char deep[2001];
    memset(deep, '(', 2000);
    deep[2000] = '\0';
    ck_assert(strlen(mathml(arena, deep)) > 2000);
}
END_TEST

START_TEST(user_strings_are_text)
{
    ck_assert_str_eq(html_text(arena, "</script><b a=\"1\">&"), "&lt;/script&gt;&lt;b a=&quot;1&quot;&gt;&amp;");
}
END_TEST

START_TEST(tools_answer_or_say_why_not)
{
    const char *why = NULL;
    ck_assert_str_eq(run_tool(arena, (const char *[]){"cat", NULL}, "through a tool", &why), "through a tool");
    ck_assert_ptr_null(run_tool(arena, (const char *[]){"no-such-tool-here", NULL}, "", &why));
    ck_assert_str_eq(why, "no-such-tool-here is not installed");
    ck_assert_ptr_null(run_tool(arena, (const char *[]){"false", NULL}, "", &why));
    ck_assert_ptr_nonnull(strstr(why, "false failed"));
}
END_TEST

START_TEST(a_picture_is_cut_out_of_its_file)
{
    const char *file = "<?xml version=\"1.0\"?>\n<!DOCTYPE svg>\n<svg width=\"62pt\" class=\"x\"\n viewBox=\"0 0 62 44\">\n<g/></svg>\n";
    ck_assert_str_eq(inline_svg(arena, file, "graph"), "<svg class=\"graph\" role=\"img\" width=\"62pt\" viewBox=\"0 0 62 44\">\n<g/></svg>\n");
    ck_assert_ptr_null(inline_svg(arena, "no picture", "graph"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("page");
    TCase *cases = tcase_create("page");
    tcase_add_checked_fixture(cases, set_up, tear_down);
    tcase_add_test(cases, sums_and_signs);
    tcase_add_test(cases, a_quotient_holds_all_factors_before_it);
    tcase_add_test(cases, powers_roots_and_transposes);
    tcase_add_test(cases, indices_folds_and_conditions);
    tcase_add_test(cases, numbers_read_as_numbers);
    tcase_add_test(cases, a_derivative_is_a_quotient);
    tcase_add_test(cases, nothing_is_refused);
    tcase_add_test(cases, user_strings_are_text);
    tcase_add_test(cases, tools_answer_or_say_why_not);
    tcase_add_test(cases, a_picture_is_cut_out_of_its_file);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
