/* What nn.data.* says, as the tables that the runtime's readers take; batch = "all"; tables in the model, row by row. */
#include "model_world.h"

#define MODEL(data, batch) \
    "local nn = require 'nn'\n" \
    "local x, c = nn.input('x', {2, 2}), nn.class('c', 3)\n" \
    "local net = nn.sequential {nn.flatten, nn.linear(4, 3)}\n" \
    "return nn.train {loss = nn.cross_entropy(net(x), c), optimizer = nn.sgd {}, steps = 1, batch = " batch ", data = " data "}\n"

START_TEST(table)
{
    World world = world_open(MODEL("nn.data.table {"
        "train = {x = {{1, 2, 3, 4}, {{5, 6}, {7, 8}}, {{9}, {10, {11, 12}}}}, c = {0, {2}, 1}},"
        "test = {x = {{-1, -2, -3, -4}}, c = {1}}, scale = {x = 0.5}, mean = {x = 1}, std = {x = 2}, standardize = {x = 'all'}, shuffle = false}", "2"), NULL);
    const NnData *data = &world.model->data;
    const NnInput *x = &world.model->inputs[0], *c = &world.model->inputs[1];
    ck_assert_int_eq(world.model->input_count, 2);
    ck_assert_ptr_eq(data->format, &nn_table);
    ck_assert_int_eq(data->table_rows[NN_TRAIN], 3);
    ck_assert_int_eq(data->table_rows[NN_VALIDATION], 0);
    ck_assert_int_eq(data->table_rows[NN_TEST], 1);
    ck_assert(data->no_shuffle);
    for (int i = 0; i < 12; i++)
        ck_assert_double_eq(x->table[NN_TRAIN][i], i + 1);
    for (int i = 0; i < 4; i++)
        ck_assert_double_eq(x->table[NN_TEST][i], -i - 1);
    ck_assert_double_eq(c->table[NN_TRAIN][1], 2);
    ck_assert_str_eq(x->name, "x");
    ck_assert_int_eq(x->rank, 2);
    ck_assert_int_eq(x->shape[1], 2);
    ck_assert_int_eq(x->elements, 4);
    ck_assert_int_eq(x->classes, 0);
    ck_assert_int_eq(c->classes, 3);
    ck_assert_int_eq(c->elements, 1);
    ck_assert_double_eq(x->scale, 0.5);
    ck_assert_double_eq(x->mean, 1);
    ck_assert_double_eq(x->std, 2);
    ck_assert_int_eq(x->standardize, NN_BY_ALL);
    ck_assert_double_eq(c->scale, 1);
    ck_assert_double_eq(c->std, 1);
    world_close(&world);
}
END_TEST

START_TEST(csv)
{
    World world = world_open(MODEL("nn.data.csv {train = 'a.csv', columns = {x = {1, 4}, c = 'species'}, rows = {train = 90},"
        "split = {train = 0.5, validation = 0.25, test = 0.25}, stratify = 'c', default = '/there', standardize = {x = 'feature'}}", "2"), NULL);
    const NnData *data = &world.model->data;
    ck_assert_ptr_eq(data->format, &nn_csv);
    ck_assert_str_eq(data->file[NN_TRAIN], "a.csv");
    ck_assert_ptr_null(data->file[NN_TEST]);
    ck_assert_str_eq(data->folder, "/tmp/");
    ck_assert_str_eq(data->default_folder, "/there");
    ck_assert_str_eq(data->stratify, "c");
    ck_assert_int_eq(data->first_rows[NN_TRAIN], 90);
    ck_assert_double_eq(data->share[NN_TRAIN], 0.5);
    ck_assert_double_eq(data->share[NN_VALIDATION], 0.25);
    ck_assert_ptr_null(world.model->inputs[0].columns.name);
    ck_assert_int_eq(world.model->inputs[0].columns.first, 1);
    ck_assert_int_eq(world.model->inputs[0].columns.last, 4);
    ck_assert_str_eq(world.model->inputs[1].columns.name, "species");
    ck_assert_int_eq(world.model->inputs[0].standardize, NN_BY_FEATURE);
    world_close(&world);
}
END_TEST

START_TEST(idx)
{
    World world = world_open(MODEL("nn.data.idx {train = {x = 'x.gz', c = 'c.gz'}, test = {x = 'tx.gz', c = 'tc.gz'}}", "2"), NULL);
    ck_assert_ptr_eq(world.model->data.format, &nn_idx);
    ck_assert(!world.model->data.no_shuffle);
    ck_assert_str_eq(world.model->inputs[0].file[NN_TRAIN], "x.gz");
    ck_assert_str_eq(world.model->inputs[1].file[NN_TEST], "tc.gz");
    ck_assert_ptr_null(world.model->inputs[0].file[NN_VALIDATION]);
    world_close(&world);
}
END_TEST

START_TEST(npy_and_augment)
{
    World world = world_open(MODEL("nn.data.npy {train = {x = 'x.npy', c = 'c.npy'}, augment = {x = {shift = 1, flip = 'horizontal'}}}", "2"), NULL);
    ck_assert_ptr_eq(world.model->data.format, &nn_npy);
    ck_assert_str_eq(world.model->inputs[1].file[NN_TRAIN], "c.npy");
    ck_assert_ptr_null(world.model->data.file[NN_TRAIN]);
    ck_assert_int_eq(world.model->inputs[0].augment.shift, 1);
    ck_assert(world.model->inputs[0].augment.flip);
    ck_assert_int_eq(world.model->inputs[1].augment.shift, 0);
    ck_assert(!world.model->inputs[1].augment.flip);
    world_close(&world);
}
END_TEST

START_TEST(one_file_a_set)
{
    static const struct { const char *text; const NnFormat *format; } sources[] = {
        {MODEL("nn.data.npz {train = 'a', test = 'b'}", "2"), &nn_npz},
        {MODEL("nn.data.safetensors {train = 'a', test = 'b'}", "2"), &nn_safetensors},
        {MODEL("nn.data.images {train = 'a', test = 'b'}", "2"), &nn_images},
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        World world = world_open(sources[i].text, NULL);
        ck_assert_ptr_eq(world.model->data.format, sources[i].format);
        ck_assert_str_eq(world.model->data.file[NN_TRAIN], "a");
        ck_assert_ptr_null(world.model->data.file[NN_VALIDATION]);
        ck_assert_str_eq(world.model->data.file[NN_TEST], "b");
        ck_assert_ptr_null(world.model->inputs[0].file[NN_TRAIN]);
        world_close(&world);
    }
}
END_TEST

START_TEST(text)
{
    World world = world_open("local nn = require 'nn'\n"
        "local source = nn.data.text {train = 'a.txt', context = 3, level = 'byte', bind = {text = 'x', next = 'y'}}\n"
        "assert(source.classes == 256 and source.context == 3)\n"
        "local y, x = nn.class('y', source.classes, {3}), nn.class('x', source.classes, {3})\n"
        "local net = nn.linear(256, 256)\n"
        "return nn.train {loss = nn.cross_entropy(net(nn.one_hot(x)), y), optimizer = nn.sgd {}, epochs = 1, batch = 2, data = source}\n", NULL);
    ck_assert_ptr_eq(world.model->data.format, &nn_text);
    ck_assert(world.model->data.by_byte);
    ck_assert_str_eq(world.model->inputs[0].name, "y");
    ck_assert_int_eq(world.model->inputs[0].later, 1);
    ck_assert_int_eq(world.model->inputs[1].later, 0);
    world_close(&world);
}
END_TEST

/* "all" is what the split leaves for training: shares of 5 rows, rounded up for the test. */
START_TEST(batch_all)
{
    World world = world_open(MODEL("nn.data.table {train = {x = {{1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}, {1, 2, 3, 4}}, c = {0, 1, 2, 0, 1}},"
        "split = {train = 0.7, test = 0.3}}", "'all'"), NULL);
    ck_assert(world.model->batch_all);
    ck_assert_int_eq(world.model->batch, 3);
    world_close(&world);
}
END_TEST

/* Both runs of a model see the same numbers: nn.rng is the runtime's generator, with a stream for each kind. */
START_TEST(random_numbers)
{
    static const char *const text =
        "local nn = require 'nn'\n"
        "local rng, same, other = nn.rng(7), nn.rng(7), nn.rng(8)\n"
        "local sum, squares, low, high, counts = 0, 0, 1, 0, {0, 0, 0}\n"
        "for i = 1, 5000 do\n"
        "  local u, n, k = rng:uniform(), rng:normal(), rng:integer(-1, 1)\n"
        "  assert(u == same:uniform() and n == same:normal() and k == same:integer(-1, 1))\n"
        "  low, high, sum, squares, counts[k + 2] = math.min(low, u), math.max(high, u), sum + n, squares + n * n, counts[k + 2] + 1\n"
        "end\n"
        "assert(low >= 0 and low < 0.002 and high < 1 and high > 0.998)\n"
        "assert(math.abs(sum / 5000) < 0.05 and math.abs(squares / 5000 - 1) < 0.08)\n"
        "for k = 1, 3 do assert(math.abs(counts[k] - 5000 / 3) < 150) end\n"
        "assert(other:uniform() ~= nn.rng(7):uniform())\n"
        "local seen, p, q = {}, rng:permutation(100), rng:permutation(100)\n"
        "local equal = true\n"
        "for i = 1, 100 do assert(not seen[p[i]] and p[i] >= 1 and p[i] <= 100) seen[p[i]] = true equal = equal and p[i] == q[i] end\n"
        "assert(not equal)\n"
        "return nn.show {x = nn.constant(rng:uniform(5, 6)) + nn.constant(rng:normal(10, 2))}\n";
    double first = 0;
    for (int run = 0; run < 2; run++) {
        World world = world_open(text, NULL);
        world_values(&world, &world.model->outputs[0].node, 1, 1);
        double found = *world.values[world.model->outputs[0].node];
        ck_assert(found > 5 && found < 26 && (!run || found == first));
        first = found;
        world_close(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("model_data");
    TCase *cases = tcase_create("data");
    tcase_set_timeout(cases, 60);                             /* random_numbers, under the sanitizers */
    tcase_add_test(cases, table);
    tcase_add_test(cases, csv);
    tcase_add_test(cases, idx);
    tcase_add_test(cases, npy_and_augment);
    tcase_add_test(cases, one_file_a_set);
    tcase_add_test(cases, text);
    tcase_add_test(cases, batch_all);
    tcase_add_test(cases, random_numbers);
    suite_add_tcase(suite, cases);
    return world_main(suite);
}
