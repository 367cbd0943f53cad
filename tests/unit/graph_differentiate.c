/* differentiate: whole expressions against central differences; gradients of gradients; with respect to anything; through
 * partial batches; where each node says it comes from; what is refused; and the pass over a model. */
#include "graph_world.h"

enum { BATCH = 4, ROWS = 3 };

static NodeId mean(Graph *g, NodeId a, uint32_t axes)
{
    return divide(g, sum_axes(g, a, axes), fold_size(g, g->nodes[a].type, axes));
}

static NodeId everything(Graph *g, NodeId a)
{
    return sum_axes(g, a, all_axes(g->nodes[a].type));
}

/* log Σ exp over the last axis, the largest taken off first */
static NodeId log_sum_exp(Graph *g, NodeId a)
{
    Type type = g->nodes[a].type;
    NodeId largest = reduce(g, OP_MAX, a, 1u << type.rank);
    NodeId moved = subtract(g, a, broadcast_axes(g, largest, 1u << type.rank, type));
    return add(g, apply1(g, OP_LOG, reduce(g, OP_SUM, apply1(g, OP_EXP, moved), 1u << type.rank)), largest);
}

/* A two-layer network with cross entropy, on a partial batch. */
typedef struct Network { NodeId image, w1, b1, w2, b2, hidden, logits, loss; } Network;

static Network network(World *world)
{
    Graph *g = world->graph;
    Network n;
    n.image = world_leaf(world, "image", PER_ROW(5), -1, 1);
    n.w1 = world_leaf(world, "fc1.weight", SHARED(7, 5), -1, 1);
    n.b1 = world_leaf(world, "fc1.bias", SHARED(7), -1, 1);
    n.w2 = world_leaf(world, "fc2.weight", SHARED(3, 7), -1, 1);
    n.b2 = world_leaf(world, "fc2.bias", SHARED(3), -1, 1);
    Type label_type = {.scalar = INT, .per_row = true};
    NodeId label = world_leaf(world, "label", label_type, 0, 3);
    n.hidden = apply1(g, OP_TANH, add(g, contract(g, n.image, n.w1, "bi,ji->bj"), n.b1));
    n.logits = add(g, contract(g, n.hidden, n.w2, "bi,ji->bj"), n.b2);
    g->nodes[n.logits].origin.name = "logits";
    Type row = g->nodes[n.logits].type;
    NodeId is_label = apply2(g, OP_EQUAL, index_along(g, row, 1), broadcast_axes(g, label, 2u, row));
    NodeId chosen = reduce(g, OP_SUM, apply3(g, OP_SELECT, is_label, n.logits, constant(g, 0)), 2u);
    n.loss = mean(g, subtract(g, log_sum_exp(g, n.logits), chosen), 1u);
    g->nodes[n.loss].origin.name = "loss";
    return n;
}

START_TEST(a_network)
{
    for (int rows = 1; rows <= BATCH; rows++) {
        World world = world_new(BATCH, rows);
        Network n = network(&world);
        NodeId x[] = {n.w1, n.b1, n.w2, n.b2, n.image}, gradient[5];
        differentiate(world.graph, n.loss, x, 5, gradient);
        for (int i = 0; i < 5; i++)
            check_gradient(&world, n.loss, x[i], gradient[i], world.graph->nodes[x[i]].origin.name);
        world_free(&world);
    }
}
END_TEST

/* d loss / d logits = (softmax - onehot) / rows: an intermediate tensor; spare rows repeat row 0, whose label they have. */
START_TEST(with_respect_to_an_intermediate_tensor)
{
    World world = world_new(BATCH, ROWS);
    Network n = network(&world);
    NodeId gradient;
    differentiate(world.graph, n.loss, &n.logits, 1, &gradient);
    const double *slope = world_compute(&world, world.arena, gradient), *logits = world_compute(&world, world.arena, n.logits);
    for (int row = 0; row < BATCH; row++) {
        double total = 0;
        for (int k = 0; k < 3; k++)
            total += exp(logits[row * 3 + k]);
        for (int k = 0; k < 3; k++) {
            double expected = (exp(logits[row * 3 + k]) / total - (world.values[5][row] == k)) / ROWS;
            ck_assert_double_eq_tol(slope[row * 3 + k], expected, 1e-14);
        }
    }
    world_free(&world);
}
END_TEST

/* The gradient does not depend on what is in spare rows. */
START_TEST(spare_rows_do_not_matter)
{
    World world = world_new(BATCH, ROWS);
    Network n = network(&world);
    NodeId x[] = {n.w1, n.b1, n.w2, n.b2}, gradient[4];
    differentiate(world.graph, n.loss, x, 4, gradient);
    for (int i = 0; i < 4; i++) {
        int64_t count = elements_of(&world, world.graph->nodes[x[i]].type);
        const double *before = world_compute(&world, world.arena, gradient[i]);
        for (int j = 0; j < 5; j++)
            world_values(&world, n.image)[ROWS * 5 + j] += 17;
        const double *after = world_compute(&world, world.arena, gradient[i]);
        for (int64_t e = 0; e < count; e++)
            ck_assert_double_eq(before[e], after[e]);
    }
    world_free(&world);
}
END_TEST

/* Gradient penalty: loss + mean |d out / d image|^2, differentiated with respect to the weights. */
START_TEST(gradient_penalty)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Network n = network(&world);
    NodeId slope;
    differentiate(g, everything(g, n.hidden), &n.image, 1, &slope);
    NodeId penalised = add(g, n.loss, mean(g, apply1(g, OP_SQUARE, slope), 3u));
    NodeId x[] = {n.w1, n.b1, n.w2, n.image}, gradient[4];
    differentiate(g, penalised, x, 4, gradient);
    for (int i = 0; i < 4; i++)
        check_gradient(&world, penalised, x[i], gradient[i], g->nodes[x[i]].origin.name);
    world_free(&world);
}
END_TEST

/* The penalty of a critic: its slope's length. In a spare row a zero slope would have an infinite derivative of its root. */
START_TEST(length_of_a_slope)
{
    for (int rows = 1; rows <= BATCH; rows++) {
        World world = world_new(BATCH, rows);
        Graph *g = world.graph;
        Network n = network(&world);
        NodeId slope, length;
        differentiate(g, everything(g, n.hidden), &n.image, 1, &slope);
        length = apply1(g, OP_SQRT, reduce(g, OP_SUM, apply1(g, OP_SQUARE, slope), 2u));
        NodeId far = subtract(g, length, constant(g, 1)), penalty = mean(g, add(g, apply1(g, OP_SQUARE, far), apply1(g, OP_LOG, length)), 1u);
        Metric metric = {.name = "loss", .part = {penalty, NONE, NONE}, .is_loss = true};
        Model model = {.arena = world.arena, .graph = g, .kind = MODEL_TRAIN, .metrics = &metric, .metric_count = 1, .optimizer = {.name = "sgd"}};
        for (int leaf = 3; leaf < 5; leaf++)
            g->leaves[leaf].frozen = true;
        differentiate_model(&model);
        ck_assert_int_eq(model.update_count, 2);
        for (int u = 0; u < 2; u++)
            check_gradient(&world, penalty, g->leaves[model.updates[u].parameter].node, model.updates[u].gradient, "weights");
        simplify(&model);
        for (int u = 0; u < 2; u++)
            check_gradient(&world, metric.part[0], g->leaves[model.updates[u].parameter].node, model.updates[u].gradient, "simplified");
        world_free(&world);
    }
}
END_TEST

/* Batch statistics and extremes over the batch, differentiated twice with respect to the rows: valid rows count, spare ones repeat. */
START_TEST(through_folds_of_the_batch)
{
    for (int rows = 2; rows <= BATCH; rows++) {
        World world = world_new(BATCH, rows);
        Graph *g = world.graph;
        NodeId x = world_leaf(&world, "x", PER_ROW(3), -1, 1), w = world_leaf(&world, "w", SHARED(3), 0.5, 1), xs[] = {x, w}, first[2], second[2];
        NodeId centred = subtract(g, multiply(g, x, w), mean(g, multiply(g, x, w), 1u));
        NodeId deviation = apply1(g, OP_SQRT, mean(g, apply1(g, OP_SQUARE, centred), 1u));
        NodeId y = add(g, everything(g, apply1(g, OP_EXP, divide(g, centred, deviation))), everything(g, multiply(g, max_axes(g, x, 1u), w)));
        differentiate(g, y, xs, 2, first);
        for (int i = 0; i < 2; i++) {
            check_gradient(&world, y, xs[i], first[i], "first");
            NodeId slope = weighted_sum(&world, first[i]);
            differentiate(g, slope, xs, 2, second);
            for (int j = 0; j < 2; j++)
                check_gradient(&world, slope, xs[j], second[j], "second");
        }
        world_free(&world);
    }
}
END_TEST

/* (|z| if z < 0 else sqrt(z)) and the like: roots, logarithms, powers and overflows that were not chosen reach no derivative. */
START_TEST(what_is_not_chosen)
{
    World world = world_new(1, 1);
    Graph *g = world.graph;
    NodeId z = world_leaf(&world, "z", SHARED(6), 0, 1), zero = constant(g, 0), gradient, second;
    memcpy(world_values(&world, z), (double[]){-4, -1, 0, 0.25, 4, 900}, 6 * sizeof (double));
    NodeId below = apply2(g, OP_LESS, z, zero), above = apply2(g, OP_GREATER, z, zero), large = apply2(g, OP_GREATER, z, constant(g, 50));
    NodeId root = apply3(g, OP_SELECT, below, apply1(g, OP_ABS, z), apply1(g, OP_SQRT, add(g, z, apply2(g, OP_EQUAL, z, zero))));
    NodeId twice = add(g, apply1(g, OP_LOG, z), apply1(g, OP_RECIPROCAL, z));
    NodeId logarithm = apply3(g, OP_SELECT, above, twice, multiply(g, z, z));
    NodeId power = apply3(g, OP_SELECT, large, z, apply3(g, OP_SELECT, above, apply1(g, OP_EXP, apply1(g, OP_SQUARE, z)), z));
    const double *value;

    differentiate(g, everything(g, root), &z, 1, &gradient);
    value = world_compute(&world, world.arena, gradient);
    for (int i = 0; i < 6; i++) {
        double at = world_values(&world, z)[i];
        ck_assert_double_eq_tol(value[i], at < 0 ? -1 : at == 0 ? 0.5 : 0.5 / sqrt(at), 1e-15);
    }
    differentiate(g, everything(g, gradient), &z, 1, &second);
    value = world_compute(&world, world.arena, second);
    for (int i = 0; i < 6; i++) {
        double at = world_values(&world, z)[i];
        ck_assert_double_eq_tol(value[i], at < 0 ? 0 : at == 0 ? -0.25 : -0.25 / (at * sqrt(at)), 1e-15);
    }
    differentiate(g, everything(g, logarithm), &z, 1, &gradient);
    value = world_compute(&world, world.arena, gradient);
    for (int i = 0; i < 6; i++) {
        double at = world_values(&world, z)[i];
        ck_assert_double_eq_tol(value[i], at > 0 ? 1 / at - 1 / (at * at) : 2 * at, 1e-14);
    }
    differentiate(g, everything(g, power), &z, 1, &gradient);
    value = world_compute(&world, world.arena, gradient);
    for (int i = 0; i < 6; i++) {
        double at = world_values(&world, z)[i], expected = at > 50 || at <= 0 ? 1 : 2 * at * exp(at * at);
        ck_assert_double_eq_tol(value[i], expected, 1e-12 * expected);
    }
    world_free(&world);
}
END_TEST

/* A value that is read under a choice and elsewhere too has all of its derivative. */
START_TEST(what_is_chosen_and_read_elsewhere)
{
    World world = world_new(1, 1);
    Graph *g = world.graph;
    NodeId z = world_leaf(&world, "z", SHARED(4), 0.2, 2), gradient;
    NodeId root = apply1(g, OP_SQRT, z), above = apply2(g, OP_GREATER, z, constant(g, 1));
    NodeId y = everything(g, add(g, apply3(g, OP_SELECT, above, apply1(g, OP_EXP, root), multiply(g, root, root)), apply1(g, OP_SIN, root)));
    differentiate(g, y, &z, 1, &gradient);
    check_gradient(&world, y, z, gradient, "both");
    world_free(&world);
}
END_TEST

/* x^5 five times: 120 = 5!, and then 0. */
START_TEST(derivatives_of_derivatives)
{
    World world = world_new(1, 1);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", (Type){.scalar = FLOAT}, 1.5, 1.5);
    NodeId y = apply2(g, OP_POWER, x, constant(g, 5));
    const double expected[] = {5 * pow(1.5, 4), 20 * pow(1.5, 3), 60 * pow(1.5, 2), 120 * 1.5, 120, 0};
    for (int order = 0; order < 6; order++) {
        differentiate(g, y, &x, 1, &y);
        ck_assert_double_eq_tol(*world_compute(&world, world.arena, y), expected[order], 1e-11);
    }
    world_free(&world);
}
END_TEST

START_TEST(hessian_is_symmetric)
{
    World world = world_new(1, 1);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", (Type){.scalar = FLOAT}, 0.2, 0.8),
           z = world_leaf(&world, "z", (Type){.scalar = FLOAT}, 0.2, 0.8);
    NodeId y = apply1(g, OP_SIN, multiply(g, apply1(g, OP_EXP, x), apply2(g, OP_POWER, z, x))), first[2], xz, zx;
    differentiate(g, y, (NodeId[]){x, z}, 2, first);
    differentiate(g, first[0], &z, 1, &xz);
    differentiate(g, first[1], &x, 1, &zx);
    ck_assert_double_eq_tol(*world_compute(&world, world.arena, xz), *world_compute(&world, world.arena, zx), 1e-12);
    check_gradient(&world, first[0], z, xz, "xz");
    world_free(&world);
}
END_TEST

START_TEST(corners)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", (Type){.scalar = FLOAT}, 0.5, 0.5), other = world_leaf(&world, "other", PER_ROW(2), 0, 1),
           gradient[2];
    differentiate(g, x, (NodeId[]){x, other}, 2, gradient);     /* y is x itself; y does not depend on `other` */
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[0]), 1);
    ck_assert(same_type(g->nodes[gradient[1]].type, g->nodes[other].type));
    for (int i = 0; i < 8; i++)
        ck_assert_double_eq(world_compute(&world, world.arena, gradient[1])[i], 0);

    NodeId y = multiply(g, x, x), later = apply1(g, OP_EXP, y);  /* x[1] comes after y */
    differentiate(g, y, (NodeId[]){x, later}, 2, gradient);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[0]), 1);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[1]), 0);

    NodeId middle = apply1(g, OP_SQUARE, x), end = multiply(g, middle, x);      /* total derivatives of both, PyTorch's meaning */
    differentiate(g, end, (NodeId[]){x, middle}, 2, gradient);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[0]), 0.75);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[1]), 0.5);

    NodeId cut = multiply(g, x, apply1(g, OP_DETACH, x));
    differentiate(g, cut, &x, 1, gradient);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[0]), 0.5);
    NodeId flat = apply2(g, OP_GREATER, x, constant(g, 0));
    differentiate(g, flat, &x, 1, gradient);
    ck_assert_double_eq(*world_compute(&world, world.arena, gradient[0]), 0);
    world_free(&world);
}
END_TEST

/* Only what leads to x is visited: one small gradient in a large graph is a small graph. */
START_TEST(small_questions_have_small_answers)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId a = world_leaf(&world, "a", SHARED(3), 0, 1), b = world_leaf(&world, "b", SHARED(3), 0, 1), gradient;
    for (int i = 0; i < 1000; i++)
        a = apply1(g, OP_SIN, a);
    NodeId y = everything(g, multiply(g, a, b));
    int before = g->count;
    differentiate(g, y, &b, 1, &gradient);
    ck_assert_int_le(g->count - before, 4);
    world_free(&world);
}
END_TEST

START_TEST(origins)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Network n = network(&world);
    for (NodeId id = 0; id < g->count; id++)
        g->nodes[id].origin.place.line = 100 + id;
    NodeId x[] = {n.w1, n.b1, n.w2, n.b2}, gradient[4];
    int forward = g->count;
    differentiate(g, n.loss, x, 4, gradient);
    for (NodeId id = forward; id < g->count; id++) {
        const Origin *origin = &g->nodes[id].origin;
        ck_assert_ptr_null(origin->name);
        ck_assert_ptr_nonnull(origin->rule);
        ck_assert_int_ge(origin->of, 0);
        ck_assert_int_lt(origin->of, forward);
        if (strcmp(origin->rule, "sum over its readers") != 0)
            ck_assert_int_eq(origin->place.line, 100 + origin->of);
    }
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(g->nodes[gradient[i]].origin.gradient_of, x[i]);
    ck_assert_str_eq(g->nodes[gradient[2]].origin.rule, "matmul, right operand");
    int of_logits = 0;
    for (NodeId id = forward; id < g->count; id++)
        of_logits += g->nodes[id].origin.gradient_of == n.logits;
    ck_assert_int_eq(of_logits, 1);
    for (NodeId id = 0; id < forward; id++)
        ck_assert_int_eq(g->nodes[id].origin.gradient_of, NONE);
    ck_assert_int_eq(g->now.place.line, 1);                      /* the builder's state is as it was */
    world_free(&world);
}
END_TEST

/* ---- refusals ---------------------------------------------------------------------------------------------------- */

static void of_a_vector(World *w)
{
    NodeId x = world_leaf(w, "x", PER_ROW(3), 0, 1), gradient;
    w->graph->now.place.line = 9;
    differentiate(w->graph, apply1(w->graph, OP_EXP, x), &x, 1, &gradient);
}

static void with_respect_to_a_class(World *w)
{
    Type type = {.scalar = INT, .per_row = true};
    NodeId x = world_leaf(w, "label", type, 0, 3), gradient;
    differentiate(w->graph, everything(w->graph, apply1(w->graph, OP_FLOAT, x)), &x, 1, &gradient);
}

START_TEST(what_is_refused)
{
    static const struct { void (*act)(World *); const char *says;
    } refusals[] = {
        {of_a_vector, "model.lua:9: error: the gradient of a tensor (batch, 3): a single number is differentiated\n  fold it "
                      "first, with :mean() or :sum()\n"},
        {with_respect_to_a_class, "error: the gradient with respect to an integer tensor (batch)\n"},
    };
    for (int i = 0; i < 2; i++) {
        World world = world_new(BATCH, ROWS);
        int status;
        const char *said = said_by(world.arena, refusals[i].act, &world, &status);
        ck_assert_msg(status == STATUS_MODEL && strstr(said, refusals[i].says), "%d:\n%s", status, said);
        world_free(&world);
    }
}
END_TEST

/* ---- the passes over a model ------------------------------------------------------------------------------------- */

static Model model_of(World *world, NodeId loss)
{
    Metric *metric = NEW(world->arena, Metric, 1);
    *metric = (Metric){.name = "loss", .part = {loss, NONE, NONE}, .is_loss = true, .place = {"model.lua", 50}};
    return (Model){.arena = world->arena, .graph = world->graph, .kind = MODEL_TRAIN, .metrics = metric, .metric_count = 1,
                   .optimizer = {.name = "sgd"}};
}

START_TEST(a_model)
{
    World world = world_new(BATCH, ROWS);
    Network n = network(&world);
    world.graph->leaves[2].frozen = true;
    Model model = model_of(&world, n.loss);
    differentiate_model(&model);
    ck_assert_int_eq(model.update_count, 3);
    for (int u = 0; u < 3; u++) {
        const Leaf *leaf = &world.graph->leaves[model.updates[u].parameter];
        ck_assert(!leaf->frozen && leaf->kind == LEAF_PARAMETER);
        check_gradient(&world, n.loss, leaf->node, model.updates[u].gradient, leaf->name);
    }
    check_model(&model, "differentiate");
    world_free(&world);
}
END_TEST

/* A loss of two parts, a mean and a sum, is their sum. */
START_TEST(loss_in_two_parts)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId w = world_leaf(&world, "w", (Type){.scalar = FLOAT}, 0.5, 0.5);
    Model model = model_of(&world, apply1(g, OP_SQUARE, w));
    model.metrics[0].part[1] = multiply(g, constant(g, 3), w);
    differentiate_model(&model);
    ck_assert_double_eq(*world_compute(&world, world.arena, model.updates[0].gradient), 2 * 0.5 + 3);
    world_free(&world);
}
END_TEST

static void nothing_to_train(World *w)
{
    Model model = model_of(w, constant(w->graph, 1));
    differentiate_model(&model);
}

static void all_frozen(World *w)
{
    Model model = model_of(w, world_leaf(w, "w", (Type){.scalar = FLOAT}, 0, 1));
    w->graph->leaves[0].frozen = true;
    differentiate_model(&model);
}

static void one_unreached(World *w)
{
    NodeId used = world_leaf(w, "w", (Type){.scalar = FLOAT}, 0, 1), unused = world_leaf(w, "unused", SHARED(3), 0, 1);
    NodeId cut = everything(w->graph, apply1(w->graph, OP_DETACH, unused));
    Model model = model_of(w, add(w->graph, used, cut));
    differentiate_model(&model);
    ck_assert_int_eq(model.update_count, 1);
}

START_TEST(loose_ends)
{
    static const struct { void (*act)(World *); int status; const char *says;
    } ends[] = {
        {nothing_to_train, STATUS_MODEL,
         "model.lua:50: error: nothing to train: the model has no parameters\n  nn.show evaluates expressions without "
         "training\n"},
        {all_frozen, STATUS_MODEL, "model.lua:50: error: nothing to train: no parameter that is not frozen reaches the loss\n"},
        {one_unreached, 0, "model.lua:2: warning: the parameter 'unused' does not reach the loss: it is not trained\n"},
    };
    for (int i = 0; i < 2; i++) {
        World world = world_new(BATCH, ROWS);
        int status;
        const char *said = said_by(world.arena, ends[i].act, &world, &status);
        ck_assert_msg(status == ends[i].status && strstr(said, ends[i].says), "%d:\n%s", status, said);
        world_free(&world);
    }
}
END_TEST

/* Dropout as a model has it: where training, x · [u >= 1/2] · 2, else x. */
START_TEST(phases)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    NodeId x = world_leaf(&world, "x", PER_ROW(3), 0.5, 1), w = world_leaf(&world, "w", SHARED(3), 0.5, 1);
    NodeId product = multiply(g, x, w);
    Attributes noise = attributes();
    noise.stream = 5;
    noise.type = PER_ROW(3);
    NodeId kept = apply2(g, OP_GREATER_EQUAL, new_node(g, OP_UNIFORM, NULL, 0, noise), constant(g, 0.5));
    NodeId dropped =
        apply3(g, OP_SELECT, leaf_scalar(g, OP_MODE), multiply(g, product, multiply(g, constant(g, 2), kept)), product);
    g->nodes[dropped].origin.name = "dropped";
    Model model = model_of(&world, mean(g, apply1(g, OP_SQUARE, dropped), 3u));
    Output output = {"out", dropped, {"model.lua", 60}};
    model.outputs = &output;
    model.output_count = 1;
    differentiate_model(&model);
    NodeId assigned =
        assign(g, g->nodes[w].attributes.leaf, subtract(g, w, multiply(g, leaf_scalar(g, OP_RATE), model.updates[0].gradient)));
    model.updates[0].assigns = &assigned;
    model.updates[0].assign_count = 1;

    double loss[2], *out[2];
    for (int mode = 0; mode < 2; mode++) {
        world.situation.mode = mode;
        loss[mode] = *world_compute(&world, world.arena, model.metrics[0].part[0]);
        out[mode] = (double *)world_compute(&world, world.arena, output.node);
    }
    simplify(&model);
    check_model(&model, "simplify");
    specialise(&model);
    check_graph(g, "specialise");
    check_model(&model, "specialise");
    world.situation.mode = NAN;          /* nothing may read it now */
    const Phase *train = &model.phase[PHASE_TRAIN], *evaluate = &model.phase[PHASE_EVALUATE],
                *predict = &model.phase[PHASE_PREDICT];
    ck_assert_double_eq_tol(*world_compute(&world, world.arena, train->metrics[0].part[0]), loss[1], 1e-14);
    ck_assert_double_eq_tol(*world_compute(&world, world.arena, evaluate->metrics[0].part[0]), loss[0], 1e-14);
    for (int i = 0; i < BATCH * 3; i++)
        ck_assert_double_eq_tol(world_compute(&world, world.arena, predict->outputs[0].node)[i], out[0][i], 1e-15);
    check_gradient(&world, train->metrics[0].part[0], g->leaves[1].node, train->gradients[0], "w in training");
    ck_assert_int_eq(train->root_count, 3);
    ck_assert_int_eq(evaluate->root_count, 1);
    ck_assert_int_eq(predict->root_count, 1);
    int uniforms = 0, gradients_of_named = 0;
    for (NodeId id = 0; id < g->count; id++) {
        uniforms += g->nodes[id].op == OP_UNIFORM;
        ck_assert_int_ne(g->nodes[id].op, OP_MODE);
        NodeId of = g->nodes[id].origin.gradient_of;
        gradients_of_named += of != NONE && g->nodes[of].origin.name && !strcmp(g->nodes[of].origin.name, "dropped");
    }
    ck_assert_int_eq(uniforms, 1);
    ck_assert_int_eq(gradients_of_named, 1);                     /* origins point into the training graph, not at what is gone */
    world_free(&world);
}
END_TEST

/* A metric, an output or a gradient that is a tensor in memory is copied: the step may write the tensor before it is read. */
START_TEST(roots_in_memory)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    const Type scalar = {.scalar = FLOAT};
    NodeId a = world_leaf(&world, "a", scalar, 0, 1), b = world_leaf(&world, "b", scalar, 0, 1);
    NodeId k = world_leaf(&world, "k", (Type){.scalar = INT, .per_row = true}, 0, 3);
    Model model = model_of(&world, multiply(g, a, b));
    Metric metrics[] = {model.metrics[0], {.name = "a", .part = {a, NONE, NONE}}};
    Output outputs[] = {{"k", k, {NULL, 0}}, {"same", k, {NULL, 0}}};
    model.metrics = metrics;
    model.metric_count = 2;
    model.outputs = outputs;
    model.output_count = 2;
    differentiate_model(&model);
    simplify(&model);
    specialise(&model);
    check_graph(g, "specialise");
    check_model(&model, "specialise");
    const Phase *train = &model.phase[PHASE_TRAIN];
    for (int r = 0; r < train->root_count; r++)
        ck_assert_int_ne(g->nodes[train->roots[r]].op, OP_PARAMETER);
    ck_assert_int_eq(g->nodes[train->metrics[1].part[0]].op, OP_DETACH);
    ck_assert_int_eq(g->nodes[train->gradients[0]].operand[0], g->leaves[1].node);
    ck_assert_int_eq(g->nodes[outputs[0].node].op, OP_DETACH);
    ck_assert_int_eq(g->nodes[outputs[0].node].type.scalar, INT);
    ck_assert_int_eq(outputs[0].node, outputs[1].node);
    ck_assert_int_eq(g->nodes[g->leaves[0].node].op, OP_PARAMETER);
    world_free(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: differentiation");
    TCase *tests = tcase_create("differentiate");
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, a_network);
    tcase_add_test(tests, with_respect_to_an_intermediate_tensor);
    tcase_add_test(tests, spare_rows_do_not_matter);
    tcase_add_test(tests, gradient_penalty);
    tcase_add_test(tests, length_of_a_slope);
    tcase_add_test(tests, through_folds_of_the_batch);
    tcase_add_test(tests, what_is_not_chosen);
    tcase_add_test(tests, what_is_chosen_and_read_elsewhere);
    tcase_add_test(tests, derivatives_of_derivatives);
    tcase_add_test(tests, hessian_is_symmetric);
    tcase_add_test(tests, corners);
    tcase_add_test(tests, small_questions_have_small_answers);
    tcase_add_test(tests, origins);
    tcase_add_test(tests, what_is_refused);
    tcase_add_test(tests, a_model);
    tcase_add_test(tests, loss_in_two_parts);
    tcase_add_test(tests, loose_ends);
    tcase_add_test(tests, phases);
    tcase_add_test(tests, roots_in_memory);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
