/* crew.c: how many threads take a step: as many as pay.
 *
 * What several threads gain depends on what else the machine does. They meet behind every loop that they share, and where other
 * work holds a processor all wait, computing, for the one that lacks it: on a busy machine a step of half a millisecond took
 * seventy. OpenMP's own answer, to sleep at once, is read from the environment before main, and costs a quiet machine much of the gain.
 *
 * So, without --threads, steps come in turns: all threads or one, whichever took less time a step when last tried. When a turn is
 * over the other kind is tried for TRIED steps; a turn lasts TURN times as long as that took, so that trials cost about three
 * per cent, whatever they find. The bits are the same for any number of threads, and so times may choose it.
 *
 * Rejected: the load average (a minute late, and blind to other containers); a larger threshold when the text is written (a
 * kernel of a millisecond suffers as much). */
#include "run.h"

enum { TRIED = 3, TURN = 32 };

void nn_crew_start(NnCrew *crew, int most)
{
    /* the first step makes the threads and touches the memory: it tells nothing */
    *crew = (NnCrew){.most = most, .steps = -1};
}

/* Ends the turn: the other kind is tried, or, after that, the better one goes on. */
static void next_turn(NnCrew *crew)
{
    crew->per_step[crew->is_alone] = crew->seconds / (double)crew->steps;
    if (crew->is_trial) {
        crew->lasts = TURN * crew->seconds;
        crew->is_alone = crew->per_step[1] < crew->per_step[0];
    } else {
        crew->is_alone = !crew->is_alone;
    }
    crew->is_trial = !crew->is_trial;
    crew->seconds = 0;
    crew->steps = 0;
}

int nn_crew_size(const NnCrew *crew)
{
    return crew->is_alone ? 1 : crew->most;
}

void nn_crew_did(NnCrew *crew, double seconds)
{
    if (crew->steps >= 0)
        crew->seconds += seconds;
    crew->steps++;
    if (crew->steps >= TRIED && (crew->is_trial || crew->seconds >= crew->lasts))
        next_turn(crew);
}

void nn_begin_step(NnRun *run)
{
    if (run->crew.most > 1)
        run->crew.began = nn_seconds();
}

void nn_end_step(NnRun *run)
{
    if (run->crew.most <= 1)
        return;
    const int before = nn_crew_size(&run->crew);
    nn_crew_did(&run->crew, nn_seconds() - run->crew.began);
    if (nn_crew_size(&run->crew) != before)
        nn_use_threads(nn_crew_size(&run->crew));
}
