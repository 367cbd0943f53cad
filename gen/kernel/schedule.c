/* schedule.c: how each kernel's loops run.
 *
 * Takes kernels in order and decides their form (tile.c does it for contractions), finds kernels that are the same in two
 * phases, counts what each costs. Keeps what is computed. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <stdlib.h>
#include <string.h>

/* Plain sums count where many terms lie side by side: they go through the same core, times one. */
static bool is_sum(const Plan *plan, const Kernel *kernel)
{
    const Stage *sum = &kernel->stage[0];
    int64_t folds = 1;
    for (int f = 0; f < sum->fold_count; f++)
        folds *= kernel->axis[sum->fold_axis[f]].extent;
    bool plain = sum->fold == FOLD_SUM && folds >= SHORT_FOLD && sum->term->kind == TERM_READ && plan->model->graph->nodes[sum->node].op == OP_SUM;
    for (int s = 0; s < kernel->stage_count; s++)
        plain &= !kernel->stage[s].folds_outer && !kernel->stage[s].after && (s == 0 || !(kernel->stage[s].inner_count + kernel->stage[s].fold_count));
    return plain;
}

bool is_product(const Plan *plan, const Kernel *kernel)
{
    return kernel->form != FORM_CALL && kernel->stage_count && kernel->stage[0].inner_count == 0
        && (is_contraction(plan, &kernel->stage[0]) || is_sum(plan, kernel));
}

static void read_sum(Term *term, void *context)
{
    Stage *sum = context;
    if (term->kind != TERM_STAGE || term->stage != 0)
        return;
    term->kind = TERM_READ;
    term->stage = NONE;
    term->buffer = sum->buffer;
    term->rank = 2;
    term->index = sum->store;
}

/* Sums that are added up part by part lie in a buffer meanwhile; what follows them reads it. */
static void store_sums(Plan *plan, Kernel *kernel)
{
    Stage *sum = &kernel->stage[0];
    if (sum->buffer != NONE)
        return;
    sum->buffer = buffer_for(plan, sum->node, BUFFER_TEMPORARY);
    const Buffer *like = updated_here(plan, kernel);
    Buffer *made = &plan->buffer[sum->buffer];
    if (like) {
        memcpy(made->order, like->order, sizeof made->order);
        made->pad = like->pad;
    }
    for (int s = 1; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, read_sum, sum);
}

static void choose_form(Plan *plan, Kernel *kernel)
{
    if (kernel->form == FORM_CALL || plan->mode == KERNELS_GENERIC)
        return;
    int inner = 0;
    for (int s = 0; s < kernel->stage_count; s++)
        inner += kernel->stage[s].inner_count || kernel->stage[s].fold_count;
    if (is_product(plan, kernel)) {
        choose_tile(plan, kernel);
        if (kernel->choice.block)
            store_sums(plan, kernel);
    }
    if (kernel->form == FORM_NEST && kernel->outer_count && inner > 1)
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

static void size_buffers(Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++) {
        Buffer *buffer = &plan->buffer[b];
        int64_t elements = 1;
        for (int d = 0; d < buffer->rank; d++)
            elements *= room_in(buffer, d);
        buffer->bytes = elements * (buffer->scalar == INT || plan->model->precision == F32 ? 4 : 8);
    }
}

void schedule(Plan *plan)
{
    if (plan->mode == KERNELS_FUSED) {
        lay_borders(plan);
        choose_layouts(plan);
    }
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            choose_form(plan, &plan->kernel[phase][k]);
    size_buffers(plan);
    Arena *scratch = arena_new();
    Cost cost = {.plan = plan, .seen = NEW(scratch, int, plan->buffer_count + 1)};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            count_cost(plan, &plan->kernel[phase][k], &cost);
    find_repeated(plan);
    if (plan->plain)
        size_buffers(plan->plain);
    name_plan(plan);
    arena_free(scratch);
}
