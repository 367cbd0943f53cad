/* simplify.c: rebuilds the graph: equal nodes become one, rewrites apply, what no root needs goes.
 *
 * Takes a model after all nodes are built (gradients and updates); gives the same model with a smaller graph. Ids change, so all
 * node ids of the model are renewed; leaves stay, needed or not. It keeps what every root computes (rewrite_pointwise.c says
 * exactly what that means), topological order, and names.
 *
 * The nodes are made again one after the other through new_node, which while graph->simplifier is set first looks for a rewrite
 * and then for an equal node (hash-consing; Ershov 1958). Operands come before their readers and are simple already, rewrites
 * build through new_node as well, so one pass reaches the end; every rewrite either removes something or moves it one way only.
 * A last sweep drops nodes that rewriting left without a reader.
 *
 * When nodes merge, the origin that tells people more stays: a name before none, the forward graph before a derivative.
 *
 * Rejected: rounds over the graph until nothing changes (quadratic in the length of a chain), and e-graphs (the rewrites have one
 * direction each, so there is nothing to choose). */
#include "graph/build.h"
#include "graph/passes.h"
#include "graph/rules.h"
#include <string.h>

enum { MOST_NESTED = 200 };             /* rewrites that call each other; more is an endless one */

typedef struct Simplifier {
    Arena *scratch;
    NodeId *slots;                      /* hash table of nodes, open addressing; NONE: free */
    int slot_count, used;
    int *readers;                       /* by new node: how many readers its old nodes had */
    int readers_room;
    int *uses;                          /* by rewrite */
    int nested;
} Simplifier;

bool is_number(const Graph *graph, NodeId node, double *value)
{
    while (graph->nodes[node].op == OP_BROADCAST || graph->nodes[node].op == OP_RESHAPE)
        node = graph->nodes[node].operand[0];
    *value = graph->nodes[node].attributes.value;
    return graph->nodes[node].op == OP_CONSTANT;
}

uint32_t axes_without(uint32_t axes, uint32_t removed)
{
    uint32_t rest = axes & 1;
    int kept = 0;
    for (int axis = 1; axis <= MAX_RANK; axis++) {
        if (removed >> axis & 1)
            continue;
        kept++;
        rest |= (axes >> axis & 1) << kept;
    }
    return rest;
}

/* ---- equal nodes ------------------------------------------------------------------------------------------------- */

static bool is_commutative(Op op)
{
    return op == OP_ADD || op == OP_MULTIPLY || op == OP_MAXIMUM || op == OP_MINIMUM || op == OP_EQUAL || op == OP_NOT_EQUAL;
}

static uint64_t mix(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15) ^ (hash >> 29);
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count)
{
    for (const unsigned char *byte = bytes, *end = byte + count; byte < end; byte++)
        hash = mix(hash, *byte);
    return hash;
}

static uint64_t hash_node(const Node *node)
{
    const Attributes *a = &node->attributes;
    uint64_t hash = mix(0, node->op), first = (uint64_t)node->operand[0], second = (uint64_t)node->operand[1];
    if (is_commutative(node->op))
        hash = mix(hash, first + second);
    else
        hash = mix(mix(hash, first), second);
    hash = mix(hash, (uint64_t)node->operand[2]);
    hash = mix(mix(mix(hash, a->axes), (uint64_t)a->axis), (uint64_t)a->leaf);
    hash = mix(hash, (uint64_t)a->loop);
    hash = mix(mix(mix(hash, (uint64_t)a->from), (uint64_t)a->to), a->stream);
    hash = hash_bytes(hash, a->order, sizeof a->order);
    hash = hash_bytes(hash, a->letters, strlen(a->letters));
    hash = hash_bytes(hash, &a->value, sizeof a->value);
    for (int d = 0; d < node->type.rank; d++)
        hash = mix(hash, (uint64_t)node->type.size[d]);
    if (a->table)
        hash = hash_bytes(hash, a->table, sizeof *a->table * (size_t)element_count(node->type));
    return hash ^ hash >> 32;
}

static bool equal_nodes(const Node *a, const Node *b)
{
    if (a->op != b->op || a->operand[2] != b->operand[2] || !same_type(a->type, b->type))
        return false;
    bool straight = a->operand[0] == b->operand[0] && a->operand[1] == b->operand[1];
    bool crossed = is_commutative(a->op) && a->operand[0] == b->operand[1] && a->operand[1] == b->operand[0];
    return (straight || crossed) && equal_attributes(&a->attributes, &b->attributes, element_count(a->type));
}

/* The slot of an equal node, or the free one where it would stand. */
static NodeId *find_slot(const Graph *graph, const Node *node)
{
    const Simplifier *s = graph->simplifier;
    for (uint64_t at = hash_node(node);; at++) {
        NodeId *slot = &s->slots[at & (uint64_t)(s->slot_count - 1)];
        if (*slot == NONE || equal_nodes(&graph->nodes[*slot], node))
            return slot;
    }
}

static void new_table(Simplifier *s, int slot_count)
{
    s->slots = NEW(s->scratch, NodeId, slot_count);
    memset(s->slots, NONE, sizeof *s->slots * (size_t)slot_count);
    s->slot_count = slot_count;
    s->used = 0;
}

void remember_node(Graph *graph, NodeId node)
{
    Simplifier *s = graph->simplifier;
    if (2 * (s->used + 1) > s->slot_count) {
        new_table(s, 2 * s->slot_count);
        for (NodeId id = 0; id < node; id++, s->used++)
            *find_slot(graph, &graph->nodes[id]) = id;
    }
    *find_slot(graph, &graph->nodes[node]) = node;
    s->used++;
}

/* ---- rewrites ---------------------------------------------------------------------------------------------------- */

static const Rewrite *rewrite_number(int which)
{
    const Rewrite *const tables[] = {pointwise_rewrites, move_rewrites, fold_rewrites, window_rewrites};
    for (int t = 0; t < 4; t++)
        for (const Rewrite *rewrite = tables[t]; rewrite->name; rewrite++)
            if (which-- == 0)
                return rewrite;
    return NULL;
}

const char *rewrite_name(int which)
{
    const Rewrite *rewrite = rewrite_number(which);
    return rewrite ? rewrite->name : NULL;
}

NodeId find_simpler(Graph *graph, const Node *node)
{
    Simplifier *s = graph->simplifier;
    NodeId equal = *find_slot(graph, node);
    if (equal != NONE)
        return equal;
    if (op_info[node->op].arity == 0 && node->op != OP_INDEX && node->op != OP_TABLE)
        return NONE;
    const Rewrite *const tables[] = {pointwise_rewrites, move_rewrites, fold_rewrites, window_rewrites};
    for (int t = 0, which = 0; t < 4; t++)
        for (const Rewrite *rewrite = tables[t]; rewrite->name; rewrite++, which++) {
            if (s->nested == MOST_NESTED)
                bug("the rewrite %s of %s does not end", rewrite->name, op_info[node->op].name);
            s->nested++;
            NodeId simpler = rewrite->apply(graph, node);
            s->nested--;
            if (simpler == NONE)
                continue;
            if (!same_type(graph->nodes[simpler].type, node->type))
                bug("the rewrite %s makes %s of %s", rewrite->name, shape_text(s->scratch, graph->nodes[simpler].type),
                    shape_text(s->scratch, node->type));
            if (s->uses)
                s->uses[which]++;
            return simpler;
        }
    return NONE;
}

int reader_count(const Graph *graph, NodeId node)
{
    const Simplifier *s = graph->simplifier;
    return node < s->readers_room ? s->readers[node] : 0;
}

static void add_readers(Simplifier *s, NodeId node, int readers)
{
    if (node >= s->readers_room) {
        int room = 2 * (node + 1);
        int *more = NEW(s->scratch, int, room);
        if (s->readers)
            memcpy(more, s->readers, sizeof *more * (size_t)s->readers_room);
        s->readers = more;
        s->readers_room = room;
    }
    s->readers[node] += readers;
}

/* ---- origins ----------------------------------------------------------------------------------------------------- */

static int tells(const Origin *origin)
{
    return 2 * !origin->rule + 4 * (origin->name != NULL);
}

/* The node also stands for one that came from `origin`. What is there before anything is computed keeps its own. */
static void credit(Graph *graph, NodeId node, const Origin *origin)
{
    OpClass class = op_info[graph->nodes[node].op].class;
    if (class == LEAF || class == RANDOM)
        return;
    Origin *own = &graph->nodes[node].origin;
    NodeId gradient_of =
        renown(graph, origin->gradient_of) > renown(graph, own->gradient_of) ? origin->gradient_of : own->gradient_of;
    if (tells(origin) > tells(own))
        *own = *origin;
    own->gradient_of = own->rule ? gradient_of : NONE;
}

/* ---- the pass ---------------------------------------------------------------------------------------------------- */

static bool *needed_by(const Graph *graph, Arena *scratch, NodeId **roots, int count)
{
    NodeId *nodes = NEW(scratch, NodeId, count + 1);
    for (int r = 0; r < count; r++)
        nodes[r] = *roots[r];
    return needed_for(graph, scratch, nodes, count);
}

static NodeId renewed_id(const NodeId *renewed, NodeId old)
{
    return old == NONE ? NONE : renewed[old];
}

static void renew_roots(const NodeId *renewed, NodeId **roots, int count)
{
    for (int r = 0; r < count; r++)
        *roots[r] = renewed_id(renewed, *roots[r]);
}

static void rebuild(Graph *graph, Arena *scratch, NodeId **roots, int root_count)
{
    const Node *old = graph->nodes;
    int old_count = graph->count;
    bool *needed = needed_by(graph, scratch, roots, root_count);
    int *readers = NEW(scratch, int, old_count + 1);
    for (NodeId id = 0; id < old_count; id++)
        for (int i = 0; needed[id] && i < op_info[old[id].op].arity; i++)
            readers[old[id].operand[i]]++;
    for (int r = 0; r < root_count; r++)
        if (*roots[r] != NONE)
            readers[*roots[r]]++;
    NodeId *renewed = NEW(scratch, NodeId, old_count + 1);

    graph->nodes = NULL;
    graph->count = graph->room = 0;
    for (NodeId id = 0; id < old_count; id++) {
        renewed[id] = NONE;
        if (!needed[id])
            continue;
        NodeId operands[MAX_OPERANDS];
        int arity = op_info[old[id].op].arity;
        for (int i = 0; i < arity; i++)
            operands[i] = renewed[old[id].operand[i]];
        Origin origin = old[id].origin;
        origin.of = renewed_id(renewed, origin.of);
        origin.gradient_of = renewed_id(renewed, origin.gradient_of);
        graph->now = origin;
        if (arity > 0) {                /* what a rewrite makes on the way has the place, not the name */
            graph->now.name = NULL;
            graph->now.gradient_of = NONE;
        }
        renewed[id] = new_node(graph, old[id].op, operands, arity, old[id].attributes);
        credit(graph, renewed[id], &origin);
        add_readers(graph->simplifier, renewed[id], readers[id]);
    }
    renew_roots(renewed, roots, root_count);
}

static void drop_unneeded(Graph *graph, Arena *scratch, NodeId **roots, int root_count)
{
    bool *needed = needed_by(graph, scratch, roots, root_count);
    NodeId *renewed = NEW(scratch, NodeId, graph->count + 1);
    int count = 0;
    for (NodeId id = 0; id < graph->count; id++) {
        renewed[id] = needed[id] ? count : NONE;
        if (!needed[id])
            continue;
        Node node = graph->nodes[id];
        for (int i = 0; i < op_info[node.op].arity; i++)
            node.operand[i] = renewed[node.operand[i]];
        node.origin.of = renewed_id(renewed, node.origin.of);
        node.origin.gradient_of = renewed_id(renewed, node.origin.gradient_of);
        graph->nodes[count++] = node;
    }
    graph->count = count;
    renew_roots(renewed, roots, root_count);
}

void simplify_roots(Graph *graph, NodeId **roots, int count, int *uses)
{
    Arena *scratch = arena_new();
    Simplifier simplifier = {.scratch = scratch, .uses = uses};
    Origin caller = graph->now;
    new_table(&simplifier, 1024);
    graph->simplifier = &simplifier;
    rebuild(graph, scratch, roots, count);
    graph->simplifier = NULL;
    graph->now = caller;
    graph->now.of = graph->now.gradient_of = NONE;
    drop_unneeded(graph, scratch, roots, count);
    arena_free(scratch);
}

void simplify(Model *model)
{
    int count;
    Arena *scratch = arena_new();
    NodeId **roots = model_roots(scratch, model, &count);
    simplify_roots(model->graph, roots, count, NULL);
    arena_free(scratch);
}
