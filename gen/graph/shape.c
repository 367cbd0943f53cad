/* shape.c: one rule for each shape_NAME of ops.def: the type of the result, or a refusal.
 *
 * A refusal says what is wrong, shows every operand with its shape and the line that made it, and ends with what to do. The
 * place of the error is graph->now.place: the line that is being read. Asked again about finished nodes (check.c), a refusal
 * is a bug of ours.
 *
 * Types are inferred and never declared, except by the operations that make new sizes (BROADCAST, RESHAPE, INDEX, TABLE and
 * the random ones carry their type), and these are checked against their operand. */
#include "graph/rules.h"
#include "base/text.h"
#include <inttypes.h>
#include <string.h>

static const int64_t most_elements = INT64_C(1) << 40;

static const char *user_word(Op op)
{
    return op == OP_CONTRACT ? "matmul" : op_info[op].name;
}

static const char *role(const Question *question, int which)
{
    static const char *const of_two[] = {"left", "right"}, *const of_three[] = {"condition", "first", "second"};
    return question->count == 1 ? "operand" : question->count == 2 ? of_two[which] : of_three[which];
}

static Type operand_type(const Question *question, int which)
{
    return question->graph->nodes[question->operand[which]].type;
}

/* "left   'fc1.weight' (10, 100), made at mnist.lua:7" */
static void describe_operands(const Question *question, Text *text)
{
    Arena *arena = question->graph->arena;
    const char *shape[MAX_OPERANDS];
    int widest = 0;
    for (int i = 0; i < question->count; i++) {
        const Node *node = &question->graph->nodes[question->operand[i]];
        shape[i] =
            arena_print(arena, "%s%s%s%s", node->origin.name ? quoted(arena, node->origin.name) : "",
                        node->origin.name ? " " : "", node->type.scalar == INT ? "integer " : "", shape_text(arena, node->type));
        widest = (int)strlen(shape[i]) > widest ? (int)strlen(shape[i]) : widest;
    }
    for (int i = 0; i < question->count; i++) {
        Place place = question->graph->nodes[question->operand[i]].origin.place;
        if (place.file)
            text_print(text, "\n%-9s  %-*s  made at %s:%d", role(question, i), widest, shape[i], place.file, place.line);
        else
            text_print(text, "\n%-9s  %s", role(question, i), shape[i]);
    }
}

_Noreturn void refuse(const Question *question, const char *remedy, const char *format, ...)
{
    const Graph *graph = question->graph;
    va_list arguments;
    va_start(arguments, format);
    const char *reason = arena_vprint(graph->arena, format, arguments);
    va_end(arguments);
    Text text = text_new(graph->arena);
    text_print(&text, "%s: %s", user_word(question->op), reason);
    describe_operands(question, &text);
    if (remedy)
        text_print(&text, "\n%s", remedy);
    if (question->after)
        bug("after %s: %s", question->after, text.bytes);
    fail_at(graph->now.place, "%s", text.bytes);
}

void require_floats(const Question *question)
{
    for (int i = 0; i < question->count; i++)
        if (operand_type(question, i).scalar != FLOAT) {
            if (question->count == 1)
                refuse(question, "nn.float(x) makes a float tensor of it",
                       "an integer tensor (a class or an index) stands where a float belongs");
            refuse(question, "nn.float(x) makes a float tensor of it",
                   "the %s operand is an integer tensor (a class or an index), where a float belongs", role(question, i));
        }
}

void require_one_kind(const Question *question, int first)
{
    for (int i = first + 1; i < question->count; i++)
        if (operand_type(question, i).scalar != operand_type(question, first).scalar)
            refuse(question, "nn.float(x) makes a float tensor of the integer one",
                   "one operand is an integer tensor (a class or an index), another a float one");
}

static void require_same_shapes(const Question *question, int first)
{
    for (int i = first + 1; i < question->count; i++)
        if (!same_shape(operand_type(question, i), operand_type(question, first)))
            refuse(question, "give both the same shape", "the shapes differ");
}

Type infer_type(const Question *question)
{
    static Type (*const rule[OP_COUNT])(const Question *) = {
#define OP(NAME, name, arity, CLASS, shape, ...) [OP_##NAME] = shape_##shape,
#include "graph/ops.def"
    };
    if (question->count != op_info[question->op].arity)
        bug("%s of %d operands", op_info[question->op].name, question->count);
    Type type = rule[question->op](question);
    if (type.rank > MAX_RANK)
        refuse(question, "fold or reshape some axes into one", "the result has %d axes, and at most %d are supported", type.rank,
               MAX_RANK);
    for (int d = 0; d < type.rank; d++)
        if (type.size[d] < 1)
            refuse(question, "every size is at least 1", "axis %d of the result has the size %" PRId64, d + 1, type.size[d]);
    if (element_count(type) > most_elements)
        refuse(question, "is a size mistyped, or a broadcast not meant?", "the result %s has more than 2^40 elements",
               shape_text(question->graph->arena, type));
    return type;
}

/* ---- leaves ---------------------------------------------------------------------------------------------------- */

Type shape_leaf(const Question *question)
{
    int leaf = question->attributes->leaf;
    if (leaf < 0 || leaf >= question->graph->leaf_count)
        bug("%s of leaf %d", op_info[question->op].name, leaf);
    return question->graph->leaves[leaf].type;
}

Type shape_constant(const Question *question)
{
    (void)question;
    return scalar_type(FLOAT);
}

Type shape_scalar(const Question *question)
{
    (void)question;
    return scalar_type(FLOAT);
}

Type shape_row_mask(const Question *question)
{
    (void)question;
    return (Type){.scalar = FLOAT, .per_row = true};
}

Type shape_table(const Question *question)
{
    if (!question->attributes->table || question->attributes->type.per_row)
        bug("a table without numbers, or per row");
    return question->attributes->type;
}

Type shape_index(const Question *question)
{
    const Attributes *a = question->attributes;
    if (a->type.scalar != INT || a->axis < 0 || a->axis > a->type.rank || (a->axis == 0 && !a->type.per_row))
        bug("index along axis %d of %s", a->axis, shape_text(question->graph->arena, a->type));
    return a->type;
}

Type shape_random(const Question *question)
{
    if (question->attributes->type.scalar != FLOAT)
        bug("integer random numbers");
    return question->attributes->type;
}

/* ---- pointwise --------------------------------------------------------------------------------------------------- */

Type shape_pointwise(const Question *question)
{
    require_floats(question);
    require_same_shapes(question, 0);
    return operand_type(question, 0);
}

Type shape_same(const Question *question)
{
    return operand_type(question, 0);
}

Type shape_to_float(const Question *question)
{
    Type type = operand_type(question, 0);
    if (type.scalar != INT)
        bug("float of a float tensor");
    type.scalar = FLOAT;
    return type;
}

/* Both float or both integer; the answer is 0.0 or 1.0. */
Type shape_compare(const Question *question)
{
    Type type = operand_type(question, 0);
    require_one_kind(question, 0);
    require_same_shapes(question, 0);
    type.scalar = FLOAT;
    return type;
}

Type shape_select(const Question *question)
{
    Type type = operand_type(question, 1);
    require_one_kind(question, 1);
    require_same_shapes(question, 0);
    return type;
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

static void require_axes(const Question *question)
{
    Type type = operand_type(question, 0);
    uint32_t axes = question->attributes->axes;
    if (axes & 1 && !type.per_row)
        refuse(question, "leave the batch out: this tensor is the same for every row",
               "the batch is folded, and the operand has none");
    if (axes >> (type.rank + 1))
        refuse(question, "axes count from 1 without the batch, or from -1 at the end", "axis %d of a tensor with %d",
               31 - __builtin_clz(axes), type.rank);
    if (!axes)
        bug("%s over no axes", op_info[question->op].name);
}

Type shape_reduce(const Question *question)
{
    require_floats(question);
    require_axes(question);
    return without_axes(operand_type(question, 0), question->attributes->axes);
}

Type shape_argmax(const Question *question)
{
    Type type = shape_reduce(question);
    if (question->attributes->axes & 1 && question->attributes->axes != 1)
        refuse(question, "fold the batch by itself", "the place of the largest is asked over the batch and other axes together");
    type.scalar = INT;
    return type;
}

/* ---- moves ------------------------------------------------------------------------------------------------------- */

static void require_axis(const Question *question, Type type)
{
    int axis = question->attributes->axis;
    if (axis < 1 || axis > type.rank)
        refuse(question, "axes count from 1 without the batch, or from -1 at the end", "axis %d of a tensor with %d", axis,
               type.rank);
}

/* type without the new axes must be the operand's. */
Type shape_broadcast(const Question *question)
{
    const Attributes *a = question->attributes;
    Type from = operand_type(question, 0);
    if (!a->axes || a->axes >> (a->type.rank + 1) || (a->axes & 1 && !a->type.per_row) ||
        !same_type(without_axes(a->type, a->axes), from))
        bug("broadcast of %s along axes %#x to %s", shape_text(question->graph->arena, from), a->axes,
            shape_text(question->graph->arena, a->type));
    return a->type;
}

Type shape_reshape(const Question *question)
{
    Type from = operand_type(question, 0), to = question->attributes->type;
    if (element_count(from) != element_count(to))
        refuse(question, "the batch is no part of the sizes; their product must stay",
               "%" PRId64 " elements (a row) do not fill %s, which has %" PRId64, element_count(from),
               shape_text(question->graph->arena, to), element_count(to));
    if (from.scalar != to.scalar || from.per_row != to.per_row)
        bug("a reshape to another kind of tensor");
    return to;
}

Type shape_permute(const Question *question)
{
    Type from = operand_type(question, 0), to = from;
    uint32_t seen = 0;
    for (int d = 1; d <= from.rank; d++) {
        int axis = question->attributes->order[d - 1];
        if (axis < 1 || axis > from.rank || seen >> axis & 1)
            refuse(question, "name each axis once, counting from 1 without the batch",
                   "the order is no permutation of the %d axes", from.rank);
        seen |= 1u << axis;
        to.size[d - 1] = from.size[axis - 1];
    }
    return to;
}

Type shape_slice(const Question *question)
{
    const Attributes *a = question->attributes;
    Type type = operand_type(question, 0);
    require_axis(question, type);
    int64_t size = axis_size(type, a->axis);
    if (a->from < 0 || a->to > size || a->from >= a->to)
        refuse(question, "both ends are included and count from 1; negative ones count from the end",
               "elements %" PRId64 " to %" PRId64 " of axis %d, which has %" PRId64, a->from + 1, a->to, a->axis, size);
    type.size[a->axis - 1] = a->to - a->from;
    return type;
}

Type shape_pad(const Question *question)
{
    const Attributes *a = question->attributes;
    Type type = operand_type(question, 0);
    require_axis(question, type);
    if (a->from < 0 || a->to < 0)
        refuse(question, "use slice to take elements away", "negative padding, %" PRId64 " before and %" PRId64 " after", a->from,
               a->to);
    int64_t *size = &type.size[a->axis - 1];
    if (__builtin_add_overflow(*size, a->from, size) || __builtin_add_overflow(*size, a->to, size))
        *size = INT64_MAX;
    return type;
}

Type shape_concat(const Question *question)
{
    Type left = operand_type(question, 0), right = operand_type(question, 1);
    int axis = question->attributes->axis;
    require_one_kind(question, 0);
    require_axis(question, left);
    Type type = left;
    if (left.rank == right.rank) {
        type.size[axis - 1] = right.size[axis - 1];
        if (same_shape(type, right)) {
            if (__builtin_add_overflow(left.size[axis - 1], right.size[axis - 1], &type.size[axis - 1]))
                type.size[axis - 1] = INT64_MAX;
            return type;
        }
    }
    refuse(question, "all sizes but that of the joined axis must agree", "the shapes do not fit together along axis %d", axis);
}

/* ---- windows ----------------------------------------------------------------------------------------------------- */

/* Places at which a window fits into `size` elements with their padding; refused if there is none. */
static int64_t window_count(const Question *question, int64_t size)
{
    const Attributes *a = question->attributes;
    if (a->window < 1 || a->stride < 1 || a->dilation < 1 || a->from < 0 || a->to < 0)
        refuse(question, "kernel, stride and dilation are 1 or more, padding is 0 or more",
               "windows of %" PRId64 " with stride %" PRId64 ", dilation %" PRId64 ", padding %" PRId64, a->window, a->stride, a->dilation, a->from);
    int64_t span, padded;
    if (__builtin_mul_overflow(a->dilation, a->window - 1, &span) || __builtin_add_overflow(size, a->from, &padded) ||
        __builtin_add_overflow(padded, a->to, &padded) || padded - 1 < span)
        refuse(question, "a smaller kernel or more padding would fit", "a window of %" PRId64 " elements, %" PRId64 " apart, is longer than axis %d with its padding, %" PRId64,
               a->window, a->dilation, a->axis, size);
    return (padded - 1 - span) / a->stride + 1;
}

Type shape_unfold(const Question *question)
{
    const Attributes *a = question->attributes;
    Type type = operand_type(question, 0);
    require_floats(question);
    require_axis(question, type);
    if (type.rank == MAX_RANK)
        refuse(question, "fold or reshape some axes into one", "the result has more than %d axes", MAX_RANK);
    type.size[a->axis - 1] = window_count(question, type.size[a->axis - 1]);
    type.size[type.rank++] = a->window;
    return type;
}

Type shape_fold(const Question *question)
{
    const Attributes *a = question->attributes;
    Type type = operand_type(question, 0);
    require_floats(question);
    require_axis(question, type);
    if (a->axis >= type.rank || type.size[type.rank - 1] != a->window || type.size[a->axis - 1] != window_count(question, a->size))
        bug("fold of %s to %" PRId64 " along axis %d", shape_text(question->graph->arena, type), a->size, a->axis);
    type.size[--type.rank] = 0;
    type.size[a->axis - 1] = a->size;
    return type;
}

/* ---- the rest ---------------------------------------------------------------------------------------------------- */

/* The letters of one tensor of a contraction: fills size[letter] and says so where two sizes differ. */
static int read_letters(const Question *question, const char **at, Type type, int64_t size[26], unsigned *set)
{
    const char *letter = *at;
    int count = 0, expected = type.rank + type.per_row;
    *set = 0;
    for (; *letter >= 'a' && *letter <= 'z'; letter++, count++) {
        int which = *letter - 'a';
        bool batch = *letter == 'b';
        if (*set >> which & 1 || count >= expected || batch != (type.per_row && count == 0))
            bug("letters %s", question->attributes->letters);
        int64_t here = batch ? -1 : type.size[count - type.per_row];
        if (size[which] && size[which] != here)
            refuse(question, "swap the operands, or transpose one of them", "the inner sizes differ, %" PRId64 " and %" PRId64,
                   size[which], here);
        size[which] = here;
        *set |= 1u << which;
    }
    if (count != expected)
        bug("letters %s for %d axes", question->attributes->letters, expected);
    *at = letter;
    return count;
}

/* The result's type from its letters, their sizes being known. */
static Type type_of_letters(const Question *question, const char *letters, const int64_t size[26], Scalar scalar, unsigned *set)
{
    Type type = {.scalar = scalar, .per_row = *letters == 'b'};
    *set = 0;
    for (const char *at = letters; *at; at++) {
        int which = *at - 'a';
        if (which < 0 || which >= 26 || !size[which] || *set >> which & 1 || (*at == 'b' && at > letters))
            bug("letters %s", question->attributes->letters);
        *set |= 1u << which;
        if (*at != 'b' && type.rank == MAX_RANK)
            refuse(question, "fold or reshape some axes into one", "the result has more than %d axes", MAX_RANK);
        if (*at != 'b')
            type.size[type.rank++] = size[which];
    }
    return type;
}

/* Both operands; gives where the letters of the result begin. */
static const char *read_operands(const Question *question, int64_t size[26], unsigned set[2])
{
    const char *letters = question->attributes->letters, *at = letters;
    read_letters(question, &at, operand_type(question, 0), size, &set[0]);
    if (*at++ != ',')
        bug("letters %s", letters);
    read_letters(question, &at, operand_type(question, 1), size, &set[1]);
    if (*at++ != '-' || *at++ != '>')
        bug("letters %s", letters);
    return at;
}

/* Every letter stands in exactly two or in all three of left, right and result, and once in each. This is the same condition
 * read from each of the three, so the gradient of a contraction is a contraction. */
Type shape_contract(const Question *question)
{
    require_floats(question);
    int64_t size[26] = {0};
    unsigned set[2], result;
    const char *letters = read_operands(question, size, set);
    Type type = type_of_letters(question, letters, size, FLOAT, &result);
    if (((set[0] ^ set[1]) & ~result) || (result & ~(set[0] | set[1])))
        bug("letters %s: each belongs in at least two of the three", question->attributes->letters);
    return type;
}

/* "wide,index->narrow" or "table,index->wide": the letters of all three, and the one that only the table has. */
static int picked_letter(const Question *question, unsigned table, unsigned index, unsigned wide)
{
    unsigned picked = table & ~wide, batch = 1u << ('b' - 'a');
    if (!picked || picked & (picked - 1) || picked & (index | batch) || index & ~wide || wide & ~(table | index))
        bug("letters %s", question->attributes->letters);
    return __builtin_ctz(picked);
}

static void require_index_below(const Question *question, int64_t size)
{
    NodeId index = question->operand[1];
    if (operand_type(question, 1).scalar != INT)
        refuse(question, "classes are made by nn.class(name, n)", "the index holds floats, not integers");
    int64_t limit = index_limit(question->graph, index);
    if (limit == INT64_MAX)
        refuse(question, "classes, and places along an axis other than the batch, are known to stay below a number",
               "how far the integers of the index reach cannot be seen, and the axis has %" PRId64 " places", size);
    if (limit > size)
        refuse(question, "the axis needs a place for every integer of the index",
               "the integers of the index reach to %" PRId64 ", the axis has %" PRId64 " places, from 0", limit - 1, size);
}

Type shape_gather(const Question *question)
{
    int64_t size[26] = {0};
    unsigned set[2], wide;
    const char *result = read_operands(question, size, set);
    Type type = type_of_letters(question, result, size, operand_type(question, 0).scalar, &wide);
    require_index_below(question, size[picked_letter(question, set[0], set[1], wide)]);
    return type;
}

Type shape_scatter_add(const Question *question)
{
    int64_t size[26] = {0};
    unsigned set[2], table;
    const char *result = read_operands(question, size, set);
    if (operand_type(question, 0).scalar != FLOAT)
        bug("scatter_add of integers");
    for (const char *at = result; *at; at++)
        if (*at >= 'a' && *at <= 'z' && !size[*at - 'a'])
            size[*at - 'a'] = question->attributes->size;
    Type type = type_of_letters(question, result, size, FLOAT, &table);
    require_index_below(question, size[picked_letter(question, table, set[1], set[0])]);
    return type;
}

/* The attribute's type; the operand is one of its times. */
Type shape_previous(const Question *question)
{
    Type type = question->attributes->type;
    if (type.rank < 1 || !same_type(operand_type(question, 0), without_axes(type, 1u << 1)))
        bug("a recurrence %s begins with %s", shape_text(question->graph->arena, type),
            shape_text(question->graph->arena, operand_type(question, 0)));
    require_floats(question);
    return type;
}

/* As the state before it, which opened the recurrence; one of a single time is gone already where the graph is simplified. */
Type shape_scan(const Question *question)
{
    Type type = operand_type(question, 0);
    NodeId previous = previous_of(question->graph, question->attributes->loop);
    if (previous == NONE && axis_size(type, 1) == 1)
        return type;
    if (previous == NONE)
        bug("a recurrence that was never opened");
    Type state = question->graph->nodes[previous].type;
    if (!same_type(type, state))
        refuse(question, "a state keeps its shape from one time to the next", "the next state is not as the one before, %s",
               shape_text(question->graph->arena, state));
    return type;
}

Type shape_assign(const Question *question)
{
    Type target = shape_leaf(question), value = operand_type(question, 0);
    const Leaf *leaf = &question->graph->leaves[question->attributes->leaf];
    if (leaf->kind == LEAF_INPUT)
        bug("an assignment to an input");
    if (value.per_row)
        refuse(question, "fold the batch first, with :mean(\"batch\") say", "the new value of %s has the batch",
               quoted(question->graph->arena, leaf->name));
    if (!same_type(value, target))
        refuse(question, "return a value of the tensor's own shape", "the new value of %s, which is %s, has another shape",
               quoted(question->graph->arena, leaf->name), shape_text(question->graph->arena, target));
    return target;
}
