/* merge.c: two dimensions of an array that some window runs over as one, x[(i + k - 1) / 2][(i + k - 1) % 2], become one: x[i + k - 1].
 *
 * Takes a plan whose kernels are known and whose forms are not. A reshape that merges axes costs nothing as long as each element is
 * taken by itself; behind it, a window's index is a sum, whose quotient and remainder are loads one by one, without a border
 * (border.c) or lanes: 32 channels of 8 x 8, doubled and convolved with 3 x 3, a step of 16 rows 4850 for 500 us. Memory stays
 * as it is, row-major; who reads or writes the two dimensions apart finds them at 2 i + k. Where the index is one axis alone,
 * that axis is split instead (divide.c), which leaves more to choose from when arrays are laid out. */
#include "kernel/kernel.h"
#include <string.h>

typedef struct Merge {
    const Plan *plan;
    int buffer, d;                      /* dimensions d and d + 1 of it */
    bool wanted, works;
} Merge;

static bool same_sum(const Index *a, const Index *b)
{
    Index of_a = *a, of_b = *b;
    of_a.divisor = of_b.divisor = 1;
    of_a.modulus = of_b.modulus = 0;
    return same_index(&of_a, &of_b);
}

/* Are these quotient and remainder of one sum? */
static bool are_of_one(const Index *quotient, const Index *remainder, const int64_t *size)
{
    return remainder->modulus == size[1] && quotient->divisor == remainder->divisor * size[1]
        && (quotient->modulus == 0 || quotient->modulus == size[0]) && same_sum(quotient, remainder);
}

static bool can_merge(const Index *index, const int64_t *size)
{
    return are_of_one(&index[0], &index[1], size)
        || (is_affine(&index[0]) && is_affine(&index[1]) && index[0].count + index[1].count <= MAX_TERMS_OF_INDEX);
}

static void merge_index(Index *index, const int64_t *size, int rest)
{
    if (are_of_one(&index[0], &index[1], size))
        index[1].modulus = index[0].modulus ? size[0] * size[1] : 0;
    else
        index[1] = index_add(index[1], size[1], index[0]);
    memmove(&index[0], &index[1], sizeof *index * (size_t)(rest + 1));
}

static void look_at_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Merge *m = context;
    if (read->buffer != m->buffer)
        return;
    const Index *index = &read->index[m->d];
    const int64_t *size = &m->plan->buffer[m->buffer].size[m->d];
    m->works &= can_merge(index, size);
    m->wanted |= are_of_one(&index[0], &index[1], size) && (index->count > 1 || index->constant);
}

static void merge_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    const Merge *m = context;
    const Buffer *buffer = &m->plan->buffer[m->buffer];
    if (read->buffer == m->buffer && read->rank == buffer->rank)          /* a term of two kernels comes twice */
        merge_index(&read->index[m->d], &buffer->size[m->d], --read->rank - m->d - 1);
}

static void each_stored(const Plan *plan, Merge *merge, void (*visit)(Merge *, Index *))
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            for (int s = 0; s < plan->kernel[phase][k].stage_count; s++)
                if (plan->kernel[phase][k].stage[s].buffer == merge->buffer)
                    visit(merge, plan->kernel[phase][k].stage[s].store);
}

static void look_at_stored(Merge *merge, Index *store)
{
    merge->works &= can_merge(&store[merge->d], &merge->plan->buffer[merge->buffer].size[merge->d]);
}

static void merge_stored(Merge *merge, Index *store)
{
    const Buffer *buffer = &merge->plan->buffer[merge->buffer];
    merge_index(&store[merge->d], &buffer->size[merge->d], buffer->rank - merge->d - 2);
}

static void each_read_of_plan(const Plan *plan, Merge *merge, void (*visit)(Stage *, Term *, void *))
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            each_read(&plan->kernel[phase][k], visit, merge);
}

static void try_to_merge(Plan *plan, int b, int d)
{
    Merge merge = {plan, b, d, false, true};
    each_read_of_plan(plan, &merge, look_at_read);
    each_stored(plan, &merge, look_at_stored);
    if (!merge.wanted || !merge.works)
        return;
    each_read_of_plan(plan, &merge, merge_read);
    each_stored(plan, &merge, merge_stored);
    Buffer *buffer = &plan->buffer[b];
    buffer->size[d] *= buffer->size[d + 1];
    memmove(&buffer->size[d + 1], &buffer->size[d + 2], sizeof *buffer->size * (size_t)(--buffer->rank - d - 1));
}

void merge_dimensions(Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        const Node *node = &plan->model->graph->nodes[buffer->node];
        for (int d = buffer->rank - 2; d >= node->type.per_row && buffer->kind == BUFFER_TEMPORARY && node->op != OP_SCAN; d--)
            try_to_merge(plan, b, d);
    }
}
