/* Every function, fold, move, product, loss and metric of nn: value and gradient as PyTorch has them (model_values.py), by the
 * interpreter in f64. Both to 1e-12 relative to the largest element. */
#include "model_world.h"

typedef struct Row {
    const char *expression, *by;
    int count;
    const double *value, *gradient;
} Row;

static const Row rows[] = {
#include "model_values.h"
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

static const char *const model =
    "local nn = require 'nn'\n"
    "local a, b, p, q = nn.input('a', {3}), nn.input('b', {3}), nn.input('p', {3}), nn.input('q', {3})\n"
    "local c, d = nn.class('c', 3), nn.class('d', 3, {2})\n"
    "local v, m = nn.constant {0.5, -1.5, 2.5}, nn.constant {{1, -2, 0.5}, {0.25, 3, -1}}\n"
    "local s = nn.stack({a, b}, 1)\n"
    "local y = %s\n"
    "local used = a:sum() + b:sum() + p:sum() + q:sum() + nn.float(c):sum() + nn.float(d):sum()\n"
    "return nn.show({y = y, gradient = nn.gradient(y:square():sum(), %s), z_used = used}, {data = nn.data.table {train = {\n"
    "  a = {{0, 1, -1}, {3, -3, 0.5}, {0.25, -2.25, 2}, {-0.75, 1.5, 4}},\n"
    "  b = {{0.5, 1, -1.5}, {2, -3, 0.25}, {1.25, -2, 2}, {-0.5, 1, -4}},\n"
    "  p = {{0.1, 0.2, 0.7}, {0.5, 0.25, 0.25}, {0.9, 0.05, 0.05}, {0.3, 0.4, 0.3}},\n"
    "  q = {{0, 0.5, 0.5}, {1, 0, 0}, {0.25, 0.25, 0.5}, {0.2, 0.3, 0.5}},\n"
    "  c = {0, 2, 1, 2}, d = {{0, 1}, {2, 2}, {1, 0}, {2, 1}},\n"
    "}}})\n";

static void compare(const char *expression, const char *what, const double *found, const double *expected, int count)
{
    double largest = 1;
    for (int i = 0; i < count; i++)
        if (isfinite(expected[i]))
            largest = fmax(largest, fabs(expected[i]));
    for (int i = 0; i < count; i++)
        ck_assert_msg(found[i] == expected[i] || fabs(found[i] - expected[i]) <= 1e-12 * largest,
                      "%s: %s [%d] is %.17g, PyTorch's %.17g", expression, what, i, found[i], expected[i]);
}

START_TEST(value_and_gradient)
{
    const Row *row = &rows[_i];
    char text[4096];
    snprintf(text, sizeof text, model, row->expression, row->by);
    World world = world_open(text, NULL);
    const Output *gradient = &world.model->outputs[0], *y = &world.model->outputs[1];
    ck_assert_str_eq(gradient->name, "gradient");
    Type type = world.model->graph->nodes[y->node].type;
    ck_assert_msg(element_count(type) * (type.per_row ? 4 : 1) == row->count, "%s: %d elements expected", row->expression, row->count);
    world_values(&world, (NodeId[]){gradient->node, y->node}, 2, 1);
    compare(row->expression, "value", world.values[y->node], row->value, row->count);
    compare(row->expression, "gradient", world.values[gradient->node], row->gradient, 12);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_values");
    TCase *cases = tcase_create("rows");
    tcase_add_loop_test(cases, value_and_gradient, 0, ROW_COUNT);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
