/* Sets of rows: IDX files good and bad, lookup, conversion, split, stratify, standardise. */
#include "runtime_child.h"
#include <math.h>
#include <nngen/data.h>

/* ---- small IDX files ---- */

/* rows of 2 × 3 bytes: element e of row r is 10 r + e; labels r % 3 */
static size_t idx_images(unsigned char *out, int rows)
{
    const unsigned char header[] = {0, 0, 8, 3, 0, 0, 0, (unsigned char)rows, 0, 0, 0, 2, 0, 0, 0, 3};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < rows * 6; i++)
        out[sizeof header + (size_t)i] = (unsigned char)(i / 6 * 10 + i % 6);
    return sizeof header + (size_t)rows * 6;
}

static size_t idx_labels(unsigned char *out, int rows)
{
    const unsigned char header[] = {0, 0, 8, 1, 0, 0, 0, (unsigned char)rows};
    memcpy(out, header, sizeof header);
    for (int i = 0; i < rows; i++)
        out[sizeof header + (size_t)i] = (unsigned char)(i % 3);
    return sizeof header + (size_t)rows;
}

static unsigned char images[4096], labels[1024];
static size_t image_bytes, label_bytes;

static NnInput inputs[2];
static NnData data;

static void describe(int rows)
{
    image_bytes = idx_images(images, rows);
    label_bytes = idx_labels(labels, rows);
    inputs[0] = (NnInput){.name = "image", .rank = 1, .shape = {6}, .elements = 6, .file = {"images.gz"}, .scale = 1, .std = 1};
    inputs[1] = (NnInput){.name = "label", .classes = 3, .elements = 1, .file = {"labels"}, .scale = 1, .std = 1};
    data = (NnData){.format = &nn_idx, .folder = ""};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, inputs, 2, folder, 1));
}

static int refused(void)
{
    return run_child(open_and_close, NULL);
}

START_TEST(idx_is_read_gzipped_and_plain)
{
    describe(7);
    inputs[0].scale = 0.5;
    inputs[0].mean = 1;
    inputs[0].std = 4;
    write_gzip("images.gz", images, image_bytes);
    write_bytes("labels", labels, label_bytes);
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 7);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TEST), 0);
    for (int r = 0; r < 7; r++) {
        float f32[6];
        double f64[6];
        int32_t label;
        nn_dataset_row(set, NN_TRAIN, 0, r, false, f32);
        nn_dataset_row(set, NN_TRAIN, 0, r, true, f64);
        nn_dataset_row(set, NN_TRAIN, 1, r, false, &label);
        for (int e = 0; e < 6; e++) {
            ck_assert_double_eq(f64[e], ((10 * r + e) * 0.5 - 1) / 4);
            ck_assert_float_eq(f32[e], (float)(((10 * r + e) * 0.5 - 1) / 4));
        }
        ck_assert_int_eq(label, r % 3);
    }
    nn_dataset_close(set);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 7);
}
END_TEST

START_TEST(idx_types_are_big_endian)
{
    static const struct { unsigned char type; size_t size; unsigned char bytes[8]; double value; } rows[] = {
        {0x09, 1, {0x80}, -128},
        {0x0B, 2, {0xFE, 0x0C}, -500},
        {0x0C, 4, {0x00, 0x01, 0x00, 0x02}, 65538},
        {0x0D, 4, {0x3F, 0xC0, 0x00, 0x00}, 1.5},
        {0x0E, 8, {0xC0, 0x04, 0, 0, 0, 0, 0, 0}, -2.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        unsigned char file[64] = {0, 0, rows[i].type, 1, 0, 0, 0, 1};
        describe(1);
        inputs[0].elements = 1;
        memcpy(file + 8, rows[i].bytes, rows[i].size);
        write_bytes("images.gz", file, 8 + rows[i].size);     /* its name says gzip, its bytes do not: read as it is */
        NnDataset *set = nn_dataset_open(&data, inputs, 1, folder, 1);
        double value;
        nn_dataset_row(set, NN_TRAIN, 0, 0, true, &value);
        ck_assert_double_eq(value, rows[i].value);
        nn_dataset_close(set);
    }
}
END_TEST

START_TEST(files_are_found_under_both_names_and_in_all_folders)
{
    describe(5);
    inputs[1].file[0] = "labels.gz";                          /* the plain file is there */
    inputs[0].file[0] = "images";                             /* the gzipped one is there */
    ck_assert_int_eq(mkdir(in_folder("model"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("default"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("given"), 0777), 0);
    write_gzip("model/images.gz", images, image_bytes);
    write_bytes("default/labels", labels, label_bytes);
    char model[128], standard[128], given[128];
    snprintf(model, sizeof model, "%s/model", folder);
    snprintf(standard, sizeof standard, "%s/default", folder);
    snprintf(given, sizeof given, "%s/given", folder);
    data.folder = model;
    data.default_folder = standard;
    NnDataset *set = nn_dataset_open(&data, inputs, 2, given, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 5);
    nn_dataset_close(set);

    image_bytes = idx_images(images, 3);                      /* --data comes first */
    label_bytes = idx_labels(labels, 3);
    write_gzip("given/images.gz", images, image_bytes);
    write_bytes("given/labels", labels, label_bytes);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, given), 3);
}
END_TEST

START_TEST(bad_idx_files_are_refused)
{
    describe(7);
    write_bytes("labels", labels, label_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "no such file", "--data");

    ck_assert_int_eq(mkdir(in_folder("images.gz"), 0777), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "folder");
    ck_assert_int_eq(rmdir(in_folder("images.gz")), 0);

    write_bytes("images.gz", images, image_bytes - 8);
    ck_assert_int_eq(refused(), 1);
    assert_said("row 6 of 7", "torn");

    images[image_bytes] = 9;
    write_bytes("images.gz", images, image_bytes + 1);
    ck_assert_int_eq(refused(), 1);
    assert_said("after its last element");

    write_gzip("images.gz", images, image_bytes + 1);
    ck_assert_int_eq(refused(), 1);
    assert_said("after its last element");

    images[2] = 7;
    write_bytes("images.gz", images, image_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("no IDX file");
    images[2] = 8;

    write_bytes("images.gz", images, 6);
    ck_assert_int_eq(refused(), 1);
    assert_said("ends inside its header");

    images[11] = 4;
    write_bytes("images.gz", images, image_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("(7, 4, 3)", "12 elements a row", "'image'", "6");
    images[11] = 2;

    images[4] = 0xFF;                                         /* four thousand million rows */
    write_bytes("images.gz", images, image_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("more than a file of this size can hold");
    images[4] = 0;

    images[7] = 0;
    write_bytes("images.gz", images, 16);
    ck_assert_int_eq(refused(), 1);
    assert_said("holds no rows");
    images[7] = 7;

    write_bytes("images.gz", images, image_bytes);
    idx_labels(labels, 6);
    write_bytes("labels", labels, label_bytes - 1);
    ck_assert_int_eq(refused(), 1);
    assert_said("labels", "6 rows", "7");

    idx_labels(labels, 7);
    labels[8 + 4] = 3;
    write_bytes("labels", labels, label_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("labels", "row 5", "3 is no class of 'label'", "0 to 2");
}
END_TEST

START_TEST(torn_and_damaged_gzip_is_refused)
{
    describe(7);
    write_bytes("labels", labels, label_bytes);
    write_gzip("images.gz", images, image_bytes);
    size_t count = 0;
    char *packed = read_bytes("images.gz", &count);
    write_bytes("images.gz", packed, count - 10);             /* inside the stream */
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "torn");
    write_bytes("images.gz", packed, count - 4);              /* inside the trailer: all elements are there */
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "torn");
    packed[count - 6] ^= 1;                                   /* the checksum */
    write_bytes("images.gz", packed, count);
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "damaged");
    packed[count - 6] ^= 1;
    packed[count] = '!';
    write_bytes("images.gz", packed, count + 1);
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "after the end of its gzip stream");
    memcpy(packed + count, packed, count);                    /* another member is no fault of gzip's, but of IDX's */
    write_bytes("images.gz", packed, 2 * count);
    ck_assert_int_eq(refused(), 1);
    assert_said("images.gz", "after its last element");
    free(packed);
}
END_TEST

START_TEST(nan_in_a_float_file_is_refused)
{
    describe(2);
    unsigned char file[] = {0, 0, 0x0D, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0x7F, 0xC0, 0, 0};
    inputs[0].elements = 1;
    write_bytes("images.gz", file, sizeof file);
    write_bytes("labels", labels, label_bytes);
    ck_assert_int_eq(refused(), 1);
    assert_said("row 2", "'image'", "NaN");
}
END_TEST

START_TEST(names_are_printed_escaped)
{
    describe(2);
    inputs[0].file[0] = "a\033[31m\nb";
    ck_assert_int_eq(refused(), 1);
    assert_said("a\\x1b[31m\\nb");
    ck_assert_ptr_null(strchr(child.error, '\033'));
}
END_TEST

START_TEST(first_rows_are_taken)
{
    describe(7);
    write_gzip("images.gz", images, image_bytes);
    write_bytes("labels", labels, label_bytes);
    data.first_rows[NN_TRAIN] = 4;
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 4);
    nn_dataset_close(set);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 4);
    write_gzip("images.gz", images, image_bytes - 1);         /* torn behind the rows that are wanted: still torn */
    ck_assert_int_eq(refused(), 1);
    assert_said("row 7 of 7");
    write_gzip("images.gz", images, image_bytes);
    data.first_rows[NN_TRAIN] = 8;
    ck_assert_int_eq(refused(), 1);
    assert_said("7 rows", "8");
}
END_TEST

/* ---- tables, split, standardise ---- */

static double table_x[200][2], table_label[200];

static void describe_table(int rows)
{
    for (int r = 0; r < rows; r++) {
        table_x[r][0] = r;
        table_x[r][1] = 0.1;                                  /* never varies, and is no binary fraction */
        table_label[r] = r % 10 == 0 ? 2 : r % 2;             /* 10 %, 40 %, 50 % */
    }
    inputs[0] = (NnInput){.name = "x", .rank = 1, .shape = {2}, .elements = 2, .table = {table_x[0]}, .scale = 1, .std = 1};
    inputs[1] = (NnInput){.name = "label", .classes = 3, .elements = 1, .table = {table_label}, .scale = 1, .std = 1};
    data = (NnData){.format = &nn_table, .table_rows = {rows}};
}

static int class_count(const NnDataset *set, NnSet which, int class)
{
    int found = 0;
    for (int64_t r = 0; r < nn_dataset_rows(set, which); r++) {
        int32_t label;
        nn_dataset_row(set, which, 1, r, false, &label);
        found += label == class;
    }
    return found;
}

/* Every row lands in one set; sets keep file order; sizes are ⌈share n⌉, the rest trains. */
static void assert_split(NnDataset *set, int rows, int64_t train, int64_t validation, int64_t test)
{
    const int64_t expected[NN_SETS] = {train, validation, test};
    char seen[200] = {0};
    for (NnSet which = NN_TRAIN; which < NN_SETS; which++) {
        double last = -1, x[2];
        ck_assert_int_eq(nn_dataset_rows(set, which), expected[which]);
        for (int64_t r = 0; r < expected[which]; r++) {
            nn_dataset_row(set, which, 0, r, true, x);
            ck_assert_double_gt(x[0], last);
            ck_assert_int_eq(seen[(int)x[0]]++, 0);
            last = x[0];
        }
    }
    ck_assert_int_eq(train + validation + test, rows);
}

START_TEST(split_cuts_whole_rows)
{
    describe_table(197);
    data.share[NN_TRAIN] = 0.7;
    data.share[NN_VALIDATION] = 0.1;
    data.share[NN_TEST] = 0.2;
    NnDataset *set = nn_dataset_open(&data, inputs, 2, NULL, 1), *other = nn_dataset_open(&data, inputs, 2, NULL, 2);
    assert_split(set, 197, 137, 20, 40);                      /* ⌈19.7⌉, ⌈39.4⌉ */
    assert_split(other, 197, 137, 20, 40);
    int same = 0;
    double a[2], b[2];
    for (int r = 0; r < 40; r++) {
        nn_dataset_row(set, NN_TEST, 0, r, true, a);
        nn_dataset_row(other, NN_TEST, 0, r, true, b);
        same += a[0] == b[0];
    }
    ck_assert_int_lt(same, 20);                               /* another seed cuts other rows */
    nn_dataset_close(set);
    nn_dataset_close(other);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, NULL), 137);
}
END_TEST

START_TEST(a_share_is_meant_exactly)
{
    describe_table(100);
    data.share[NN_TRAIN] = 0.93;
    data.share[NN_TEST] = 0.07;                               /* 0.07 · 100 is 7.000000000000001 in double */
    NnDataset *set = nn_dataset_open(&data, inputs, 2, NULL, 1);
    assert_split(set, 100, 93, 0, 7);
    nn_dataset_close(set);
}
END_TEST

START_TEST(stratified_split_keeps_shares)
{
    describe_table(200);                                      /* 20 of class 2, 80 of class 0, 100 of class 1 */
    data.share[NN_TRAIN] = 0.5;
    data.share[NN_VALIDATION] = 0.25;
    data.share[NN_TEST] = 0.25;
    data.stratify = "label";
    NnDataset *set = nn_dataset_open(&data, inputs, 2, NULL, 3);
    assert_split(set, 200, 100, 50, 50);
    static const int expected[NN_SETS][3] = {{40, 50, 10}, {20, 25, 5}, {20, 25, 5}};
    for (NnSet which = NN_TRAIN; which < NN_SETS; which++)
        for (int class = 0; class < 3; class++)
            ck_assert_int_eq(class_count(set, which, class), expected[which][class]);
    nn_dataset_close(set);

    describe_table(11);                                       /* 2 of class 2, 4 of class 0, 5 of class 1: nothing comes out even */
    data.share[NN_TRAIN] = 0.5;
    data.share[NN_TEST] = 0.5;
    data.stratify = "label";
    set = nn_dataset_open(&data, inputs, 2, NULL, 3);
    assert_split(set, 11, 5, 0, 6);
    ck_assert_int_eq(class_count(set, NN_TEST, 2), 1);        /* 12/11, 24/11, 30/11: whole parts 1, 2, 2; the one left to .73 */
    ck_assert_int_eq(class_count(set, NN_TEST, 0), 2);
    ck_assert_int_eq(class_count(set, NN_TEST, 1), 3);
    nn_dataset_close(set);
}
END_TEST

START_TEST(split_that_leaves_nothing_is_refused)
{
    describe_table(2);
    data.share[NN_TRAIN] = 0.1;
    data.share[NN_VALIDATION] = 0.45;
    data.share[NN_TEST] = 0.45;
    ck_assert_int_eq(refused(), 1);
    assert_said("no row of 2 for training");
}
END_TEST

/* Of 0 … n−1: mean (n−1)/2, population variance (n² − 1)/12. */
START_TEST(features_are_standardised_on_train)
{
    const int n = 101;
    double test_x[2][2] = {{0, 0.1}, {1000, 0.3}}, test_label[2] = {0, 1}, x[2];
    describe_table(n);
    inputs[0].standardize = NN_BY_FEATURE;
    inputs[0].scale = 3;                                      /* drops out */
    inputs[0].mean = 5;
    inputs[0].table[NN_TEST] = test_x[0];
    inputs[1].table[NN_TEST] = test_label;
    data.table_rows[NN_TEST] = 2;
    NnDataset *set = nn_dataset_open(&data, inputs, 2, NULL, 1);
    double deviation = sqrt((n * n - 1) / 12.0);
    for (int r = 0; r < n; r++) {
        nn_dataset_row(set, NN_TRAIN, 0, r, true, x);
        ck_assert_double_eq_tol(x[0], (r - (n - 1) / 2.0) / deviation, 1e-13);
        ck_assert_double_eq_tol(x[1], 0, 1e-15);              /* only centred: no division by a deviation of rounding errors */
    }
    nn_dataset_row(set, NN_TEST, 0, 1, true, x);
    ck_assert_double_eq_tol(x[0], (1000 - (n - 1) / 2.0) / deviation, 1e-12);
    ck_assert_double_eq_tol(x[1], 3 * 0.2, 1e-14);
    nn_dataset_close(set);
}
END_TEST

START_TEST(all_elements_are_standardised_together)
{
    describe(7);
    inputs[0].standardize = NN_BY_ALL;
    write_gzip("images.gz", images, image_bytes);
    write_bytes("labels", labels, label_bytes);
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    double mean = 30 + 2.5, variance = 100 * (49 - 1) / 12.0 + (36 - 1) / 12.0;       /* 10 r + e, r and e independent */
    for (int r = 0; r < 7; r++) {
        float x[6];
        nn_dataset_row(set, NN_TRAIN, 0, r, false, x);
        for (int e = 0; e < 6; e++)
            ck_assert_float_eq_tol(x[e], (float)((10 * r + e - mean) / sqrt(variance)), 1e-6f);
    }
    nn_dataset_close(set);
}
END_TEST

START_TEST(bad_tables_are_refused)
{
    describe_table(10);
    table_x[6][1] = NAN;
    ck_assert_int_eq(refused(), 1);
    assert_said("train.x", "row 7", "NaN");
    describe_table(10);
    table_label[9] = 1.5;
    ck_assert_int_eq(refused(), 1);
    assert_said("train.label", "row 10", "1.5 is no class");
    table_label[9] = -1;
    ck_assert_int_eq(refused(), 1);
    assert_said("-1 is no class");
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, idx_is_read_gzipped_and_plain);
    tcase_add_test(cases, idx_types_are_big_endian);
    tcase_add_test(cases, files_are_found_under_both_names_and_in_all_folders);
    tcase_add_test(cases, bad_idx_files_are_refused);
    tcase_add_test(cases, torn_and_damaged_gzip_is_refused);
    tcase_add_test(cases, nan_in_a_float_file_is_refused);
    tcase_add_test(cases, names_are_printed_escaped);
    tcase_add_test(cases, first_rows_are_taken);
    tcase_add_test(cases, split_cuts_whole_rows);
    tcase_add_test(cases, a_share_is_meant_exactly);
    tcase_add_test(cases, stratified_split_keeps_shares);
    tcase_add_test(cases, split_that_leaves_nothing_is_refused);
    tcase_add_test(cases, features_are_standardised_on_train);
    tcase_add_test(cases, all_elements_are_standardised_together);
    tcase_add_test(cases, bad_tables_are_refused);
}

int main(void) { return run_suite("runtime_data", fill); }
