/* associate: every root of a training step keeps its value, products that no reader needs are gone, operations fall; what would not
 * pay or could not be written stays. Values by the interpreter, in double, with spare rows; which order is cheaper, by hand. */
#include "graph_world.h"
#include "graph/model.h"

enum { BATCH = 40, ROWS = 33 };

/* A model whose training step has these roots. */
static Model *model_of(World *world, const NodeId *roots, int count)
{
    Model *model = NEW(world->arena, Model, 1);
    *model = (Model){.arena = world->arena, .graph = world->graph, .kind = MODEL_TRAIN, .batch = BATCH};
    model->phase[PHASE_TRAIN].roots = arena_copy(world->arena, roots, sizeof *roots * (size_t)count);
    model->phase[PHASE_TRAIN].root_count = count;
    simplify(model);
    return model;
}

static int contractions(const Model *model)
{
    int count = 0;
    Arena *scratch = arena_new();
    const Phase *train = &model->phase[PHASE_TRAIN];
    bool *needed = needed_for(model->graph, scratch, train->roots, train->root_count);
    for (NodeId id = 0; id < model->graph->count; id++)
        count += needed[id] && op_of(model->graph, id) == OP_CONTRACT;
    arena_free(scratch);
    return count;
}

/* Is a matrix or batch of this width computed anywhere? */
static bool computes(const Model *model, bool per_row, int64_t last)
{
    bool found = false;
    Arena *scratch = arena_new();
    const Phase *train = &model->phase[PHASE_TRAIN];
    bool *needed = needed_for(model->graph, scratch, train->roots, train->root_count);
    for (NodeId id = 0; id < model->graph->count; id++) {
        const Type type = type_of(model->graph, id);
        found |= needed[id] && op_info[op_of(model->graph, id)].class != LEAF && type.per_row == per_row && type.rank > 0
              && type.size[type.rank - 1] == last;
    }
    arena_free(scratch);
    return found;
}

static void check_same_values(World *world, const Model *before, const Model *after)
{
    Arena *arena = arena_new();
    const Phase *a = &before->phase[PHASE_TRAIN], *b = &after->phase[PHASE_TRAIN];
    ck_assert_int_eq(a->root_count, b->root_count);
    check_graph(after->graph, "associate");
    for (int r = 0; r < a->root_count; r++) {
        world->graph = before->graph;
        const double *x = world_compute(world, arena, a->roots[r]);
        world->graph = after->graph;
        const double *y = world_compute(world, arena, b->roots[r]);
        const int64_t count = elements_of(world, type_of(before->graph, a->roots[r]));
        double largest = 1;
        for (int64_t i = 0; i < count; i++)
            largest = fmax(largest, fabs(x[i]));
        for (int64_t i = 0; i < count; i++)
            ck_assert_msg(fabs(x[i] - y[i]) <= 1e-12 * largest, "root %d, element %d: %.17g, then %.17g", r, (int)i, x[i], y[i]);
    }
    arena_free(arena);
}

/* x: 47 → 31 → 6 (→ 5, where `third`), biases, and a loss that bends: the gradients of all parameters. */
static Model *layers(World *world, bool third, Type input)
{
    Graph *g = world->graph;
    NodeId x = world_leaf(world, "x", input, -1, 1), parameter[6], gradient[7];
    NodeId y = x;
    const int64_t width[] = {47, 31, 6, 5};
    const int count = third ? 3 : 2;
    for (int l = 0; l < count; l++) {
        parameter[2 * l] = world_leaf(world, arena_print(world->arena, "w%d", l), SHARED(width[l], width[l + 1]), -1, 1);
        parameter[2 * l + 1] = world_leaf(world, arena_print(world->arena, "b%d", l), SHARED(width[l + 1]), -1, 1);
        y = matmul(g, y, parameter[2 * l]);
        y = add(g, y, parameter[2 * l + 1]);
    }
    NodeId loss = weighted_sum(world, apply1(g, OP_TANH, y));
    Metric metric = {.name = "loss", .part = {loss, NONE, NONE}, .is_loss = true};
    Model model = {.arena = world->arena, .graph = g, .kind = MODEL_TRAIN, .metrics = &metric, .metric_count = 1, .optimizer = {.name = "sgd"}};
    differentiate_model(&model);
    for (int p = 0; p < 2 * count; p++)
        gradient[p] = model.updates[p].gradient;
    gradient[2 * count] = loss;
    return model_of(world, gradient, 2 * count + 1);
}

START_TEST(layers_with_nothing_between)
{
    World world = world_new(BATCH, ROWS);
    Model *before = layers(&world, _i & 1, _i & 2 ? PER_ROW(3, 47) : PER_ROW(47));
    Model *after = associate(before);
    ck_assert_ptr_ne(before, after);
    check_same_values(&world, before, after);
    ck_assert(computes(before, true, 31));
    ck_assert(!computes(after, true, 31));              /* neither the hidden layer nor its gradient */
    ck_assert(computes(before, true, 31));              /* and what it took is left as it was */
    if (_i == 0)
        ck_assert_int_eq(contractions(after), 8);       /* W V, x (W V), W β; dz' x, W' (dz' x), W' dγ; (dz' x) V', dγ β' */
    world_free(&world);
}
END_TEST

/* A wide layer in the middle is cheaper as it is written; so is one whose values something else reads. */
START_TEST(left_alone)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", PER_ROW(9), -1, 1), v = world_leaf(&world, "v", SHARED(9, 4), -1, 1), w = world_leaf(&world, "w", SHARED(4, 50), -1, 1);
    NodeId narrow = matmul(g, x, v);
    NodeId wide = matmul(g, narrow, w), roots[] = {wide, NONE};
    Model *model = model_of(&world, roots, 1);
    ck_assert_ptr_eq(associate(model), model);          /* 9·4 + 4·50 a row beat 9·50 */
    world_free(&world);

    world = world_new(BATCH, ROWS);
    g = world.graph;
    x = world_leaf(&world, "x", PER_ROW(47), -1, 1), v = world_leaf(&world, "v", SHARED(47, 31), -1, 1), w = world_leaf(&world, "w", SHARED(31, 2), -1, 1);
    NodeId h = matmul(g, x, v), bent = apply1(g, OP_TANH, h);
    roots[0] = matmul(g, h, w), roots[1] = bent;
    model = model_of(&world, roots, 2);
    ck_assert_ptr_eq(associate(model), model);
    roots[1] = h;
    model = model_of(&world, roots, 2);                 /* a root of its own */
    ck_assert_ptr_eq(associate(model), model);
    world_free(&world);
}
END_TEST

/* x' (y W), and its sum over rows and columns: folds over the batch within a product of three; sums go into the factors. */
START_TEST(sums_and_folds_over_rows)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = mask_rows(g, world_leaf(&world, "x", PER_ROW(50), -1, 1)), y = world_leaf(&world, "y", PER_ROW(3), -1, 1),
           w = world_leaf(&world, "w", SHARED(3, 60), -1, 1);
    NodeId wide = contract(g, y, w, "bi,ij->bj");
    NodeId roots[] = {contract(g, x, wide, "bi,bj->ij"), reduce(g, OP_SUM, wide, 1), reduce(g, OP_SUM, wide, 2), reduce(g, OP_SUM, wide, 3)};
    Model *before = model_of(&world, roots, 4), *after = associate(before);
    ck_assert_ptr_ne(before, after);
    check_same_values(&world, before, after);
    ck_assert(!computes(after, true, 60));
    world_free(&world);
}
END_TEST

/* (x' y) is folded over rows; read by rows again it cannot be taken apart, for a product has one batch. */
START_TEST(two_batches_are_not_one)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", PER_ROW(30), -1, 1), y = world_leaf(&world, "y", PER_ROW(300), -1, 1), z = world_leaf(&world, "z", PER_ROW(30), -1, 1);
    NodeId square = contract(g, mask_rows(g, x), y, "bi,bj->ij"), roots[] = {contract(g, z, square, "bi,ij->bj")};
    Model *model = model_of(&world, roots, 1);
    ck_assert_ptr_eq(associate(model), model);
    world_free(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: the order of products");
    TCase *tests = tcase_create("products");
    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, layers_with_nothing_between, 0, 4);
    tcase_add_test(tests, left_alone);
    tcase_add_test(tests, sums_and_folds_over_rows);
    tcase_add_test(tests, two_batches_are_not_one);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
