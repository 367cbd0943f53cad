/* schedule.c: how each kernel's loops run.
 *
 * Takes kernels in order and decides their form (tile.c does it for contractions), finds kernels that are the same in two
 * phases, counts what each costs. Keeps what is computed. */
#include "kernel/kernel.h"
#include <stdlib.h>
#include <string.h>

static void choose_form(Plan *plan, Kernel *kernel)
{
    if (kernel->form == FORM_CALL || plan->mode == KERNELS_GENERIC)
        return;
    int inner = 0;
    for (int s = 0; s < kernel->stage_count; s++)
        inner += kernel->stage[s].inner_count || kernel->stage[s].fold_count;
    if (kernel->stage_count && is_contraction(plan, &kernel->stage[0]) && kernel->stage[0].inner_count == 0)
        choose_tile(plan, kernel);
    else if (kernel->outer_count && inner > 1)
        kernel->form = FORM_ROW;
}

/* ---- cost ---------------------------------------------------------------------------------------------------------------- */

typedef struct Cost {
    const Plan *plan;
    int *seen, kernel;                  /* by buffer: the last kernel that was seen to read it whole */
    int64_t operations, looked_up, bytes_read;
} Cost;

static void add_cost(Term *term, void *context)
{
    Cost *cost = context;
    if (term->kind == TERM_READ && term->operand[0])
        cost->looked_up += cost->plan->model->precision == F32 ? 4 : 8;
    else if (term->kind == TERM_READ && cost->seen[term->buffer] != cost->kernel) {
        cost->seen[term->buffer] = cost->kernel;
        cost->bytes_read += cost->plan->buffer[term->buffer].bytes;
    }
    cost->operations += term->kind == TERM_APPLY && term->op != OP_FLOAT && term->op != OP_DETACH;
}

static void count_cost(const Plan *plan, Kernel *kernel, Cost *cost)
{
    cost->kernel++;
    cost->bytes_read = 0;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        int64_t points = kernel->time != NONE ? kernel->axis[kernel->time].extent : 1;
        for (int o = 0; o < kernel->outer_count && !stage->after; o++)
            if (kernel->form != FORM_SCATTER || kernel->outer[o] != scatter_of(stage).picked)
                points *= kernel->axis[kernel->outer[o]].extent;
        for (int i = 0; i < stage->inner_count; i++)
            points *= kernel->axis[stage->inner[i]].extent;
        for (int f = 0; f < stage->fold_count; f++)
            points *= kernel->axis[stage->fold_axis[f]].extent;
        cost->operations = kernel->form == FORM_SCATTER ? -1 : stage->fold != FOLD_NONE;     /* neither compared nor chosen: placed */
        cost->looked_up = 0;
        each_term(stage->term, add_cost, cost);
        kernel->flop += points * cost->operations;
        kernel->bytes_read += points * cost->looked_up;
        if (stage->buffer != NONE)
            kernel->bytes_written += plan->buffer[stage->buffer].bytes;
    }
    kernel->bytes_read += cost->bytes_read;
}

/* ---- the same kernel in two phases ---------------------------------------------------------------------------------------- */

static bool same_term(const Term *a, const Term *b)
{
    if (a->kind != b->kind || a->op != b->op || a->scalar != b->scalar || a->buffer != b->buffer || a->stage != b->stage
        || a->rank != b->rank || a->from != b->from || a->to != b->to || memcmp(&a->number, &b->number, sizeof a->number) != 0)
        return false;
    if ((a->kind == TERM_TABLE || a->kind == TERM_RANDOM) && a->node != b->node)
        return false;
    for (int i = 0; i < a->rank; i++)
        if (!same_index(&a->index[i], &b->index[i]))
            return false;
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (!a->operand[o] != !b->operand[o] || (a->operand[o] && !same_term(a->operand[o], b->operand[o])))
            return false;
    return true;
}

static bool same_kernel(const Kernel *a, const Kernel *b)
{
    if (a->time != b->time || a->axis_count != b->axis_count || a->outer_count != b->outer_count || a->stage_count != b->stage_count || a->form == FORM_CALL
        || memcmp(a->outer, b->outer, sizeof a->outer[0] * (size_t)a->outer_count) != 0)
        return false;
    for (int x = 0; x < a->axis_count; x++)
        if (a->axis[x].extent != b->axis[x].extent || a->axis[x].batch != b->axis[x].batch)
            return false;
    for (int s = 0; s < a->stage_count; s++) {
        const Stage *p = &a->stage[s], *q = &b->stage[s];
        if (p->node != q->node || p->buffer != q->buffer || p->fold != q->fold || p->inner_count != q->inner_count || p->fold_count != q->fold_count
            || p->folds_outer != q->folds_outer || p->after != q->after || !same_term(p->term, q->term)
            || memcmp(p->inner, q->inner, sizeof p->inner[0] * (size_t)p->inner_count) != 0
            || memcmp(p->fold_axis, q->fold_axis, sizeof p->fold_axis[0] * (size_t)p->fold_count) != 0)
            return false;
    }
    return true;
}

/* All kernels, phase after phase: what same_as counts. */
static Kernel **all_kernels(const Plan *plan, Arena *arena, int *count)
{
    Kernel **all = NEW(arena, Kernel *, plan->kernel_count[0] + plan->kernel_count[1] + plan->kernel_count[2] + 1);
    *count = 0;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            all[(*count)++] = &plan->kernel[phase][k];
    return all;
}

/* Identical kernels are emitted once: evaluation usually calls the forward kernels of training. */
static void find_repeated(Kernel **all, int count)
{
    for (int k = 0; k < count; k++)
        for (int earlier = 0; earlier < k && all[k]->same_as == NONE; earlier++)
            if (all[earlier]->same_as == NONE && same_kernel(all[earlier], all[k]))
                all[k]->same_as = earlier;
}

static void size_buffers(Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++) {
        Buffer *buffer = &plan->buffer[b];
        int64_t elements = 1;
        for (int d = 0; d < buffer->rank; d++)
            elements *= buffer->size[d];
        buffer->bytes = elements * (buffer->scalar == INT || plan->model->precision == F32 ? 4 : 8);
    }
}

void schedule(Plan *plan)
{
    size_buffers(plan);
    Arena *scratch = arena_new();
    Cost cost = {.plan = plan, .seen = NEW(scratch, int, plan->buffer_count + 1)};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            choose_form(plan, &plan->kernel[phase][k]);
            count_cost(plan, &plan->kernel[phase][k], &cost);
        }
    int count;
    Kernel **all = all_kernels(plan, scratch, &count);
    find_repeated(all, count);
    if (plan->plain)
        size_buffers(plan->plain);
    name_plan(plan);
    for (int k = 0; k < count; k++)
        if (all[k]->same_as != NONE)
            all[k]->name = all[all[k]->same_as]->name;
    arena_free(scratch);
}
