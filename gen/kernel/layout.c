/* layout.c: how buffers lie in memory.
 *
 * Takes a plan whose kernels are known and whose tiles are not, gives each buffer the order of its dimensions and a pad, with
 * the reason. The decisions:
 *
 *   the other order   a weight (out, in) is kept as [in][out], its slots with it, where the kernels of a step that use it then take
 *                     fewer cycles: the forward product has its lanes on the outputs instead of on the fold. That is the first
 *                     layer's case; further layers also fold over their outputs, for the gradient of their input.
 *   channels          images and their weights lie with channels innermost where a step takes fewer cycles so: one by one, then
 *                     all at once
 *   rows in lanes     values between narrow layers lie as [feature][row]
 *   a pad             rows whose length is a multiple of SET_STRIDE lie on few sets of the cache, and a panel of them drives
 *                     itself out: a cache line more a row; the rows of a text have a row for each time, which sums over both go down
 *
 * Checkpoints hold PyTorch's layout whatever is chosen here: the runtime copies by strides. Inputs and results stay as the
 * runtime fills and reads them. Each weight is decided by itself, from the kernels that use it as they are then: a few passes
 * over a step's products, no search. */
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

int64_t room_in(const Buffer *buffer, int d)
{
    const int dimension = buffer->order[d];
    return buffer->before[dimension] + buffer->size[dimension] + buffer->after[dimension] + (d == buffer->rank - 1 ? buffer->pad : 0);
}

int64_t step_in_memory(const Buffer *buffer, const Index *index, int axis)
{
    int64_t stride = 1, step = 0;
    for (int d = buffer->rank - 1; d >= 0; d--) {
        for (int t = 0; axis != NONE && t < index[buffer->order[d]].count; t++)
            if (index[buffer->order[d]].term[t].axis == axis)
                step += stride * index[buffer->order[d]].term[t].factor;
        stride *= room_in(buffer, d);
    }
    return step;
}

typedef struct Nest { const Plan *plan; int along; int64_t quarters; int apart; } Nest;      /* quarters of a cycle an element; reads one by one */

/* Do neighbours along the axis of the innermost loop lie side by side? */
static void look_along(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Nest *nest = context;
    const Buffer *buffer = &nest->plan->buffer[read->buffer];
    bool depends = false, beside = false;
    for (int d = 0; d < read->rank; d++)
        for (int t = 0; t < read->index[d].count; t++)
            if (read->index[d].term[t].axis == nest->along) {
                depends = true;
                beside = is_affine(&read->index[d]) && read->index[d].term[t].factor == 1 && buffer->order[buffer->rank - 1] == d;
            }
    nest->quarters += !depends || beside ? 1 : ALONE_QUARTERS;
    nest->apart += depends && !beside;
}

static void look_at_read(Term *term, void *context)
{
    if (term->kind == TERM_READ)
        look_along(NULL, term, context);
}

/* What follows the sums reads element by element where an array, the target of a loss say, does not lie along a tile's columns. */
static int64_t apart_cycles(const Plan *plan, const Kernel *kernel)
{
    Nest nest = {.plan = plan, .along = kernel->choice.lanes};
    int64_t points = 1;
    for (int s = 1; s < kernel->stage_count; s++)
        each_term(kernel->stage[s].term, look_at_read, &nest);
    for (int o = 0; o < kernel->outer_count; o++)
        points *= kernel->axis[kernel->outer[o]].extent;
    return points * nest.apart * ALONE_QUARTERS / 4;
}

int64_t product_cycles(const Plan *plan, const Kernel *kernel)
{
    if (kernel->form == FORM_SKIP)
        return kernel->choice.cycles;
    Kernel copy = *kernel;
    choose_tile(plan, &copy);
    if (copy.choice.lanes != NONE)
        return copy.choice.cycles + apart_cycles(plan, &copy);
    int64_t points = SCALAR_CYCLES;
    for (int o = 0; o < kernel->outer_count; o++)
        points *= kernel->axis[kernel->outer[o]].extent;
    for (int f = 0; f < kernel->stage[0].fold_count; f++)
        points *= kernel->axis[kernel->stage[0].fold_axis[f]].extent;
    return points;
}

/* ---- who uses a buffer ------------------------------------------------------------------------------------------------- */

typedef struct Users { int *kernel, count, room; bool other; } Users;       /* kernels of a step; is one no product? */

/* What decides: training, where there is any. */
static PhaseId deciding_phase(const Plan *plan)
{
    return plan->kernel_count[PHASE_TRAIN] ? PHASE_TRAIN : PHASE_PREDICT;
}

typedef struct Visit { Plan *plan; Users *users; int kernel; bool product; } Visit;

static void note_user(const Visit *v, int buffer)
{
    Users *users = &v->users[buffer];
    users->other |= !v->product;
    if ((users->count == 0 || users->kernel[users->count - 1] != v->kernel))
        ARENA_PUSH(v->plan->arena, users->kernel, users->count, users->room, v->kernel);
}

static void note_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    note_user(context, read->buffer);
}

static Users *find_users(Plan *plan, Arena *arena)
{
    Users *users = NEW(arena, Users, plan->buffer_count);
    Visit visit = {.plan = plan, .users = users};
    const PhaseId phase = deciding_phase(plan);
    for (visit.kernel = 0; visit.kernel < plan->kernel_count[phase]; visit.kernel++) {
        Kernel *kernel = &plan->kernel[phase][visit.kernel];
        visit.product = is_product(plan, kernel);
        each_read(kernel, note_read, &visit);
        for (int s = 0; s < kernel->stage_count; s++)
            if (kernel->stage[s].buffer != NONE)
                note_user(&visit, kernel->stage[s].buffer);
    }
    return users;
}

/* ---- the other order ------------------------------------------------------------------------------------------------------ */

void swap_order(Buffer *buffer)
{
    int8_t first = buffer->order[0];
    buffer->order[0] = buffer->order[1];
    buffer->order[1] = first;
}

static void turn(Plan *plan, const int *group, int count)
{
    for (int g = 0; g < count; g++)
        swap_order(&plan->buffer[group[g]]);
}

/* What uses a slot uses its weight too. */
static int64_t cycles_of(const Plan *plan, const Users *users)
{
    int64_t cycles = 0;
    for (int u = 0; u < users->count; u++)
        cycles += product_cycles(plan, &plan->kernel[deciding_phase(plan)][users->kernel[u]]);
    return cycles;
}

static void try_other_order(Plan *plan, const Users *users, int weight)
{
    const Graph *graph = plan->model->graph;
    int group[8] = {weight}, count = 1;
    for (int b = 0; b < plan->buffer_count && count < 8; b++)
        if (plan->buffer[b].leaf != NONE && graph->leaves[plan->buffer[b].leaf].kind == LEAF_SLOT && plan->buffer[b].rank == 2
            && graph->leaves[plan->buffer[b].leaf].parameter == plan->buffer[weight].leaf)
            group[count++] = b;
    for (int g = 0; g < count; g++)
        if (users[group[g]].other || memcmp(plan->buffer[group[g]].size, plan->buffer[weight].size, 2 * sizeof(int64_t)) != 0)
            return;
    int64_t before = cycles_of(plan, &users[weight]);
    turn(plan, group, count);
    int64_t after = cycles_of(plan, &users[weight]);
    if (after * 100 > before * WORTH_ANOTHER_LAYOUT) {
        turn(plan, group, count);
        return;
    }
    for (int g = 0; g < count; g++)
        plan->buffer[group[g]].why_order = arena_print(plan->arena, "its products take about %s cycles a step so, %s as PyTorch has it",
                                                       grouped(plan->arena, after), grouped(plan->arena, before));
}

/* ---- channels, places --------------------------------------------------------------------------------------------------- */

/* What a kernel that is no product costs, roughly: its loops follow the array that it writes; what it reads in another order comes
 * element by element. */
static int64_t nest_cycles(const Plan *plan, Kernel *kernel)
{
    Nest nest = {.plan = plan, .along = NONE};
    int64_t elements = 1;
    for (int o = 0; o < kernel->outer_count; o++)
        elements *= kernel->axis[kernel->outer[o]].extent;
    for (int s = 0; s < kernel->stage_count && nest.along == NONE; s++) {
        const Buffer *written = kernel->stage[s].buffer == NONE ? NULL : &plan->buffer[kernel->stage[s].buffer];
        for (int d = 0; written && d < written->rank; d++) {
            const Index *last = &kernel->stage[s].store[written->order[d]];
            for (int t = 0; t < last->count; t++)
                nest.along = kernel->axis[last->term[t].axis].extent > 1 ? last->term[t].axis : nest.along;
        }
    }
    each_read(kernel, look_along, &nest);
    return elements * (1 + nest.quarters) / 4;
}

static int64_t step_cycles(const Plan *plan, const Users *users)
{
    int64_t cycles = 0;
    for (int u = 0; u < users->count; u++) {
        Kernel *kernel = &plan->kernel[deciding_phase(plan)][users->kernel[u]];
        cycles += is_product(plan, kernel) ? product_cycles(plan, kernel) : nest_cycles(plan, kernel);
    }
    return cycles;
}

/* The weight and its slots, which lie alike; or an array of values alone. */
typedef struct Alike { int buffer[8], count; } Alike;

static Alike alike(const Plan *plan, int first)
{
    const Graph *graph = plan->model->graph;
    const Buffer *buffer = &plan->buffer[first];
    Alike group = {{first}, 1};
    for (int b = 0; buffer->leaf != NONE && b < plan->buffer_count && group.count < 8; b++)
        if (plan->buffer[b].leaf != NONE && graph->leaves[plan->buffer[b].leaf].kind == LEAF_SLOT && graph->leaves[plan->buffer[b].leaf].parameter == buffer->leaf
            && plan->buffer[b].rank == buffer->rank)
            group.buffer[group.count++] = b;
    return group;
}

/* Dimension `last` innermost, the others as PyTorch has them. */
static void lay(Plan *plan, const Alike *group, int last)
{
    for (int g = 0; g < group->count; g++) {
        Buffer *buffer = &plan->buffer[group->buffer[g]];
        int at = 0;
        for (int d = 0; d < buffer->rank; d++)
            if (d != last)
                buffer->order[at++] = (int8_t)d;
        buffer->order[at] = (int8_t)last;
    }
}

/* As it lies now, or with another dimension innermost, which then lies in the lanes: the last as PyTorch has it, a weight's outputs
 * or inputs, the channels of images. By a step's cycles of what uses it. */
static void try_last(Plan *plan, const Users *users, int first)
{
    Buffer *buffer = &plan->buffer[first];
    const int rank = buffer->rank, now = buffer->order[rank - 1];
    const Alike group = alike(plan, first);
    const int64_t before = step_cycles(plan, &users[first]);
    int64_t least = before;
    int best = now;
    const int last[] = {buffer->leaf != NONE ? 0 : rank - 1, 1, rank - 1};
    for (int l = 0; l < 3; l++) {
        lay(plan, &group, last[l]);
        const int64_t cycles = step_cycles(plan, &users[first]);
        if (cycles * 100 > before * WORTH_ANOTHER_LAYOUT || cycles >= least)
            continue;
        least = cycles;
        best = last[l];
    }
    lay(plan, &group, best);
    for (int g = 0; g < group.count && best != now; g++)
        plan->buffer[group.buffer[g]].why_order = arena_print(plan->arena, "what uses it takes about %s cycles a step so, %s otherwise",
                                                              grouped(plan->arena, least), grouped(plan->arena, before));
}

static int64_t all_cycles(const Plan *plan);

static bool has_inner_loops(const Kernel *kernel);

/* Are images used by anything with folds of its own, a max-pool, a softmax? What those cost is not known well enough: a net with
 * batch norm and max-pools took twice as long where all was turned for its products. */
static bool are_folded(const Plan *plan, const Users *users, const int *image, int count)
{
    bool folded = false;
    for (int i = 0; i < count; i++)
        for (int u = 0; u < users[image[i]].count; u++) {
            const Kernel *kernel = &plan->kernel[deciding_phase(plan)][users[image[i]].kernel[u]];
            folded |= kernel->form == FORM_SKIP || (!is_product(plan, kernel) && has_inner_loops(kernel));
        }
    return folded;
}

/* Images: one alone may gain nothing with its channels innermost where its neighbours and weights do not lie so too. So each is tried
 * from where PyTorch has it; then all at once, and each from there. */
static void lay_images(Plan *plan, const Users *users, const int *image, int count, Arena *scratch)
{
    int *alone = NEW(scratch, int, count + 1);
    const char **why = NEW(scratch, const char *, plan->buffer_count + 1);
    for (int i = 0; i < count; i++)
        try_last(plan, users, image[i]);
    if (!count || are_folded(plan, users, image, count))
        return;
    const int64_t one_by_one = all_cycles(plan);
    for (int b = 0; b < plan->buffer_count; b++)
        why[b] = plan->buffer[b].why_order;
    for (int i = 0; i < count; i++) {
        const Buffer *buffer = &plan->buffer[image[i]];
        const Alike group = alike(plan, image[i]);
        alone[i] = buffer->order[buffer->rank - 1];
        lay(plan, &group, buffer->leaf != NONE ? 0 : 1);
    }
    for (int i = 0; i < count; i++)
        try_last(plan, users, image[i]);
    const int64_t together = all_cycles(plan);
    const bool worth = together * 100 <= one_by_one * WORTH_ANOTHER_LAYOUT;
    const char *because = arena_print(plan->arena, "with all images and their weights in mind: a step takes about %s cycles so, %s where each is by itself",
                                      grouped(plan->arena, together), grouped(plan->arena, one_by_one));
    for (int i = 0; i < count; i++) {
        const Alike group = alike(plan, image[i]);
        const bool moved = plan->buffer[image[i]].order[plan->buffer[image[i]].rank - 1] != alone[i];
        if (!worth)
            lay(plan, &group, alone[i]);
        for (int g = 0; g < group.count; g++)
            plan->buffer[group.buffer[g]].why_order = worth && moved ? because : why[group.buffer[g]];
    }
}

/* ---- rows in lanes ------------------------------------------------------------------------------------------------------ */

/* A kernel that goes row by row through folds within a row runs with neighbouring rows in its lanes (emit_lanes.c): what does not
 * lie along them is fetched and stored one by one. */
static int64_t row_cycles(const Plan *plan, Kernel *kernel)
{
    Nest nest = {.plan = plan, .along = kernel->outer[kernel->outer_count - 1]};
    int64_t elements = 1, inside = 1;
    for (int o = 0; o < kernel->outer_count; o++)
        elements *= kernel->axis[kernel->outer[o]].extent;
    for (int s = 0; s < kernel->stage_count; s++) {
        const Stage *stage = &kernel->stage[s];
        const int64_t steps = steps_inside(kernel, stage);
        inside = steps > inside ? steps : inside;
        if (stage->buffer != NONE && plan->buffer[stage->buffer].rank > 1)
            nest.quarters += plain_axis(&stage->store[plan->buffer[stage->buffer].order[plan->buffer[stage->buffer].rank - 1]]) == nest.along ? 1 : ALONE_QUARTERS;
    }
    each_read(kernel, look_along, &nest);
    return elements * inside * (1 + nest.quarters) / 4;
}

static bool has_inner_loops(const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].inner_count + kernel->stage[s].fold_count)
            return true;
    return false;
}

static int64_t all_cycles(const Plan *plan)
{
    int64_t cycles = 0;
    const PhaseId phase = deciding_phase(plan);
    for (int k = 0; k < plan->kernel_count[phase]; k++) {
        Kernel *kernel = &plan->kernel[phase][k];
        if (kernel->form == FORM_CALL || !kernel->outer_count)
            continue;
        cycles += is_product(plan, kernel) ? product_cycles(plan, kernel)
                : has_inner_loops(kernel) ? row_cycles(plan, kernel) : nest_cycles(plan, kernel);
    }
    return cycles;
}

/* Narrow layers have no width to fill registers with, batches have: 10 outputs are 8 and 2, 300 rows 18 registers and 12. So the
 * values between layers are tried with their rows in the lanes, all at once, for each alone would have to be turned for its
 * neighbours; then each alone as it was. Only where they stay in the second cache: neighbours of a row are far apart then. */
static void try_rows_in_lanes(Plan *plan)
{
    const Graph *graph = plan->model->graph;
    int *candidate = NEW(plan->arena, int, plan->buffer_count), count = 0;
    int64_t bytes = 0;
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        const bool moved = buffer->before[0] || buffer->before[1] || buffer->after[0] || buffer->after[1];
        if (buffer->rank != 2 || buffer->scalar != FLOAT || buffer->kind != BUFFER_TEMPORARY || !graph->nodes[buffer->node].type.per_row || moved
            || plan->recurrences.region_of[buffer->node] != NONE || buffer->size[0] < LEAST_ROWS_IN_LANES)
            continue;
        bytes += buffer->size[0] * buffer->size[1] * (plan->model->precision == F32 ? 4 : 8);
        candidate[count++] = b;
    }
    if (!count || count > MOST_TURNED || bytes > SECOND_CACHE || plan->kernel_count[PHASE_TRAIN] > MOST_TURNED)
        return;
    const int64_t before = all_cycles(plan);
    turn(plan, candidate, count);
    int64_t least = all_cycles(plan);
    bool turned[MOST_TURNED];
    for (int c = 0; c < count; c++) {
        turn(plan, &candidate[c], 1);
        const int64_t cycles = all_cycles(plan);
        turned[c] = cycles >= least;
        if (turned[c])
            turn(plan, &candidate[c], 1);
        else
            least = cycles;
    }
    const bool worth = least * 100 <= before * WORTH_ANOTHER_LAYOUT;
    for (int c = 0; c < count; c++)
        if (turned[c] && !worth)
            turn(plan, &candidate[c], 1);
        else if (turned[c])
            plan->buffer[candidate[c]].why_order = arena_print(plan->arena, "rows in lanes: the step takes about %s cycles so, %s with each row together",
                                                               grouped(plan->arena, least), grouped(plan->arena, before));
}

/* ---- pads ------------------------------------------------------------------------------------------------------------------- */

static void pad_rows(Plan *plan)
{
    const int element = plan->model->precision == F32 ? 4 : 8;
    for (int b = 0; b < plan->buffer_count; b++) {
        Buffer *buffer = &plan->buffer[b];
        bool ours = buffer->kind == BUFFER_PARAMETER || buffer->kind == BUFFER_STATE || buffer->kind == BUFFER_TEMPORARY;
        const int last = buffer->rank - 1, stride = buffer->rank == 2 ? SET_STRIDE : SET_STRIDE_OF_TIMES;
        if (!ours || buffer->rank < 2 || buffer->rank > 3 || buffer->scalar != FLOAT || buffer->size[buffer->order[last - 1]] < SET_ROWS
            || buffer->size[buffer->order[last]] * element % stride != 0 || is_drawn_together(plan, buffer->node))
            continue;
        buffer->pad = LINE_BYTES / element;
        if (!buffer->why_order)
            buffer->why_order = "rows so far apart that they would share few sets of the cache: a line more each";
    }
}

/* The walk that looks for what is not finite reads the same arrays. */
static void tell_plain(Plan *plan)
{
    for (int b = 0; plan->plain && b < plan->plain->buffer_count; b++) {
        Buffer *plain = &plan->plain->buffer[b];
        for (int o = 0; plain->leaf != NONE && o < plan->buffer_count; o++)
            if (plan->buffer[o].leaf == plain->leaf) {
                memcpy(plain->order, plan->buffer[o].order, sizeof plain->order);
                plain->pad = plan->buffer[o].pad;
            }
    }
}

/* Nobody but kernels sees how it lies; a checkpoint is copied by strides. A state of a recurrence is sliced by time. */
static bool may_be_turned(const Plan *plan, const Buffer *buffer)
{
    const Graph *graph = plan->model->graph;
    if (buffer->leaf != NONE)
        return graph->leaves[buffer->leaf].kind == LEAF_PARAMETER;
    return buffer->kind == BUFFER_TEMPORARY && graph->nodes[buffer->node].type.per_row && plan->recurrences.region_of[buffer->node] == NONE;
}

void choose_layouts(Plan *plan)
{
    Arena *scratch = arena_new();
    Users *users = find_users(plan, scratch);
    int *image = NEW(scratch, int, plan->buffer_count + 1), images = 0;
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        if (buffer->leaf != NONE && plan->model->graph->leaves[buffer->leaf].kind == LEAF_PARAMETER && buffer->rank == 2)
            try_other_order(plan, users, b);
        else if (buffer->rank >= 3 && !buffer->is_laid && buffer->scalar == FLOAT && may_be_turned(plan, buffer))
            image[images++] = b;
    }
    lay_images(plan, users, image, images, scratch);
    if (plan->target == TARGET_C)
        try_rows_in_lanes(plan);
    pad_rows(plan);
    tell_plain(plan);
    arena_free(scratch);
}
