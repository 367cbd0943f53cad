/* simplify: each rewrite by its name on the smallest graph that it is for, with the node count after it and the value before and
 * after; then random graphs, whose values must stay and whose second simplification must find nothing more. A rewrite that no
 * case uses fails the test `every_rewrite_has_a_case`. */
#include "graph_world.h"
#include "graph/recurrence.h"

/* The operands of the cases: x, y shared vectors (3); a, b per row (2, 3); r per row, a number; s, t shared numbers; m a matrix
 * (3, 2); k per row, a class of three. */
typedef struct Leaves { NodeId x, y, a, b, r, s, t, m, k; } Leaves;

typedef struct Case {
    const char *rewrite;
    NodeId (*build)(Graph *g, const Leaves *l);
    int nodes;                          /* that are left, leaves of the world aside */
    Op result;                          /* what the result is then */
} Case;

#define BUILD(name, ...) static NodeId name(Graph *g, const Leaves *l) { (void)g, (void)l; return __VA_ARGS__; }
static NodeId c(Graph *g, double value) { return constant(g, value); }
static NodeId sum(Graph *g, NodeId a, uint32_t axes) { return reduce(g, OP_SUM, a, axes); }
static NodeId max(Graph *g, NodeId a, uint32_t axes) { return reduce(g, OP_MAX, a, axes); }
static NodeId square(Graph *g, NodeId a) { return apply1(g, OP_SQUARE, a); }
static NodeId choose(Graph *g, NodeId a, NodeId b, NodeId c) { return apply3(g, OP_SELECT, a, b, c); }
static NodeId shape(Graph *g, NodeId a, int rank, int64_t first, int64_t second) { return reshape_to(g, a, rank, (const int64_t[]){first, second}); }
static NodeId transpose(Graph *g, NodeId a) { return permute(g, a, (const int8_t[]){2, 1}); }
static NodeId mask(Graph *g) { return leaf_scalar(g, OP_ROW_MASK); }

static const double numbers[] = {1, 2, 3, 4, 5, 6};
static NodeId table(Graph *g)
{
    Attributes t = attributes();
    t.table = numbers;
    t.type = SHARED(2, 3);
    return new_node(g, OP_TABLE, NULL, 0, t);
}

static NodeId states(Graph *g, NodeId previous, NodeId y) { return close_recurrence(g, previous, multiply(g, previous, y)); }

BUILD(numbers_sum, add(g, l->x, add(g, c(g, 2), multiply(g, c(g, 3), c(g, 4)))))
BUILD(detach_x, apply1(g, OP_DETACH, l->x))
BUILD(x_times_3, multiply(g, l->x, c(g, 3)))
BUILD(x_plus_0, add(g, l->x, c(g, 0)))
BUILD(zero_plus_x, add(g, c(g, 0), l->x))
BUILD(x_minus_0, subtract(g, l->x, c(g, 0)))
BUILD(zero_minus_x, subtract(g, c(g, 0), l->x))
BUILD(x_times_1, multiply(g, l->x, c(g, 1)))
BUILD(x_times_minus_1, multiply(g, l->x, c(g, -1)))
BUILD(x_over_8, divide(g, l->x, c(g, 8)))
BUILD(x_over_1, divide(g, l->x, c(g, 1)))
BUILD(one_over_x, divide(g, c(g, 1), l->x))
BUILD(three_over_x, multiply(g, c(g, 3), divide(g, c(g, 1), l->x)))
BUILD(minus_minus, negate(g, negate(g, l->x)))
BUILD(minus_difference, negate(g, subtract(g, l->x, l->y)))
BUILD(minus_product, negate(g, multiply(g, c(g, 3), l->x)))
BUILD(plus_minus, add(g, l->x, negate(g, l->y)))
BUILD(minus_plus, add(g, negate(g, l->x), l->y))
BUILD(minus_minus_y, subtract(g, l->x, negate(g, l->y)))
BUILD(minus_x_minus_y, subtract(g, negate(g, l->x), l->y))
BUILD(minus_x_times_minus_y, multiply(g, negate(g, l->x), negate(g, l->y)))
BUILD(x_over_minus_y, divide(g, l->x, negate(g, l->y)))
BUILD(square_of_minus, square(g, negate(g, l->x)))
BUILD(abs_of_abs, apply1(g, OP_ABS, apply1(g, OP_ABS, l->x)))
BUILD(mask_mask, multiply(g, mask(g), multiply(g, mask(g), l->a)))
BUILD(x_times_x, multiply(g, l->x, l->x))
BUILD(x_to_3, apply2(g, OP_POWER, l->x, c(g, 3)))
BUILD(x_to_0, apply2(g, OP_POWER, l->x, c(g, 0)))
BUILD(x_to_1, apply2(g, OP_POWER, l->x, c(g, 1)))
BUILD(x_to_minus_half, apply2(g, OP_POWER, l->x, c(g, -0.5)))
BUILD(max_x_x, apply2(g, OP_MAXIMUM, l->x, l->x))
BUILD(max_0_x, apply2(g, OP_MAXIMUM, c(g, 0), l->x))
BUILD(relu_relu, apply1(g, OP_RELU, apply1(g, OP_RELU, l->x)))
BUILD(x_above_x, apply2(g, OP_GREATER, l->x, l->x))
BUILD(select_second, choose(g, c(g, 0), l->x, l->y))
BUILD(select_x_x, choose(g, l->y, l->x, l->x))
BUILD(select_select, choose(g, l->x, choose(g, l->x, l->y, c(g, 1)), l->x))
BUILD(select_minus_x, choose(g, l->y, negate(g, l->x), c(g, 0)))
BUILD(plus_repeated_minus, add(g, l->x, multiply(g, l->y, negate(g, l->s))))
BUILD(two_ssx, multiply(g, c(g, 2), multiply(g, multiply(g, l->s, l->x), l->y)))
BUILD(select_exp_select, choose(g, l->x, apply1(g, OP_EXP, choose(g, l->x, l->y, c(g, 7))), l->y))
BUILD(choices_added, add(g, choose(g, l->x, l->y, c(g, 0)), choose(g, l->x, c(g, 0), square(g, l->y))))
BUILD(exp_of_repeated, apply1(g, OP_EXP, broadcast_to(g, l->x, PER_ROW(2, 3))))
BUILD(repeated_times_repeated, multiply(g, broadcast_to(g, l->x, PER_ROW(2, 3)), broadcast_to(g, l->r, PER_ROW(2, 3))))
BUILD(two_three_x, multiply(g, c(g, 2), multiply(g, c(g, 3), l->x)))
BUILD(half_two_x, multiply(g, multiply(g, l->x, c(g, 2)), c(g, 0.5)))
BUILD(x_times_2_y, multiply(g, l->x, multiply(g, c(g, 2), l->y)))
BUILD(two_s_x, multiply(g, c(g, 2), multiply(g, l->s, l->x)))
BUILD(x_plus_x, add(g, l->x, l->x))
BUILD(five_x_minus_two_x, subtract(g, multiply(g, c(g, 5), l->x), multiply(g, l->x, c(g, 2))))
BUILD(s_t_twice, add(g, multiply(g, l->s, l->t), multiply(g, c(g, 3), multiply(g, l->t, l->s))))
BUILD(xy_plus_xs, add(g, multiply(g, l->x, l->y), multiply(g, apply1(g, OP_SIN, l->y), l->x)))
BUILD(xy_minus_3_xs, subtract(g, multiply(g, l->x, l->y), multiply(g, c(g, 3), multiply(g, apply1(g, OP_SIN, l->y), l->x))))
BUILD(x_plus_xy, add(g, l->x, multiply(g, l->y, l->x)))
BUILD(reshape_to_itself, shape(g, l->a, 2, 2, 3))
BUILD(slice_all, slice(g, l->x, 1, 0, 3))
BUILD(pad_nothing, pad(g, l->x, 1, 0, 0, 5))
BUILD(reshape_back, subtract(g, l->a, shape(g, shape(g, l->a, 1, 6, 0), 2, 2, 3)))
BUILD(transpose_twice, transpose(g, transpose(g, l->a)))
BUILD(slice_slice, slice(g, slice(g, l->x, 1, 1, 3), 1, 1, 2))
BUILD(pad_pad, pad(g, pad(g, l->x, 1, 1, 0, 0), 1, 2, 3, 0))
BUILD(repeat_repeat, broadcast_axes(g, broadcast_axes(g, l->x, 1u << 1, SHARED(2, 3)), 1, PER_ROW(2, 3)))
BUILD(repeat_once, broadcast_axes(g, l->x, 1u << 1, SHARED(1, 3)))
BUILD(repeat_column, broadcast_axes(g, shape(g, l->x, 2, 3, 1), 1u << 1, SHARED(2, 3, 1)))
BUILD(reshape_number, shape(g, broadcast_to(g, l->r, PER_ROW(2, 3)), 1, 6, 0))
BUILD(reshape_repeated, shape(g, broadcast_axes(g, l->x, 1u << 1, SHARED(1, 3)), 2, 3, 1))
BUILD(reshape_rows, shape(g, broadcast_to(g, l->x, PER_ROW(3)), 2, 3, 1))
BUILD(reshape_table, shape(g, table(g), 2, 3, 2))
static const double sevens[] = {7, 7, 7};
static NodeId seven_table(Graph *g, int64_t count)
{
    Attributes t = attributes();
    t.table = sevens;
    t.type = SHARED(count);
    return new_node(g, OP_TABLE, NULL, 0, t);
}
BUILD(table_of_sevens, seven_table(g, 3))
BUILD(table_of_one, reshape_to(g, seven_table(g, 1), 0, NULL))
BUILD(transpose_column, transpose(g, shape(g, l->x, 2, 3, 1)))
BUILD(transpose_repeated, transpose(g, broadcast_to(g, l->x, PER_ROW(2, 3))))
BUILD(slice_repeated, slice(g, broadcast_to(g, l->x, PER_ROW(2, 3)), 1, 0, 1))
BUILD(slice_within, slice(g, broadcast_to(g, l->x, PER_ROW(2, 3)), 2, 1, 3))
BUILD(slice_pad, slice(g, pad(g, l->x, 1, 2, 2, 0), 1, 2, 5))
BUILD(slice_concat, slice(g, concat(g, l->x, l->y, 1), 1, 4, 6))
BUILD(pad_zeros, pad(g, broadcast_to(g, c(g, 0), SHARED(3)), 1, 1, 1, 0))
BUILD(concat_slices, concat(g, slice(g, l->x, 1, 0, 1), slice(g, l->x, 1, 1, 3), 1))
BUILD(pads_of_all, add(g, add(g, pad(g, l->y, 1, 3, 3, 0), pad(g, square(g, l->x), 1, 6, 0, 0)), pad(g, l->x, 1, 0, 6, 0)))
BUILD(index_of_many, apply1(g, OP_FLOAT, index_along(g, PER_ROW(2, 3), 2)))
BUILD(sum_of_one, sum(g, shape(g, l->x, 2, 1, 3), 1u << 1))
BUILD(sum_sum, sum(g, sum(g, l->a, 1u << 2), 1u << 1))
BUILD(max_max, max(g, max(g, l->a, 1u << 1), 1u << 1))
BUILD(sum_repeated, sum(g, broadcast_to(g, l->x, PER_ROW(2, 3)), 1u << 1))
BUILD(sum_all_repeated, sum(g, broadcast_to(g, l->x, SHARED(2, 3)), 6u))
BUILD(max_repeated, max(g, broadcast_to(g, l->x, PER_ROW(2, 3)), 3u))
BUILD(sum_reshaped, sum(g, shape(g, l->m, 1, 6, 0), 1u << 1))
BUILD(sum_transposed, sum(g, transpose(g, l->a), 7u))
BUILD(sum_minus, sum(g, negate(g, l->x), 2u))
static NodeId is_class(Graph *g, NodeId k, Type type) { return apply2(g, OP_EQUAL, index_along(g, type, 1), broadcast_axes(g, k, 2u, type)); }
BUILD(sum_one_hot, sum(g, choose(g, is_class(g, l->k, PER_ROW(3)), broadcast_to(g, l->r, PER_ROW(3)), c(g, 0)), 2u))
BUILD(sum_one_hot_times, sum(g, multiply(g, broadcast_to(g, l->r, PER_ROW(3)), is_class(g, l->k, PER_ROW(3))), 2u))
/* Windows of 3 without overlap, in an axis of 7; one place of a window of 2 x 3. */
static NodeId windows_of_3(Graph *g, NodeId a) { return fold(g, a, (Windows){.axis = 1, .window = 3, .stride = 4, .dilation = 1}, 7); }
static NodeId chosen(Graph *g, const Leaves *l)
{
    const Type type = {.scalar = INT, .per_row = true, .rank = 2, .size = {2, 3}};
    NodeId place = broadcast_axes(g, shape(g, index_along(g, SHARED(6), 1), 2, 2, 3), 1u, type);
    NodeId best = broadcast_axes(g, reduce(g, OP_ARGMAX, l->a, 6u), 6u, type);
    return choose(g, apply2(g, OP_EQUAL, place, best), broadcast_to(g, l->r, PER_ROW(2, 3)), c(g, 0));
}
static NodeId row_mask_of(Graph *g, const Leaves *l, Type type) { return broadcast_to(g, apply2(g, OP_GREATER, l->r, c(g, 0)), type); }
BUILD(sum_folded, sum(g, windows_of_3(g, l->a), 1u << 1))
BUILD(sum_chosen, sum(g, chosen(g, l), 6u))
BUILD(windows_masked, multiply(g, windows_of_3(g, l->a), row_mask_of(g, l, PER_ROW(7))))
BUILD(choice_masked, multiply(g, chosen(g, l), row_mask_of(g, l, PER_ROW(2, 3))))
BUILD(states_of_one, states(g, open_recurrence(g, l->x, 1, false), l->y))
BUILD(sum_mask, sum(g, mask(g), 1u))
BUILD(fold_cut, slice(g, fold(g, l->a, (Windows){1, 3, 2, 1, 0, 0}, 5), 1, 1, 4))
BUILD(fold_cut_across, slice(g, fold(g, contract(g, l->x, l->m, "i,jk->ijk"), (Windows){2, 2, 1, 1, 0, 0}, 4), 1, 0, 2))
BUILD(contract_transposed, contract(g, l->a, transpose(g, l->m), "bik,jk->bij"))
BUILD(transposed_product, transpose(g, contract(g, l->a, l->m, "bik,kj->bij")))
BUILD(contract_repeated_map, contract(g, broadcast_to(g, l->x, PER_ROW(2, 3)), l->m, "bik,kj->bij"))
BUILD(contract_repeated_fold, contract(g, l->a, broadcast_axes(g, slice(g, l->x, 1, 0, 2), 1u << 1, SHARED(3, 2)), "bik,kj->bij"))
BUILD(contract_repeated_both, contract(g, l->a, broadcast_to(g, l->x, PER_ROW(2, 3)), "bik,bik->bi"))
BUILD(contract_number, contract(g, l->s, l->a, ",bij->bji"))
BUILD(contract_minus, contract(g, negate(g, l->x), l->m, "k,kj->j"))

static const Case cases[] = {
    {"fold_numbers", numbers_sum, 3, OP_ADD},
    {"detached", detach_x, 0, OP_PARAMETER},
    {"number_first", x_times_3, 3, OP_MULTIPLY},
    {"add_zero", x_plus_0, 0, OP_PARAMETER},
    {"add_zero", zero_plus_x, 0, OP_PARAMETER},
    {"subtract_zero", x_minus_0, 0, OP_PARAMETER},
    {"subtract_zero", zero_minus_x, 1, OP_NEGATE},
    {"multiply_one", x_times_1, 0, OP_PARAMETER},
    {"multiply_one", x_times_minus_1, 1, OP_NEGATE},
    {"divide_by_power_of_two", x_over_8, 3, OP_MULTIPLY},
    {"divide_by_power_of_two", x_over_1, 0, OP_PARAMETER},
    {"one_over", one_over_x, 1, OP_RECIPROCAL},
    {"one_over", three_over_x, 3, OP_DIVIDE},
    {"negate_negation", minus_minus, 0, OP_PARAMETER},
    {"negate_negation", minus_difference, 1, OP_SUBTRACT},
    {"negate_negation", minus_product, 3, OP_MULTIPLY},
    {"add_negated", plus_minus, 1, OP_SUBTRACT},
    {"add_negated", minus_plus, 1, OP_SUBTRACT},
    {"subtract_negated", minus_minus_y, 1, OP_ADD},
    {"subtract_negated", minus_x_minus_y, 2, OP_NEGATE},
    {"sign_out_of_product", minus_x_times_minus_y, 1, OP_MULTIPLY},
    {"sign_out_of_product", x_over_minus_y, 2, OP_NEGATE},
    {"even_function", square_of_minus, 1, OP_SQUARE},
    {"even_function", abs_of_abs, 1, OP_ABS},
    {"mask_twice", mask_mask, 3, OP_MULTIPLY},
    {"product_with_itself", x_times_x, 1, OP_SQUARE},
    {"small_power", x_to_3, 2, OP_MULTIPLY},
    {"small_power", x_to_0, 2, OP_BROADCAST},
    {"small_power", x_to_1, 0, OP_PARAMETER},
    {"small_power", x_to_minus_half, 2, OP_RECIPROCAL},
    {"maximum_with_known", max_x_x, 0, OP_PARAMETER},
    {"maximum_with_known", max_0_x, 1, OP_RELU},
    {"maximum_with_known", relu_relu, 1, OP_RELU},
    {"compare_with_itself", x_above_x, 2, OP_BROADCAST},
    {"select_known", select_second, 0, OP_PARAMETER},
    {"select_known", select_x_x, 0, OP_PARAMETER},
    {"select_within", select_select, 1, OP_SELECT},
    {"select_within", select_exp_select, 2, OP_SELECT},
    {"sum_of_choices", choices_added, 2, OP_SELECT},
    {"select_negated", select_minus_x, 4, OP_NEGATE},
    {"add_negated", plus_repeated_minus, 3, OP_SUBTRACT},
    {"number_into_broadcast", two_ssx, 5, OP_MULTIPLY},
    {"pointwise_of_broadcasts", exp_of_repeated, 2, OP_BROADCAST},
    {"pointwise_of_broadcasts", repeated_times_repeated, 4, OP_BROADCAST},
    {"gather_numbers", two_three_x, 3, OP_MULTIPLY},
    {"gather_numbers", half_two_x, 0, OP_PARAMETER},
    {"number_out_of_product", x_times_2_y, 4, OP_MULTIPLY},
    {"number_into_broadcast", two_s_x, 4, OP_MULTIPLY},
    {"like_terms", x_plus_x, 3, OP_MULTIPLY},
    {"like_terms", five_x_minus_two_x, 3, OP_MULTIPLY},
    {"like_terms", s_t_twice, 3, OP_MULTIPLY},
    {"common_factor", xy_plus_xs, 3, OP_MULTIPLY},
    {"common_factor", xy_minus_3_xs, 6, OP_MULTIPLY},
    {"common_factor", x_plus_xy, 4, OP_MULTIPLY},
    {"move_nothing", reshape_to_itself, 0, OP_INPUT},
    {"move_nothing", slice_all, 0, OP_PARAMETER},
    {"move_nothing", pad_nothing, 0, OP_PARAMETER},
    {"move_twice", reshape_back, 1, OP_SUBTRACT},
    {"move_twice", transpose_twice, 0, OP_INPUT},
    {"move_twice", slice_slice, 1, OP_SLICE},
    {"move_twice", pad_pad, 1, OP_PAD},
    {"broadcast_twice", repeat_repeat, 1, OP_BROADCAST},
    {"broadcast_once", repeat_once, 1, OP_RESHAPE},
    {"broadcast_of_reshape", repeat_column, 1, OP_BROADCAST},
    {"reshape_of_broadcast", reshape_number, 1, OP_BROADCAST},
    {"broadcast_once", reshape_repeated, 1, OP_RESHAPE},
    {"reshape_of_broadcast", reshape_rows, 1, OP_BROADCAST},
    {"reshape_of_table", reshape_table, 1, OP_TABLE},
    {"table_of_equals", table_of_sevens, 2, OP_BROADCAST},
    {"table_of_equals", table_of_one, 1, OP_CONSTANT},
    {"permute_of_ones", transpose_column, 1, OP_RESHAPE},
    {"permute_of_broadcast", transpose_repeated, 1, OP_BROADCAST},
    {"slice_of_broadcast", slice_repeated, 1, OP_BROADCAST},
    {"slice_of_broadcast", slice_within, 2, OP_BROADCAST},
    {"slice_of_joined", slice_pad, 0, OP_PARAMETER},
    {"slice_of_joined", slice_concat, 1, OP_SLICE},
    {"pad_of_number", pad_zeros, 2, OP_BROADCAST},
    {"concat_of_neighbours", concat_slices, 0, OP_PARAMETER},
    {"sum_of_pads", pads_of_all, 3, OP_CONCAT},
    {"index_alone", index_of_many, 3, OP_BROADCAST},
    {"recurrence_of_one", states_of_one, 3, OP_MULTIPLY},
    {"fold_of_ones", sum_of_one, 0, OP_PARAMETER},
    {"fold_twice", sum_sum, 1, OP_SUM},
    {"fold_twice", max_max, 1, OP_MAX},
    {"fold_of_broadcast", sum_repeated, 4, OP_BROADCAST},
    {"fold_of_broadcast", sum_all_repeated, 3, OP_MULTIPLY},
    {"fold_of_broadcast", max_repeated, 0, OP_PARAMETER},
    {"fold_of_reshape", sum_reshaped, 1, OP_SUM},
    {"fold_of_reshape", sum_transposed, 1, OP_SUM},
    {"sum_of_negated", sum_minus, 2, OP_NEGATE},
    {"sum_of_mask", sum_mask, 1, OP_ROWS},
    {"sum_of_one_hot", sum_one_hot, 0, OP_INPUT},
    {"sum_of_one_hot", sum_one_hot_times, 0, OP_INPUT},
    {"sum_of_windows", sum_folded, 1, OP_SUM},
    {"sum_of_choice", sum_chosen, 0, OP_INPUT},
    {"mask_of_windows", windows_masked, 6, OP_FOLD},
    {"mask_of_windows", choice_masked, 13, OP_SELECT},
    {"slice_of_fold", fold_cut, 1, OP_FOLD},
    {"slice_of_fold", fold_cut_across, 3, OP_FOLD},
    {"contract_of_permute", contract_transposed, 1, OP_CONTRACT},
    {"permute_of_contract", transposed_product, 1, OP_CONTRACT},
    {"contract_of_broadcast", contract_repeated_map, 2, OP_BROADCAST},
    {"contract_of_broadcast", contract_repeated_fold, 3, OP_CONTRACT},
    {"contract_of_broadcast", contract_repeated_both, 1, OP_CONTRACT},
    {"contract_with_scalar", contract_number, 3, OP_MULTIPLY},
    {"contract_of_negated", contract_minus, 2, OP_NEGATE},
};
enum { CASES = sizeof cases / sizeof *cases, BATCH = 4, ROWS = 3, MAX_REWRITES = 128 };

static Leaves leaves_of(World *world)
{
    Leaves l;
    l.x = world_leaf(world, "x", SHARED(3), 0.5, 2);
    l.y = world_leaf(world, "y", SHARED(3), 0.5, 2);
    l.a = world_leaf(world, "a", PER_ROW(2, 3), -2, 2);
    l.b = world_leaf(world, "b", PER_ROW(2, 3), -2, 2);
    l.r = world_leaf(world, "r", (Type){.scalar = FLOAT, .per_row = true}, -2, 2);
    l.s = world_leaf(world, "s", (Type){.scalar = FLOAT}, -2, 2);
    l.t = world_leaf(world, "t", (Type){.scalar = FLOAT}, -2, 2);
    l.m = world_leaf(world, "m", SHARED(3, 2), -2, 2);
    l.k = world_leaf(world, "k", (Type){.scalar = INT, .per_row = true}, 0, 3);
    world->graph->leaves[world->graph->leaf_count - 1].classes = 3;
    return l;
}

/* Simplifies with these roots (and all leaves); renews them. */
static void simplify_world(World *world, NodeId *roots, int count, int *uses)
{
    Graph *graph = world->graph;
    NodeId **all = NEW(world->arena, NodeId *, count + graph->leaf_count);
    for (int r = 0; r < count; r++)
        all[r] = &roots[r];
    for (int l = 0; l < graph->leaf_count; l++)
        all[count + l] = &graph->leaves[l].node;
    simplify_roots(graph, all, count + graph->leaf_count, uses);
    check_graph(graph, "simplify");
}

static void expect_equal(const double *before, const double *after, int64_t count, const char *what)
{
    for (int64_t i = 0; i < count; i++) {
        double scale = fmax(1, fabs(before[i]));
        bool same = (isnan(before[i]) && isnan(after[i])) || before[i] == after[i] || fabs(before[i] - after[i]) <= 1e-11 * scale;
        ck_assert_msg(same, "%s: element %d was %.17g and is %.17g", what, (int)i, before[i], after[i]);
    }
}

static int which_rewrite(const char *name)
{
    int which = 0;
    while (rewrite_name(which) && strcmp(rewrite_name(which), name))
        which++;
    ck_assert_msg(rewrite_name(which) != NULL, "there is no rewrite %s", name);
    ck_assert_int_lt(which, MAX_REWRITES);
    return which;
}

START_TEST(rewrites_by_name)
{
    const Case *rewrite = &cases[_i];
    World world = world_new(BATCH, ROWS);
    Leaves l = leaves_of(&world);
    NodeId result = rewrite->build(world.graph, &l);
    Type type = world.graph->nodes[result].type;
    const double *before = world_compute(&world, world.arena, result);
    int uses[MAX_REWRITES] = {0};
    simplify_world(&world, &result, 1, uses);
    ck_assert_msg(uses[which_rewrite(rewrite->rewrite)] > 0, "%s was not used", rewrite->rewrite);
    ck_assert(same_type(type, world.graph->nodes[result].type));
    expect_equal(before, world_compute(&world, world.arena, result), elements_of(&world, type), rewrite->rewrite);
    ck_assert_str_eq(op_info[world.graph->nodes[result].op].name, op_info[rewrite->result].name);
    ck_assert_msg(world.graph->count - world.graph->leaf_count == rewrite->nodes, "case %d, %s: %d nodes are left, not %d", _i, rewrite->rewrite,
                  world.graph->count - world.graph->leaf_count, rewrite->nodes);
    world_free(&world);
}
END_TEST

START_TEST(every_rewrite_has_a_case)
{
    for (int which = 0; rewrite_name(which); which++) {
        bool found = false;
        for (int i = 0; i < CASES; i++)
            found |= !strcmp(cases[i].rewrite, rewrite_name(which));
        ck_assert_msg(found, "the rewrite %s has no case", rewrite_name(which));
    }
}
END_TEST

/* ---- what must not be rewritten ---------------------------------------------------------------------------------- */

BUILD(x_times_0, multiply(g, l->x, c(g, 0)))
BUILD(x_minus_x, subtract(g, l->x, l->x))
BUILD(three_x_minus_three_x, subtract(g, multiply(g, c(g, 3), l->x), multiply(g, c(g, 3), l->x)))
BUILD(x_over_x, divide(g, l->x, l->x))
BUILD(x_equals_x, apply2(g, OP_EQUAL, l->x, l->x))
BUILD(x_over_3, divide(g, l->x, c(g, 3)))
BUILD(log_exp, apply1(g, OP_LOG, apply1(g, OP_EXP, l->x)))
BUILD(sqrt_squared, square(g, apply1(g, OP_SQRT, l->x)))
BUILD(not_a_number, divide(g, c(g, 0), c(g, 0)))
BUILD(sum_of_narrow_one_hot, sum(g, choose(g, is_class(g, l->k, PER_ROW(2)), broadcast_to(g, l->r, PER_ROW(2)), c(g, 0)), 2u))
BUILD(sum_of_repeated_batch, sum(g, broadcast_to(g, l->x, PER_ROW(3)), 1u))

BUILD(pads_with_a_gap, add(g, pad(g, l->x, 1, 0, 4, 0), pad(g, l->y, 1, 4, 0, 0)))
BUILD(pads_that_overlap, add(g, pad(g, l->x, 1, 0, 2, 0), pad(g, l->y, 1, 2, 0, 0)))
BUILD(pads_of_ones, add(g, pad(g, l->x, 1, 0, 3, 1), pad(g, l->y, 1, 3, 0, 0)))

START_TEST(left_alone)
{
    static NodeId (*const build[])(Graph *, const Leaves *) = {x_times_0, x_minus_x, three_x_minus_three_x, x_over_x, x_equals_x, x_over_3, log_exp, sqrt_squared, not_a_number,
                                                              sum_of_repeated_batch, pads_with_a_gap, pads_that_overlap, pads_of_ones,
                                                              sum_of_narrow_one_hot};
    for (int i = 0; i < (int)(sizeof build / sizeof *build); i++) {
        World world = world_new(BATCH, ROWS);
        Leaves l = leaves_of(&world);
        NodeId result = build[i](world.graph, &l);
        Op op = world.graph->nodes[result].op;
        world_values(&world, l.x)[1] = NAN;
        world_values(&world, l.x)[2] = INFINITY;
        Type type = world.graph->nodes[result].type;
        const double *before = world_compute(&world, world.arena, result);
        simplify_world(&world, &result, 1, NULL);
        ck_assert_msg(world.graph->nodes[result].op == op, "case %d became %s", i, op_info[world.graph->nodes[result].op].name);
        expect_equal(before, world_compute(&world, world.arena, result), elements_of(&world, type), "left alone");
        world_free(&world);
    }
}
END_TEST

static int count_op(const Graph *g, Op op)
{
    int count = 0;
    for (NodeId id = 0; id < g->count; id++)
        count += g->nodes[id].op == op;
    return count;
}

/* Two large numbers are not multiplied into one that f32 lacks; a reshape is no mere addition of ones; a product with a second
 * reader is not made twice. */
START_TEST(limits_of_rewrites)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId product = contract(g, l.a, l.m, "bik,kj->bij");
    NodeId roots[] = {multiply(g, c(g, 1e20), multiply(g, c(g, 1e20), l.x)),
                      broadcast_axes(g, shape(g, slice(g, l.m, 2, 0, 1), 2, 1, 3), 1u << 1, SHARED(2, 1, 3)),
                      transpose(g, product), product};
    const double *before[4];
    for (int i = 0; i < 4; i++)
        before[i] = world_compute(&world, world.arena, roots[i]);
    simplify_world(&world, roots, 4, NULL);
    for (int i = 0; i < 4; i++)
        expect_equal(before[i], world_compute(&world, world.arena, roots[i]), elements_of(&world, g->nodes[roots[i]].type), "limits");
    ck_assert_int_eq(count_op(g, OP_MULTIPLY), 2);
    ck_assert_int_eq(count_op(g, OP_RESHAPE), 1);
    ck_assert_int_eq(count_op(g, OP_CONTRACT), 1);
    world_free(&world);
}
END_TEST

/* ---- sharing and names ------------------------------------------------------------------------------------------- */

START_TEST(equal_nodes_are_one)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId roots[] = {add(g, apply1(g, OP_EXP, l.x), l.y), add(g, l.y, apply1(g, OP_EXP, l.x)), add(g, l.x, c(g, 0.5)), add(g, l.x, c(g, 0.5)),
                      reshape_to(g, table(g), 1, (const int64_t[]){6}), reshape_to(g, table(g), 1, (const int64_t[]){6})};
    simplify_world(&world, roots, 6, NULL);
    ck_assert_int_eq(roots[0], roots[1]);
    ck_assert_int_eq(roots[2], roots[3]);
    ck_assert_int_eq(roots[4], roots[5]);
    ck_assert_int_eq(world.graph->count - world.graph->leaf_count, 6);
    world_free(&world);
}
END_TEST

START_TEST(different_nodes_stay_apart)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId roots[] = {subtract(g, l.x, l.y), subtract(g, l.y, l.x), c(g, 0.0), c(g, -0.0), sum(g, l.a, 1u << 1), sum(g, l.a, 1u << 2),
                      slice(g, l.x, 1, 0, 2), slice(g, l.x, 1, 1, 3)};
    simplify_world(&world, roots, 8, NULL);
    for (int i = 0; i < 8; i++)
        for (int j = 0; j < i; j++)
            ck_assert_int_ne(roots[i], roots[j]);
    world_free(&world);
}
END_TEST

START_TEST(names_survive)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId roots[3];
    roots[0] = apply1(g, OP_EXP, l.x);                          /* without a name, merged with one that has it */
    g->now.place.line = 5;
    roots[1] = apply1(g, OP_EXP, l.x);
    g->nodes[roots[1]].origin.name = "power";
    g->now.place.line = 6;
    roots[2] = divide(g, apply1(g, OP_SIN, l.y), c(g, 1));      /* the name of what is rewritten away goes to what stays */
    g->nodes[roots[2]].origin.name = "wave";
    simplify_world(&world, roots, 3, NULL);
    ck_assert_int_eq(roots[0], roots[1]);
    ck_assert_str_eq(g->nodes[roots[0]].origin.name, "power");
    ck_assert_int_eq(g->nodes[roots[0]].origin.place.line, 5);
    ck_assert_int_eq(g->nodes[roots[2]].op, OP_SIN);
    ck_assert_str_eq(g->nodes[roots[2]].origin.name, "wave");
    for (int leaf = 0; leaf < g->leaf_count; leaf++)
        ck_assert_str_eq(g->nodes[g->leaves[leaf].node].origin.name, g->leaves[leaf].name);
    world_free(&world);
}
END_TEST

START_TEST(names_do_not_spread)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId root = apply2(g, OP_POWER, l.x, c(g, 3));            /* becomes x x^2 */
    g->nodes[root].origin.name = "cube";
    simplify_world(&world, &root, 1, NULL);
    int named = 0;
    for (NodeId id = 0; id < g->count; id++)
        named += g->nodes[id].origin.name && !strcmp(g->nodes[id].origin.name, "cube");
    ck_assert_int_eq(named, 1);
    ck_assert_str_eq(g->nodes[root].origin.name, "cube");
    world_free(&world);
}
END_TEST

/* d sum(exp(x)) / d x is the forward exp(x): it stays what the model wrote. */
START_TEST(forward_nodes_stay_forward)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId power = apply1(g, OP_EXP, l.x), y = sum(g, power, 2u), roots[] = {y, NONE};
    differentiate(g, y, &l.x, 1, &roots[1]);
    simplify_world(&world, roots, 2, NULL);
    ck_assert_int_eq(g->nodes[y = roots[0]].operand[0], roots[1]);
    ck_assert_ptr_null(g->nodes[roots[1]].origin.rule);
    ck_assert_int_eq(g->nodes[roots[1]].origin.gradient_of, NONE);
    world_free(&world);
}
END_TEST

/* ---- random graphs ----------------------------------------------------------------------------------------------- */

/* One more node over the ones there are, with operands that fit; returns NONE where the dice chose something that does not. */
static NodeId random_node(World *world, const NodeId *pool, int count)
{
    Graph *g = world->graph;
    NodeId a = pool[(int)draw(world, 0, count)], b = pool[(int)draw(world, 0, count)];
    Type type = g->nodes[a].type, other = g->nodes[b].type;
    int axis = type.rank ? 1 + (int)draw(world, 0, type.rank) : 0;
    static const Op unary[] = {OP_NEGATE, OP_EXP, OP_SQUARE, OP_ABS, OP_SIN, OP_COS, OP_TANH, OP_RELU, OP_SIGMOID, OP_DETACH, OP_SIGN, OP_ATAN};
    static const Op binary[] = {OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_MAXIMUM, OP_MINIMUM, OP_GREATER, OP_EQUAL};
    static const double number[] = {0, 1, -1, 2, 0.5, -3, 0.1};
    switch ((int)draw(world, 0, 14)) {
    case 0: case 1: return apply1(g, unary[(int)draw(world, 0, 12)], a);
    case 2: case 3: case 4: {
        for (int d = 1; d <= type.rank && d <= other.rank; d++) {
            int64_t left = type.size[type.rank - d], right = other.size[other.rank - d];
            if (left != right && left != 1 && right != 1)
                return NONE;
        }
        return apply2(g, binary[(int)draw(world, 0, 8)], a, b);
    }
    case 5: return apply2(g, binary[(int)draw(world, 0, 6)], constant(g, number[(int)draw(world, 0, 7)]), a);
    case 6: return apply2(g, binary[(int)draw(world, 0, 6)], a, constant(g, number[(int)draw(world, 0, 7)]));
    case 7: {
        uint32_t axes = (uint32_t)draw(world, 1, 128) & all_axes(type);
        return axes ? draw(world, 0, 1) < 0.7 ? sum_axes(g, a, axes) : max_axes(g, a, axes) : NONE;
    }
    case 8: return axis ? draw(world, 0, 1) < 0.5 ? slice(g, a, axis, 0, 1 + (int64_t)draw(world, 0, (double)axis_size(type, axis)))
                                                : pad(g, a, axis, 1, (int64_t)draw(world, 0, 2), 0) : NONE;
    case 9: {
        if (type.rank != 2)
            return NONE;
        return draw(world, 0, 1) < 0.5 ? transpose(g, a) : shape(g, a, 2, type.size[1], type.size[0]);
    }
    case 10:
        if (type.rank == 2)
            return shape(g, a, 1, type.size[0] * type.size[1], 0);
        return type.rank != 1 ? NONE : draw(world, 0, 1) < 0.5 ? shape(g, a, 2, 1, type.size[0]) : shape(g, a, 2, type.size[0], 1);
    case 11: return type.rank < 3 ? broadcast_axes(g, a, 1u << 1, type_with(type.per_row, type.rank + 1, (const int64_t[]){2, type.size[0], type.size[1]}))
                                  : NONE;
    case 12: {
        if (!type.rank || !other.rank || type.size[type.rank - 1] != other.size[other.rank == 1 ? 0 : other.rank - 2] || type.rank > 2 || other.rank > 2)
            return NONE;
        return matmul(g, a, b);
    }
    default: {
        NodeId condition = apply2(g, OP_GREATER, a, constant(g, 0.25));
        return choose(g, condition, a, constant(g, number[(int)draw(world, 0, 7)]));
    }
    }
}

START_TEST(random_graphs_keep_their_values)
{
    World world = world_new(BATCH, ROWS);
    world.random = (uint64_t)_i * 1000003 + 1;
    Leaves l = leaves_of(&world);
    enum { POOL = 60 };
    NodeId pool[POOL] = {l.x, l.y, l.a, l.b, l.r, l.s, l.t, l.m};
    int count = 8;
    for (int attempts = 0; count < POOL && attempts < 2000; attempts++) {
        NodeId node = random_node(&world, pool, count);
        if (node != NONE && element_count(world.graph->nodes[node].type) <= 500)
            pool[count++] = node;
    }
    double *before[POOL];
    for (int i = 0; i < count; i++)
        before[i] = (double *)world_compute(&world, world.arena, pool[i]);
    int nodes = world.graph->count;
    simplify_world(&world, pool, count, NULL);
    for (int i = 0; i < count; i++) {
        Type type = world.graph->nodes[pool[i]].type;
        const double *after = world_compute(&world, world.arena, pool[i]);
        for (int64_t e = 0; e < elements_of(&world, type); e++) {
            double scale = fmax(1, fabs(before[i][e]));
            bool comparable = isfinite(before[i][e]) && fabs(before[i][e]) < 1e12;
            ck_assert_msg(!comparable || fabs(before[i][e] - after[e]) <= 1e-9 * scale, "graph %d, root %d, element %d: %.17g became %.17g", _i, i,
                          (int)e, before[i][e], after[e]);
        }
    }
    ck_assert_int_le(world.graph->count, nodes + nodes / 10);
    int once = world.graph->count;
    int uses[MAX_REWRITES] = {0};
    simplify_world(&world, pool, count, uses);
    for (int which = 0; rewrite_name(which); which++)
        ck_assert_msg(uses[which] == 0, "graph %d: the second time %s still applied", _i, rewrite_name(which));
    ck_assert_int_eq(world.graph->count, once);
    world_free(&world);
}
END_TEST

/* A chain of thousands of nodes takes time in proportion to its length. */
START_TEST(long_chains_are_quick)
{
    World world = world_new(BATCH, ROWS);
    Graph *g = world.graph;
    Leaves l = leaves_of(&world);
    NodeId y = l.a;
    for (int i = 0; i < 20000; i++)
        y = add(g, multiply(g, y, l.s), apply1(g, OP_SIN, y));
    NodeId loss = sum_axes(g, y, 7u), gradient;
    differentiate(g, loss, &l.s, 1, &gradient);
    NodeId roots[] = {loss, gradient};
    simplify_world(&world, roots, 2, NULL);
    ck_assert_int_gt(g->count, 80000);
    world_free(&world);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: simplification");
    TCase *tests = tcase_create("rewrites");
    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, rewrites_by_name, 0, CASES);
    tcase_add_test(tests, every_rewrite_has_a_case);
    tcase_add_test(tests, left_alone);
    tcase_add_test(tests, limits_of_rewrites);
    tcase_add_test(tests, forward_nodes_stay_forward);
    tcase_add_test(tests, equal_nodes_are_one);
    tcase_add_test(tests, different_nodes_stay_apart);
    tcase_add_test(tests, names_survive);
    tcase_add_test(tests, names_do_not_spread);
    tcase_add_loop_test(tests, random_graphs_keep_their_values, 0, 200);
    tcase_add_test(tests, long_chains_are_quick);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
