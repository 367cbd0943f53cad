/* The plain optimizers against PyTorch's formulas, worked out by hand for a few steps of one element, in f64 and f32. */
#include "runtime_child.h"
#include <math.h>
#include <nngen/optimizer.h>

/* Gradients of three steps; w starts at 2. */
static const double G[3] = {0.5, -1.25, 3};

/* torch.optim.SGD(lr = 0.1, momentum = 0.9, dampening = 0.5, weight_decay = 0.01), by its documentation:
 *   d1 = 0.5 + 0.02 = 0.52;  v1 = 0.52;                                 w1 = 2 − 0.052 = 1.948
 *   d2 = −1.25 + 0.01948;    v2 = 0.468 + 0.5 d2 = −0.14726;            w2 = 1.948 + 0.014726 = 1.962726
 *   d3 = 3 + 0.01962726;     v3 = −0.132534 + 1.50981363 = 1.37727963;  w3 = 1.962726 − 0.137727963 = 1.824998037 */
START_TEST(sgd_with_everything)
{
    static const double expected[3] = {1.948, 1.962726, 1.824998037};
    double w = 2, v = 77;                                     /* what is in v before the first step does not matter */
    float wf = 2, vf = 77;
    for (int t = 1; t <= 3; t++) {
        float g = (float)G[t - 1];
        nn_sgd_f64(1, &w, &v, &G[t - 1], 0.1, t, 0.9, 0.5, false, 0.01);
        nn_sgd_f32(1, &wf, &vf, &g, 0.1f, t, 0.9, 0.5, false, 0.01);
        ck_assert_double_eq_tol(w, expected[t - 1], 1e-15);
        ck_assert_float_eq_tol(wf, (float)expected[t - 1], 5e-7f);
    }
}
END_TEST

/* momentum 0.9, nesterov: v1 = 0.5, w −= 0.1 (0.5 + 0.45);  v2 = 0.45 − 1.25 = −0.8, w −= 0.1 (−1.25 − 0.72) */
START_TEST(sgd_nesterov_and_plain)
{
    double w = 2, v = 0, plain = 2;
    nn_sgd_f64(1, &w, &v, &G[0], 0.1, 1, 0.9, 0, true, 0);
    ck_assert_double_eq_tol(w, 1.905, 1e-15);
    nn_sgd_f64(1, &w, &v, &G[1], 0.1, 2, 0.9, 0, true, 0);
    ck_assert_double_eq_tol(w, 2.102, 1e-15);
    nn_sgd_f64(1, &plain, NULL, &G[1], 0.1, 1, 0, 0, false, 0);
    ck_assert_double_eq_tol(plain, 2.125, 1e-15);
}
END_TEST

/* The first step of Adam is lr · d / (|d| + eps) whatever the betas; the second by the formula, from the definition of the
 * moments: m̂2 = (0.9 · 0.1 d1 + 0.1 d2) / (1 − 0.81), v̂2 = (0.999 · 0.001 d1² + 0.001 d2²) / (1 − 0.998001). */
START_TEST(adam)
{
    double w = 2, m = 0, v = 0;
    nn_adam_f64(1, &w, &m, &v, &G[0], 0.1, 1, 0.9, 0.999, 1e-8, 0, false);
    ck_assert_double_eq_tol(w, 2 - 0.1 * 0.5 / (0.5 + 1e-8), 1e-14);
    nn_adam_f64(1, &w, &m, &v, &G[1], 0.1, 2, 0.9, 0.999, 1e-8, 0, false);
    double m_hat = (0.9 * 0.1 * 0.5 - 0.1 * 1.25) / (1 - 0.81), v_hat = (0.999 * 0.001 * 0.25 + 0.001 * 1.5625) / (1 - 0.998001);
    ck_assert_double_eq_tol(w, 2 - 0.1 * 0.5 / (0.5 + 1e-8) - 0.1 * m_hat / (sqrt(v_hat) + 1e-8), 1e-13);

    float wf = 2, mf = 0, vf = 0, g = 0.5f;
    nn_adam_f32(1, &wf, &mf, &vf, &g, 0.1f, 1, 0.9, 0.999, 1e-8, 0, false);
    ck_assert_float_eq_tol(wf, 1.9f, 3e-7f);
    ck_assert_float_eq(vf, 0.25f * 0.001f);                   /* not 0.25 (1 - 0.999f), which is 1.3e-5 less */
}
END_TEST

/* Weight decay as part of the gradient (Adam) and beside it (AdamW): 2 (1 − 0.1 · 0.3) − 0.1 against a gradient of 0.5 + 0.6. */
START_TEST(adam_weight_decay)
{
    double w = 2, m = 0, v = 0;
    nn_adam_f64(1, &w, &m, &v, &G[0], 0.1, 1, 0.9, 0.999, 0, 0.3, true);
    ck_assert_double_eq_tol(w, 1.84, 1e-14);
    ck_assert_double_eq_tol(m, 0.05, 1e-16);
    w = 2, m = 0, v = 0;
    nn_adam_f64(1, &w, &m, &v, &G[0], 0.1, 1, 0.9, 0.999, 0, 0.3, false);
    ck_assert_double_eq_tol(w, 1.9, 1e-14);
    ck_assert_double_eq_tol(m, 0.11, 1e-16);
}
END_TEST

START_TEST(every_element_is_updated)
{
    double w[37], v[37] = {0}, g[37];
    for (int i = 0; i < 37; i++) {
        w[i] = i;
        g[i] = 2 * i;
    }
    nn_sgd_f64(37, w, v, g, 0.25, 1, 0.9, 0, false, 0);
    for (int i = 0; i < 37; i++)
        ck_assert_double_eq(w[i], i / 2.0);
    nn_sgd_f64(0, NULL, NULL, NULL, 0.25, 1, 0, 0, false, 0);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, sgd_with_everything);
    tcase_add_test(cases, sgd_nesterov_and_plain);
    tcase_add_test(cases, adam);
    tcase_add_test(cases, adam_weight_decay);
    tcase_add_test(cases, every_element_is_updated);
}

int main(void) { return run_suite("runtime_optimizer", fill); }
