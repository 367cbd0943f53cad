/* interpret.c: the oracle: what a graph means, computed one node at a time in double, with nothing clever about it.
 *
 * Takes leaf values and a Situation, gives every needed node's value, row-major, [batch] first where it is per row. All rows
 * are computed, spare ones too, as emitted programs do. Folds are sequential in index order, their sums kept in long double, for
 * a difference of two losses shows what each was rounded by. Random nodes draw from the runtime's own generator, so that an
 * emitted program and this see the same masks. A recurrence is computed time by time, each node on a tensor of one time.
 *
 * Everything is one walk over an odometer of up to seven axes with a stride per operand; only contractions, where the time of
 * `nngen check` goes, have an inner loop of their own. */
#include "graph/passes.h"
#include "graph/recurrence.h"
#include "graph/rules.h"
#include <math.h>
#include <nngen/random.h>
#include <nngen/scalar.h>
#include <string.h>

enum { MAX_DIMENSIONS = MAX_RANK + 1, LETTERS = 26 };

/* A type with the batch as an ordinary first dimension. dimension_of[axis] is the place of an axis in `size`. */
typedef struct Extent {
    int rank;
    int64_t size[MAX_DIMENSIONS], stride[MAX_DIMENSIONS], count;
    bool per_row;
} Extent;

typedef struct Evaluation {
    const Graph *graph;
    const Situation *situation;
    Arena *arena;
    double **values;
} Evaluation;

static Extent extent_of(const Situation *situation, Type type)
{
    Extent extent = {.per_row = type.per_row};
    if (type.per_row)
        extent.size[extent.rank++] = situation->batch;
    for (int d = 0; d < type.rank; d++)
        extent.size[extent.rank++] = type.size[d];
    extent.count = 1;
    for (int d = extent.rank - 1; d >= 0; d--) {
        extent.stride[d] = extent.count;
        extent.count *= extent.size[d];
    }
    return extent;
}

static int dimension_of(const Extent *extent, int axis)
{
    return axis - !extent->per_row;
}

/* Moves on to the next element in row-major order; `offset` follows with the given strides. */
static void advance(const Extent *extent, int64_t *at, int64_t *offset, const int64_t *stride)
{
    for (int d = extent->rank - 1; d >= 0; d--) {
        *offset += stride[d];
        if (++at[d] < extent->size[d])
            return;
        *offset -= stride[d] * extent->size[d];
        at[d] = 0;
    }
}

double evaluate_pointwise(Op op, double a, double b, double c)
{
    switch (op) {
#define OP(NAME, name, arity, CLASS, shape, gradient, text, formula, binding, value) case OP_##NAME: return value;
#include "graph/ops.def"
    default: bug("operation %d is none", op);
    }
}

static void evaluate_leaf(const Evaluation *e, const Node *node, Extent extent, double *out)
{
    const Situation *s = e->situation;
    switch (node->op) {
    case OP_INPUT:
    case OP_PARAMETER:
    case OP_STATE:
        if (!s->leaf_values[node->attributes.leaf])
            bug("no value for leaf %s", e->graph->leaves[node->attributes.leaf].name);
        memcpy(out, s->leaf_values[node->attributes.leaf], sizeof *out * (size_t)extent.count);
        return;
    case OP_CONSTANT: out[0] = node->attributes.value; return;
    case OP_TABLE: memcpy(out, node->attributes.table, sizeof *out * (size_t)extent.count); return;
    case OP_INDEX: {
        int d = dimension_of(&extent, node->attributes.axis);
        for (int64_t i = 0; i < extent.count; i++)
            out[i] = (double)(i / extent.stride[d] % extent.size[d]);
        return;
    }
    case OP_ROWS: out[0] = s->rows; return;
    case OP_ROW_MASK:
        for (int64_t row = 0; row < s->batch; row++)
            out[row] = row < s->rows;
        return;
    case OP_RATE: out[0] = s->rate; return;
    case OP_SWEPT: out[0] = s->swept; return;
    case OP_STEP: out[0] = (double)s->step; return;
    case OP_MODE: out[0] = s->mode; return;
    case OP_UNIFORM:
    case OP_NORMAL:
        for (int64_t i = 0; i < extent.count; i++)
            out[i] = (node->op == OP_UNIFORM ? nn_uniform : nn_normal)(s->seed, (uint32_t)node->attributes.stream,
                                                                       (uint32_t)s->step, (uint64_t)i);
        return;
    default: bug("%s is no leaf", op_info[node->op].name);
    }
}

static void evaluate_fold(const Node *node, const double *a, Extent from, Extent to, double *out)
{
    int64_t stride[MAX_DIMENSIONS] = {0}, at[MAX_DIMENSIONS] = {0}, offset = 0;
    int kept = 0;
    for (int d = 0; d < from.rank; d++)
        if (!(node->attributes.axes >> (d + !from.per_row) & 1))
            stride[d] = to.stride[kept++];
    double *best = out;                 /* ARGMAX keeps the largest values elsewhere */
    Arena *scratch = arena_new();
    if (node->op == OP_ARGMAX)
        best = NEW(scratch, double, to.count);
    long double *sum = NEW(scratch, long double, node->op == OP_SUM ? to.count : 1);
    for (int64_t i = 0; node->op != OP_SUM && i < to.count; i++)
        best[i] = -INFINITY;
    int64_t step[MAX_DIMENSIONS] = {0}, elements = 1;   /* ARGMAX: of the place, row-major over the folded axes */
    for (int d = from.rank - 1; d >= 0; d--)
        if (node->attributes.axes >> (d + !from.per_row) & 1) {
            step[d] = elements;
            elements *= from.size[d];
        }
    for (int64_t i = 0; i < from.count; i++) {
        if (node->op == OP_SUM) {
            sum[offset] += a[i];
        } else if (a[i] > best[offset] || (isnan(a[i]) && !isnan(best[offset]))) {     /* a NaN is the largest, as in PyTorch */
            best[offset] = a[i];
            int64_t place = 0;
            for (int d = 0; d < from.rank; d++)
                place += step[d] * at[d];
            if (node->op == OP_ARGMAX)
                out[offset] = (double)place;
        }
        advance(&from, at, &offset, stride);
    }
    for (int64_t i = 0; node->op == OP_SUM && i < to.count; i++)
        out[i] = (double)sum[i];
    arena_free(scratch);
}

/* Reads a[offset] for every element of the result: BROADCAST, PERMUTE and SLICE differ in strides and where they begin. */
static void evaluate_move(const Node *node, const double *a, Extent from, Extent to, double *out)
{
    int64_t stride[MAX_DIMENSIONS] = {0}, at[MAX_DIMENSIONS] = {0}, offset = 0;
    const Attributes *move = &node->attributes;
    int kept = 0;
    for (int d = 0; d < to.rank; d++) {
        int axis = d + !to.per_row;
        if (node->op == OP_BROADCAST)
            stride[d] = move->axes >> axis & 1 ? 0 : from.stride[kept++];
        else if (node->op == OP_PERMUTE)
            stride[d] = from.stride[axis == 0 ? 0 : dimension_of(&from, move->order[axis - 1])];
        else
            stride[d] = from.stride[d];
    }
    if (node->op == OP_SLICE)
        offset = move->from * from.stride[dimension_of(&from, move->axis)];
    for (int64_t i = 0; i < to.count; i++) {
        out[i] = a[offset];
        advance(&to, at, &offset, stride);
    }
}

/* Writes the operand into the result from place `first` of the axis on: PAD and CONCAT. */
static void place_at(const double *a, Extent from, Extent to, int axis, int64_t first, double *out)
{
    int64_t at[MAX_DIMENSIONS] = {0}, offset = first * to.stride[dimension_of(&to, axis)];
    for (int64_t i = 0; i < from.count; i++) {
        out[offset] = a[i];
        advance(&from, at, &offset, to.stride);
    }
}

/* UNFOLD reads, FOLD adds to, element stride o + dilation k - from of the axis, for every o and k of `windows` (the larger of the
 * two tensors, its last axis k). */
static void evaluate_windows(const Node *node, const double *a, Extent windows, Extent line, double *out)
{
    const Attributes *w = &node->attributes;
    int axis = dimension_of(&windows, w->axis);
    int64_t at[MAX_DIMENSIONS] = {0}, offset = 0, stride[MAX_DIMENSIONS] = {0};
    for (int d = 0; d < line.rank; d++)
        stride[d] = d == axis ? 0 : line.stride[d];
    for (int64_t i = 0; i < windows.count; i++) {
        int64_t n = w->stride * at[axis] + w->dilation * at[windows.rank - 1] - w->from;
        bool inside = n >= 0 && n < line.size[axis];
        if (node->op == OP_UNFOLD)
            out[i] = inside ? a[offset + n * line.stride[axis]] : w->value;
        else if (inside)
            out[offset + n * line.stride[axis]] += a[i];
        advance(&windows, at, &offset, stride);
    }
}

/* GATHER reads, SCATTER_ADD adds to, the element of `table` that the index names, for every element of `wide`. */
static void evaluate_picks(const Node *node, const double *a, const double *index, Extent wide, Extent places, Extent table, double *out)
{
    Letters l = split_letters(node->attributes.letters);
    bool gathers = node->op == OP_GATHER;
    const char *wide_letters = gathers ? l.result : l.operand[0], *table_letters = gathers ? l.operand[0] : l.result;
    int64_t stride[MAX_DIMENSIONS] = {0}, index_stride[MAX_DIMENSIONS] = {0}, picked_stride = 0;
    for (int d = 0; d < wide.rank; d++) {
        const char *in_table = strchr(table_letters, wide_letters[d]), *in_index = strchr(l.operand[1], wide_letters[d]);
        stride[d] = in_table ? table.stride[in_table - table_letters] : 0;
        index_stride[d] = in_index ? places.stride[in_index - l.operand[1]] : 0;
    }
    for (int d = 0; d < table.rank; d++)
        if (!strchr(wide_letters, table_letters[d]))
            picked_stride = table.stride[d];
    int64_t at[MAX_DIMENSIONS] = {0}, at_index[MAX_DIMENSIONS] = {0}, offset = 0, index_offset = 0;
    for (int64_t i = 0; i < wide.count; i++) {
        int64_t element = offset + (int64_t)index[index_offset] * picked_stride;
        if (gathers)
            out[i] = a[element];
        else
            out[element] += a[i];
        advance(&wide, at, &offset, stride);
        advance(&wide, at_index, &index_offset, index_stride);
    }
}

/* for every element of the result: sum over the folded letters of a b, the last of them in a loop of its own */
static void evaluate_contract(const Node *node, const double *a, const double *b, Extent left, Extent right, Extent to,
                              double *out)
{
    int64_t size[LETTERS] = {0}, stride_a[LETTERS] = {0}, stride_b[LETTERS] = {0};
    bool in_result[LETTERS] = {false};
    const char *letter = node->attributes.letters;
    for (int d = 0; d < left.rank; d++, letter++)
        size[*letter - 'a'] = left.size[d], stride_a[*letter - 'a'] = left.stride[d];
    letter++;
    for (int d = 0; d < right.rank; d++, letter++)
        size[*letter - 'a'] = right.size[d], stride_b[*letter - 'a'] = right.stride[d];
    letter += 2;

    Extent folded = {.count = 1};
    int64_t map_a[MAX_DIMENSIONS], map_b[MAX_DIMENSIONS], fold_a[MAX_DIMENSIONS], fold_b[MAX_DIMENSIONS];
    for (int d = 0; d < to.rank; d++) {
        int which = letter[d] - 'a';
        in_result[which] = true;
        map_a[d] = stride_a[which];
        map_b[d] = stride_b[which];
    }
    int64_t inner = 1, inner_a = 0, inner_b = 0;
    for (int which = 0; which < LETTERS; which++) {
        if (!size[which] || in_result[which])
            continue;
        if (size[which] > inner) {      /* the longest is innermost; what was there before goes outward */
            int64_t held = inner, held_a = inner_a, held_b = inner_b;
            inner = size[which], inner_a = stride_a[which], inner_b = stride_b[which];
            if (held == 1)
                continue;
            folded.size[folded.rank] = held, fold_a[folded.rank] = held_a, fold_b[folded.rank++] = held_b;
            folded.count *= held;
        } else {
            folded.size[folded.rank] = size[which], fold_a[folded.rank] = stride_a[which],
            fold_b[folded.rank++] = stride_b[which];
            folded.count *= size[which];
        }
    }

    int64_t at_a[MAX_DIMENSIONS] = {0}, at_b[MAX_DIMENSIONS] = {0}, offset_a = 0, offset_b = 0;
    for (int64_t i = 0; i < to.count; i++) {
        int64_t at[MAX_DIMENSIONS] = {0}, same[MAX_DIMENSIONS] = {0}, from_a = offset_a, from_b = offset_b;
        double sum = 0;
        for (int64_t f = 0; f < folded.count; f++) {
            const double *x = a + from_a, *y = b + from_b;
            for (int64_t k = 0; k < inner; k++)
                sum += x[k * inner_a] * y[k * inner_b];
            advance(&folded, at, &from_a, fold_a);
            advance(&folded, same, &from_b, fold_b);
        }
        out[i] = sum;
        advance(&to, at_a, &offset_a, map_a);
        advance(&to, at_b, &offset_b, map_b);
    }
}

typedef struct Value { Type type; double *elements; } Value;

static void evaluate_node(const Evaluation *e, const Node *node, const Value *operands, double *out)
{
    Extent to = extent_of(e->situation, node->type), from[MAX_OPERANDS];
    const double *operand[MAX_OPERANDS] = {NULL, NULL, NULL};
    for (int i = 0; i < op_info[node->op].arity; i++) {
        operand[i] = operands[i].elements;
        from[i] = extent_of(e->situation, operands[i].type);
    }
    switch (op_info[node->op].class) {
    case LEAF:
    case RANDOM: evaluate_leaf(e, node, to, out); return;
    case POINTWISE:
        for (int64_t i = 0; i < to.count; i++)
            out[i] = evaluate_pointwise(node->op, operand[0][i], operand[1] ? operand[1][i] : 0, operand[2] ? operand[2][i] : 0);
        return;
    case REDUCE:
        if (node->op == OP_FOLD) {
            evaluate_windows(node, operand[0], from[0], to, out);
            return;
        }
        if (node->op == OP_SCATTER_ADD) {
            evaluate_picks(node, operand[0], operand[1], from[0], from[1], to, out);
            return;
        }
        evaluate_fold(node, operand[0], from[0], to, out); return;
    case CONTRACT: evaluate_contract(node, operand[0], operand[1], from[0], from[1], to, out); return;
    case EFFECT: memcpy(out, operand[0], sizeof *out * (size_t)to.count); return;
    case LOOP: bug("%s is computed time by time", op_info[node->op].name);
    case MOVE: break;
    }
    switch (node->op) {
    case OP_RESHAPE: memcpy(out, operand[0], sizeof *out * (size_t)to.count); return;
    case OP_PAD:
        for (int64_t i = 0; i < to.count; i++)
            out[i] = node->attributes.value;
        place_at(operand[0], from[0], to, node->attributes.axis, node->attributes.from, out);
        return;
    case OP_CONCAT:
        place_at(operand[0], from[0], to, node->attributes.axis, 0, out);
        place_at(operand[1], from[1], to, node->attributes.axis, from[0].size[dimension_of(&from[0], node->attributes.axis)],
                 out);
        return;
    case OP_UNFOLD: evaluate_windows(node, operand[0], to, from[0], out); return;
    case OP_GATHER: evaluate_picks(node, operand[0], operand[1], to, from[1], from[0], out); return;
    default: evaluate_move(node, operand[0], from[0], to, out); return;
    }
}

/* ---- recurrences: one time after the other ------------------------------------------------------------------------ */

/* Copies one time between a tensor (`whole`) and its slice of a single time, one way or the other. */
static void copy_time(const Situation *situation, Type type, int axis, int64_t time, double *whole, double *one, bool out_of_whole)
{
    Extent all = extent_of(situation, type);
    int d = dimension_of(&all, axis);
    int64_t inner = all.stride[d], outer = all.count / (inner * all.size[d]);
    for (int64_t o = 0; o < outer; o++) {
        double *there = whole + (o * all.size[d] + time) * inner, *here = one + o * inner;
        memcpy(out_of_whole ? here : there, out_of_whole ? there : here, sizeof *here * (size_t)inner);
    }
}

static Value one_time(const Evaluation *e, Arena *arena, NodeId id, int axis, int64_t time)
{
    Value value = {e->graph->nodes[id].type, e->values[id]};
    if (axis == NONE)
        return value;
    Value one = value;
    one.type.size[axis - 1] = 1;
    one.elements = NEW(arena, double, extent_of(e->situation, one.type).count);
    copy_time(e->situation, value.type, axis, time, value.elements, one.elements, true);
    return one;
}

/* The state before `time`; the initial one has no axis of time, but the same elements. */
static const double *state_before(const Evaluation *e, Arena *arena, const Recurrences *all, const Node *node, int64_t time)
{
    int64_t before = node->attributes.backward ? time + 1 : time - 1;
    if (before < 0 || before == axis_size(node->type, 1))
        return e->values[node->operand[0]];
    return one_time(e, arena, all->scan[node->attributes.loop], 1, before).elements;
}

static void evaluate_at(const Evaluation *e, const Recurrences *all, NodeId id, int64_t time, Arena *arena)
{
    Node node = e->graph->nodes[id];
    Type whole = node.type;
    int axis = all->time_axis[id];
    node.type.size[axis - 1] = 1;
    if (node.op == OP_BROADCAST || node.op == OP_RESHAPE)
        node.attributes.type = node.type;
    double *one = NEW(arena, double, extent_of(e->situation, node.type).count);
    if (node.op == OP_PREVIOUS) {
        memcpy(one, state_before(e, arena, all, &e->graph->nodes[id], time), sizeof *one * (size_t)extent_of(e->situation, node.type).count);
    } else {
        Value operands[MAX_OPERANDS] = {{.elements = NULL}};
        for (int i = 0; i < op_info[node.op].arity; i++)
            operands[i] = one_time(e, arena, node.operand[i], time_of_operand(e->graph, &e->graph->nodes[id], i, axis), time);
        if (node.op == OP_SCAN)
            one = operands[0].elements;
        else
            evaluate_node(e, &node, operands, one);
    }
    copy_time(e->situation, whole, axis, time, e->values[id], one, false);
}

static void evaluate_region(const Evaluation *e, const Recurrences *all, const Region *region)
{
    for (int n = 0; n < region->count; n++)
        e->values[region->nodes[n]] = NEW(e->arena, double, extent_of(e->situation, e->graph->nodes[region->nodes[n]].type).count);
    for (int64_t t = 0; t < region->steps; t++) {
        Arena *scratch = arena_new();
        for (int n = 0; n < region->count; n++)
            evaluate_at(e, all, region->nodes[n], region->backward ? region->steps - 1 - t : t, scratch);
        arena_free(scratch);
    }
}

/* A state that does not depend on the one before: all its times are there. */
static void evaluate_shifted(const Evaluation *e, const Recurrences *all, NodeId id, double *out)
{
    Arena *scratch = arena_new();
    const Node *node = &e->graph->nodes[id];
    Type one = node->type;
    one.size[0] = 1;
    for (int64_t t = 0; t < axis_size(node->type, 1); t++) {
        double *state = arena_copy(scratch, state_before(e, scratch, all, node, t), sizeof *out * (size_t)extent_of(e->situation, one).count);
        copy_time(e->situation, node->type, 1, t, out, state, false);
    }
    arena_free(scratch);
}

double **interpret(Arena *arena, const Graph *graph, const NodeId *roots, int root_count, const Situation *situation)
{
    Arena *scratch = arena_new();
    bool *needed = needed_for(graph, scratch, roots, root_count);
    Recurrences all = find_recurrences(graph, scratch);
    Evaluation evaluation = {graph, situation, arena, NEW(arena, double *, graph->count + 1)};
    for (int n = 0; n < graph->count; n++) {
        NodeId id = all.order[n];
        const Node *node = &graph->nodes[id];
        if (!needed[id] || evaluation.values[id])
            continue;
        if (all.region_of[id] != NONE) {
            evaluate_region(&evaluation, &all, &all.regions[all.region_of[id]]);
            continue;
        }
        evaluation.values[id] = NEW(arena, double, extent_of(situation, node->type).count);
        Value operands[MAX_OPERANDS] = {{.elements = NULL}};
        for (int i = 0; i < op_info[node->op].arity; i++)
            operands[i] = (Value){graph->nodes[node->operand[i]].type, evaluation.values[node->operand[i]]};
        if (node->op == OP_PREVIOUS)
            evaluate_shifted(&evaluation, &all, id, evaluation.values[id]);
        else if (node->op == OP_SCAN)
            evaluation.values[id] = operands[0].elements;
        else
            evaluate_node(&evaluation, node, operands, evaluation.values[id]);
    }
    arena_free(scratch);
    return evaluation.values;
}
