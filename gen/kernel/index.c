/* index.c: arithmetic on the affine indices of kernel.h.
 *
 * A reshape turns one index into the quotients and remainders of a flat one. Where the flat index is a sum of terms that
 * divide evenly ((4 i + j) / 4 with j < 4), the quotient is affine again and stays so; only what does not is kept as
 * (…) / divisor % modulus, which nothing is added to any more (lower.c stores such operands first). */
#include "kernel/kernel.h"
#include <string.h>

Index index_axis(int axis)
{
    return (Index){.count = 1, .term = {{axis, 1}}, .divisor = 1};
}

Index index_constant(int64_t constant)
{
    return (Index){.constant = constant, .divisor = 1};
}

bool has_axis(const Index *index, int axis)
{
    for (int t = 0; t < index->count; t++)
        if (index->term[t].axis == axis)
            return true;
    return false;
}

bool is_affine(const Index *index)
{
    return index->divisor == 1 && index->modulus == 0 && !index->looked_up;
}

Extremes extremes_of(const Index *index, const Axis *axis)
{
    Extremes range = {index->constant, index->constant};
    for (int t = 0; t < index->count; t++) {
        int64_t span = index->term[t].factor * (axis[index->term[t].axis].extent - 1);
        *(span < 0 ? &range.least : &range.most) += span;
    }
    return range;
}

Reach reach_of(const Index *index, const Axis *axis, int64_t size)
{
    const Extremes range = extremes_of(index, axis);
    return (Reach){range.least < 0 ? -range.least : 0, range.most >= size ? range.most - size + 1 : 0};
}

bool is_among(const int *axes, int count, int axis)
{
    for (int i = 0; i < count; i++)
        if (axes[i] == axis)
            return true;
    return false;
}

Index index_shift(Index index, int64_t by)
{
    if (by != 0 && (index.modulus || index.looked_up))
        bug("a remainder cannot be shifted");
    index.constant += by * index.divisor;               /* n / d + s = (n + s d) / d */
    return index;
}

Index index_add(Index a, int64_t factor, Index b)
{
    if (!is_affine(&a) || !is_affine(&b))
        bug("a divided index cannot be added");
    a.constant += factor * b.constant;
    for (int t = 0; t < b.count; t++) {
        int at = 0;
        while (at < a.count && a.term[at].axis != b.term[t].axis)
            at++;
        if (at == a.count) {
            if (at == MAX_TERMS_OF_INDEX)
                bug("an index of more than %d axes", MAX_TERMS_OF_INDEX);
            a.term[a.count++].axis = b.term[t].axis;
            a.term[at].factor = 0;
        }
        a.term[at].factor += factor * b.term[t].factor;
        if (a.term[at].factor == 0) {
            memmove(&a.term[at], &a.term[at + 1], sizeof a.term[0] * (size_t)(a.count - at - 1));
            memset(&a.term[--a.count], 0, sizeof a.term[0]);
        }
    }
    return a;
}

/* Splits index = divisor · quotient + rest, rest holding the terms that divisor does not divide; true if 0 <= rest < divisor
 * for all values of the axes, so that quotient and rest are what / and % give. */
static bool split(const Index *index, int64_t divisor, const Axis *axis, Index *quotient, Index *rest)
{
    *quotient = index_constant(index->constant / divisor);
    *rest = index_constant(index->constant % divisor);
    if (index->constant < 0)
        return false;
    int64_t largest = rest->constant;
    for (int t = 0; t < index->count; t++) {
        int64_t factor = index->term[t].factor;
        if (factor < 0)
            return false;
        Index one = index_axis(index->term[t].axis);
        if (factor % divisor == 0) {
            *quotient = index_add(*quotient, factor / divisor, one);
        } else {
            *rest = index_add(*rest, factor, one);
            largest += factor * (axis[index->term[t].axis].extent - 1);
        }
    }
    return largest < divisor;
}

Index index_divide(Index index, int64_t divisor, const Axis *axis)
{
    if (divisor == 1)
        return index;
    if (!is_affine(&index))
        bug("an index is divided twice");
    Index quotient, rest;
    if (split(&index, divisor, axis, &quotient, &rest))
        return quotient;
    index.divisor = divisor;
    return index;
}

Index index_modulo(Index index, int64_t modulus, const Axis *axis)
{
    if (index.modulus != 0)
        bug("an index is taken modulo twice");
    Index quotient, rest;
    if (index.divisor == 1 && split(&index, modulus, axis, &quotient, &rest))
        return rest;
    index.modulus = modulus;
    return index;
}

int plain_axis(const Index *index)
{
    bool plain = is_affine(index) && index->constant == 0 && index->count == 1 && index->term[0].factor == 1;
    return plain ? index->term[0].axis : NONE;
}

static Index without_singles(Index index, const Axis *axis)
{
    for (int t = index.count - 1; t >= 0; t--)
        if (axis[index.term[t].axis].extent == 1)
            index.term[t] = index.term[--index.count];
    return index;
}

bool same_element(const Index *a, const Index *b, const Axis *axis)
{
    const Index of_a = without_singles(*a, axis), of_b = without_singles(*b, axis);
    return same_index(&of_a, &of_b);
}

bool same_index(const Index *a, const Index *b)
{
    if (a->looked_up || b->looked_up)                   /* equal only where the terms are that hold them */
        return false;
    if (a->constant != b->constant || a->count != b->count || a->divisor != b->divisor || a->modulus != b->modulus)
        return false;
    for (int t = 0; t < a->count; t++) {
        bool found = false;
        for (int u = 0; u < b->count; u++)
            found |= a->term[t].axis == b->term[u].axis && a->term[t].factor == b->term[u].factor;
        if (!found)
            return false;
    }
    return true;
}
