/* dump_kernels.c: a plan as text, for --dump=fuse, schedule and memory: a line a kernel, a line a stage, a line a buffer. */
#include "kernel/kernel.h"
#include <string.h>

static const char *const phase_name[PHASE_COUNT] = {"train", "evaluate", "predict"};
static const char *const form_name[] = {
    [FORM_NEST] = "nest", [FORM_ROW] = "row", [FORM_CONTRACTION] = "contraction", [FORM_SKIP] = "skip", [FORM_SCATTER] = "scatter",
    [FORM_DRAW] = "draw", [FORM_BLAS] = "blas", [FORM_CALL] = "call",
};
static const char *const fold_name[] = {"", "sum", "max", "argmax"};

static void dump_axis(const Kernel *kernel, int axis, Text *out)
{
    if (kernel->axis[axis].letter[0])
        text_print(out, " %s:%lld", kernel->axis[axis].letter, (long long)kernel->axis[axis].extent);
    else
        text_print(out, " a%d:%lld", axis, (long long)kernel->axis[axis].extent);
}

static void dump_index(const Kernel *kernel, const Index *index, Text *out)
{
    for (int t = 0; t < index->count; t++) {
        const Axis *axis = &kernel->axis[index->term[t].axis];
        text_print(out, "%s", t ? "+" : "");
        if (index->term[t].factor != 1)
            text_print(out, "%lld*", (long long)index->term[t].factor);
        if (axis->letter[0])
            text_add(out, axis->letter);
        else
            text_print(out, "a%d", index->term[t].axis);
    }
    if (index->constant || !index->count)
        text_print(out, "%s%lld", index->count ? "+" : "", (long long)index->constant);
    if (index->divisor != 1)
        text_print(out, "/%lld", (long long)index->divisor);
    if (index->modulus)
        text_print(out, "%%%lld", (long long)index->modulus);
}

static void dump_indices(const Kernel *kernel, const Index *index, int rank, Text *out)
{
    for (int d = 0; d < rank; d++) {
        text_add(out, d ? "," : "[");
        if (index[d].looked_up)
            text_add(out, "*");
        else
            dump_index(kernel, &index[d], out);
    }
    text_add(out, rank ? "]" : "");
}

static void dump_buffer_name(const Plan *plan, int buffer, Text *out)
{
    if (plan->buffer[buffer].name)
        text_add(out, plan->buffer[buffer].name);
    else
        text_print(out, "%%%d", plan->buffer[buffer].node);
}

static void dump_term(const Plan *plan, const Kernel *kernel, const Term *term, Text *out)
{
    switch (term->kind) {
    case TERM_APPLY: text_add(out, op_info[term->op].name); break;
    case TERM_READ: dump_buffer_name(plan, term->buffer, out); break;
    case TERM_STAGE: text_print(out, "local%d", term->stage); break;
    case TERM_NUMBER: text_add(out, number(plan->arena, term->number, true)); break;
    case TERM_TABLE: text_print(out, "table%d", term->node); break;
    case TERM_INDEX: text_add(out, "index"); break;
    case TERM_SYMBOL: text_add(out, op_info[term->op].name); break;
    case TERM_MASK: text_add(out, "mask"); break;
    case TERM_RANDOM: text_print(out, "%s%d", op_info[term->op].name, term->node); break;
    case TERM_INSIDE: text_print(out, "inside[%lld,%lld)", (long long)term->from, (long long)term->to); break;
    }
    dump_indices(kernel, term->index, term->rank, out);
    for (int o = 0; o < MAX_OPERANDS && term->operand[o]; o++) {
        text_add(out, o ? ", " : "(");
        dump_term(plan, kernel, term->operand[o], out);
        if (o == MAX_OPERANDS - 1 || !term->operand[o + 1])
            text_add(out, ")");
    }
}

static void dump_stage(const Plan *plan, const Kernel *kernel, const Stage *stage, Text *out)
{
    text_add(out, "    ");
    if (stage->buffer != NONE) {
        dump_buffer_name(plan, stage->buffer, out);
        dump_indices(kernel, stage->store, plan->buffer[stage->buffer].rank, out);
    } else {
        text_print(out, "local%d", (int)(stage - kernel->stage));
    }
    for (int i = 0; i < stage->inner_count; i++)
        dump_axis(kernel, stage->inner[i], out);
    text_print(out, " = %s", fold_name[stage->fold]);
    for (int f = 0; f < stage->fold_count; f++)
        dump_axis(kernel, stage->fold_axis[f], out);
    text_add(out, stage->folds_outer ? " over all loops " : stage->fold ? " " : "");
    dump_term(plan, kernel, stage->term, out);
    text_add(out, stage->after ? "  (after the loops)\n" : "\n");
}

void dump_kernels(const Plan *plan, Text *out)
{
    for (PhaseId phase = 0; phase < PHASE_COUNT; phase++)
        for (int k = 0; k < plan->kernel_count[phase]; k++) {
            const Kernel *kernel = &plan->kernel[phase][k];
            text_print(out, "%s %d %s %s", phase_name[phase], k, kernel->name ? kernel->name : "-", form_name[kernel->form]);
            for (int o = 0; o < kernel->outer_count; o++)
                dump_axis(kernel, kernel->outer[o], out);
            if (kernel->choice.lanes != NONE)
                text_print(out, "  lanes %s: %s", kernel->axis[kernel->choice.lanes].letter, kernel->choice.why);
            if (plan->target == TARGET_CUDA)
                text_print(out, "  %s: %lld x %d", spread_name[kernel->launch.spread], (long long)kernel->launch.blocks, kernel->launch.threads);
            text_add(out, kernel->same_as != NONE ? "  (as before)\n" : "\n");
            for (int s = 0; s < kernel->stage_count; s++)
                dump_stage(plan, kernel, &kernel->stage[s], out);
        }
    static const char *const kind_name[] = {"input", "parameter", "state", "temporary", "result"};
    for (int b = 0; b < plan->buffer_count; b++) {
        const Buffer *buffer = &plan->buffer[b];
        if (!buffer->phases && buffer->kind == BUFFER_TEMPORARY)
            continue;
        text_add(out, "buffer ");
        dump_buffer_name(plan, b, out);
        text_print(out, " %s", kind_name[buffer->kind]);
        for (int d = 0; d < buffer->rank; d++)
            text_print(out, "%s%lld", d ? "," : " ", (long long)buffer->size[d]);
        if (buffer->bytes)
            text_print(out, " %lld bytes", (long long)buffer->bytes);
        if (buffer->place != NONE)
            text_print(out, " place %d", buffer->place);
        text_add(out, "\n");
    }
}
