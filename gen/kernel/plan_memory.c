/* plan_memory.c: which temporaries share memory.
 *
 * Takes kernels in their order, gives every buffer the first kernel that writes it and the last that reads it, and temporaries a
 * place: buffers of one place are members of one union in the state struct. Phases never overlap, so a buffer of evaluation
 * may share with any of training. Two buffers of one kernel never share, its pointers are restricted. First fit by size, the
 * largest first: on straight-line lifetimes it is within a few per cent of the best in practice (Gergov 1999 bounds it), and a
 * student can redo it by hand. Inputs, parameters, states and results keep memory of their own.
 *
 * A buffer is held against the buffers of one place after the other; what they occupy of each phase is kept sorted, so that
 * asking one place takes the logarithm of their number. */
#include "kernel/kernel.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Live { int first[PHASE_COUNT], last[PHASE_COUNT]; } Live;

typedef struct Use { Plan *plan; Live *live; PhaseId phase; int kernel, before; } Use;

static void use_buffer(Use *use, int buffer)
{
    Live *live = &use->live[buffer];
    Buffer *b = &use->plan->buffer[buffer];
    if (live->first[use->phase] == NONE)
        live->first[use->phase] = use->kernel;
    live->last[use->phase] = use->kernel;
    b->phases |= 1 << use->phase;
    if (b->first == NONE)
        b->first = use->before + use->kernel;
    b->last = use->before + use->kernel;
}

static void use_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    use_buffer(context, read->buffer);
}

static void use_kernel(Use *use, Kernel *kernel)
{
    const Plan *plan = use->plan;
    if (kernel->form == FORM_CALL) {
        const Model *model = plan->model;
        use_buffer(use, plan->buffer_of[model->phase[use->phase].gradients[kernel->update]]);
        use_buffer(use, plan->buffer_of[model->graph->leaves[model->updates[kernel->update].parameter].node]);
        return;
    }
    each_read(kernel, use_read, use);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer != NONE)
            use_buffer(use, kernel->stage[s].buffer);
}

/* What a loop over time touches is alive all through it: an earlier kernel of the next time may need it. */
static void use_phase(Use *use)
{
    Kernel *kernels = use->plan->kernel[use->phase];
    int count = use->plan->kernel_count[use->phase];
    for (int k = 0, first = 0; k < count; k++) {
        first = k && kernels[k].region != NONE && kernels[k].region == kernels[k - 1].region ? first : k;
        int last = k;
        while (kernels[k].region != NONE && last + 1 < count && kernels[last + 1].region == kernels[k].region)
            last++;
        use->kernel = first;
        use_kernel(use, &kernels[k]);
        use->kernel = last;
        use_kernel(use, &kernels[k]);
    }
}

/* What of a phase is taken at a place: disjoint ranges of kernels, sorted. */
typedef struct Range { int first, last; } Range;
typedef struct Taken { Range *range[PHASE_COUNT]; int count[PHASE_COUNT], room[PHASE_COUNT]; } Taken;

/* The first range that ends at `kernel` or later. */
static int range_at(const Taken *taken, PhaseId phase, int kernel)
{
    int low = 0, high = taken->count[phase];
    while (low < high) {
        int middle = (low + high) / 2;
        if (taken->range[phase][middle].last < kernel)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool is_free(const Taken *taken, const Live *live)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++) {
        if (live->first[phase] == NONE)
            continue;
        int at = range_at(taken, phase, live->first[phase]);
        if (at < taken->count[phase] && taken->range[phase][at].first <= live->last[phase])
            return false;
    }
    return true;
}

static void take(Arena *scratch, Taken *taken, const Live *live)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++) {
        if (live->first[phase] == NONE)
            continue;
        int at = range_at(taken, phase, live->first[phase]), count = taken->count[phase];
        ARENA_PUSH(scratch, taken->range[phase], taken->count[phase], taken->room[phase], (Range){0, 0});
        memmove(&taken->range[phase][at + 1], &taken->range[phase][at], sizeof(Range) * (size_t)(count - at));
        taken->range[phase][at] = (Range){live->first[phase], live->last[phase]};
    }
}

static const Plan *sorted_plan;         /* qsort has no context */

static int by_size(const void *a, const void *b)
{
    const Buffer *p = &sorted_plan->buffer[*(const int *)a], *q = &sorted_plan->buffer[*(const int *)b];
    if (p->bytes != q->bytes)
        return p->bytes < q->bytes ? 1 : -1;
    return *(const int *)a - *(const int *)b;
}

/* More than this machine holds is refused when generating, with the sum. A device has a memory of its own. */
static void check_fits(const Plan *plan, Arena *scratch)
{
    if (plan->target != TARGET_C)
        return;
    int64_t sum = 0, *of_place = NEW(scratch, int64_t, plan->place_count + 1);
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        int64_t more = buffer->phases ? buffer->bytes : 0;
        if (buffer->place != NONE) {                    /* as much as the largest that is there */
            const int64_t largest = more > of_place[buffer->place] ? more : of_place[buffer->place];
            more = largest - of_place[buffer->place];
            of_place[buffer->place] = largest;
        }
        if (__builtin_add_overflow(sum, more, &sum))
            sum = INT64_MAX;
    }
    int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    if (memory > 0 && sum > memory)
        fail_machine("the arrays of this model take %s bytes, this machine has %s\n  smaller layers or a smaller batch would fit",
                     grouped(plan->arena, sum), grouped(plan->arena, memory));
}

void plan_memory(Plan *plan)
{
    Arena *scratch = arena_new();
    Live *live = NEW(scratch, Live, plan->buffer_count);
    for (int b = 0; b < plan->buffer_count; b++)
        for (int phase = 0; phase < PHASE_COUNT; phase++)
            live[b].first[phase] = live[b].last[phase] = NONE;

    Use use = {.plan = plan, .live = live};
    for (use.phase = 0; use.phase < PHASE_COUNT; use.before += plan->kernel_count[use.phase++])
        use_phase(&use);

    int *order = NEW(scratch, int, plan->buffer_count), count = 0;
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->buffer[b].kind == BUFFER_TEMPORARY && plan->buffer[b].phases)
            order[count++] = b;
    sorted_plan = plan;
    qsort(order, (size_t)count, sizeof *order, by_size);
    Taken *taken = NEW(scratch, Taken, count + 1);
    bool *alone = NEW(scratch, bool, count + 1);        /* holds a border of zeros, which others would overwrite */
    for (int i = 0; i < count; i++) {
        int place = 0;
        while (place < plan->place_count && (alone[place] || plan->buffer[order[i]].border || !is_free(&taken[place], &live[order[i]])))
            place++;
        alone[place] |= plan->buffer[order[i]].border;
        take(scratch, &taken[place], &live[order[i]]);
        plan->buffer[order[i]].place = place;
        plan->place_count += place == plan->place_count;
    }
    plan->first_there = NEW(plan->arena, int, plan->place_count + 1);
    for (int place = 0; place < plan->place_count; place++)
        plan->first_there[place] = NONE;
    for (int b = plan->buffer_count - 1; b >= 0; b--)
        if (plan->buffer[b].place != NONE) {
            plan->buffer[b].next_there = plan->first_there[plan->buffer[b].place];
            plan->first_there[plan->buffer[b].place] = b;
        }
    if (plan->plain) {
        for (int b = 0; b < plan->plain->buffer_count; b++)
            plan->plain->buffer[b].phases = 1;
    }
    check_fits(plan, scratch);
    arena_free(scratch);
}
