/* plan_memory.c: which temporaries share memory.
 *
 * Takes kernels in their order, gives every buffer the first kernel that writes it and the last that reads it, and temporaries a
 * place: buffers of one place are members of one union in the state struct. Phases never overlap, so a buffer of evaluation
 * may share with any of training. Two buffers of one kernel never share, its pointers are restricted. First fit by size, the
 * largest first: on straight-line lifetimes it is within a few per cent of the best in practice (Gergov 1999 bounds it), and a
 * student can redo it by hand. Inputs, parameters, states and results keep memory of their own. */
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

static bool overlap(const Live *a, const Live *b)
{
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        if (a->first[phase] != NONE && b->first[phase] != NONE && a->first[phase] <= b->last[phase] && b->first[phase] <= a->last[phase])
            return true;
    return false;
}

static const Plan *sorted_plan;         /* qsort has no context */

static int by_size(const void *a, const void *b)
{
    const Buffer *p = &sorted_plan->buffer[*(const int *)a], *q = &sorted_plan->buffer[*(const int *)b];
    if (p->bytes != q->bytes)
        return p->bytes < q->bytes ? 1 : -1;
    return *(const int *)a - *(const int *)b;
}

/* More than this machine holds is refused when generating, with the sum. */
static void check_fits(const Plan *plan)
{
    int64_t sum = 0;
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->buffer[b].phases && __builtin_add_overflow(sum, plan->buffer[b].bytes, &sum))
            sum = INT64_MAX;
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
        for (use.kernel = 0; use.kernel < plan->kernel_count[use.phase]; use.kernel++) {
            Kernel *kernel = &plan->kernel[use.phase][use.kernel];
            if (kernel->form == FORM_CALL) {
                const Model *model = plan->model;
                use_buffer(&use, plan->buffer_of[model->phase[use.phase].gradients[kernel->update]]);
                use_buffer(&use, plan->buffer_of[model->graph->leaves[model->updates[kernel->update].parameter].node]);
                continue;
            }
            each_read(kernel, use_read, &use);
            for (int s = 0; s < kernel->stage_count; s++)
                if (kernel->stage[s].buffer != NONE)
                    use_buffer(&use, kernel->stage[s].buffer);
        }

    int *order = NEW(scratch, int, plan->buffer_count), count = 0;
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->buffer[b].kind == BUFFER_TEMPORARY && plan->buffer[b].phases)
            order[count++] = b;
    sorted_plan = plan;
    qsort(order, (size_t)count, sizeof *order, by_size);
    for (int i = 0; i < count; i++) {
        Buffer *buffer = &plan->buffer[order[i]];
        for (int place = 0; buffer->place == NONE; place++) {
            bool free_there = true;
            for (int j = 0; j < i; j++)
                if (plan->buffer[order[j]].place == place)
                    free_there &= !overlap(&live[order[i]], &live[order[j]]);
            if (free_there)
                buffer->place = place;
        }
        if (buffer->place >= plan->place_count)
            plan->place_count = buffer->place + 1;
    }
    if (plan->plain) {
        for (int b = 0; b < plan->plain->buffer_count; b++)
            plan->plain->buffer[b].phases = 1;
    }
    arena_free(scratch);
    check_fits(plan);
}
