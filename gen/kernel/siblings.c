/* siblings.c: sums over the same rows, of the same vectors, in one kernel.
 *
 * Takes the kernels of a phase that producers and consumers have been joined into; joins those that have no value of each other but
 * go through the same loops. Where hidden values are computed by their readers (again.c), the gradients of a layer's weights are
 *
 *   for j:  for b:  d_v[j] += h(j, b) d_y[b];   d_w[j] += d_h(j, b) x[b];   d_bias[j] += d_h(j, b)
 *
 * and h and d_h, the same text in each, are computed once; the updates follow where the loop over b ends, each in its place, since
 * whatever reads the old weights has done so by then.
 *
 * Only sums whose arrays have either the outer loop or the fold, never both: they stay in the first cache, so that nothing is lost
 * where two kernels' arrays become one kernel's, and no layout favours the one kernel over the other. Called horizontal fusion by
 * compilers (Appleyard, Kocisky, Blunsom 2016 for kernels of a GPU). */
#include "kernel/fuse_internal.h"
#include "kernel/tuning.h"

static int sums_of(const Kernel *kernel)
{
    int sums = 0;
    while (sums < kernel->stage_count && kernel->stage[sums].fold == FOLD_SUM)
        sums++;
    return sums;
}

/* The outer axes that are loops. */
static int loops_of(const Kernel *kernel, int *axes)
{
    int count = 0;
    for (int o = 0; o < kernel->outer_count; o++)
        if (kernel->axis[kernel->outer[o]].extent > 1)
            axes[count++] = kernel->outer[o];
    return count;
}

/* One sum or more over the same folds, then what each point makes of them. */
static bool is_sums(const Plan *plan, const Kernel *kernel)
{
    const int sums = sums_of(kernel);
    int loop[MAX_AXES];
    int64_t terms = 1;
    for (int f = 0; sums && f < kernel->stage[0].fold_count; f++)
        terms *= kernel->axis[kernel->stage[0].fold_axis[f]].extent;
    if (!sums || sums > MOST_SUMS_TOGETHER || kernel->form != FORM_NEST || kernel->region != NONE || terms < FEWEST_TERMS_TOGETHER || loops_of(kernel, loop) != 1)
        return false;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        if (stage->inner_count || stage->folds_outer || stage->after || (s >= sums && stage->fold != FOLD_NONE) || is_contraction(plan, stage)
            || (s < sums && !combines_vectors(kernel, stage)))
            return false;
    }
    return true;
}

static bool same_axis(const Kernel *a, int of_a, const Kernel *b, int of_b)
{
    return a->axis[of_a].extent == b->axis[of_b].extent && a->axis[of_a].batch == b->axis[of_b].batch;
}

typedef struct Reading { const Kernel *kernel; const Stage *stage; int buffer; bool found; } Reading;

static void find_same_read(Term *term, void *context)
{
    Reading *r = context;
    r->found |= term->kind == TERM_READ && term->buffer == r->buffer;
}

static void find_common_read(Term *term, void *context)
{
    Reading *r = context;
    if (term->kind != TERM_READ || r->found)
        return;
    r->buffer = term->buffer;
    each_term(r->stage->term, find_same_read, r);
}

/* Do they go through the same loops and read something in common? */
static bool are_siblings(const Kernel *a, const Kernel *b)
{
    int of_a[MAX_AXES], of_b[MAX_AXES];
    const Stage *first = a->stage, *second = b->stage;
    bool same = loops_of(a, of_a) == loops_of(b, of_b) && same_axis(a, of_a[0], b, of_b[0]) && first->fold_count == second->fold_count
             && sums_of(a) + sums_of(b) <= MOST_SUMS_TOGETHER;
    for (int f = 0; same && f < first->fold_count; f++)
        same = same_axis(a, first->fold_axis[f], b, second->fold_axis[f]);
    Reading reading = {.stage = second};
    if (same)
        each_term(first->term, find_common_read, &reading);
    return reading.found;
}

/* Sums first, so that all old values are read before any new one is written. */
static Kernel both(Arena *arena, const Kernel *a, const Kernel *b)
{
    Kernel kernel = *a;
    int axis_of_a[MAX_AXES * 2], axis_of_b[MAX_AXES * 2], loop[MAX_AXES], other[MAX_AXES], next = 0;
    for (int x = 0; x < MAX_AXES * 2; x++) {
        axis_of_a[x] = x;
        axis_of_b[x] = NONE;
    }
    loops_of(a, loop);
    loops_of(b, other);
    axis_of_b[other[0]] = loop[0];
    for (int s = 0; s < sums_of(b); s++)
        for (int f = 0; f < b->stage[s].fold_count; f++)
            axis_of_b[b->stage[s].fold_axis[f]] = a->stage[0].fold_axis[f];
    for (int o = 0; o < b->outer_count; o++) {          /* axes of one element share one */
        while (next < a->outer_count && a->axis[a->outer[next]].extent > 1)
            next++;
        if (axis_of_b[b->outer[o]] == NONE && next < a->outer_count)
            axis_of_b[b->outer[o]] = a->outer[next++];
    }
    for (int x = 0; x < b->axis_count; x++)
        if (axis_of_b[x] == NONE) {
            axis_of_b[x] = kernel.axis_count;
            kernel.axis[kernel.axis_count++] = b->axis[x];
        }
    for (int o = 0; o < b->outer_count; o++) {
        bool there = false;
        for (int k = 0; k < kernel.outer_count; k++)
            there |= kernel.outer[k] == axis_of_b[b->outer[o]];
        if (!there) {
            for (int k = kernel.outer_count++; k > 0; k--)
                kernel.outer[k] = kernel.outer[k - 1];
            kernel.outer[0] = axis_of_b[b->outer[o]];
        }
    }
    kernel.stage = NULL;
    kernel.stage_count = kernel.stage_room = 0;
    for (int part = 0; part < 2; part++)
        for (int which = 0; which < 2; which++) {
            const Kernel *from = which ? b : a;
            const int sums = sums_of(from);
            for (int s = part ? sums : 0; s < (part ? from->stage_count : sums); s++)
                ARENA_PUSH(arena, kernel.stage, kernel.stage_count, kernel.stage_room,
                           moved_stage(arena, from, &from->stage[s], which ? axis_of_b : axis_of_a, &kernel, false));
        }
    return kernel;
}

bool join_siblings(Joining *joining)
{
    Plan *plan = joining->plan;
    bool any = false;
    for (int i = 0; i < joining->count; i++)
        for (int j = 0; j < joining->count && joining->joined[i] == i && is_sums(plan, &joining->kernel[i]); j++) {
            if (joining->joined[j] != j || joining->position[i] >= joining->position[j] || !is_sums(plan, &joining->kernel[j])
                || !are_siblings(&joining->kernel[i], &joining->kernel[j]) || must_run_between(joining, i, j))
                continue;
            const Kernel *a = &joining->kernel[i], *b = &joining->kernel[j];
            if (a->stage_count + b->stage_count + MOST_SUMS_TOGETHER > MAX_STAGES || a->axis_count + b->axis_count > MAX_AXES * 2)
                continue;
            Kernel kernel = both(plan->arena, a, b);
            if (kernel.axis_count > MAX_AXES || !overwrites_safely(plan, &kernel))
                continue;
            record_verdict(plan, "share loops", joining->first_node[i], joining->first_node[j], YES_SHARED_LOOPS);
            unite(joining, i, j, kernel);
            any = true;
        }
    return any;
}

/* ---- what several sums compute ----------------------------------------------------------------------------------------------- */

static int operations_of(const Term *term)
{
    int count = term->kind == TERM_APPLY;
    for (int o = 0; o < MAX_OPERANDS; o++)
        count += term->operand[o] ? operations_of(term->operand[o]) : 0;
    return count;
}

bool same_term(const Term *a, const Term *b)
{
    if (!a || !b)
        return a == b;
    bool same = a->kind == b->kind && a->op == b->op && a->buffer == b->buffer && a->stage == b->stage && a->rank == b->rank && a->number == b->number;
    for (int i = 0; same && i < a->rank; i++)
        same = same_index(&a->index[i], &b->index[i]);
    for (int o = 0; same && o < MAX_OPERANDS; o++)
        same = same_term(a->operand[o], b->operand[o]);
    return same;
}

/* The largest term of at least two operations that the kernel's first stages hold twice. */
typedef struct Common { Kernel *kernel; int end, stage; Term *term, *largest; int seen, operations; } Common;

static void count_same(Term *term, void *context)
{
    Common *c = context;
    c->seen += same_term(term, c->term);
}

static void look_for_more(Term *term, void *context)
{
    Common *c = context;
    const int operations = operations_of(term);
    if (term->kind != TERM_APPLY || operations < 2 || operations <= c->operations)
        return;
    c->term = term;
    c->seen = 0;
    for (int s = 0; s < c->end; s++)
        each_term(c->kernel->stage[s].term, count_same, c);
    if (c->seen > 1) {
        c->largest = term;
        c->operations = operations;
    }
}

static void read_stage_instead(Term *term, void *context)
{
    const Common *c = context;
    if (term->kind == TERM_STAGE)
        term->stage++;                                  /* there is one more before it */
    else if (same_term(term, c->largest))
        *term = *c->term;
}

void name_common_terms(Plan *plan, Kernel *kernel)
{
    if (plan->target != TARGET_C || kernel->form != FORM_NEST || sums_of(kernel) < 2 || kernel->stage[0].inner_count)
        return;
    for (int named = 0; named < MOST_SUMS_TOGETHER; named++) {
        Common common = {.kernel = kernel, .end = named + sums_of(&(Kernel){.stage = kernel->stage + named, .stage_count = kernel->stage_count - named})};
        for (int s = 0; s < common.end; s++)
            each_term(kernel->stage[s].term, look_for_more, &common);
        if (!common.largest)
            return;
        const Stage *sum = &kernel->stage[named];
        Stage made = {.node = common.largest->node, .term = arena_copy(plan->arena, common.largest, sizeof *common.largest), .buffer = NONE, .kept = true};
        Term read = {.kind = TERM_STAGE, .scalar = FLOAT, .buffer = NONE, .node = made.node, .rank = sum->fold_count};
        read.index = NEW(plan->arena, Index, sum->fold_count + 1);
        for (int f = 0; f < sum->fold_count; f++) {
            made.inner[made.inner_count++] = sum->fold_axis[f];
            read.index[f] = index_axis(sum->fold_axis[f]);
        }
        common.largest = made.term;
        common.term = &read;
        for (int s = 0; s < kernel->stage_count; s++)
            each_term(kernel->stage[s].term, read_stage_instead, &common);
        ARENA_PUSH(plan->arena, kernel->stage, kernel->stage_count, kernel->stage_room, made);
        for (int s = kernel->stage_count - 1; s > 0; s--)
            kernel->stage[s] = kernel->stage[s - 1];
        kernel->stage[0] = made;
    }
}
