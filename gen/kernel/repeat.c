/* repeat.c: kernels that differ in nothing but the arrays that they take are one function, called with each.
 *
 * Takes scheduled kernels; one that an earlier kernel can stand for is marked `same_as` it and put into its list of users. The
 * same means: the same axes, stages, terms and choices, and arrays that correspond: the n-th to be mentioned in one to the n-th
 * in the other, equal in element, shape and layout. So an array that is read where it is written, or under two names, is so in
 * both. And what the function's comment says is true of all: no forward kernel stands for a gradient's, no rule for another.
 *
 * What must be equal is hashed first, so a hundred layers are a hundred looks into a table. Evaluation usually calls the forward
 * kernels of training, equal layers call each other's.
 *
 * Rejected: comparing emitted texts, which holds the names of arrays against each other. */
#include "kernel/kernel.h"
#include <string.h>

/* ---- arrays --------------------------------------------------------------------------------------------------------------- */

typedef struct Arrays { Arena *arena; int *list, count, room; } Arrays;

/* Its number among them; it is added if it is new. */
static int number_of(Arrays *arrays, int buffer)
{
    for (int i = 0; i < arrays->count; i++)
        if (arrays->list[i] == buffer)
            return i;
    ARENA_PUSH(arrays->arena, arrays->list, arrays->count, arrays->room, buffer);
    return arrays->count - 1;
}

static void mention(Term *term, void *context)
{
    if (term->kind == TERM_READ)
        number_of(context, term->buffer);
}

/* A call of the runtime takes the gradient, the parameter, its slots. */
static void mention_call(const Plan *plan, const Kernel *kernel, Arrays *arrays)
{
    const Model *model = plan->model;
    const Update *update = &model->updates[kernel->update];
    number_of(arrays, plan->buffer_of[model->phase[PHASE_TRAIN].gradients[kernel->update]]);
    number_of(arrays, plan->buffer_of[model->graph->leaves[update->parameter].node]);
    for (int l = 0; l < model->graph->leaf_count; l++)
        if (model->graph->leaves[l].kind == LEAF_SLOT && model->graph->leaves[l].parameter == update->parameter)
            number_of(arrays, plan->buffer_of[model->graph->leaves[l].node]);
}

static Arrays mentioned(const Plan *plan, const Kernel *kernel, Arena *arena)
{
    Arrays arrays = {.arena = arena};
    if (kernel->form == FORM_CALL)
        mention_call(plan, kernel, &arrays);
    if (kernel->kept.condition)
        each_term(kernel->kept.condition, mention, &arrays);
    for (int s = 0; s < kernel->stage_count; s++) {
        each_term(kernel->stage[s].term, mention, &arrays);
        if (kernel->stage[s].buffer != NONE)
            number_of(&arrays, kernel->stage[s].buffer);
    }
    return arrays;
}

int *arrays_of(const Plan *plan, const Kernel *kernel, Arena *arena, int *count)
{
    Arrays arrays = mentioned(plan, kernel, arena);
    *count = arrays.count;
    return arrays.list;
}

bool writes(const Kernel *kernel, int array, int buffer)
{
    if (kernel->form == FORM_CALL)
        return array > 0;                               /* all but the gradient */
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].buffer == buffer)
            return true;
    return false;
}

/* ---- equal kernels ---------------------------------------------------------------------------------------------------------- */

typedef struct Pair { const Plan *plan; Arrays *a, *b; } Pair;

static bool same_array(const Plan *plan, int a, int b)
{
    const Buffer *p = &plan->buffer[a], *q = &plan->buffer[b];
    const Node *nodes = plan->model->graph->nodes;
    return p->scalar == q->scalar && p->rank == q->rank && p->pad == q->pad && nodes[p->node].type.per_row == nodes[q->node].type.per_row
        && memcmp(p->size, q->size, sizeof p->size[0] * (size_t)p->rank) == 0
        && memcmp(p->before, q->before, sizeof p->before) == 0 && memcmp(p->after, q->after, sizeof p->after) == 0
        && memcmp(p->order, q->order, sizeof p->order[0] * (size_t)p->rank) == 0;
}

static bool same_indices(const Index *a, const Index *b, int rank)
{
    for (int i = 0; i < rank; i++)
        if (a[i].looked_up != b[i].looked_up || (!a[i].looked_up && !same_index(&a[i], &b[i])))
            return false;                               /* what is looked up is an operand */
    return true;
}

static bool same_term(const Pair *pair, const Term *a, const Term *b)
{
    if (a->kind != b->kind || a->op != b->op || a->scalar != b->scalar || a->stage != b->stage || a->rank != b->rank || a->from != b->from
        || a->to != b->to || memcmp(&a->number, &b->number, sizeof a->number) != 0)
        return false;
    if (a->kind == TERM_READ && number_of(pair->a, a->buffer) != number_of(pair->b, b->buffer))
        return false;
    if ((a->kind == TERM_TABLE || a->kind == TERM_RANDOM) && a->node != b->node)
        return false;
    for (int o = 0; o < MAX_OPERANDS; o++)
        if (!a->operand[o] != !b->operand[o] || (a->operand[o] && !same_term(pair, a->operand[o], b->operand[o])))
            return false;
    return same_indices(a->index, b->index, a->rank);
}

static bool same_words(const Plan *plan, NodeId a, NodeId b)
{
    const Node *p = &plan->model->graph->nodes[a], *q = &plan->model->graph->nodes[b];
    const char *rule = p->origin.rule ? p->origin.rule : "", *other = q->origin.rule ? q->origin.rule : "";
    return a == b || (p->op == q->op && p->type.scalar == q->type.scalar && strcmp(rule, other) == 0
                      && is_part_of_gradient(plan->model, a) == is_part_of_gradient(plan->model, b)
                      && is_part_of_update(plan->model, a) == is_part_of_update(plan->model, b));
}

static bool same_axes(const int *a, const int *b, int count)
{
    return memcmp(a, b, sizeof *a * (size_t)count) == 0;
}

static bool same_stage(const Pair *pair, const Stage *p, const Stage *q)
{
    if (!same_words(pair->plan, p->node, q->node) || p->fold != q->fold || p->folds_outer != q->folds_outer || p->after != q->after
        || p->inner_count != q->inner_count || p->fold_count != q->fold_count || (p->buffer == NONE) != (q->buffer == NONE))
        return false;
    if (!same_axes(p->inner, q->inner, p->inner_count) || !same_axes(p->fold_axis, q->fold_axis, p->fold_count))
        return false;
    if (p->buffer != NONE && (number_of(pair->a, p->buffer) != number_of(pair->b, q->buffer)
                              || !same_indices(p->store, q->store, pair->plan->buffer[p->buffer].rank)))
        return false;
    return same_term(pair, p->term, q->term);
}

static bool same_update(const Model *model, const Kernel *a, const Kernel *b)
{
    const Leaf *p = &model->graph->leaves[model->updates[a->update].parameter], *q = &model->graph->leaves[model->updates[b->update].parameter];
    return p->lr_factor == q->lr_factor && memcmp(&p->weight_decay, &q->weight_decay, sizeof p->weight_decay) == 0;
}

static bool same_choice(const Kernel *a, const Kernel *b)
{
    return a->form == b->form && a->choice.lanes == b->choice.lanes && a->choice.row == b->choice.row && a->choice.column == b->choice.column
        && a->choice.line == b->choice.line && a->choice.lines == b->choice.lines && a->choice.rows == b->choice.rows && a->choice.columns == b->choice.columns && a->choice.row_growth == b->choice.row_growth && a->choice.column_growth == b->choice.column_growth && a->choice.width == b->choice.width
        && a->choice.rows_outside == b->choice.rows_outside && a->choice.block == b->choice.block && a->choice.group == b->choice.group
        && a->choice.rest_columns == b->choice.rest_columns && a->choice.rest_rows == b->choice.rest_rows
        && a->choice.side == b->choice.side && a->choice.fetches == b->choice.fetches
        && (a->form != FORM_CONTRACTION || (a->choice.a == a->stage[0].term->operand[0]) == (b->choice.a == b->stage[0].term->operand[0]));
}

static bool same_kernel(const Plan *plan, const Kernel *a, const Kernel *b, Arena *arena)
{
    if (!same_choice(a, b) || a->time != b->time || a->axis_count != b->axis_count || a->outer_count != b->outer_count || a->stage_count != b->stage_count
        || !same_axes(a->outer, b->outer, a->outer_count))
        return false;
    for (int x = 0; x < a->axis_count; x++)
        if (a->axis[x].extent != b->axis[x].extent || a->axis[x].batch != b->axis[x].batch)
            return false;
    Arrays of_a = mentioned(plan, a, arena), of_b = mentioned(plan, b, arena);
    Pair pair = {plan, &of_a, &of_b};
    if (of_a.count != of_b.count || (a->form == FORM_CALL && !same_update(plan->model, a, b)))
        return false;
    for (int i = 0; i < of_a.count; i++)
        if (!same_array(plan, of_a.list[i], of_b.list[i]))
            return false;
    for (int s = 0; s < a->stage_count; s++)
        if (!same_stage(&pair, &a->stage[s], &b->stage[s]))
            return false;
    const Term *p = a->kept.condition, *q = b->kept.condition;
    return !p == !q && (!p || (a->kept.axis == b->kept.axis && same_term(&pair, p, q)));
}

/* ---- the table ---------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
    return (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15) ^ (hash >> 29);
}

typedef struct Hashing { const Plan *plan; uint64_t hash; } Hashing;

static void hash_array(Hashing *h, int buffer)
{
    const Buffer *b = &h->plan->buffer[buffer];
    h->hash = mix(h->hash, (uint64_t)b->rank);
    for (int d = 0; d < b->rank; d++)
        h->hash = mix(h->hash, (uint64_t)b->size[d]);
}

static void hash_term(Term *term, void *context)
{
    Hashing *h = context;
    h->hash = mix(mix(mix(h->hash, term->kind), term->op), (uint64_t)(term->stage + 1));
    if (term->kind == TERM_READ)
        hash_array(h, term->buffer);
}

static uint64_t hash_kernel(const Plan *plan, const Kernel *kernel)
{
    Hashing h = {plan, mix(mix((uint64_t)kernel->form, (uint64_t)kernel->stage_count), (uint64_t)kernel->outer_count)};
    for (int x = 0; x < kernel->axis_count; x++)
        h.hash = mix(h.hash, (uint64_t)kernel->axis[x].extent);
    for (int s = 0; s < kernel->stage_count; s++) {
        h.hash = mix(h.hash, plan->model->graph->nodes[kernel->stage[s].node].op);
        each_term(kernel->stage[s].term, hash_term, &h);
        if (kernel->stage[s].buffer != NONE)
            hash_array(&h, kernel->stage[s].buffer);
    }
    return h.hash ^ h.hash >> 32;
}

void find_repeated(Plan *plan)
{
    Arena *scratch = arena_new();
    int total = 0, size = 16;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        total += plan->kernel_count[phase];
    while (size < 2 * total)
        size *= 2;
    typedef struct Slot { Kernel *first, *last; int number; uint64_t hash; } Slot;
    Slot *slots = NEW(scratch, Slot, size);
    int number = 0;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++, number++) {
            Kernel *kernel = &plan->kernel[phase][k];
            uint64_t hash = hash_kernel(plan, kernel);
            Slot *slot = &slots[hash & (uint64_t)(size - 1)];
            while (slot->first && (slot->hash != hash || !same_kernel(plan, slot->first, kernel, scratch)))
                slot = slot + 1 == slots + size ? slots : slot + 1;
            if (slot->first) {
                kernel->same_as = slot->number;
                slot->last = slot->last->next_user = kernel;
            } else {
                *slot = (Slot){kernel, kernel, number, hash};
            }
        }
    arena_free(scratch);
}
