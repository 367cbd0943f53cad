/* CSV: RFC 4180, headers, words as classes, errors by line. */
#include "runtime_child.h"
#include <nngen/data.h>

static NnInput inputs[2];
static NnData data;

static void describe(void)
{
    inputs[0] = (NnInput){.name = "x", .rank = 1, .shape = {2}, .elements = 2, .columns = {.first = 1, .last = 2}, .scale = 1, .std = 1};
    inputs[1] = (NnInput){.name = "label", .classes = 3, .elements = 1, .columns = {.first = 3, .last = 3}, .scale = 1, .std = 1};
    data = (NnData){.format = &nn_csv, .file = {"train.csv"}, .folder = ""};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, inputs, 2, folder, 1));
}

static int refused(const char *text)
{
    write_text("train.csv", text);
    return run_child(open_and_close, NULL);
}

typedef struct Row { double x[2]; int label; } Row;

static void assert_rows(NnSet which, const Row *rows, int count)
{
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, which), count);
    for (int r = 0; r < count; r++) {
        double x[2];
        int32_t label;
        nn_dataset_row(set, which, 0, r, true, x);
        nn_dataset_row(set, which, 1, r, true, &label);
        ck_assert_double_eq(x[0], rows[r].x[0]);
        ck_assert_double_eq(x[1], rows[r].x[1]);
        ck_assert_int_eq(label, rows[r].label);
    }
    nn_dataset_close(set);
}

static void assert_read(const char *text, const Row *rows, int count)
{
    write_text("train.csv", text);
    assert_rows(NN_TRAIN, rows, count);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), count);
}

static const Row two_rows[] = {{{1.5, -2}, 0}, {{3e2, 0.25}, 2}};

START_TEST(plain_rows)
{
    describe();
    assert_read("1.5,-2,0\n3e2,.25,2\n", two_rows, 2);
    assert_read("1.5,-2,0\n3e2,.25,2", two_rows, 2);                            /* no line end at the end */
    assert_read("1.5,-2,0\r\n3e2,.25,2\r\n\r\n", two_rows, 2);
    assert_read("\xEF\xBB\xBF" "1.5,-2,0\n3e2,.25,2\n", two_rows, 2);
    assert_read("\"1.5\", -2 ,\"0\"\n\"3e2\",.25,2\n", two_rows, 2);
    assert_read("a,b,c\n1.5,-2,0\n3e2,.25,2\n", two_rows, 2);                  /* a cell is no number: a header */
    assert_read("1.5,-2,0\n", two_rows, 1);
}
END_TEST

START_TEST(columns_by_name)
{
    describe();
    inputs[0].elements = 1;
    inputs[0].columns = (NnColumns){.name = "size, in \"cm\""};
    inputs[1].columns = (NnColumns){.name = "kind"};
    write_text("train.csv", "kind,\"notes\r\nof two lines\",\"size, in \"\"cm\"\"\"\n2,\"a,b\nc\",7\n1,,8\n");
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 2);
    double x;
    int32_t label;
    nn_dataset_row(set, NN_TRAIN, 0, 1, true, &x);
    nn_dataset_row(set, NN_TRAIN, 1, 0, true, &label);
    ck_assert_double_eq(x, 8);
    ck_assert_int_eq(label, 2);
    nn_dataset_close(set);
}
END_TEST

START_TEST(words_are_numbered_in_sorted_order)
{
    static const Row rows[] = {{{1, 2}, 2}, {{3, 4}, 0}, {{5, 6}, 1}, {{7, 8}, 0}}, test[] = {{{1, 1}, 1}};
    describe();
    data.file[NN_TEST] = "test.csv";
    write_text("train.csv", "a,b,kind\n1,2,virginica\n3,4,setosa\n5,6,versicolor\n7,8,setosa\n");
    write_text("test.csv", "a,b,kind\n1,1,versicolor\n");
    assert_rows(NN_TRAIN, rows, 4);
    assert_rows(NN_TEST, test, 1);
    write_text("test.csv", "a,b,kind\n1,1,versicolour\n");
    ck_assert_int_eq(run_child(open_and_close, NULL), 1);
    assert_said("test.csv", "line 2", "'versicolour'", "'label'", "training file");
    ck_assert_int_eq(refused("1,2,a\n1,2,b\n1,2,c\n1,2,d\n"), 1);
    assert_said("line 4", "'d'", "(3)");
    ck_assert_int_eq(refused("1,2,a\n1,2,7\n"), 1);
    assert_said("line 2", "'7'", "among words");
}
END_TEST

START_TEST(bad_files_are_refused)
{
    describe();
    ck_assert_int_eq(refused("1,2,0\n1,2\n"), 1);
    assert_said("train.csv", "line 2", "2 cells", "3");
    ck_assert_int_eq(refused("1,2,0\n\n1,2,0\n"), 1);
    assert_said("line 2", "1 cell");
    ck_assert_int_eq(refused("1,2,0\n1,2,3\n"), 1);
    assert_said("line 2", "column 3", "'3' is no class", "0 to 2");
    ck_assert_int_eq(refused("1,2,0\n1,2,1.0\n"), 1);
    assert_said("line 2", "'1.0' is no class");
    ck_assert_int_eq(refused("1,2,-1\n1,2,1\n"), 1);          /* a number, though no class: not taken for a word */
    assert_said("line 1", "'-1' is no class");
    ck_assert_int_eq(refused("1,2,0\n1,2,99999999999999999999\n"), 1);
    assert_said("line 2", "is no class");
    ck_assert_int_eq(refused("1,2,0\n1,nan,1\n"), 1);
    assert_said("line 2", "column 2", "'nan' is no number");
    ck_assert_int_eq(refused("1,2,0\n1,0x10,1\n"), 1);
    assert_said("'0x10' is no number");
    ck_assert_int_eq(refused("1,2,0\n,2,1\n"), 1);
    assert_said("line 2", "column 1", "'' is no number");
    ck_assert_int_eq(refused("1,2,0\n1e999,2,1\n"), 1);
    assert_said("too large");
    ck_assert_int_eq(refused("1,2,0\n1,\"2,1\n1,2,0\n"), 1);
    assert_said("line 2", "never closed");
    ck_assert_int_eq(refused("1,2,0\n1,\"2\"5,1\n"), 1);
    assert_said("line 2", "closing quote");
    ck_assert_int_eq(refused("\"a\n\",b,c\n1,2,0\n1,x,0\n"), 1);              /* the header takes two lines */
    assert_said("line 4", "'x'");
    ck_assert_int_eq(refused("a,b,c\n"), 1);
    assert_said("no rows");
    ck_assert_int_eq(refused(""), 1);
    assert_said("no rows");
    ck_assert_int_eq(refused("1,2\n"), 1);
    assert_said("2 columns", "'label'", "3 to 3");
    ck_assert_int_eq(refused("1,2,0\n1,\033[2J,0\n"), 1);
    assert_said("'\\x1b[2J'");
    inputs[1].columns = (NnColumns){.name = "kinds"};
    ck_assert_int_eq(refused("a,b,kind\n1,2,0\n"), 1);
    assert_said("no column is named 'kinds'", "a, b, kind");
    ck_assert_int_eq(refused("a,kinds,kinds\n1,2,0\n"), 1);
    assert_said("more than one column is named 'kinds'");
    describe();
    inputs[0].columns.last = 1;
    ck_assert_int_eq(refused("1,2,0\n"), 1);
    assert_said("1 columns are bound to 'x'", "2 elements");
}
END_TEST

START_TEST(a_zero_byte_does_not_hide_the_rest)
{
    static const char text[] = "1,2,0\n1,2\0junk,0\n";
    describe();
    write_bytes("train.csv", text, sizeof text - 1);
    ck_assert_int_eq(run_child(open_and_close, NULL), 1);
    assert_said("line 2", "no number");
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, plain_rows);
    tcase_add_test(cases, columns_by_name);
    tcase_add_test(cases, words_are_numbered_in_sorted_order);
    tcase_add_test(cases, bad_files_are_refused);
    tcase_add_test(cases, a_zero_byte_does_not_hide_the_rest);
}

int main(void) { return run_suite("runtime_csv", fill); }
