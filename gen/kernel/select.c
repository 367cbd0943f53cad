/* select.c: which nodes get a value of their own, and the kernel of each.
 *
 * A fold's result is always a value; a pointwise node becomes part of its reader's expression when it has one reader that
 * reads each element once, or when computing it again costs next to nothing; moves are only indices. Everything else is stored
 * first, and fuse.c may make a local of it. In generic programs every operation is stored.
 *
 * A reshape, and a fold of windows with a stride, make an index that is no longer affine; so what they read is stored, and only
 * a read carries a divided index. */
#include "graph/rules.h"
#include "kernel/fuse_internal.h"
#include "kernel/tuning.h"
#include <string.h>

enum { LONGEST_EXPRESSION = 40 };       /* operations; longer ones are cut into values that have a name */

const char *const reason_text[REASON_COUNT] = {
    [YES_INLINED] = "its one reader computes it in passing",
    [YES_COMPUTED_AGAIN] = "a few operations of vectors: each reader computes it",
    [YES_EPILOGUE] = "computed where its operand is still in a register",
    [YES_SHARED_LOOPS] = "shares the outer loops, values stay local",
    [YES_UPDATE] = "applied where the gradient is computed; the gradient is never stored",
    [NO_SECOND_READER] = "it has several readers and is kept rather than computed again",
    [NO_DIFFERENT_LOOPS] = "the loops differ",
    [NO_FOLD_AFTER_FOLD] = "a fold needs the whole result of another",
    [NO_OLD_VALUE_READ_LATER] = "the old value is read later in the step",
    [NO_OTHER_ELEMENTS] = "it reads other elements of what it would overwrite",
    [NO_CYCLE] = "another kernel must run in between",
    [NO_OTHER_TIME] = "one of them runs in a loop over time, the other does not",
    [NO_DRAWN_TOGETHER] = "random numbers are drawn 64 at a time, ahead of their readers",
    [NO_PARTS] = "it is written part by part, by several kernels",
    [NO_LOSS_FIRST] = "nothing is updated before the loss is known to be finite",
    [NO_FULL] = "the kernel is large enough",
};

void record_verdict(Plan *plan, const char *rule, NodeId producer, NodeId consumer, Reason reason)
{
    Verdict verdict = {rule, producer, consumer, reason <= YES_UPDATE, reason};
    ARENA_PUSH(plan->arena, plan->verdict, plan->verdict_count, plan->verdict_room, verdict);
}

static bool is_leaf_with_buffer(Op op)
{
    return op == OP_INPUT || op == OP_PARAMETER || op == OP_STATE;
}

/* Does FOLD put windows side by side, and fill the axis with them? Then it is a move: element y is element y % s of window y / s.
 * Loops over y would divide at every element, and nothing would lie in lanes; so the kernel's y is s j + k, j and k two loops. */
static bool lays_tiles(const Node *node)
{
    const Attributes *a = &node->attributes;
    return node->op == OP_FOLD && a->dilation == 1 && a->stride == a->window && a->from == 0 && a->size % a->window == 0;
}

/* By node: is it tiles, or pointwise of tiles? Only the latter, and tiles along another axis, may have them in their expression. */
static bool *find_tiled(const Plan *plan, KernelMode mode, Arena *arena)
{
    const Graph *graph = plan->model->graph;
    bool *tiled = NEW(arena, bool, graph->count);
    for (NodeId id = 0; id < graph->count && mode == KERNELS_FUSED; id++) {
        const Node *node = &graph->nodes[id];
        tiled[id] = lays_tiles(node) && plan->recurrences.region_of[id] == NONE;
        for (int o = 0; o < op_info[node->op].arity && op_info[node->op].class == POINTWISE; o++)
            tiled[id] |= tiled[node->operand[o]];
    }
    return tiled;
}

static bool may_hold_tiles(const Graph *graph, const Node *node, NodeId tiles)
{
    const Node *from = &graph->nodes[tiles];
    return op_info[node->op].class == POINTWISE ||
           (lays_tiles(node) && from->op == OP_FOLD && from->attributes.axis != node->attributes.axis && from->operand[0] < tiles &&
            graph->nodes[from->operand[0]].op != OP_FOLD);
}

bool is_view(Op op)
{
    return op == OP_BROADCAST || op == OP_RESHAPE || op == OP_PERMUTE || op == OP_SLICE || op == OP_UNFOLD;
}

/* How often an operation's C text mentions operand o: a square computes an inlined operand twice. */
static int mentions(Op op, int o)
{
    int count = 0;
    for (const char *c = op_info[op].c; *c; c++)
        count += c[0] == '$' && c[1] == 'a' + o;
    return count > 0 ? count : 1;
}

/* Operations in the expression of a node, counting as far as stored nodes; a call of libm is worth ten. */
static int cost(const Graph *graph, const bool *stored, NodeId id, bool inside)
{
    const Node *node = &graph->nodes[id];
    OpClass class = op_info[node->op].class;
    if (class == LEAF || (stored[id] && !inside))
        return 0;
    int sum = node->op == OP_DETACH || node->op == OP_FLOAT || is_view(node->op) ? 0
            : op_is_call(node->op) ? 10 : node->op == OP_DIVIDE || node->op == OP_RECIPROCAL ? 3 : 1;
    for (int o = 0; o < op_info[node->op].arity && sum < 100; o++)
        sum += cost(graph, stored, node->operand[o], false);
    return sum;
}

static bool reads_batch_or_elements(const Graph *graph, NodeId id)
{
    return graph->nodes[id].type.per_row || graph->nodes[id].type.rank > 0;
}

/* One by one, as their readers go along, each takes the ten rounds of Philox and keeps one word of four: 131,000 of them 1220 µs,
 * together 290. */
bool is_drawn_together(const Plan *plan, NodeId id)
{
    const Node *node = &plan->model->graph->nodes[id];
    int64_t size[MAX_RANK + 1], elements = 1;
    for (int d = dimensions(plan->model, node->type, size) - 1; d >= 0; d--)
        elements = bounded_product(elements, size[d]);
    return node->op == OP_UNIFORM && plan->mode == KERNELS_FUSED && plan->target == TARGET_C && elements >= FEWEST_DRAWN
        && plan->recurrences.region_of[id] == NONE;
}

/* What decides whether a node of a phase is stored. By node: */
typedef struct Storing {
    Plan *plan;
    const Graph *graph;
    KernelMode mode;
    bool *needed, *root;
    bool *kept;                         /* stored whatever it costs */
    bool *again;                        /* some reader reads an element more than once */
    const bool *tiled;
    const bool *computed_again;
    int *uses;
    bool *stored;                       /* what is found */
} Storing;

/* How one reader reads: how often, and whether it wants the value to be there. */
static void note_reading(Storing *s, NodeId id, int o)
{
    const Node *node = &s->graph->nodes[id];
    const NodeId from = node->operand[o];
    const Op source = s->graph->nodes[from].op;
    const bool tiles = s->tiled[id] && node->op == OP_FOLD;
    s->kept[from] |= s->tiled[from] && !may_hold_tiles(s->graph, node, from);
    if (is_view(node->op) && !s->root[id]) {
        s->uses[from] += s->uses[id];
        s->again[from] |= s->again[id] || node->op == OP_BROADCAST || node->op == OP_UNFOLD;
    } else {
        s->uses[from] += op_info[node->op].class == POINTWISE ? mentions(node->op, o) : 1;
        s->again[from] |= node->op == OP_CONTRACT || (s->root[id] && (node->op == OP_BROADCAST || node->op == OP_UNFOLD));
    }
    if (node->op == OP_RESHAPE && !merges_axes(node->type, s->graph->nodes[from].type) && source != OP_INDEX)
        s->kept[from] = true;
    if (node->op == OP_ASSIGN || (node->op == OP_FOLD && node->attributes.stride > 1 && !tiles))
        s->kept[from] = true;
    if (node->op == OP_UNFOLD && source == OP_PAD)              /* else each window asks whether it reaches over the edge */
        s->kept[from] = true;
    if (node->op == OP_GATHER && o == 0)                        /* read at any place, so it is all there; constant tables are */
        s->kept[from] |= source != OP_TABLE;
    if (node->op == OP_GATHER && o == 1)
        s->again[from] = true;
}

static void note_readings(Storing *s)
{
    for (NodeId id = s->graph->count - 1; id >= 0; id--) {
        if (!s->needed[id])
            continue;
        for (int o = 0; has_parts(s->plan, id) && o < 2; o++) {
            s->kept[id] = true;
            if (part_of(s->plan, id, o) != NONE)
                s->kept[part_of(s->plan, id, o)] = true;
        }
        for (int o = 0; o < op_info[s->graph->nodes[id].op].arity; o++)
            note_reading(s, id, o);
    }
}

/* So little work that each of a few readers does it. */
static bool is_cheap(const Storing *s, NodeId id, int price)
{
    const Node *node = &s->graph->nodes[id];
    bool cheap = price <= 1 && s->uses[id] <= 3;
    for (int o = 0; cheap && o < op_info[node->op].arity; o++) {
        NodeId from = node->operand[o];
        cheap = (!(s->stored[from] && s->uses[from] == 1) || is_drawn_together(s->plan, from))  /* then it is the end of what made its operand, and costs nothing there */
             && (!s->again[id] || op_info[s->graph->nodes[from].op].class == LEAF);
    }
    return cheap;
}

static void decide(Storing *s, NodeId id)
{
    const Node *node = &s->graph->nodes[id];
    const OpClass class = op_info[node->op].class;
    if (!s->needed[id] || class == EFFECT || is_leaf_with_buffer(node->op))
        return;
    if (s->computed_again[id]) {
        if (!is_view(node->op))
            record_verdict(s->plan, "inline", id, NONE, YES_COMPUTED_AGAIN);
        return;
    }
    if ((class == REDUCE && !(s->tiled[id] && node->op == OP_FOLD)) || class == CONTRACT || class == RANDOM || class == LOOP || s->root[id] || s->kept[id]) {
        s->stored[id] = true;
        return;
    }
    if (class == LEAF || is_view(node->op) || node->op == OP_DETACH || (node->op == OP_FLOAT && s->uses[id] > 0))
        return;
    const int price = cost(s->graph, s->stored, id, true);
    const bool scalar_of_step = !reads_batch_or_elements(s->graph, id);
    if (scalar_of_step && price <= (s->uses[id] > 1 ? 1 : 4))
        return;                                         /* rows · 10, 1 − lr · decay: written out where they are used */
    const bool once = s->uses[id] <= 1 && !s->again[id], long_already = price > LONGEST_EXPRESSION && class == POINTWISE;
    s->stored[id] = s->mode != KERNELS_FUSED || !(once || is_cheap(s, id, price)) || long_already;
    if (s->mode == KERNELS_FUSED)
        record_verdict(s->plan, "inline", id, NONE, s->stored[id] ? NO_SECOND_READER : YES_INLINED);
}

/* The operand of a contraction is read as it lies, never computed anew for every product; one without a fold is no contraction. */
static void store_factors(Storing *s)
{
    const Node *nodes = s->graph->nodes;
    for (NodeId id = 0; id < s->graph->count; id++)
        for (int o = 0; s->needed[id] && s->stored[id] && nodes[id].op == OP_CONTRACT && o < 2; o++) {
            NodeId from = nodes[id].operand[o];
            if (s->mode == KERNELS_BLAS && nodes[from].op == OP_UNFOLD)
                s->stored[from] = true;                 /* im2col: CBLAS reads matrices */
            while (!s->stored[from] && is_view(nodes[from].op))
                from = nodes[from].operand[0];
            if (op_info[nodes[from].op].class != LEAF && !s->computed_again[from])
                s->stored[from] = true;
        }
    for (NodeId id = s->graph->count - 1; id >= 0 && s->mode == KERNELS_FUSED; id--)
        if (s->needed[id] && s->stored[id] && gathers_products(s->plan, id, s->uses, s->root))
            for (NodeId from = nodes[id].operand[0]; s->stored[from]; from = nodes[from].op == OP_FOLD ? nodes[from].operand[0] : from)
                s->stored[from] = false;
}

bool *choose_stored(Plan *plan, const Phase *phase, KernelMode mode)
{
    const Graph *graph = plan->model->graph;
    Arena *scratch = arena_new();
    Storing s = {
        .plan = plan, .graph = graph, .mode = mode, .needed = needed_for(graph, scratch, phase->roots, phase->root_count),
        .root = NEW(scratch, bool, graph->count), .kept = NEW(scratch, bool, graph->count), .again = NEW(scratch, bool, graph->count),
        .tiled = find_tiled(plan, mode, scratch), .uses = NEW(scratch, int, graph->count), .stored = NEW(plan->arena, bool, graph->count),
    };
    for (int r = 0; r < phase->root_count; r++)
        s.root[phase->roots[r]] = true;
    note_readings(&s);
    s.computed_again = find_computed_again(plan, s.needed, s.root, s.kept, scratch);
    for (NodeId id = 0; id < graph->count; id++)
        decide(&s, id);
    store_factors(&s);
    arena_free(scratch);
    return s.stored;
}

int64_t bounded_product(int64_t a, int64_t b)
{
    int64_t product;
    if (__builtin_mul_overflow(a, b, &product) || product > INT64_C(1) << 53)
        fail_machine("one operation of this model has more than 2^53 elements in a step: more than any machine does\n"
                     "  smaller layers or a smaller batch would fit");
    return product;
}

static int new_axis(Kernel *kernel, int64_t extent, bool batch)
{
    if (kernel->axis_count == MAX_AXES * 2)
        bug("a kernel of more than %d axes", MAX_AXES * 2);
    kernel->axis[kernel->axis_count] = (Axis){.extent = extent, .batch = batch};
    int64_t points = 1;
    for (int a = 0; a <= kernel->axis_count; a++)
        points = bounded_product(points, kernel->axis[a].extent);
    return kernel->axis_count++;
}

Index axis_for(Kernel *kernel, Stage *stage, int64_t extent, bool batch, bool fold)
{
    int axis = new_axis(kernel, extent, batch);
    if (fold)
        stage->fold_axis[stage->fold_count++] = axis;
    else
        kernel->outer[kernel->outer_count++] = axis;
    return index_axis(axis);
}

static void reduce_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage)
{
    Type from = plan->model->graph->nodes[node->operand[0]].type;
    Index index[MAX_RANK + 1];
    int count = 0;
    for (int axis = from.per_row ? 0 : 1; axis <= from.rank; axis++)
        index[count++] = axis_for(kernel, stage, axis ? from.size[axis - 1] : plan->model->batch, axis == 0, node->attributes.axes >> axis & 1);
    stage->fold = node->op == OP_SUM ? FOLD_SUM : node->op == OP_MAX ? FOLD_MAX : FOLD_ARGMAX;
    stage->term = lower(plan, stored, node->operand[0], index, kernel->axis, false);
}

/* r[v,d] = sum over b, t of (a[b,t,d] if index[b,t] = v else 0) */
static void scatter_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage)
{
    Letters l = split_letters(node->attributes.letters);
    int64_t size[MAX_RANK + 1], table_size[MAX_RANK + 1];
    Index of[128] = {{0}}, wide[MAX_RANK + 1], places[MAX_RANK + 1], picked = index_constant(0);
    dimensions(plan->model, plan->model->graph->nodes[node->operand[0]].type, size);
    dimensions(plan->model, node->type, table_size);
    for (int d = 0; l.result[d]; d++) {
        of[(unsigned char)l.result[d]] = axis_for(kernel, stage, table_size[d], l.result[d] == 'b', false);
        if (!strchr(l.operand[0], l.result[d]))
            picked = of[(unsigned char)l.result[d]];
    }
    for (int d = 0; l.operand[0][d]; d++) {
        if (!strchr(l.result, l.operand[0][d]))
            of[(unsigned char)l.operand[0][d]] = axis_for(kernel, stage, size[d], l.operand[0][d] == 'b', true);
        wide[d] = of[(unsigned char)l.operand[0][d]];
    }
    for (int d = 0; l.operand[1][d]; d++)
        places[d] = of[(unsigned char)l.operand[1][d]];
    Term *value = lower(plan, stored, node->operand[0], wide, kernel->axis, false);
    stage->term = value_where(plan, stage->node, value, lower(plan, stored, node->operand[1], places, kernel->axis, false), picked);
    stage->fold = FOLD_SUM;
    kernel->form = FORM_SCATTER;
}

Scatter scatter_of(const Stage *stage)
{
    const Term *equal = stage->term->operand[0];
    return (Scatter){equal->operand[0], stage->term->operand[1], plain_axis(&equal->operand[1]->index[0])};
}

static void at_zero(Term *term, void *context)
{
    int axis = *(const int *)context;
    for (int i = 0; i < term->rank; i++)
        for (int t = term->index[i].count - 1; t >= 0; t--)
            if (term->index[i].term[t].axis == axis)
                term->index[i].term[t] = term->index[i].term[--term->index[i].count];
}

/* A fold of one element is that element. */
static void fold_of_one(const Kernel *kernel, Stage *stage)
{
    for (int f = 0; f < stage->fold_count; f++)
        if (kernel->axis[stage->fold_axis[f]].extent != 1)
            return;
    if (stage->fold != FOLD_SUM && stage->fold != FOLD_MAX)
        return;
    for (int f = 0; f < stage->fold_count; f++)
        each_term(stage->term, at_zero, &stage->fold_axis[f]);
    stage->fold = FOLD_NONE;
    stage->fold_count = 0;
}

/* What the state of a recurrence is before its first time: the first element, or the last, of its array along time. */
static Kernel initial_state(Plan *plan, const bool *stored, NodeId id)
{
    const Node *node = &plan->model->graph->nodes[id];
    Kernel kernel = {.form = FORM_NEST, .choice.lanes = NONE, .region = NONE, .time = NONE, .update = NONE, .same_as = NONE};
    Stage stage = {.node = id, .buffer = buffer_for(plan, id, BUFFER_TEMPORARY)};
    Index index[MAX_RANK + 1];
    int64_t size[MAX_RANK + 1];
    int rank = dimensions(plan->model, node->type, size), time = node->type.per_row, count = 0;
    for (int d = 0; d < rank; d++) {
        stage.store[d] = d == time ? index_constant(state_shift(node) ? size[d] : 0) : axis_for(&kernel, &stage, size[d], d < time, false);
        if (d != time)
            index[count++] = stage.store[d];
    }
    stage.term = lower(plan, stored, node->operand[0], index, kernel.axis, false);
    ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    return kernel;
}

/* A node on the cycle of a recurrence: its time is the outermost loop, until all kernels of the region are called in it. */
static void join_region(const Plan *plan, NodeId id, Kernel *kernel)
{
    kernel->region = plan->recurrences.region_of[id];
    if (kernel->region == NONE)
        return;
    int at = plan->model->graph->nodes[id].type.per_row + plan->recurrences.time_axis[id] - 1;
    kernel->time = kernel->outer[at];
    memmove(&kernel->outer[1], &kernel->outer[0], sizeof kernel->outer[0] * (size_t)at);
    kernel->outer[0] = kernel->time;
}

/* What the size of each dimension is taken apart by, 1: nothing, where the node's expression has tiles along it. */
static void tiles_of(const Graph *graph, const bool *stored, NodeId id, bool itself, int64_t *window)
{
    const Node *node = &graph->nodes[id];
    if (stored[id] && !itself)
        return;
    if (lays_tiles(node))
        window[node->type.per_row + node->attributes.axis - 1] = node->attributes.window;
    for (int o = 0; o < op_info[node->op].arity && (op_info[node->op].class == POINTWISE || lays_tiles(node)); o++)
        tiles_of(graph, stored, node->operand[o], false, window);
}

/* Operand o of a CONCAT, where nothing computes it there. */
Kernel copy_of_part(Plan *plan, const bool *stored, NodeId whole, int o)
{
    const Graph *graph = plan->model->graph;
    const Attributes *a = &graph->nodes[whole].attributes;
    NodeId part = graph->nodes[whole].operand[o];
    Kernel kernel = {.form = FORM_NEST, .choice.lanes = NONE, .region = NONE, .time = NONE, .update = NONE, .same_as = NONE};
    Stage stage = {.node = whole, .buffer = buffer_for(plan, whole, BUFFER_TEMPORARY)};
    int64_t size[MAX_RANK + 1];
    Type type = graph->nodes[part].type;
    int rank = dimensions(plan->model, type, size);
    for (int d = 0; d < rank; d++)
        stage.store[d] = axis_for(&kernel, &stage, size[d], type.per_row && d == 0, false);
    stage.term = lower(plan, stored, part, stage.store, kernel.axis, false);
    if (o == 1)
        stage.store[type.per_row + a->axis - 1].constant = graph->nodes[graph->nodes[whole].operand[0]].type.size[a->axis - 1];
    place_in_whole(plan, whole, kernel.axis, stage.store);
    ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    join_region(plan, whole, &kernel);
    return kernel;
}

Kernel kernel_of(Plan *plan, const bool *stored, NodeId id)
{
    const Graph *graph = plan->model->graph;
    const Node *node = &graph->nodes[id];
    Kernel kernel = {.form = FORM_NEST, .choice.lanes = NONE, .region = NONE, .time = NONE, .update = NONE, .same_as = NONE};
    Stage stage = {.node = id};
    if (node->op == OP_PREVIOUS)
        return initial_state(plan, stored, id);
    if (node->op == OP_SCATTER_ADD) {
        scatter_stage(plan, stored, node, &kernel, &stage);
    } else if (node->op == OP_FOLD && !(plan->mode == KERNELS_FUSED && lays_tiles(node) && kernel.region == NONE)) {
        fold_stage(plan, stored, node, &kernel, &stage);
    } else if (node->op == OP_CONTRACT) {
        contract_stage(plan, stored, node, &kernel, &stage);
    } else if (op_info[node->op].class == REDUCE && node->op != OP_FOLD) {
        reduce_stage(plan, stored, node, &kernel, &stage);
    } else {
        Index index[MAX_RANK + 1];
        int64_t size[MAX_RANK + 1];
        Type type = node->op == OP_ASSIGN ? graph->nodes[node->operand[0]].type : node->type;
        int rank = dimensions(plan->model, type, size);
        int64_t window[MAX_RANK + 2] = {0};
        if (plan->mode == KERNELS_FUSED && op_info[node->op].class != EFFECT)
            tiles_of(graph, stored, id, true, window);
        for (int d = 0; d < rank; d++) {
            bool apart = window[d] > 1 && window[d] < size[d];
            index[d] = axis_for(&kernel, &stage, apart ? size[d] / window[d] : size[d], type.per_row && d == 0, false);
            if (apart)
                index[d] = index_add(axis_for(&kernel, &stage, window[d], false, false), window[d], index[d]);
            stage.store[d] = index[d];
        }
        stage.term = node->op == OP_ASSIGN || node->op == OP_SCAN ? lower(plan, stored, node->operand[0], index, kernel.axis, false)
                                           : lower(plan, stored, id, index, kernel.axis, true);
    }

    if (kernel.form != FORM_SCATTER)
        fold_of_one(&kernel, &stage);

    if (node->op == OP_ASSIGN)
        stage.buffer = buffer_for(plan, graph->leaves[node->attributes.leaf].node, BUFFER_STATE);
    else
        stage.buffer = buffer_for(plan, id, BUFFER_TEMPORARY);
    for (int d = 0; d < kernel.outer_count; d++)
        if (stage.store[d].divisor == 0)                /* not taken apart */
            stage.store[d] = index_axis(kernel.outer[d]);
    if (is_part(plan, id))
        place_in_whole(plan, id, kernel.axis, stage.store);
    if (node->op == OP_SCAN)
        stage.store[node->type.per_row].constant = state_shift(node);
    ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    join_region(plan, id, &kernel);
    return kernel;
}

bool is_part_of_update(const Model *model, NodeId node)
{
    const char *rule = model->graph->nodes[node].origin.rule;
    return rule && model->optimizer.name && strcmp(rule, model->optimizer.name) == 0;
}

bool is_part_of_gradient(const Model *model, NodeId node)
{
    const Origin *origin = &model->graph->nodes[node].origin;
    return origin->gradient_of != NONE || (origin->rule && origin->of != NONE && !is_part_of_update(model, node));
}

bool is_contraction(const Plan *plan, const Stage *stage)
{
    const Op op = plan->model->graph->nodes[stage->node].op;
    const Term *product = stage->term;
    if (stage->fold != FOLD_SUM || (op != OP_CONTRACT && op != OP_FOLD) || product->kind != TERM_APPLY || product->op != OP_MULTIPLY)
        return false;
    return op == OP_FOLD || (product->operand[0]->kind != TERM_APPLY && product->operand[1]->kind != TERM_APPLY);
}

typedef struct Vectors { const Kernel *kernel; const Stage *stage; bool all; } Vectors;

static void find_matrix(Term *term, void *context)
{
    Vectors *v = context;
    bool folds = false, others = false;
    for (int i = 0; i < term->rank && term->kind != TERM_INDEX && term->kind != TERM_MASK; i++) {
        v->all &= is_affine(&term->index[i]);
        for (int t = 0; t < term->index[i].count; t++) {
            bool fold = false;
            for (int f = 0; f < v->stage->fold_count; f++)
                fold |= term->index[i].term[t].axis == v->stage->fold_axis[f];
            folds |= fold;
            others |= !fold && v->kernel->axis[term->index[i].term[t].axis].extent > 1;
        }
    }
    v->all &= !(folds && others) && term->kind != TERM_INSIDE && term->kind != TERM_RANDOM;
}

bool combines_vectors(const Kernel *kernel, const Stage *stage)
{
    Vectors vectors = {kernel, stage, stage->fold_count > 0};
    each_term(stage->term, find_matrix, &vectors);
    return vectors.all;
}

bool assigns(const Plan *plan, const Stage *stage)
{
    return stage->buffer != NONE && (plan->buffer[stage->buffer].kind == BUFFER_PARAMETER || plan->buffer[stage->buffer].kind == BUFFER_STATE);
}
