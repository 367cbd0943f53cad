/* graph.c: the graph as a container: the operation table as data, leaves, types.
 *
 * Takes nothing but an arena; everything lives in it. Nodes are made in build.c, their types are inferred in shape.c. */
#include "graph/build.h"
#include "graph/rules.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

const OpInfo op_info[OP_COUNT] = {
#define OP(NAME, name, arity, CLASS, shape, gradient, c, formula, binding, ...) [OP_##NAME] = {#name, arity, CLASS, c, formula, BIND_##binding},
#include "graph/ops.def"
};

bool op_is_call(Op op)
{
    return strstr(op_info[op].c, "@(") && op != OP_RELU && op != OP_SIGN && op != OP_ABS && op != OP_MAXIMUM && op != OP_MINIMUM;
}

bool op_is_comparison(Op op)
{
    return op_info[op].binding == BIND_COMPARE || op_info[op].binding == BIND_EQUALITY;
}

Graph *graph_new(Arena *arena)
{
    Graph *graph = NEW(arena, Graph, 1);
    graph->arena = arena;
    graph->now.of = graph->now.gradient_of = NONE;
    return graph;
}

static const char *leaf_word(LeafKind kind)
{
    switch (kind) {
    case LEAF_INPUT: return "input";
    case LEAF_PARAMETER: return "parameter";
    case LEAF_SLOT: return "optimizer slot";
    case LEAF_STATISTIC: return "running statistic";
    }
    bug("leaf kind %d", (int)kind);
}

static Op leaf_op(LeafKind kind)
{
    return kind == LEAF_INPUT ? OP_INPUT : kind == LEAF_PARAMETER ? OP_PARAMETER : OP_STATE;
}

static void refuse_second(Graph *graph, const Leaf *leaf, const Leaf *first)
{
    const char *name = quoted(graph->arena, leaf->name);
    if (first->place.file)
        fail_at(leaf->place, "a second tensor named %s\nthe first, a%s %s, was made at %s:%d\ngive one of them another name",
                name, strchr("aeiou", leaf_word(first->kind)[0]) ? "n" : "", leaf_word(first->kind), first->place.file,
                first->place.line);
    fail_at(leaf->place, "a second tensor named %s\nthe first is a%s %s\ngive one of them another name", name,
            strchr("aeiou", leaf_word(first->kind)[0]) ? "n" : "", leaf_word(first->kind));
}

void name_node(Node *node, const char *name)
{
    node->origin.name = name;
    node->origin.after = NULL;
}

NodeId new_leaf(Graph *graph, Leaf leaf)
{
    for (int l = 0; l < graph->leaf_count; l++)
        if (!strcmp(graph->leaves[l].name, leaf.name))
            refuse_second(graph, &leaf, &graph->leaves[l]);
    Attributes which = attributes();
    which.leaf = graph->leaf_count;
    ARENA_PUSH(graph->arena, graph->leaves, graph->leaf_count, graph->leaf_room, leaf);

    Origin caller = graph->now;
    graph->now.name = leaf.name;
    if (leaf.place.file)
        graph->now.place = leaf.place;
    NodeId node = new_node(graph, leaf_op(leaf.kind), NULL, 0, which);
    graph->now = caller;
    return graph->leaves[which.leaf].node = node;
}

/* Saturates: a type is judged by this number before anything is made of it. */
int64_t element_count(Type type)
{
    int64_t count = 1;
    for (int d = 0; d < type.rank; d++)
        if (__builtin_mul_overflow(count, type.size[d], &count))
            return INT64_MAX;
    return count;
}

const char *shape_text(Arena *arena, Type type)
{
    Text text = text_new(arena);
    text_add(&text, type.per_row ? "(batch" : "(");
    for (int d = 0; d < type.rank; d++)
        text_print(&text, "%s%" PRId64, d || type.per_row ? ", " : "", type.size[d]);
    text_add(&text, ")");
    return text.bytes;
}

bool same_shape(Type a, Type b)
{
    if (a.per_row != b.per_row || a.rank != b.rank)
        return false;
    for (int d = 0; d < a.rank; d++)
        if (a.size[d] != b.size[d])
            return false;
    return true;
}

bool same_type(Type a, Type b)
{
    return a.scalar == b.scalar && same_shape(a, b);
}

Type scalar_type(Scalar scalar)
{
    return (Type){.scalar = scalar};
}

int64_t axis_size(Type type, int axis)
{
    if (axis < 1 || axis > type.rank)
        bug("axis %d of a tensor of rank %d", axis, type.rank);
    return type.size[axis - 1];
}

Type without_axes(Type type, uint32_t axes)
{
    Type rest = {.scalar = type.scalar, .per_row = type.per_row && !(axes & 1)};
    for (int axis = 1; axis <= type.rank; axis++)
        if (!(axes >> axis & 1))
            rest.size[rest.rank++] = type.size[axis - 1];
    return rest;
}

/* Numbers are compared as bits: 0 and -0 differ, a NaN equals itself. Tables are compared by content. */
bool equal_attributes(const Attributes *a, const Attributes *b, int64_t table_elements)
{
    if (a->axes != b->axes || a->axis != b->axis || a->from != b->from || a->to != b->to || a->leaf != b->leaf ||
        a->stream != b->stream || a->window != b->window || a->stride != b->stride || a->dilation != b->dilation || a->size != b->size ||
        a->loop != b->loop || a->backward != b->backward)
        return false;
    if (a->window != b->window || a->stride != b->stride || a->dilation != b->dilation || a->size != b->size)
        return false;
    if (memcmp(a->order, b->order, sizeof a->order) || memcmp(a->letters, b->letters, sizeof a->letters))
        return false;
    if (memcmp(&a->value, &b->value, sizeof a->value) || !same_type(a->type, b->type))
        return false;
    return a->table == b->table ||
           (a->table && b->table && !memcmp(a->table, b->table, sizeof *a->table * (size_t)table_elements));
}

Letters split_letters(const char *letters)
{
    Letters split = {{"", ""}, ""};
    const char *comma = strchr(letters, ','), *arrow = strstr(letters, "->");
    memcpy(split.operand[0], letters, (size_t)(comma - letters));
    memcpy(split.operand[1], comma + 1, (size_t)(arrow - comma - 1));
    strcpy(split.result, arrow + 2);
    return split;
}

static int64_t folded_elements(Type type, uint32_t axes)
{
    int64_t elements = 1;
    for (int axis = 1; axis <= type.rank; axis++)
        elements *= axes >> axis & 1 ? axis_size(type, axis) : 1;
    return elements;
}

/* `looks` bounds the walk: choices of choices would double it each time. */
static int64_t limit_of(const Graph *graph, NodeId id, int *looks)
{
    const Node *node = &graph->nodes[id];
    const Attributes *a = &node->attributes;
    if (node->type.scalar != INT || --*looks < 0)
        return INT64_MAX;
    switch (node->op) {
    case OP_INPUT: return graph->leaves[a->leaf].classes > 0 ? graph->leaves[a->leaf].classes : INT64_MAX;
    case OP_INDEX: return a->axis == 0 ? INT64_MAX : axis_size(node->type, a->axis);
    case OP_ARGMAX: return a->axes & 1 ? INT64_MAX : folded_elements(type_of(graph, node->operand[0]), a->axes);
    case OP_PAD: {
        int64_t inside = limit_of(graph, node->operand[0], looks);
        if (!(a->value >= 0 && a->value < 0x1p31))
            return INT64_MAX;
        return (int64_t)a->value >= inside ? (int64_t)a->value + 1 : inside;
    }
    case OP_SELECT: case OP_CONCAT: {
        int first = node->op == OP_SELECT;
        int64_t left = limit_of(graph, node->operand[first], looks), right = limit_of(graph, node->operand[first + 1], looks);
        return left > right ? left : right;
    }
    case OP_BROADCAST: case OP_RESHAPE: case OP_PERMUTE: case OP_SLICE: case OP_DETACH: case OP_GATHER:
        return limit_of(graph, node->operand[0], looks);
    default: return INT64_MAX;
    }
}

int64_t index_limit(const Graph *graph, NodeId node)
{
    int looks = 1000;
    return limit_of(graph, node, &looks);
}

bool *needed_for(const Graph *graph, Arena *arena, const NodeId *roots, int count)
{
    bool *needed = NEW(arena, bool, graph->count + 1);
    for (int r = 0; r < count; r++)
        if (roots[r] != NONE)
            needed[roots[r]] = true;
    NodeId *scan = scans_of(graph, arena);
    for (NodeId id = graph->count - 1; id >= 0; id--) {
        const Node *node = &graph->nodes[id];
        for (int i = 0; needed[id] && i < op_info[node->op].arity; i++)
            needed[node->operand[i]] = true;
        if (needed[id] && node->op == OP_SCAN)
            needed[previous_of(graph, node->attributes.loop)] = true;
        NodeId closing = needed[id] && node->op == OP_PREVIOUS ? scan[node->attributes.loop] : NONE;
        if (closing != NONE && !needed[closing]) {            /* a later node: once more from there */
            needed[closing] = true;
            id = closing + 1;
        }
    }
    return needed;
}

int renown(const Graph *graph, NodeId node)
{
    return node == NONE ? 0 : op_of(graph, node) == OP_PARAMETER ? 3 : graph->nodes[node].origin.name ? 2 : 1;
}
