/* differentiate.c: reverse-mode differentiation as a rewriting of the graph: d y / d x is made of new nodes.
 *
 * Takes a shared float scalar y and any tensors x that it may depend on, inputs and intermediate ones included. Walks back from
 * y, once over the nodes; when it comes to a node all its readers have been seen, so its gradient is complete, and the node's
 * rule (gradient.c) hands it on to the operands that lead to some x. Only those are visited: asking for one small gradient in a
 * large graph builds a small graph.
 *
 * Choices. What stands under a choice, a or b in (a if c else b), gets an exact zero where it was not chosen. On its way on that
 * zero may meet an infinite slope, as of sqrt in (sqrt(x) if x > 0 else 0), and 0 times infinity is not a number. So the parts of
 * a gradient made below a choice are guarded by the same condition as long as they stay elementwise; rewriting merges the guards.
 *
 * Spare rows. The loss's own gradients are zero in spare rows, by the masks of its folds, and folds over the batch take that as it
 * is. A gradient that the model asked for is a tensor of the model, in which spare rows repeat row 0 like all others (or a root of
 * its zeros would have an infinite slope): for it a mask hands on all of what comes, and folds over the batch are masked instead.
 *
 * Recurrences. In h = scan(next), p = previous(h) what comes back to h at one time is what its readers say and what comes back to
 * p one time later:
 *
 *     dh[t] = g[t] + dp[t + 1]            dp[t] = what the readers of p say, which needs dh[t]
 *
 * a recurrence that runs the other way, from zero. It is opened when the walk comes to the SCAN and closed when, all nodes
 * between them seen, it comes to the PREVIOUS; the gradient of the initial state is then dp at the first time.
 *
 * Every node built says where it comes from: the place and layer of the forward node, the rule ("matmul, right operand"), and
 * on a complete gradient what it is the gradient of. Forward nodes are left as they are.
 *
 * Rejected: forward mode (a pass for every parameter), and a tape in the emitted program (the point is to read the derivative). */
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/recurrence.h"
#include "graph/rules.h"
#include <string.h>

typedef NodeId GradientRule(Graph *graph, NodeId node, int operand, NodeId incoming);

static GradientRule *const gradient_rule[OP_COUNT] = {
#define OP(NAME, name, arity, CLASS, shape, gradient, ...) [OP_##NAME] = gradient_##gradient,
#include "graph/ops.def"
};

/* "matmul, right operand" */
static const char *rule_text(Arena *arena, Op op, int operand)
{
    const char *name = op == OP_CONTRACT ? "matmul" : op_info[op].name;
    if (op_info[op].arity == 1 || op == OP_GATHER || op == OP_SCATTER_ADD)
        return name;                    /* one operand that a derivative flows to */
    if (op == OP_SELECT)
        return arena_print(arena, "%s, %s choice", name, operand == 1 ? "first" : "second");
    return arena_print(arena, "%s, %s operand", name, operand == 0 ? "left" : "right");
}

static void require_differentiable(const Graph *graph, NodeId y, const NodeId *x, int count)
{
    Type type = graph->nodes[y].type;
    if (type.scalar != FLOAT)
        fail_at(graph->now.place, "the gradient of an integer tensor %s\nonly floats have derivatives",
                shape_text(graph->arena, type));
    if (type.per_row || type.rank > 0)
        fail_at(graph->now.place,
                "the gradient of a tensor %s: a single number is differentiated\nfold it first, with :mean() or :sum()",
                shape_text(graph->arena, type));
    for (int i = 0; i < count; i++)
        if (graph->nodes[x[i]].type.scalar != FLOAT)
            fail_at(graph->now.place, "the gradient with respect to an integer tensor %s\nonly floats have derivatives",
                    shape_text(graph->arena, graph->nodes[x[i]].type));
}

/* leads[id]: y depends on node id, and a derivative can flow from it back to some x. */
static bool *find_paths(const Graph *graph, Arena *scratch, NodeId y, const NodeId *x, int count)
{
    bool *leads = NEW(scratch, bool, graph->count), *before_y = needed_for(graph, scratch, &y, 1);
    for (int i = 0; i < count; i++)
        leads[x[i]] = before_y[x[i]];
    for (NodeId id = 0; id < graph->count; id++) {
        const Node *node = &graph->nodes[id];
        if (!before_y[id] || node->type.scalar != FLOAT || gradient_rule[node->op] == gradient_none)
            continue;
        for (int i = 0; i < op_info[node->op].arity; i++)
            leads[id] |= leads[node->operand[i]];
        NodeId previous = node->op == OP_SCAN && leads[id] ? previous_of(graph, node->attributes.loop) : NONE;
        if (previous != NONE && !leads[previous]) {           /* an earlier node: once more from there */
            leads[previous] = true;
            id = previous;
        }
    }
    return leads;
}

/* Where (condition != 0) is `chosen`, and under the outer choices as well: elsewhere nothing comes back. */
typedef struct Guard {
    NodeId condition;
    bool chosen;
    const struct Guard *outer;
} Guard;

typedef enum SpareRows { SPARE_ROWS_ARE_ZERO, SPARE_ROWS_REPEAT } SpareRows;

typedef struct Sweep {
    Graph *graph;
    Arena *scratch;
    SpareRows spare_rows;
    bool *leads;                        /* by node */
    NodeId *gradient;                   /* by node, as far as it is known; NONE: zero */
    const Guard **guard;                /* by node: what all of its gradient stands under; NULL: nothing */
    NodeId *opened;                     /* by loop number: the PREVIOUS of the recurrence that is its gradient; NONE */
} Sweep;

/* ---- choices ----------------------------------------------------------------------------------------------------- */

static bool same_guard(const Guard *a, const Guard *b)
{
    while (a && b && a->condition == b->condition && a->chosen == b->chosen)
        a = a->outer, b = b->outer;
    return !a && !b;
}

/* What operand `which` of the node stands under. Only elementwise: elsewhere a condition means other places. */
static const Guard *guard_of_operand(const Sweep *s, NodeId id, int which)
{
    const Node *node = &s->graph->nodes[id];
    if (op_info[node->op].class != POINTWISE)
        return NULL;
    if (node->op != OP_SELECT)
        return s->guard[id];
    Guard *guard = NEW(s->scratch, Guard, 1);
    *guard = (Guard){.condition = node->operand[0], .chosen = which == 1, .outer = s->guard[id]};
    return guard;
}

/* Rules that hand on g, -g or nothing cannot make more of a zero. */
static bool keeps_zeros(Op op)
{
    return op == OP_NEGATE || op == OP_ADD || op == OP_SUBTRACT || op == OP_RELU || op == OP_MAXIMUM || op == OP_MINIMUM || op == OP_SELECT;
}

static NodeId keep_within(Graph *graph, const Guard *guard, NodeId part)
{
    for (; guard; guard = guard->outer) {
        NodeId zero = constant(graph, 0);
        part = apply3(graph, OP_SELECT, guard->condition, guard->chosen ? part : zero, guard->chosen ? zero : part);
    }
    return part;
}

/* ---- spare rows -------------------------------------------------------------------------------------------------- */

static bool is_mask(const Graph *graph, NodeId node)
{
    while (graph->nodes[node].op == OP_BROADCAST || graph->nodes[node].op == OP_RESHAPE)
        node = graph->nodes[node].operand[0];
    return graph->nodes[node].op == OP_ROW_MASK;
}

/* The operand that the node masks; NONE: it is no mask's product or choice. */
static NodeId masked_operand(const Graph *graph, NodeId id)
{
    const Node *node = &graph->nodes[id];
    if (node->op == OP_MULTIPLY && is_mask(graph, node->operand[0]))
        return node->operand[1];
    if (node->op == OP_MULTIPLY && is_mask(graph, node->operand[1]))
        return node->operand[0];
    return node->op == OP_SELECT && is_mask(graph, node->operand[0]) ? node->operand[1] : NONE;
}

static NodeId without_mask(const Graph *graph, NodeId id)
{
    NodeId masked = masked_operand(graph, id);
    return masked == NONE ? id : masked;
}

/* The rule as it stands, or for SPARE_ROWS_REPEAT: masks are passed through, and what the rule folds over the batch is masked. */
static NodeId apply_rule(const Sweep *s, NodeId id, int which, NodeId incoming)
{
    Graph *graph = s->graph;
    const Node *node = &graph->nodes[id];
    NodeId operand = node->operand[which];
    GradientRule *rule = gradient_rule[node->op];
    if (s->spare_rows == SPARE_ROWS_ARE_ZERO)
        return rule(graph, id, which, incoming);
    if (masked_operand(graph, id) == operand)
        return incoming;
    bool operand_has_batch = graph->nodes[operand].type.per_row;
    if (node->type.per_row && !operand_has_batch)
        incoming = mask_rows(graph, incoming);
    if (node->op == OP_CONTRACT && !node->type.per_row && operand_has_batch) {       /* it folded the batch itself */
        NodeId left = without_mask(graph, node->operand[0]), right = without_mask(graph, node->operand[1]);
        id = contract(graph, left, right, node->attributes.letters);
    }
    return rule(graph, id, which, incoming);
}

/* ---- the sweep --------------------------------------------------------------------------------------------------- */

static void accumulate(const Sweep *s, NodeId operand, NodeId part, const Guard *guard)
{
    Graph *graph = s->graph;
    if (s->gradient[operand] == NONE) {
        s->gradient[operand] = part;
        s->guard[operand] = guard;
        return;
    }
    graph->now.rule = "sum over its readers";
    graph->now.of = operand;
    s->gradient[operand] = add(graph, s->gradient[operand], part);
    if (!same_guard(s->guard[operand], guard))
        s->guard[operand] = NULL;
}

static void hand_on(const Sweep *s, NodeId id)
{
    Graph *graph = s->graph;
    Node node = graph->nodes[id];
    for (int i = 0; i < op_info[node.op].arity; i++) {
        NodeId operand = node.operand[i];
        if (!s->leads[operand])
            continue;
        if (node.op == OP_SCAN) {
            accumulate(s, operand, s->gradient[id], NULL);
            continue;
        }
        graph->now = (Origin){.place = node.origin.place,
                              .layer = node.origin.layer,
                              .rule = rule_text(graph->arena, node.op, i),
                              .of = id,
                              .gradient_of = NONE};
        NodeId part = apply_rule(s, id, i, s->gradient[id]);
        if (part == NONE)
            continue;
        if (!same_type(graph->nodes[part].type, graph->nodes[operand].type))
            bug("the gradient rule of %s gives %s for an operand %s", op_info[node.op].name,
                shape_text(s->scratch, graph->nodes[part].type), shape_text(s->scratch, graph->nodes[operand].type));
        const Guard *guard = guard_of_operand(s, id, i);
        accumulate(s, operand, keeps_zeros(node.op) ? part : keep_within(graph, guard, part), guard);
    }
}

/* What comes back to a SCAN from the next time, to be known when its PREVIOUS is reached. */
static void open_gradient(const Sweep *s, NodeId id)
{
    Graph *graph = s->graph;
    Node node = graph->nodes[id];
    Type one = without_axes(node.type, 1u << 1);
    graph->now = (Origin){.place = node.origin.place, .layer = node.origin.layer, .rule = "scan, from the next time", .of = id, .gradient_of = NONE};
    NodeId zero = broadcast_to(graph, constant(graph, 0), one);
    NodeId later = open_recurrence(graph, zero, axis_size(node.type, 1), !node.attributes.backward);
    s->opened[node.attributes.loop] = later;
    accumulate(s, id, later, NULL);
}

static void close_gradient(const Sweep *s, NodeId id)
{
    Graph *graph = s->graph;
    Node node = graph->nodes[id];
    graph->now = (Origin){.place = node.origin.place, .layer = node.origin.layer, .rule = "previous", .of = id, .gradient_of = NONE};
    NodeId own = s->gradient[id] != NONE ? s->gradient[id] : broadcast_to(graph, constant(graph, 0), node.type);
    graph->now.gradient_of = id;
    NodeId all = close_recurrence(graph, s->opened[node.attributes.loop], own);
    if (!s->leads[node.operand[0]])
        return;
    int64_t first = node.attributes.backward ? axis_size(node.type, 1) - 1 : 0;
    Type one = without_axes(node.type, 1u << 1);
    NodeId at_first = slice(graph, all, 1, first, first + 1);
    accumulate(s, node.operand[0], reshape_to(graph, at_first, one.rank, one.size), NULL);
}

static void sweep(Graph *graph, NodeId y, const NodeId *x, int count, NodeId *gradients, SpareRows spare_rows)
{
    require_differentiable(graph, y, x, count);
    Arena *scratch = arena_new();
    Origin caller = graph->now;
    int forward_count = graph->count;
    Sweep s = {.graph = graph, .scratch = scratch, .spare_rows = spare_rows};
    s.leads = find_paths(graph, scratch, y, x, count);
    s.gradient = NEW(scratch, NodeId, forward_count);
    s.guard = NEW(scratch, const Guard *, forward_count);
    s.opened = NEW(scratch, NodeId, graph->loop_count + 1);
    memset(s.gradient, NONE, sizeof *s.gradient * (size_t)forward_count);

    graph->now = (Origin){.place = graph->nodes[y].origin.place, .rule = "d y / d y", .of = y, .gradient_of = NONE};
    s.gradient[y] = constant(graph, 1);
    for (NodeId id = forward_count - 1; id >= 0; id--) {
        if (!s.leads[id])
            continue;
        Op op = graph->nodes[id].op;
        if (op == OP_SCAN)
            open_gradient(&s, id);
        if (op == OP_PREVIOUS)
            close_gradient(&s, id);
        if (op == OP_PREVIOUS || s.gradient[id] == NONE)
            continue;
        Origin *origin = &graph->nodes[s.gradient[id]].origin;
        if (s.gradient[id] >= forward_count && renown(graph, id) > renown(graph, origin->gradient_of))
            origin->gradient_of = id;
        hand_on(&s, id);
    }

    graph->now = caller;
    graph->now.name = NULL;
    for (int i = 0; i < count; i++) {
        gradients[i] = s.gradient[x[i]];
        if (gradients[i] == NONE)
            gradients[i] = broadcast_to(graph, constant(graph, 0), graph->nodes[x[i]].type);
    }
    graph->now = caller;
    arena_free(scratch);
}

void differentiate(Graph *graph, NodeId y, const NodeId *x, int count, NodeId *gradients)
{
    sweep(graph, y, x, count, gradients, SPARE_ROWS_REPEAT);
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

/* metrics[0], the loss: its part that is a mean and its part that is a sum, added. */
static NodeId loss_node(Model *model)
{
    const Metric *loss = &model->metrics[0];
    if (loss->part[0] == NONE || loss->part[1] == NONE)
        return loss->part[0] == NONE ? loss->part[1] : loss->part[0];
    model->graph->now = (Origin){.place = loss->place, .of = NONE, .gradient_of = NONE};
    return add(model->graph, loss->part[0], loss->part[1]);
}

/* The searches look at the loss alone. */
static bool needs_gradients(const Model *model)
{
    return strcmp(model->optimizer.name, "random_search") && strcmp(model->optimizer.name, "coordinate_search");
}

/* reaches[id]: node id has a say in the loss, and where gradients are needed, one that they see. */
static bool *find_what_counts(const Model *model, Arena *scratch, NodeId loss)
{
    const Node *nodes = model->graph->nodes;
    bool *reaches = NEW(scratch, bool, model->graph->count), gradients = needs_gradients(model);
    NodeId *scan = scans_of(model->graph, scratch);
    reaches[loss] = true;
    for (NodeId id = loss; id >= 0; id--) {
        if (!reaches[id] || (gradients && gradient_rule[nodes[id].op] == gradient_none))
            continue;
        for (int i = 0; i < op_info[nodes[id].op].arity; i++)
            reaches[nodes[id].operand[i]] = true;
        NodeId closing = nodes[id].op == OP_PREVIOUS ? scan[nodes[id].attributes.loop] : NONE;
        if (closing != NONE && !reaches[closing]) {
            reaches[closing] = true;
            id = closing + 1;
        }
    }
    return reaches;
}

void differentiate_model(Model *model)
{
    if (model->kind != MODEL_TRAIN)
        return;
    Graph *graph = model->graph;
    Place place = model->metrics[0].place;
    NodeId loss = loss_node(model);
    Arena *scratch = arena_new();
    NodeId *x = NEW(scratch, NodeId, graph->leaf_count + 1), *gradients = NEW(scratch, NodeId, graph->leaf_count + 1);
    model->updates = NEW(model->arena, Update, graph->leaf_count + 1);
    int parameters = 0;
    bool *reaches = find_what_counts(model, scratch, loss);

    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        if (leaf->kind != LEAF_PARAMETER)
            continue;
        parameters++;
        if (leaf->frozen)
            continue;
        if (!reaches[leaf->node]) {
            warn_at(leaf->place, "the parameter %s does not reach the loss: it is not trained", quoted(scratch, leaf->name));
            continue;
        }
        x[model->update_count] = leaf->node;
        model->updates[model->update_count++] = (Update){.parameter = l, .gradient = NONE};
    }
    if (!model->update_count)
        fail_at(place, "nothing to train: %s\nnn.show evaluates expressions without training",
                parameters ? "no parameter that is not frozen reaches the loss" : "the model has no parameters");

    if (needs_gradients(model)) {
        graph->now = (Origin){.place = place, .of = NONE, .gradient_of = NONE};
        sweep(graph, loss, x, model->update_count, gradients, SPARE_ROWS_ARE_ZERO);
        for (int u = 0; u < model->update_count; u++)
            model->updates[u].gradient = gradients[u];
    }
    arena_free(scratch);
}
