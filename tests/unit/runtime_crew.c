/* Threads or one alone: whatever takes less time takes nearly all steps, also where that changes; and a slow trial stays seldom. */
#include "runtime_child.h"
#include "../../runtime/run.h"

/* Steps until `until` seconds have passed, a step taking so long with all threads, and alone; gives the share of time lost to the slower. */
static double time_lost(NnCrew *crew, double with_all, double alone, double until)
{
    const double least = with_all < alone ? with_all : alone;
    double now = 0, needed = 0;
    while (now < until) {
        const double took = nn_crew_size(crew) == 1 ? alone : with_all;
        nn_crew_did(crew, took);
        now += took;
        needed += least;
    }
    return 1 - needed / now;
}

START_TEST(the_faster_takes_the_steps)
{
    static const struct { double with_all, alone; } pace[] = {{0.5e-3, 0.9e-3}, {0.9e-3, 0.5e-3}, {70e-3, 0.5e-3}, {1, 2}, {2e-6, 1e-6}};
    for (size_t i = 0; i < sizeof pace / sizeof *pace; i++) {
        NnCrew crew;
        nn_crew_start(&crew, 4);
        ck_assert_int_eq(nn_crew_size(&crew), 4);
        const double lost = time_lost(&crew, pace[i].with_all, pace[i].alone, 400 * pace[i].with_all + 400 * pace[i].alone);
        ck_assert_msg(lost < 0.05, "%g and %g: %g lost", pace[i].with_all, pace[i].alone, lost);
    }
}
END_TEST

START_TEST(a_change_is_followed)
{
    NnCrew crew;
    nn_crew_start(&crew, 2);
    ck_assert_double_lt(time_lost(&crew, 0.3e-3, 0.5e-3, 2), 0.05);
    ck_assert_double_lt(time_lost(&crew, 70e-3, 0.5e-3, 20), 0.05);       /* others want the processors */
    ck_assert_double_lt(time_lost(&crew, 0.3e-3, 0.5e-3, 60), 0.25);      /* and are gone */
    ck_assert_double_lt(time_lost(&crew, 0.3e-3, 0.5e-3, 20), 0.05);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, the_faster_takes_the_steps);
    tcase_add_test(cases, a_change_is_followed);
}

int main(void) { return run_suite("runtime_crew", fill); }
