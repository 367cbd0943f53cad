/* Every row of ops.def by itself: its value against mathematics, its first derivative against central differences of the value,
 * its second against central differences of the first; shared, per row, mixed, with spare rows, and with one node as both operands.
 * A row without a case fails the test `every_row_has_a_case`. */
#include "graph_world.h"
#include "graph/recurrence.h"
#include <nngen/random.h>

/* ---- pointwise rows: a formula each ------------------------------------------------------------------------------ */

#define FORMULA(name, expression)                                                                      \
    static double name##_of(double a, double b, double c) { (void)a, (void)b, (void)c; return expression; }
FORMULA(negate, 0 - a)
FORMULA(exp, exp(a))
FORMULA(log, log(a))
FORMULA(log1p, log(1 + a))
FORMULA(sqrt, pow(a, 0.5))
FORMULA(reciprocal, pow(a, -1))
FORMULA(square, pow(a, 2))
FORMULA(abs, a < 0 ? -a : a)
FORMULA(sign, a < 0 ? -1 : a > 0 ? 1 : 0)
FORMULA(floor, (double)(long)(a + 100) - 100)
FORMULA(sin, sin(a))
FORMULA(cos, cos(a))
FORMULA(tan, sin(a) / cos(a))
FORMULA(atan, atan2(a, 1))
FORMULA(tanh, (exp(2 * a) - 1) / (exp(2 * a) + 1))
FORMULA(erf, 1 - erfc(a))
FORMULA(relu, a > 0 ? a : 0)
FORMULA(sigmoid, 1 / (1 + exp(-a)))
FORMULA(softplus, log(1 + exp(a)))
FORMULA(add, a + b)
FORMULA(subtract, a - b)
FORMULA(multiply, a * b)
FORMULA(divide, a / b)
FORMULA(power, exp(b * log(a)))
FORMULA(maximum, a > b ? a : b)
FORMULA(minimum, a < b ? a : b)
FORMULA(greater, a > b ? 1 : 0)
FORMULA(greater_equal, a < b ? 0 : 1)
FORMULA(less, a < b ? 1 : 0)
FORMULA(less_equal, a > b ? 0 : 1)
FORMULA(equal, a < b || a > b ? 0 : 1)
FORMULA(not_equal, a < b || a > b ? 1 : 0)
FORMULA(select, a < 0 || a > 0 ? b : c)

typedef struct Pointwise {
    Op op;
    double (*value)(double, double, double);
    double low[2], high[2];             /* of the operands; of a kink or pole they stay clear */
} Pointwise;

static const Pointwise pointwise[] = {
    {OP_NEGATE, negate_of, {-2}, {2}},
    {OP_EXP, exp_of, {-2}, {2}},
    {OP_LOG, log_of, {0.3}, {3}},
    {OP_LOG1P, log1p_of, {-0.5}, {2}},
    {OP_SQRT, sqrt_of, {0.3}, {3}},
    {OP_RECIPROCAL, reciprocal_of, {0.4}, {3}},
    {OP_SQUARE, square_of, {-2}, {2}},
    {OP_ABS, abs_of, {-2}, {-0.1}},
    {OP_ABS, abs_of, {0.1}, {2}},
    {OP_SIGN, sign_of, {-2}, {-0.1}},
    {OP_SIGN, sign_of, {0.1}, {2}},
    {OP_FLOOR, floor_of, {-1.9}, {-1.1}},
    {OP_FLOOR, floor_of, {2.1}, {2.9}},
    {OP_SIN, sin_of, {-4}, {4}},
    {OP_COS, cos_of, {-4}, {4}},
    {OP_TAN, tan_of, {-1}, {1}},
    {OP_ATAN, atan_of, {-3}, {3}},
    {OP_TANH, tanh_of, {-2}, {2}},
    {OP_ERF, erf_of, {-2}, {2}},
    {OP_RELU, relu_of, {-2}, {-0.1}},
    {OP_RELU, relu_of, {0.1}, {2}},
    {OP_SIGMOID, sigmoid_of, {-4}, {4}},
    {OP_SOFTPLUS, softplus_of, {-4}, {4}},
    {OP_ADD, add_of, {-2, -2}, {2, 2}},
    {OP_SUBTRACT, subtract_of, {-2, -2}, {2, 2}},
    {OP_MULTIPLY, multiply_of, {-2, -2}, {2, 2}},
    {OP_DIVIDE, divide_of, {0.5, 0.5}, {2, 2}},
    {OP_POWER, power_of, {0.4, 0.4}, {2, 2}},
    {OP_MAXIMUM, maximum_of, {-1, 1.1}, {1, 2}},
    {OP_MAXIMUM, maximum_of, {1.1, -1}, {2, 1}},
    {OP_MINIMUM, minimum_of, {-1, 1.1}, {1, 2}},
    {OP_MINIMUM, minimum_of, {1.1, -1}, {2, 1}},
    {OP_GREATER, greater_of, {-1, 1.1}, {1, 2}},
    {OP_GREATER, greater_of, {1.1, -1}, {2, 1}},
    {OP_GREATER_EQUAL, greater_equal_of, {-1, 1.1}, {1, 2}},
    {OP_GREATER_EQUAL, greater_equal_of, {1.1, -1}, {2, 1}},
    {OP_LESS, less_of, {-1, 1.1}, {1, 2}},
    {OP_LESS, less_of, {1.1, -1}, {2, 1}},
    {OP_LESS_EQUAL, less_equal_of, {-1, 1.1}, {1, 2}},
    {OP_LESS_EQUAL, less_equal_of, {1.1, -1}, {2, 1}},
    {OP_EQUAL, equal_of, {-1, 1.1}, {1, 2}},
    {OP_NOT_EQUAL, not_equal_of, {-1, 1.1}, {1, 2}},
    {OP_SELECT, select_of, {-2, -2}, {2, 2}},
};

enum { POINTWISE_CASES = sizeof pointwise / sizeof *pointwise, BATCH = 4, ROWS = 3 };

/* What the operands are made of: every mixture that broadcasting can meet. */
typedef struct Mixture { const char *name; Type type[3]; } Mixture;

static int mixtures(Mixture *list)
{
    const Type scalar = {.scalar = FLOAT}, row_scalar = {.scalar = FLOAT, .per_row = true};
    const Mixture all[] = {
        {"scalars", {scalar, scalar, scalar}},
        {"shared vectors", {SHARED(3), SHARED(3), SHARED(3)}},
        {"per-row matrices", {PER_ROW(2, 3), PER_ROW(2, 3), PER_ROW(2, 3)}},
        {"per row and shared", {PER_ROW(3), SHARED(3), PER_ROW(3)}},
        {"shared and per row", {SHARED(5), PER_ROW(5), SHARED(5)}},
        {"a number a row and a vector", {row_scalar, SHARED(3), scalar}},
        {"a column and a row", {SHARED(2, 1), PER_ROW(1, 3), SHARED(3)}},
        {"ones", {SHARED(1), PER_ROW(1, 1), SHARED(1)}},
    };
    memcpy(list, all, sizeof all);
    return (int)(sizeof all / sizeof *all);
}

static NodeId apply_row(Graph *graph, Op op, const NodeId *x)
{
    int arity = op_info[op].arity;
    return arity == 1 ? apply1(graph, op, x[0]) : arity == 2 ? apply2(graph, op, x[0], x[1]) : apply3(graph, op, x[0], x[1], x[2]);
}

/* The operands as the operation sees them, element by element. */
static void check_values(World *world, const Pointwise *row, const NodeId *x, NodeId result, const char *what)
{
    Type type = world->graph->nodes[result].type;
    const double *operand[3] = {NULL, NULL, NULL};
    for (int i = 0; i < op_info[row->op].arity; i++)
        operand[i] = world_compute(world, world->arena, broadcast_to(world->graph, x[i], type));
    const double *value = world_compute(world, world->arena, result);
    for (int64_t i = 0; i < elements_of(world, type); i++) {
        double expected = row->value(operand[0][i], operand[1] ? operand[1][i] : 0, operand[2] ? operand[2][i] : 0);
        ck_assert_msg(fabs(value[i] - expected) <= 1e-12 * fmax(1, fabs(expected)), "%s: element %d is %.17g, mathematics says %.17g", what,
                      (int)i, value[i], expected);
    }
}

/* First derivatives with respect to the leaves x, then the derivatives of a sum of those. */
static void check_derivatives(World *world, NodeId result, const NodeId *x, int count, const char *what)
{
    Graph *graph = world->graph;
    NodeId y = weighted_sum(world, result), first[3], second[3];
    differentiate(graph, y, x, count, first);
    for (int i = 0; i < count; i++) {
        ck_assert(same_type(graph->nodes[first[i]].type, graph->nodes[x[i]].type));
        check_gradient(world, y, x[i], first[i], arena_print(world->arena, "%s, operand %d", what, i));
    }
    for (int i = 0; i < count; i++) {
        NodeId slope = weighted_sum(world, first[i]);
        differentiate(graph, slope, x, count, second);
        for (int j = 0; j < count; j++)
            check_gradient(world, slope, x[j], second[j], arena_print(world->arena, "%s, operands %d and %d", what, i, j));
    }
    check_graph(graph, "differentiate");
}

START_TEST(pointwise_rows)
{
    const Pointwise *row = &pointwise[_i];
    Mixture list[16];
    int count = mixtures(list), arity = op_info[row->op].arity;
    for (int m = 0; m < count; m++) {
        World world = world_new(BATCH, ROWS);
        NodeId x[3];
        for (int i = 0; i < arity; i++)
            x[i] = world_leaf(&world, (const char *[]){"a", "b", "c"}[i], list[m].type[i], row->low[i % 2], row->high[i % 2]);
        if (row->op == OP_SELECT)       /* some conditions are zero */
            for (int64_t i = 0; i < elements_of(&world, list[m].type[0]); i++)
                world_values(&world, x[0])[i] *= i % element_count(list[m].type[0]) % 2;
        NodeId result = apply_row(world.graph, row->op, x);
        const char *what = arena_print(world.arena, "%s of %s", op_info[row->op].name, list[m].name);
        check_values(&world, row, x, result, what);
        if (row->op == OP_SELECT)       /* a condition is compared with 0: no differences across it */
            check_derivatives(&world, result, x + 1, 2, what);
        else
            check_derivatives(&world, result, x, arity, what);
        world_free(&world);
    }
}
END_TEST

/* f(x, x): both operands give their part. */
START_TEST(one_node_as_both_operands)
{
    const Pointwise *row = &pointwise[_i];
    bool is_kink = row->op == OP_MAXIMUM || row->op == OP_MINIMUM || op_info[row->op].binding == BIND_COMPARE || op_info[row->op].binding == BIND_EQUALITY;
    if (op_info[row->op].arity != 2 || is_kink)
        return;
    World world = world_new(BATCH, ROWS);
    NodeId x = world_leaf(&world, "x", PER_ROW(3), row->low[0], row->high[0]);
    check_derivatives(&world, apply2(world.graph, row->op, x, x), &x, 1, op_info[row->op].name);
    world_free(&world);
}
END_TEST

/* ---- rows with axes: small tensors whose results are written out ------------------------------------------------- */

/* a is (batch, 2, 3), b (3, 2) shared, c (batch, 2, 3), s (batch); places is (batch, 4) of integers below 3, place one a row */
typedef struct Fixture { NodeId a, b, c, s, places, place; } Fixture;
typedef double Element(const World *world, const Fixture *f, int64_t row, int64_t i, int64_t j);

typedef struct Structural {
    Op op;
    const char *name;
    NodeId (*build)(Graph *graph, const Fixture *f);
    Element *element;                   /* of the result; i and j are 0 on axes that it lacks */
} Structural;

static double a_at(const World *w, const Fixture *f, int64_t row, int64_t i, int64_t j) { return world_values(w, f->a)[(row * 2 + i) * 3 + j]; }
static double b_at(const World *w, const Fixture *f, int64_t i, int64_t j) { return world_values(w, f->b)[i * 2 + j]; }
static double c_at(const World *w, const Fixture *f, int64_t row, int64_t i, int64_t j) { return world_values(w, f->c)[(row * 2 + i) * 3 + j]; }

static int64_t places_at(const World *w, const Fixture *f, int64_t row, int64_t i) { return (int64_t)world_values(w, f->places)[row * 4 + i]; }
static int64_t place_at(const World *w, const Fixture *f, int64_t row) { return (int64_t)world_values(w, f->place)[row]; }

#define BUILD(name, ...)   static NodeId build_##name(Graph *g, const Fixture *f) { (void)g, (void)f; __VA_ARGS__ }
#define ELEMENT(name, ...) static double name##_at(const World *w, const Fixture *f, int64_t row, int64_t i, int64_t j) \
    { (void)w, (void)f, (void)row, (void)i, (void)j; __VA_ARGS__ }

BUILD(sum_last, return reduce(g, OP_SUM, f->a, 1u << 2);)
ELEMENT(sum_last, return a_at(w, f, row, i, 0) + a_at(w, f, row, i, 1) + a_at(w, f, row, i, 2);)
BUILD(sum_rows, return sum_axes(g, f->a, 1u);)
ELEMENT(sum_rows, double sum = 0; for (int r = 0; r < ROWS; r++) sum += a_at(w, f, r, i, j); return sum;)
BUILD(sum_all, return sum_axes(g, f->a, 7u);)
ELEMENT(sum_all, double sum = 0; for (int r = 0; r < ROWS; r++) for (int k = 0; k < 6; k++) sum += a_at(w, f, r, k / 3, k % 3); return sum;)
BUILD(max_last, return reduce(g, OP_MAX, f->a, 1u << 2);)
ELEMENT(max_last, return fmax(a_at(w, f, row, i, 0), fmax(a_at(w, f, row, i, 1), a_at(w, f, row, i, 2)));)
BUILD(max_first, return reduce(g, OP_MAX, f->a, 1u << 1);)
ELEMENT(max_first, return fmax(a_at(w, f, row, 0, i), a_at(w, f, row, 1, i));)
BUILD(max_all, return max_axes(g, f->a, 7u);)
ELEMENT(max_all, double m = -9; for (int r = 0; r < ROWS; r++) for (int k = 0; k < 6; k++) m = fmax(m, a_at(w, f, r, k / 3, k % 3)); return m;)
BUILD(argmax_last, return apply1(g, OP_FLOAT, reduce(g, OP_ARGMAX, f->a, 1u << 2));)
ELEMENT(argmax_last, int best = 0; for (int k = 1; k < 3; k++) if (a_at(w, f, row, i, k) > a_at(w, f, row, i, best)) best = k; return best;)
BUILD(float_index, return apply1(g, OP_FLOAT, index_along(g, PER_ROW(2, 3), 2));)
ELEMENT(float_index, return (double)j;)
BUILD(index_rows, return apply1(g, OP_FLOAT, index_along(g, PER_ROW(2, 3), 0));)
ELEMENT(index_rows, return (double)row;)
BUILD(broadcast_rows, return broadcast_to(g, f->b, PER_ROW(3, 2));)
ELEMENT(broadcast_rows, return b_at(w, f, i, j);)
BUILD(broadcast_middle, return broadcast_axes(g, reduce(g, OP_SUM, f->a, 1u << 1), 1u << 2, PER_ROW(3, 2));)
ELEMENT(broadcast_middle, return a_at(w, f, row, 0, i) + a_at(w, f, row, 1, i);)
BUILD(reshape, return reshape_to(g, f->a, 2, (const int64_t[]){3, 2});)
ELEMENT(reshape, return world_values(w, f->a)[row * 6 + i * 2 + j];)
BUILD(permute, return permute(g, f->a, (const int8_t[]){2, 1});)
ELEMENT(permute, return a_at(w, f, row, j, i);)
BUILD(slice, return slice(g, f->a, 2, 1, 3);)
ELEMENT(slice, return a_at(w, f, row, i, j + 1);)
BUILD(slice_shared, return slice(g, f->b, 1, 1, 2);)
ELEMENT(slice_shared, return b_at(w, f, i + 1, j);)
BUILD(pad, return pad(g, f->a, 2, 1, 2, 0.5);)
ELEMENT(pad, return j < 1 || j > 3 ? 0.5 : a_at(w, f, row, i, j - 1);)
BUILD(concat, return concat(g, f->a, f->c, 1);)
ELEMENT(concat, return i < 2 ? a_at(w, f, row, i, j) : c_at(w, f, row, i - 2, j);)
BUILD(concat_mixed, return concat(g, f->a, permute(g, f->b, (const int8_t[]){2, 1}), 2);)
ELEMENT(concat_mixed, return j < 3 ? a_at(w, f, row, i, j) : b_at(w, f, j - 3, i);)
static const Windows wide = {2, 2, 2, 1, 1, 1};          /* of 3 padded to 5: places -1, 1 */
static const Windows apart = {1, 2, 1, 2, 1, 1};         /* of 2 padded to 4: places -1, 0 and two further on */
BUILD(unfold, return slice(g, unfold(g, f->a, wide, 0.5), 3, 1, 2);)
ELEMENT(unfold, return a_at(w, f, row, i, 2 * j);)
BUILD(unfold_border, NodeId u = unfold(g, f->a, wide, 0.5); return slice(g, u, 3, 0, 1);)
ELEMENT(unfold_border, return j == 0 ? 0.5 : a_at(w, f, row, i, 1);)
BUILD(unfold_dilated, return slice(g, unfold(g, f->b, apart, 0), 3, 1, 2);)
ELEMENT(unfold_dilated, return i == 0 ? b_at(w, f, 1, j) : i == 1 ? b_at(w, f, 2, j) : 0;)
BUILD(fold, return fold(g, unfold(g, f->a, wide, 0.5), wide, 3);)       /* how many windows hold an element, times it */
ELEMENT(fold, return a_at(w, f, row, i, j);)
BUILD(fold_overlapping, Windows o = {2, 2, 1, 1, 0, 0}; return fold(g, unfold(g, f->a, o, 0), o, 3);)
ELEMENT(fold_overlapping, return (j == 1 ? 2 : 1) * a_at(w, f, row, i, j);)
BUILD(gather_table, return gather(g, f->b, f->places, "vd,bt->btd");)
ELEMENT(gather_table, return b_at(w, f, places_at(w, f, row, i), j);)
BUILD(gather_one, return gather(g, f->b, f->place, "vd,b->bd");)
ELEMENT(gather_one, return b_at(w, f, place_at(w, f, row), i);)
BUILD(gather_columns, return gather(g, f->a, f->places, "bik,bt->bti");)         /* the axis picked along goes to the front */
ELEMENT(gather_columns, return a_at(w, f, row, j, places_at(w, f, row, i));)
BUILD(gather_score, return gather(g, f->a, f->place, "bik,b->bi");)              /* nothing is summed: elementwise back */
ELEMENT(gather_score, return a_at(w, f, row, i, place_at(w, f, row));)
BUILD(gather_places, NodeId at = gather(g, f->places, f->place, "bt,b->b"); return gather(g, f->a, at, "bik,b->bi");)
ELEMENT(gather_places, return a_at(w, f, row, i, places_at(w, f, row, place_at(w, f, row)));)
BUILD(scatter_table, return scatter_add(g, multiply(g, f->a, leaf_scalar(g, OP_ROW_MASK)), slice(g, f->places, 1, 1, 3), "bik,bi->vk", 4);)
ELEMENT(scatter_table, double sum = 0; for (int r = 0; r < ROWS; r++) for (int t = 0; t < 2; t++) sum += places_at(w, f, r, t + 1) == i ? a_at(w, f, r, t, j) : 0; return sum;)
BUILD(scatter_rows, return scatter_add(g, reduce(g, OP_SUM, f->a, 1u << 1), f->place, "bk,b->bvk", 3);)      /* an axis more, nothing summed */
ELEMENT(scatter_rows, return i == place_at(w, f, row) ? a_at(w, f, row, 0, j) + a_at(w, f, row, 1, j) : 0;)
BUILD(contract, return contract(g, f->a, f->b, "bik,kj->bij");)
ELEMENT(contract, double sum = 0; for (int k = 0; k < 3; k++) sum += a_at(w, f, row, i, k) * b_at(w, f, k, j); return sum;)
BUILD(contract_batch, return contract(g, multiply(g, f->a, leaf_scalar(g, OP_ROW_MASK)), f->c, "bik,bjk->ij");)
ELEMENT(contract_batch, double sum = 0; for (int r = 0; r < ROWS; r++) for (int k = 0; k < 3; k++) sum += a_at(w, f, r, i, k) * c_at(w, f, r, j, k); return sum;)
BUILD(contract_two, return contract(g, f->a, f->c, "bik,bik->b");)
ELEMENT(contract_two, double sum = 0; for (int k = 0; k < 6; k++) sum += a_at(w, f, row, k / 3, k % 3) * c_at(w, f, row, k / 3, k % 3); return sum;)
BUILD(contract_outer, return contract(g, f->s, reduce(g, OP_SUM, f->b, 1u << 2), "b,k->bk");)
ELEMENT(contract_outer, return world_values(w, f->s)[row] * (b_at(w, f, i, 0) + b_at(w, f, i, 1));)
BUILD(detach, return multiply(g, f->a, apply1(g, OP_DETACH, f->a));)
ELEMENT(detach, return a_at(w, f, row, i, j) * a_at(w, f, row, i, j);)
BUILD(rows, return leaf_scalar(g, OP_ROWS);)
ELEMENT(rows, return ROWS;)
BUILD(row_mask, return leaf_scalar(g, OP_ROW_MASK);)
ELEMENT(row_mask, return row < ROWS ? 1 : 0;)
BUILD(rate, return leaf_scalar(g, OP_RATE);)
ELEMENT(rate, return 0.125;)
BUILD(swept, return leaf_scalar(g, OP_SWEPT);)
ELEMENT(swept, return 0.375;)
BUILD(step, return leaf_scalar(g, OP_STEP);)
ELEMENT(step, return 3;)
BUILD(mode, return leaf_scalar(g, OP_MODE);)
ELEMENT(mode, return 1;)
BUILD(constant, return constant(g, -2.5);)
ELEMENT(constant, return -2.5;)
BUILD(input, return f->a;)
ELEMENT(input, return a_at(w, f, row, i, j);)
BUILD(parameter, return f->b;)
ELEMENT(parameter, return b_at(w, f, i, j);)
BUILD(assign, return assign(g, g->nodes[f->b].attributes.leaf, multiply(g, constant(g, 2), f->b));)
ELEMENT(assign, return 2 * b_at(w, f, i, j);)

/* recurrences over axis 1, which has two times */
static NodeId start(Graph *g, const Fixture *f) { return reduce(g, OP_SUM, f->c, 1u << 1); }
static double start_at(const World *w, const Fixture *f, int64_t row, int64_t j) { return c_at(w, f, row, 0, j) + c_at(w, f, row, 1, j); }
static NodeId run_scan(Graph *g, const Fixture *f, bool backward)        /* h' = h c[t] + a[t] */
{
    NodeId before = open_recurrence(g, start(g, f), 2, backward);
    NodeId scaled = multiply(g, before, f->c);
    return close_recurrence(g, before, add(g, scaled, f->a));
}
BUILD(scan, return run_scan(g, f, false);)
ELEMENT(scan, double h = start_at(w, f, row, j); for (int t = 0; t <= i; t++) h = h * c_at(w, f, row, t, j) + a_at(w, f, row, t, j); return h;)
BUILD(scan_backward, return run_scan(g, f, true);)
ELEMENT(scan_backward, double h = start_at(w, f, row, j); for (int64_t t = 1; t >= i; t--) h = h * c_at(w, f, row, t, j) + a_at(w, f, row, t, j); return h;)
BUILD(scan_product,                                       /* h' = sin(h b b' + a[t]) */
    NodeId before = open_recurrence(g, start(g, f), 2, false), down = contract(g, before, f->b, "btk,kj->btj"), up = contract(g, down, f->b, "btj,kj->btk");
    return close_recurrence(g, before, apply1(g, OP_SIN, add(g, up, f->a)));)
ELEMENT(scan_product,
    double h[3], next[3];
    for (int k = 0; k < 3; k++) h[k] = start_at(w, f, row, k);
    for (int t = 0; t <= i; t++, memcpy(h, next, sizeof h))
        for (int k = 0; k < 3; k++) {
            double sum = a_at(w, f, row, t, k);
            for (int l = 0; l < 3; l++) sum += h[l] * (b_at(w, f, l, 0) * b_at(w, f, k, 0) + b_at(w, f, l, 1) * b_at(w, f, k, 1));
            next[k] = sin(sum);
        }
    return h[j];)
BUILD(scan_pair,                                          /* h' = h + p,  p' = h' a[t]: p is read an inner value of the loop too */
    NodeId h = open_recurrence(g, start(g, f), 2, false), p = open_recurrence(g, reduce(g, OP_SUM, f->a, 1u << 1), 2, false);
    NodeId next_h = add(g, h, p), next_p = multiply(g, next_h, f->a), all = close_recurrence(g, p, next_p);
    close_recurrence(g, h, next_h);
    return add(g, all, next_h);)
ELEMENT(scan_pair,
    double h = start_at(w, f, row, j), p = a_at(w, f, row, 0, j) + a_at(w, f, row, 1, j);
    for (int t = 0; t <= i; t++) { h += p; p = h * a_at(w, f, row, t, j); }
    return h + p;)
BUILD(previous, NodeId before = open_recurrence(g, start(g, f), 2, false); close_recurrence(g, before, f->a); return before;)      /* no cycle: a shift */
ELEMENT(previous, return i == 0 ? start_at(w, f, row, j) : a_at(w, f, row, i - 1, j);)

static const double odd_numbers[] = {1, 3, 5, 7, 9, 11};
BUILD(table, Attributes t = attributes(); t.table = odd_numbers; t.type = SHARED(2, 3); return new_node(g, OP_TABLE, NULL, 0, t);)
ELEMENT(table, return (double)(2 * (3 * i + j) + 1);)
BUILD(uniform, Attributes t = attributes(); t.stream = nn_stream("noise"); t.type = PER_ROW(2, 3); return new_node(g, OP_UNIFORM, NULL, 0, t);)
ELEMENT(uniform, return nn_uniform(42, nn_stream("noise"), 3, (uint64_t)(row * 6 + i * 3 + j));)
BUILD(normal, Attributes t = attributes(); t.stream = nn_stream("noise"); t.type = SHARED(2, 3); return new_node(g, OP_NORMAL, NULL, 0, t);)
ELEMENT(normal, return nn_normal(42, nn_stream("noise"), 3, (uint64_t)(i * 3 + j));)

static const Structural structural[] = {
#define CASE(OP, name) {OP, #name, build_##name, name##_at}
    CASE(OP_SUM, sum_last), CASE(OP_SUM, sum_rows), CASE(OP_SUM, sum_all), CASE(OP_MAX, max_last), CASE(OP_MAX, max_first),
    CASE(OP_MAX, max_all), CASE(OP_ARGMAX, argmax_last), CASE(OP_FLOAT, float_index), CASE(OP_INDEX, float_index), CASE(OP_INDEX, index_rows),
    CASE(OP_BROADCAST, broadcast_rows), CASE(OP_BROADCAST, broadcast_middle), CASE(OP_RESHAPE, reshape), CASE(OP_PERMUTE, permute),
    CASE(OP_SLICE, slice), CASE(OP_SLICE, slice_shared), CASE(OP_PAD, pad), CASE(OP_CONCAT, concat), CASE(OP_CONCAT, concat_mixed),
    CASE(OP_UNFOLD, unfold), CASE(OP_UNFOLD, unfold_border), CASE(OP_UNFOLD, unfold_dilated), CASE(OP_FOLD, fold), CASE(OP_FOLD, fold_overlapping),
    CASE(OP_GATHER, gather_table), CASE(OP_GATHER, gather_one), CASE(OP_GATHER, gather_columns), CASE(OP_GATHER, gather_score), CASE(OP_GATHER, gather_places),
    CASE(OP_SCATTER_ADD, scatter_table), CASE(OP_SCATTER_ADD, scatter_rows),
    CASE(OP_CONTRACT, contract), CASE(OP_CONTRACT, contract_batch), CASE(OP_CONTRACT, contract_two), CASE(OP_CONTRACT, contract_outer),
    CASE(OP_DETACH, detach), CASE(OP_ROWS, rows), CASE(OP_ROW_MASK, row_mask), CASE(OP_RATE, rate), CASE(OP_SWEPT, swept), CASE(OP_STEP, step), CASE(OP_MODE, mode),
    CASE(OP_CONSTANT, constant), CASE(OP_INPUT, input), CASE(OP_PARAMETER, parameter), CASE(OP_ASSIGN, assign), CASE(OP_TABLE, table),
    CASE(OP_SCAN, scan), CASE(OP_SCAN, scan_backward), CASE(OP_SCAN, scan_product), CASE(OP_SCAN, scan_pair), CASE(OP_PREVIOUS, previous),
    CASE(OP_UNIFORM, uniform), CASE(OP_NORMAL, normal),
#undef CASE
};
enum { STRUCTURAL_CASES = sizeof structural / sizeof *structural };

static Fixture fixture(World *world)
{
    Fixture f;
    f.a = world_leaf(world, "a", PER_ROW(2, 3), -2, 2);
    f.b = world_leaf(world, "b", SHARED(3, 2), -2, 2);
    f.c = world_leaf(world, "c", PER_ROW(2, 3), -2, 2);
    f.s = world_leaf(world, "s", (Type){.scalar = FLOAT, .per_row = true}, -2, 2);
    f.places = world_leaf(world, "places", (Type){.scalar = INT, .per_row = true, .rank = 1, .size = {4}}, 0, 3);
    f.place = world_leaf(world, "place", (Type){.scalar = INT, .per_row = true}, 0, 3);
    for (int l = 0; l < world->graph->leaf_count; l++)
        world->graph->leaves[l].classes = world->graph->leaves[l].type.scalar == INT ? 3 : 0;
    return f;
}

START_TEST(structural_rows)
{
    const Structural *row = &structural[_i];
    World world = world_new(BATCH, ROWS);
    Fixture f = fixture(&world);
    NodeId result = row->build(world.graph, &f);
    Type type = world.graph->nodes[result].type;
    const double *value = world_compute(&world, world.arena, result);
    int64_t size_i = type.rank > 0 ? type.size[0] : 1, size_j = type.rank > 1 ? type.size[1] : 1;
    for (int64_t at = 0; at < elements_of(&world, type); at++) {
        double expected = row->element(&world, &f, at / (size_i * size_j), at / size_j % size_i, at % size_j);
        ck_assert_msg(fabs(value[at] - expected) <= 1e-13 * fmax(1, fabs(expected)), "%s: element %d is %.17g, not %.17g", row->name, (int)at,
                      value[at], expected);
    }
    NodeId x[] = {f.a, f.b, f.c};
    if (row->op != OP_ASSIGN && row->op != OP_DETACH)        /* an effect has no derivative; detach is meant to differ from differences */
        check_derivatives(&world, result, x, 3, row->name);
    world_free(&world);
}
END_TEST

/* ---- rules with a choice ----------------------------------------------------------------------------------------- */

/* d Σ f(x) / d x of one shared vector. */
static const double *slope_at(World *world, NodeId x, NodeId result)
{
    NodeId y = sum_axes(world->graph, result, all_axes(world->graph->nodes[result].type)), gradient;
    differentiate(world->graph, y, &x, 1, &gradient);
    return world_compute(world, world->arena, gradient);
}

static World world_of(const double *values, int64_t count, NodeId *x)
{
    World world = world_new(1, 1);
    *x = world_leaf(&world, "x", SHARED(count), 0, 1);
    memcpy(world_values(&world, *x), values, sizeof *values * (size_t)count);
    return world;
}

static void expect_slopes(const double *slopes, const double *expected, int count)
{
    for (int i = 0; i < count; i++)
        ck_assert_msg(slopes[i] == expected[i] || fabs(slopes[i] - expected[i]) < 1e-15, "slope %d is %g, not %g", i, slopes[i], expected[i]);
}

START_TEST(relu_and_abs_are_flat_at_zero)
{
    NodeId x;
    World world = world_of((const double[]){-1, 0, 2}, 3, &x);
    expect_slopes(slope_at(&world, x, apply1(world.graph, OP_RELU, x)), (const double[]){0, 0, 1}, 3);
    expect_slopes(slope_at(&world, x, apply1(world.graph, OP_ABS, x)), (const double[]){-1, 0, 1}, 3);
    world_free(&world);
}
END_TEST

START_TEST(maximum_and_minimum_share_a_tie)
{
    NodeId x;
    World world = world_of((const double[]){-1, 0, 2}, 3, &x);
    NodeId zero = constant(world.graph, 0);
    expect_slopes(slope_at(&world, x, apply2(world.graph, OP_MAXIMUM, x, zero)), (const double[]){0, 0.5, 1}, 3);
    expect_slopes(slope_at(&world, x, apply2(world.graph, OP_MINIMUM, zero, x)), (const double[]){1, 0.5, 0}, 3);
    expect_slopes(slope_at(&world, x, apply2(world.graph, OP_MAXIMUM, x, x)), (const double[]){1, 1, 1}, 3);
    world_free(&world);
}
END_TEST

START_TEST(max_goes_to_the_first_largest)
{
    NodeId x;
    World world = world_of((const double[]){1, 5, 3, 5, 5, 2}, 6, &x);
    expect_slopes(slope_at(&world, x, reduce(world.graph, OP_MAX, x, 2u)), (const double[]){0, 1, 0, 0, 0, 0}, 6);
    NodeId square = reshape_to(world.graph, x, 2, (const int64_t[]){2, 3});
    expect_slopes(slope_at(&world, x, reduce(world.graph, OP_MAX, square, 6u)), (const double[]){0, 1, 0, 0, 0, 0}, 6);
    expect_slopes(slope_at(&world, x, reduce(world.graph, OP_MAX, square, 2u)), (const double[]){0, 1, 1, 1, 0, 0}, 6);
    world_free(&world);
}
END_TEST

/* d x^p / d x at 0 is 0 for p = 0 and 1 for p = 1; d p^x / d x at p = 0 is 0, also in the second derivative. */
START_TEST(power_at_zero)
{
    NodeId x;
    World world = world_of((const double[]){0, 0, 0}, 3, &x);
    Attributes table = attributes();
    table.table = (const double[]){0, 1, 2};
    table.type = SHARED(3);
    NodeId powers = new_node(world.graph, OP_TABLE, NULL, 0, table);
    expect_slopes(slope_at(&world, x, apply2(world.graph, OP_POWER, x, powers)), (const double[]){0, 1, 0}, 3);
    world_free(&world);

    world = world_of((const double[]){1, 2, 3}, 3, &x);
    NodeId flat = apply2(world.graph, OP_POWER, constant(world.graph, 0), x), y = sum_axes(world.graph, flat, 2u), gradient;
    differentiate(world.graph, y, &x, 1, &gradient);
    expect_slopes(world_compute(&world, world.arena, gradient), (const double[]){0, 0, 0}, 3);
    expect_slopes(slope_at(&world, x, gradient), (const double[]){0, 0, 0}, 3);
    world_free(&world);
}
END_TEST

/* The incoming gradient of the branch not taken may be infinite: nothing of it comes through. */
START_TEST(select_leaks_nothing)
{
    NodeId x;
    World world = world_of((const double[]){0, 4}, 2, &x);
    Graph *graph = world.graph;
    NodeId positive = apply2(graph, OP_GREATER, x, constant(graph, 0));
    NodeId chosen = apply3(graph, OP_SELECT, positive, multiply(graph, constant(graph, 3), x), x);
    expect_slopes(slope_at(&world, x, apply1(graph, OP_SQRT, chosen)), (const double[]){INFINITY, 0.75 / sqrt(3)}, 2);
    NodeId zeroed = apply3(graph, OP_SELECT, positive, x, constant(graph, 0));
    const double *slopes = slope_at(&world, x, apply1(graph, OP_SQRT, zeroed));
    ck_assert_double_eq(slopes[0], 0);
    ck_assert_double_eq(slopes[1], 0.25);
    world_free(&world);
}
END_TEST

START_TEST(not_a_number_stays_visible)
{
    NodeId x;
    World world = world_of((const double[]){1, NAN, 3}, 3, &x);
    Graph *graph = world.graph;
    ck_assert(isnan(*world_compute(&world, world.arena, reduce(graph, OP_MAX, x, 2u))));
    ck_assert_double_eq(*world_compute(&world, world.arena, reduce(graph, OP_ARGMAX, x, 2u)), 1);
    ck_assert(isnan(world_compute(&world, world.arena, apply1(graph, OP_RELU, x))[1]));
    ck_assert(isnan(world_compute(&world, world.arena, apply2(graph, OP_MAXIMUM, x, constant(graph, 2)))[1]));
    world_free(&world);
}
END_TEST

/* Far out the stable forms stay finite: log(1 + exp(800)) = 800. */
START_TEST(stable_forms)
{
    NodeId x;
    World world = world_of((const double[]){-800, 800}, 2, &x);
    const double *softplus = world_compute(&world, world.arena, apply1(world.graph, OP_SOFTPLUS, x));
    ck_assert_double_eq(softplus[0], 0);
    ck_assert_double_eq(softplus[1], 800);
    const double *sigmoid = world_compute(&world, world.arena, apply1(world.graph, OP_SIGMOID, x));
    ck_assert_double_eq(sigmoid[0], 0);
    ck_assert_double_eq(sigmoid[1], 1);
    world_free(&world);
}
END_TEST

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

START_TEST(state_is_a_leaf)
{
    World world = world_new(1, 1);
    Leaf slot = {.kind = LEAF_SLOT, .name = "w.m", .type = SHARED(2), .parameter = 0};
    world_leaf(&world, "w", SHARED(2), 0, 1);
    world.values[1] = (double[]){4, 5};
    const double *value = world_compute(&world, world.arena, new_leaf(world.graph, slot));
    ck_assert_double_eq(value[0], 4);
    ck_assert_double_eq(value[1], 5);
    world_free(&world);
}
END_TEST

/* A body may do with a time what it likes, but not with several. */
static void sum_over_time(World *world)
{
    Graph *g = world->graph;
    NodeId x = world_leaf(world, "x", SHARED(3), 0, 1), before = open_recurrence(g, x, 3, false);
    g->now.place.line = 7;
    NodeId sum = reduce(g, OP_SUM, before, 1u << 1), all = close_recurrence(g, before, broadcast_axes(g, sum, 1u << 1, SHARED(3, 3)));
    world_compute(world, world->arena, all);
}

START_TEST(times_are_not_mixed)
{
    World world = world_new(1, 1);
    int status;
    const char *said = said_by(world.arena, sum_over_time, &world, &status);
    ck_assert_int_eq(status, STATUS_MODEL);
    ck_assert_msg(strstr(said, "model.lua:7: error: sum mixes the times of a recurrence") != NULL, "%s", said);
    world_free(&world);
}
END_TEST

START_TEST(every_row_has_a_case)
{
    bool covered[OP_COUNT] = {[OP_STATE] = true};        /* by a test above */
    for (int i = 0; i < POINTWISE_CASES; i++)
        covered[pointwise[i].op] = true;
    for (int i = 0; i < STRUCTURAL_CASES; i++)
        covered[structural[i].op] = true;
    for (int op = 0; op < OP_COUNT; op++)
        ck_assert_msg(covered[op], "ops.def has the row %s, and this test has no case for it", op_info[op].name);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("graph: operations");
    TCase *tests = tcase_create("rows");
    tcase_set_timeout(tests, 60);
    tcase_add_loop_test(tests, pointwise_rows, 0, POINTWISE_CASES);
    tcase_add_loop_test(tests, one_node_as_both_operands, 0, POINTWISE_CASES);
    tcase_add_loop_test(tests, structural_rows, 0, STRUCTURAL_CASES);
    tcase_add_test(tests, relu_and_abs_are_flat_at_zero);
    tcase_add_test(tests, maximum_and_minimum_share_a_tie);
    tcase_add_test(tests, max_goes_to_the_first_largest);
    tcase_add_test(tests, power_at_zero);
    tcase_add_test(tests, select_leaks_nothing);
    tcase_add_test(tests, not_a_number_stays_visible);
    tcase_add_test(tests, stable_forms);
    tcase_add_test(tests, state_is_a_leaf);
    tcase_add_test(tests, times_are_not_mixed);
    tcase_add_test(tests, every_row_has_a_case);
    suite_add_tcase(suite, tests);
    return run_suite(suite);
}
