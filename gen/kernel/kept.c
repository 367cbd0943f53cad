/* kept.c: sums of products that the next kernel multiplies with zero.
 *
 * dropout2d multiplies whole channels with 0 or 1 / (1 - p). Of those that it drops the convolution before it need not be computed:
 *
 *   s[b,o,y,x] = sum over c, u, v of w[o,c,u,v] x[b,c,y + u,x + v]     is only wanted where     keep[b,o] != 0
 *
 * Takes a product whose sums have a single reader, which multiplies each of them by what is zero unless a condition holds that
 * depends on an axis of the product's (the channel) and on axes around it (the row of the batch). The product then makes a list of
 * the channels that are kept, and its tiles take two of them at a time; the sums of the others are 0. What is left out is a product
 * with an exact zero: 0 times infinity is 0 here, as in skip.c. The condition is the product's to read (Kernel.kept), so numbers
 * that are drawn for it are drawn before. */
#include "graph/rules.h"
#include "kernel/kernel.h"
#include "kernel/tuning.h"
#include <string.h>

typedef struct Gate {
    const Plan *plan;
    const Kernel *product, *reader;
    int sums;                           /* the buffer between them */
    int axis[MAX_AXES * 2];             /* by axis of the reader: the product's; NONE */
    Term *condition;                    /* of the reader's axes; NULL: not found yet */
    bool open;                          /* the sums are read where nothing makes them zero */
} Gate;

/* The stage of the reader whose value the term is, at the same point of the outer axes; NULL: it is something else. */
static const Stage *stage_of(const Gate *gate, const Term *term)
{
    const Kernel *reader = gate->reader;
    if (term->kind == TERM_STAGE)
        return &reader->stage[term->stage];
    const bool is_made = term->kind == TERM_READ && gate->plan->buffer[term->buffer].kind == BUFFER_TEMPORARY;
    for (int s = 0; is_made && s < reader->stage_count; s++) {
        bool same = reader->stage[s].buffer == term->buffer;
        for (int d = 0; same && d < term->rank; d++)
            same = same_element(&term->index[d], &reader->stage[s].store[d], reader->axis);
        if (same)
            return &reader->stage[s];
    }
    return NULL;
}

/* The condition unless which the term is zero; NULL: there is none that is known. */
static Term *condition_of(const Gate *gate, Term *term)
{
    const Stage *stage = stage_of(gate, term);
    if (stage)
        return stage->fold == FOLD_NONE && !stage->inner_count && !stage->after ? condition_of(gate, stage->term) : NULL;
    if (term->kind != TERM_APPLY)
        return NULL;
    if (op_is_comparison(term->op))
        return term;
    if (term->op != OP_MULTIPLY && term->op != OP_DIVIDE)
        return NULL;
    Term *condition = condition_of(gate, term->operand[0]);
    return condition || term->op == OP_DIVIDE ? condition : condition_of(gate, term->operand[1]);
}

/* Visits the reads of the sums in a term: each must be a factor's, beside one that may be zero, and all by the same condition. */
static void look_for_gates(Gate *gate, Term *term, Term *condition)
{
    if (term->kind == TERM_READ && term->buffer == gate->sums) {
        gate->open |= !condition || (gate->condition && gate->condition != condition);
        gate->condition = condition;
        for (int d = 0; d < term->rank; d++) {
            const int own = plain_axis(&term->index[d]), axis = plain_axis(&gate->product->stage[0].store[d]);
            if (own != NONE && axis != NONE)
                gate->axis[own] = axis;
        }
        return;
    }
    for (int o = 0; o < MAX_OPERANDS && term->operand[o]; o++) {
        Term *gated = condition;
        if (term->kind == TERM_APPLY && term->op == OP_MULTIPLY && !gated)
            gated = condition_of(gate, term->operand[1 - o]);
        look_for_gates(gate, term->operand[o], gated);
    }
}

/* A copy with the product's axes; NULL if it has others, or is more than arithmetic of numbers and of arrays. */
static Term *with_axes_of_product(const Gate *gate, const Term *term)
{
    if (term->kind != TERM_APPLY && term->kind != TERM_NUMBER && term->kind != TERM_READ)
        return NULL;
    Term *copy = arena_copy(gate->plan->arena, term, sizeof *term);
    if (term->rank)
        copy->index = arena_copy(gate->plan->arena, term->index, sizeof *term->index * (size_t)term->rank);
    for (int d = 0; d < term->rank; d++) {
        if (!is_affine(&term->index[d]))
            return NULL;
        for (int t = 0; t < term->index[d].count; t++)
            if ((copy->index[d].term[t].axis = gate->axis[term->index[d].term[t].axis]) == NONE)
                return NULL;
    }
    for (int o = 0; o < MAX_OPERANDS && term->operand[o]; o++)
        if (!(copy->operand[o] = with_axes_of_product(gate, term->operand[o])))
            return NULL;
    return copy;
}

/* Numbers of a uniform stream that are below or above a bound: the share of them that the condition lets pass; 1: not known. */
static double share_of(const Gate *gate, const Term *condition)
{
    const Term *left = condition->operand[0], *right = condition->operand[1];
    if (left->kind != TERM_READ || right->kind != TERM_NUMBER || gate->plan->model->graph->nodes[gate->plan->buffer[left->buffer].node].op != OP_UNIFORM)
        return 1;
    const bool above = condition->op == OP_GREATER_EQUAL || condition->op == OP_GREATER;
    return above ? 1 - right->number : condition->op == OP_LESS_EQUAL || condition->op == OP_LESS ? right->number : 1;
}

/* The condition's axis along which channels are dropped: the last of the product's that it depends on; the others run around it. */
static int axis_of(const Gate *gate, Term *condition)
{
    int axis = NONE;
    for (int o = 0; o < gate->product->outer_count; o++)
        if (!gate->product->axis[gate->product->outer[o]].batch && depends_on(condition, gate->product->outer[o]))
            axis = gate->product->outer[o];
    return axis;
}

/* Do the sums lie channel after channel within what is around them, so that those of a row are set to zero at once? */
static bool lies_by_channel(const Gate *gate, Term *condition, int axis)
{
    const Buffer *sums = &gate->plan->buffer[gate->sums];
    int d = 0;
    while (d < sums->rank && plain_axis(&gate->product->stage[0].store[sums->order[d]]) != axis)
        d++;
    if (d == 0 || d == sums->rank || sums->size[sums->order[d]] != gate->product->axis[axis].extent || room_in(sums, d) != sums->size[sums->order[d]])
        return false;
    for (int o = 0; o < gate->product->outer_count; o++) {
        const int around = gate->product->outer[o];
        bool is_before = false;
        for (int e = 0; e < d; e++)
            is_before |= plain_axis(&gate->product->stage[0].store[sums->order[e]]) == around;
        if (around != axis && depends_on(condition, around) != is_before)
            return false;
    }
    return true;
}

typedef struct Sought { int buffer, readers; Kernel *kernel, *reader; } Sought;

static void note_reader(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Sought *s = context;
    if (read->buffer == s->buffer && s->reader != s->kernel) {
        s->reader = s->kernel;
        s->readers++;
    }
}

/* The only kernel of the program that reads the buffer; NULL: there are none or several. */
static Kernel *only_reader(Plan *plan, int buffer)
{
    Sought s = {.buffer = buffer};
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            s.kernel = &plan->kernel[phase][k];
            each_read(s.kernel, note_reader, &s);
        }
    return s.readers == 1 ? s.reader : NULL;
}

/* The numbers that the condition compares are drawn before the product. Gives its number in the phase then; NONE: they cannot be. */
static int draw_before(Plan *plan, const Term *condition, int product)
{
    Kernel *kernel = plan->kernel[PHASE_TRAIN];
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel draw = kernel[k];
        if (draw.stage_count == 0 || draw.stage[0].buffer != condition->operand[0]->buffer)
            continue;
        if (draw.stage_count != 1 || draw.stage[0].term->kind != TERM_RANDOM)
            return NONE;
        if (k < product)
            return product;
        memmove(&kernel[product + 1], &kernel[product], sizeof *kernel * (size_t)(k - product));
        kernel[product] = draw;
        return product + 1;
    }
    return NONE;
}

static void try_to_leave_out(Plan *plan, int number)
{
    Kernel *product = &plan->kernel[PHASE_TRAIN][number];
    if (product->form != FORM_NEST || product->kept.condition || product->region != NONE || product->stage_count != 1 || !is_product(plan, product)
        || product->stage[0].buffer == NONE || plan->buffer[product->stage[0].buffer].kind != BUFFER_TEMPORARY)
        return;
    Gate gate = {.plan = plan, .product = product, .sums = product->stage[0].buffer, .reader = only_reader(plan, product->stage[0].buffer)};
    if (!gate.reader || gate.reader->region != NONE)
        return;
    for (int a = 0; a < MAX_AXES * 2; a++)
        gate.axis[a] = NONE;
    for (int s = 0; s < gate.reader->stage_count; s++)
        look_for_gates(&gate, gate.reader->stage[s].term, NULL);
    if (gate.open || !gate.condition || share_of(&gate, gate.condition) * 100 > MOST_KEPT_PERCENT)
        return;
    Term *condition = with_axes_of_product(&gate, gate.condition);
    const int axis = condition ? axis_of(&gate, condition) : NONE;
    if (axis == NONE || !lies_by_channel(&gate, condition, axis))
        return;
    const double share = share_of(&gate, gate.condition);
    const int moved = draw_before(plan, condition, number);
    if (moved != NONE)
        plan->kernel[PHASE_TRAIN][moved].kept = (Kept){condition, axis, share};
}

void leave_out_dropped(Plan *plan)
{
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++)
        try_to_leave_out(plan, k);
}
