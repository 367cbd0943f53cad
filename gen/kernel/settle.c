/* settle.c: the end of the pass `fuse`: kernels in an order, values that stay inside a kernel as locals.
 *
 * Takes the joined kernels of a phase. An update that was computed into a temporary and then copied (so that all updates read
 * the state before the step) writes its parameter directly, now that both are one kernel. A temporary that only its own kernel
 * reads becomes a local of it: a scalar, or a small array over the inner axes; one too large for the stack stays a buffer.
 * Order: topological, and otherwise what reads best: forward, loss, then backward and update, layer by layer. */
#include "kernel/fuse_internal.h"
#include <string.h>

enum { LARGEST_LOCAL = 1024 };          /* elements */

/* By buffer: who reads it, in all kernels and in the one that is looked at. */
typedef struct Readers {
    int *all, *own;
    int *touched, touched_count, touched_room;          /* buffers with own > 0, to be set back */
    Arena *scratch;
} Readers;

static void count_reader(Stage *stage, Term *read, void *context)
{
    (void)stage;
    ((Readers *)context)->all[read->buffer]++;
}

static void count_own_reader(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Readers *readers = context;
    if (readers->own[read->buffer]++ == 0)
        ARENA_PUSH(readers->scratch, readers->touched, readers->touched_count, readers->touched_room, read->buffer);
}

static void look_at(Readers *readers, Kernel *kernel)
{
    while (readers->touched_count)
        readers->own[readers->touched[--readers->touched_count]] = 0;
    each_read(kernel, count_own_reader, readers);
}

static bool is_read_elsewhere(const Readers *readers, int buffer)
{
    return readers->all[buffer] > readers->own[buffer];
}

/* ---- direct updates ---------------------------------------------------------------------------------------------- */

typedef struct Redirect { const Kernel *kernel; const Stage *after; const Index *store; int from, to; bool old_is_read; } Redirect;

static void find_old_read(Stage *stage, Term *read, void *context)
{
    Redirect *r = context;
    if (read->buffer != r->to || stage < r->after)
        return;
    r->old_is_read |= stage > r->after;
    for (int d = 0; d < read->rank; d++)                /* in the loop that writes, only the element about to be written */
        r->old_is_read |= !same_element(&read->index[d], &r->store[d], r->kernel->axis);
}

static void redirect_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Redirect *r = context;
    if (read->buffer == r->from)
        read->buffer = r->to;
}

static void write_directly(Plan *plan, Kernel *kernel, const Readers *readers)
{
    for (int s = 0; s < kernel->stage_count; s++) {
        Stage *copy = &kernel->stage[s];
        if (!assigns(plan, copy) || copy->term->kind != TERM_READ || plan->buffer[copy->term->buffer].kind != BUFFER_TEMPORARY)
            continue;
        int temporary = copy->term->buffer, writer = NONE;
        for (int w = 0; w < s; w++)
            if (kernel->stage[w].buffer == temporary)
                writer = w;
        if (writer == NONE || is_read_elsewhere(readers, temporary) || has_parts(plan, plan->buffer[temporary].node))
            continue;
        bool same_points = kernel->stage[writer].inner_count == copy->inner_count;
        for (int d = 0; d < copy->term->rank && same_points; d++)
            same_points = same_element(&copy->term->index[d], &copy->store[d], kernel->axis);
        Redirect redirect = {kernel, &kernel->stage[writer], kernel->stage[writer].store, temporary, copy->buffer, false};
        each_read(kernel, find_old_read, &redirect);
        if (!same_points || redirect.old_is_read)
            continue;
        kernel->stage[writer].buffer = copy->buffer;
        memmove(copy, copy + 1, sizeof *copy * (size_t)(kernel->stage_count - s - 1));
        kernel->stage_count--;
        each_read(kernel, redirect_read, &redirect);
        s--;
    }
}

/* ---- locals ------------------------------------------------------------------------------------------------------- */

typedef struct Localise { Arena *arena; Kernel *kernel; int writer, buffer; } Localise;

static void read_local(Stage *reader, Term *read, void *context)
{
    (void)reader;
    Localise *l = context;
    if (read->buffer != l->buffer)
        return;
    const Stage *writer = &l->kernel->stage[l->writer];
    Index *index = NEW(l->arena, Index, writer->inner_count);
    for (int i = 0; i < writer->inner_count; i++)
        for (int d = 0; d < read->rank; d++)
            if (plain_axis(&writer->store[d]) == writer->inner[i])
                index[i] = read->index[d];
    read->kind = TERM_STAGE;
    read->stage = l->writer;
    read->buffer = NONE;
    read->rank = writer->inner_count;
    read->index = index;
}

/* Is each inner loop an axis of the value? A gradient behind a max-pool is made window by window, its rows 2 i + k: no array over i and k. */
static bool lies_along_its_loops(const Stage *stage, int rank)
{
    for (int i = 0; i < stage->inner_count; i++) {
        bool found = false;
        for (int d = 0; d < rank; d++)
            found |= plain_axis(&stage->store[d]) == stage->inner[i];
        if (!found)
            return false;
    }
    return true;
}

static void make_locals(Plan *plan, Kernel *kernel, const Readers *readers)
{
    for (int s = 0; s < kernel->stage_count; s++) {
        Stage *stage = &kernel->stage[s];
        if (stage->buffer == NONE || plan->buffer[stage->buffer].kind != BUFFER_TEMPORARY || is_read_elsewhere(readers, stage->buffer))
            continue;
        NodeId whose = plan->buffer[stage->buffer].node;
        if (plan->model->graph->nodes[whose].op == OP_SCAN || has_parts(plan, whose))
            continue;                                   /* the next time reads it, or others write there too */
        int64_t elements = 1;
        for (int i = 0; i < stage->inner_count; i++)
            elements *= kernel->axis[stage->inner[i]].extent;
        if (elements > LARGEST_LOCAL || !lies_along_its_loops(stage, plan->buffer[stage->buffer].rank))
            continue;
        Localise localise = {plan->arena, kernel, s, stage->buffer};
        stage->buffer = NONE;
        stage->kept = true;
        each_read(kernel, read_local, &localise);
    }
}

/* ---- order --------------------------------------------------------------------------------------------------------- */

/* What a kernel is for, as a reader of train_step sees it. */
typedef enum Purpose { FOR_FORWARD, FOR_LOSS, FOR_BACKWARD, FOR_UPDATE } Purpose;

static Purpose purpose_of(const Plan *plan, const Kernel *kernel)
{
    const Model *model = plan->model;
    const Metric *loss = model->phase[PHASE_TRAIN].metrics;
    Purpose purpose = kernel->form == FORM_CALL ? FOR_UPDATE : FOR_FORWARD;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        if (assigns(plan, stage))
            return FOR_UPDATE;
        if (loss && (stage->node == loss->part[0] || stage->node == loss->part[1]))
            return FOR_LOSS;
        if (is_part_of_gradient(model, stage->node))
            purpose = FOR_BACKWARD;
    }
    return purpose;
}

enum { PURPOSES = FOR_UPDATE + 1 };

/* Kernels that wait for nothing. The loop over time of a recurrence is entered by one that has no stages and left by another; in
 * between only its own kernels run. */
typedef struct Ready { Queue by_purpose[PURPOSES], in_region; int region; Purpose before; } Ready;

static bool is_border(const Kernel *kernel)
{
    return kernel->stage_count == 0 && kernel->form != FORM_CALL;
}

static void make_ready(Arena *arena, Ready *ready, const Joining *joining, int kernel, Purpose purpose)
{
    int region = joining->kernel[kernel].region;
    bool inside = region != NONE && joining->enter[region] != kernel;
    queue_push(arena, inside ? &ready->in_region : &ready->by_purpose[purpose], kernel);
}

/* Forward before the loss; then each step backward, followed by the updates that it made possible; by the order of the graph
 * within these. In generic programs all updates come last. */
static int next_kernel(const Joining *joining, Ready *ready)
{
    static const Purpose after_backward[PURPOSES] = {FOR_FORWARD, FOR_LOSS, FOR_UPDATE, FOR_BACKWARD};
    static const Purpose otherwise[PURPOSES] = {FOR_FORWARD, FOR_LOSS, FOR_BACKWARD, FOR_UPDATE};
    bool updates_first = joining->plan->mode == KERNELS_FUSED && (ready->before == FOR_BACKWARD || ready->before == FOR_UPDATE);
    if (ready->region != NONE && ready->in_region.count)
        return queue_pop(&ready->in_region);
    for (int rank = 0; rank < PURPOSES && ready->region == NONE; rank++) {
        Queue *queue = &ready->by_purpose[(updates_first ? after_backward : otherwise)[rank]];
        if (queue->count)
            return queue_pop(queue);
    }
    bug("kernels wait for each other");
}

/* By kernel; the way into a region is of the latest purpose of its kernels. */
static Purpose *purposes(const Joining *joining, Arena *arena)
{
    Purpose *purpose = NEW(arena, Purpose, joining->count);
    for (int i = 0; i < joining->count; i++) {
        int region = joining->kernel[i].region;
        if (joining->joined[i] != i || is_border(&joining->kernel[i]))
            continue;
        purpose[i] = purpose_of(joining->plan, &joining->kernel[i]);
        if (region != NONE && purpose[joining->enter[region]] < purpose[i])
            purpose[joining->enter[region]] = purpose[i];
    }
    return purpose;
}

/* Writes the live kernels to `out` and returns how many they are. */
static int order(Joining *joining, Kernel *out)
{
    Arena *scratch = arena_new();
    int *waiting = NEW(scratch, int, joining->count), live = 0, count = 0;
    Purpose *purpose = purposes(joining, scratch);
    Ready ready = {.region = NONE, .before = FOR_FORWARD, .in_region.rank = joining->first_node};
    for (int p = 0; p < PURPOSES; p++)
        ready.by_purpose[p].rank = joining->first_node;
    for (int i = 0; i < joining->count; i++)
        for (int n = 0; n < joining->next_count[i]; n++) {
            int next = representative(joining, joining->next[i][n]);
            waiting[next] += next != representative(joining, i);
        }
    for (int i = 0; i < joining->count; i++) {
        live += joining->joined[i] == i;
        if (joining->joined[i] == i && waiting[i] == 0)
            make_ready(scratch, &ready, joining, i, purpose[i]);
    }
    for (int k = 0; k < live; k++) {
        int next = next_kernel(joining, &ready), region = joining->kernel[next].region;
        if (is_border(&joining->kernel[next])) {
            ready.region = next == joining->enter[region] ? region : NONE;
        } else {
            ready.before = purpose[next];
            out[count++] = joining->kernel[next];
        }
        for (int i = next; i != NONE; i = joining->next_member[i])
            for (int n = 0; n < joining->next_count[i]; n++) {
                int after = representative(joining, joining->next[i][n]);
                if (after != next && --waiting[after] == 0)
                    make_ready(scratch, &ready, joining, after, purpose[after]);
            }
    }
    arena_free(scratch);
    return count;
}

/* The loop over time is around the kernels of a region, not in them. */
static void take_time_out(Kernel *kernel)
{
    if (kernel->region == NONE)
        return;
    if (kernel->outer[0] != kernel->time)
        bug("the time of a recurrence is not the outermost loop");
    memmove(&kernel->outer[0], &kernel->outer[1], sizeof kernel->outer[0] * (size_t)--kernel->outer_count);
}

void settle(Joining *joining, PhaseId phase)
{
    Plan *plan = joining->plan;
    Kernel *kernels = NEW(plan->arena, Kernel, joining->count);
    int count = order(joining, kernels);

    Arena *scratch = arena_new();
    Readers readers = {.scratch = scratch, .all = NEW(scratch, int, plan->buffer_count), .own = NEW(scratch, int, plan->buffer_count)};
    for (int k = 0; k < count; k++) {
        each_read(&kernels[k], count_reader, &readers);
        if (kernels[k].update != NONE)                  /* a call of the runtime reads its gradient */
            readers.all[plan->buffer_of[plan->model->phase[phase].gradients[kernels[k].update]]]++;
    }
    for (int k = 0; k < count && plan->mode == KERNELS_FUSED; k++) {
        look_at(&readers, &kernels[k]);
        write_directly(plan, &kernels[k], &readers);
        make_locals(plan, &kernels[k], &readers);
        name_common_terms(plan, &kernels[k]);
        put_places_beside_values(plan, &kernels[k]);
    }
    for (int k = 0; k < count; k++)
        take_time_out(&kernels[k]);
    arena_free(scratch);

    int loss = NONE;
    for (int k = 0; k < count && phase == PHASE_TRAIN; k++)
        if (computes_loss(plan, phase, &kernels[k]))
            loss = k;
    for (int k = 0; k <= loss; k++)
        kernels[k].before_loss_check = true;
    plan->kernel[phase] = kernels;
    plan->kernel_count[phase] = count;
}
