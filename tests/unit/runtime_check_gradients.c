/* --check-gradients: right gradients pass, wrong ones are named, kinks are counted apart. In f64. */
#define REAL double
#define PRECISION NN_F64
#include "runtime_child.h"
#include "runtime_program.h"

static double worst(void)
{
    const char *last = strstr(child.out, "worst relative deviation ");
    ck_assert_ptr_nonnull(last);
    ck_assert_str_eq(strchr(last, '\n'), "\n");
    return atof(last + strlen("worst relative deviation "));
}

START_TEST(right_gradients_pass)
{
    ck_assert_int_eq(run_program("--check-gradients"), 0);
    ck_assert_double_lt(worst(), 1e-7);
    ck_assert_ptr_nonnull(strstr(child.out, "fc.weight"));
    ck_assert_ptr_nonnull(strstr(child.out, "fc.bias"));
    ck_assert_ptr_null(strstr(child.out, "kink"));
}
END_TEST

static double gradients_with_one_wrong(const NnStep *step)
{
    double loss = gradients(step);
    m.d_weight[2][1] *= 1 + 1e-5;                             /* fc.weight[1,2] */
    return loss;
}

static void one_wrong(void) { program.gradients = gradients_with_one_wrong; }

START_TEST(a_wrong_element_is_named)
{
    ck_assert_int_eq(run_changed(one_wrong, "--check-gradients"), 1);
    ck_assert_double_gt(worst(), 1e-6);
    ck_assert_double_lt(worst(), 1.1e-5);
    ck_assert_ptr_nonnull(strstr(child.out, "worst fc.weight[1,2]"));
}
END_TEST

/* A ReLU of the bias, exactly at its kink, and 3e-7 away on either side; slope 1 above. */
static double relu_gradients(const NnStep *step)
{
    double loss = gradients(step);
    for (int j = 0; j < 2; j++) {
        double x = m.bias[j] - (0.25 + (j ? 3e-7 : 0));
        loss += x > 0 ? x : 0;
        m.d_bias[j] += x > 0;
    }
    return loss;
}

static void kinked(void) { program.gradients = relu_gradients; }

START_TEST(kinks_are_counted_apart)
{
    ck_assert_int_eq(run_changed(kinked, "--check-gradients"), 0);
    ck_assert_ptr_nonnull(strstr(child.out, "(2 at a kink)"));
    ck_assert_double_lt(worst(), 1e-7);
}
END_TEST

static double kinked_and_wrong(const NnStep *step)
{
    double loss = relu_gradients(step);
    m.d_bias[0] += 2;
    return loss;
}

static void wrong_at_a_kink(void) { program.gradients = kinked_and_wrong; }

START_TEST(a_kink_excuses_no_more_than_its_jump)
{
    ck_assert_int_eq(run_changed(wrong_at_a_kink, "--check-gradients"), 1);
    ck_assert_double_gt(worst(), 0.1);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, right_gradients_pass);
    tcase_add_test(cases, a_wrong_element_is_named);
    tcase_add_test(cases, kinks_are_counted_apart);
    tcase_add_test(cases, a_kink_excuses_no_more_than_its_jump);
}

int main(void) { return run_suite("runtime_check_gradients", fill); }
