/* Making nodes: NumPy's broadcasting, matmul as PyTorch's on sizes without the batch, masked folds, substitution; and what is
 * refused, word for word where the words are promised: what, both shapes, both places, what to do. */
#include "graph_world.h"

enum { BATCH = 4, ROWS = 3 };

/* ---- broadcasting ------------------------------------------------------------------------------------------------ */

typedef struct Broadcast { bool left_row; const char *left; bool right_row; const char *right; const char *result; } Broadcast;

static const Broadcast broadcasts[] = {
    {false, "", false, "", "()"},
    {false, "3", false, "", "(3)"},
    {false, "3", false, "3", "(3)"},
    {false, "2 3", false, "3", "(2, 3)"},
    {false, "2 1", false, "1 3", "(2, 3)"},
    {false, "1", false, "5", "(5)"},
    {false, "4 1 3", false, "2 1", "(4, 2, 3)"},
    {true, "3", false, "3", "(batch, 3)"},
    {false, "3", true, "", "(batch, 3)"},
    {true, "", true, "2 2", "(batch, 2, 2)"},
    {true, "1", false, "7", "(batch, 7)"},
    {true, "2 3", false, "1", "(batch, 2, 3)"},
};

static Type read_type(bool per_row, const char *sizes)
{
    Type type = {.scalar = FLOAT, .per_row = per_row};
    char *end = NULL;
    for (long size; (size = strtol(sizes, &end, 10)), end != sizes; sizes = end)
        type.size[type.rank++] = size;
    return type;
}

/* The element of a tensor that NumPy's rules bring to place `at` of the result. */
static double element_at(const World *world, NodeId leaf, Type result, int64_t place)
{
    Type type = world->graph->nodes[leaf].type;
    int64_t offset = 0, stride = 1;
    for (int back = 1; back <= result.rank; back++) {
        int64_t at = place % result.size[result.rank - back];
        place /= result.size[result.rank - back];
        if (back <= type.rank) {
            int64_t size = type.size[type.rank - back];
            offset += (size == 1 ? 0 : at) * stride;
            stride *= size;
        }
    }
    return world_values(world, leaf)[offset + (type.per_row ? place * stride : 0)];
}

START_TEST(broadcasting)
{
    const Broadcast *b = &broadcasts[_i];
    for (int swapped = 0; swapped < 2; swapped++) {
        World world = world_new(BATCH, ROWS);
        NodeId left = world_leaf(&world, "left", read_type(b->left_row, b->left), 0, 1);
        NodeId right = world_leaf(&world, "right", read_type(b->right_row, b->right), 0, 1);
        NodeId sum = swapped ? subtract(world.graph, right, left) : subtract(world.graph, left, right);
        Type type = world.graph->nodes[sum].type;
        ck_assert_str_eq(shape_text(world.arena, type), b->result);
        const double *value = world_compute(&world, world.arena, sum);
        for (int64_t i = 0; i < elements_of(&world, type); i++) {
            double difference = element_at(&world, left, type, i) - element_at(&world, right, type, i);
            ck_assert_double_eq(value[i], swapped ? -difference : difference);
        }
        check_graph(world.graph, "build");
        world_free(&world);
    }
}
END_TEST

/* ---- matmul ------------------------------------------------------------------------------------------------------ */

typedef struct Product {
    bool left_row;
    const char *left;
    bool right_row;
    const char *right;
    const char *letters, *result;
} Product;

static const Product products[] = {
    {false, "3", false, "3", "i,i->", "()"},
    {true, "3", false, "3 2", "bi,ij->bj", "(batch, 2)"},
    {false, "2 3", false, "3", "ij,j->i", "(2)"},
    {true, "2 3", false, "3 5", "bik,kj->bij", "(batch, 2, 5)"},
    {false, "2 3", true, "3 5", "ik,bkj->bij", "(batch, 2, 5)"},
    {true, "2 3", true, "3 5", "bik,bkj->bij", "(batch, 2, 5)"},
    {false, "4 2 3", false, "3 5", "pik,kj->pij", "(4, 2, 5)"},
    {false, "4 2 3", false, "4 3 5", "pik,pkj->pij", "(4, 2, 5)"},
    {false, "4 2 3", false, "1 3 5", "pik,kj->pij", "(4, 2, 5)"},
    {false, "6 1 2 3", false, "4 3 5", "pik,qkj->pqij", "(6, 4, 2, 5)"},
    {true, "1 1", false, "1 1", "bik,kj->bij", "(batch, 1, 1)"},
    {true, "4 3", false, "3", "bij,j->bi", "(batch, 4)"},
};

/* Σ_k left[…, i, k] right[…, k, j] by NumPy's rules. */
static double product_at(const World *world, NodeId left, NodeId right, Type result, int64_t place)
{
    Type a = world->graph->nodes[left].type, b = world->graph->nodes[right].type;
    int64_t m = a.rank > 1 ? a.size[a.rank - 2] : 1, k = a.size[a.rank - 1], n = b.rank > 1 ? b.size[b.rank - 1] : 1;
    int64_t j = place % n, i = place / n % m, lead = place / n / m;
    int own = (a.rank > 1) + (b.rank > 1), leading = result.rank - own;
    int64_t offset[2] = {0, 0}, stride[2] = {m * k, k * n};
    const Type *type[2] = {&a, &b};
    for (int back = 1; back <= leading; back++) {
        int64_t at = lead % result.size[leading - back];
        lead /= result.size[leading - back];
        for (int side = 0; side < 2; side++) {
            int rank = type[side]->rank - (type[side]->rank > 1 ? 2 : 1);
            if (back <= rank) {
                int64_t size = type[side]->size[rank - back];
                offset[side] += (size == 1 ? 0 : at) * stride[side];
                stride[side] *= size;
            }
        }
    }
    for (int side = 0; side < 2; side++)
        offset[side] += type[side]->per_row ? lead * stride[side] : 0;
    double sum = 0;
    for (int64_t f = 0; f < k; f++)
        sum += world_values(world, left)[offset[0] + i * k + f] * world_values(world, right)[offset[1] + f * n + j];
    return sum;
}

START_TEST(matmuls)
{
    const Product *p = &products[_i];
    World world = world_new(BATCH, ROWS);
    NodeId left = world_leaf(&world, "left", read_type(p->left_row, p->left), -1, 1);
    NodeId right = world_leaf(&world, "right", read_type(p->right_row, p->right), -1, 1);
    NodeId product = matmul(world.graph, left, right);
    Type type = world.graph->nodes[product].type;
    ck_assert_str_eq(world.graph->nodes[product].attributes.letters, p->letters);
    ck_assert_str_eq(shape_text(world.arena, type), p->result);
    const double *value = world_compute(&world, world.arena, product);
    for (int64_t i = 0; i < elements_of(&world, type); i++)
        ck_assert_double_eq_tol(value[i], product_at(&world, left, right, type, i), 1e-14);
    NodeId y = weighted_sum(&world, product), x[] = {left, right}, gradients[2];
    differentiate(world.graph, y, x, 2, gradients);
    check_gradient(&world, y, left, gradients[0], "left");
    check_gradient(&world, y, right, gradients[1], "right");
    check_graph(world.graph, "build");
    world_free(&world);
}
END_TEST

/* ---- folds ------------------------------------------------------------------------------------------------------- */

START_TEST(folds_see_valid_rows_only)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", PER_ROW(2), -5, -1);
    memcpy(world_values(&world, x), (double[]){-1, -2, -3, -4, -5, -6, 100, 100}, 8 * sizeof (double));
    ck_assert_double_eq(*world_compute(&world, world.arena, sum_axes(g, x, 3)), -21);
    ck_assert_double_eq(*world_compute(&world, world.arena, max_axes(g, x, 3)), -1);
    ck_assert_double_eq(world_compute(&world, world.arena, sum_axes(g, x, 1))[1], -12);
    ck_assert_double_eq(world_compute(&world, world.arena, sum_axes(g, x, 2))[3], 200);
    ck_assert_double_eq(*world_compute(&world, world.arena, fold_size(g, g->nodes[x].type, 3)), 6);
    ck_assert_double_eq(*world_compute(&world, world.arena, fold_size(g, g->nodes[x].type, 1)), 3);
    ck_assert_double_eq(*world_compute(&world, world.arena, fold_size(g, g->nodes[x].type, 2)), 2);
    ck_assert_int_eq(sum_axes(g, x, 0), x);
    ck_assert_int_eq(max_axes(g, x, 0), x);
    ck_assert_uint_eq(all_axes(g->nodes[x].type), 3);
    ck_assert_uint_eq(all_axes(scalar_type(FLOAT)), 0);
    world_free(&world);
}
END_TEST

START_TEST(helpers_carry_no_name)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", PER_ROW(2), 0, 1);
    g->now.name = "total";
    NodeId sums[] = {sum_axes(g, x, 3), max_axes(g, x, 3), add(g, x, x), matmul(g, x, x)};
    g->now.name = NULL;
    int named = 0;
    for (NodeId id = 0; id < g->count; id++)
        named += g->nodes[id].origin.name && !strcmp(g->nodes[id].origin.name, "total");
    ck_assert_int_eq(named, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_str_eq(g->nodes[sums[i]].origin.name, "total");
    world_free(&world);
}
END_TEST

START_TEST(classes_compare_with_numbers)
{
    World world = world_new(BATCH, ROWS);
    Type type = PER_ROW(2);
    type.scalar = INT;
    NodeId label = world_leaf(&world, "label", type, 0, 4);
    NodeId is_three = apply2(world.graph, OP_EQUAL, label, constant(world.graph, 3));
    const double *value = world_compute(&world, world.arena, is_three);
    for (int i = 0; i < 8; i++)
        ck_assert_double_eq(value[i], world_values(&world, label)[i] == 3);
    world_free(&world);
}
END_TEST

/* ---- substitution ------------------------------------------------------------------------------------------------ */

START_TEST(substitution)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", SHARED(3), 0, 1), y = world_leaf(&world, "y", SHARED(3), 0, 1);
    NodeId kept = apply1(g, OP_EXP, y), changed = multiply(g, apply1(g, OP_SIN, x), kept);
    g->nodes[changed].origin.name = "changed";
    NodeId twice = add(g, x, x), before = g->count;
    NodeId result = substitute(g, changed, &x, &twice, 1);
    ck_assert_int_ge(result, before);
    ck_assert_int_eq(g->nodes[result].operand[1], kept);
    ck_assert_str_eq(g->nodes[result].origin.name, "changed");
    const double *value = world_compute(&world, world.arena, result);
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq(value[i], sin(2 * world_values(&world, x)[i]) * exp(world_values(&world, y)[i]));
    ck_assert_int_eq(substitute(g, kept, &x, &twice, 1), kept);
    ck_assert_int_eq(substitute(g, x, &x, &twice, 1), twice);
    world_free(&world);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static NodeId leaf_at(World *world, const char *name, Type type, int line)
{
    NodeId node = world_leaf(world, name, type, 0, 1);
    world->graph->nodes[node].origin.place.line = line;
    world->graph->now.place.line = 12;
    return node;
}

static void inner_sizes(World *w)
{
    NodeId x = leaf_at(w, "hidden", PER_ROW(100), 9), y = leaf_at(w, "fc.weight", SHARED(784, 10), 7);
    matmul(w->graph, x, y);
}

static void not_transposed(World *w)
{
    NodeId x = leaf_at(w, "image", PER_ROW(784), 9), y = leaf_at(w, "fc.weight", SHARED(10, 784), 7);
    matmul(w->graph, x, y);
}

static void shapes_differ(World *w)
{
    NodeId x = leaf_at(w, "image", PER_ROW(784), 3), y = leaf_at(w, "bias", SHARED(100), 4);
    add(w->graph, x, y);
}

static void class_as_float(World *w)
{
    Type type = {.scalar = INT, .per_row = true};
    NodeId label = leaf_at(w, "label", type, 3);
    multiply(w->graph, constant(w->graph, 2), label);
}

static void class_of_one(World *w)
{
    Type type = {.scalar = INT, .per_row = true};
    apply1(w->graph, OP_EXP, leaf_at(w, "label", type, 3));
}

static void class_with_float(World *w)
{
    Type type = {.scalar = INT, .per_row = true};
    apply2(w->graph, OP_EQUAL, leaf_at(w, "label", type, 3), leaf_at(w, "x", PER_ROW(3), 4));
}

static void too_large(World *w)
{
    NodeId x = constant(w->graph, 0);
    broadcast_to(w->graph, x, SHARED(1 << 20, (1 << 20) + 1));
}

static void overflowing(World *w)
{
    NodeId x = constant(w->graph, 0);
    broadcast_to(w->graph, x, SHARED(INT64_C(1) << 40, INT64_C(1) << 40));
}

static void too_many_axes(World *w)
{
    contract(w->graph, leaf_at(w, "x", SHARED(1, 1, 1, 1), 4), leaf_at(w, "y", SHARED(1, 1, 1, 1), 5), "ijkl,mnop->ijklmnop");
}

static void bad_reshape(World *w) { reshape_to(w->graph, leaf_at(w, "image", PER_ROW(784), 3), 2, (int64_t[]){28, 27}); }
static void bad_slice(World *w) { slice(w->graph, leaf_at(w, "x", SHARED(5), 3), 1, 2, 6); }
static void bad_axis(World *w) { reduce(w->graph, OP_SUM, leaf_at(w, "x", SHARED(5), 3), 1u << 2); }
static void no_batch(World *w) { reduce(w->graph, OP_SUM, leaf_at(w, "w", SHARED(5), 3), 1u); }
static void bad_concat(World *w) { concat(w->graph, leaf_at(w, "x", SHARED(5, 2), 3), leaf_at(w, "y", SHARED(4, 3), 4), 1); }
static void bad_pad(World *w) { pad(w->graph, leaf_at(w, "x", SHARED(5), 3), 1, -1, 0, 0); }
static void bad_permute(World *w) { permute(w->graph, leaf_at(w, "x", SHARED(5, 2), 3), (int8_t[]){1, 1}); }
static void scalar_matmul(World *w) { matmul(w->graph, constant(w->graph, 2), leaf_at(w, "x", SHARED(5), 3)); }
static void leading_sizes(World *w)
{
    matmul(w->graph, leaf_at(w, "x", SHARED(2, 3, 4), 3), leaf_at(w, "y", SHARED(5, 4, 6), 4));
}
static void rows_into_parameter(World *w) { leaf_at(w, "p", SHARED(2), 3); assign(w->graph, 0, leaf_at(w, "x", PER_ROW(2), 4)); }
static void wrong_shape_assigned(World *w)
{
    NodeId p = leaf_at(w, "p", SHARED(2), 3);
    assign(w->graph, 0, reshape_to(w->graph, p, 2, (int64_t[]){1, 2}));
}
static void second_name(World *w) { leaf_at(w, "fc1.weight", SHARED(2), 3); world_leaf(w, "fc1.weight", SHARED(2), 0, 1); }

typedef struct Refusal { void (*act)(World *); const char *says; } Refusal;

static const Refusal refusals[] = {
    {inner_sizes, "model.lua:12: error: matmul: the inner sizes differ, 100 and 784\n"
                  "  left       'hidden' (batch, 100)  made at model.lua:9\n"
                  "  right      'fc.weight' (784, 10)  made at model.lua:7\n"
                  "  swap the operands, or transpose one of them\n"},
    {not_transposed, "model.lua:12: error: matmul: the inner sizes differ, 784 and 10\n"
                     "  left       'image' (batch, 784)   made at model.lua:9\n"
                     "  right      'fc.weight' (10, 784)  made at model.lua:7\n"
                     "  transpose the right one\n"},
    {shapes_differ, "model.lua:12: error: add: the shapes do not fit: axis -1 is 784 in one and 100 in another\n"
                    "  left       'image' (batch, 784)  made at model.lua:3\n"
                    "  right      'bias' (100)          made at model.lua:4\n"
                    "  axis by axis from the last one, sizes must be equal, or one of them 1\n"},
    {class_as_float, "error: multiply: the right operand is an integer tensor (a class or an index), where a float belongs\n"
                     "  left       ()                       made at model.lua:12\n"
                     "  right      'label' integer (batch)  made at model.lua:3\n"
                     "  nn.float(x) makes a float tensor of it\n"},
    {class_of_one, "error: exp: an integer tensor (a class or an index) stands where a float belongs\n"
                   "  operand    'label' integer (batch)  made at model.lua:3\n"
                   "  nn.float(x) makes a float tensor of it\n"},
    {class_with_float, "error: equal: one operand is an integer tensor (a class or an index), another a float one\n"},
    {too_large, "error: broadcast: the result (1048576, 1048577) has more than 2^40 elements\n"},
    {overflowing, "has more than 2^40 elements\n"},
    {too_many_axes, "has more than 6 axes\n"},
    {bad_reshape, "error: reshape: 784 elements (a row) do not fill (batch, 28, 27), which has 756\n"},
    {bad_slice, "error: slice: elements 3 to 6 of axis 1, which has 5\n"},
    {bad_axis, "error: sum: axis 2 of a tensor with 1\n"},
    {no_batch, "error: sum: the batch is folded, and the operand has none\n"},
    {bad_concat, "error: concat: the shapes do not fit together along axis 1\n"},
    {bad_pad, "error: pad: negative padding, -1 before and 0 after\n"},
    {bad_permute, "error: permute: the order is no permutation of the 2 axes\n"},
    {scalar_matmul, "error: matmul: a scalar has no axis to sum over\n"},
    {leading_sizes, "error: matmul: the leading sizes differ, 2 and 5\n"},
    {rows_into_parameter, "error: assign: the new value of 'p' has the batch\n"},
    {wrong_shape_assigned, "error: assign: the new value of 'p', which is (2), has another shape\n"},
    {second_name, "model.lua:2: error: a second tensor named 'fc1.weight'\n"
                  "  the first, a parameter, was made at model.lua:1\n"
                  "  give one of them another name\n"},
};

START_TEST(what_is_refused)
{
    World world = world_new(BATCH, ROWS);
    int status;
    const char *said = said_by(world.arena, refusals[_i].act, &world, &status);
    ck_assert_msg(strstr(said, refusals[_i].says) != NULL, "said:\n%s\nexpected:\n%s", said, refusals[_i].says);
    ck_assert_int_eq(status, STATUS_MODEL);
    world_free(&world);
}
END_TEST

/* ---- the check --------------------------------------------------------------------------------------------------- */

static void forward_reference(World *w)
{
    NodeId x = world_leaf(w, "x", SHARED(2), 0, 1), y = apply1(w->graph, OP_EXP, x);
    w->graph->nodes[y].operand[0] = y;
    check_graph(w->graph, "a pass");
}

static void wrong_type(World *w)
{
    NodeId y = apply1(w->graph, OP_EXP, world_leaf(w, "x", SHARED(2), 0, 1));
    w->graph->nodes[y].type = SHARED(3);
    check_graph(w->graph, "a pass");
}

static void unused_attribute(World *w)
{
    NodeId y = apply1(w->graph, OP_EXP, world_leaf(w, "x", SHARED(2), 0, 1));
    w->graph->nodes[y].attributes.axis = 1;
    check_graph(w->graph, "a pass");
}

static void different_shapes(World *w)
{
    NodeId x = world_leaf(w, "x", SHARED(2), 0, 1), z = world_leaf(w, "z", SHARED(3), 0, 1);
    w->graph->nodes[add(w->graph, x, x)].operand[1] = z;
    check_graph(w->graph, "a pass");
}

static void lost_leaf(World *w)
{
    world_leaf(w, "x", SHARED(2), 0, 1);
    w->graph->leaves[0].node = NONE;
    check_graph(w->graph, "a pass");
}

START_TEST(broken_graphs_are_bugs)
{
    static void (*const broken[])(World *) = {forward_reference, wrong_type, unused_attribute, different_shapes, lost_leaf};
    for (int i = 0; i < (int)(sizeof broken / sizeof *broken); i++) {
        World world = world_new(BATCH, ROWS);
        int status;
        const char *said = said_by(world.arena, broken[i], &world, &status);
        ck_assert_msg(status == STATUS_BUG && strstr(said, "after a pass"), "case %d: %d, %s", i, status, said);
        world_free(&world);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: making nodes");
    TCase *tests = tcase_create("build");
    tcase_add_loop_test(tests, broadcasting, 0, (int)(sizeof broadcasts / sizeof *broadcasts));
    tcase_add_loop_test(tests, matmuls, 0, (int)(sizeof products / sizeof *products));
    tcase_add_test(tests, folds_see_valid_rows_only);
    tcase_add_test(tests, helpers_carry_no_name);
    tcase_add_test(tests, classes_compare_with_numbers);
    tcase_add_test(tests, substitution);
    tcase_add_loop_test(tests, what_is_refused, 0, (int)(sizeof refusals / sizeof *refusals));
    tcase_add_test(tests, broken_graphs_are_bugs);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
