/* divide.c: an axis that some array is read along by quotient and remainder, x[i / 64][i % 64], becomes two: x[i][k] and 64 i + k.
 *
 * Takes a plan whose kernels are known and whose forms are not. A reshape that splits an axis leaves such indices (the groups of a group
 * norm, heads of attention, what follows a recurrence both ways); nothing lies side by side along them, so that a loop over i would
 * be no vector code and its products no tiles: a group norm's weight gradient 19 µs. Where one divisor makes every index of the kernel
 * affine, the axis is split by it; the order of loops and folds stays, and with it every bit. */
#include "kernel/kernel.h"
#include <string.h>

typedef struct Division { const Plan *plan; const Kernel *kernel; int axis, rest; int64_t by; bool works; } Division;

/* The divisor of the first divided index along the axis alone; 0: there is none. */
typedef struct Search { int axis; int64_t by; } Search;

static void look_at_index(const Index *index, Search *search)
{
    if (search->by || index->looked_up || is_affine(index) || index->count != 1 || index->constant || index->term[0].factor != 1)
        return;
    if (index->term[0].axis == search->axis)
        search->by = index->divisor > 1 ? index->divisor : index->modulus;
}

static void look_at_term(Term *term, void *context)
{
    for (int i = 0; i < term->rank; i++)
        look_at_index(&term->index[i], context);
}

static Index divided(Division *d, Index index)
{
    int at = 0;
    while (at < index.count && index.term[at].axis != d->axis)
        at++;
    if (index.looked_up || at == index.count)
        return index;
    if (index.count == MAX_TERMS_OF_INDEX) {
        d->works = false;
        return index;
    }
    const int64_t factor = index.term[at].factor, divisor = index.divisor, modulus = index.modulus;
    index.term[at].factor = factor * d->by;
    index.term[index.count].axis = d->rest;
    index.term[index.count++].factor = factor;
    index.divisor = 1;
    index.modulus = 0;
    index = index_divide(index, divisor, d->kernel->axis);
    if (modulus)
        index = index_modulo(index, modulus, d->kernel->axis);
    d->works &= is_affine(&index);
    return index;
}

static Term *divided_term(Division *d, const Term *term)
{
    Term *copy = arena_copy(d->plan->arena, term, sizeof *term);
    copy->index = arena_copy(d->plan->arena, term->index, sizeof *term->index * (size_t)term->rank);
    for (int i = 0; i < term->rank; i++) {
        copy->index[i] = divided(d, term->index[i]);
        d->works &= term->kind != TERM_STAGE || same_index(&copy->index[i], &term->index[i]);
    }
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (term->operand[o])
            copy->operand[o] = divided_term(d, term->operand[o]);
    return copy;
}

/* The new axis behind the old one. */
static int add_behind(int *axes, int count, const Division *d)
{
    for (int a = 0; a < count; a++)
        if (axes[a] == d->axis) {
            memmove(&axes[a + 2], &axes[a + 1], sizeof *axes * (size_t)(count - a - 1));
            axes[a + 1] = d->rest;
            return count + 1;
        }
    return count;
}

static bool has_room(const Kernel *kernel)
{
    bool room = kernel->axis_count < MAX_AXES * 2 && kernel->outer_count < MAX_AXES;
    for (int s = 0; s < kernel->stage_count; s++)
        room &= kernel->stage[s].inner_count < MAX_AXES && kernel->stage[s].fold_count < MAX_AXES;
    return room;
}

static void try_to_divide(Plan *plan, Kernel *kernel, int axis, int64_t by)
{
    if (kernel->axis[axis].batch || axis == kernel->time || kernel->axis[axis].extent % by != 0 || !has_room(kernel))
        return;
    Kernel made = *kernel;
    Division d = {plan, &made, axis, made.axis_count, by, true};
    made.axis[made.axis_count++] = (Axis){.extent = by};
    made.axis[axis].extent /= by;
    made.stage = arena_copy(plan->arena, kernel->stage, sizeof *kernel->stage * (size_t)kernel->stage_count);
    made.stage_room = made.stage_count;
    made.outer_count = add_behind(made.outer, made.outer_count, &d);
    for (int s = 0; s < made.stage_count; s++) {
        Stage *stage = &made.stage[s];
        stage->term = divided_term(&d, stage->term);
        for (int i = 0; i <= MAX_RANK; i++)
            stage->store[i] = divided(&d, stage->store[i]);
        stage->inner_count = add_behind(stage->inner, stage->inner_count, &d);
        stage->fold_count = add_behind(stage->fold_axis, stage->fold_count, &d);
    }
    if (d.works)
        *kernel = made;
}

void divide_axes(Plan *plan)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            Kernel *kernel = &plan->kernel[phase][k];
            for (int axis = 0; axis < kernel->axis_count && kernel->form == FORM_NEST; axis++) {
                Search search = {axis, 0};
                for (int s = 0; s < kernel->stage_count; s++) {
                    each_term(kernel->stage[s].term, look_at_term, &search);
                    for (int i = 0; i <= MAX_RANK; i++)
                        if (kernel->stage[s].store[i].divisor)
                            look_at_index(&kernel->stage[s].store[i], &search);
                }
                if (search.by)
                    try_to_divide(plan, kernel, axis, search.by);
            }
        }
}
