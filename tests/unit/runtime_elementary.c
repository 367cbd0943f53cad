/* The f32 functions of elementary.h against those of f64, in units in the last place, over floats of all sizes; and what they make
 * of infinities, NaN, zeros and subnormal numbers, against C's library. */
#include "runtime_child.h"
#include <math.h>
#include <nngen/scalar.h>

/* The distance between what we got and the true value, in units in the last place of a float there. */
static double distance(float got, double want)
{
    if (fabs(want) >= 0x1.ffffffp127)
        return isinf(got) && (got > 0) == (want > 0) ? 0 : INFINITY;
    int exponent;
    frexp(want, &exponent);
    return fabs(got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

typedef struct Function {
    const char *name;
    float (*f)(float);
    double (*reference)(double);
    double from, to, bound;
} Function;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double softplus(double x) { return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x)); }

static const Function functions[] = {
    {"exp", nn_expf, exp, -INFINITY, INFINITY, 1.01},
    {"log", nn_logf, log, 0, INFINITY, 1.0},
    {"log1p", nn_log1pf, log1p, -1, INFINITY, 2.5},
    {"tanh", nn_tanhf, tanh, -INFINITY, INFINITY, 6.0},
    {"erf", nn_erff, erf, -INFINITY, INFINITY, 6.2},
    {"sigmoid", nn_sigmoidf, sigmoid, -80, INFINITY, 2.5},
    {"softplus", nn_softplusf, softplus, -80, INFINITY, 2.5},
    {"sin", nn_sinf, sin, -INFINITY, INFINITY, 1.6},
    {"cos", nn_cosf, cos, -INFINITY, INFINITY, 1.6},
};

/* Every 509th float (a prime: all last bits occur), and all of a few short stretches. */
START_TEST(errors_are_bounded)
{
    const Function *f = &functions[_i];
    double worst = 0;
    float where = 0;
    for (uint64_t bits = 0; bits < 0x100000000u; bits += (bits & 0xffffff) < 0x4000 ? 1 : 509) {
        float x = nn_from_bits((uint32_t)bits);
        if (!(x > f->from && x < f->to) || isinf(x))
            continue;
        double d = distance(f->f(x), f->reference(x));
        if (!(d <= worst)) {
            worst = d;
            where = x;
        }
    }
    ck_assert_msg(worst <= f->bound, "%s(%.9g): %.3f units in the last place", f->name, (double)where, worst);
}
END_TEST

/* gelu as functions.lua writes it. Where it goes to 0, at negative numbers, 1 + erf loses what a number of its size would have; so the
 * error is in units of the last place of x. */
START_TEST(gelu_is_within_units_of_x)
{
    double worst = 0;
    for (uint64_t bits = 0; bits < 0x100000000u; bits += 509) {
        const float x = nn_from_bits((uint32_t)bits), got = 0.5f * (x * (1.0f + nn_erff(0.70710677f * x)));
        if (!(fabsf(x) > 0x1p-100f && fabsf(x) < 0x1p100f))
            continue;
        int exponent;
        frexp(x, &exponent);
        const double error = fabs(got - 0.5 * x * erfc(-x * 0.70710678118654752)) / ldexp(1, exponent - 24);
        worst = error > worst ? error : worst;
    }
    ck_assert_msg(worst <= 3.4, "%.3f units in the last place of x", worst);
}
END_TEST

static bool same(float a, double b)
{
    return isnan(b) ? isnan(a) : a == (float)b && signbit(a) == signbit((float)b);
}

START_TEST(edges_are_those_of_c)
{
    const Function *f = &functions[_i];
    const float edges[] = {0, -0.0f, INFINITY, -INFINITY, NAN, 0x1p-149f, -0x1p-149f, 3e38f, -3e38f, 200, -200, -1};
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        double want = f->reference(edges[i]);
        float got = f->f(edges[i]);
        ck_assert_msg(same(got, want) || distance(got, want) <= f->bound, "%s(%g) is %g, not %g", f->name, (double)edges[i], (double)got, want);
    }
}
END_TEST

static void fill(TCase *cases)
{
    const int count = sizeof functions / sizeof *functions;
    tcase_add_loop_test(cases, errors_are_bounded, 0, count);
    tcase_add_test(cases, gelu_is_within_units_of_x);
    tcase_add_loop_test(cases, edges_are_those_of_c, 0, count);
}

int main(void) { return run_suite("runtime_elementary", fill); }
