/* The command line: what is refused with 2, and what it says. */
#define REAL float
#define PRECISION NN_F32
#include "runtime_child.h"
#include "runtime_program.h"

#define assert_wrong_call(words, ...)                                                                                          \
    do {                                                                                                                      \
        ck_assert_int_eq(run_program(__VA_ARGS__), 2);                                                                        \
        assert_said("line:", words);                                                                                          \
    } while (0)

START_TEST(help_lists_every_flag)
{
    static const char *const flags[] = {"--data DIR", "--epochs N", "--steps N", "--lr X", "--seed N", "--threads N", "--init F", "--save F",
                                        "--resume F", "--log F", "--log-every N", "--snapshot-every N", "--no-shuffle",
                                        "--check-gradients", "--predict F", "--benchmark N", "--device N", "--quiet", "--help"};
    ck_assert_int_eq(run_program("--steps", "nonsense", "--help"), 0);
    for (int i = 0; i < NN_COUNT(flags); i++)
        ck_assert_msg(strstr(child.out, flags[i]) != NULL, "%s is missing", flags[i]);
}
END_TEST

START_TEST(numbers_are_read_strictly)
{
    static char *const wrong[] = {"", "0", "-1", "+5", " 5", "5 ", "5x", "1e3", "0x10", "2.0", "9223372036854775808", "99999999999999999999999"};
    for (int i = 0; i < NN_COUNT(wrong); i++) {
        assert_wrong_call("--steps takes a whole number", "--steps", wrong[i]);
        assert_wrong_call("--epochs takes a whole number", "--epochs", wrong[i]);
        assert_wrong_call("--log-every takes a whole number", "--log-every", wrong[i]);
        assert_wrong_call("--benchmark takes a whole number", "--benchmark", wrong[i]);
    }
    assert_wrong_call("--seed takes a whole number", "--seed", "18446744073709551616");
    assert_wrong_call("--seed takes a whole number", "--seed", "-1");
    assert_wrong_call("--threads takes a whole number", "--threads", "-1");
    static char *const no_rate[] = {"", "-0.1", "nan", "inf", "1e999", "0x1p3", "1.0x", "1,5", " 1"};
    for (int i = 0; i < NN_COUNT(no_rate); i++)
        assert_wrong_call("--lr takes a finite number", "--lr", no_rate[i]);
    ck_assert_int_eq(run_program("--steps", "1", "--seed", "18446744073709551615", "--lr", "1e-3", "--threads", "0"), 0);
    ck_assert_int_eq(run_program("--steps=1", "--seed=0", "--lr=.5", "--threads=100000"), 0);
}
END_TEST

START_TEST(unknown_and_incomplete_flags)
{
    assert_wrong_call("unknown flag '--step'; did you mean --steps?", "--step", "1");
    assert_wrong_call("unknown flag '--xyzzy-plugh'; --help", "--xyzzy-plugh");
    assert_wrong_call("'mnist' is no flag", "mnist");
    assert_wrong_call("--steps needs a value: --steps N", "--steps");
    assert_wrong_call("--quiet takes no value", "--quiet=1");
    assert_wrong_call("--save needs a name", "--save", "");
    assert_wrong_call("CUDA", "--device", "0");
    assert_wrong_call("'--\\x1b[31m'", "--\033[31m");
}
END_TEST

static void without_gradients(void)
{
    program.gradients = NULL;
    program.check_command = "nngen line.lua --precision f64 --kernels generic";
}

static void without_outputs(void) { program.output_count = 0; }

START_TEST(contradictions)
{
    assert_wrong_call("--init", "--resume", "a", "--init", "b");
    assert_wrong_call("--seed", "--resume", "a", "--seed", "1");
    assert_wrong_call("--init F or --resume F", "--predict", "a");
    assert_wrong_call("one at a time", "--predict", "a", "--init", "b", "--benchmark", "3");
    assert_wrong_call("--save", "--snapshot-every", "3");
    ck_assert_int_eq(run_changed(without_gradients, "--check-gradients"), 2);
    assert_said("nngen line.lua --precision f64 --kernels generic");
    ck_assert_int_eq(run_changed(without_outputs, "--predict", "a", "--init", "b"), 2);
    assert_said("outputs");
}
END_TEST

START_TEST(flags_without_effect_are_accepted)
{
    ck_assert_int_eq(run_program("--steps", "3", "--data", ".", "--no-shuffle", "--epochs", "2"), 0);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, help_lists_every_flag);
    tcase_add_test(cases, numbers_are_read_strictly);
    tcase_add_test(cases, unknown_and_incomplete_flags);
    tcase_add_test(cases, contradictions);
    tcase_add_test(cases, flags_without_effect_are_accepted);
}

int main(void) { return run_suite("runtime_flags", fill); }
