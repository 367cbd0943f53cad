/* Checkpoints: the file as safetensors describes it, --init, --resume, --predict, and files that are none. */
#define REAL float
#define PRECISION NN_F32
#include "runtime_child.h"
#include "runtime_program.h"
#include <cJSON.h>

/* ---- files made by hand ---- */

static void write_safetensors(const char *name, const char *header, const void *tensors, size_t count)
{
    char bytes[1 << 14];
    uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, length);
    memcpy(bytes + 8 + length, tensors, count);
    write_bytes(name, bytes, 8 + length + count);
}

#define WEIGHT(dtype, shape, from, to) "\"fc.weight\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"
#define BIAS(from, to) "\"fc.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[" #from "," #to "]}"
#define OFFSETS(from, to) ",\"data_offsets\":[" #from "," #to "]}"

static const float good[8] = {1, 2, 3, 4, 5, 6, 7, 8};        /* weight (2, 3), then bias (2) */
static const char good_header[] = "{" WEIGHT("F32", "[2,3]", 0, 24) "," BIAS(24, 32) "}";

/* The tensor of a file that the program wrote; its bytes are to be freed with *file. */
static const char *tensor_in(const char *name, const char *tensor, const char *dtype, const char *shape, char **file)
{
    size_t count = 0;
    uint64_t length;
    *file = read_bytes(name, &count);
    ck_assert_ptr_nonnull(*file);
    memcpy(&length, *file, 8);
    ck_assert_uint_eq((8 + length) % 8, 0);                   /* tensors are aligned */
    cJSON *header = cJSON_ParseWithLength(*file + 8, length);
    const cJSON *entry = cJSON_GetObjectItem(header, tensor);
    ck_assert_msg(entry != NULL, "%s has no %s", name, tensor);
    char *shape_text = cJSON_PrintUnformatted(cJSON_GetObjectItem(entry, "shape"));
    ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(entry, "dtype")), dtype);
    ck_assert_str_eq(shape_text, shape);
    const char *at = *file + 8 + length + cJSON_GetArrayItem(cJSON_GetObjectItem(entry, "data_offsets"), 0)->valueint;
    free(shape_text);
    cJSON_Delete(header);
    return at;
}

/* ---- saving and --init ---- */

START_TEST(init_and_save_use_pytorch_order)
{
    write_safetensors("init", good_header, good, sizeof good);
    ck_assert_int_eq(run_program("--init", "init", "--lr", "0", "--steps", "1", "--save", "saved"), 0);
    char *file;
    ck_assert_mem_eq(tensor_in("saved", "fc.weight", "F32", "[2,3]", &file), good, 24);
    free(file);
    ck_assert_mem_eq(tensor_in("saved", "fc.bias", "F32", "[2]", &file), good + 6, 8);
    free(file);
    int64_t step;
    memcpy(&step, tensor_in("saved", "nngen.step", "I64", "[]", &file), 8);
    ck_assert_int_eq(step, 1);
    free(file);
    tensor_in("saved", "nngen.fc.weight.momentum_buffer", "F32", "[2,3]", &file);
    free(file);
    ck_assert_int_eq(run_program("--init", "saved", "--lr", "0", "--steps", "1", "--save", "again"), 0);     /* nngen.* is passed over */
}
END_TEST

START_TEST(init_takes_doubles_and_batch_counts)
{
    double f64[8];
    char tensors[48 + 8 + 8] = {0};
    for (int i = 0; i < 8; i++)
        f64[i] = good[i] + 1e-12;                             /* rounds to good[i] */
    memcpy(tensors, f64, 48);
    memcpy(tensors + 48, good + 6, 8);
    write_safetensors("init", "{" WEIGHT("F64", "[2,3]", 0, 48) "," BIAS(48, 56)
                      ",\"bn.num_batches_tracked\":{\"dtype\":\"I64\",\"shape\":[]" OFFSETS(56, 64) "}", tensors, sizeof tensors);
    ck_assert_int_eq(run_program("--init", "init", "--lr", "0", "--steps", "1", "--save", "saved"), 0);
    char *file;
    ck_assert_mem_eq(tensor_in("saved", "fc.weight", "F32", "[2,3]", &file), good, 24);
    free(file);
}
END_TEST

/* Initial values: from (seed, name, element in PyTorch's order), within their bounds, whatever the layout. */
START_TEST(initial_values)
{
    ck_assert_int_eq(run_program("--lr", "0", "--steps", "1", "--save", "saved", "--seed", "77"), 0);
    char *file;
    float weight[6];
    memcpy(weight, tensor_in("saved", "fc.weight", "F32", "[2,3]", &file), 24);
    for (int k = 0; k < 6; k++)
        ck_assert_float_eq(weight[k], (float)(-0.5 + nn_uniform(77, nn_stream("fc.weight"), 0, (uint64_t)k)));
    free(file);
    memcpy(weight, tensor_in("saved", "fc.bias", "F32", "[2]", &file), 8);
    ck_assert_float_eq(weight[1], 0.25f);
    free(file);
}
END_TEST

START_TEST(wrong_init_files_are_refused)
{
    static const struct { const char *header; const char *says[2]; } rows[] = {
        {"{" WEIGHT("F32", "[2,3]", 0, 24) "," BIAS(24, 32) ",\"x\":{\"dtype\":\"F32\",\"shape\":[0]" OFFSETS(32, 32) "}",
         {"'x'", "does not have"}},
        {"{\"fc.weights\":{\"dtype\":\"F32\",\"shape\":[2,3]" OFFSETS(0, 24) "," BIAS(24, 32) "}", {"no tensor 'fc.weight'", "(2, 3)"}},
        {"{" WEIGHT("F32", "[3,2]", 0, 24) "," BIAS(24, 32) "}", {"'fc.weight'", "(3, 2) there, but (2, 3)"}},
        {"{" WEIGHT("F32", "[6]", 0, 24) "," BIAS(24, 32) "}", {"'fc.weight'", "(6) there"}},
        {"{" WEIGHT("I32", "[2,3]", 0, 24) "," BIAS(24, 32) "}", {"'I32'", "F32 and F64"}},
        {"{" WEIGHT("BF16", "[2,3]", 0, 24) "," BIAS(24, 32) "}", {"'BF16'", "F32 and F64"}},
    };
    for (int i = 0; i < NN_COUNT(rows); i++) {
        write_safetensors("init", rows[i].header, good, sizeof good);
        ck_assert_int_eq(run_program("--init", "init", "--steps", "1"), 1);
        assert_said("init:", rows[i].says[0], rows[i].says[1]);
    }
    ck_assert_int_eq(run_program("--init", "nowhere", "--steps", "1"), 1);
    assert_said("nowhere", "No such file");
    ck_assert_int_eq(run_program("--init", ".", "--steps", "1"), 1);
    assert_said("folder");
}
END_TEST

/* Every one is refused with 1 and a reason, none with a crash. */
START_TEST(hostile_files_are_refused)
{
    static const char *const headers[] = {
        "", "{", "[]", "null", "{}x", "{\"a\":1}", "{\"a\":{}}", "{\"a\":[1,2]}",
        "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0]}}",
        "{\"fc.weight\":{\"dtype\":7,\"shape\":[2,3]" OFFSETS(0, 24) "}",
        "{" WEIGHT("F32", "[2,3]", 0, 28) "," BIAS(24, 32) "}",               /* overlap, and more than the shape */
        "{" WEIGHT("F32", "[2,3]", 24, 0) "," BIAS(24, 32) "}",               /* backwards */
        "{" WEIGHT("F32", "[2,3]", -24, 0) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[2,3]", 8, 32) "," BIAS(0, 8) "}x",
        "{" WEIGHT("F32", "[2,3]", 0, 24) "," BIAS(16, 24) "}",               /* overlap, and a tail that nobody owns */
        "{" WEIGHT("F32", "[2,3]", 0, 24) "," BIAS(32, 40) "}",               /* beyond the end */
        "{" WEIGHT("F32", "[2,3]", 0, 24) "}",                                /* 8 bytes that nobody owns */
        "{" WEIGHT("F32", "[2,2]", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[2,-3]", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[2,3.5]", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[4294967296,4294967296,6]", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[1e300]", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "\"six\"", 0, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[2,3]", 0, 12) "," WEIGHT("F32", "[2,3]", 12, 24) "," BIAS(24, 32) "}",
        "{" WEIGHT("F32", "[1,1,1,1,1,1,1,1,1,6]", 0, 24) "," BIAS(24, 32) "}",
        "{\"__metadata__\":7," WEIGHT("F32", "[2,2]", 0, 24) "," BIAS(24, 32) "}",
    };
    for (int i = 0; i < NN_COUNT(headers); i++) {
        write_safetensors("hostile", headers[i], good, sizeof good);
        ck_assert_msg(run_program("--init", "hostile", "--steps", "1") == 1, "status %d: %s", child.status, headers[i]);
        assert_said("hostile:");
        ck_assert_int_eq(run_program("--resume", "hostile", "--steps", "1"), 1);
    }
    char twice[] = "{\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[3]" OFFSETS(0, 12) ",\"fc.weight\":{\"dtype\":\"F32\",\"shape\":[3]" OFFSETS(12, 24)
                   "," BIAS(24, 32) "}";
    write_safetensors("hostile", twice, good, sizeof good);
    ck_assert_int_eq(run_program("--init", "hostile", "--steps", "1"), 1);
    assert_said("is there twice");

    static const uint64_t lengths[] = {0, 1, 33, 1 << 20, (uint64_t)1 << 40, UINT64_MAX, (uint64_t)1 << 63};
    char bytes[48] = {0};
    for (int i = 0; i < NN_COUNT(lengths); i++) {
        memcpy(bytes, &lengths[i], 8);
        for (size_t count = 0; count <= sizeof bytes; count += 8) {
            write_bytes("hostile", bytes, count);
            ck_assert_int_eq(run_program("--init", "hostile", "--steps", "1"), 1);
        }
    }
}
END_TEST

START_TEST(torn_checkpoints_are_refused)
{
    ck_assert_int_eq(run_program("--steps", "3", "--save", "saved"), 0);
    size_t count = 0;
    char *bytes = read_bytes("saved", &count);
    for (size_t cut = 0; cut < count; cut += cut < 16 || cut > count - 16 ? 1 : 61) {
        write_bytes("torn", bytes, cut);
        ck_assert_int_eq(run_program("--resume", "torn", "--steps", "5"), 1);
        assert_said("torn:");
    }
    free(bytes);
}
END_TEST

/* ---- --resume ---- */

static void another_batch(void) { program.batch = 4; }
static void another_signature(void) { program.signature = "77"; }
static void fewer_rows(void) { data.table_rows[NN_TRAIN] = 30; }
static void fewer_metrics(void) { program.metric_count = 1; }
static void fewer_tensors(void) { program.tensor_count = 2; }

static NnTensor changed[4];
static void change_tensors(void)
{
    memcpy(changed, tensors, sizeof changed);
    program.tensors = changed;
}
static void another_name(void)
{
    change_tensors();
    changed[1].name = "fc2.bias";
}
static void another_shape(void)
{
    change_tensors();
    changed[3].shape[0] = 3;
}

START_TEST(resume_names_the_first_difference)
{
    static const struct { void (*change)(void); const char *says[2]; } rows[] = {
        {another_batch, {"batches of 5 rows", "have 4"}},
        {another_signature, {"another model", "expressions"}},
        {fewer_rows, {"37 rows", "30"}},
        {fewer_metrics, {"other metrics", ""}},
        {fewer_tensors, {"momentum_buffer", "does not have"}},
        {another_name, {"no tensor 'fc2.bias'", "(2)"}},
        {another_shape, {"'fc.bias.momentum_buffer'", "(2) there, but (3)"}},
    };
    ck_assert_int_eq(run_program("--steps", "9", "--save", "saved"), 0);
    for (int i = 0; i < NN_COUNT(rows); i++) {
        ck_assert_int_eq(run_changed(rows[i].change, "--resume", "saved", "--steps", "20"), 1);
        assert_said("saved:", rows[i].says[0], rows[i].says[1]);
    }
    write_safetensors("parameters", good_header, good, sizeof good);
    ck_assert_int_eq(run_program("--resume", "parameters", "--steps", "20"), 1);
    assert_said("no training state", "--init");
    ck_assert_int_eq(run_program("--resume", "saved", "--steps", "9"), 0);     /* nothing to do is no fault */
}
END_TEST

START_TEST(impossible_states_are_refused)
{
    ck_assert_int_eq(run_program("--steps", "9", "--save", "saved"), 0);
    static const struct { const char *name; int64_t value; } rows[] = {
        {"nngen.step", -1}, {"nngen.epoch", -5}, {"nngen.position", -5}, {"nngen.position", 38}, {"nngen.position", 7}, {"nngen.position", INT64_MAX},
        {"nngen.step", INT64_MAX}, {"nngen.epoch", INT64_MAX}, {"nngen.stale_epochs", INT64_MAX},
    };
    for (int i = 0; i < NN_COUNT(rows); i++) {
        char *file;
        size_t count = 0;
        free(read_bytes("saved", &count));
        char *at = (char *)tensor_in("saved", rows[i].name, "I64", "[]", &file);
        memcpy(at, &rows[i].value, 8);
        write_bytes("changed", file, count);
        free(file);
        ck_assert_int_eq(run_program("--resume", "changed", "--steps", "20"), 1);
        assert_said("changed:", "impossible");
    }
}
END_TEST

/* What a run leaves that was interrupted while it evaluated: all rows of an epoch taken, the epoch not ended. It ends first. */
START_TEST(an_epoch_waits_for_its_evaluation)
{
    ck_assert_int_eq(run_program("--epochs", "1", "--save", "saved"), 0);
    char *file;
    size_t count = 0;
    free(read_bytes("saved", &count));
    *(int64_t *)(void *)tensor_in("saved", "nngen.epoch", "I64", "[]", &file) = 0;
    write_bytes("half", file, count);
    free(file);
    free(read_bytes("half", &count));
    *(int64_t *)(void *)tensor_in("half", "nngen.position", "I64", "[]", &file) = 37;
    write_bytes("pending", file, count);
    free(file);
    ck_assert_int_eq(run_program("--resume", "pending", "--epochs", "1", "--save", "ended", "--log", "log"), 0);
    char *log = read_bytes("log", &count);
    ck_assert(log && strstr(log, "\"event\":\"epoch\",\"epoch\":1") && strstr(log, "test_loss") && !strstr(log, "partial"));
    free(log);
    size_t ended_count = 0;
    char *saved = read_bytes("saved", &count), *ended = read_bytes("ended", &ended_count);
    ck_assert_uint_eq(count, ended_count);
    ck_assert_mem_eq(saved, ended, count);
    free(saved);
    free(ended);
}
END_TEST

START_TEST(weights_that_are_not_finite_are_refused)
{
    float bad[8];
    double wide[8];
    for (int i = 0; i < 8; i++)
        wide[i] = bad[i] = good[i];
    bad[4] = NAN;
    write_safetensors("init", good_header, bad, sizeof bad);
    ck_assert_int_eq(run_program("--init", "init", "--steps", "1"), 1);
    assert_said("init:", "element 5 of 'fc.weight' is nan");
    wide[5] = 1e300;                                          /* a number, but none of the program's */
    char tensors[56];
    memcpy(tensors, wide, 48);
    memcpy(tensors + 48, good + 6, 8);
    write_safetensors("init", "{" WEIGHT("F64", "[2,3]", 0, 48) "," BIAS(48, 56) "}", tensors, sizeof tensors);
    ck_assert_int_eq(run_program("--init", "init", "--steps", "1"), 1);
    assert_said("init:", "element 6 of 'fc.weight' is 1e+300", "f32");
}
END_TEST

START_TEST(a_link_stays_a_link)
{
    ck_assert_int_eq(symlink("real", in_folder("link")), 0);
    write_text("real", "old");
    ck_assert_int_eq(run_program("--steps", "1", "--save", "link"), 0);
    struct stat information;
    ck_assert_int_eq(lstat(in_folder("link"), &information), 0);
    ck_assert(S_ISLNK(information.st_mode));
    ck_assert_int_eq(run_program("--resume", "real", "--steps", "2"), 0);
}
END_TEST

/* ---- --predict ---- */

START_TEST(predictions_are_of_the_test_set_in_file_order)
{
    write_safetensors("init", good_header, good, sizeof good);
    ck_assert_int_eq(run_program("--init", "init", "--predict", "out"), 0);
    make_rows();
    char *file;
    float prediction[TEST_ROWS][2], bias[2];
    memcpy(prediction, tensor_in("out", "prediction", "F32", "[7,2]", &file), sizeof prediction);
    free(file);
    for (int r = 0; r < TEST_ROWS; r++)
        for (int j = 0; j < 2; j++) {
            double expected = good[6 + j];
            for (int i = 0; i < 3; i++)
                expected += rows_x[NN_TEST][r][i] * good[3 * j + i];
            ck_assert_float_eq_tol(prediction[r][j], (float)expected, 1e-5f);
        }
    memcpy(bias, tensor_in("out", "bias", "F32", "[2]", &file), sizeof bias);
    ck_assert_float_eq(bias[1], 8);
    free(file);
    ck_assert_int_eq(run_program("--init", "init", "--predict", "nowhere/out"), 3);
    ck_assert_int_eq(run_program("--init", "nowhere", "--predict", "out"), 1);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, init_and_save_use_pytorch_order);
    tcase_add_test(cases, init_takes_doubles_and_batch_counts);
    tcase_add_test(cases, initial_values);
    tcase_add_test(cases, wrong_init_files_are_refused);
    tcase_add_test(cases, hostile_files_are_refused);
    tcase_add_test(cases, torn_checkpoints_are_refused);
    tcase_add_test(cases, resume_names_the_first_difference);
    tcase_add_test(cases, impossible_states_are_refused);
    tcase_add_test(cases, an_epoch_waits_for_its_evaluation);
    tcase_add_test(cases, weights_that_are_not_finite_are_refused);
    tcase_add_test(cases, a_link_stays_a_link);
    tcase_add_test(cases, predictions_are_of_the_test_set_in_file_order);
}

int main(void) { return run_suite("runtime_checkpoint", fill); }
