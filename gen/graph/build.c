/* build.c: makes nodes: everything that appends to a graph comes through new_node.
 *
 * Makers of the model language (apply, matmul, sum_axes …) bring operands to a common shape by explicit RESHAPE and BROADCAST
 * nodes, so that every operation itself is defined on equal shapes and has one gradient rule. Only the last node of such a
 * group carries graph->now.name; its helpers have the place and no name. */
#include "graph/build.h"
#include "graph/rules.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

Attributes attributes(void)
{
    Attributes empty;
    memset(&empty, 0, sizeof empty);    /* the padding too */
    empty.leaf = NONE;
    return empty;
}

NodeId new_node(Graph *graph, Op op, const NodeId *operands, int count, Attributes attributes)
{
    Node node = {.op = op, .operand = {NONE, NONE, NONE}, .attributes = attributes, .origin = graph->now};
    Question question = {.graph = graph, .op = op, .count = count, .operand = {NONE, NONE, NONE}, .attributes = &attributes};
    for (int i = 0; i < count; i++) {
        if (operands[i] < 0 || operands[i] >= graph->count)
            bug("%s of node %d, of %d", op_info[op].name, operands[i], graph->count);
        node.operand[i] = question.operand[i] = operands[i];
    }
    node.type = infer_type(&question);
    NodeId simpler = graph->simplifier ? find_simpler(graph, &node) : NONE;
    if (simpler != NONE)
        return simpler;
    ARENA_PUSH(graph->arena, graph->nodes, graph->count, graph->room, node);
    if (graph->simplifier)
        remember_node(graph, graph->count - 1);
    return graph->count - 1;
}

/* Helpers of the node that the caller is about to make carry no name. Gives back the origin to restore. */
static Origin nameless(Graph *graph)
{
    Origin caller = graph->now;
    graph->now.name = NULL;
    graph->now.gradient_of = NONE;
    return caller;
}

/* ---- leaves and plain makers ------------------------------------------------------------------------------------- */

NodeId constant(Graph *graph, double value)
{
    Attributes number = attributes();
    number.value = value;
    return new_node(graph, OP_CONSTANT, NULL, 0, number);
}

NodeId leaf_scalar(Graph *graph, Op op)
{
    return new_node(graph, op, NULL, 0, attributes());
}

NodeId index_along(Graph *graph, Type type, int axis)
{
    Attributes place = attributes();
    place.axis = axis;
    place.type = type;
    place.type.scalar = INT;
    return new_node(graph, OP_INDEX, NULL, 0, place);
}

NodeId broadcast_axes(Graph *graph, NodeId a, uint32_t axes, Type type)
{
    if (!axes)
        return a;
    Attributes repeat = attributes();
    repeat.axes = axes;
    repeat.type = type;
    repeat.type.scalar = type_of(graph, a).scalar;
    return new_node(graph, OP_BROADCAST, &a, 1, repeat);
}

NodeId reshape_to(Graph *graph, NodeId a, int rank, const int64_t *size)
{
    Attributes sizes = attributes();
    sizes.type = (Type){.scalar = type_of(graph, a).scalar, .per_row = type_of(graph, a).per_row, .rank = rank};
    for (int d = 0; d < rank; d++)
        sizes.type.size[d] = size[d];
    return new_node(graph, OP_RESHAPE, &a, 1, sizes);
}

NodeId permute(Graph *graph, NodeId a, const int8_t *order)
{
    Attributes axes = attributes();
    memcpy(axes.order, order, (size_t)type_of(graph, a).rank);
    return new_node(graph, OP_PERMUTE, &a, 1, axes);
}

NodeId slice(Graph *graph, NodeId a, int axis, int64_t from, int64_t to)
{
    Attributes part = attributes();
    part.axis = axis;
    part.from = from;
    part.to = to;
    return new_node(graph, OP_SLICE, &a, 1, part);
}

NodeId pad(Graph *graph, NodeId a, int axis, int64_t before, int64_t after, double value)
{
    Attributes border = attributes();
    border.axis = axis;
    border.from = before;
    border.to = after;
    border.value = value;
    return new_node(graph, OP_PAD, &a, 1, border);
}

static Attributes windows_of(Windows windows)
{
    Attributes a = attributes();
    a.axis = windows.axis;
    a.window = windows.window;
    a.stride = windows.stride;
    a.dilation = windows.dilation;
    a.from = windows.before;
    a.to = windows.after;
    return a;
}

NodeId unfold(Graph *graph, NodeId a, Windows windows, double value)
{
    Attributes w = windows_of(windows);
    w.value = value;
    return new_node(graph, OP_UNFOLD, &a, 1, w);
}

NodeId fold(Graph *graph, NodeId a, Windows windows, int64_t size)
{
    Attributes w = windows_of(windows);
    w.size = size;
    return new_node(graph, OP_FOLD, &a, 1, w);
}

/* a along the batch of the other operand, where only that one has it. */
static NodeId with_batch(Graph *graph, NodeId a)
{
    Type type = type_of(graph, a);
    type.per_row = true;
    return broadcast_axes(graph, a, 1, type);
}

NodeId concat(Graph *graph, NodeId a, NodeId b, int axis)
{
    Origin caller = nameless(graph);
    if (type_of(graph, a).per_row && !type_of(graph, b).per_row)
        b = with_batch(graph, b);
    else if (type_of(graph, b).per_row && !type_of(graph, a).per_row)
        a = with_batch(graph, a);
    graph->now = caller;
    Attributes joined = attributes();
    joined.axis = axis;
    return new_node(graph, OP_CONCAT, (NodeId[]){a, b}, 2, joined);
}

NodeId reduce(Graph *graph, Op op, NodeId a, uint32_t axes)
{
    Attributes folded = attributes();
    folded.axes = axes;
    return new_node(graph, op, &a, 1, folded);
}

static Attributes with_letters(const char *letters)
{
    Attributes a = attributes();
    if (strlen(letters) >= sizeof a.letters)
        bug("letters %s", letters);
    strcpy(a.letters, letters);
    return a;
}

NodeId contract(Graph *graph, NodeId a, NodeId b, const char *letters)
{
    return new_node(graph, OP_CONTRACT, (NodeId[]){a, b}, 2, with_letters(letters));
}

NodeId gather(Graph *graph, NodeId a, NodeId index, const char *letters)
{
    return new_node(graph, OP_GATHER, (NodeId[]){a, index}, 2, with_letters(letters));
}

NodeId scatter_add(Graph *graph, NodeId a, NodeId index, const char *letters, int64_t size)
{
    Attributes placed = with_letters(letters);
    placed.size = size;
    return new_node(graph, OP_SCATTER_ADD, (NodeId[]){a, index}, 2, placed);
}

NodeId assign(Graph *graph, int leaf, NodeId value)
{
    Type target = graph->leaves[leaf].type;
    Attributes where = attributes();
    where.leaf = leaf;
    if (type_of(graph, value).rank == 0 && !type_of(graph, value).per_row && target.rank > 0) {
        Origin caller = nameless(graph);
        value = broadcast_to(graph, value, target);
        graph->now = caller;
    }
    return new_node(graph, OP_ASSIGN, &value, 1, where);
}

/* ---- broadcasting ------------------------------------------------------------------------------------------------ */

/* Sizes are aligned at the last axis; the batch stands apart and meets only the batch. Axes on which `a` is repeated are first
 * taken out of it (they have size 1), then new in the result. */
NodeId broadcast_to(Graph *graph, NodeId a, Type type)
{
    Type from = type_of(graph, a);
    if (same_shape(from, type))
        return a;
    int missing = type.rank - from.rank;
    if (missing < 0 || (from.per_row && !type.per_row))
        bug("broadcast of %s to %s", shape_text(graph->arena, from), shape_text(graph->arena, type));
    uint32_t new_axes = type.per_row && !from.per_row;
    Type kept = {.rank = 0};
    bool repeats = new_axes;
    for (int d = 0; d < type.rank; d++) {
        bool is_new = d < missing || (from.size[d - missing] == 1 && type.size[d] != 1);
        if (is_new) {
            new_axes |= 1u << (d + 1);
            repeats |= type.size[d] != 1;
        } else {
            kept.size[kept.rank++] = from.size[d - missing];
        }
    }
    if (!repeats)
        return reshape_to(graph, a, type.rank, type.size);
    if (kept.rank != from.rank)
        a = reshape_to(graph, a, kept.rank, kept.size);
    return broadcast_axes(graph, a, new_axes, type);
}

/* NumPy's common shape, or a refusal that shows the operands as the user made them. */
static Type common_shape(const Question *question)
{
    Type common = {.rank = 0};
    for (int i = 0; i < question->count; i++) {
        Type type = type_of(question->graph, question->operand[i]);
        common.per_row |= type.per_row;
        common.rank = type.rank > common.rank ? type.rank : common.rank;
    }
    for (int back = 1; back <= common.rank; back++) {
        int64_t *size = &common.size[common.rank - back];
        *size = 1;
        for (int i = 0; i < question->count; i++) {
            Type type = type_of(question->graph, question->operand[i]);
            int64_t here = back <= type.rank ? type.size[type.rank - back] : 1;
            if (here != 1 && *size != 1 && here != *size)
                refuse(question, "axis by axis from the last one, sizes must be equal, or one of them 1",
                       "the shapes do not fit: axis %d is %" PRId64 " in one and %" PRId64 " in another", -back, *size, here);
            *size = *size == 1 ? here : *size;
        }
    }
    return common;
}

static NodeId apply(Graph *graph, Op op, int count, const NodeId *operands)
{
    Attributes none = attributes();
    Question question = {.graph = graph, .op = op, .count = count, .attributes = &none};
    NodeId brought[MAX_OPERANDS];
    memcpy(question.operand, operands, sizeof *operands * (size_t)count);
    if (op == OP_SELECT)
        require_one_kind(&question, 1);
    else if (op_is_comparison(op) && graph->nodes[operands[0]].op != OP_CONSTANT && graph->nodes[operands[1]].op != OP_CONSTANT)
        require_one_kind(&question, 0);
    else if (!op_is_comparison(op) && op != OP_FLOAT && op != OP_DETACH)
        require_floats(&question);
    Type common = common_shape(&question);
    Origin caller = nameless(graph);
    for (int i = 0; i < count; i++) {
        /* A class is compared with a number (label:eq(3)) as a number: exact, so nobody has to write nn.float. */
        NodeId other = operands[(i + 1) % count], a = operands[i];
        if (op_is_comparison(op) && type_of(graph, a).scalar == INT && graph->nodes[other].op == OP_CONSTANT)
            a = new_node(graph, OP_FLOAT, &a, 1, attributes());
        brought[i] = broadcast_to(graph, a, common);
    }
    graph->now = caller;
    return new_node(graph, op, brought, count, attributes());
}

NodeId apply1(Graph *graph, Op op, NodeId a)
{
    if (op == OP_FLOAT && type_of(graph, a).scalar == FLOAT)
        return a;
    return apply(graph, op, 1, &a);
}

NodeId apply2(Graph *graph, Op op, NodeId a, NodeId b)
{
    return apply(graph, op, 2, (NodeId[]){a, b});
}

NodeId apply3(Graph *graph, Op op, NodeId a, NodeId b, NodeId c)
{
    return apply(graph, op, 3, (NodeId[]){a, b, c});
}

NodeId times_number(Graph *graph, double number, NodeId a)
{
    Origin caller = nameless(graph);
    NodeId factor = constant(graph, number);
    graph->now = caller;
    return multiply(graph, factor, a);
}

/* ---- the folds of the model language ----------------------------------------------------------------------------- */

uint32_t all_axes(Type type)
{
    return ((1u << type.rank) - 1) << 1 | (type.per_row ? 1 : 0);
}

NodeId mask_rows(Graph *graph, NodeId a)
{
    Type type = type_of(graph, a);
    Origin caller = nameless(graph);
    NodeId mask = broadcast_axes(graph, leaf_scalar(graph, OP_ROW_MASK), all_axes(type) & ~1u, type);
    graph->now = caller;
    return multiply(graph, mask, a);
}

NodeId sum_axes(Graph *graph, NodeId a, uint32_t axes)
{
    if (!axes)
        return a;
    if (axes & 1 && type_of(graph, a).per_row) {
        Origin caller = nameless(graph);
        a = mask_rows(graph, a);
        graph->now = caller;
    }
    return reduce(graph, OP_SUM, a, axes);
}

NodeId max_axes(Graph *graph, NodeId a, uint32_t axes)
{
    if (!axes)
        return a;
    if (axes & 1 && type_of(graph, a).per_row) {
        Origin caller = nameless(graph);
        NodeId is_valid = leaf_scalar(graph, OP_ROW_MASK), least = constant(graph, -INFINITY);
        a = apply3(graph, OP_SELECT, is_valid, a, least);
        graph->now = caller;
    }
    return reduce(graph, OP_MAX, a, axes);
}

NodeId fold_size(Graph *graph, Type type, uint32_t axes)
{
    int64_t count = 1;
    for (int axis = 1; axis <= type.rank; axis++)
        if (axes >> axis & 1)
            count *= type.size[axis - 1];
    if (!(axes & 1))
        return constant(graph, (double)count);
    NodeId rows = leaf_scalar(graph, OP_ROWS);
    return count == 1 ? rows : times_number(graph, (double)count, rows);
}

/* ---- matmul ------------------------------------------------------------------------------------------------------ */

/* One operand of matmul as letters: its leading axes, aligned at the last of them, then its own one or two. Axes of size 1
 * that the other operand repeats are taken out. */
static NodeId matmul_side(Graph *graph, NodeId a, int leading, const int64_t *common, const char *own, char *letters)
{
    Type type = type_of(graph, a);
    int own_axes = (int)strlen(own), here = type.rank - own_axes;
    Type kept = {.rank = 0};
    if (type.per_row)
        *letters++ = 'b';
    for (int d = 0; d < here; d++) {
        int place = leading - here + d;
        if (type.size[d] == 1 && common[place] != 1)
            continue;
        kept.size[kept.rank++] = type.size[d];
        *letters++ = (char)('p' + place);
    }
    for (int d = here; d < type.rank; d++)
        kept.size[kept.rank++] = type.size[d];
    strcpy(letters, own);
    return kept.rank == type.rank ? a : reshape_to(graph, a, kept.rank, kept.size);
}

/* (…, m, k) by (…, k, n): letters i, k, j; a vector on the left is i, on the right j. Leading axes p, q, r, s are broadcast by
 * leaving them out of the side that lacks them. */
NodeId matmul(Graph *graph, NodeId a, NodeId b)
{
    Attributes none = attributes();
    Question question = {.graph = graph, .op = OP_CONTRACT, .count = 2, .operand = {a, b}, .attributes = &none};
    require_floats(&question);
    Type left = type_of(graph, a), right = type_of(graph, b);
    if (left.rank == 0 || right.rank == 0)
        refuse(&question, "use * for a product with a scalar", "a scalar has no axis to sum over");
    int64_t inner_left = left.size[left.rank - 1], inner_right = right.size[right.rank == 1 ? 0 : right.rank - 2];
    if (inner_left != inner_right)
        refuse(&question,
               right.rank >= 2 && inner_left == right.size[right.rank - 1] ? "transpose the right one"
                                                                           : "swap the operands, or transpose one of them",
               "the inner sizes differ, %" PRId64 " and %" PRId64, inner_left, inner_right);

    int own_left = left.rank == 1 ? 1 : 2, own_right = right.rank == 1 ? 1 : 2;
    int leading_left = left.rank - own_left, leading_right = right.rank - own_right;
    int leading = leading_left > leading_right ? leading_left : leading_right;
    int64_t common[MAX_RANK] = {0};
    for (int d = 0; d < leading; d++) {
        int l = d - (leading - leading_left), r = d - (leading - leading_right);
        int64_t size_left = l < 0 ? 1 : left.size[l], size_right = r < 0 ? 1 : right.size[r];
        if (size_left != size_right && size_left != 1 && size_right != 1)
            refuse(&question, "the leading axes must be equal, or one of them 1",
                   "the leading sizes differ, %" PRId64 " and %" PRId64, size_left, size_right);
        common[d] = size_left == 1 ? size_right : size_left;
    }

    bool matrices = left.rank > 1 && right.rank > 1, vectors = left.rank == 1 && right.rank == 1;
    const char *own_letters_left = matrices ? "ik" : left.rank == 1 ? "i" : "ij";
    const char *own_letters_right = matrices ? "kj" : left.rank == 1 && !vectors ? "ij" : vectors ? "i" : "j";
    const char *own_result = matrices ? "ij" : vectors ? "" : left.rank == 1 ? "j" : "i";
    char left_letters[MAX_RANK + 2], right_letters[MAX_RANK + 2], result_leading[MAX_RANK + 1] = "", all[64];
    Origin caller = nameless(graph);
    a = matmul_side(graph, a, leading, common, own_letters_left, left_letters);
    b = matmul_side(graph, b, leading, common, own_letters_right, right_letters);
    graph->now = caller;
    for (int d = 0; d < leading; d++)
        result_leading[d] = (char)('p' + d);
    snprintf(all, sizeof all, "%s,%s->%s%s%s", left_letters, right_letters, left.per_row || right.per_row ? "b" : "",
             result_leading, own_result);
    return contract(graph, a, b, all);
}

/* ---- substitution ------------------------------------------------------------------------------------------------ */

/* A forward node comes before what `reader` says of it. */
static NodeId renewed_or_same(const NodeId *renewed, NodeId reader, NodeId node)
{
    return node != NONE && node < reader && renewed[node] != NONE ? renewed[node] : node;
}

/* The recurrences in which something changes get numbers of their own: those of the old ones may stay in use. */
static int *renumber_loops(Graph *graph, Arena *arena, const bool *needed, const NodeId *renewed, NodeId last)
{
    int *number = NEW(arena, int, graph->loop_count + 1);
    bool *changed = NEW(arena, bool, last + 1);
    int before = graph->loop_count;
    for (NodeId id = 0; id <= last && before; id++) {
        const Node *node = &graph->nodes[id];
        int loop = node->attributes.loop;
        changed[id] = renewed[id] != NONE || (node->op == OP_PREVIOUS && number[loop]);
        for (int i = 0; i < op_info[node->op].arity; i++)
            changed[id] |= changed[node->operand[i]];
        if ((node->op == OP_SCAN || node->op == OP_PREVIOUS) && needed[id] && changed[id] && !number[loop]) {
            number[loop] = ++graph->loop_count;
            id = node->op == OP_SCAN ? previous_of(graph, loop) - 1 : id;
        }
    }
    return number;
}

void substitute_all(Graph *graph, NodeId *roots, int root_count, const NodeId *from, const NodeId *to, int count)
{
    int last = NONE;
    Arena *scratch = arena_new();
    bool *needed = needed_for(graph, scratch, roots, root_count);
    for (NodeId id = 0; id < graph->count; id++)
        last = needed[id] ? id : last;                        /* a recurrence may end behind the root that looks into it */
    NodeId *renewed = NEW(scratch, NodeId, last + 1);
    for (NodeId id = 0; id <= last; id++)
        renewed[id] = NONE;
    for (int i = 0; i < count; i++) {
        if (!same_type(type_of(graph, from[i]), type_of(graph, to[i])))
            bug("%%%d stands in for %%%d of another type", to[i], from[i]);
        if (from[i] <= last)
            renewed[from[i]] = to[i];
    }
    Origin caller = graph->now;
    int *number = renumber_loops(graph, scratch, needed, renewed, last);
    for (NodeId id = 0; id <= last; id++) {
        if (!needed[id] || renewed[id] != NONE)
            continue;
        Node node = graph->nodes[id];
        int arity = op_info[node.op].arity;
        bool changed = node.attributes.loop && number[node.attributes.loop];
        if (changed)
            node.attributes.loop = number[node.attributes.loop];
        for (int i = 0; i < arity; i++) {
            NodeId operand = renewed[node.operand[i]];
            changed |= operand != node.operand[i];
            node.operand[i] = operand;
        }
        graph->now = node.origin;       /* what it derives from may have a new node as well */
        graph->now.of = renewed_or_same(renewed, id, node.origin.of);
        graph->now.gradient_of = renewed_or_same(renewed, id, node.origin.gradient_of);
        renewed[id] = changed ? new_node(graph, node.op, node.operand, arity, node.attributes) : id;
    }
    graph->now = caller;
    for (int r = 0; r < root_count; r++)
        if (roots[r] != NONE)
            roots[r] = renewed[roots[r]];
    arena_free(scratch);
}

NodeId substitute(Graph *graph, NodeId root, const NodeId *from, const NodeId *to, int count)
{
    substitute_all(graph, &root, 1, from, to, count);
    return root;
}
