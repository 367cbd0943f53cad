/* border.c: borders of zeros around arrays that padded windows read.
 *
 * Takes a plan whose kernels are known and whose tiles are not. A product over windows with padding reads "the element, or zero
 * outside": a condition an element, which no register is loaded through. Where the array is ours to lay out, it gets as many zeros
 * at each end of the dimension as the windows reach over it, and the condition goes: reads and writes are where they were, counted
 * from the first element that is real. Nothing ever writes the border, so it is zero from the start and stays so: such an array
 * shares its memory with no other (plan_memory.c). What the data bring has their layout; it is copied into an array with a border,
 * once a step. The gradient of the input reads windows over the gradient of the output in the same way, behind a
 * stride residue by residue (residues.c).
 *
 * Rejected: conditions on whole registers (masked loads): they cost a compare a load in the innermost loop, on every processor. */
#include "kernel/kernel.h"
#include <string.h>

enum { MOST_BORDER = 2 };               /* times the size of the dimension: beyond that the border is most of the work */

/* The read inside conditions that all say: where the element exists, else zero. NULL if it is anything else. */
static Term *bordered_read(const Plan *plan, Term *term)
{
    Term *read = term;
    while (read->kind == TERM_INSIDE && read->operand[1]->kind == TERM_NUMBER && read->operand[1]->number == 0)
        read = read->operand[0];
    if (read == term || read->kind != TERM_READ || read->scalar != FLOAT || read->operand[0])
        return NULL;
    const Buffer *buffer = &plan->buffer[read->buffer];
    if (buffer->kind != BUFFER_TEMPORARY && buffer->kind != BUFFER_INPUT)
        return NULL;
    for (int d = 0; d < read->rank; d++)
        if (!is_affine(&read->index[d]))
            return NULL;
    for (; term != read; term = term->operand[0]) {
        bool found = false;
        for (int d = 0; d < read->rank && !found; d++) {
            Index at = read->index[d];
            at.constant += term->from;
            found = same_index(&at, &term->index[0]) && term->to - term->from == buffer->size[d];
        }
        if (!found)
            return NULL;
    }
    return read;
}

typedef struct Borders {
    Plan *plan;
    bool *refused;                      /* by buffer: some read divides its index, or time runs through it */
    Reach (*reach)[MAX_RANK + 1];       /* by buffer and dimension */
    int copy;                           /* that the kernel in hand reads now; NONE */
} Borders;

static void look_at_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Borders *b = context;
    for (int d = 0; d < read->rank; d++)
        b->refused[read->buffer] |= read->index[d].modulus != 0 || read->index[d].looked_up;
}

static void widen(Reach *reach, Reach by)
{
    reach->before = by.before > reach->before ? by.before : reach->before;
    reach->after = by.after > reach->after ? by.after : reach->after;
}

/* Each factor of the kernel's product that reads a border: `visit` is given where the factor hangs, and its read. */
typedef void Visit(Borders *borders, Kernel *kernel, Term **factor, Term *read);

static void each_bordered(Plan *plan, Kernel *kernel, Visit *visit, Borders *borders)
{
    if (!is_product(plan, kernel) || kernel->form == FORM_SKIP)
        return;
    Term *sum = kernel->stage[0].term;
    const bool product = sum->kind == TERM_APPLY && sum->op == OP_MULTIPLY;
    for (int o = 0; o < (product ? 2 : 1); o++) {
        Term **factor = product ? &sum->operand[o] : &kernel->stage[0].term, *read = bordered_read(plan, *factor);
        if (read)
            visit(borders, kernel, factor, read);
    }
}

static void want(Borders *b, Kernel *kernel, Term **factor, Term *read)
{
    (void)factor;
    const Buffer *buffer = &b->plan->buffer[read->buffer];
    for (int d = 0; d < read->rank; d++) {
        Reach reach = reach_of(&read->index[d], kernel->axis, buffer->size[d]);
        b->refused[read->buffer] |= reach.before + reach.after > MOST_BORDER * buffer->size[d];
        widen(&b->reach[read->buffer][d], reach);
    }
}

static void drop_condition(Borders *b, Kernel *kernel, Term **factor, Term *read)
{
    (void)kernel;
    if (!b->refused[read->buffer])
        *factor = read;
}

/* ---- copies ------------------------------------------------------------------------------------------------------------ */

/* copy[b,…] = source[b,…] */
static Kernel copy_kernel(Plan *plan, int copy, bool before_loss_check)
{
    const Buffer *to = &plan->buffer[copy], *from = &plan->buffer[to->copy_of];
    Kernel kernel = {.form = FORM_NEST, .choice.lanes = NONE, .region = NONE, .time = NONE, .update = NONE, .same_as = NONE,
                     .before_loss_check = before_loss_check};
    Stage stage = {.node = from->node, .buffer = copy};
    Term *read = NEW(plan->arena, Term, 1);
    *read = (Term){.kind = TERM_READ, .scalar = FLOAT, .buffer = to->copy_of, .stage = NONE, .rank = from->rank, .node = from->node};
    read->index = NEW(plan->arena, Index, from->rank);
    for (int d = 0; d < from->rank; d++) {
        kernel.axis[d] = (Axis){.extent = from->size[d], .batch = d == 0 && plan->model->graph->nodes[from->node].type.per_row};
        kernel.outer[kernel.outer_count++] = kernel.axis_count++;
        read->index[d] = index_axis(d);
        stage.store[d] = index_axis(d);
    }
    stage.term = read;
    ARENA_PUSH(plan->arena, kernel.stage, kernel.stage_count, kernel.stage_room, stage);
    return kernel;
}

static int copy_for(Plan *plan, int source)
{
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->buffer[b].copy_of == source && !plan->buffer[b].is_laid)
            return b;
    Buffer copy = plan->buffer[source];
    copy.kind = BUFFER_TEMPORARY;
    copy.leaf = NONE;
    copy.copy_of = source;
    ARENA_PUSH(plan->arena, plan->buffer, plan->buffer_count, plan->buffer_room, copy);
    return plan->buffer_count - 1;
}

static void redirect(Borders *b, Kernel *kernel, Term **factor, Term *read)
{
    (void)kernel, (void)factor;
    if (b->plan->buffer[read->buffer].kind == BUFFER_INPUT && !b->refused[read->buffer])
        b->copy = read->buffer = copy_for(b->plan, read->buffer);
}

typedef struct Search { int buffer; bool found; } Search;

static void find_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    Search *search = context;
    search->found |= read->buffer == search->buffer;
}

static bool is_read(Kernel *kernel, int buffer)
{
    Search search = {buffer, false};
    each_read(kernel, find_read, &search);
    return search.found;
}

static bool is_written(const Kernel *kernels, int count, int buffer)
{
    for (int k = 0; k < count; k++)
        for (int s = 0; s < kernels[k].stage_count; s++)
            if (kernels[k].stage[s].buffer == buffer)
                return true;
    return false;
}

/* What the data bring is copied before it is read so for the first time. */
static void make_copies(Plan *plan, PhaseId phase, Borders *borders)
{
    Kernel *kernels = NULL;
    int count = 0, room = 0;
    for (int k = 0; k < plan->kernel_count[phase]; k++) {
        borders->copy = NONE;
        each_bordered(plan, &plan->kernel[phase][k], redirect, borders);
        for (int b = 0; b < plan->buffer_count; b++)
            if (plan->buffer[b].copy_of != NONE && is_read(&plan->kernel[phase][k], b) && !is_written(kernels, count, b))
                ARENA_PUSH(plan->arena, kernels, count, room, copy_kernel(plan, b, plan->kernel[phase][k].before_loss_check));
        ARENA_PUSH(plan->arena, kernels, count, room, plan->kernel[phase][k]);
    }
    plan->kernel[phase] = kernels;
    plan->kernel_count[phase] = count;
}

static void each_kernel(Plan *plan, Visit *visit, Borders *borders)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            each_bordered(plan, &plan->kernel[phase][k], visit, borders);
}

/* Which arrays refuse, and how far the others are read over. */
static Borders find_borders(Plan *plan, Arena *scratch)
{
    Borders borders = {.plan = plan, .refused = NEW(scratch, bool, plan->buffer_count + 1)};
    borders.reach = arena_alloc(scratch, sizeof *borders.reach * (size_t)(plan->buffer_count + 1));
    memset(borders.reach, 0, sizeof *borders.reach * (size_t)(plan->buffer_count + 1));
    for (int b = 0; b < plan->buffer_count; b++)
        borders.refused[b] = plan->buffer[b].is_laid || plan->model->graph->nodes[plan->buffer[b].node].op == OP_SCAN;
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++)
            each_read(&plan->kernel[phase][k], look_at_read, &borders);
    each_kernel(plan, want, &borders);
    return borders;
}

void lay_borders(Plan *plan)
{
    Arena *scratch = arena_new();
    Borders borders = find_borders(plan, scratch);
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        make_copies(plan, phase, &borders);
    borders = find_borders(plan, scratch);              /* now that there are copies */
    for (int b = 0; b < plan->buffer_count; b++) {
        Buffer *buffer = &plan->buffer[b];
        for (int d = 0; d < buffer->rank && !borders.refused[b] && buffer->kind == BUFFER_TEMPORARY; d++) {
            buffer->before[d] = borders.reach[b][d].before;
            buffer->after[d] = borders.reach[b][d].after;
            buffer->border |= buffer->before[d] + buffer->after[d] > 0;
        }
        if (buffer->border)
            buffer->why_order = "with a border of zeros, which padded windows read";
    }
    each_kernel(plan, drop_condition, &borders);
    arena_free(scratch);
}
