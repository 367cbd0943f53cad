/* kernel_cost.c: operations and bytes of kernels are those that one counts by hand. F32: four bytes an element. */
#include "graph/build.h"
#include "graph/passes.h"
#include "kernel/kernel.h"
#include <check.h>
#include <math.h>

enum { BATCH = 4 };

static Arena *arena;
static Model *model;
static Graph *graph;
static int leaf_number;

static void set_up(void)
{
    arena = arena_new();
    graph = graph_new(arena);
    leaf_number = 0;
    model = NEW(arena, Model, 1);
    *model = (Model){.arena = arena, .graph = graph, .kind = MODEL_SHOW, .path = "c.lua", .name = "c", .precision = F32, .batch = BATCH};
    model->outputs = NEW(arena, Output, 4);
}

static void tear_down(void)
{
    arena_free(arena);
}

static NodeId leaf(LeafKind kind, Scalar scalar, int rank, int64_t a, int64_t b, int64_t c)
{
    Leaf new = {.kind = kind, .name = arena_print(arena, "leaf%d", leaf_number++), .lr_factor = 1, .weight_decay = NAN, .parameter = NONE, .node = NONE};
    new.type = (Type){.scalar = scalar, .per_row = kind == LEAF_INPUT, .rank = rank, .size = {a, b, c}};
    new.classes = scalar == INT ? 50 : 0;
    return new_leaf(graph, new);
}

static void ask_for(NodeId node)
{
    model->outputs[model->output_count++] = (Output){.name = arena_print(arena, "out%d", model->output_count), .node = node};
}

static Plan *plan_of(KernelMode mode, PhaseId phase, int kernels)
{
    simplify(model);
    specialise(model);
    Plan *plan = fuse(arena, model, mode, TARGET_C);
    schedule(plan);
    Text dump = text_new(arena);
    dump_kernels(plan, &dump);
    ck_assert_msg(plan->kernel_count[phase] == kernels, "%d kernels\n%s", plan->kernel_count[phase], dump.bytes);
    return plan;
}

static void costs(const Kernel *kernel, int64_t flop, int64_t read, int64_t written)
{
    ck_assert_int_eq(kernel->flop, flop);
    ck_assert_int_eq(kernel->bytes_read, read);
    ck_assert_int_eq(kernel->bytes_written, written);
}

/* (4, 7) by (7, 3): 4 · 3 · 7 products and as many sums; a bias and a ReLU are an operation an element. */
START_TEST(a_layer)
{
    NodeId x = leaf(LEAF_INPUT, FLOAT, 1, 7, 0, 0), w = leaf(LEAF_PARAMETER, FLOAT, 2, 3, 7, 0), b = leaf(LEAF_PARAMETER, FLOAT, 1, 3, 0, 0);
    ask_for(apply1(graph, OP_RELU, add(graph, contract(graph, x, w, "bi,ji->bj"), b)));
    if (_i) {
        Plan *plan = plan_of(KERNELS_FUSED, PHASE_PREDICT, 1);
        costs(&plan->kernel[PHASE_PREDICT][0], 2 * 4 * 3 * 7 + 12 + 12, 4 * (28 + 21 + 3), 4 * 12);
    } else {
        Plan *plan = plan_of(KERNELS_GENERIC, PHASE_PREDICT, 3);
        costs(&plan->kernel[PHASE_PREDICT][0], 2 * 4 * 3 * 7, 4 * (28 + 21), 4 * 12);
        costs(&plan->kernel[PHASE_PREDICT][1], 12, 4 * (12 + 3), 4 * 12);
        costs(&plan->kernel[PHASE_PREDICT][2], 12, 4 * 12, 4 * 12);
    }
}
END_TEST

/* 2 images channels of 6 x 6, 5 filters of 3 x 3: 4 · 5 · 4 · 4 outputs of 18 products; windows read the image, not its copies. */
START_TEST(a_convolution)
{
    NodeId x = leaf(LEAF_INPUT, FLOAT, 3, 2, 6, 6), w = leaf(LEAF_PARAMETER, FLOAT, 3, 5, 2, 9);
    NodeId windows = unfold(graph, unfold(graph, x, (Windows){.axis = 2, .window = 3, .stride = 1, .dilation = 1}, 0),
                            (Windows){.axis = 3, .window = 3, .stride = 1, .dilation = 1}, 0);
    NodeId filters = reshape_to(graph, w, 4, (const int64_t[]){5, 2, 3, 3});
    ask_for(contract(graph, windows, filters, "bcyxuv,ocuv->boyx"));
    Plan *plan = plan_of(KERNELS_GENERIC, PHASE_PREDICT, 1);
    costs(&plan->kernel[PHASE_PREDICT][0], 2 * 4 * 5 * 16 * 18, 4 * (4 * 2 * 36 + 5 * 18), 4 * 4 * 5 * 16);
}
END_TEST

/* Columns 3 to 5 of ten, times themselves: only they are read, and once. */
START_TEST(a_slice)
{
    NodeId x = leaf(LEAF_INPUT, FLOAT, 1, 10, 0, 0), part = slice(graph, x, 1, 2, 5);
    ask_for(multiply(graph, part, part));
    Plan *plan = plan_of(KERNELS_GENERIC, PHASE_PREDICT, 1);
    costs(&plan->kernel[PHASE_PREDICT][0], 4 * 3, 4 * 4 * 3, 4 * 4 * 3);
}
END_TEST

/* Two overlapping halves, 1 to 7 and 4 to 10, are the whole: no element counts twice. */
START_TEST(overlapping_slices)
{
    NodeId x = leaf(LEAF_INPUT, FLOAT, 1, 10, 0, 0), a = slice(graph, x, 1, 0, 7), b = slice(graph, x, 1, 3, 10);
    ask_for(multiply(graph, a, b));
    Plan *plan = plan_of(KERNELS_GENERIC, PHASE_PREDICT, 1);
    costs(&plan->kernel[PHASE_PREDICT][0], 4 * 7, 4 * 4 * 10, 4 * 4 * 7);
}
END_TEST

/* 4 · 5 words, each a row of 6 out of 50: what is looked up, and the words. */
START_TEST(an_embedding)
{
    NodeId words = leaf(LEAF_INPUT, INT, 1, 5, 0, 0), table = leaf(LEAF_PARAMETER, FLOAT, 2, 50, 6, 0);
    ask_for(gather(graph, table, words, "vd,bt->btd"));
    Plan *plan = plan_of(KERNELS_GENERIC, PHASE_PREDICT, 1);
    costs(&plan->kernel[PHASE_PREDICT][0], 0, 4 * (4 * 5 * 6 + 4 * 5), 4 * 4 * 5 * 6);
}
END_TEST

/* w -= rate g where g is (4, 7)' (4, 3): the update is two operations more, and reads and writes the weight. */
START_TEST(an_update)
{
    model->kind = MODEL_TRAIN;
    NodeId x = leaf(LEAF_INPUT, FLOAT, 1, 7, 0, 0), w = leaf(LEAF_PARAMETER, FLOAT, 2, 3, 7, 0), t = leaf(LEAF_INPUT, FLOAT, 1, 3, 0, 0);
    NodeId error = multiply(graph, contract(graph, x, w, "bi,ji->bj"), t);
    model->metrics = NEW(arena, Metric, 1);
    model->metric_count = 1;
    model->metrics[0] = (Metric){.name = "loss", .part = {sum_axes(graph, error, all_axes(graph->nodes[error].type)), NONE, NONE}, .is_loss = true};
    model->optimizer.name = "sgd";
    differentiate_model(model);
    Update *update = &model->updates[0];
    update->optimizer = _i ? "custom" : "sgd";
    update->assigns = NEW(arena, NodeId, 1);
    update->assigns[update->assign_count++] =
        assign(graph, update->parameter, subtract(graph, w, multiply(graph, leaf_scalar(graph, OP_RATE), update->gradient)));
    simplify(model);
    specialise(model);
    Plan *plan = fuse(arena, model, _i ? KERNELS_FUSED : KERNELS_GENERIC, TARGET_C);
    schedule(plan);
    const Kernel *last = &plan->kernel[PHASE_TRAIN][plan->kernel_count[PHASE_TRAIN] - 1];
    if (_i) {
        ck_assert_int_eq(last->flop, 2 * 4 * 21 + 2 * 21);
        ck_assert_int_eq(last->bytes_written, 4 * 21);
    } else {
        ck_assert_int_eq(last->form, FORM_CALL);
        costs(last, 2 * 21, 4 * 2 * 21, 4 * 21);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kernel_cost");
    TCase *all = tcase_create("cost");
    tcase_add_checked_fixture(all, set_up, tear_down);
    tcase_add_loop_test(all, a_layer, 0, 2);
    tcase_add_test(all, a_convolution);
    tcase_add_test(all, a_slice);
    tcase_add_test(all, overlapping_slices);
    tcase_add_test(all, an_embedding);
    tcase_add_loop_test(all, an_update, 0, 2);
    suite_add_tcase(suite, all);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
