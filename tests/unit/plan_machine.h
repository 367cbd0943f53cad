/* plan_machine.h: executes the kernels of a plan as kernel.h describes them, without any C text: for kernel_fuse.c. */
#ifndef NNGEN_TESTS_PLAN_MACHINE_H
#define NNGEN_TESTS_PLAN_MACHINE_H

#include "graph/recurrence.h"
#include "kernel/kernel.h"
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct Machine {
    Arena *arena;
    const Plan *plan;
    const Kernel *kernel;
    double **memory;                    /* by buffer, row-major in its logical dimensions */
    const int *formal, *actual;         /* the arrays of the function that runs, those that it is called with */
    int arrays;
    double **local;                     /* by stage, over the extents of its inner axes */
    int64_t at[MAX_AXES * 2];           /* the loops' counters */
    int rows;
    double rate, step;
} Machine;

static int64_t value_of(const Machine *m, const Index *index)
{
    int64_t sum = index->constant;
    for (int t = 0; t < index->count; t++)
        sum += index->term[t].factor * m->at[index->term[t].axis];
    sum /= index->divisor;
    return index->modulus ? sum % index->modulus : sum;
}

static double evaluate(const Machine *m, const Term *term);

/* `place`: the index that is looked up, where one is. */
static int64_t index_value(const Machine *m, const Index *index, const Term *place)
{
    return index->looked_up ? (int64_t)evaluate(m, place) : value_of(m, index);
}

static double *element(const Machine *m, int formal, const Index *index, const Term *place)
{
    int buffer = NONE;
    for (int i = 0; i < m->arrays; i++)
        if (m->formal[i] == formal)
            buffer = m->actual[i];
    ck_assert_msg(buffer != NONE, "an array that is no argument");
    const Buffer *b = &m->plan->buffer[buffer];
    int64_t flat = 0;
    for (int d = 0; d < b->rank; d++) {
        int64_t i = index_value(m, &index[d], place);
        static double border;                           /* zero, and what is written there is lost */
        border = 0;
        if ((i < 0 && i >= -b->before[d]) || (i >= b->size[d] && i < b->size[d] + b->after[d]))
            return &border;
        ck_assert_msg(i >= 0 && i < b->size[d], "index %lld of dimension %d of node %d", (long long)i, d, b->node);
        flat = flat * b->size[d] + i;
    }
    return &m->memory[buffer][flat];
}

static double *local_at(const Machine *m, int s, const Index *index, const Term *place)
{
    const Stage *stage = &m->kernel->stage[s];
    int64_t flat = 0;
    for (int i = 0; i < stage->inner_count; i++)
        flat = flat * m->kernel->axis[stage->inner[i]].extent + (index ? index_value(m, &index[i], place) : m->at[stage->inner[i]]);
    return &m->local[s][flat];
}

static double apply(const Machine *m, const Term *term)
{
    double a = evaluate(m, term->operand[0]);
    if (term->op == OP_SELECT)
        return evaluate(m, term->operand[a != 0 ? 1 : 2]);
    double b = term->operand[1] ? evaluate(m, term->operand[1]) : 0;
    switch (term->op) {
    case OP_NEGATE: return -a;
    case OP_EXP: return exp(a);
    case OP_LOG: return log(a);
    case OP_LOG1P: return log1p(a);
    case OP_SQRT: return sqrt(a);
    case OP_RECIPROCAL: return 1 / a;
    case OP_SQUARE: return a * a;
    case OP_ABS: return fabs(a);
    case OP_SIGN: return (a > 0) - (a < 0);
    case OP_TANH: return tanh(a);
    case OP_SIN: return sin(a);
    case OP_COS: return cos(a);
    case OP_RELU: return a > 0 ? a : 0;
    case OP_SIGMOID: return 1 / (1 + exp(-a));
    case OP_FLOAT: case OP_DETACH: return a;
    case OP_ADD: return a + b;
    case OP_SUBTRACT: return a - b;
    case OP_MULTIPLY: return a * b;
    case OP_DIVIDE: return a / b;
    case OP_MAXIMUM: return a > b ? a : b;
    case OP_MINIMUM: return a < b ? a : b;
    case OP_GREATER: return a > b;
    case OP_GREATER_EQUAL: return a >= b;
    case OP_LESS: return a < b;
    case OP_LESS_EQUAL: return a <= b;
    case OP_EQUAL: return a == b;
    case OP_NOT_EQUAL: return a != b;
    default: ck_abort_msg("%s is not executed here", op_info[term->op].name);
    }
    return 0;
}

static double evaluate(const Machine *m, const Term *term)
{
    switch (term->kind) {
    case TERM_APPLY: return apply(m, term);
    case TERM_READ: return *element(m, term->buffer, term->index, term->operand[0]);
    case TERM_STAGE: return *local_at(m, term->stage, term->index, term->operand[0]);
    case TERM_NUMBER: return term->number;
    case TERM_INDEX: return (double)value_of(m, &term->index[0]);
    case TERM_SYMBOL: return term->op == OP_ROWS ? m->rows : term->op == OP_RATE ? m->rate : m->step;
    case TERM_MASK: return value_of(m, &term->index[0]) < m->rows;
    case TERM_INSIDE: {
        int64_t i = value_of(m, &term->index[0]);
        return evaluate(m, term->operand[i >= term->from && i < term->to ? 0 : 1]);
    }
    default: ck_abort_msg("a term of kind %d", term->kind);
    }
    return 0;
}

typedef void Body(Machine *m, int s);

static void loop(Machine *m, const int *axis, int count, Body *body, int s)
{
    if (count == 0) {
        body(m, s);
        return;
    }
    for (m->at[axis[0]] = 0; m->at[axis[0]] < m->kernel->axis[axis[0]].extent; m->at[axis[0]]++)
        loop(m, axis + 1, count - 1, body, s);
}

typedef struct Accumulator { double sum; int best; } Accumulator;
static Accumulator accumulator[64];     /* by stage */

static void begin(int s, const Stage *stage)
{
    accumulator[s] = (Accumulator){stage->fold == FOLD_SUM ? 0 : -INFINITY, 0};
}

/* Row-major among the folded elements. */
static int place_of(const Machine *m, const Stage *stage)
{
    int64_t place = 0;
    for (int f = 0; f < stage->fold_count; f++)
        place = place * m->kernel->axis[stage->fold_axis[f]].extent + m->at[stage->fold_axis[f]];
    return (int)place;
}

static void add_element(Machine *m, int s)
{
    const Stage *stage = &m->kernel->stage[s];
    Accumulator *a = &accumulator[s];
    double value = evaluate(m, stage->term);
    if (stage->fold == FOLD_SUM)
        a->sum += value;
    else if (value > a->sum)
        *a = (Accumulator){value, place_of(m, stage)};
}

static void keep(Machine *m, int s, double value)
{
    const Stage *stage = &m->kernel->stage[s];
    if (stage->buffer != NONE)
        *element(m, stage->buffer, stage->store, NULL) = value;
    else
        *local_at(m, s, NULL, NULL) = value;
}

static double folded(const Stage *stage, int s)
{
    return stage->fold == FOLD_ARGMAX ? accumulator[s].best : accumulator[s].sum;
}

static void stage_at_point(Machine *m, int s)
{
    const Stage *stage = &m->kernel->stage[s];
    if (stage->fold == FOLD_NONE) {
        keep(m, s, evaluate(m, stage->term));
        return;
    }
    if (!stage->folds_outer)
        begin(s, stage);
    loop(m, stage->fold_axis, stage->fold_count, add_element, s);
    if (!stage->folds_outer)
        keep(m, s, folded(stage, s));
}

static void all_stages(Machine *m, int after)
{
    for (int s = 0; s < m->kernel->stage_count; s++)
        if (m->kernel->stage[s].after == after)
            loop(m, m->kernel->stage[s].inner, m->kernel->stage[s].inner_count, stage_at_point, s);
}

static const Kernel *numbered(const Plan *plan, int number)
{
    PhaseId phase = 0;
    while (number >= plan->kernel_count[phase])
        number -= plan->kernel_count[phase++];
    return &plan->kernel[phase][number];
}

/* Calls the kernel's function, which may be an earlier kernel's, with the kernel's arrays. */
static void execute(Machine *m, const Kernel *kernel)
{
    m->actual = arrays_of(m->plan, kernel, m->arena, &m->arrays);
    if (kernel->same_as != NONE)
        kernel = numbered(m->plan, kernel->same_as);
    m->formal = arrays_of(m->plan, kernel, m->arena, &m->arrays);
    m->kernel = kernel;
    m->local = NEW(m->arena, double *, kernel->stage_count);
    for (int s = 0; s < kernel->stage_count; s++) {
        int64_t room = 1;
        for (int i = 0; i < kernel->stage[s].inner_count; i++)
            room *= kernel->axis[kernel->stage[s].inner[i]].extent;
        m->local[s] = NEW(m->arena, double, room);
        begin(s, &kernel->stage[s]);
    }
    loop(m, kernel->outer, kernel->outer_count, all_stages, 0);
    for (int s = 0; s < kernel->stage_count; s++)
        if (kernel->stage[s].folds_outer)
            keep(m, s, folded(&kernel->stage[s], s));
    all_stages(m, 1);
}

/* Kernel k, or with it all of its region, time by time. Returns the last one executed. */
static int execute_from(Machine *m, const Kernel *kernels, int count, int k)
{
    if (kernels[k].region == NONE) {
        execute(m, &kernels[k]);
        return k;
    }
    const Region *region = &m->plan->recurrences.regions[kernels[k].region];
    int last = k;
    while (last + 1 < count && kernels[last + 1].region == kernels[k].region)
        last++;
    for (int64_t t = 0; t < region->steps; t++)
        for (int i = k; i <= last; i++) {
            m->at[kernels[i].time] = region->backward ? region->steps - 1 - t : t;
            execute(m, &kernels[i]);
        }
    return last;
}

#endif
