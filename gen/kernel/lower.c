/* lower.c: from a node to the scalar expression that computes one element of it.
 *
 * Takes a node and an index for each of its dimensions, gives a Term. Moves (broadcast, permute, slice …) vanish: they only
 * change the indices that their operand is read with. Nodes that fuse.c decided to store become reads of their buffers; folds
 * are always stored, so a term never loops. */
#include "kernel/fuse_internal.h"
#include <string.h>

int dimensions(const Model *model, Type type, int64_t *size)
{
    int count = 0;
    if (type.per_row)
        size[count++] = model->batch;
    for (int d = 0; d < type.rank; d++)
        size[count++] = type.size[d];
    return count;
}

/* A recurrence's PREVIOUS and SCAN are two views of one array, the SCAN's. */
static NodeId state_of(const Plan *plan, NodeId id)
{
    const Node *node = &plan->model->graph->nodes[id];
    return node->op == OP_PREVIOUS ? plan->recurrences.scan[node->attributes.loop] : id;
}

int state_shift(const Node *node)
{
    return node->op == OP_SCAN ? !node->attributes.backward : node->op == OP_PREVIOUS ? node->attributes.backward : 0;
}

int buffer_for(Plan *plan, NodeId id, BufferKind kind)
{
    id = state_of(plan, id);
    if (is_part(plan, id)) {
        NodeId whole = plan->goes_to[id];
        while (plan->goes_to[whole] != NONE)
            whole = plan->goes_to[whole];
        return plan->buffer_of[id] = buffer_for(plan, whole, kind);
    }
    const Node *node = &plan->model->graph->nodes[id];
    int found = plan->buffer_of[id];
    if (found != NONE) {
        if (kind == BUFFER_RESULT && plan->buffer[found].kind == BUFFER_TEMPORARY)
            plan->buffer[found].kind = BUFFER_RESULT;
        return found;
    }
    Buffer buffer = {.kind = kind, .node = id, .leaf = NONE, .scalar = node->type.scalar, .first = NONE, .last = NONE, .place = NONE, .next_there = NONE, .copy_of = NONE};
    if (node->op == OP_INPUT || node->op == OP_PARAMETER || node->op == OP_STATE) {
        buffer.leaf = node->attributes.leaf;
        buffer.kind = node->op == OP_INPUT ? BUFFER_INPUT : node->op == OP_PARAMETER ? BUFFER_PARAMETER : BUFFER_STATE;
    }
    buffer.rank = dimensions(plan->model, node->type, buffer.size);
    for (int d = 0; d < buffer.rank; d++)
        buffer.order[d] = (int8_t)d;
    if (node->op == OP_SCAN) {
        buffer.size[node->type.per_row]++;
        plan->buffer_of[plan->recurrences.previous[node->attributes.loop]] = plan->buffer_count;
    }
    buffer.is_gradient = node->origin.gradient_of != NONE;
    ARENA_PUSH(plan->arena, plan->buffer, plan->buffer_count, plan->buffer_room, buffer);
    return plan->buffer_of[id] = plan->buffer_count - 1;
}

static Term *new_term(Plan *plan, TermKind kind, NodeId node)
{
    Term *term = NEW(plan->arena, Term, 1);
    *term = (Term){.kind = kind, .node = node, .scalar = plan->model->graph->nodes[node].type.scalar, .buffer = NONE, .stage = NONE};
    return term;
}

static Term *with_indices(Plan *plan, Term *term, const Index *index, int rank)
{
    term->rank = rank;
    term->index = arena_copy(plan->arena, index, sizeof *index * (size_t)rank);
    return term;
}

/* The operand's indices of a reshape, group by group: as few axes as hold the same number of elements, so that (4, 8, 16, 16) from
 * (32, 16, 16) is only 4 x 8 from 32. Within a group they are quotients and remainders of its flat index, which is 8 i + k for 32; across
 * groups nothing mixes, even where an index is outside of its axis and a condition around says so. Sizes of 1 are index 0. The batch
 * stays as it is. */
void reshaped(Type from, Type to, const Index *index, const Axis *axis, Index *out)
{
    const int batch = to.per_row;
    if (batch)
        out[0] = index[0];
    for (int f = from.rank - 1, t = to.rank - 1; f >= 0 || t >= 0;) {
        int first = f, first_to = t, wide = 0;
        int64_t size = f >= 0 ? from.size[f] : 1, size_to = t >= 0 ? to.size[t] : 1;
        while (size != size_to)
            if (size < size_to)
                size *= from.size[--first];
            else
                size_to *= to.size[--first_to];
        Index flat = index_constant(0);
        int64_t stride = 1;
        for (int d = t; d >= 0 && d >= first_to; stride *= to.size[d--])
            if (to.size[d] > 1)
                flat = wide++ ? index_add(flat, stride, index[batch + d]) : index[batch + d];
        int outermost = f + 1;                          /* its quotient is within its size */
        for (int d = f; d >= 0 && d >= first; d--)
            outermost = from.size[d] > 1 ? d : outermost;
        stride = 1;
        for (int d = f; d >= 0 && d >= first; stride *= from.size[d--]) {
            const Index quotient = from.size[d] == 1 ? index_constant(0) : stride == 1 ? flat : index_divide(flat, stride, axis);
            out[batch + d] = from.size[d] == 1 || d == outermost ? quotient : index_modulo(quotient, from.size[d], axis);
        }
        f = first - 1;
        t = first_to - 1;
    }
}

static Term *read_buffer(Plan *plan, NodeId id, const Index *index, const Axis *axis)
{
    Term *term = new_term(plan, TERM_READ, id);
    const Node *node = &plan->model->graph->nodes[id];
    term->buffer = buffer_for(plan, id, BUFFER_TEMPORARY);
    if (is_part(plan, id)) {
        Index place[MAX_RANK + 1];
        memcpy(place, index, sizeof *index * (size_t)(node->type.per_row + node->type.rank));
        place_in_whole(plan, id, axis, place);
        return with_indices(plan, term, place, plan->buffer[term->buffer].rank);
    }
    with_indices(plan, term, index, plan->buffer[term->buffer].rank);
    if (node->op == OP_SCAN || node->op == OP_PREVIOUS)
        term->index[node->type.per_row] = index_shift(index[node->type.per_row], state_shift(node));
    return term;
}

static Term *inside(Plan *plan, NodeId node, Term *term, Index index, int64_t from, int64_t to, Term *other)
{
    Term *choice = new_term(plan, TERM_INSIDE, node);
    choice->from = from;
    choice->to = to;
    choice->operand[0] = term;
    choice->operand[1] = other;
    return with_indices(plan, choice, &index, 1);
}

static Term *filling(Plan *plan, NodeId node, double value)
{
    Term *term = new_term(plan, TERM_NUMBER, node);
    term->number = value;
    return term;
}

Term *inside_or_zero(Plan *plan, NodeId node, Term *term, Index index, int64_t to)
{
    return inside(plan, node, term, index, 0, to, filling(plan, node, 0));
}

Term *value_where(Plan *plan, NodeId node, Term *value, Term *index, Index picked)
{
    Term *place = new_term(plan, TERM_INDEX, node), *equal = new_term(plan, TERM_APPLY, node), *choice = new_term(plan, TERM_APPLY, node);
    place->scalar = INT;
    equal->op = OP_EQUAL;
    equal->operand[0] = index;
    equal->operand[1] = with_indices(plan, place, &picked, 1);
    choice->op = OP_SELECT;
    choice->operand[0] = equal;
    choice->operand[1] = value;
    choice->operand[2] = filling(plan, node, 0);
    return choice;
}

/* operand at `index` moved by -from along dimension d where that lies in [0, size); elsewhere `other` */
static Term *guarded(Plan *plan, const bool *stored, NodeId id, NodeId operand, const Index *index, const Axis *axis, int d,
                     int64_t from, Term *other)
{
    const Type type = plan->model->graph->nodes[operand].type;
    Index moved[MAX_RANK + 1];
    int64_t size[MAX_RANK + 1];
    int rank = dimensions(plan->model, type, size);
    memcpy(moved, index, sizeof *index * (size_t)rank);
    moved[d] = index_shift(index[d], -from);
    Term *term = lower(plan, stored, operand, moved, axis, false);
    return inside(plan, id, term, index[d], from, from + size[d], other);
}

/* The operand of UNFOLD at element stride o + dilation k - from of its axis. */
static Term *in_window(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    const Attributes *a = &node->attributes;
    int d = node->type.per_row + a->axis - 1, last = node->type.per_row + node->type.rank - 1;
    Index to[MAX_RANK + 1], place = index_constant(-a->from);
    memcpy(to, index, sizeof *index * (size_t)last);
    place = index_add(index_add(place, a->stride, index[d]), a->dilation, index[last]);
    to[d] = place;
    Term *term = lower(plan, stored, node->operand[0], to, axis, false);
    if (a->from == 0 && a->to == 0)
        return term;
    int64_t size = plan->model->graph->nodes[node->operand[0]].type.size[a->axis - 1];
    return inside(plan, id, term, place, 0, size, filling(plan, id, a->value));
}

/* Windows side by side: element n is element n % window of window n / window. */
static Term *in_tiles(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    const Attributes *a = &node->attributes;
    const int rank = node->type.per_row + node->type.rank, d = node->type.per_row + a->axis - 1;
    Index to[MAX_RANK + 1];
    memcpy(to, index, sizeof *index * (size_t)rank);
    to[d] = index_divide(index[d], a->window, axis);
    to[rank] = index_modulo(index[d], a->window, axis);
    return lower(plan, stored, node->operand[0], to, axis, false);
}

/* A contraction without a fold: a[i] b[j]. */
static Term *outer_product(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    const Letters l = split_letters(node->attributes.letters);
    Term *product = new_term(plan, TERM_APPLY, id);
    product->op = OP_MULTIPLY;
    for (int o = 0; o < 2; o++) {
        Index of[MAX_RANK + 1];
        for (int d = 0; l.operand[o][d]; d++) {
            const char *at = strchr(l.result, l.operand[o][d]);
            of[d] = at ? index[at - l.result] : index_constant(0);
        }
        product->operand[o] = lower(plan, stored, node->operand[o], of, axis, false);
    }
    return product;
}

/* The table's element that the index names: a read that looks one of its indices up. The table is stored, or a leaf. */
static Term *gathered(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    Letters l = split_letters(node->attributes.letters);
    Index of_table[MAX_RANK + 1], of_index[MAX_RANK + 1];
    for (int d = 0; l.operand[0][d]; d++) {
        const char *at = strchr(l.result, l.operand[0][d]);
        of_table[d] = at ? index[at - l.result] : (Index){.divisor = 1, .looked_up = true};
    }
    for (int d = 0; l.operand[1][d]; d++)
        of_index[d] = index[strchr(l.result, l.operand[1][d]) - l.result];
    Term *term = lower(plan, stored, node->operand[0], of_table, axis, false);
    if (term->kind != TERM_READ && term->kind != TERM_TABLE)
        bug("node %d gathers from what is not in memory", id);
    term->operand[0] = lower(plan, stored, node->operand[1], of_index, axis, false);
    return term;
}

/* An operation of the same elements of its operands. */
static Term *applied(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    Term *term = new_term(plan, TERM_APPLY, id);
    term->op = node->op;
    for (int o = 0; o < op_info[node->op].arity; o++)
        term->operand[o] = lower(plan, stored, node->operand[o], index, axis, false);
    const bool same_value = node->op == OP_DETACH || (node->op == OP_FLOAT && term->operand[0]->scalar == FLOAT);
    return same_value ? term->operand[0] : term;
}

/* The n-th number of the node's stream, n counting its elements. */
static Term *drawn(Plan *plan, NodeId id, const Index *index)
{
    const Node *node = &plan->model->graph->nodes[id];
    Term *term = new_term(plan, TERM_RANDOM, id);
    term->op = node->op;
    int64_t size[MAX_RANK + 1], stride = 1;
    Index flat = index_constant(0);
    for (int d = dimensions(plan->model, node->type, size) - 1; d >= 0; d--) {
        flat = index_add(flat, stride, index[d]);
        stride *= size[d];
    }
    return with_indices(plan, term, &flat, 1);
}

/* What is one value for a whole run: the rate, the step. */
static Term *symbol(Plan *plan, NodeId id)
{
    Term *term = new_term(plan, TERM_SYMBOL, id);
    term->op = plan->model->graph->nodes[id].op;
    return term;
}

static Term *broadcast(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    const int batch = node->type.per_row;
    Index to[MAX_RANK + 1];
    int count = 0;
    for (int axis_number = batch ? 0 : 1; axis_number <= node->type.rank; axis_number++)
        if (!(node->attributes.axes >> axis_number & 1))
            to[count++] = index[batch + axis_number - 1];
    return lower(plan, stored, node->operand[0], to, axis, false);
}

static Term *permuted(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Node *node = &plan->model->graph->nodes[id];
    const int batch = node->type.per_row;
    Index to[MAX_RANK + 1];
    if (batch)
        to[0] = index[0];
    for (int d = 0; d < node->type.rank; d++)
        to[batch + node->attributes.order[d] - 1] = index[batch + d];
    return lower(plan, stored, node->operand[0], to, axis, false);
}

/* An operand at `index`, moved by `by` along the attribute's axis. */
static Term *moved(Plan *plan, const bool *stored, NodeId id, NodeId operand, const Index *index, const Axis *axis, int64_t by)
{
    const Node *node = &plan->model->graph->nodes[id];
    const int batch = node->type.per_row, d = batch + node->attributes.axis - 1;
    Index to[MAX_RANK + 1];
    memcpy(to, index, sizeof *index * (size_t)(batch + node->type.rank));
    to[d] = index_shift(index[d], by);
    return lower(plan, stored, operand, to, axis, false);
}

/* The first operand as far as it goes, then the second. */
static Term *concatenated(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Graph *graph = plan->model->graph;
    const Node *node = &graph->nodes[id];
    const int64_t first = graph->nodes[node->operand[0]].type.size[node->attributes.axis - 1];
    Term *second = moved(plan, stored, id, node->operand[1], index, axis, -first);
    return guarded(plan, stored, id, node->operand[0], index, axis, node->type.per_row + node->attributes.axis - 1, 0, second);
}

static Term *regrouped(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis)
{
    const Graph *graph = plan->model->graph;
    const Node *node = &graph->nodes[id];
    Index to[MAX_RANK + 1] = {{0}};
    reshaped(graph->nodes[node->operand[0]].type, node->type, index, axis, to);
    return lower(plan, stored, node->operand[0], to, axis, false);
}

Term *lower(Plan *plan, const bool *stored, NodeId id, const Index *index, const Axis *axis, bool itself)
{
    const Node *node = &plan->model->graph->nodes[id];
    const Attributes *a = &node->attributes;
    const int batch = node->type.per_row;               /* dimensions before axis 1 */
    if (stored[id] && !itself)
        return read_buffer(plan, id, index, axis);
    if (op_info[node->op].class == POINTWISE)
        return applied(plan, stored, id, index, axis);
    if (op_info[node->op].class == RANDOM)
        return drawn(plan, id, index);
    switch (node->op) {
    case OP_INPUT: case OP_PARAMETER: case OP_STATE: return read_buffer(plan, id, index, axis);
    case OP_CONSTANT: return filling(plan, id, a->value);
    case OP_TABLE: return with_indices(plan, new_term(plan, TERM_TABLE, id), index, node->type.rank);
    case OP_INDEX: return with_indices(plan, new_term(plan, TERM_INDEX, id), &index[a->axis == 0 ? 0 : batch + a->axis - 1], 1);
    case OP_ROW_MASK: return with_indices(plan, new_term(plan, TERM_MASK, id), index, 1);
    case OP_ROWS: case OP_RATE: case OP_SWEPT: case OP_STEP: case OP_MODE: return symbol(plan, id);
    case OP_BROADCAST: return broadcast(plan, stored, id, index, axis);
    case OP_RESHAPE: return regrouped(plan, stored, id, index, axis);
    case OP_PERMUTE: return permuted(plan, stored, id, index, axis);
    case OP_SLICE: return moved(plan, stored, id, node->operand[0], index, axis, a->from);
    case OP_CONTRACT: return outer_product(plan, stored, id, index, axis);
    case OP_FOLD: return in_tiles(plan, stored, id, index, axis);
    case OP_UNFOLD: return in_window(plan, stored, id, index, axis);
    case OP_GATHER: return gathered(plan, stored, id, index, axis);
    case OP_PAD:
        return guarded(plan, stored, id, node->operand[0], index, axis, batch + a->axis - 1, a->from, filling(plan, id, a->value));
    case OP_CONCAT: return concatenated(plan, stored, id, index, axis);
    default: bug("%s cannot be part of a term", op_info[node->op].name);
    }
}

void each_term(Term *term, void (*visit)(Term *, void *), void *context)
{
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (term->operand[o])
            each_term(term->operand[o], visit, context);
    visit(term, context);
}
