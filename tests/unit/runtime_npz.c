/* NPZ archives made with libzip out of NPY files written here: stored, deflated, damaged, hostile; and the same arrays in
 * safetensors files. */
#define _GNU_SOURCE                                           /* memmem */
#include "runtime_child.h"
#include <nngen/data.h>
#include <zip.h>

static NnInput inputs[2];
static NnData data;

static void describe(const NnFormat *format)
{
    inputs[0] = (NnInput){.name = "x", .rank = 1, .shape = {2}, .elements = 2, .scale = 1, .std = 1};
    inputs[1] = (NnInput){.name = "label", .classes = 3, .elements = 1, .scale = 1, .std = 1};
    data = (NnData){.format = format, .folder = "", .file = {"train.file"}};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, inputs, 2, folder, 1));
}

static int refused(void) { return run_child(open_and_close, NULL); }

/* x: three rows of two i2, 10 r + e, little end first; label: r */
static const char x_npy[] = "\x93NUMPY\1\0\x3A\0{'descr': '<i2', 'fortran_order': False, 'shape': (3, 2)} "
                            "\0\0\1\0\12\0\13\0\24\0\25",
                  label_npy[] = "\x93NUMPY\1\0\x38\0{'descr': '|u1', 'fortran_order': False, 'shape': (3,)} \0\1\2";
enum { X_BYTES = 10 + 58 + 12, LABEL_BYTES = 10 + 56 + 3 };

static void add(zip_t *archive, const char *name, const void *bytes, size_t count, zip_int32_t method)
{
    zip_int64_t index = zip_file_add(archive, name, zip_source_buffer(archive, bytes, count, 0), 0);
    ck_assert_int_ge(index, 0);
    ck_assert_int_eq(zip_set_file_compression(archive, (zip_uint64_t)index, method, 0), 0);
}

static void write_archive(zip_int32_t method, const char *x_name, size_t x_bytes)
{
    zip_t *archive = zip_open(in_folder("train.file"), ZIP_CREATE | ZIP_TRUNCATE, NULL);
    ck_assert_ptr_nonnull(archive);
    add(archive, "ignored.npy", "", 0, method);
    add(archive, "label.npy", label_npy, LABEL_BYTES, method);
    add(archive, x_name, x_npy, x_bytes, method);
    ck_assert_int_eq(zip_close(archive), 0);
}

static void assert_rows(void)
{
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 3);
    for (int r = 0; r < 3; r++) {
        double x[2];
        int32_t label;
        nn_dataset_row(set, NN_TRAIN, 0, r, true, x);
        nn_dataset_row(set, NN_TRAIN, 1, r, true, &label);
        ck_assert_double_eq(x[0], 10 * r);
        ck_assert_double_eq(x[1], 10 * r + 1);
        ck_assert_int_eq(label, r);
    }
    nn_dataset_close(set);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 3);
}

START_TEST(npz_stored_and_deflated)
{
    describe(&nn_npz);
    write_archive(ZIP_CM_STORE, "x.npy", X_BYTES);
    assert_rows();
    write_archive(ZIP_CM_DEFLATE, "x.npy", X_BYTES);
    assert_rows();
}
END_TEST

START_TEST(bad_npz_is_refused)
{
    describe(&nn_npz);
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file", "no such file");
    write_archive(ZIP_CM_STORE, "y.npy", X_BYTES);
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file", "no array named as the input 'x'", "ignored, label, y");
    write_archive(ZIP_CM_DEFLATE, "x.npy", X_BYTES - 1);
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file, array x", "row 3 of 3", "torn");
    write_archive(ZIP_CM_BZIP2, "x.npy", X_BYTES);
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file, array", "method 12", "stored or deflated");
    write_text("train.file", "no archive at all");
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file", "zip archive");
    write_text("train.file", "");
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file");
    unlink(in_folder("train.file"));
    ck_assert_int_eq(mkdir(in_folder("train.file"), 0777), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("a folder");
}
END_TEST

/* Every byte of a stored archive flipped in turn: each time the rows are as they were, or it is refused with 1. A flip in the
 * elements is never taken for data: the checksum tells. */
START_TEST(a_flipped_byte_never_changes_the_rows)
{
    describe(&nn_npz);
    write_archive(ZIP_CM_STORE, "x.npy", X_BYTES);
    size_t count = 0;
    char *bytes = read_bytes("train.file", &count);
    for (size_t i = 0; i < count; i++) {
        bytes[i] ^= 0x11;
        write_bytes("train.file", bytes, count);
        if (refused() == 0)
            assert_rows();
        else
            ck_assert_int_eq(child.status, 1);
        bytes[i] ^= 0x11;
    }
    char *elements = memmem(bytes, count, x_npy, X_BYTES);
    ck_assert_ptr_nonnull(elements);
    elements[X_BYTES - 1] ^= 1;
    write_bytes("train.file", bytes, count);
    ck_assert_int_eq(refused(), 1);
    assert_said("train.file, array x", "CRC");
    for (size_t cut = 0; cut < count; cut += 7) {
        write_bytes("train.file", bytes, cut);
        ck_assert_int_eq(refused(), 1);
    }
    free(bytes);
}
END_TEST

/* ---- safetensors ---- */

static void write_safetensors(const char *header, const void *tensors, size_t bytes)
{
    char file[1024] = {0};
    size_t length = strlen(header);
    file[0] = (char)length;
    file[1] = (char)(length >> 8);
    memcpy(file + 8, header, length);
    memcpy(file + 8 + length, tensors, bytes);
    write_bytes("train.file", file, 8 + length + bytes);
}

START_TEST(safetensors_types)
{
    static const char tensors[] = "\0\0\1\0\12\0\13\0\24\0\25\0\0\1\2";
    describe(&nn_safetensors);
    write_safetensors("{\"x\":{\"dtype\":\"I16\",\"shape\":[3,2],\"data_offsets\":[0,12]},"
                      "\"label\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[12,15]}}", tensors, 15);
    assert_rows();
    data.first_rows[NN_TRAIN] = 2;
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 2);
}
END_TEST

START_TEST(bad_safetensors_are_refused)
{
    static const char zeros[64];
    static const struct { const char *header; size_t bytes; const char *said; } bad[] = {
        {"{\"x\":{\"dtype\":\"I16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}", 12, "no array named as the input 'label'"},
        {"{\"x\":{\"dtype\":\"F16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}", 12, "'F16'"},
        {"{\"x\":{\"dtype\":\"I16\",\"shape\":[],\"data_offsets\":[0,2]}}", 2, "0 dimensions"},
        {"{\"x\":{\"dtype\":\"I16\",\"shape\":[2,3],\"data_offsets\":[0,12]}}", 12, "3 elements a row"},
        {"{\"x\":{\"dtype\":\"I16\",\"shape\":[3,2],\"data_offsets\":[0,12]}}", 11, "outside of the file"},
        {"{\"x\":{\"dtype\":\"U32\",\"shape\":[3,2],\"data_offsets\":[0,12]}}", 12, "does not fit"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[0,2],\"data_offsets\":[0,0]}}", 0, "no rows"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[0,2]},"
         "\"label\":{\"dtype\":\"F64\",\"shape\":[1],\"data_offsets\":[2,10]}}", 10, "floating-point"},
        {"{\"x\":{\"dtype\":\"U8\",\"shape\":[1,2],\"data_offsets\":[0,2]},"
         "\"label\":{\"dtype\":\"I64\",\"shape\":[2],\"data_offsets\":[2,18]}}", 18, "holds 2 rows"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        describe(&nn_safetensors);
        write_safetensors(bad[i].header, zeros, bad[i].bytes);
        ck_assert_msg(refused() == 1, "%s: status %d", bad[i].header, child.status);
        assert_said("train.file", bad[i].said);
    }
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, npz_stored_and_deflated);
    tcase_add_test(cases, bad_npz_is_refused);
    tcase_add_test(cases, a_flipped_byte_never_changes_the_rows);
    tcase_add_test(cases, safetensors_types);
    tcase_add_test(cases, bad_safetensors_are_refused);
}

int main(void) { return run_suite("runtime_npz", fill); }
