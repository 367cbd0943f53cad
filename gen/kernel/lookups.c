/* lookups.c: elements of a thread's own arrays that are looked up, as in  loss -= log_p[label[b]].
 *
 * Takes a kernel whose threads have the arrays of its stages for themselves (device.c); gives the same kernel, in which such an
 * element is computed again where it is looked up: fc2[b][label[b]] - largest - logarithm. A thread's array is in registers as long
 * as the text says which of its elements is meant; one that is known only when the program runs would send the array to memory.
 *
 * Only pointwise stages of one inner axis are computed again, and only from what no stage of the kernel writes; the others stay. */
#include "kernel/kernel.h"
#include <string.h>

typedef struct Lookups { const Plan *plan; Kernel *kernel; bool any; } Lookups;

/* A copy of the term with `axis` at `place`; NULL: some index is more than the axis itself, or is looked up already. */
static Term *at_place(Arena *arena, const Term *term, int axis, Term *place)
{
    Term *copy = arena_copy(arena, term, sizeof *term);
    copy->index = arena_copy(arena, term->index, sizeof *term->index * (size_t)term->rank);
    for (int i = 0; i < term->rank; i++) {
        bool depends = false;
        for (int t = 0; t < term->index[i].count; t++)
            depends |= term->index[i].term[t].axis == axis;
        if (!depends)
            continue;
        const bool has_places = term->kind == TERM_READ || term->kind == TERM_STAGE || term->kind == TERM_TABLE;
        if (!has_places || term->operand[0] || plain_axis(&term->index[i]) != axis)
            return NULL;
        copy->index[i] = (Index){.divisor = 1, .looked_up = true};
        copy->operand[0] = at_place(arena, place, NONE, NULL);
    }
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (term->operand[o] && !(copy->operand[o] = at_place(arena, term->operand[o], axis, place)))
            return NULL;
    return copy;
}

static void find_written(Term *term, void *context)
{
    Lookups *l = context;
    for (int s = 0; s < l->kernel->stage_count && term->kind == TERM_READ; s++)
        l->any |= l->kernel->stage[s].buffer == term->buffer;
}

static bool reads_what_is_written(const Lookups *lookups, Term *term)
{
    Lookups written = {lookups->plan, lookups->kernel, false};
    each_term(term, find_written, &written);
    return written.any;
}

static void compute_again(Term *term, void *context)
{
    Lookups *l = context;
    if (term->kind != TERM_STAGE || term->rank != 1 || !term->index[0].looked_up)
        return;
    const Stage *stage = &l->kernel->stage[term->stage];
    if (stage->fold != FOLD_NONE || stage->folds_outer || reads_what_is_written(l, stage->term))
        return;
    const Term *again = at_place(l->plan->arena, stage->term, stage->inner[0], term->operand[0]);
    if (again) {
        *term = *again;
        l->any = true;
    }
}

/* ---- stages that nobody reads any more ---- */

typedef struct Renumbering { int gone; bool is_read; } Renumbering;

static void find_use(Term *term, void *context)
{
    Renumbering *r = context;
    r->is_read |= term->kind == TERM_STAGE && term->stage == r->gone;
}

static void renumber(Term *term, void *context)
{
    const Renumbering *r = context;
    if (term->kind == TERM_STAGE && term->stage > r->gone)
        term->stage--;
}

static void drop_unread_stages(Kernel *kernel)
{
    for (int s = kernel->stage_count - 1; s >= 0; s--) {
        Renumbering renumbering = {s, kernel->stage[s].buffer != NONE};
        for (int r = s + 1; r < kernel->stage_count; r++)
            each_term(kernel->stage[r].term, find_use, &renumbering);
        if (renumbering.is_read)
            continue;
        for (int r = s + 1; r < kernel->stage_count; r++)
            each_term(kernel->stage[r].term, renumber, &renumbering);
        memmove(&kernel->stage[s], &kernel->stage[s + 1], sizeof *kernel->stage * (size_t)(kernel->stage_count - s - 1));
        kernel->stage_count--;
    }
}

void compute_lookups_again(const Plan *plan, Kernel *kernel)
{
    bool any = false;
    for (Lookups lookups = {plan, kernel, true}; lookups.any; any |= lookups.any) {        /* what came in may look something up itself */
        lookups.any = false;
        for (int s = 0; s < kernel->stage_count; s++)
            each_term(kernel->stage[s].term, compute_again, &lookups);
    }
    if (any)
        drop_unread_stages(kernel);
}
