/* places.c: the gradient behind a max-pool, taken window by window.
 *
 * Of each window only the largest element has a gradient:
 *
 *   g[b,o,m + 2 j,q + 2 p] = (v[b,o,j,p] if q + 2 m = best[b,o,j,p] else 0)
 *
 * A sum that skips zeros (skip.c) need not look at all elements of g, and g need not be there: it takes the windows in turn, and m and q
 * are what `best` says,
 *
 *   for b, o, j, p:  if v[b,o,j,p] != 0:  m = best[b,o,j,p] / 2, q = best[b,o,j,p] % 2:  d_w[o,r,s,c] += v[b,o,j,p] x[b,c,m + 2 j + r,q + 2 p + s]
 *
 * Takes a sum whose loops over the elements of g are known (skip.point); puts those over its windows in their place, and gives what stands
 * in the sum's term for g. Where nobody reads g any more it is not made. Windows that overlap, or leave elements between them,
 * have a g that is made in another way, and keep it. */
#include "kernel/kernel.h"
#include <string.h>

typedef struct Pooled {
    Plan *plan;
    const Kernel *kernel;               /* that makes g */
    const Stage *writer;
    const Term *place, *best, *value;   /* its choice: value if place = best else 0 */
    const Axis *axis;                   /* its axes; each as the loops of the sum have it, and as the sum's term does: */
    Index loop[MAX_AXES * 2], of_term[MAX_AXES * 2];
    bool in_window[MAX_AXES * 2], is_known[MAX_AXES * 2];
} Pooled;

static bool find_writer(Pooled *p, int buffer)
{
    for (int k = 0; k < p->plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &p->plan->kernel[PHASE_TRAIN][k];
        for (int s = 0; s < kernel->stage_count; s++) {
            if (kernel->stage[s].buffer != buffer)
                continue;
            if (p->writer || s != kernel->stage_count - 1 || kernel->stage[s].fold != FOLD_NONE || kernel->stage[s].after || kernel->region != NONE)
                return false;
            p->writer = &kernel->stage[s];
            p->kernel = kernel;
            p->axis = kernel->axis;
        }
    }
    return p->writer;
}

/* The value of an earlier stage as a read of the array that it is stored in; other terms as they are, NULL where it is not stored. */
static const Term *as_read(const Pooled *p, const Term *term)
{
    if (term->kind != TERM_STAGE)
        return term;
    const Stage *stage = &p->kernel->stage[term->stage];
    if (stage->buffer == NONE || stage->folds_outer || stage->after)
        return NULL;
    const int rank = p->plan->buffer[stage->buffer].rank;
    Term *read = NEW(p->plan->arena, Term, 1);
    *read = (Term){.kind = TERM_READ, .scalar = term->scalar, .buffer = stage->buffer, .stage = NONE, .rank = rank, .node = stage->node};
    read->index = arena_copy(p->plan->arena, stage->store, sizeof *stage->store * (size_t)rank);
    for (int d = 0; d < rank; d++) {
        const int axis = plain_axis(&stage->store[d]);
        for (int i = 0; i < stage->inner_count; i++)
            if (axis == stage->inner[i])
                read->index[d] = term->index[i];
            else if (axis == NONE && stage->store[d].count)
                return NULL;
    }
    return read;
}

typedef struct Seen { const Pooled *p; bool fits; } Seen;

/* What nothing changes between the kernel of g and the sum, read where an index is an axis of its own. */
static void see_term(Term *term, void *context)
{
    Seen *seen = context;
    if (term->kind == TERM_APPLY || term->kind == TERM_NUMBER)
        return;
    const Term *read = as_read(seen->p, term);
    seen->fits &= read && read->kind == TERM_READ && !read->operand[0];
    for (int d = 0; seen->fits && d < read->rank; d++)
        seen->fits = seen->p->plan->buffer[read->buffer].kind == BUFFER_TEMPORARY && (read->index[d].count == 0 || plain_axis(&read->index[d]) != NONE);
}

static bool find_choice(Pooled *p)
{
    const Term *term = p->writer->term;
    if (term->kind != TERM_APPLY || term->op != OP_SELECT || term->operand[2]->kind != TERM_NUMBER || term->operand[2]->number != 0)
        return false;
    const Term *equal = term->operand[0];
    for (int o = 0; equal->kind == TERM_APPLY && equal->op == OP_EQUAL && o < 2; o++)
        if (equal->operand[o]->kind == TERM_INDEX && equal->operand[1 - o]->kind != TERM_INDEX)
            p->place = equal->operand[o], p->best = equal->operand[1 - o];
    p->value = term->operand[1];
    if (!p->place)
        return false;
    Seen seen = {p, is_affine(&p->place->index[0]) && p->place->index[0].constant == 0};
    each_term((Term *)p->value, see_term, &seen);
    each_term((Term *)p->best, see_term, &seen);
    return seen.fits;
}

/* Numbers in a mixed radix: factor and extent of each axis, the next factor being their product. */
static int64_t factor_below(const Index *index, const Axis *axis, int64_t below)
{
    int64_t next = 1;
    for (int t = 0; t < index->count; t++)
        if (index->term[t].factor * axis[index->term[t].axis].extent == below)
            next = index->term[t].factor;
    return next;
}

static bool is_mixed_radix(const Index *index, const Axis *axis, int64_t *limit)
{
    int64_t product = 1;
    for (int t = 0; t < index->count; t++)
        product *= axis[index->term[t].axis].extent;
    *limit = product;
    int count = 0;
    for (int64_t factor = product; factor > 1; count++) {
        int64_t below = factor_below(index, axis, factor);
        if (below == factor)
            return false;
        factor = below;
    }
    return is_affine(index) && index->constant == 0 && count <= index->count;
}

/* The digit of `number` that the axis is in `index`. */
static Index digit(const Index *index, int t, const Axis *writers, int64_t limit, Index number, const Axis *axis)
{
    const int64_t factor = index->term[t].factor, extent = writers[index->term[t].axis].extent;
    number = index_divide(number, factor, axis);
    return factor * extent == limit ? number : index_modulo(number, extent, axis);
}

/* The writer's axes: an index of g that is one is the sum's own; others get loops of their own, and are digits in the sum's term. */
static bool find_axes(Pooled *p, Kernel *kernel, const Term *read, const Term *sparse)
{
    for (int t = 0; t < p->place->index[0].count; t++)
        p->in_window[p->place->index[0].term[t].axis] = true;
    for (int d = 0; d < read->rank; d++) {
        const Index *store = &p->writer->store[d];
        const int whole = plain_axis(store);
        int64_t limit = 1;
        if (store->count && !is_mixed_radix(store, p->axis, &limit))
            return false;
        if (limit != p->plan->buffer[read->buffer].size[d] || !is_affine(&read->index[d]))
            return false;
        for (int t = 0; t < store->count; t++) {
            const int axis = store->term[t].axis;
            if (p->is_known[axis] || (whole != NONE && p->in_window[axis]) || kernel->axis_count == MAX_AXES * 2)
                return false;
            p->is_known[axis] = true;
            p->of_term[axis] = digit(store, t, p->axis, limit, read->index[d], kernel->axis);
            if (whole != NONE) {
                p->loop[axis] = sparse->index[d];
                continue;
            }
            p->loop[axis] = index_axis(kernel->axis_count);
            kernel->axis[kernel->axis_count++] = (Axis){.extent = p->axis[axis].extent};
        }
    }
    return true;
}

static Index in_loops(const Pooled *p, const Index *index)
{
    Index result = index_constant(index->constant);
    for (int t = 0; t < index->count; t++)
        result = index_add(result, index->term[t].factor, p->loop[index->term[t].axis]);
    return result;
}

/* A term of the writer, its axes replaced. */
static Term *with_indices(const Pooled *p, const Term *term, bool loops)
{
    term = as_read(p, term);
    Term *copy = arena_copy(p->plan->arena, term, sizeof *term);
    for (int o = 0; o < MAX_OPERANDS; o++)
        copy->operand[o] = term->operand[o] ? with_indices(p, term->operand[o], loops) : NULL;
    if (term->rank)
        copy->index = arena_copy(p->plan->arena, term->index, sizeof *term->index * (size_t)term->rank);
    for (int d = 0; d < term->rank; d++)
        if (copy->index[d].count)
            copy->index[d] = (loops ? p->loop : p->of_term)[plain_axis(&term->index[d])];
    return copy;
}

/* The place in its window as a term: the sum of its digits, each times its factor. */
static Term *place_of_digits(const Pooled *p)
{
    const Index *place = &p->place->index[0];
    Term *sum = NULL;
    for (int t = 0; t < place->count; t++) {
        Term *one = arena_copy(p->plan->arena, p->place, sizeof *p->place);
        one->index = arena_copy(p->plan->arena, &p->of_term[place->term[t].axis], sizeof *one->index);
        if (place->term[t].factor != 1) {
            Term *factor = NEW(p->plan->arena, Term, 1), *product = NEW(p->plan->arena, Term, 1);
            *factor = (Term){.kind = TERM_NUMBER, .scalar = INT, .number = (double)place->term[t].factor, .node = one->node, .buffer = NONE, .stage = NONE};
            *product = (Term){.kind = TERM_APPLY, .op = OP_MULTIPLY, .scalar = INT, .operand = {factor, one}, .node = one->node, .buffer = NONE, .stage = NONE};
            one = product;
        }
        Term *both = NEW(p->plan->arena, Term, 1);
        *both = (Term){.kind = TERM_APPLY, .op = OP_ADD, .scalar = INT, .operand = {sum, one}, .node = one->node, .buffer = NONE, .stage = NONE};
        sum = sum ? both : one;
    }
    return sum;
}

static void replace_axis(Index *index, int rank, int axis, const Index *by)
{
    for (int d = 0; d < rank; d++)
        for (int t = 0; t < index[d].count; t++)
            if (index[d].term[t].axis == axis) {
                const int64_t factor = index[d].term[t].factor;
                index[d] = index_add(index_add(index[d], -factor, index_axis(axis)), factor, *by);
                break;
            }
}

Term *take_windows(Plan *plan, Kernel *kernel, const Term *read, Term **sparse, Term *other)
{
    Pooled p = {.plan = plan};
    int64_t limit;
    if (!find_writer(&p, read->buffer) || !find_choice(&p) || !is_mixed_radix(&p.place->index[0], p.axis, &limit))
        return NULL;
    const int axes = kernel->axis_count;
    if (!find_axes(&p, kernel, read, *sparse)) {
        kernel->axis_count = axes;
        return NULL;
    }
    for (int d = 0; d < read->rank; d++) {
        const int element = plain_axis(&(*sparse)->index[d]);
        if (element == NONE || plain_axis(&p.writer->store[d]) != NONE)
            continue;
        const Index at = in_loops(&p, &p.writer->store[d]);
        replace_axis(other->index, other->rank, element, &at);
        replace_axis(kernel->skip.into, MAX_RANK + 1, element, &at);
        int kept = 0;
        for (int i = 0; i < kernel->skip.points; i++)
            if (kernel->skip.point[i] != element)
                kernel->skip.point[kept++] = kernel->skip.point[i];
        kernel->skip.points = kept;
        kernel->skip.gone[kernel->skip.gone_count++] = element;
    }
    for (int axis = 0; axis < MAX_AXES * 2; axis++) {
        const int loop = p.is_known[axis] ? plain_axis(&p.loop[axis]) : NONE;
        if (loop < axes)
            continue;                                   /* the sum's own, or none */
        if (!p.in_window[axis]) {
            kernel->skip.point[kernel->skip.points++] = loop;
            continue;
        }
        for (int t = 0; t < p.place->index[0].count; t++)
            if (p.place->index[0].term[t].axis == axis) {
                const int64_t factor = p.place->index[0].term[t].factor, extent = p.axis[axis].extent;
                kernel->skip.digit[kernel->skip.digits++] = (PlaceDigit){loop, factor, factor * extent == limit ? 0 : extent};
            }
    }
    kernel->skip.best = with_indices(&p, p.best, true);
    *sparse = with_indices(&p, p.value, true);

    Term *equal = NEW(plan->arena, Term, 1), *choice = arena_copy(plan->arena, p.writer->term, sizeof *choice);
    *equal = *p.writer->term->operand[0];
    equal->operand[0] = place_of_digits(&p);
    equal->operand[1] = with_indices(&p, p.best, false);
    choice->operand[0] = equal;
    choice->operand[1] = with_indices(&p, p.value, false);
    return choice;
}

typedef struct Search { int buffer; bool found; } Search;

static void find_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Search *search = context;
    search->found |= read->buffer == search->buffer;
}

static bool is_read(const Plan *plan, int buffer)
{
    Search search = {buffer, false};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            each_read(&plan->kernel[phase][k], find_read, &search);
    for (int b = 0; b < plan->buffer_count; b++)
        search.found |= plan->buffer[b].copy_of == buffer;
    return search.found;
}

void drop_unread(Plan *plan, int buffer)
{
    int kept = 0;
    Kernel *kernels = plan->kernel[PHASE_TRAIN];
    if (is_read(plan, buffer))
        return;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        kernels[k].stage_count -= kernels[k].stage_count && kernels[k].stage[kernels[k].stage_count - 1].buffer == buffer;
        if (kernels[k].stage_count || kernels[k].form == FORM_CALL)
            kernels[kept++] = kernels[k];
    }
    plan->kernel_count[PHASE_TRAIN] = kept;
}
