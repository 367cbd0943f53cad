/* Texts: bytes and code points, rows at multiples of the context, the same text one place later; bad ones. */
#include "runtime_child.h"
#include <nngen/data.h>

static NnInput inputs[2];
static NnData data;

static void describe(int context, int classes, bool by_byte)
{
    inputs[0] = (NnInput){.name = "x", .classes = classes, .rank = 1, .shape = {context}, .elements = context, .scale = 1, .std = 1};
    inputs[1] = inputs[0];
    inputs[1].name = "next";
    inputs[1].later = 1;
    data = (NnData){.format = &nn_text, .by_byte = by_byte, .folder = "", .file = {"book.txt"}};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, inputs, 2, folder, 1));
}

static int refused(void) { return run_child(open_and_close, NULL); }

/* Row r of x is class[r context …], of next the same one place later. */
static void assert_rows(NnSet which, int rows, const int *class)
{
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, which), rows);
    for (int r = 0; r < rows; r++)
        for (int later = 0; later < 2; later++) {
            int32_t found[16];
            nn_dataset_row(set, which, later, r, true, found);
            for (int e = 0; e < inputs[0].elements; e++)
                ck_assert_int_eq(found[e], class[r * inputs[0].elements + e + later]);
        }
    nn_dataset_close(set);
}

START_TEST(bytes)
{
    static const int class[] = {'a', 'b', 0xC3, 0xA9, '\n', 'c', 'd'};
    describe(3, 256, true);
    write_text("book.txt", "ab\xC3\xA9\ncd");                 /* 7 bytes: two rows of 3 and the last target */
    assert_rows(NN_TRAIN, 2, class);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 2);
    ck_assert_int_eq(nn_text_classes(&data, folder), 256);
    write_text("book.txt", "ab\xC3\xA9\nc");                  /* 6 bytes: the second row would lack its last target */
    assert_rows(NN_TRAIN, 1, class);
    inputs[0].classes = inputs[1].classes = 128;
    ck_assert_int_eq(refused(), 1);
    assert_said("book.txt", "row 1", "195 is no class of 'x'");
}
END_TEST

/* Distinct code points in order: a e z é € 𝄞 */
START_TEST(code_points)
{
    static const int class[] = {2, 3, 0, 5, 4, 1, 0}, test[] = {0, 0, 4};
    describe(2, 6, false);
    write_text("book.txt", "z\xC3\xA9" "a\xF0\x9D\x84\x9E\xE2\x82\xAC" "ea");
    data.file[NN_TEST] = "test.txt";
    write_text("test.txt", "aa\xE2\x82\xAC");
    assert_rows(NN_TRAIN, 3, class);
    assert_rows(NN_TEST, 1, test);
    ck_assert_int_eq(nn_text_classes(&data, folder), 6);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 3);
    write_text("test.txt", "aaa\nq");
    ck_assert_int_eq(refused(), 1);
    assert_said("test.txt", "line 1", "U+000A", "does not occur in the training text");
    data.file[NN_TEST] = NULL;
    inputs[1].classes = 5;
    ck_assert_int_eq(refused(), 1);
    assert_said("book.txt", "6 distinct code points", "'next' has 5 classes");
}
END_TEST

/* More than 256 of them, so that they are no bytes in memory. */
START_TEST(many_code_points)
{
    char text[2 * 300 + 1];
    int class[300];
    for (int i = 0; i < 300; i++) {
        int point = 0x100 + (i * 7) % 300;                    /* 7 and 300 have no common factor: each once */
        text[2 * i] = (char)(0xC0 | point >> 6);
        text[2 * i + 1] = (char)(0x80 | (point & 0x3F));
        class[i] = (i * 7) % 300;
    }
    text[600] = 0;
    describe(13, 300, false);
    write_text("book.txt", text);
    assert_rows(NN_TRAIN, 23, class);
    unlink(in_folder("book.txt"));
    write_gzip("book.txt.gz", text, 600);
    assert_rows(NN_TRAIN, 23, class);
}
END_TEST

START_TEST(bad_texts_are_refused)
{
    static const char *const invalid[] = {
        "ab\n\x80", "ab\n\xC3", "ab\n\xC0\x80", "ab\n\xE0\x80\x80", "ab\n\xED\xA0\x80", "ab\n\xF4\x90\x80\x80", "ab\n\xF8\x88\x80\x80\x80",
        "ab\n\xFF", "ab\n\xF0\x9D\x84", "ab\n\xE2\x82\141",
    };
    describe(2, 40, false);
    for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
        write_text("book.txt", invalid[i]);
        ck_assert_int_eq(refused(), 1);
        assert_said("book.txt", "line 2", "byte 4", "UTF-8");
    }
    write_text("book.txt", "ab");
    ck_assert_int_eq(refused(), 1);
    assert_said("2 characters", "context 2", "one more");
    write_text("book.txt", "");
    ck_assert_int_eq(refused(), 1);
    assert_said("0 characters");
    data.by_byte = true;
    ck_assert_int_eq(refused(), 1);
    assert_said("0 bytes");
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, bytes);
    tcase_add_test(cases, code_points);
    tcase_add_test(cases, many_code_points);
    tcase_add_test(cases, bad_texts_are_refused);
}

int main(void) { return run_suite("runtime_text", fill); }
