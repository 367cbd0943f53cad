/* kernel_fuse.c: kernels compute what the graph computes.
 *
 * Graphs drawn by lot (with their gradients and updates) become kernels, generic and fused. The kernels are then executed
 * here, as kernel.h describes them and without any C text, and every root is held against the graph's interpreter. So a wrong
 * fusion, a wrong order or an update that is read too early shows without a compiler. */
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/recurrence.h"
#include "kernel/kernel.h"
#include "plan_machine.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- models drawn by lot -------------------------------------------------------------------------------------------- */

static Arena *arena;
static uint64_t lot;

static int draw(int below)
{
    lot = lot * 6364136223846793005u + 1442695040888963407u;
    return (int)((lot >> 33) % (uint64_t)below);
}

static int leaf_number;

static NodeId leaf(Graph *graph, LeafKind kind, bool per_row, int rank, int64_t a, int64_t b)
{
    Leaf new = {.kind = kind, .name = arena_print(arena, "leaf%d", leaf_number++), .lr_factor = 1, .weight_decay = NAN, .parameter = NONE, .node = NONE};
    new.type = (Type){.scalar = FLOAT, .per_row = per_row, .rank = rank, .size = {a, b}};
    return new_leaf(graph, new);
}

static NodeId to_scalar(Graph *graph, NodeId node)
{
    return sum_axes(graph, node, all_axes(graph->nodes[node].type));
}

/* One or two states along axis 1 of `a`, which the next ones need in turn; gives all of a state, an inner value, or the last time. */
static NodeId recurrence(Graph *graph, NodeId a)
{
    Type type = graph->nodes[a].type;
    bool backward = draw(2), two = draw(2);
    NodeId start = draw(2) ? sum_axes(graph, a, 1u << 1) : broadcast_to(graph, constant(graph, 0), (Type){.per_row = type.per_row, .rank = 1, .size = {type.size[1]}});
    NodeId before = open_recurrence(graph, start, type.size[0], backward), other = two ? open_recurrence(graph, start, type.size[0], backward) : NONE;
    NodeId next = before;
    if (draw(2)) {
        NodeId w = leaf(graph, LEAF_PARAMETER, false, 2, type.size[1], type.size[1]);
        next = contract(graph, next, w, type.per_row ? "bti,ji->btj" : "ti,ji->tj");
    }
    next = apply1(graph, OP_TANH, apply2(graph, draw(2) ? OP_ADD : OP_MULTIPLY, next, a));
    if (draw(2)) {                      /* a fold inside the loop: divided by the sum of what it is made of */
        NodeId power = apply1(graph, OP_EXP, next), sum = sum_axes(graph, power, 1u << 2);
        next = divide(graph, power, broadcast_axes(graph, sum, 1u << 2, type));
    }
    NodeId inner = two ? apply2(graph, OP_ADD, next, other) : next;
    NodeId all = close_recurrence(graph, before, apply1(graph, OP_SIN, inner));
    if (two)
        close_recurrence(graph, other, apply2(graph, OP_MULTIPLY, inner, draw(2) ? all : a));
    switch (draw(3)) {
    case 0: return all;
    case 1: return inner;
    default: return slice(graph, all, 1, type.size[0] - 1, type.size[0]);
    }
}

/* What stands beside others along an axis: `a` itself, something computed of it, that turned over and back, all of it again, …. */
static NodeId one_part(Graph *graph, NodeId a)
{
    Type type = graph->nodes[a].type;
    int64_t turned[] = {type.size[1], type.size[0]};
    switch (draw(6)) {
    case 0: return a;
    case 1: return apply1(graph, OP_SIN, a);
    case 2: return broadcast_to(graph, constant(graph, 0.5), type);
    case 3: return type.rank == 2 ? permute(graph, contract(graph, a, a, type.per_row ? "bij,bij->bji" : "ij,ij->ji"), (int8_t[]){2, 1}) : apply1(graph, OP_TANH, a);
    case 4: return type.rank == 2 ? reshape_to(graph, apply1(graph, OP_TANH, reshape_to(graph, a, 2, turned)), 2, type.size) : a;
    default: return apply1(graph, OP_EXP, broadcast_axes(graph, sum_axes(graph, a, 1u << type.rank), 1u << type.rank, type));
    }
}

/* Two or three beside each other, some of them in two such rows; or `a` cut in two, whose gradient is put together again. */
static NodeId side_by_side(Graph *graph, NodeId a)
{
    Type type = graph->nodes[a].type;
    int axis = 1 + draw(type.rank);
    int64_t size = type.size[axis - 1];
    if (draw(3) == 0 && size > 1) {
        NodeId left = slice(graph, a, axis, 0, 1), right = slice(graph, a, axis, 1, size);
        left = apply1(graph, OP_TANH, left);
        right = apply1(graph, OP_SIN, right);
        return draw(2) ? concat(graph, right, left, axis) : concat(graph, left, right, axis);
    }
    NodeId part = one_part(graph, a), joined = concat(graph, part, draw(2) ? part : one_part(graph, a), axis);
    if (draw(2))
        joined = concat(graph, joined, one_part(graph, part), axis);
    return draw(3) ? joined : concat(graph, apply1(graph, OP_TANH, joined), draw(2) ? joined : part, axis);
}

/* One more node from what is there; refusals cannot happen: shapes are made to fit. */
static NodeId grow(Graph *graph, const NodeId *pool, int count)
{
    NodeId a = pool[draw(count)], b = pool[draw(count)];
    Type type = graph->nodes[a].type;
    static const Op unary[] = {OP_NEGATE, OP_TANH, OP_SIN, OP_RELU, OP_SIGMOID, OP_SQUARE, OP_EXP};
    switch (draw(17)) {
    case 16:
        return type.rank == 1 || type.rank == 2 ? side_by_side(graph, a) : a;
    case 14: {                          /* of each column the place where it is largest, in another tensor of that shape */
        if (type.rank != 2)
            return a;
        NodeId from = same_shape(type, graph->nodes[b].type) ? b : a, place = reduce(graph, OP_ARGMAX, a, 1u << 1);
        return gather(graph, apply1(graph, OP_SIN, from), place, type.per_row ? "bij,bj->bj" : "ij,j->j");
    }
    case 15: {                          /* rows of a table, which an update changes */
        if (type.rank != 2)
            return a;
        NodeId table = leaf(graph, LEAF_PARAMETER, false, 2, type.size[1], type.size[0]), place = reduce(graph, OP_ARGMAX, a, 1u << 2);
        return gather(graph, table, place, type.per_row ? "vi,bj->bji" : "vi,j->ji");
    }
    case 13:
        return type.rank == 2 ? recurrence(graph, a) : a;
    case 11: {                          /* windows, and what a convolution and its gradients do with them */
        if (type.rank != 1 && type.rank != 2)
            return a;
        Windows windows = {1 + draw(type.rank), 1 + draw(3), 1 + draw(2), 1 + draw(2), 4, draw(3)};
        NodeId in_windows = unfold(graph, a, windows, 0.25);
        int rank = graph->nodes[in_windows].type.rank;
        return draw(2) ? max_axes(graph, in_windows, 1u << rank) : sum_axes(graph, apply1(graph, OP_SIN, in_windows), 1u << rank);
    }
    case 12: {
        if (type.rank != 2)
            return a;
        Windows windows = {2, 1 + draw(3), 1 + draw(2), 1, 1, 1};
        NodeId in_windows = unfold(graph, a, windows, 0), w = leaf(graph, LEAF_PARAMETER, false, 2, type.size[0], windows.window);
        return contract(graph, in_windows, w, type.per_row ? "bcxv,cv->bx" : "cxv,cv->x");
    }
    case 0: case 1:
        return apply1(graph, unary[draw(6)], a);
    case 2: case 3: {
        static const Op binary[] = {OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_MAXIMUM};
        if (!same_shape(type, graph->nodes[b].type) && graph->nodes[b].type.rank != 0)
            b = to_scalar(graph, b);
        return apply2(graph, binary[draw(4)], a, b);
    }
    case 4:
        return type.rank ? sum_axes(graph, a, 1u << (1 + draw(type.rank))) : a;
    case 5:
        return type.rank ? max_axes(graph, a, 1u << (1 + draw(type.rank))) : a;
    case 6: {
        if (type.rank != 1)
            return apply1(graph, OP_TANH, a);
        Type weight = {.scalar = FLOAT, .rank = 2, .size = {1 + draw(4), type.size[0]}};
        NodeId w = leaf(graph, LEAF_PARAMETER, false, 2, weight.size[0], weight.size[1]);
        return contract(graph, a, w, type.per_row ? "bi,ji->bj" : "i,ji->j");
    }
    case 7: {
        NodeId p = leaf(graph, LEAF_PARAMETER, false, type.rank, type.size[0], type.size[1]);
        return type.rank > 2 ? a : apply2(graph, OP_ADD, a, p);
    }
    case 8:
        return type.rank ? pad(graph, a, 1 + draw(type.rank), draw(2), draw(3), 0.5) : a;
    case 9: {
        if (type.rank == 2) {
            int64_t flat = type.size[0] * type.size[1];
            return reshape_to(graph, a, 1, &flat);
        }
        if (type.rank == 1 && type.size[0] > 1)
            return slice(graph, a, 1, 1, type.size[0]);
        return a;
    }
    default: {                          /* softmax along the last axis, as nn.lua builds it */
        if (type.rank == 0)
            return a;
        uint32_t last = 1u << type.rank;
        NodeId shifted = subtract(graph, a, broadcast_axes(graph, max_axes(graph, a, last), last, type));
        NodeId power = apply1(graph, OP_EXP, shifted);
        return divide(graph, power, broadcast_axes(graph, sum_axes(graph, power, last), last, type));
    }
    }
}

static Model *draw_model(void)
{
    Graph *graph = graph_new(arena);
    Model *model = NEW(arena, Model, 1);
    leaf_number = 0;
    *model = (Model){.arena = arena, .graph = graph, .kind = MODEL_TRAIN, .path = "lot.lua", .name = "lot", .precision = F64};
    model->batch = 1 + draw(4);
    NodeId pool[64] = {leaf(graph, LEAF_INPUT, true, 1, 3, 0), leaf(graph, LEAF_INPUT, true, 2, 2, 3), leaf(graph, LEAF_PARAMETER, false, 1, 3, 0),
                       leaf(graph, LEAF_PARAMETER, false, 0, 0, 0)};
    int count = 4;
    for (int n = 4 + draw(12); n > 0; n--, count++)
        pool[count] = grow(graph, pool, count);
    NodeId loss = to_scalar(graph, pool[2]);
    for (int i = 3; i < count; i++)
        if (i == 3 || draw(2))
            loss = add(graph, loss, apply1(graph, OP_TANH, to_scalar(graph, pool[i])));
    for (int l = 0; l < graph->leaf_count; l++)         /* an unused parameter would be warned about */
        if (graph->leaves[l].kind == LEAF_PARAMETER)
            loss = add(graph, loss, apply1(graph, OP_TANH, to_scalar(graph, graph->leaves[l].node)));
    loss = divide(graph, loss, leaf_scalar(graph, OP_ROWS));
    model->metrics = NEW(arena, Metric, 2);
    model->metric_count = 2;
    model->metrics[0] = (Metric){.name = "loss", .part = {loss, NONE, NONE}, .is_loss = true};
    model->metrics[1] = (Metric){.name = "other", .part = {to_scalar(graph, pool[count - 1]), NONE, NONE}};
    model->outputs = NEW(arena, Output, 1);
    model->outputs[model->output_count++] = (Output){.name = "out", .node = pool[count - 2]};
    model->optimizer.name = "custom";
    return model;
}

/* p -= rate (g + 0.1 v),  v = 0.9 v + g + 0.01 p: every update reads the old state of several leaves. */
static void add_updates(Model *model)
{
    Graph *graph = model->graph;
    for (int u = 0; u < model->update_count; u++) {
        Update *update = &model->updates[u];
        NodeId p = graph->leaves[update->parameter].node, g = update->gradient;
        Type type = graph->nodes[p].type;
        NodeId v = leaf(graph, LEAF_SLOT, false, type.rank, type.size[0], type.size[1]);
        graph->leaves[graph->leaf_count - 1].parameter = update->parameter;
        NodeId new_v = add(graph, multiply(graph, constant(graph, 0.9), v), add(graph, g, multiply(graph, constant(graph, 0.01), p)));
        NodeId step = draw(2) ? new_v : add(graph, g, multiply(graph, constant(graph, 0.1), v));
        NodeId new_p = subtract(graph, p, multiply(graph, leaf_scalar(graph, OP_RATE), step));
        update->optimizer = "custom";
        update->assigns = NEW(arena, NodeId, 2);
        update->assigns[0] = assign(graph, update->parameter, new_p);
        update->assigns[1] = assign(graph, graph->leaf_count - 1, new_v);
        update->assign_count = 2;
    }
}

/* ---- comparing -------------------------------------------------------------------------------------------------------- */

static int64_t elements_of(const Model *model, Type type)
{
    return element_count(type) * (type.per_row ? model->batch : 1);
}

static void compare(const Model *model, KernelMode mode, const double *const *leaf_values, int rows)
{
    Plan *plan = fuse(arena, model, mode, TARGET_C);
    check_plan(plan, "fuse");
    schedule(plan);
    check_plan(plan, "schedule");
    plan_memory(plan);
    check_plan(plan, "plan_memory");
    for (PhaseId id = 0; id < PHASE_COUNT; id++) {
        const Phase *phase = &model->phase[id];
        if (!phase->root_count)
            continue;
        Machine m = {.arena = arena, .plan = plan, .rows = rows, .rate = 0.25, .step = 3, .memory = NEW(arena, double *, plan->buffer_count)};
        double **place = NEW(arena, double *, plan->place_count + 1);
        int64_t largest = 1;
        for (int b = 0; b < plan->buffer_count; b++)
            largest = plan->buffer[b].bytes > largest ? plan->buffer[b].bytes : largest;
        for (int b = 0; b < plan->buffer_count; b++) {
            const Buffer *buffer = &plan->buffer[b];
            int64_t count = buffer->bytes / 8 + 1;
            if (buffer->place != NONE && !place[buffer->place])
                place[buffer->place] = NEW(arena, double, largest);
            m.memory[b] = buffer->place != NONE ? place[buffer->place] : NEW(arena, double, count);     /* sharing is tested too */
            if (buffer->leaf != NONE)
                memcpy(m.memory[b], leaf_values[buffer->leaf], sizeof(double) * (size_t)elements_of(model, model->graph->leaves[buffer->leaf].type));
        }
        for (int k = 0; k < plan->kernel_count[id]; k++)
            k = execute_from(&m, plan->kernel[id], plan->kernel_count[id], k);

        Situation situation = {.batch = model->batch, .rows = rows, .rate = 0.25, .mode = id == PHASE_TRAIN, .step = 3, .leaf_values = leaf_values};
        double **expected = interpret(arena, model->graph, phase->roots, phase->root_count, &situation);
        for (int r = 0; r < phase->root_count; r++) {
            const Node *node = &model->graph->nodes[phase->roots[r]];
            int buffer = plan->buffer_of[node->op == OP_ASSIGN ? model->graph->leaves[node->attributes.leaf].node : phase->roots[r]];
            if (buffer == NONE)
                continue;               /* a gradient that is never stored */
            bool stored = node->op == OP_ASSIGN || plan->buffer[buffer].kind == BUFFER_RESULT;
            for (int64_t i = 0; stored && i < elements_of(model, node->type); i++) {
                double want = expected[phase->roots[r]][i], got = m.memory[buffer][i];
                ck_assert_msg((isnan(want) && isnan(got)) || want == got || fabs(want - got) <= 1e-9 * (1 + fabs(want)),
                              "%s phase %d root %d (node %d, %s) element %lld: %.17g instead of %.17g", mode == KERNELS_FUSED ? "fused" : "generic",
                              id, r, phase->roots[r], op_info[node->op].name, (long long)i, got, want);
            }
        }
    }
}

static Model *prepared(void)
{
    Model *model = draw_model();
    differentiate_model(model);
    add_updates(model);
    simplify(model);
    specialise(model);
    check_model(model, "specialise");
    return model;
}

static const double *const *draw_values(const Model *model)
{
    const double **values = NEW(arena, const double *, model->graph->leaf_count);
    for (int l = 0; l < model->graph->leaf_count; l++) {
        int64_t count = elements_of(model, model->graph->leaves[l].type);
        double *v = NEW(arena, double, count + 1);
        for (int64_t i = 0; i < count; i++)
            v[i] = (draw(2001) - 1000) / 900.0;
        values[l] = v;
    }
    return values;
}

START_TEST(kernels_compute_what_the_graph_computes)
{
    for (int n = 0; n < 40; n++) {
        lot = (uint64_t)(_i * 1000 + n) * 2654435761u + 1;
        arena = arena_new();
        Model *model = prepared();
        const double *const *values = draw_values(model);
        int rows = 1 + draw((int)model->batch);
        compare(model, KERNELS_GENERIC, values, rows);
        compare(model, KERNELS_FUSED, values, rows);
        arena_free(arena);
    }
}
END_TEST

/* ---- what is fused, in networks that everybody knows ------------------------------------------------------------------- */

/* image (7) -> 5 with bias and ReLU -> 3, cross entropy written out, plain gradient descent */
static Model *classifier(void)
{
    Graph *graph = graph_new(arena);
    Model *model = NEW(arena, Model, 1);
    *model = (Model){.arena = arena, .graph = graph, .kind = MODEL_TRAIN, .path = "c.lua", .name = "c", .precision = F32, .batch = 4};
    leaf_number = 0;
    NodeId x = leaf(graph, LEAF_INPUT, true, 1, 7, 0);
    NodeId w1 = leaf(graph, LEAF_PARAMETER, false, 2, 5, 7), b1 = leaf(graph, LEAF_PARAMETER, false, 1, 5, 0);
    NodeId w2 = leaf(graph, LEAF_PARAMETER, false, 2, 3, 5), b2 = leaf(graph, LEAF_PARAMETER, false, 1, 3, 0);
    Leaf label = {.kind = LEAF_INPUT, .name = "label", .classes = 3, .lr_factor = 1, .weight_decay = NAN, .parameter = NONE, .node = NONE};
    label.type = (Type){.scalar = INT, .per_row = true};
    NodeId y = new_leaf(graph, label);
    NodeId h = apply1(graph, OP_RELU, add(graph, contract(graph, x, w1, "bi,ji->bj"), b1));
    NodeId logits = add(graph, contract(graph, h, w2, "bi,ji->bj"), b2);
    Type type = graph->nodes[logits].type, classes = type;
    classes.scalar = INT;
    NodeId largest = max_axes(graph, logits, 2), shifted = subtract(graph, logits, broadcast_axes(graph, largest, 2, type));
    NodeId total = sum_axes(graph, apply1(graph, OP_EXP, shifted), 2);
    NodeId log_p = subtract(graph, shifted, broadcast_axes(graph, apply1(graph, OP_LOG, total), 2, type));
    NodeId hit = apply2(graph, OP_EQUAL, index_along(graph, classes, 1), broadcast_axes(graph, y, 2, classes));
    NodeId picked = sum_axes(graph, apply3(graph, OP_SELECT, hit, log_p, constant(graph, 0)), 2);
    NodeId loss = divide(graph, negate(graph, sum_axes(graph, picked, 1)), leaf_scalar(graph, OP_ROWS));
    model->metrics = NEW(arena, Metric, 1);
    model->metric_count = 1;
    model->metrics[0] = (Metric){.name = "loss", .part = {loss, NONE, NONE}, .is_loss = true};
    model->optimizer.name = "custom";
    differentiate_model(model);
    for (int u = 0; u < model->update_count; u++) {
        Update *update = &model->updates[u];
        NodeId p = graph->leaves[update->parameter].node;
        update->optimizer = "custom";
        update->assigns = NEW(arena, NodeId, 1);
        update->assigns[update->assign_count++] =
            assign(graph, update->parameter, subtract(graph, p, multiply(graph, leaf_scalar(graph, OP_RATE), update->gradient)));
    }
    simplify(model);
    specialise(model);
    return model;
}

static bool model_is_per_row(const Plan *plan, int buffer)
{
    return plan->model->graph->nodes[plan->buffer[buffer].node].type.per_row;
}

START_TEST(a_classifier_is_eight_kernels)
{
    arena = arena_new();
    Plan *plan = fuse(arena, classifier(), KERNELS_FUSED, TARGET_C);
    schedule(plan);
    plan_memory(plan);
    Text dump = text_new(arena);
    dump_kernels(plan, &dump);
    /* two layers forward, loss with its gradient, the hidden layer's gradient, and four updates */
    ck_assert_msg(plan->kernel_count[PHASE_TRAIN] == 8, "%d kernels\n%s", plan->kernel_count[PHASE_TRAIN], dump.bytes);
    int updates = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        for (int s = 0; s < kernel->stage_count; s++)
            updates += assigns(plan, &kernel->stage[s]);
    }
    ck_assert_int_eq(updates, 4);
    for (int b = 0; b < plan->buffer_count; b++)        /* no gradient of a weight is ever in memory */
        ck_assert_msg(!plan->buffer[b].phases || plan->buffer[b].leaf != NONE || plan->buffer[b].rank < 2
                      || model_is_per_row(plan, b), "node %d is stored\n%s", plan->buffer[b].node, dump.bytes);
    arena_free(arena);
}
END_TEST

/* Six layers of seven outputs, one of three; x x and x y: who may call whose function? */
START_TEST(equal_layers_are_one_function)
{
    arena = arena_new();
    Graph *graph = graph_new(arena);
    Model *model = NEW(arena, Model, 1);
    *model = (Model){.arena = arena, .graph = graph, .kind = MODEL_TRAIN, .path = "d.lua", .name = "d", .precision = F32, .batch = 4};
    leaf_number = 0;
    NodeId x = leaf(graph, LEAF_INPUT, true, 1, 7, 0);
    for (int l = 0; l < 7; l++) {
        x = apply1(graph, OP_TANH, contract(graph, x, leaf(graph, LEAF_PARAMETER, false, 2, l == 5 ? 3 : 7, l == 6 ? 3 : 7), "bi,ji->bj"));
        graph->nodes[x].origin.name = arena_print(arena, "layer%d", l);
    }
    NodeId square = apply2(graph, OP_MULTIPLY, x, x), product = apply2(graph, OP_MULTIPLY, x, leaf(graph, LEAF_INPUT, true, 1, 7, 0));
    model->metrics = NEW(arena, Metric, 1);
    model->metric_count = 1;
    model->metrics[0] = (Metric){.name = "loss", .part = {divide(graph, add(graph, to_scalar(graph, square), to_scalar(graph, product)), leaf_scalar(graph, OP_ROWS)), NONE, NONE}, .is_loss = true};
    model->outputs = NEW(arena, Output, 2);
    model->outputs[model->output_count++] = (Output){.name = "square", .node = square};
    model->outputs[model->output_count++] = (Output){.name = "product", .node = product};
    model->optimizer.name = "custom";
    differentiate_model(model);
    for (int u = 0; u < model->update_count; u++)
        model->updates[u].optimizer = "custom";
    simplify(model);
    specialise(model);
    Plan *plan = fuse(arena, model, KERNELS_GENERIC, TARGET_C);
    schedule(plan);
    int layers = 0, functions = 0;
    const char *function = NULL;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        const Node *node = &graph->nodes[kernel->stage[0].node];
        if (node->op != OP_TANH)
            continue;
        layers++;
        functions += kernel->same_as == NONE;
        if (kernel->same_as == NONE && !function)
            function = kernel->name;
    }
    ck_assert_int_eq(layers, 7);
    ck_assert_int_eq(functions, 2);                     /* of seven elements, of three */
    ck_assert_str_eq(function, "forward_layer");
    for (int k = 0; k < plan->kernel_count[PHASE_PREDICT]; k++)         /* x x takes one array, x y two */
        for (int i = 0; i < k; i++)
            if (graph->nodes[plan->kernel[PHASE_PREDICT][k].stage[0].node].op != graph->nodes[plan->kernel[PHASE_PREDICT][i].stage[0].node].op)
                ck_assert_str_ne(plan->kernel[PHASE_PREDICT][k].name, plan->kernel[PHASE_PREDICT][i].name);
    arena_free(arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fuse");
    TCase *lots = tcase_create("models drawn by lot"), *known = tcase_create("networks that everybody knows");
    tcase_add_loop_test(lots, kernels_compute_what_the_graph_computes, 0, 10);
    tcase_set_timeout(lots, 120);
    tcase_add_test(known, a_classifier_is_eight_kernels);
    tcase_add_test(known, equal_layers_are_one_function);
    suite_add_tcase(suite, lots);
    suite_add_tcase(suite, known);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
