/* fuse.c: from the graph to kernels.
 *
 * Takes the model's phases, gives a Plan with kernels in an order that computes them. First every stored node is a kernel of its
 * own (select.c). Then a kernel is joined with the producer of something it reads, as long as that is right:
 *
 *   epilogue       the consumer visits just the points at which the producer's value is made: bias and ReLU after a product
 *   shared loops   producer and consumer share their outer loops, what lies within is computed point by point: softmax, loss
 *                  and its gradient, row by row
 *   update         either of them, where the consumer writes a parameter or a slot
 *
 * Right means: at every shared axis the consumer reads exactly the element that the producer has just made (an index that is
 * that axis and nothing else); no third kernel must run in between; nothing overwrites a value that is read later; nothing is
 * updated before the loss is known. Each attempt leaves a Verdict; `nngen explain` prints them.
 *
 * Greedy in the order of the graph: the pairs are few and nested (an epilogue before the loops around it), so that an
 * exhaustive search found nothing better in the networks tried; and a reader can follow it. */
#include "kernel/fuse_internal.h"
#include <stdlib.h>
#include <string.h>

enum { MOST_STAGES = 40, CONFLICT = -2 };

typedef struct ReadVisit { Stage *stage; void (*visit)(Stage *, Term *, void *); void *context; } ReadVisit;

static void visit_if_read(Term *term, void *context)
{
    ReadVisit *v = context;
    if (term->kind == TERM_READ)
        v->visit(v->stage, term, v->context);
}

void each_read(Kernel *kernel, void (*visit)(Stage *, Term *, void *), void *context)
{
    for (int s = 0; s < kernel->stage_count; s++) {
        ReadVisit v = {&kernel->stage[s], visit, context};
        each_term(kernel->stage[s].term, visit_if_read, &v);
        if (s == 0 && kernel->kept.condition)
            each_term(kernel->kept.condition, visit_if_read, &v);
    }
}

/* ---- which axes of a consumer run with which axes of its producer --------------------------------------------------- */

typedef struct Pairing {
    const Plan *plan;
    const Kernel *producer, *consumer;
    int of_producer[MAX_AXES * 2];      /* the consumer's axis; NONE, or CONFLICT where readers differ */
    int of_consumer[MAX_AXES * 2];
    bool reads_parts;                   /* an array of which the producer writes only a part */
    bool reads_whole, reads_points;     /* values complete after the producer's loops; values made within them */
} Pairing;

static void conflict(Pairing *p, int a, int e)
{
    if (a >= 0 && p->of_producer[a] >= 0)
        p->of_consumer[p->of_producer[a]] = CONFLICT;
    if (e >= 0 && p->of_consumer[e] >= 0)
        p->of_producer[p->of_consumer[e]] = CONFLICT;
    if (a >= 0)
        p->of_producer[a] = CONFLICT;
    if (e >= 0)
        p->of_consumer[e] = CONFLICT;
}

static const Stage *writer_in(const Kernel *kernel, int buffer)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer == buffer)
            return &kernel->stage[s];
    return NULL;
}

/* The stage that makes what the term reads; of an array that is written part by part, the part. */
static const Stage *maker_in(const Plan *plan, const Kernel *kernel, const Term *read)
{
    bool parts = has_parts(plan, plan->buffer[read->buffer].node);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer == read->buffer && (!parts || kernel->stage[s].node == read->node))
            return &kernel->stage[s];
    return NULL;
}

static bool holds_state(const Plan *plan, int buffer)
{
    return plan->buffer[buffer].kind == BUFFER_PARAMETER || plan->buffer[buffer].kind == BUFFER_STATE;
}

static void pair_read(Stage *reader, Term *read, void *context)
{
    (void)reader;
    Pairing *p = context;
    const Stage *writer = holds_state(p->plan, read->buffer) ? NULL : maker_in(p->plan, p->producer, read);
    p->reads_parts |= has_parts(p->plan, read->node) && writer_in(p->producer, read->buffer);
    if (!writer || reads_time_before(p->plan, p->consumer, read))
        return;
    if (writer->folds_outer || writer->after) {
        p->reads_whole = true;
        return;
    }
    p->reads_points = true;
    for (int d = 0; d < read->rank; d++) {
        Index place = read->index[d];                   /* a quotient or remainder is no loop, wherever it begins */
        if (is_affine(&place))
            place = index_shift(place, -writer->store[d].constant);             /* a state is stored a time further on */
        Index stored = index_shift(writer->store[d], -writer->store[d].constant);
        int a = plain_axis(&stored), e = plain_axis(&place);
        for (int t = 0; t < stored.count && a == NONE; t++)             /* several axes: part of a larger value, or tiles */
            conflict(p, stored.term[t].axis, NONE);
        bool fits = a != NONE && e != NONE && p->producer->axis[a].extent == p->consumer->axis[e].extent
                 && p->producer->axis[a].batch == p->consumer->axis[e].batch;
        if (fits && p->of_producer[a] == NONE && p->of_consumer[e] == NONE) {
            p->of_producer[a] = e;
            p->of_consumer[e] = a;
        } else if (!fits || p->of_producer[a] != e) {
            conflict(p, a, fits ? e : NONE);
        }
    }
}

static bool any_contraction(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (is_contraction(plan, &kernel->stage[s]))
            return true;
    return false;
}

static bool any_loop(const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].inner_count || kernel->stage[s].fold_count)
            return true;
    return kernel->outer_count > 0;
}

/* ---- joining --------------------------------------------------------------------------------------------------------- */

typedef struct Shape {                  /* of the kernel to be made */
    int shared[MAX_AXES], shared_count; /* the producer's axes that become the outer loops */
    bool consumer_folds;                /* the consumer folds them all */
    bool consumer_after;                /* the consumer runs after the loops */
} Shape;

/* What keeps them apart, however their loops are; YES_EPILOGUE: nothing. */
static Reason apart_for_good(const Plan *plan, const Pairing *p)
{
    const Kernel *a = p->producer, *b = p->consumer;
    if (a->stage_count + b->stage_count > MOST_STAGES || a->axis_count + b->axis_count > MAX_AXES * 2)
        return NO_FULL;
    if (any_contraction(plan, b) || a->form == FORM_SCATTER || b->form == FORM_SCATTER)
        return NO_FOLD_AFTER_FOLD;
    if (a->stage_count && is_drawn_together(plan, a->stage[0].node))
        return NO_DRAWN_TOGETHER;
    if (p->reads_parts)
        return NO_PARTS;
    if (p->reads_whole && (p->reads_points || any_loop(b)))
        return NO_FOLD_AFTER_FOLD;
    return YES_EPILOGUE;
}

/* The outer axes of the producer that the consumer runs along, and those of one element, along which anything runs: `paired` of the
 * first kind. False: they are not the outermost ones, and the order of memory would be lost. */
static bool share_outermost(const Pairing *p, Shape *shape, int *paired)
{
    const Kernel *a = p->producer;
    *paired = 0;
    for (int o = 0; o < a->outer_count; o++)
        if (p->of_producer[a->outer[o]] >= 0 || a->axis[a->outer[o]].extent == 1) {
            if (shape->shared_count != o)
                return false;
            shape->shared[shape->shared_count++] = a->outer[o];
            *paired += p->of_producer[a->outer[o]] >= 0;
        }
    if (!*paired)
        shape->shared_count = 0;
    return true;
}

/* How many of the shared axes are outer loops of the consumer; NONE where those come in another order. */
static int mapped_to_outer(const Pairing *p, const Shape *shape)
{
    const Kernel *b = p->consumer;
    int mapped = 0, next = 0;
    for (int i = 0; i < shape->shared_count; i++) {
        const int e = p->of_producer[shape->shared[i]];
        if (e < 0 || !is_among(b->outer, b->outer_count, e))
            continue;
        mapped++;
        while (next < b->outer_count && b->axis[b->outer[next]].extent == 1)
            next++;
        if (b->axis[e].extent > 1 && (next == b->outer_count || b->outer[next++] != e))
            return NONE;
    }
    return mapped;
}

/* May the consumer, which has none of the shared axes outside, fold them? Each stage folds them all or, a number, none. */
static bool can_fold_shared(const Pairing *p, const Shape *shape, int paired)
{
    const Kernel *b = p->consumer;
    for (int s = 0; s < b->stage_count; s++) {
        const Stage *stage = &b->stage[s];
        int has = 0;
        for (int i = 0; i < shape->shared_count; i++)
            has += is_among(stage->fold_axis, stage->fold_count, p->of_producer[shape->shared[i]]);
        const bool number = !stage->inner_count && !stage->fold_count;
        if (stage->inner_count || (has != paired && !number) || stage->fold == FOLD_ARGMAX)
            return false;
    }
    return b->outer_count == 0;
}

/* May the consumer follow a product's tiles? They meet elements one by one, some of them twice. */
static bool can_follow_tiles(const Kernel *consumer)
{
    for (int s = 0; s < consumer->stage_count; s++)
        if (consumer->stage[s].inner_count || consumer->stage[s].fold_count || consumer->stage[s].folds_outer || consumer->stage[s].after)
            return false;
    return true;
}

/* The loops of the kernel that both become, or why they do not. A kernel that has several stages already shares all its loops or none. */
static Reason shape_of(const Plan *plan, const Pairing *p, Shape *shape)
{
    const Kernel *a = p->producer, *b = p->consumer;
    *shape = (Shape){0};
    const Reason apart = apart_for_good(plan, p);
    if (apart != YES_EPILOGUE)
        return apart;
    if (p->reads_whole) {
        shape->consumer_after = true;
        memcpy(shape->shared, a->outer, sizeof a->outer);
        shape->shared_count = a->outer_count;
        return YES_EPILOGUE;
    }

    int paired;
    if (!share_outermost(p, shape, &paired))
        return NO_DIFFERENT_LOOPS;
    const bool whole_producer = shape->shared_count == a->outer_count;
    if (!whole_producer && a->stage_count > 1)
        return any_contraction(plan, a) ? NO_FOLD_AFTER_FOLD : NO_DIFFERENT_LOOPS;

    const int mapped = mapped_to_outer(p, shape);
    if (mapped == NONE || (mapped && mapped != paired))
        return NO_DIFFERENT_LOOPS;
    shape->consumer_folds = paired && !mapped;
    if (shape->consumer_folds && !can_fold_shared(p, shape, paired))
        return NO_DIFFERENT_LOOPS;
    if (!shape->consumer_folds && b->stage_count > 1 && mapped != b->outer_count)
        return NO_DIFFERENT_LOOPS;

    const bool whole_consumer = !shape->consumer_folds && mapped == b->outer_count;
    if (any_contraction(plan, a) && !(whole_producer && whole_consumer && can_follow_tiles(b)))
        return NO_FOLD_AFTER_FOLD;
    if (shape->shared_count == 0 && (a->outer_count || any_loop(b)))
        return NO_DIFFERENT_LOOPS;
    return whole_producer && whole_consumer ? YES_EPILOGUE : YES_SHARED_LOOPS;
}

static Term *renamed(Arena *arena, const Term *term, const int *axis)
{
    Term *copy = arena_copy(arena, term, sizeof *term);
    copy->index = arena_copy(arena, term->index, sizeof *term->index * (size_t)term->rank);
    for (int i = 0; i < term->rank; i++)
        for (int t = 0; t < term->index[i].count; t++)
            copy->index[i].term[t].axis = axis[term->index[i].term[t].axis];
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (term->operand[o])
            copy->operand[o] = renamed(arena, term->operand[o], axis);
    return copy;
}

/* The stage in the joined kernel: axes renamed, outer axes that are no longer outer become its first inner ones. */
Stage moved_stage(Arena *arena, const Kernel *from, const Stage *old, const int *axis, const Kernel *into, bool drop_outer)
{
    Stage stage = *old;
    stage.inner_count = stage.fold_count = 0;
    for (int o = 0; o < from->outer_count && !drop_outer; o++)
        if (!is_among(into->outer, into->outer_count, axis[from->outer[o]]))
            stage.inner[stage.inner_count++] = axis[from->outer[o]];
    for (int i = 0; i < old->inner_count; i++)
        stage.inner[stage.inner_count++] = axis[old->inner[i]];
    for (int f = 0; f < old->fold_count; f++)
        if (!is_among(into->outer, into->outer_count, axis[old->fold_axis[f]]))
            stage.fold_axis[stage.fold_count++] = axis[old->fold_axis[f]];
    for (int d = 0; d <= MAX_RANK; d++)
        for (int t = 0; t < stage.store[d].count; t++)
            stage.store[d].term[t].axis = axis[stage.store[d].term[t].axis];
    stage.term = renamed(arena, old->term, axis);
    return stage;
}

static Kernel joined_kernel(Arena *arena, const Pairing *p, const Shape *shape)
{
    const Kernel *a = p->producer, *b = p->consumer;
    Kernel kernel = *a;
    kernel.outer_count = shape->shared_count;
    memcpy(kernel.outer, shape->shared, sizeof shape->shared);

    int axis_of_a[MAX_AXES * 2], axis_of_b[MAX_AXES * 2];
    bool taken[MAX_AXES * 2] = {false};
    for (int x = 0; x < a->axis_count; x++)
        axis_of_a[x] = x;
    for (int e = 0; e < b->axis_count; e++) {
        axis_of_b[e] = p->of_consumer[e] >= 0 ? p->of_consumer[e] : NONE;
        if (axis_of_b[e] != NONE)
            taken[axis_of_b[e]] = true;
    }
    /* an inner loop of the consumer takes the letter of a free one of the producer: classes are k throughout */
    for (int e = 0; e < b->axis_count; e++) {
        for (int x = 0; x < a->axis_count && axis_of_b[e] == NONE; x++)
            if (!taken[x] && !is_among(kernel.outer, kernel.outer_count, x) && a->axis[x].extent == b->axis[e].extent
                && a->axis[x].batch == b->axis[e].batch) {
                axis_of_b[e] = x;
                taken[x] = true;
            }
        if (axis_of_b[e] == NONE) {
            kernel.axis[kernel.axis_count] = b->axis[e];
            axis_of_b[e] = kernel.axis_count++;
        }
    }
    if (shape->shared_count != a->outer_count) {        /* else its stages stay; what is put behind them is lost if this comes to nothing */
        kernel.stage = NULL;
        kernel.stage_count = kernel.stage_room = 0;
        for (int s = 0; s < a->stage_count; s++)
            ARENA_PUSH(arena, kernel.stage, kernel.stage_count, kernel.stage_room,
                       moved_stage(arena, a, &a->stage[s], axis_of_a, &kernel, a->stage[s].folds_outer || a->stage[s].after));
    }
    for (int s = 0; s < b->stage_count; s++) {
        const Stage *old = &b->stage[s];
        Stage stage = moved_stage(arena, b, old, axis_of_b, &kernel, old->folds_outer || old->after);
        if (shape->consumer_folds) {
            stage.folds_outer = old->fold_count > 0;
            stage.after = old->fold_count == 0;
        }
        stage.after |= shape->consumer_after;
        ARENA_PUSH(arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    }
    return kernel;
}

/* ---- what must not be read after it is overwritten ------------------------------------------------------------------- */

typedef struct Overwrite { const Plan *plan; const Kernel *kernel; bool safe; } Overwrite;

static void check_overwrite(Stage *reader, Term *read, void *context)
{
    Overwrite *o = context;
    const Stage *writer = holds_state(o->plan, read->buffer) ? writer_in(o->kernel, read->buffer) : NULL;
    if (!writer)
        return;
    if (reader > writer) {                              /* it would read what the step wrote, not the state before it */
        o->safe = false;
        return;
    }
    for (int d = 0; d < read->rank; d++) {
        int a = plain_axis(&writer->store[d]);
        if (a != NONE && o->kernel->axis[a].extent == 1)
            continue;
        bool outer = a != NONE && is_among(o->kernel->outer, o->kernel->outer_count, a);
        if ((outer || reader == writer) && plain_axis(&read->index[d]) != a)
            o->safe = false;
    }
}

/* In one kernel that writes a parameter: every read of it is of the element about to be written, and comes before the write. */
bool overwrites_safely(const Plan *plan, Kernel *kernel)
{
    Overwrite overwrite = {plan, kernel, true};
    each_read(kernel, check_overwrite, &overwrite);
    return overwrite.safe;
}

/* ---- attempts --------------------------------------------------------------------------------------------------------- */

/* Does it write a parameter or a state, or compute what will be written there? */
static bool belongs_to_update(const Plan *plan, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (assigns(plan, &kernel->stage[s]) || is_part_of_update(plan->model, kernel->stage[s].node))
            return true;
    return false;
}

void unite(Joining *joining, int first, int second, Kernel kernel)
{
    close_up(joining, first, second);
    joining->kernel[first] = kernel;
    joining->joined[second] = first;
    int last = first;
    while (joining->next_member[last] != NONE)
        last = joining->next_member[last];
    joining->next_member[last] = second;
}

static Reason try_to_join(Joining *joining, int producer, int consumer)
{
    Plan *plan = joining->plan;
    if (joining->kernel[producer].region != joining->kernel[consumer].region)
        return NO_OTHER_TIME;
    Pairing pairing = {.plan = plan, .producer = &joining->kernel[producer], .consumer = &joining->kernel[consumer]};
    for (int x = 0; x < MAX_AXES * 2; x++)
        pairing.of_producer[x] = pairing.of_consumer[x] = NONE;
    each_read(&joining->kernel[consumer], pair_read, &pairing);
    Shape shape;
    Reason reason = shape_of(plan, &pairing, &shape);
    if (reason > YES_UPDATE)
        return reason;
    bool update = belongs_to_update(plan, pairing.consumer);
    if ((update && computes_loss(plan, PHASE_TRAIN, pairing.producer)) || (belongs_to_update(plan, pairing.producer) && computes_loss(plan, PHASE_TRAIN, pairing.consumer)))
        return NO_LOSS_FIRST;
    if (must_run_between(joining, producer, consumer))
        return update ? NO_OLD_VALUE_READ_LATER : NO_CYCLE;
    Kernel kernel = joined_kernel(plan->arena, &pairing, &shape);
    if (!overwrites_safely(plan, &kernel))
        return NO_OTHER_ELEMENTS;
    unite(joining, producer, consumer, kernel);
    return update ? YES_UPDATE : reason;
}

/* An attempt that failed. It fails again until one of the two has become another kernel: what third ones become of does not
 * open a way between them, nor close one. */
typedef struct Refusal { int producer, producer_stages, consumer_stages; Reason reason; } Refusal;
typedef struct Refusals { Refusal *list; int count, room; } Refusals;

typedef struct Producers { Joining *joining; Arena *arena; int *list, count, room; } Producers;

static void note_producer(void *context, int writer)
{
    Producers *p = context;
    int producer = representative(p->joining, writer), *visited = p->joining->visited;
    if (visited[producer] == p->joining->search)
        return;
    visited[producer] = p->joining->search;
    ARENA_PUSH(p->arena, p->list, p->count, p->room, producer);
}

static void note_producers(Stage *reader, Term *read, void *context)
{
    (void)reader;
    each_writer(((Producers *)context)->joining, read, note_producer, context);
}

static int last_first(const void *a, const void *b)
{
    return *(const int *)b - *(const int *)a;
}

/* The kernels whose values it reads, in `producers`, the last of them first. */
static void find_producers(Joining *joining, int consumer, Producers *producers)
{
    producers->count = 0;
    joining->visited[consumer] = ++joining->search;
    each_read(&joining->kernel[consumer], note_producers, producers);
    if (producers->count > 1)
        qsort(producers->list, (size_t)producers->count, sizeof *producers->list, last_first);
}

/* Joins the consumer with the first of its producers that allows it. `refusals`: those of the last time, and then of this. */
static bool join_with_one(Joining *joining, int consumer, Producers *producers, Refusals *refusals, Arena *arena)
{
    Plan *plan = joining->plan;
    Refusals before = *refusals;
    *refusals = (Refusals){0};
    find_producers(joining, consumer, producers);
    for (int p = 0, known = 0; p < producers->count; p++) {
        int producer = producers->list[p];
        while (known < before.count && before.list[known].producer > producer)
            known++;
        Refusal now = {producer, joining->kernel[producer].stage_count, joining->kernel[consumer].stage_count, NO_FULL};
        const Refusal *old = known < before.count ? &before.list[known] : NULL;
        bool same = old && old->producer == producer && old->producer_stages == now.producer_stages && old->consumer_stages == now.consumer_stages;
        now.reason = same ? old->reason : try_to_join(joining, producer, consumer);
        if (now.reason <= YES_UPDATE) {
            const char *rule = now.reason == YES_UPDATE ? "update" : now.reason == YES_EPILOGUE ? "epilogue" : "share loops";
            record_verdict(plan, rule, joining->first_node[producer], joining->first_node[consumer], now.reason);
            return true;
        }
        ARENA_PUSH(arena, refusals->list, refusals->count, refusals->room, now);
    }
    return false;
}

static bool writes_statistic(const Plan *plan, const Kernel *kernel)
{
    const Stage *stage = kernel->stage_count ? &kernel->stage[0] : NULL;
    const int leaf = stage && stage->buffer != NONE ? plan->buffer[stage->buffer].leaf : NONE;
    return leaf != NONE && plan->model->graph->leaves[leaf].kind == LEAF_STATISTIC;
}

void join_kernels(Joining *joining)
{
    Arena *scratch = arena_new();
    order_kernels(joining, scratch);
    Refusals *refusals = NEW(scratch, Refusals, joining->count);
    Producers producers = {.joining = joining, .arena = scratch};
    /* Running statistics first: what one is assigned belongs to its update, after the loss, and would else be computed ahead of it
     * with the forward values that it reads. */
    for (int consumer = 0; consumer < joining->count; consumer++)
        if (joining->joined[consumer] == consumer && writes_statistic(joining->plan, &joining->kernel[consumer]))
            join_with_one(joining, consumer, &producers, &refusals[consumer], scratch);
    for (bool changed = true; changed; ) {
        changed = false;
        for (int consumer = 0; consumer < joining->count; consumer++)
            if (joining->joined[consumer] == consumer)
                changed |= join_with_one(joining, consumer, &producers, &refusals[consumer], scratch);
        changed = changed || join_siblings(joining) || join_places(joining);
    }
    for (int consumer = 0; consumer < joining->count; consumer++)
        for (int r = 0; joining->joined[consumer] == consumer && r < refusals[consumer].count; r++)
            record_verdict(joining->plan, "join", joining->first_node[refusals[consumer].list[r].producer], joining->first_node[consumer],
                           refusals[consumer].list[r].reason);
    arena_free(scratch);
}
