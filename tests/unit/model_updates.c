/* Updates by the interpreter: one step from known values against the formula written out; slots, options of parameters,
 * clipping, and the two searches. The standard rules over many steps are held against PyTorch by tests/run/parity.sh. */
#include "model_world.h"
#include <nngen/random.h>

#define HEAD "local nn = require 'nn'\n"

static World trained(const char *text)
{
    World world = world_open(text, NULL);
    world_updates(&world);
    return world;
}

static void near(double found, double expected)
{
    ck_assert_msg(fabs(found - expected) <= 1e-14 * fmax(1, fabs(expected)), "%.17g, expected %.17g", found, expected);
}

/* loss = 3 w² at w = 2: the gradient is 12 */
#define ONE(optimizer) HEAD "return nn.train {loss = 3 * nn.parameter('w', {}, 2) ^ 2, optimizer = " optimizer ", steps = 1}\n"

START_TEST(first_steps)
{
    static const struct { const char *text; int64_t step; double weight; const char *slot; double value; } cases[] = {
        {ONE("nn.sgd {lr = 0.1}"), 1, 2 - 0.1 * 12, NULL, 0},
        {ONE("nn.sgd {lr = 0.1, momentum = 0.5, dampening = 0.25}"), 1, 2 - 0.1 * 12, "w.momentum_buffer", 12},
        {ONE("nn.sgd {lr = 0.1, momentum = 0.5, dampening = 0.25}"), 2, 2 - 0.1 * 9, "w.momentum_buffer", 9},
        {ONE("nn.sgd {lr = 0.1, momentum = 0.5, nesterov = true}"), 1, 2 - 0.1 * (12 + 6), "w.momentum_buffer", 12},
        {ONE("nn.sgd {lr = 0.1, weight_decay = 0.5}"), 1, 2 - 0.1 * 13, NULL, 0},
        {ONE("nn.adam {lr = 0.1, eps = 1}"), 1, 2 - 0.1 * 12 / 13, "w.exp_avg", 1.2},
        {ONE("nn.adamw {lr = 0.1, eps = 1, weight_decay = 0.5}"), 1, 2 * (1 - 0.05) - 0.1 * 12 / 13, "w.exp_avg_sq", 0.144},
        {ONE("nn.rmsprop {lr = 0.1, alpha = 0.75, eps = 1}"), 1, 2 - 0.1 * 12 / 7, "w.square_avg", 36},
        {ONE("nn.adagrad {lr = 0.1, eps = 1, lr_decay = 1}"), 3, 2 - 0.1 / 3 * 12 / 13, "w.sum", 144},
        {ONE("nn.lion {lr = 0.1, weight_decay = 0.5}"), 1, 2 - 0.1 * (1 + 1), "w.exp_avg", 0.12},
        {ONE("nn.optimizer(function(p, g, s) s:set('m', s:slot('m', 5) + s.t) return p - s.lr * g * s.k end, {lr = 0.1, k = 2})"), 7, 2 - 0.1 * 24, NULL, 0},
    };
    World world = trained(cases[_i].text);
    near(*world_assigned(&world, "w", cases[_i].step), cases[_i].weight);
    if (cases[_i].slot)
        near(*world_assigned(&world, cases[_i].slot, cases[_i].step), cases[_i].value);
    world_close(&world);
}
END_TEST

START_TEST(own_slots)
{
    World world = trained(ONE("nn.optimizer(function(p, g, s) s:set('m', s:slot('m', 5) + s.t) return p end, {lr = 0.1})"));
    near(*world_assigned(&world, "w.m", 7), 12);
    near(*world_assigned(&world, "w", 7), 2);
    const Leaf *slot = world_leaf(&world, "w.m");
    ck_assert_int_eq(slot->kind, LEAF_SLOT);
    ck_assert_double_eq(slot->init.a, 5);
    ck_assert_ptr_eq(&world.model->graph->leaves[slot->parameter], world_leaf(&world, "w"));
    world_close(&world);
}
END_TEST

START_TEST(options_of_parameters)
{
    World world = trained(HEAD
        "local u = nn.parameter('u', {}, 2, {lr = 0.5})\n"
        "local v = nn.parameter('v', {}, 2, {weight_decay = 3})\n"
        "local w = nn.parameter('w', {}, 2, {freeze = true})\n"
        "return nn.train {loss = u ^ 2 + v ^ 2 + w ^ 2, optimizer = nn.sgd {lr = 0.1, weight_decay = 1}, steps = 1}\n");
    near(*world_assigned(&world, "u", 1), 2 - 0.05 * 6);
    near(*world_assigned(&world, "v", 1), 2 - 0.1 * 10);
    ck_assert_ptr_null(world_assigned(&world, "w", 1));
    world_close(&world);
}
END_TEST

/* gradients 3 and 4, elementwise: norm 5 */
#define TWO(options) HEAD "local w = nn.parameter('w', {2}, {0, 0})\n" \
    "return nn.train {loss = (w * nn.constant {3, -4}):sum(), optimizer = nn.sgd {lr = 1}, steps = 1, " options "}\n"

START_TEST(clipping)
{
    World world = trained(TWO("clip_norm = 1"));
    near(world_assigned(&world, "w", 1)[0], -3 / (5 + 1e-6));
    near(world_assigned(&world, "w", 1)[1], 4 / (5 + 1e-6));
    world_close(&world);
    world = trained(TWO("clip_norm = 10"));
    near(world_assigned(&world, "w", 1)[0], -3);
    world_close(&world);
    world = trained(TWO("clip_value = 3.5"));
    near(world_assigned(&world, "w", 1)[0], -3);
    near(world_assigned(&world, "w", 1)[1], 3.5);
    world_close(&world);
}
END_TEST

/* Both parameters take the step or neither; the step is the runtime's normal numbers of the stream of that name. */
START_TEST(random_search)
{
    World world = trained(HEAD
        "local u, w = nn.parameter('u', {}, 1), nn.parameter('w', {2}, {1, 2})\n"
        "return nn.train {loss = u ^ 2 + (w ^ 2):sum(), optimizer = nn.random_search {scale = 0.5}, steps = 1}\n");
    bool kept = false, refused = false;
    for (int step = 1; step <= 20; step++) {
        double before[3] = {1, 1, 2}, tried[3], old = 0, new = 0;
        for (int i = 0; i < 3; i++) {
            uint32_t stream = nn_stream(i ? "random_search.w" : "random_search.u");
            tried[i] = before[i] + 0.5 * nn_normal(1, stream, (uint32_t)step, i ? (uint64_t)i - 1 : 0);
            old += before[i] * before[i];
            new += tried[i] * tried[i];
        }
        const double *expected = new < old ? tried : before;
        *(new < old ? &kept : &refused) = true;
        near(*world_assigned(&world, "u", step), expected[0]);
        near(world_assigned(&world, "w", step)[0], expected[1]);
        near(world_assigned(&world, "w", step)[1], expected[2]);
    }
    ck_assert(kept && refused);
    world_close(&world);
}
END_TEST

/* u, then the four elements of w in row-major order, then u again; down where that is lower, and not at all in the minimum. */
START_TEST(coordinate_search)
{
    World world = trained(HEAD
        "local u, w = nn.parameter('u', {}, 1), nn.parameter('w', {2, 2}, {{-3, 2}, {0, 0.04}})\n"
        "return nn.train {loss = u ^ 2 + (w ^ 2):sum(), optimizer = nn.coordinate_search {step = 0.1}, steps = 1}\n");
    static const double start[] = {1, -3, 2, 0, 0.04}, moved[] = {0.9, -2.9, 1.9, 0, 0.04};
    for (int step = 1; step <= 12; step++)
        for (int i = 0; i < 5; i++) {
            double found = i ? world_assigned(&world, "w", step)[i - 1] : *world_assigned(&world, "u", step);
            near(found, (step - 1) % 5 == i ? moved[i] : start[i]);
        }
    world_close(&world);
}
END_TEST

/* Rules name themselves and the parameter; nodes of a user's own rule are on the user's lines. */
START_TEST(origins)
{
    World world = trained(HEAD
        "local w = nn.parameter('w', {}, 1)\n"
        "local rule = nn.optimizer(function(p, g, s)\n"
        "  return p -\n"
        "    s.lr * g:tanh()\n"
        "end)\n"
        "return nn.train {loss = w ^ 2, optimizer = rule, steps = 1}\n");
    const Graph *graph = world.model->graph;
    bool seen = false;
    for (NodeId id = 0; id < graph->count; id++)
        if (graph->nodes[id].op == OP_TANH) {
            seen = true;
            ck_assert_int_eq(graph->nodes[id].origin.place.line, 5);
            ck_assert_str_eq(graph->nodes[id].origin.rule, "custom");
            ck_assert_int_eq(graph->nodes[id].origin.of, world_leaf(&world, "w")->node);
        }
    ck_assert(seen);
    ck_assert_str_eq(world.model->updates[0].optimizer, "custom");
    ck_assert_int_eq(world.model->optimizer.place.line, 3);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_updates");
    TCase *cases = tcase_create("updates");
    tcase_add_loop_test(cases, first_steps, 0, 11);
    tcase_add_test(cases, own_slots);
    tcase_add_test(cases, options_of_parameters);
    tcase_add_test(cases, clipping);
    tcase_add_test(cases, random_search);
    tcase_add_test(cases, coordinate_search);
    tcase_add_test(cases, origins);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
