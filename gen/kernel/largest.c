/* largest.c: the largest value of a window, and which of its elements that is, in one pass over the window.
 *
 * Takes the kernels of a phase: forward, max-pool leaves the largest value; backward, its gradient goes where the value came from, and
 * the place is found anew, from all that the windows read (10 images of 24 x 24 each of 64 rows: 53 and 48 µs, in one 58). The kernel
 * that finds nothing but the place goes to the one that finds the value. In what a kernel computes, by whatever way both came there,
 * the place is then found beside the value:
 *
 *   for k, l:  best = a[k,l] > largest ? l + 2 k : best;   largest = max(a[k,l], largest)
 *
 * On a CPU only: threads of a GPU would write two arrays each, and its kernels are few already. */
#include "kernel/fuse_internal.h"
#include "kernel/tuning.h"
#include <string.h>

static bool same_axes(const int *a, int a_count, const int *b, int b_count)
{
    return a_count == b_count && memcmp(a, b, sizeof *a * (size_t)a_count) == 0;
}

/* The stage whose value the `place`-th finds, the two being in the same loops over small windows; NONE. */
static int largest_of(const Kernel *kernel, int place)
{
    const Stage *at = &kernel->stage[place];
    if (at->fold != FOLD_ARGMAX || at->fold_count < 2 || at->folds_outer || kernel->axis[at->fold_axis[at->fold_count - 1]].extent > WIDEST_WINDOW)
        return NONE;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        if (stage->fold == FOLD_MAX && !stage->folds_outer && stage->after == at->after && same_axes(stage->inner, stage->inner_count, at->inner, at->inner_count)
            && same_axes(stage->fold_axis, stage->fold_count, at->fold_axis, at->fold_count) && same_term(stage->term, at->term))
            return s;
    }
    return NONE;
}

/* ---- kernels -------------------------------------------------------------------------------------------------------------------- */

static bool has_contraction(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (is_contraction(plan, &kernel->stage[s]))
            return true;
    return false;
}

/* The kernel with the other's only stage behind its own, where the loops around both are the same; without stages where they are not. */
static Kernel with_place(Arena *arena, const Kernel *values, const Kernel *places)
{
    const Stage *at = places->stage;
    int axis[MAX_AXES * 2];
    for (int x = 0; x < MAX_AXES * 2; x++)
        axis[x] = NONE;
    for (int o = 0; o < places->outer_count && places->outer_count == values->outer_count; o++)
        axis[places->outer[o]] = values->outer[o];
    for (int s = 0; s < values->stage_count; s++)
        for (int f = 0; f < at->fold_count && values->stage[s].fold == FOLD_MAX && values->stage[s].fold_count == at->fold_count; f++)
            axis[at->fold_axis[f]] = values->stage[s].fold_axis[f];
    for (int x = 0; x < places->axis_count; x++)
        if (axis[x] == NONE || places->axis[x].extent != values->axis[axis[x]].extent || places->axis[x].batch != values->axis[axis[x]].batch)
            return (Kernel){0};
    Kernel kernel = *values;
    kernel.stage = NULL;
    kernel.stage_count = kernel.stage_room = 0;
    for (int s = 0; s < values->stage_count; s++)
        ARENA_PUSH(arena, kernel.stage, kernel.stage_count, kernel.stage_room, values->stage[s]);
    ARENA_PUSH(arena, kernel.stage, kernel.stage_count, kernel.stage_room, moved_stage(arena, places, at, axis, &kernel, false));
    return kernel;
}

bool join_places(Joining *joining)
{
    Plan *plan = joining->plan;
    bool any = false;
    for (int j = 0; j < joining->count && plan->target == TARGET_C; j++) {
        const Kernel *places = &joining->kernel[j];
        if (joining->joined[j] != j || places->stage_count != 1 || places->stage->fold != FOLD_ARGMAX || places->region != NONE)
            continue;
        for (int i = 0; i < joining->count && joining->joined[j] == j; i++) {
            const Kernel *values = &joining->kernel[i];
            if (joining->joined[i] != i || joining->position[i] >= joining->position[j] || values->region != NONE || values->stage_count + 1 > MAX_STAGES
                || has_contraction(plan, values))
                continue;
            const Kernel kernel = with_place(plan->arena, values, places);
            if (kernel.stage_count == 0 || largest_of(&kernel, kernel.stage_count - 1) == NONE || must_run_between(joining, i, j))
                continue;
            record_verdict(plan, "share loops", joining->first_node[i], joining->first_node[j], YES_SHARED_LOOPS);
            unite(joining, i, j, kernel);
            any = true;
        }
    }
    return any;
}

/* ---- stages --------------------------------------------------------------------------------------------------------------------- */

typedef struct Move { int from, to; } Move;             /* a stage goes forward */

static void follow_move(Term *term, void *context)
{
    const Move *move = context;
    if (term->kind == TERM_STAGE && term->stage == move->from)
        term->stage = move->to;
    else if (term->kind == TERM_STAGE && term->stage >= move->to && term->stage < move->from)
        term->stage++;
}

void put_places_beside_values(const Plan *plan, Kernel *kernel)
{
    for (int place = 0; place < kernel->stage_count && plan->target == TARGET_C; place++) {
        const int largest = largest_of(kernel, place);
        if (largest == NONE || largest > place || (largest > 0 && kernel->stage[largest - 1].beside_largest))
            continue;
        const Move move = {place, largest};
        for (int s = 0; s < kernel->stage_count; s++)
            each_term(kernel->stage[s].term, follow_move, (void *)&move);
        Stage stage = kernel->stage[place];
        memmove(&kernel->stage[largest + 1], &kernel->stage[largest], sizeof stage * (size_t)(place - largest));
        kernel->stage[largest] = stage;
        kernel->stage[largest].beside_largest = true;
    }
}
