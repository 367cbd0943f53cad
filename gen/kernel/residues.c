/* residues.c: what windows add up to, where they stand more than one element apart.
 *
 * Takes a plan whose kernels are known and whose tiles are not. The gradient of what a convolution with stride s reads, and a
 * transposed convolution with that stride, is at element y the sum over those taps k of a window for which s divides y + p - k:
 *
 *   r[y] = sum over k of g[(y + p - k) / s] w[k]
 *
 * Elements that are s apart have the same taps, so the kernel becomes s kernels (s · s in two dimensions), each of one residue
 * y = s j + i with its own taps k = s t + r, without any condition, and without a product too many:
 *
 *   r[s j + i] = sum over t of g[j + (i + p - r) / s - t] w[s t + r]
 *
 * Each is a dense sum of its own size: borders, layouts and tiles find nothing unusual in it. A residue without taps (1 x 1 with
 * stride 2 has three) is zero. Sums of windows that are no products, pooling with overlap say, are taken apart in the same way.
 *
 * Rejected: a copy of g with zeros between its elements, s · s times the products: 7 x 7 with stride 2, 16 to 16, 32 x 32, 16 rows
 * 11.2 ms; one kernel with loops over residues, whose folds are of different lengths: no tile has a fixed shape then. */
#include "graph/rules.h"
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

/* Along one dimension: element `axis` has taps `fold` (NONE: the only one) where stride divides axis + constant - dilation · fold. */
typedef struct Stride { int axis, fold; int64_t stride, dilation, constant, size, taps; } Stride;

typedef struct Strides { const Kernel *kernel; Stride stride[MAX_RANK]; int count; bool refused; } Strides;

static bool is_fold_of(const Stage *stage, int axis)
{
    bool found = false;
    for (int f = 0; f < stage->fold_count; f++)
        found |= stage->fold_axis[f] == axis;
    return found;
}

static bool is_inner(const Stage *stage, int axis)
{
    bool found = false;
    for (int i = 0; i < stage->inner_count; i++)
        found |= stage->inner[i] == axis;
    return found;
}

static bool is_outer(const Kernel *kernel, int axis)
{
    bool found = false;
    for (int o = 0; o < kernel->outer_count; o++)
        found |= kernel->outer[o] == axis;
    return found;
}

/* The condition [index % s = 0], as FOLD has it. */
static bool is_divisible(const Term *term)
{
    return term->kind == TERM_INSIDE && term->index[0].modulus > 1 && term->index[0].divisor == 1 && term->from == 0 && term->to == 1;
}

static void find_stride(Term *term, void *context)
{
    Strides *s = context;
    if (!is_divisible(term))
        return;
    const Kernel *kernel = s->kernel;
    const Index *index = &term->index[0];
    Stride found = {.axis = NONE, .fold = NONE, .stride = index->modulus, .constant = index->constant, .taps = 1};
    for (int t = 0; t < index->count; t++) {
        const int axis = index->term[t].axis;
        const int64_t factor = index->term[t].factor;
        if (factor == 1 && is_outer(kernel, axis) && found.axis == NONE && !kernel->axis[axis].batch) {
            found.axis = axis;
            found.size = kernel->axis[axis].extent;
        } else if (factor < 0 && is_fold_of(&kernel->stage[0], axis) && found.fold == NONE) {
            found.fold = axis;
            found.dilation = -factor;
            found.taps = kernel->axis[axis].extent;
        } else {
            s->refused = true;
        }
    }
    for (int i = 0; i < s->count; i++)
        s->refused |= s->stride[i].axis == found.axis || (found.fold != NONE && s->stride[i].fold == found.fold);
    if (found.axis == NONE || s->count == MAX_RANK || found.size < found.stride)
        s->refused = true;
    else
        s->stride[s->count++] = found;
}

static Strides strides_of(Kernel *kernel)
{
    Strides s = {.kernel = kernel};
    const Stage *sum = kernel->stage;
    s.refused = kernel->form != FORM_NEST || kernel->region != NONE || !kernel->stage_count || sum->fold > FOLD_SUM || sum->inner_count;
    int64_t phases = 1;
    if (!s.refused)
        each_term(sum->term, find_stride, &s);
    for (int i = 0; i < s.count; i++)
        phases *= s.stride[i].stride;
    for (int k = 0; k < kernel->stage_count; k++) {
        s.refused |= kernel->stage[k].folds_outer || kernel->stage[k].after;
        for (int i = 0; k > 0 && i < s.count; i++)      /* a loop of two stages keeps its length */
            s.refused |= is_fold_of(&kernel->stage[k], s.stride[i].fold) || is_inner(&kernel->stage[k], s.stride[i].fold);
    }
    s.refused |= phases > MOST_RESIDUES;
    return s;
}

/* ---- one residue ---------------------------------------------------------------------------------------------------------- */

/* Its axes stand for others: axis a is factor[a] · a + constant[a] in terms of what it was. */
typedef struct Residue { Arena *arena; const Axis *axis; int64_t factor[MAX_AXES * 2], constant[MAX_AXES * 2]; } Residue;

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Quotients and remainders go where all terms are multiples. */
static Index of_residue(const Residue *r, Index index)
{
    const int64_t by = index.modulus ? index.modulus * index.divisor : index.divisor;
    bool multiples = by > 1 && !index.looked_up;
    const Index old = index;
    index.count = 0;
    for (int t = 0; t < old.count; t++) {
        const int axis = old.term[t].axis;
        const int64_t factor = old.term[t].factor * r->factor[axis];
        index.constant += old.term[t].factor * r->constant[axis];
        multiples = multiples && factor % by == 0;
        if (factor) {
            index.term[index.count].axis = axis;
            index.term[index.count++].factor = factor;
        }
    }
    if (!multiples)
        return index;
    if (index.modulus) {
        const int64_t rest = index.constant - floor_divide(index.constant, by) * by;
        return index_constant(rest / index.divisor);
    }
    for (int t = 0; t < index.count; t++)
        index.term[t].factor /= by;
    index.constant = floor_divide(index.constant, by);
    index.divisor = 1;
    return index;
}

/* from <= index < to, an affine index whose terms have a divisor in common: that of the quotient. */
static void reduce_condition(Term *term)
{
    Index *index = &term->index[0];
    int64_t common = 0;
    for (int t = 0; t < index->count; t++)
        for (int64_t a = index->term[t].factor < 0 ? -index->term[t].factor : index->term[t].factor; a != 0;) {
            const int64_t rest = common % a;
            common = a;
            a = rest;
        }
    if (common < 2 || !is_affine(index))
        return;
    const int64_t rest = index->constant - floor_divide(index->constant, common) * common;
    for (int t = 0; t < index->count; t++)
        index->term[t].factor /= common;
    index->constant = floor_divide(index->constant, common);
    term->from = -floor_divide(rest - term->from, common);
    term->to = -floor_divide(rest - term->to, common);
}

/* 1: the condition always holds, 0: never; NONE: it depends */
static int holds(const Residue *r, const Term *term)
{
    const Index *index = &term->index[0];
    int64_t least = index->constant, most = index->constant;
    for (int t = 0; t < index->count; t++) {
        const int64_t span = index->term[t].factor * (r->axis[index->term[t].axis].extent - 1);
        *(span < 0 ? &least : &most) += span;
    }
    if (!is_affine(index))
        return NONE;
    return least >= term->from && most < term->to ? 1 : most < term->from || least >= term->to ? 0 : NONE;
}

static Term *term_of_residue(const Residue *r, const Term *old)
{
    Term *term = arena_copy(r->arena, old, sizeof *old);
    if (term->rank)
        term->index = NEW(r->arena, Index, term->rank);
    for (int i = 0; i < term->rank; i++)
        term->index[i] = of_residue(r, old->index[i]);
    if (term->kind == TERM_INSIDE) {
        if (holds(r, term) != NONE)
            return term_of_residue(r, old->operand[holds(r, term) ? 0 : 1]);
        reduce_condition(term);
    }
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (old->operand[o])
            term->operand[o] = term_of_residue(r, old->operand[o]);
    return term;
}

/* The kernel of elements s j + i, i that of each dimension. */
static Kernel kernel_of_residue(Plan *plan, const Kernel *old, const Strides *s, const int64_t *i)
{
    Kernel kernel = *old;
    Residue r = {.arena = plan->arena, .axis = kernel.axis};
    for (int a = 0; a < kernel.axis_count; a++)
        r.factor[a] = 1;
    Stage first = old->stage[0];
    bool nothing = false, several = false;
    for (int d = 0; d < s->count; d++) {
        const Stride *stride = &s->stride[d];
        kernel.axis[stride->axis].extent = (stride->size - i[d] + stride->stride - 1) / stride->stride;
        r.factor[stride->axis] = stride->stride;
        r.constant[stride->axis] = i[d];
        int64_t tap = 0;
        while (tap < stride->taps && (i[d] + stride->constant - stride->dilation * tap) % stride->stride != 0)
            tap++;
        nothing |= tap == stride->taps;
        if (stride->fold == NONE)
            continue;
        int64_t next = tap + 1;                         /* the tap after it */
        while (next < stride->taps && stride->dilation * (next - tap) % stride->stride != 0)
            next++;
        kernel.axis[stride->fold].extent = (stride->taps - tap + next - tap - 1) / (next - tap);
        r.factor[stride->fold] = next - tap;
        r.constant[stride->fold] = tap;
    }
    for (int f = 0; f < first.fold_count; f++)
        several |= kernel.axis[first.fold_axis[f]].extent > 1;
    for (int f = 0; f < first.fold_count && !several; f++)
        r.factor[first.fold_axis[f]] = 0;
    if (!several) {
        first.fold = FOLD_NONE;
        first.fold_count = 0;
    }
    if (nothing) {
        Term *zero = NEW(plan->arena, Term, 1);
        *zero = (Term){.kind = TERM_NUMBER, .scalar = FLOAT, .node = first.node, .buffer = NONE, .stage = NONE};
        first.term = zero;
        first.fold = FOLD_NONE;
        first.fold_count = 0;
    }
    kernel.stage = NULL;
    kernel.stage_count = kernel.stage_room = 0;
    for (int k = 0; k < old->stage_count; k++) {
        Stage stage = k ? old->stage[k] : first;
        stage.term = term_of_residue(&r, stage.term);
        for (int d = 0; d <= MAX_RANK; d++)
            stage.store[d] = of_residue(&r, stage.store[d]);
        ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    }
    return kernel;
}

void split_residues(Plan *plan)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++) {
        Kernel *kernels = NULL;
        int count = 0, room = 0;
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            Kernel *kernel = &plan->kernel[phase][k];
            const Strides s = strides_of(kernel);
            int64_t i[MAX_RANK] = {0};
            if (s.refused || !s.count) {
                ARENA_PUSH(plan->arena, kernels, count, room, *kernel);
                continue;
            }
            for (int d = 0; d >= 0;) {                  /* the last dimension's residue moves fastest */
                ARENA_PUSH(plan->arena, kernels, count, room, kernel_of_residue(plan, kernel, &s, i));
                for (d = s.count - 1; d >= 0 && ++i[d] == s.stride[d].stride; d--)
                    i[d] = 0;
            }
        }
        plan->kernel[phase] = kernels;
        plan->kernel_count[phase] = count;
    }
}
