/* Names and places: of parameters in layers and containers, of nodes in the program to be, of lines in the model. */
#include "model_world.h"

#define HEAD "local nn = require 'nn'\n"
#define TAIL "return nn.show {y = y}\n"

static void expect_parameters(const World *world, const char *names)
{
    char found[512] = "";
    for (int l = 0; l < world->model->graph->leaf_count; l++)
        if (world->model->graph->leaves[l].kind == LEAF_PARAMETER) {
            strcat(found, found[0] ? " " : "");
            strcat(found, world->model->graph->leaves[l].name);
        }
    ck_assert_str_eq(found, names);
}

START_TEST(parameters)
{
    static const struct { const char *text, *names; } cases[] = {
        {HEAD "local y = nn.linear(2, 3, {name = 'fc'})(nn.constant {1, 2})\n" TAIL, "fc.weight fc.bias"},
        {HEAD "local y = nn.linear(2, 3, {name = 'fc', bias = false})(nn.constant {1, 2})\n" TAIL, "fc.weight"},
        {HEAD "local a, b = nn.linear(2, 2), nn.linear(2, 2)\nlocal y = a(b(nn.constant {1, 2}))\n" TAIL,
         "linear1.weight linear1.bias linear2.weight linear2.bias"},
        {HEAD "local y = nn.sequential {nn.linear(2, 2), nn.tanh, nn.sequential {nn.linear(2, 2, {name = 'fc'})}, name = 'encoder'}"
              "(nn.constant {1, 2})\n" TAIL, "encoder.linear1.weight encoder.linear1.bias encoder.fc.weight encoder.fc.bias"},
        {HEAD "local y = nn.sequential {nn.sequential {nn.residual(nn.linear(2, 2, {name = 'fc'})), name = 'block'}, name = 'net'}"
              "(nn.constant {1, 2})\n" TAIL, "net.block.fc.weight net.block.fc.bias"},
        {HEAD "local fc = nn.linear(2, 2, {name = 'fc'})\nlocal y = fc(fc(nn.constant {1, 2})) + fc.bias\n" TAIL, "fc.weight fc.bias"},
        {HEAD "local fc = nn.linear(2, 2)\nlocal w = fc.weight\nlocal y = nn.sequential {fc, name = 'late'}(nn.constant {1, 2}) + w\n" TAIL,
         "linear1.weight linear1.bias"},
        {HEAD "local net = nn.sequential {nn.linear(2, 2, {name = 'fc'}), name = 'n'}\nlocal y = net[1].weight + net.fc.bias\n" TAIL, "n.fc.weight n.fc.bias"},
        {HEAD "local y = nn.sequential {}(nn.constant {1, 2}) + nn.parameter('größe', {}, 1)\n" TAIL, "größe"},
    };
    World world = world_open(cases[_i].text, NULL);
    expect_parameters(&world, cases[_i].names);
    world_close(&world);
}
END_TEST

/* PyTorch's start: uniform within 1 / sqrt(inputs), weight and bias */
START_TEST(initial_values)
{
    World world = world_open(HEAD
        "local x = nn.constant {1, 2, 3, 4}\n"
        "local y = nn.linear(4, 6, {name = 'a'})(x):sum() + nn.linear(4, 6, {name = 'b', init = nn.init.normal(0, 0.1)})(x):sum()\n"
        "  + nn.linear(4, 6, {name = 'c', init = {weight = nn.init.kaiming_uniform {a = math.sqrt(5)}, bias = 0}})(x):sum()\n"
        "  + nn.linear(4, 6, {name = 'd', init = nn.init.xavier_normal {gain = 2}})(x):sum() + nn.linear(4, 6, {name = 'e', init = nn.init.zeros})(x):sum()\n"
        "  + nn.linear(4, 6, {name = 'f', init = nn.init.kaiming_normal {mode = 'fan_out'}})(x):sum() + nn.linear(4, 6, {name = 'g', init = nn.init.xavier_uniform()})(x):sum()\n"
        TAIL, NULL);
    static const struct { const char *name; NnInitKind kind; double a, b; } expected[] = {
        {"a.weight", NN_INIT_UNIFORM, -0.5, 0.5}, {"a.bias", NN_INIT_UNIFORM, -0.5, 0.5}, {"b.weight", NN_INIT_NORMAL, 0, 0.1},
        {"b.bias", NN_INIT_UNIFORM, -0.5, 0.5}, {"c.weight", NN_INIT_UNIFORM, -0.5, 0.5}, {"c.bias", NN_INIT_CONSTANT, 0, 0},
        {"d.weight", NN_INIT_NORMAL, 0, 0.89442719099991586}, {"e.weight", NN_INIT_CONSTANT, 0, 0},
        {"f.weight", NN_INIT_NORMAL, 0, 0.57735026918962573}, {"g.weight", NN_INIT_UNIFORM, -0.77459666924148340, 0.77459666924148340},
    };
    for (size_t e = 0; e < sizeof expected / sizeof *expected; e++) {
        const NnInit *init = &world_leaf(&world, expected[e].name)->init;
        ck_assert_msg(init->kind == expected[e].kind && fabs(init->a - expected[e].a) < 1e-15 && fabs(init->b - expected[e].b) < 1e-15,
                      "%s: kind %d, %.17g, %.17g", expected[e].name, (int)init->kind, init->a, init->b);
    }
    world_close(&world);
}
END_TEST

/* The first node of an operation. */
static const Node *node_of(const World *world, Op op)
{
    for (NodeId id = 0; id < world->model->graph->count; id++)
        if (world->model->graph->nodes[id].op == op)
            return &world->model->graph->nodes[id];
    ck_abort_msg("no %s", op_info[op].name);
}

START_TEST(nodes)
{
    World world = world_open(HEAD                                                             /* 1 */
        "local x = nn.input('x', {4})\n"                                                      /* 2 */
        "local net = nn.sequential {\n"                                                       /* 3 */
        "  nn.linear(4, 4, {name = 'fc1'}), nn.relu, nn.tanh,\n"                              /* 4 */
        "  function(x)\n"                                                                     /* 5 */
        "    return x:sin()\n"                                                                /* 6 */
        "  end,\n"                                                                            /* 7 */
        "}\n"                                                                                 /* 8 */
        "local hidden = net(x):exp()\n"                                                       /* 9 */
        "local function twice(t) return nn.cos(t + t) end\n"                                  /* 10 */
        "local y = twice(hidden)\n"                                                           /* 11 */
        "return nn.show({result = y, other = x:floor()}, {data = nn.data.table {train = {x = {{1, 2, 3, 4}}}}})\n", NULL);
    static const struct { Op op; const char *name; int line; } expected[] = {
        {OP_ADD, "fc1", 4}, {OP_RELU, "fc1_relu", 4}, {OP_TANH, "fc1_tanh", 4}, {OP_SIN, "fc1_sin", 6}, {OP_EXP, "hidden", 9}, {OP_COS, "result", 10},
        {OP_FLOOR, "other", 12}, {OP_INPUT, "x", 2}, {OP_PARAMETER, "fc1.weight", 4},
    };
    for (size_t e = 0; e < sizeof expected / sizeof *expected; e++) {
        const Node *node = node_of(&world, expected[e].op);
        if (expected[e].name)
            ck_assert_str_eq(node->origin.name, expected[e].name);
        else
            ck_assert_ptr_null(node->origin.name);
        ck_assert_int_eq(node->origin.place.line, expected[e].line);
        ck_assert_str_eq(node->origin.place.file, world.path);
    }
    ck_assert_str_eq(node_of(&world, OP_CONTRACT)->origin.layer, "linear fc1");
    ck_assert_ptr_null(node_of(&world, OP_SIN)->origin.layer);
    ck_assert_str_eq(world.model->outputs[0].name, "other");
    ck_assert_str_eq(world.model->outputs[1].name, "result");
    world_close(&world);
}
END_TEST

/* nn.gradient leaves its request, in order, for `check`. */
START_TEST(derivatives)
{
    World world = world_open(HEAD
        "local x, z = nn.parameter('x', {}, 2), nn.parameter('z', {2}, 3)\n"
        "local y = x ^ 3 * z:sum()\n"
        "local g = nn.gradient(y, {x, z})\n"
        "return nn.show {y = y, gx = g[1], gz = g[2], gxx = nn.gradient(g[1], x)}\n", NULL);
    const Model *model = world.model;
    ck_assert_int_eq(model->derivative_count, 3);
    ck_assert_int_eq(model->derivatives[0].x, world_leaf(&world, "x")->node);
    ck_assert_int_eq(model->derivatives[1].x, world_leaf(&world, "z")->node);
    ck_assert_int_eq(model->derivatives[2].y, model->derivatives[0].gradient);
    ck_assert_int_eq(model->derivatives[2].place.line, 5);
    NodeId roots[] = {model->derivatives[0].gradient, model->derivatives[1].gradient, model->derivatives[2].gradient};
    world_values(&world, roots, 3, 1);
    ck_assert_double_eq(*world.values[roots[0]], 72);
    ck_assert_double_eq(world.values[roots[1]][1], 8);
    ck_assert_double_eq(*world.values[roots[2]], 72);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_names");
    TCase *cases = tcase_create("names");
    tcase_add_loop_test(cases, parameters, 0, 9);
    tcase_add_test(cases, initial_values);
    tcase_add_test(cases, nodes);
    tcase_add_test(cases, derivatives);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
