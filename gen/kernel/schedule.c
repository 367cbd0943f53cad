/* schedule.c: how each kernel's loops run.
 *
 * Takes the plan's kernels in order and runs, one after the other, what decides their loops: zeros that are skipped, borders,
 * weights turned for loops over time, layouts and tiles of products, CBLAS or a GPU's launches; then finds kernels that are the
 * same, names everything, and counts what each costs. Keeps what is computed. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <stdlib.h>
#include <string.h>

/* Plain sums count where many terms lie side by side: they go through the same core, times one. */
static bool is_sum(const Plan *plan, const Kernel *kernel)
{
    const Stage *sum = kernel->stage;
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
    term->rank = 0;
    while (term->rank <= MAX_RANK && sum->store[term->rank].divisor)
        term->rank++;
    term->index = sum->store;
}

void read_stored_sum(Kernel *kernel)
{
    for (int s = 1; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, read_sum, &kernel->stage[0]);
}

/* Sums that are added up part by part lie in a buffer meanwhile; what follows them reads it. A matrix lies along the tiles' columns. */
static void store_sums(Plan *plan, Kernel *kernel)
{
    Stage *sum = kernel->stage;
    if (sum->buffer != NONE)
        return;
    sum->buffer = buffer_for(plan, sum->node, BUFFER_TEMPORARY);
    const Buffer *like = updated_here(plan, kernel);
    Buffer *made = &plan->buffer[sum->buffer];
    if (made->rank == 2 && plain_axis(&sum->store[made->order[0]]) == kernel->choice.column)
        swap_order(made);
    if (like && like->order[0] == made->order[0])
        made->pad = like->pad;
    read_stored_sum(kernel);
}

/* Loops in which elements are independent follow the first array that they write. */
static void follow_memory(const Plan *plan, Kernel *kernel)
{
    const Stage *stage = NULL;
    for (int s = kernel->stage_count - 1; s >= 0; s--) {
        if (kernel->stage[s].folds_outer || kernel->stage[s].after)
            return;
        if (kernel->stage[s].buffer != NONE)
            stage = &kernel->stage[s];
    }
    for (int o = 0; stage && o < kernel->outer_count; o++)
        if (step_in_memory(&plan->buffer[stage->buffer], stage->store, kernel->outer[o]) == 0)
            return;
    for (int o = 1; stage && o < kernel->outer_count; o++)
        for (int p = o; p > 0; p--) {
            const Buffer *buffer = &plan->buffer[stage->buffer];
            int here = kernel->outer[p], before = kernel->outer[p - 1];
            if (step_in_memory(buffer, stage->store, before) >= step_in_memory(buffer, stage->store, here))
                break;
            kernel->outer[p] = before;
            kernel->outer[p - 1] = here;
        }
}

typedef struct Matrix { const Term *read; } Matrix;

static void find_matrix(Term *term, void *context)
{
    Matrix *matrix = context;
    if (!matrix->read && term->kind == TERM_READ && term->rank > 1 && !term->operand[0])
        matrix->read = term;
}

/* Of several folds the innermost is the one along which the first array lies: a loss of 128 x 128 whose rows are in lanes 17 and 1 µs. */
static void fold_along_memory(const Plan *plan, Stage *stage)
{
    Matrix matrix = {NULL};
    const int last = stage->fold_count - 1;
    if (last < 1 || (stage->fold != FOLD_SUM && stage->fold != FOLD_MAX))
        return;
    each_term(stage->term, find_matrix, &matrix);
    for (int f = 0; f < last && matrix.read; f++)
        if (step_in_memory(&plan->buffer[matrix.read->buffer], matrix.read->index, stage->fold_axis[f]) == 1) {
            const int axis = stage->fold_axis[f];
            memmove(&stage->fold_axis[f], &stage->fold_axis[f + 1], sizeof axis * (size_t)(last - f));
            stage->fold_axis[last] = axis;
            return;
        }
}

/* The numbers of a stream one after the other in memory, as they count its elements. */
static bool draws_in_order(const Plan *plan, const Kernel *kernel)
{
    const Stage *stage = kernel->stage;
    if (kernel->stage_count != 1 || stage->buffer == NONE || stage->term->kind != TERM_RANDOM || !is_drawn_together(plan, stage->node))
        return false;
    const Buffer *buffer = &plan->buffer[stage->buffer];
    bool in_order = buffer->pad == 0 && buffer->node == stage->node;
    for (int d = 0; d < buffer->rank; d++)
        in_order &= buffer->order[d] == d && !buffer->before[d] && !buffer->after[d];
    return in_order;
}

/* Tiles of kept channels, or of all, if those take less. */
static void choose_tile_of_kept(const Plan *plan, Kernel *kernel)
{
    Kernel all = *kernel;
    all.kept.condition = NULL;
    all.stage = arena_copy(plan->arena, kernel->stage, sizeof *kernel->stage * (size_t)kernel->stage_count);
    choose_tile(plan, kernel);
    choose_tile(plan, &all);
    if (kernel->choice.lanes == NONE || (all.choice.lanes != NONE && all.choice.cycles <= kernel->choice.cycles))
        *kernel = all;
}

static void choose_form(Plan *plan, Kernel *kernel)
{
    if (kernel->form == FORM_CALL || kernel->form == FORM_SKIP || plan->mode != KERNELS_FUSED)
        return;
    int inner = 0;
    for (int s = 0; s < kernel->stage_count; s++)
        inner += kernel->stage[s].inner_count || kernel->stage[s].fold_count;
    if (is_product(plan, kernel) && plan->target == TARGET_CUDA) {
        kernel->form = FORM_CONTRACTION;
    } else if (is_product(plan, kernel)) {
        (kernel->kept.condition ? choose_tile_of_kept : choose_tile)(plan, kernel);
        order_folds(plan, kernel);
        if (kernel->choice.block)
            store_sums(plan, kernel);
    }
    if (draws_in_order(plan, kernel))
        kernel->form = FORM_DRAW;
    if (kernel->form == FORM_NEST)
        follow_memory(plan, kernel);
    for (int s = 0; s < kernel->stage_count && kernel->form == FORM_NEST && !kernel->outer_count && plan->target == TARGET_C; s++)
        fold_along_memory(plan, &kernel->stage[s]);
    if (kernel->form == FORM_NEST && kernel->outer_count && inner > 1)
        kernel->form = FORM_ROW;
}

/* ---- the whole ---- */

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
    if (plan->mode == KERNELS_FUSED && plan->target == TARGET_C) {
        merge_dimensions(plan);
        divide_axes(plan);
        skip_zeros(plan);
        split_residues(plan);
        lay_borders(plan);
        turn_weights(plan);
        choose_layouts(plan);
        leave_out_dropped(plan);
    }
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            choose_form(plan, &plan->kernel[phase][k]);
    for (PhaseId phase = 0; phase < PHASE_COUNT && plan->target == TARGET_CUDA; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            choose_launch(plan, &plan->kernel[phase][k]);
    if (plan->mode == KERNELS_BLAS)
        choose_blas(plan);
    size_buffers(plan);
    count_costs(plan);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            plan->kernel[phase][k].is_shared = is_worth_sharing(plan, plan->kernel[phase], &plan->kernel[phase][k]);
    find_repeated(plan);
    if (plan->plain)
        size_buffers(plan->plain);
    name_plan(plan);
}
