/* NPY files, written here byte by byte: orders, endiannesses, types, versions; torn and hostile ones. */
#include "runtime_child.h"
#include <nngen/data.h>

static NnInput input;
static NnData data;
static unsigned char file[70000];
static size_t file_bytes;

/* A file of version 1 (or 2, with a length of 32 bits) with this header and these elements. */
static void write_npy(int version, const char *header, const void *elements, size_t bytes)
{
    size_t length = strlen(header), at = 8;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    for (int i = 0; i < (version == 1 ? 2 : 4); i++)
        file[at++] = (unsigned char)(length >> 8 * i);
    memcpy(file + at, header, length);
    memcpy(file + at + length, elements, bytes);
    file_bytes = at + length + bytes;
    write_bytes("x.npy", file, file_bytes);
}

static void describe(int64_t elements, int classes)
{
    input = (NnInput){.name = "x", .classes = classes, .rank = 1, .shape = {elements}, .elements = elements, .file = {"x.npy"},
                      .scale = 1, .std = 1};
    data = (NnData){.format = &nn_npy, .folder = ""};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, &input, 1, folder, 1));
}

static int refused(void) { return run_child(open_and_close, NULL); }

static void count_rows(const void *unused)
{
    (void)unused;
    exit(nn_dataset_count(&data, &input, 1, folder) == 4 ? 0 : 9);
}

static void assert_rows(int64_t rows, const double *expected)
{
    NnDataset *set = nn_dataset_open(&data, &input, 1, folder, 1);
    double value[64];
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), rows);
    for (int64_t r = 0; r < rows; r++) {
        nn_dataset_row(set, NN_TRAIN, 0, r, true, value);
        for (int64_t e = 0; e < input.elements; e++)
            ck_assert_double_eq(value[e], expected[r * input.elements + e]);
    }
    nn_dataset_close(set);
}

START_TEST(every_type_in_both_byte_orders)
{
    static const struct { const char *type; unsigned char bytes[8]; size_t size; double value; } rows[] = {
        {"|u1", {200}, 1, 200}, {"|i1", {200}, 1, -56}, {"<u1", {7}, 1, 7},
        {"<u2", {0x34, 0xF2}, 2, 62004}, {">u2", {0xF2, 0x34}, 2, 62004},
        {"<i2", {0x34, 0xF2}, 2, -3532}, {">i2", {0xF2, 0x34}, 2, -3532},
        {"<u4", {0, 0, 0, 0x80}, 4, 2147483648.0}, {">u4", {0x80, 0, 0, 0}, 4, 2147483648.0},
        {"<i4", {1, 0, 0, 0x80}, 4, -2147483647.0}, {">i4", {0x80, 0, 0, 1}, 4, -2147483647.0},
        {"<u8", {0, 0, 0, 0, 0, 0, 0, 0x80}, 8, 0x1p63}, {">u8", {0x80}, 8, 0x1p63},
        {"<i8", {0xFE, 255, 255, 255, 255, 255, 255, 255}, 8, -2}, {">i8", {255, 255, 255, 255, 255, 255, 255, 0xFE}, 8, -2},
        {"<f4", {0, 0, 0xC0, 0x3F}, 4, 1.5}, {">f4", {0x3F, 0xC0, 0, 0}, 4, 1.5},
        {"<f8", {0, 0, 0, 0, 0, 0, 4, 0xC0}, 8, -2.5}, {">f8", {0xC0, 4}, 8, -2.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n", rows[i].type);
        describe(1, 0);
        write_npy(1 + (int)(i % 3), header, rows[i].bytes, rows[i].size);
        assert_rows(1, &rows[i].value);
    }
}
END_TEST

/* Three rows of (2, 2): element (r, i, j) is 100 r + 10 i + j; C order has j fastest, Fortran's r. */
static const double by_row[] = {0, 1, 10, 11, 100, 101, 110, 111, 200, 201, 210, 211};

START_TEST(both_orders)
{
    static const unsigned char c[] = {0, 1, 10, 11, 100, 101, 110, 111, 200, 201, 210, 211},
                               fortran[] = {0, 100, 200, 10, 110, 210, 1, 101, 201, 11, 111, 211};
    describe(4, 0);
    write_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 2), }", c, 12);
    assert_rows(3, by_row);
    write_npy(1, "{\"shape\":(3,2,2),\"fortran_order\":True,\"descr\":\"|u1\"}   \n", fortran, 12);
    assert_rows(3, by_row);
    data.first_rows[NN_TRAIN] = 2;
    assert_rows(2, by_row);
    write_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3L, 2L, 2L), }", c, 12);
    assert_rows(2, by_row);

    unsigned char wide[24] = {0};                             /* Fortran and big-endian at once */
    for (int i = 0; i < 12; i++)
        wide[2 * i + 1] = fortran[i];
    data.first_rows[NN_TRAIN] = 0;
    write_npy(3, "{'descr': '>i2', 'fortran_order': True, 'shape': (3, 2, 2), }", wide, 24);
    assert_rows(3, by_row);
}
END_TEST

START_TEST(gzip_is_read_as_it_is)
{
    static const unsigned char c[] = {0, 1, 10, 11, 100, 101, 110, 111, 200, 201, 210, 211};
    describe(4, 0);
    write_npy(1, "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 2, 2), }", c, 12);
    unlink(in_folder("x.npy"));
    write_gzip("x.npy.gz", file, file_bytes);
    assert_rows(3, by_row);
}
END_TEST

START_TEST(rows_are_counted_by_the_header)
{
    describe(1000, 0);
    write_npy(1, "{'descr': '<f8', 'fortran_order': False, 'shape': (4, 1000), }", "", 0);
    ck_assert_int_eq(run_child(count_rows, NULL), 0);         /* the elements are not there, and not looked at */
    ck_assert_int_eq(refused(), 1);
    assert_said("x.npy", "4 rows", "torn");
}
END_TEST

START_TEST(bad_values_are_refused)
{
    describe(2, 0);
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", "\0\0\0\0\0\0\0\0\0\0\xC0\x7F\0\0\0\0", 16);
    ck_assert_int_eq(refused(), 1);
    assert_said("x.npy", "row 2", "NaN", "'x'");
    describe(1, 3);
    write_npy(1, "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }", "\1\0\0\0\0\0\0\0\1\0\0\0\1\0\0\0", 16);
    ck_assert_int_eq(refused(), 1);                           /* 2^32 + 1 must not become 1 */
    assert_said("row 2", "no class of 'x'", "0 to 2");
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "\0\0\0\0", 4);
    ck_assert_int_eq(refused(), 1);
    assert_said("floating-point", "integers are expected");
    describe(5, 0);
    write_npy(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2, 3), }", "", 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("(2, 2, 3)", "6 elements a row", "5");
}
END_TEST

START_TEST(torn_and_hostile_files_are_refused)
{
    static const unsigned char zeros[64];
    static const struct { const char *header, *said; } bad[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 4), }", "more than a file of this size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808, 4), }", "size below 2^63"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4611686018427387904, 4), }", "elements a row"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4), }", "no rows"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "a single number"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }", "a size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4, }", "a size"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1 4), }", "a comma or the end of the shape"},
        {"{'descr': '<f4', 'fortran_order': 0, 'shape': (1, 4), }", "True or False"},
        {"{'descr': '<f4', 'fortran_order': False, }", "descr, fortran_order and shape"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1, 4)}", "each once"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), 'more': 1}", "each once"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 4), } exit()", "nothing more"},
        {"{'descr': '<f4, 'fortran_order': False, 'shape': (1, 4), }", "a comma"},
        {"{'descr': '<f4", "a short word in quotes"},
        {"{", "a word in quotes"},
        {"", "{"},
        {"{'descr': '<f2', 'fortran_order': False, 'shape': (1, 4), }", "'<f2'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1, 4), }", "'|O'"},
        {"{'descr': '', 'fortran_order': False, 'shape': (1, 4), }", "integers"},
        {"{'descr': '|f4', 'fortran_order': False, 'shape': (1, 4), }", "'|f4'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 4), }", "records"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,4), }",
         "at most 32 sizes"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        describe(4, 0);
        write_npy(1, bad[i].header, zeros, 16);
        ck_assert_msg(refused() == 1, "%s: status %d", bad[i].header, child.status);
        assert_said("x.npy", bad[i].said);
    }
    static const char *const good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }";
    const char *const fortran = "{'descr': '<f4', 'fortran_order': True, 'shape': (3, 4), }";
    write_npy(1, good, zeros, 48);
    ck_assert_int_eq(refused(), 0);
    write_npy(1, good, zeros, 40);                            /* plain: the size of the file tells */
    ck_assert_int_eq(refused(), 1);
    assert_said("x.npy", "ends in row 3 of 3");
    write_npy(1, fortran, zeros, 40);
    ck_assert_int_eq(refused(), 1);
    assert_said("x.npy", "torn");
    write_npy(1, good, zeros, 49);
    ck_assert_int_eq(refused(), 1);
    assert_said("after its last element");
    write_npy(1, good, zeros, 48);
    for (size_t count = 0; count < 10 + strlen(good); count++) {       /* cut everywhere inside the header */
        write_bytes("x.npy", file, count);
        ck_assert_int_eq(refused(), 1);
        assert_said("x.npy");
    }
    file[6] = 9;
    write_bytes("x.npy", file, file_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("version 9");
    memset(file, 0, 12);
    memcpy(file, "\x93NUMPY\2\0\xFF\xFF\xFF\xFF", 12);
    write_bytes("x.npy", file, 100);
    ck_assert_int_eq(refused(), 1);
    assert_said("4294967295 bytes");
    memcpy(file, "\x93NUMPY\1\0\4\0{\0}\n", 14);
    write_bytes("x.npy", file, 14);
    ck_assert_int_eq(refused(), 1);
    assert_said("no zero byte");
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, every_type_in_both_byte_orders);
    tcase_add_test(cases, both_orders);
    tcase_add_test(cases, gzip_is_read_as_it_is);
    tcase_add_test(cases, rows_are_counted_by_the_header);
    tcase_add_test(cases, bad_values_are_refused);
    tcase_add_test(cases, torn_and_hostile_files_are_refused);
}

int main(void) { return run_suite("runtime_npy", fill); }
