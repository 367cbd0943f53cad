/* plan.c: the pass `fuse` as a whole: for each phase, the kernels of its stored nodes, what must run after what, joining them.
 *
 * Besides values there are two reasons for an order. A kernel that overwrites a parameter runs after all that read it. And
 * every update runs after the loss, because a loss that is not finite must leave the state untouched. */
#include "kernel/fuse_internal.h"
#include <math.h>
#include <string.h>

typedef struct Edges {
    Joining *joining;
    int *room;
    const int *assigner;                /* by buffer: the kernel that overwrites it; NONE */
    const int *starter;                 /* by buffer: the kernel that writes a recurrence's initial state; NONE */
    int reader;
} Edges;

/* A reader's reads come together, so the same edge twice comes twice in a row; elsewhere twice does no harm. */
static void add_edge(Edges *edges, int from, int to)
{
    Joining *j = edges->joining;
    if (from == to || (j->next_count[from] && j->next[from][j->next_count[from] - 1] == to))
        return;
    ARENA_PUSH(j->plan->arena, j->next[from], j->next_count[from], edges->room[from], to);
}

bool reads_time_before(const Plan *plan, const Kernel *kernel, const Term *read)
{
    return plan->model->graph->nodes[read->node].op == OP_PREVIOUS && kernel->region != NONE &&
           plan->recurrences.region_of[read->node] == kernel->region;
}

static void writers_of(const Joining *joining, NodeId id, void (*visit)(void *, int), void *context)
{
    if (!has_parts(joining->plan, id)) {
        visit(context, joining->part_writer[id][0]);
        return;
    }
    for (int o = 0; o < 2; o++) {
        NodeId part = part_of(joining->plan, id, o);
        if (part == NONE)
            visit(context, joining->part_writer[id][o]);
        else
            writers_of(joining, part, visit, context);
    }
}

void each_writer(const Joining *joining, const Term *read, void (*visit)(void *, int), void *context)
{
    if (has_parts(joining->plan, joining->plan->buffer[read->buffer].node))
        writers_of(joining, read->node, visit, context);
    else if (joining->writer[read->buffer] != NONE)
        visit(context, joining->writer[read->buffer]);
}

static void edge_from(void *edges, int writer)
{
    Edges *e = edges;
    add_edge(e, writer, e->reader);
}

static void edge_of_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Edges *e = context;
    if (e->starter[read->buffer] != NONE)
        add_edge(e, e->starter[read->buffer], e->reader);
    if (!reads_time_before(e->joining->plan, &e->joining->kernel[e->reader], read))
        each_writer(e->joining, read, edge_from, e);
    if (e->assigner[read->buffer] != NONE)
        add_edge(e, e->reader, e->assigner[read->buffer]);
}

static bool is_of_loss(const Model *model, PhaseId phase, NodeId node)
{
    const Metric *loss = model->phase[phase].metrics;
    return loss && (node == loss->part[0] || node == loss->part[1]);
}

bool computes_loss(const Plan *plan, PhaseId phase, const Kernel *kernel)
{
    for (int s = 0; s < kernel->stage_count; s++)
        if (is_of_loss(plan->model, phase, kernel->stage[s].node))
            return true;
    return false;
}

/* Does a generic program call the runtime for this update? Only for standard optimizers, whose gradient is the one they get. */
static bool is_call(const Plan *plan, const Update *update)
{
    const Model *model = plan->model;
    if (plan->mode == KERNELS_FUSED || update->gradient == NONE || model->clip_norm != 0 || model->clip_value != 0)
        return false;
    return strcmp(update->optimizer, "sgd") == 0 || strcmp(update->optimizer, "adam") == 0 || strcmp(update->optimizer, "adamw") == 0;
}

static bool is_assign_of_call(const Plan *plan, NodeId node)
{
    for (int u = 0; u < plan->model->update_count; u++)
        for (int a = 0; a < plan->model->updates[u].assign_count; a++)
            if (plan->model->updates[u].assigns[a] == node)
                return is_call(plan, &plan->model->updates[u]);
    return false;
}

/* The roots of a phase without the updates that are calls; in generic programs gradients are values of their own. */
static Phase roots_of(Plan *plan, PhaseId id, Arena *arena)
{
    const Model *model = plan->model;
    Phase phase = model->phase[id];
    NodeId *roots = NEW(arena, NodeId, phase.root_count + model->update_count + 1);
    int count = 0;
    for (int r = 0; r < phase.root_count; r++)
        if (id != PHASE_TRAIN || !is_assign_of_call(plan, phase.roots[r]))
            roots[count++] = phase.roots[r];
    for (int u = 0; u < model->update_count && id == PHASE_TRAIN && plan->mode != KERNELS_FUSED && phase.gradients; u++)
        if (phase.gradients[u] != NONE)
            roots[count++] = phase.gradients[u];
    phase.roots = roots;
    phase.root_count = count;
    return phase;
}

/* In fused programs a gradient is no root: it may never be stored. */
static void drop_gradients(Plan *plan, Phase *phase, PhaseId id)
{
    if (plan->mode != KERNELS_FUSED || id != PHASE_TRAIN || !phase->gradients)
        return;
    int count = 0;
    for (int r = 0; r < phase->root_count; r++) {
        bool gradient = false, metric = false;
        for (int u = 0; u < plan->model->update_count; u++)
            gradient |= phase->gradients[u] == phase->roots[r];
        for (int m = 0; m < plan->model->metric_count; m++)
            for (int part = 0; part < 3; part++)
                metric |= phase->metrics[m].part[part] == phase->roots[r];
        if (!gradient || metric)
            phase->roots[count++] = phase->roots[r];
    }
    phase->root_count = count;
}

/* A call reads and writes its parameter and its slots, which no term mentions. */
static void buffers_of_call(Plan *plan, const Update *update)
{
    const Graph *graph = plan->model->graph;
    buffer_for(plan, graph->leaves[update->parameter].node, BUFFER_PARAMETER);
    for (int l = 0; l < graph->leaf_count; l++)
        if (graph->leaves[l].kind == LEAF_SLOT && graph->leaves[l].parameter == update->parameter)
            buffer_for(plan, graph->leaves[l].node, BUFFER_STATE);
}

static int add_border(Joining *j, int region, int first_node)
{
    j->kernel[j->count] = (Kernel){.choice.lanes = NONE, .region = region, .time = NONE, .update = NONE, .same_as = NONE};
    j->joined[j->count] = j->count;
    j->next_member[j->count] = NONE;
    j->first_node[j->count] = first_node;
    return j->count++;
}

/* A region runs as a whole: what waits for one of its kernels waits for its end, and all of it for what any of it needs. So each has
 * two kernels without stages, one before all of its own and one behind. */
static void add_borders(Edges *edges)
{
    Joining *j = edges->joining;
    const int count = j->count, regions = j->plan->recurrences.count;
    j->enter = NEW(j->plan->arena, int, regions + 1);
    j->leave = NEW(j->plan->arena, int, regions + 1);
    for (int r = 0; r < regions; r++)
        j->enter[r] = j->leave[r] = NONE;
    for (int k = 0; k < count; k++) {
        int region = j->kernel[k].region;
        if (region == NONE)
            continue;
        if (j->enter[region] == NONE) {
            j->enter[region] = add_border(j, region, j->first_node[k]);
            j->leave[region] = add_border(j, region, j->plan->model->graph->count);
        }
        add_edge(edges, j->enter[region], k);
        add_edge(edges, k, j->leave[region]);
    }
    for (int k = 0; k < count && regions; k++)
        for (int n = 0, all = j->next_count[k]; n < all; n++) {
            int from = j->kernel[k].region, next = j->next[k][n], to = j->kernel[next].region;
            if (next >= count || from == to)
                continue;
            add_edge(edges, from == NONE ? k : j->leave[from], to == NONE ? next : j->enter[to]);
        }
}

static void kernels_of_phase(Plan *plan, PhaseId id)
{
    const Model *model = plan->model;
    const Graph *graph = model->graph;
    Arena *scratch = arena_new();
    Phase phase = roots_of(plan, id, scratch);
    drop_gradients(plan, &phase, id);
    bool *stored = choose_stored(plan, &phase, plan->mode);
    for (int r = 0; r < phase.root_count; r++)
        if (graph->nodes[phase.roots[r]].op != OP_ASSIGN)
            buffer_for(plan, phase.roots[r], BUFFER_RESULT);

    bool *needed_assign = NEW(scratch, bool, graph->count);
    for (int r = 0; r < phase.root_count; r++)
        needed_assign[phase.roots[r]] = graph->nodes[phase.roots[r]].op == OP_ASSIGN;
    int most = 2 * graph->count + model->update_count + 2 * plan->recurrences.count;
    Joining joining = {
        .plan = plan, .kernel = NEW(scratch, Kernel, most), .joined = NEW(scratch, int, most), .next = NEW(scratch, int *, most),
        .next_count = NEW(scratch, int, most), .first_node = NEW(scratch, int, most), .next_member = NEW(scratch, int, most),
        .part_writer = NEW(scratch, PartWriters, graph->count),
    };
    for (NodeId node = 0; node < graph->count; node++)
        if (stored[node] && has_parts(plan, node)) {
            for (int o = 0; o < 2; o++)
                if (part_of(plan, node, o) == NONE) {
                    joining.part_writer[node][o] = joining.count;
                    joining.first_node[joining.count] = node;
                    joining.kernel[joining.count++] = copy_of_part(plan, stored, node, o);
                }
        } else if (stored[node] || needed_assign[node]) {
            joining.part_writer[node][0] = joining.count;
            joining.first_node[joining.count] = node;
            joining.kernel[joining.count++] = kernel_of(plan, stored, node);
        }
    int computed = joining.count;
    for (int u = 0; u < model->update_count && id == PHASE_TRAIN; u++)
        if (is_call(plan, &model->updates[u])) {
            buffers_of_call(plan, &model->updates[u]);
            joining.first_node[joining.count] = graph->count + u;
            joining.kernel[joining.count++] = (Kernel){.form = FORM_CALL, .update = u, .choice.lanes = NONE, .region = NONE, .time = NONE, .same_as = NONE};
        }

    joining.writer = NEW(scratch, int, plan->buffer_count);
    int *assigner = NEW(scratch, int, plan->buffer_count), *starter = NEW(scratch, int, plan->buffer_count);
    for (int b = 0; b < plan->buffer_count; b++)
        joining.writer[b] = assigner[b] = starter[b] = NONE;
    int loss[2] = {NONE, NONE}, losses = 0;
    for (int k = 0; k < joining.count; k++) {
        joining.joined[k] = k;
        joining.next_member[k] = NONE;
        if (joining.kernel[k].form == FORM_CALL) {
            assigner[buffer_for(plan, graph->leaves[model->updates[joining.kernel[k].update].parameter].node, BUFFER_STATE)] = k;
            continue;
        }
        const Stage *stage = &joining.kernel[k].stage[0];
        bool starts = graph->nodes[stage->node].op == OP_PREVIOUS;
        (assigns(plan, stage) ? assigner : starts ? starter : joining.writer)[stage->buffer] = k;
        if (id == PHASE_TRAIN && is_of_loss(model, id, stage->node) && losses < 2)
            loss[losses++] = k;
    }
    Edges edges = {.joining = &joining, .room = NEW(scratch, int, most), .assigner = assigner, .starter = starter};
    for (edges.reader = 0; edges.reader < computed; edges.reader++)
        each_read(&joining.kernel[edges.reader], edge_of_read, &edges);
    for (int k = 0; k < joining.count; k++) {
        bool call = joining.kernel[k].form == FORM_CALL;
        if (call)
            add_edge(&edges, joining.writer[plan->buffer_of[phase.gradients[joining.kernel[k].update]]], k);
        for (int l = 0; l < losses; l++)
            if (call || assigns(plan, &joining.kernel[k].stage[0]))
                add_edge(&edges, loss[l], k);
    }
    add_borders(&edges);
    if (plan->mode == KERNELS_FUSED)
        join_kernels(&joining);
    settle(&joining, id);
    arena_free(scratch);
}

static Plan *new_plan(Arena *arena, const Model *model, KernelMode mode, Target target)
{
    Plan *plan = NEW(arena, Plan, 1);
    plan->arena = arena;
    plan->model = model;
    plan->mode = mode;
    plan->target = target;
    plan->buffer_of = NEW(arena, int, model->graph->count);
    for (NodeId node = 0; node < model->graph->count; node++)
        plan->buffer_of[node] = NONE;
    plan->recurrences = find_recurrences(model->graph, arena);
    find_parts(plan);
    return plan;
}

/* The forward and backward graph of training with every operation a kernel and every value kept: the walk of find_not_finite. */
static Plan *plain_plan(Arena *arena, const Model *model)
{
    Model *plain = arena_copy(arena, model, sizeof *model);
    const Phase *train = &model->phase[PHASE_TRAIN];
    Phase *phase = &plain->phase[PHASE_TRAIN];
    memset(plain->phase, 0, sizeof plain->phase);
    plain->update_count = 0;
    phase->metrics = train->metrics;
    phase->roots = NEW(arena, NodeId, 3 + model->update_count);
    for (int part = 0; part < 3; part++)
        if (train->metrics[0].part[part] != NONE)
            phase->roots[phase->root_count++] = train->metrics[0].part[part];
    for (int u = 0; u < model->update_count; u++)
        if (train->gradients[u] != NONE)                      /* a search has none */
            phase->roots[phase->root_count++] = train->gradients[u];
    Plan *plan = new_plan(arena, plain, KERNELS_GENERIC, TARGET_C);
    plan->is_plain = true;
    kernels_of_phase(plan, PHASE_TRAIN);
    return plan;
}

/* A library predicts a row at a time: the first of each array with rows. */
static void take_one_row(Plan *plan, PhaseId phase)
{
    for (int k = 0; k < plan->kernel_count[phase]; k++) {
        Kernel *kernel = &plan->kernel[phase][k];
        for (int a = 0; a < kernel->axis_count; a++)
            if (kernel->axis[a].batch)
                kernel->axis[a].extent = 1;
    }
}

Plan *fuse(Arena *arena, const Model *model, KernelMode mode, Target target)
{
    Plan *plan = new_plan(arena, model, mode, target);
    for (NodeId id = 0; id < model->graph->count; id++)           /* so no size of an array can overflow from here on */
        bounded_product(element_count(model->graph->nodes[id].type), model->graph->nodes[id].type.per_row ? model->batch : 1);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        if (model->phase[phase].root_count)
            kernels_of_phase(plan, phase);
    if (model->emit == EMIT_LIBRARY)
        take_one_row(plan, PHASE_PREDICT);
    if (model->kind == MODEL_TRAIN && model->emit == EMIT_PROGRAM)
        plan->plain = plain_plan(arena, model);
    return plan;
}
