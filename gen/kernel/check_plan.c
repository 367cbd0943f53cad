/* check_plan.c: the invariants of a plan, held after every pass over it; a broken one is a bug of ours and names the pass.
 *
 *   every index mentions only axes that are loops at that place;  every read comes after its write;  a local is read only by
 *   later stages of its kernel;  nothing is updated before the loss is looked at;  after the memory plan, no two buffers that share a place are alive in one kernel. */
#include "kernel/kernel.h"
#include <string.h>

typedef struct Scope {
    const Plan *plan;
    const Kernel *kernel;
    const Stage *stage;
    const char *after;
    bool loop[MAX_AXES * 2];
    const bool *written;                /* by buffer */
} Scope;

static void check_index(const Scope *scope, const Index *index)
{
    if (index->divisor < 1)
        bug("after %s: kernel of node %d: an index is missing", scope->after, scope->stage->node);
    for (int t = 0; t < index->count; t++) {
        int axis = index->term[t].axis;
        if (axis < 0 || axis >= scope->kernel->axis_count || !scope->loop[axis])
            bug("after %s: kernel of node %d: an index uses an axis that is no loop there", scope->after, scope->stage->node);
    }
}

static void check_term(Term *term, void *context)
{
    const Scope *scope = context;
    for (int i = 0; i < term->rank; i++)
        check_index(scope, &term->index[i]);
    if (term->kind == TERM_STAGE) {
        long own = scope->stage - scope->kernel->stage;
        if (term->stage < 0 || term->stage >= own || term->rank != scope->kernel->stage[term->stage].inner_count)
            bug("after %s: node %d reads a local that is not there yet", scope->after, scope->stage->node);
    }
    if (term->kind == TERM_READ) {
        if (term->buffer < 0 || term->buffer >= scope->plan->buffer_count || term->rank != scope->plan->buffer[term->buffer].rank)
            bug("after %s: node %d reads a buffer with a wrong number of indices", scope->after, scope->stage->node);
        BufferKind kind = scope->plan->buffer[term->buffer].kind;
        bool made_here = kind == BUFFER_TEMPORARY || (kind == BUFFER_RESULT && scope->plan->buffer[term->buffer].leaf == NONE);
        if (made_here && !scope->written[term->buffer])
            bug("after %s: node %d reads node %d before it is computed", scope->after, scope->stage->node, scope->plan->buffer[term->buffer].node);
    }
}

static void check_kernel(const Plan *plan, Kernel *kernel, bool *written, const char *after)
{
    for (int s = 0; s < kernel->stage_count; s++) {
        Stage *stage = &kernel->stage[s];
        if (s > 0 && is_contraction(plan, &kernel->stage[0]) && (stage->folds_outer || stage->after))
            bug("after %s: node %d folds what comes tile by tile, some of it twice", after, stage->node);
        Scope scope = {.plan = plan, .kernel = kernel, .stage = stage, .after = after, .written = written};
        for (int o = 0; o < kernel->outer_count && !stage->after; o++)
            scope.loop[kernel->outer[o]] = true;
        if (kernel->time != NONE)
            scope.loop[kernel->time] = true;
        for (int i = 0; i < stage->inner_count; i++)
            scope.loop[stage->inner[i]] = true;
        for (int d = 0; stage->buffer != NONE && d < plan->buffer[stage->buffer].rank; d++) {
            if (stage->folds_outer)
                bug("after %s: node %d folds the loops that its place in memory depends on", after, stage->node);
            check_index(&scope, &stage->store[d]);
        }
        for (int f = 0; f < stage->fold_count; f++)
            scope.loop[stage->fold_axis[f]] = true;
        each_term(stage->term, check_term, &scope);
        if (stage->buffer != NONE)
            written[stage->buffer] = true;
    }
}

/* Kernel after kernel: who holds each place. A buffer of several phases is dead between them, so only those of one are looked at. */
static void check_places(const Plan *plan, Arena *scratch, const char *after)
{
    int kernels = 0;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        kernels += plan->kernel_count[phase];
    int *begins = NEW(scratch, int, kernels + 1), *next = NEW(scratch, int, plan->buffer_count + 1);       /* lists by first kernel */
    int *holder = NEW(scratch, int, plan->place_count + 1);
    memset(begins, NONE, sizeof *begins * (size_t)kernels);
    memset(holder, NONE, sizeof *holder * (size_t)plan->place_count);
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        if (buffer->place == NONE || buffer->first == NONE || (buffer->phases & (buffer->phases - 1)) != 0)
            continue;
        next[b] = begins[buffer->first];
        begins[buffer->first] = b;
    }
    for (int k = 0; k < kernels; k++)
        for (int b = begins[k]; b != NONE; b = next[b]) {
            const Buffer *here = &plan->buffer[b];
            int before = holder[here->place];
            if (before != NONE && plan->buffer[before].last >= here->first)
                bug("after %s: %s and %s share memory while both are alive", after, plan->buffer[before].name, here->name);
            holder[here->place] = b;
        }
}

void check_plan(const Plan *plan, const char *after)
{
    Arena *scratch = arena_new();
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++) {
        bool *written = NEW(scratch, bool, plan->buffer_count + 1);
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            check_kernel(plan, &plan->kernel[phase][k], written, after);
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            for (int s = 0; s < plan->kernel[phase][k].stage_count; s++)
                if (plan->kernel[phase][k].before_loss_check && assigns(plan, &plan->kernel[phase][k].stage[s]))
                    bug("after %s: node %d is updated before the loss is known to be finite", after, plan->kernel[phase][k].stage[s].node);
    }
    check_places(plan, scratch, after);
    arena_free(scratch);
    if (plan->plain)
        check_plan(plan->plain, after);
}
