/* cost.c: what each kernel costs: operations of floating point, bytes read, bytes written.
 *
 * Takes kernels with their forms and buffers with their sizes. Counted is what the formulas say, whatever the form: every
 * operation of a term, for every point of its loops, and one for each term that a fold takes in; a multiply-add is two, exp one.
 * Bytes are those of the elements that a kernel touches, each once, however often its loops come back to it: what would go
 * between memory and a cache that holds everything for as long as one kernel runs. A kernel of a recurrence is counted over all
 * its times. What is looked up by an index of the data counts once for each time that it is looked up.
 *
 * A read touches as many elements as its axes have points, a buffer's size at most; two reads with the same indices are one.
 * So a slice counts its part, and windows that overlap count the array that they lie in. */
#include "kernel/kernel.h"
#include "kernel/fuse_internal.h"

enum { MOST_READS = 256 };              /* that are told apart; any further one counts as another */

typedef struct Cost {
    const Plan *plan;
    const Kernel *kernel;
    const Term *read[MOST_READS];       /* seen in this kernel */
    int read_count;
    int64_t *touched;                   /* elements, by buffer */
    int64_t operations, looked_up;      /* of a point of the stage; bytes */
} Cost;

static int64_t element_bytes(const Plan *plan, Scalar scalar)
{
    return scalar == INT || plan->model->precision == F32 ? 4 : 8;
}

static int64_t elements(const Buffer *buffer)
{
    int64_t count = 1;
    for (int d = 0; d < buffer->rank; d++)
        count *= buffer->size[d];
    return count;
}

/* Points of the axes that the indices run over; a buffer has no more. */
static int64_t points_of(const Kernel *kernel, const Buffer *buffer, const Index *index)
{
    bool counted[MAX_AXES * 2] = {false};
    int64_t points = 1, most = elements(buffer);
    for (int d = 0; d < buffer->rank; d++)
        for (int t = 0; t < index[d].count; t++) {
            int axis = index[d].term[t].axis;
            if (!counted[axis])
                points *= kernel->axis[axis].extent;
            counted[axis] = true;
            points = points < most ? points : most;
        }
    return points;
}

static bool is_same_read(const Term *a, const Term *b)
{
    bool same = a->buffer == b->buffer && a->rank == b->rank;
    for (int d = 0; same && d < a->rank; d++)
        same = same_index(&a->index[d], &b->index[d]);
    return same;
}

static void count_term(Term *term, void *context)
{
    Cost *cost = context;
    cost->operations += term->kind == TERM_APPLY && term->op != OP_FLOAT && term->op != OP_DETACH;
    if (term->kind != TERM_READ)
        return;
    if (term->operand[0]) {
        cost->looked_up += element_bytes(cost->plan, term->scalar);
        return;
    }
    for (int r = 0; r < cost->read_count; r++)
        if (is_same_read(cost->read[r], term))
            return;
    if (cost->read_count < MOST_READS)
        cost->read[cost->read_count++] = term;
    cost->touched[term->buffer] += points_of(cost->kernel, &cost->plan->buffer[term->buffer], term->index);
}

int64_t steps_inside(const Kernel *kernel, const Stage *stage)
{
    int64_t steps = 1;
    for (int i = 0; i < stage->inner_count; i++)
        steps *= kernel->axis[stage->inner[i]].extent;
    for (int f = 0; f < stage->fold_count; f++)
        steps *= kernel->axis[stage->fold_axis[f]].extent;
    return steps;
}

static int64_t points_of_stage(const Kernel *kernel, const Stage *stage)
{
    int64_t points = kernel->time != NONE ? kernel->axis[kernel->time].extent : 1;
    for (int o = 0; o < kernel->outer_count && !stage->after; o++)
        if (kernel->form != FORM_SCATTER || kernel->outer[o] != scatter_of(stage).picked)
            points *= kernel->axis[kernel->outer[o]].extent;
    return points * steps_inside(kernel, stage);
}

/* A scatter neither compares nor chooses: it places. */
static int64_t operations_of_fold(const Kernel *kernel, const Stage *stage)
{
    return kernel->form == FORM_SCATTER ? -1 : stage->fold != FOLD_NONE;
}

/* Products and sums that there are at most: of each window or element that is looked at. */
static int64_t terms_of_skip(const Kernel *kernel)
{
    int64_t terms = 1;
    for (int p = 0; p < kernel->skip.points; p++)
        terms *= kernel->axis[kernel->skip.point[p]].extent;
    for (int i = 0; i < kernel->skip.inners; i++)
        terms *= kernel->axis[kernel->skip.inner[i]].extent;
    return terms;
}

static void count_kernel(Kernel *kernel, Cost *cost)
{
    const Plan *plan = cost->plan;
    cost->kernel = kernel;
    cost->read_count = 0;
    kernel->flop = kernel->bytes_read = kernel->bytes_written = 0;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const int64_t points = points_of_stage(kernel, stage);
        cost->operations = operations_of_fold(kernel, stage);
        cost->looked_up = 0;
        each_term(stage->term, count_term, cost);
        const int64_t wanted = kernel->kept.condition ? (int64_t)((double)points * kernel->kept.share) : points;
        kernel->flop += kernel->form == FORM_SKIP && s == 0 ? 2 * terms_of_skip(kernel) : wanted * cost->operations;
        kernel->bytes_read += points * cost->looked_up;
        if (stage->buffer != NONE)
            kernel->bytes_written += points_of(kernel, &plan->buffer[stage->buffer], stage->store) * element_bytes(plan, plan->buffer[stage->buffer].scalar);
    }
    for (int r = 0; r < cost->read_count; r++) {
        const int read = cost->read[r]->buffer;
        const int64_t most = elements(&plan->buffer[read]), touched = cost->touched[read] < most ? cost->touched[read] : most;
        kernel->bytes_read += touched * element_bytes(plan, plan->buffer[read].scalar);
        cost->touched[read] = 0;                        /* the buffer's other reads add nothing */
    }
}

/* ---- calls of the runtime ---- */

/* Operations on arrays between an update's result and its gradient or a leaf; scalars of the step are made once. */
static int64_t operations_of_update(const Graph *graph, NodeId gradient, NodeId id, bool *seen)
{
    const Node *node = &graph->nodes[id];
    if (seen[id] || id == gradient || op_info[node->op].class == LEAF || !node->type.rank)
        return 0;
    seen[id] = true;
    int64_t count = op_info[node->op].class == POINTWISE;
    for (int o = 0; o < op_info[node->op].arity; o++)
        count += operations_of_update(graph, gradient, node->operand[o], seen);
    return count;
}

/* An update reads and writes its parameter and slots, and reads the gradient. */
static void count_call(const Plan *plan, Kernel *kernel, Arena *scratch)
{
    const Graph *graph = plan->model->graph;
    const Update *update = &plan->model->updates[kernel->update];
    bool *seen = NEW(scratch, bool, graph->count);
    int64_t operations = 0;
    for (int a = 0; a < update->assign_count; a++)
        operations += operations_of_update(graph, update->gradient, graph->nodes[update->assigns[a]].operand[0], seen);
    kernel->flop = operations * element_count(graph->leaves[update->parameter].type);
    kernel->bytes_read = kernel->bytes_written = 0;
    int count;
    const int *arrays = arrays_of(plan, kernel, scratch, &count);
    for (int i = 0; i < count; i++) {
        const int64_t bytes = elements(&plan->buffer[arrays[i]]) * element_bytes(plan, plan->buffer[arrays[i]].scalar);
        kernel->bytes_read += bytes;
        kernel->bytes_written += writes(kernel, i, arrays[i]) ? bytes : 0;
    }
}

void count_costs(Plan *plan)
{
    Arena *scratch = arena_new();
    Cost cost = {.plan = plan, .touched = NEW(scratch, int64_t, plan->buffer_count + 1)};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            if (plan->kernel[phase][k].form == FORM_CALL)
                count_call(plan, &plan->kernel[phase][k], scratch);
            else
                count_kernel(&plan->kernel[phase][k], &cost);
    arena_free(scratch);
}
