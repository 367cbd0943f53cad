/* emit.h: the program around the kernels. Models are built through build.h and go through the real passes; what they become is
 * held against arithmetic, and given to the compiler with warnings as errors, which also holds struct State to its size. */
#define _GNU_SOURCE
#include "emit/emit.h"
#include "graph/build.h"
#include "graph/passes.h"
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* ---- a model: logits = image weight' + bias, the mean of their squares as loss, gradient descent ---- */

typedef struct Wishes {
    const char *path, *input, *parameter;
    int64_t batch, inputs, outputs;
    bool init_table, constant_table, has_data, show;
    Precision precision;
} Wishes;

static const Wishes usual = {
    .path = "models/small.lua", .input = "image", .parameter = "fc1.weight", .batch = 5, .inputs = 7, .outputs = 3, .has_data = true,
};

static const double *counting(int64_t count)
{
    double *values = NEW(arena, double, count);
    for (int64_t i = 0; i < count; i++)
        values[i] = (double)i / 3;
    return values;
}

static Type tensor(bool per_row, int rank, int64_t a, int64_t b)
{
    return (Type){.scalar = FLOAT, .per_row = per_row, .rank = rank, .size = {a, b}};
}

static NodeId named(Graph *graph, NodeId node, const char *name)
{
    graph->nodes[node].origin.name = name;
    return node;
}

static Model *make_model(Wishes w)
{
    Model *model = NEW(arena, Model, 1);
    Graph *graph = graph_new(arena);
    Place place = {w.path, 3};
    *model = (Model){
        .arena = arena, .graph = graph, .kind = w.show ? MODEL_SHOW : MODEL_TRAIN, .path = w.path, .name = "small", .source = "",
        .batch = w.batch, .epochs = 2, .seed = 1, .precision = w.precision, .validate_every = 1,
        .optimizer = {.name = "custom", .lr = 0.5, .place = place},
    };
    graph->now = (Origin){.place = place, .of = NONE, .gradient_of = NONE};

    NodeId image = new_leaf(graph, (Leaf){.kind = LEAF_INPUT, .name = w.input, .type = tensor(true, 1, w.inputs, 0), .place = place,
                                          .parameter = NONE});
    Leaf leaf = {.kind = LEAF_PARAMETER, .name = w.parameter, .type = tensor(false, 2, w.outputs, w.inputs), .place = place,
                 .lr_factor = 1, .weight_decay = NAN, .parameter = NONE, .init = {.kind = NN_INIT_UNIFORM, .a = -0.25, .b = 0.25}};
    if (w.init_table)
        leaf.init = (NnInit){.kind = NN_INIT_TABLE, .table = counting(w.outputs * w.inputs)};
    NodeId weight = new_leaf(graph, leaf);
    NodeId logits = contract(graph, image, weight, "bi,ji->bj");
    if (w.constant_table) {
        Attributes a = attributes();
        a.type = tensor(false, 2, w.outputs, w.inputs);
        a.table = counting(w.outputs * w.inputs);
        NodeId table = new_node(graph, OP_TABLE, NULL, 0, a);
        logits = contract(graph, image, multiply(graph, weight, table), "bi,ji->bj");
    }
    named(graph, logits, "logits");
    NodeId squares = apply1(graph, OP_SQUARE, logits);
    Type type = graph->nodes[squares].type;
    NodeId loss = divide(graph, sum_axes(graph, squares, all_axes(type)), fold_size(graph, type, all_axes(type)));
    named(graph, loss, "loss");

    model->outputs = NEW(arena, Output, 1);
    model->outputs[0] = (Output){.name = "logits", .node = logits, .place = place};
    model->output_count = 1;
    model->inputs = NEW(arena, NnInput, 1);
    model->inputs[0] = (NnInput){.name = w.input, .rank = 1, .shape = {w.inputs}, .elements = w.inputs, .scale = 1, .std = 1};
    model->input_count = 1;
    if (w.has_data) {
        const char *folder = arena_print(arena, "%.*s", (int)(strrchr(w.path, '/') - w.path), w.path);
        model->data = (NnData){.format = &nn_table, .table_rows = {[NN_TRAIN] = 9}, .folder = folder};
        model->inputs[0].table[NN_TRAIN] = counting(9 * w.inputs);
    }
    if (w.show)
        return model;

    model->metrics = NEW(arena, Metric, 1);
    model->metrics[0] = (Metric){.name = "loss", .kind = METRIC_MEAN, .part = {loss, NONE, NONE}, .is_loss = true, .place = place};
    model->metric_count = 1;
    differentiate_model(model);
    Update *update = &model->updates[0];
    update->optimizer = "custom";
    graph->now = (Origin){.place = place, .rule = "custom", .of = NONE, .gradient_of = NONE};
    NodeId new_weight = subtract(graph, weight, multiply(graph, leaf_scalar(graph, OP_RATE), update->gradient));
    update->assigns = NEW(arena, NodeId, 1);
    update->assigns[0] = assign(graph, update->parameter, new_weight);
    update->assign_count = 1;
    return model;
}

static const char *program_of_model(Model *model, KernelMode mode)
{
    simplify(model);
    specialise(model);
    Plan *plan = fuse(arena, model, mode, TARGET_C);
    schedule(plan);
    plan_memory(plan);
    check_plan(plan, "plan_memory");
    EmitOptions options = {.command = "nngen models/small.lua -o small.c", .check_command = "nngen models/small.lua", .output = "small.c",
                           .can_check_gradients = model->precision == F64 && mode == KERNELS_GENERIC};
    Text out = text_new(arena);
    emit_program(plan, &options, &out, NULL);
    return out.bytes;
}

static const char *program_of(Wishes wishes, KernelMode mode)
{
    return program_of_model(make_model(wishes), mode);
}

/* ---- what is asked of every program ---- */

static void assert_compiles(const char *program)
{
    static const char *const compilers[] = {"gcc", "clang"};
    char path[] = "/tmp/nngen-emit-XXXXXX.c";
    int file = mkstemps(path, 2);
    ck_assert_int_ge(file, 0);
    FILE *stream = fdopen(file, "w");
    fputs(program, stream);
    fclose(stream);
    for (int c = 0; c < 2; c++) {
        if (system(arena_print(arena, "command -v %s >/dev/null", compilers[c])) != 0)
            continue;
        char *command = arena_print(arena, "%s -std=gnu11 -Wall -Wextra -Werror -O1 -Iruntime -c %s -o /dev/null", compilers[c], path);
        ck_assert_msg(system(command) == 0, "%s", command);
    }
    unlink(path);
}

static void assert_tidy(const char *program)
{
    size_t column = 0;
    for (const char *c = program; *c; c++) {
        if (*c == '\n')
            ck_assert_msg(c == program || c[-1] != ' ', "a line ends in a space: %.40s", c > program + 40 ? c - 40 : program);
        column = *c == '\n' ? 0 : column + (((unsigned char)*c & 0xc0) != 0x80);
        ck_assert_msg(column <= 120, "longer than 120: %.130s", c - 119);
    }
}

static bool contains(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

START_TEST(every_kind_compiles)
{
    const KernelMode modes[] = {KERNELS_FUSED, KERNELS_GENERIC};
    for (int i = 0; i < 2 * 2 * 8; i++) {
        Wishes w = usual;
        w.precision = i & 1 ? F64 : F32;
        w.init_table = i & 4, w.constant_table = i & 8, w.has_data = !(i & 16);
        const char *program = program_of(w, modes[i >> 1 & 1]);
        assert_compiles(program);
        assert_tidy(program);
    }
}
END_TEST

START_TEST(sizes_from_one_row_to_odd_ones)
{
    const int64_t sizes[][3] = {{1, 1, 1}, {1, 7, 3}, {13, 1, 5}, {2, 31, 1}, {3, 101, 17}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        Wishes w = usual;
        w.batch = sizes[i][0], w.inputs = sizes[i][1], w.outputs = sizes[i][2];
        assert_compiles(program_of(w, KERNELS_FUSED));
        assert_compiles(program_of(w, KERNELS_GENERIC));
    }
}
END_TEST

/* Weight, input and logits of 3·7, 5·7 and 5·3 numbers, each beginning at a multiple of 64 bytes: that much at least. */
START_TEST(the_memory_plan_is_the_size_of_the_state)
{
    const char *program = program_of(usual, KERNELS_FUSED);
    const char *at = strstr(program, "sizeof(struct State) == ");
    ck_assert_ptr_nonnull(at);
    const long size = strtol(at + strlen("sizeof(struct State) == "), NULL, 10);
    ck_assert_int_ge(size, 128 + 192 + 64 + 64);
    ck_assert_int_eq(size % 64, 0);
    ck_assert_msg(contains(program, arena_print(arena, " %s\n", grouped(arena, size))), "the total of the table is not %ld", size);
}
END_TEST

START_TEST(the_same_model_gives_the_same_bytes)
{
    Wishes w = usual;
    w.constant_table = w.init_table = true;
    ck_assert_str_eq(program_of(w, KERNELS_FUSED), program_of(w, KERNELS_FUSED));
}
END_TEST

START_TEST(names_of_users_stay_what_they_are)
{
    static const char *const hostile[] = {
        "*/ int x; /*", "a?\?/", "\"; int x; char *y = \"", "int", "ends\\", "a.b", "%s%n", "state", "step", "\xc3\xa9t\xc3\xa9",
    };
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        Wishes w = usual;
        w.parameter = hostile[i];
        w.input = hostile[(i + 1) % (sizeof hostile / sizeof *hostile)];
        w.path = arena_print(arena, "models/%s.lua", hostile[i]);
        const char *program = program_of(w, i % 2 ? KERNELS_FUSED : KERNELS_GENERIC);
        assert_compiles(program);
        assert_tidy(program);
    }
}
END_TEST

START_TEST(no_text_tells_where_it_was_made)
{
    Wishes w = usual;
    w.path = "/home/somebody/models/small.lua";
    w.constant_table = true;
    const char *program = program_of(w, KERNELS_FUSED);
    ck_assert(!contains(program, "somebody"));
    ck_assert(contains(program, ".model = \"small.lua\""));
}
END_TEST

START_TEST(only_generic_f64_has_gradients)
{
    Wishes w = usual;
    w.precision = F64;
    ck_assert(contains(program_of(w, KERNELS_GENERIC), ".gradients = gradients"));
    ck_assert(contains(program_of(w, KERNELS_GENERIC), ".gradient = "));
    ck_assert(!contains(program_of(w, KERNELS_FUSED), "gradients("));
    ck_assert(!contains(program_of(usual, KERNELS_GENERIC), "gradients("));
}
END_TEST

START_TEST(a_shown_expression_is_not_trained)
{
    Wishes w = usual;
    w.show = true;
    const char *program = program_of(w, KERNELS_FUSED);
    ck_assert(contains(program, "return nn_show(&program, argc, argv);"));
    ck_assert(!contains(program, "train_step"));
    ck_assert(!contains(program, "find_not_finite"));
    assert_compiles(program);
}
END_TEST

START_TEST(without_data_there_are_no_inputs)
{
    Wishes w = usual;
    w.has_data = false;
    const char *program = program_of(w, KERNELS_FUSED);
    ck_assert(!contains(program, "NnInput"));
    ck_assert(!contains(program, "NnData"));
    assert_compiles(program);
}
END_TEST

/* Nothing changes before the loss was looked at; the calls come in this order. */
START_TEST(the_loss_is_looked_at_before_the_update)
{
    const KernelMode modes[] = {KERNELS_FUSED, KERNELS_GENERIC};
    for (int i = 0; i < 2; i++) {
        const char *program = program_of(usual, modes[i]);
        const char *step = strstr(program, "static double train_step(const NnStep *step)");
        ck_assert_ptr_nonnull(step);
        const char *check = strstr(step, "if (!isfinite(loss))"), *update = strstr(step, "    update_"), *end = strstr(step, "\n}\n");
        ck_assert(check && update && end);
        ck_assert(check < update && update < end);
        const char *forward = strstr(step, "    forward_");
        ck_assert(!forward || forward < check);
    }
}
END_TEST

START_TEST(the_search_for_what_is_not_finite_sees_parameters_inputs_and_operations)
{
    const char *program = program_of(usual, KERNELS_FUSED);
    const char *search = strstr(program, "NN_RARELY bool find_not_finite");
    ck_assert_ptr_nonnull(search);
    ck_assert(contains(search, "found(culprit, \"fc1.weight\", \"parameter\", \"models/small.lua\", 3)"));
    ck_assert(contains(search, "found(culprit, \"image\", \"input\", \"models/small.lua\", 3)"));
    ck_assert(contains(search, "found(culprit, \"logits\", \"contract\", \"models/small.lua\", 3)"));
}
END_TEST

START_TEST(counts_and_layout_in_the_tables)
{
    const char *program = program_of(usual, KERNELS_GENERIC);
    ck_assert(contains(program, ".name = \"fc1.weight\", .kind = NN_PARAMETER, .rank = 2, .shape = {3, 7}, .stride = {7, 1}"));
    ck_assert(contains(program, ".rank = 1, .shape = {7}, .elements = 7"));
    ck_assert(contains(program, ".table_rows = {[NN_TRAIN] = 9}"));
    ck_assert(contains(program, "parameters  21:  fc1.weight 21"));
}
END_TEST

START_TEST(everything_said_about_data_and_training_is_passed_on)
{
    Model *model = make_model(usual);
    model->data = (NnData){
        .format = &nn_csv, .file = {[NN_TRAIN] = "a \"quoted\".csv", [NN_TEST] = "b.csv"}, .first_rows = {[NN_TRAIN] = 10},
        .share = {[NN_TRAIN] = 0.75, [NN_VALIDATION] = 0.25}, .stratify = "label", .no_shuffle = true, .folder = "models",
        .default_folder = "data",
    };
    NnInput *input = &model->inputs[0];
    *input = (NnInput){
        .name = "image", .rank = 1, .shape = {7}, .elements = 7, .columns = {.first = 2, .last = 8}, .scale = 0.5, .mean = 1.5, .std = 2.5,
        .standardize = NN_BY_ALL, .augment = {.shift = 2, .flip = true}, .later = 1,
    };
    model->drop_last = model->batch_all = model->stop_rises = true;
    model->stop_metric = "validation_loss";
    model->stop_patience = 3;
    model->validate_every = 2;
    model->epochs = 0;
    model->steps = 12;
    const char *program = program_of_model(model, KERNELS_FUSED);
    static const char *const parts[] = {
        ".format = &nn_csv", ".file = {[NN_TRAIN] = \"a \\\"quoted\\\".csv\", [NN_TEST] = \"b.csv\"}", ".first_rows = {[NN_TRAIN] = 10}",
        ".share = {[NN_TRAIN] = 0.75, [NN_VALIDATION] = 0.25}", ".stratify = \"label\"", ".no_shuffle = true", ".folder = \"models\"",
        ".default_folder = \"data\"", ".columns = {.first = 2, .last = 8}", ".scale = 0.5, .mean = 1.5, .std = 2.5",
        ".standardize = NN_BY_ALL", ".augment = {.shift = 2, .flip = true}", ".later = 1", ".drop_last = true", ".batch_all = true",
        ".stop_metric = \"validation_loss\", .stop_patience = 3", ".stop_rises = true", ".validate_every = 2", ".steps = 12", ".lr = 0.5",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        ck_assert_msg(contains(program, parts[i]), "%s", parts[i]);
    assert_compiles(program);
    assert_tidy(program);
}
END_TEST

/* Logits where they are positive, else minus infinity, and exp of that: an attention mask. The choice may hold infinities;
 * what is computed from it may not. */
START_TEST(infinities_that_the_model_put_there_are_not_accused)
{
    Model *model = make_model(usual);
    Graph *graph = model->graph;
    NodeId logits = model->outputs[0].node;
    NodeId masked = apply3(graph, OP_SELECT, apply2(graph, OP_GREATER, logits, constant(graph, 0)), logits, constant(graph, -INFINITY));
    NodeId power = apply1(graph, OP_EXP, masked);
    named(graph, masked, "masked");
    named(graph, power, "power");
    model->metrics[0].part[1] = sum_axes(graph, power, all_axes(graph->nodes[power].type));
    const char *program = program_of_model(model, KERNELS_GENERIC);
    const char *search = strstr(program, "NN_RARELY bool find_not_finite");
    ck_assert_ptr_nonnull(search);
    ck_assert(contains(search, "masked"));
    ck_assert(!contains(search, "found(culprit, \"masked\""));
    ck_assert(contains(search, "found(culprit, \"power\", \"exp\""));
    assert_compiles(program);
}
END_TEST

START_TEST(the_header_tells_the_model)
{
    const char *program = program_of(usual, KERNELS_FUSED);
    ck_assert(contains(program, " *   model       image (7) -> logits (3) -> loss\n"));
    ck_assert(contains(program, "; batches of 5 rows; 2 epochs; seed 1; f32\n"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("emit_program");
    TCase *tests = tcase_create("all");
    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_set_timeout(tests, 300);
    tcase_add_test(tests, every_kind_compiles);
    tcase_add_test(tests, sizes_from_one_row_to_odd_ones);
    tcase_add_test(tests, the_memory_plan_is_the_size_of_the_state);
    tcase_add_test(tests, the_same_model_gives_the_same_bytes);
    tcase_add_test(tests, names_of_users_stay_what_they_are);
    tcase_add_test(tests, no_text_tells_where_it_was_made);
    tcase_add_test(tests, only_generic_f64_has_gradients);
    tcase_add_test(tests, a_shown_expression_is_not_trained);
    tcase_add_test(tests, without_data_there_are_no_inputs);
    tcase_add_test(tests, the_loss_is_looked_at_before_the_update);
    tcase_add_test(tests, the_search_for_what_is_not_finite_sees_parameters_inputs_and_operations);
    tcase_add_test(tests, counts_and_layout_in_the_tables);
    tcase_add_test(tests, everything_said_about_data_and_training_is_passed_on);
    tcase_add_test(tests, infinities_that_the_model_put_there_are_not_accused);
    tcase_add_test(tests, the_header_tells_the_model);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed > 0;
}
