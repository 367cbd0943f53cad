/* Graphs as text: formulas as one would write them (precedence, signs, names, what is shared), the lines of --dump, and dot. */
#include "graph_world.h"

typedef struct Leaves { NodeId x, y, z, row, m, a; } Leaves;

static World a_world(Leaves *l)
{
    World world = world_new(4, 3);
    const Type scalar = {.scalar = FLOAT};
    l->x = world_leaf(&world, "x", scalar, 0, 1);
    l->y = world_leaf(&world, "y", scalar, 0, 1);
    l->z = world_leaf(&world, "z", scalar, 0, 1);
    l->row = world_leaf(&world, "row", PER_ROW(3), 0, 1);
    l->m = world_leaf(&world, "m", SHARED(2, 3), 0, 1);
    l->a = world_leaf(&world, "a", PER_ROW(2, 3), 0, 1);
    return world;
}

/* The formulas of a nn.show with these outputs, without simplification: the writer is tested as it stands. */
static const char *math(World *world, Output *outputs, int count)
{
    Model model = {.arena = world->arena, .graph = world->graph, .kind = MODEL_SHOW, .outputs = outputs, .output_count = count};
    Text text = text_new(world->arena);
    dump_math(&model, &text);
    return text.bytes;
}

typedef struct Formula { NodeId (*build)(Graph *g, const Leaves *l); const char *text; } Formula;

#define BUILD(name, ...) static NodeId name(Graph *g, const Leaves *l) { (void)g, (void)l; return __VA_ARGS__; }
static NodeId c(Graph *g, double value) { return constant(g, value); }
BUILD(sum_of_products, add(g, multiply(g, l->x, l->y), multiply(g, c(g, 2), l->z)))
BUILD(product_of_sums, multiply(g, add(g, l->x, l->y), subtract(g, l->z, c(g, 1))))
BUILD(nested_difference, subtract(g, l->x, subtract(g, l->y, l->z)))
BUILD(difference_of_sum, subtract(g, subtract(g, l->x, l->y), l->z))
BUILD(minus_number, add(g, l->x, c(g, -3)))
BUILD(minus_term, add(g, l->x, multiply(g, c(g, -3), l->y)))
BUILD(minus_minus_term, subtract(g, l->x, multiply(g, c(g, -3), l->y)))
BUILD(plus_negation, add(g, l->x, negate(g, add(g, l->y, l->z))))
BUILD(negated_sum, negate(g, add(g, l->x, l->y)))
BUILD(negated_product, negate(g, multiply(g, l->x, l->y)))
BUILD(negation_times, multiply(g, negate(g, l->x), l->y))
BUILD(times_negation, multiply(g, l->x, negate(g, l->y)))
BUILD(negated_quotient_times, multiply(g, negate(g, divide(g, l->x, l->y)), l->z))
BUILD(quotient_of_product, divide(g, multiply(g, l->x, l->y), l->z))
BUILD(quotient_by_product, divide(g, l->x, multiply(g, l->y, l->z)))
BUILD(product_with_quotient, multiply(g, divide(g, l->x, l->y), l->z))
BUILD(reciprocal_of_sum, apply1(g, OP_RECIPROCAL, add(g, l->x, c(g, 1))))
BUILD(reciprocal_of_square, apply1(g, OP_RECIPROCAL, apply1(g, OP_SQUARE, l->x)))
BUILD(square_of_sum, apply1(g, OP_SQUARE, add(g, l->x, l->y)))
BUILD(square_of_square, apply1(g, OP_SQUARE, apply1(g, OP_SQUARE, l->x)))
BUILD(minus_square, negate(g, apply1(g, OP_SQUARE, l->x)))
BUILD(power_of_power, apply2(g, OP_POWER, apply2(g, OP_POWER, l->x, l->y), add(g, l->z, c(g, 1))))
BUILD(power_with_sign, apply2(g, OP_POWER, l->x, c(g, -1.5)))
BUILD(functions, apply1(g, OP_EXP, apply1(g, OP_ABS, add(g, l->x, l->y))))
BUILD(log_of_one_plus, apply1(g, OP_LOG1P, multiply(g, l->x, l->y)))
BUILD(log_of_one_minus, apply1(g, OP_LOG1P, negate(g, l->x)))
BUILD(choice, apply3(g, OP_SELECT, apply2(g, OP_GREATER, add(g, l->x, c(g, 1)), l->y), l->x, negate(g, l->y)))
BUILD(times_choice, multiply(g, c(g, 0.5), apply3(g, OP_SELECT, l->x, l->y, l->z)))
BUILD(matrix_vector, contract(g, l->row, l->m, "bi,ji->bj"))
BUILD(product_of_transposed, contract(g, l->m, l->m, "ki,kj->ij"))
BUILD(swapped_product, contract(g, l->m, l->row, "ji,bi->bj"))
BUILD(outer, contract(g, l->row, l->row, "bi,bj->ij"))
BUILD(dot_of_sum, contract(g, add(g, l->row, l->x), l->m, "bi,ji->bj"))
BUILD(batched, contract(g, l->a, l->m, "bik,jk->bij"))
BUILD(sum_all, reduce(g, OP_SUM, l->row, 3u))
BUILD(sum_some, reduce(g, OP_SUM, l->a, 5u))
BUILD(arg, apply1(g, OP_FLOAT, reduce(g, OP_ARGMAX, l->a, 4u)))
BUILD(moves, pad(g, slice(g, permute(g, l->a, (int8_t[]){2, 1}), 1, 1, 3), 2, 1, 0, 0))
BUILD(broadcasts, multiply(g, l->m, broadcast_to(g, l->x, SHARED(2, 3))))
BUILD(reshaped, reshape_to(g, l->m, 1, (int64_t[]){6}))
BUILD(ones_added, apply1(g, OP_SIN, reshape_to(g, l->row, 2, (int64_t[]){3, 1})))

static const Formula formulas[] = {
    {sum_of_products, "x y + 2 z"},
    {product_of_sums, "(x + y) (z - 1)"},
    {nested_difference, "x - (y - z)"},
    {difference_of_sum, "x - y - z"},
    {minus_number, "x - 3"},
    {minus_term, "x - 3 y"},
    {minus_minus_term, "x + 3 y"},
    {plus_negation, "x - (y + z)"},
    {negated_sum, "-(x + y)"},
    {negated_product, "-x y"},
    {negation_times, "-x y"},
    {times_negation, "x (-y)"},
    {negated_quotient_times, "(-x / y) z"},
    {quotient_of_product, "x y / z"},
    {quotient_by_product, "x / (y z)"},
    {product_with_quotient, "(x / y) z"},
    {reciprocal_of_sum, "1 / (x + 1)"},
    {reciprocal_of_square, "1 / x^2"},
    {square_of_sum, "(x + y)^2"},
    {square_of_square, "(x^2)^2"},
    {minus_square, "-x^2"},
    {power_of_power, "(x^y)^(z + 1)"},
    {power_with_sign, "x^(-1.5)"},
    {functions, "exp(|x + y|)"},
    {log_of_one_plus, "log(1 + x y)"},
    {log_of_one_minus, "log(1 - x)"},
    {choice, "(x if [x + 1 > y] else -y)"},
    {times_choice, "0.5 (y if x else z)"},
    {matrix_vector, "row · mᵀ"},
    {product_of_transposed, "mᵀ · m"},
    {swapped_product, "row · mᵀ"},
    {outer, "rowᵀ · row"},
    {dot_of_sum, "(row + x) · mᵀ"},
    {batched, "contract(a, m, \"bik,jk->bij\")"},
    {sum_all, "sum(row)"},
    {sum_some, "sum_batch_2(a)"},
    {arg, "argmax_2(a)"},
    {moves, "pad(slice(transpose(a), 1, 2, 3), 2, 1, 0, 0)"},
    {broadcasts, "m x"},
    {reshaped, "reshape(m, (6))"},
    {ones_added, "sin(row)"},
};

START_TEST(how_formulas_read)
{
    Leaves l;
    World world = a_world(&l);
    Output output = {"f", formulas[_i].build(world.graph, &l), {NULL, 0}};
    ck_assert_str_eq(math(&world, &output, 1), arena_print(world.arena, "f = %s\n", formulas[_i].text));
    world_free(&world);
}
END_TEST

/* f = exp(e^x + e^2x) + sin(e^x + e^2x); f' = (exp(u) + cos(u)) (e^x + 2 e^2x) with u = e^x + e^2x. */
START_TEST(the_chain_rule)
{
    Leaves l;
    World world = a_world(&l);
    Graph *g = world.graph;
    NodeId one = apply1(g, OP_EXP, l.x), two = apply1(g, OP_EXP, multiply(g, c(g, 2), l.x)), u = add(g, one, two);
    NodeId power = apply1(g, OP_EXP, u), wave = apply1(g, OP_SIN, u), f = add(g, power, wave), derivative;
    differentiate(g, f, &l.x, 1, &derivative);
    Output outputs[] = {{"df", derivative, {NULL, 0}}, {"f", f, {NULL, 0}}};
    Model model = {.arena = world.arena, .graph = g, .kind = MODEL_SHOW, .outputs = outputs, .output_count = 2};
    simplify(&model);
    Text text = text_new(world.arena);
    dump_math(&model, &text);
    ck_assert_str_eq(text.bytes, "u1 = exp(x)\n"
                                 "u2 = exp(2 x)\n"
                                 "u3 = u1 + u2\n"
                                 "u4 = exp(u3)\n"
                                 "df = (cos(u3) + u4) (2 u2 + u1)\n"
                                 "f = u4 + sin(u3)\n");
    *world_values(&world, l.x) = 0.2;
    double s = exp(0.2) + exp(0.4), expected = (exp(s) + cos(s)) * (exp(0.2) + 2 * exp(0.4));
    ck_assert_double_eq_tol(*world_compute(&world, world.arena, outputs[0].node), expected, 1e-12 * expected);
    world_free(&world);
}
END_TEST

START_TEST(names_in_formulas)
{
    Leaves l;
    World world = a_world(&l);
    Graph *g = world.graph;
    NodeId shared = apply1(g, OP_EXP, l.x), same = apply1(g, OP_SIN, l.y), other = apply1(g, OP_COS, l.y);
    g->nodes[same].origin.name = "wave";
    g->nodes[other].origin.name = "wave";               /* two tensors of one name: a layer used twice */
    Output outputs[] = {
        {"a", multiply(g, shared, shared), {NULL, 0}},
        {"b", add(g, multiply(g, same, same), multiply(g, other, other)), {NULL, 0}},
        {"p", NONE, {NULL, 0}},
        {"q", apply1(g, OP_ATAN, l.z), {NULL, 0}},      /* an output read by one before it is written as its definition, once */
        {"x", l.x, {NULL, 0}},
    };
    outputs[2].node = add(g, apply1(g, OP_TANH, outputs[0].node), outputs[3].node);
    Leaf taken = {.kind = LEAF_PARAMETER, .name = "u1", .type = {.scalar = FLOAT}, .parameter = NONE};
    new_leaf(g, taken);
    ck_assert_str_eq(math(&world, outputs, 5), "u2 = exp(x)\n"
                                               "a = u2 u2\n"
                                               "wave = sin(y)\n"
                                               "wave_2 = cos(y)\n"
                                               "b = wave wave + wave_2 wave_2\n"
                                               "q = atan(z)\n"
                                               "p = tanh(a) + q\n");
    world_free(&world);
}
END_TEST

/* Two readers of the last of a hundred doublings: the text is as long as the graph, not as the tree. */
START_TEST(shared_parts_are_written_once)
{
    Leaves l;
    World world = a_world(&l);
    NodeId y = l.x;
    for (int i = 0; i < 100; i++)
        y = add(world.graph, apply1(world.graph, OP_SIN, y), y);
    Output output = {"y", y, {NULL, 0}};
    ck_assert_uint_lt(strlen(math(&world, &output, 1)), 100 * 24);
    world_free(&world);
}
END_TEST

/* A chain of thousands of operations is neither one endless line nor a deep recursion. */
START_TEST(long_formulas_are_cut)
{
    Leaves l;
    World world = a_world(&l);
    NodeId y = l.x;
    for (int i = 0; i < 20000; i++)
        y = apply1(world.graph, OP_SIN, y);
    Output output = {"y", y, {NULL, 0}};
    const char *text = math(&world, &output, 1);
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
        ck_assert_uint_lt(strcspn(line, "\n"), 200);
    world_free(&world);
}
END_TEST

START_TEST(a_line_a_node)
{
    Leaves l;
    World world = a_world(&l);
    Graph *g = world.graph;
    g->now.place.line = 7;
    NodeId product = contract(g, l.row, l.m, "bi,ji->bj");
    g->nodes[product].origin.name = "fc1";
    NodeId loss = sum_axes(g, product, 3u), slope;
    differentiate(g, loss, &l.m, 1, &slope);
    Metric metric = {.name = "loss", .part = {loss, NONE, NONE}, .is_loss = true};
    Model model = {.arena = world.arena, .graph = g, .kind = MODEL_TRAIN, .metrics = &metric, .metric_count = 1};
    Text text = text_new(world.arena);
    dump_graph(&model, &text);
    static const char *const lines[] = {
        "%3 = input('row') (batch, 3) float  \"row\"  model.lua:4\n",
        "%6 = contract(%3, %4, \"bi,ji->bj\") (batch, 2) float  \"fc1\"  model.lua:7\n",
        "%8 = broadcast(%7, along {1}) (batch, 2) float  model.lua:7\n",
        "%10 = sum(%9, over {batch, 1}) () float  model.lua:7\n",
        "%12 = broadcast(%11, along {batch, 1}) (batch, 2) float  model.lua:7  # sum of %10; gradient of %6\n",
        "%16 = contract(%3, %15, \"bi,bj->ji\") (2, 3) float  model.lua:7  # matmul, right operand of %6; gradient of %4\n",
        "loss = %10\n",
    };
    for (int i = 0; i < (int)(sizeof lines / sizeof *lines); i++)
        ck_assert_msg(strstr(text.bytes, lines[i]) != NULL, "missing: %sin:\n%s", lines[i], text.bytes);
    world_free(&world);
}
END_TEST

/* Quotes and control characters in names end neither a dot string nor a line. */
START_TEST(a_picture)
{
    Leaves l;
    World world = a_world(&l);
    world.graph->nodes[l.x].origin.name = "x";
    NodeId y = apply1(world.graph, OP_EXP, l.x);
    world.graph->nodes[y].origin.name = "a \"quoted\" \\ name\n";
    Output output = {"out \"1\"", y, {NULL, 0}};
    Model model = {.arena = world.arena, .graph = world.graph, .kind = MODEL_SHOW, .outputs = &output, .output_count = 1};
    Text text = text_new(world.arena);
    dump_dot(&model, &text);
    ck_assert_msg(strstr(text.bytes, "a \\\"quoted\\\" \\\\") != NULL, "%s", text.bytes);
    ck_assert(strstr(text.bytes, "n0 -> n6;\n") != NULL);
    ck_assert_str_eq(text.bytes + text.length - 2, "}\n");
    int quotes = 0;
    for (const char *at = text.bytes; *at; at++) {
        if (*at == '\\')
            at++;
        else if (*at == '"')
            quotes++;
        else if (*at == '\n')
            ck_assert_msg(quotes % 2 == 0, "a string goes over a line:\n%s", text.bytes);
    }
    world_free(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: as text");
    TCase *tests = tcase_create("dump");
    tcase_add_loop_test(tests, how_formulas_read, 0, (int)(sizeof formulas / sizeof *formulas));
    tcase_add_test(tests, the_chain_rule);
    tcase_add_test(tests, names_in_formulas);
    tcase_add_test(tests, shared_parts_are_written_once);
    tcase_add_test(tests, long_formulas_are_cut);
    tcase_add_test(tests, a_line_a_node);
    tcase_add_test(tests, a_picture);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
