/* Which part of a loss is a mean over rows and which a sum; metrics and their kinds; the training settings as the Model has
 * them. The parts must add up to the loss. */
#include "model_world.h"

#define MODEL(loss, more) \
    "local nn = require 'nn'\n" \
    "local x, t, c = nn.input('x', {3}), nn.input('t', {3}), nn.class('c', 3)\n" \
    "local w = nn.parameter('w', {3}, {0.5, -1, 2})\n" \
    "local y = x * w\n" \
    "local sum = {reduction = 'sum'}\n" \
    "local rows = {x = {{1, 2, 3}, {0.5, 0.25, -1}}, t = {{0, 1, 2}, {3, 0, 1}}, c = {2, 0}}\n" \
    "return nn.train {loss = " loss ", optimizer = nn.sgd {lr = 0.125}, batch = 2, steps = 7, data = nn.data.table {train = rows},\n" \
    "  outputs = {used = nn.float(c):sum() + t:sum()}, " more "}\n"

START_TEST(parts)
{
    enum { MEAN = 1, SUM = 2 };
    static const struct { const char *text; int parts; } cases[] = {
        {MODEL("nn.mse(y, t)", ""), MEAN},
        {MODEL("nn.mse(y, t, sum)", ""), SUM},
        {MODEL("nn.cross_entropy(y, c)", ""), MEAN},
        {MODEL("nn.cross_entropy(y, c, sum)", ""), SUM},
        {MODEL("nn.cross_entropy(y, c, {weight = {1, 2, 3}})", ""), MEAN},
        {MODEL("y:mean() + 0.01 * nn.l2(w)", ""), MEAN},
        {MODEL("0.01 * nn.l2(w) + nn.mse(y, t, sum)", ""), MEAN | SUM},
        {MODEL("(nn.l2(w) - y:sum() / 4) / 2", ""), MEAN | SUM},
        {MODEL("3 * -(nn.mse(y, t) + nn.mse(y, t, sum) * 2 - nn.l1(w))", ""), MEAN | SUM},
        {MODEL("y:sum() - t:sum() + 2 * x:sum()", ""), SUM},
        {MODEL("(y * w):matmul(t):sum()", ""), SUM},
        {MODEL("y:sum('batch'):square():mean()", ""), MEAN},
        {MODEL("y:sum() / nn.constant(2):exp()", ""), SUM},
        {MODEL("{b = nn.mse(y, t, sum), a = nn.l2(w)}", ""), MEAN | SUM},
    };
    World world = world_open(cases[_i].text, NULL);
    const Metric *loss = &world.model->metrics[0];
    ck_assert_str_eq(loss->name, "loss");
    ck_assert(loss->is_loss);
    ck_assert_int_eq(loss->part[0] != NONE, (cases[_i].parts & MEAN) != 0);
    ck_assert_int_eq(loss->part[1] != NONE, (cases[_i].parts & SUM) != 0);
    ck_assert_int_eq(loss->kind, cases[_i].parts == SUM ? METRIC_SUM : METRIC_MEAN);
    world_close(&world);
}
END_TEST

/* The two parts of a mixed loss against the numbers, by hand: l2 = 5.25; y = (0.5, -2, 6), (0.25, -0.25, -2). */
START_TEST(parts_add_up)
{
    World world = world_open(MODEL("(nn.l2(w) - y:sum() / 4) / 2", ""), NULL);
    const Metric *loss = &world.model->metrics[0];
    world_values(&world, loss->part, 2, 1);
    ck_assert_double_eq_tol(*world.values[loss->part[0]], 5.25 / 2, 1e-15);
    ck_assert_double_eq_tol(*world.values[loss->part[1]], -2.5 / 8, 1e-15);
    world_close(&world);
}
END_TEST

START_TEST(several_losses)
{
    World world = world_open(MODEL("{second = nn.mse(y, t), first = 2 * nn.l2(w)}",
                                   "metrics = {w = w:mean(), b = nn.confusion(y, c), a = nn.r2(y, t), constant = 3}"), NULL);
    const Model *model = world.model;
    static const char *const names[] = {"loss", "first", "second", "a", "b", "constant", "w"};
    static const MetricKind kinds[] = {METRIC_MEAN, METRIC_MEAN, METRIC_MEAN, METRIC_R2, METRIC_COUNTS, METRIC_MEAN, METRIC_MEAN};
    ck_assert_int_eq(model->metric_count, 7);
    NodeId roots[21];
    int count = 0;
    for (int m = 0; m < 7; m++) {
        ck_assert_str_eq(model->metrics[m].name, names[m]);
        ck_assert_int_eq(model->metrics[m].kind, kinds[m]);
        ck_assert_int_eq(model->metrics[m].is_loss, m < 3);
        for (int p = 0; p < 3; p++)
            if (model->metrics[m].part[p] != NONE)
                roots[count++] = model->metrics[m].part[p];
    }
    ck_assert_int_eq(model->metrics[3].elements, 3);
    world_values(&world, roots, count, 1);
    double **values = world.values;
    double mse = (0.25 + 9 + 16 + 2.75 * 2.75 + 0.0625 + 9) / 6;
    ck_assert_double_eq_tol(*values[model->metrics[0].part[0]], mse + 10.5, 1e-14);
    ck_assert_double_eq_tol(*values[model->metrics[1].part[0]], 10.5, 1e-14);
    ck_assert_double_eq_tol(*values[model->metrics[3].part[0]], mse * 6, 1e-13);
    ck_assert_double_eq_tol(*values[model->metrics[3].part[1]], 7, 1e-14);
    ck_assert_double_eq_tol(*values[model->metrics[3].part[2]], 15, 1e-14);
    static const double counts[9] = {[0] = 1, [8] = 1};       /* row 1: class 2 taken for 2; row 2: class 0 for 0 */
    for (int i = 0; i < 9; i++)
        ck_assert_double_eq(values[model->metrics[4].part[0]][i], counts[i]);
    ck_assert_double_eq(*values[model->metrics[5].part[0]], 3);
    world_close(&world);
}
END_TEST

START_TEST(settings)
{
    World world = world_open(MODEL("nn.mse(y, t)", "seed = 9, precision = 'f64', clip_norm = 2, clip_value = 3, drop_last = true, "
                                   "validate_every = 2, early_stop = {metric = 'train_loss', patience = 4, min_delta = 0.5}"), NULL);
    const Model *model = world.model;
    ck_assert_int_eq(model->kind, MODEL_TRAIN);
    ck_assert_int_eq(model->batch, 2);
    ck_assert_int_eq(model->steps, 7);
    ck_assert_int_eq(model->epochs, 0);
    ck_assert_int_eq(model->seed, 9);
    ck_assert_int_eq(model->precision, F64);
    ck_assert_double_eq(model->clip_norm, 2);
    ck_assert_double_eq(model->clip_value, 3);
    ck_assert(model->drop_last && !model->batch_all);
    ck_assert_int_eq(model->validate_every, 2);
    ck_assert_str_eq(model->stop_metric, "train_loss");
    ck_assert_int_eq(model->stop_patience, 4);
    ck_assert_double_eq(model->stop_min_delta, 0.5);
    ck_assert_str_eq(model->optimizer.name, "sgd");
    ck_assert_double_eq(model->optimizer.lr, 0.125);
    world_close(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_loss");
    TCase *cases = tcase_create("losses");
    tcase_add_loop_test(cases, parts, 0, 14);
    tcase_add_test(cases, parts_add_up);
    tcase_add_test(cases, several_losses);
    tcase_add_test(cases, settings);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
