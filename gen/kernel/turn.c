/* turn.c: weights that a loop over time reads across their rows are turned once, before the loop.
 *
 * Takes a plan whose kernels are known and whose tiles are not. The products of a recurrence use a weight (out, in) at every time,
 * forward with lanes on the outputs, backward with lanes on the inputs; neighbours in memory are only ever the one or the other.
 * Where a kernel of a loop takes fewer cycles over all times with the weight as [in][out], it reads a copy that lies so, made by a
 * kernel in front of the loop: an LSTM of 128 with 64 times, 16 rows: the step 18.7 ms without, 13.0 with.
 *
 * Rejected: another layout of the weight itself (layout.c does that where all of its users gain): here the other half would lose. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"

/* Cycles of all times. */
static int64_t cycles_in_loop(const Plan *plan, const Kernel *kernel)
{
    return product_cycles(plan, kernel) * kernel->axis[kernel->time].extent;
}

/* The factor of the kernel's product that is a matrix of weights; NULL: none is. */
static Term *weight_factor(const Plan *plan, const Kernel *kernel)
{
    Term *product = kernel->stage[0].term;
    for (int o = 0; o < 2 && product->kind == TERM_APPLY && product->op == OP_MULTIPLY; o++) {
        Term *factor = product->operand[o];
        if (factor->kind == TERM_READ && plan->buffer[factor->buffer].kind == BUFFER_PARAMETER && plan->buffer[factor->buffer].rank == 2)
            return factor;
    }
    return NULL;
}

static bool is_worth_turning(Plan *plan, const Kernel *kernel, int weight)
{
    Buffer *buffer = &plan->buffer[weight];
    int64_t before = cycles_in_loop(plan, kernel);
    swap_order(buffer);
    int64_t after = cycles_in_loop(plan, kernel) + buffer->size[0] * buffer->size[1] * TURN_CYCLES;
    swap_order(buffer);
    return after * 100 <= before * WORTH_ANOTHER_LAYOUT;
}

static int turned_copy(Plan *plan, int weight)
{
    Buffer copy = plan->buffer[weight];
    copy.kind = BUFFER_TEMPORARY;
    copy.leaf = NONE;
    copy.why_order = "a loop over time reads it down its columns: turned once, before that";
    swap_order(&copy);
    ARENA_PUSH(plan->arena, plan->buffer, plan->buffer_count, plan->buffer_room, copy);
    return plan->buffer_count - 1;
}

static Kernel turning_kernel(Plan *plan, int weight, int copy, bool before_loss_check)
{
    const Buffer *from = &plan->buffer[weight];
    Kernel kernel = {.form = FORM_NEST, .choice.lanes = NONE, .region = NONE, .time = NONE, .update = NONE, .same_as = NONE,
                     .before_loss_check = before_loss_check};
    Stage stage = {.node = from->node, .buffer = copy};
    Term *read = NEW(plan->arena, Term, 1);
    *read = (Term){.kind = TERM_READ, .scalar = FLOAT, .buffer = weight, .stage = NONE, .rank = 2, .node = from->node};
    read->index = NEW(plan->arena, Index, 2);
    for (int d = 0; d < 2; d++) {
        kernel.axis[kernel.axis_count++] = (Axis){.extent = from->size[d]};
        kernel.outer[kernel.outer_count++] = plan->buffer[copy].order[d];         /* neighbours are written one after the other */
        read->index[d] = stage.store[d] = index_axis(d);
    }
    stage.term = read;
    ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    return kernel;
}

/* The kernels of the loop that begins with kernel `first`: those that gain read the copy, and what makes it goes to `out`. */
static void turn_for(Plan *plan, Kernel *kernels, int count, int first, Kernel **out, int *out_count, int *out_room)
{
    int weights[8], copies[8], turned = 0;
    for (int k = first; k < count && kernels[k].region == kernels[first].region; k++) {
        Term *factor = is_product(plan, &kernels[k]) ? weight_factor(plan, &kernels[k]) : NULL;
        if (!factor || !is_worth_turning(plan, &kernels[k], factor->buffer))
            continue;
        int known = 0;
        while (known < turned && weights[known] != factor->buffer)
            known++;
        if (known == (int)(sizeof weights / sizeof *weights))
            continue;
        if (known == turned) {
            weights[known] = factor->buffer;
            copies[turned++] = turned_copy(plan, factor->buffer);
            ARENA_PUSH(plan->arena, *out, *out_count, *out_room, turning_kernel(plan, factor->buffer, copies[known], kernels[first].before_loss_check));
        }
        factor->buffer = copies[known];
    }
}

void turn_weights(Plan *plan)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT && plan->recurrences.count; phase++) {
        Kernel *kernels = plan->kernel[phase], *all = NULL;
        int count = plan->kernel_count[phase], all_count = 0, room = 0;
        for (int k = 0; k < count; k++) {
            if (kernels[k].region != NONE && (k == 0 || kernels[k - 1].region != kernels[k].region))
                turn_for(plan, kernels, count, k, &all, &all_count, &room);
            ARENA_PUSH(plan->arena, all, all_count, room, kernels[k]);
        }
        plan->kernel[phase] = all;
        plan->kernel_count[phase] = all_count;
    }
}
