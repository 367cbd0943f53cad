/* tell.c: `nngen explain` on a terminal: what the passes recorded of the chosen nodes, in the order of the passes. */
#include "explain/explain.h"
#include "emit/emit_parts.h"
#include <string.h>

/* ---- nodes, their formulas and derivatives ---- */

static void tell_source(const Selection *s, int line, Text *out)
{
    const char *source = s->c->model->source;
    for (int number = 1; source && number < line; number++) {
        source = strchr(source, '\n');
        source = source ? source + 1 : NULL;
    }
    if (source)
        text_print(out, "%4d | %s\n\n", line,
                   escaped(s->c->arena, arena_print(s->c->arena, "%.*s", (int)strcspn(source, "\n"), source)));
}

static void tell_nodes(const Selection *s, Text *out)
{
    text_add(out, "nodes (%N is a node's number; a derivative names its rule and the node it belongs to)\n");
    for (NodeId id = 0; id < s->graph->count; id++)
        if (s->chosen[id]) {
            text_add(out, "  ");
            dump_node(s->graph, id, out);
        }
}

/* Nodes of derivative rules and updates that belong to a chosen node without being chosen themselves. */
static void tell_derivatives(const Selection *s, Text *out)
{
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        if (!s->related[id] || s->chosen[id])
            continue;
        if (!any)
            text_add(out, "\nderivatives of these\n");
        any = true;
        text_add(out, "  ");
        dump_node(s->graph, id, out);
    }
}

static void tell_formulas(const Selection *s, Text *out)
{
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        if (!s->related[id] || !s->formula[id])
            continue;
        const char *rule = s->graph->nodes[id].origin.rule;
        text_print(out, "%s  %s", any ? "" : "\nformulas (--dump=math has all of them)\n", s->formula[id]);
        text_print(out, rule ? "   (rule: %s)\n" : "\n", rule);
        any = true;
    }
}

/* ---- kernels ---- */

/* A line of a comment without its star, and with a narrow gap between a formula and what stands at the right margin. */
static void add_comment_line(Text *out, const char *line)
{
    line += strspn(line, " ");
    line += *line == '*';
    if (line[strspn(line, " ")] == '\0')
        return;
    text_add(out, "   ");
    for (size_t spaces = strspn(line, " "), first = 1; *(line += spaces); spaces = strspn(line, " "), first = 0) {
        size_t word = strcspn(line, " ");
        text_print(out, "%*s%.*s", (int)(first || spaces < 3 ? spaces : 3), "", (int)word, line);
        line += word;
    }
    text_add(out, "\n");
}

/* The comment that the emitted text has above the kernel: its formulas and lines of the model. */
static void tell_comment(const Selection *s, const Kernel *kernel, Text *out)
{
    Text text = text_new(s->c->arena);
    emit_kernel(s->plan, kernel, &text);
    char *line = strstr(text.bytes, "/*"), *end = strstr(text.bytes, "*/");
    if (!line || !end)
        return;
    *end = '\0';
    for (char *rest = line + 2; (line = strsep(&rest, "\n"));)
        add_comment_line(out, line);
}

static void tell_kernel(const Selection *s, const Kernel *kernel, const Emitted *emitted, Text *out)
{
    Arena *arena = s->c->arena;
    text_print(out, "  %s (%s): %s; %s operations, reads %s bytes, writes %s; line %d of the program\n", kernel->name, phases_of(s, kernel),
               form_text(kernel), grouped(arena, kernel->flop), grouped(arena, kernel->bytes_read), grouped(arena, kernel->bytes_written),
               line_of_kernel(emitted, s, kernel));
    if (kernel->choice.why)
        text_print(out, "    %s%s: %s\n",
                   kernel->choice.lanes == NONE ? "one scalar sum" : "lanes along ",
                   kernel->choice.lanes == NONE ? "" : kernel->axis[kernel->choice.lanes].letter, kernel->choice.why);
    tell_comment(s, kernel, out);
}

static void tell_kernels(const Selection *s, const Emitted *emitted, Text *out)
{
    text_add(out, "\nkernels\n");
    for (int p = 0; p < PHASE_COUNT; p++)
        for (int k = 0; k < s->plan->kernel_count[p]; k++)
            if (!is_told_elsewhere(s, p, k) && concerns_chosen(s, &s->plan->kernel[p][k]))
                tell_kernel(s, &s->plan->kernel[p][k], emitted, out);
}

/* ---- memory and verdicts ---- */

static void tell_buffers(const Selection *s, Text *out)
{
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        const Buffer *buffer = s->chosen[id] ? stored_in(s, id) : NULL;
        if (!buffer)
            continue;
        if (!any)
            text_add(out, "\nmemory\n");
        any = true;
        text_print(out, "  %%%d is stored in %s, %s bytes%s%s\n", id, buffer->name, grouped(s->c->arena, buffer->bytes),
                   buffer->why_order ? "; its layout: " : "", buffer->why_order ? buffer->why_order : "");
    }
}

static void tell_verdicts(const Selection *s, bool all, Text *out)
{
    bool any = false;
    int from = 0;
    for (const Verdict *verdict; (verdict = next_verdict(s, all, &from));) {
        if (!any)
            text_add(out, "\nfused or not\n");
        any = true;
        text_print(out, "  %s", verdict->fused ? "yes  " : "no   ");
        if (verdict->producer != NONE)
            text_add(out, node_label(s, verdict->producer));
        if (verdict->consumer != NONE)
            text_print(out, " into %s", node_label(s, verdict->consumer));
        text_pad(out, 48);
        text_print(out, " (%s) %s\n", verdict->rule, reason_text[verdict->reason]);
    }
}

void tell(const Selection *s, int line, const Emitted *emitted, Text *out)
{
    if (line)
        tell_source(s, line, out);
    tell_nodes(s, out);
    tell_derivatives(s, out);
    tell_formulas(s, out);
    tell_kernels(s, emitted, out);
    tell_buffers(s, out);
    tell_verdicts(s, false, out);
}

/* ---- without NAME or LINE: an overview ---- */

void tell_overview(const Selection *s, Text *out)
{
    static const char *const phase_word[PHASE_COUNT] = {"training", "evaluation", "prediction"};
    const Model *model = s->c->model;
    text_print(out, "%s\n", escaped(s->c->arena, model->path));
    for (int l = 0; l < s->graph->leaf_count; l++) {
        static const char *const kind[] = {"input", "parameter", "slot", "statistic"};
        const Leaf *leaf = &s->graph->leaves[l];
        text_print(out, "  %-10s %s", kind[leaf->kind], escaped(s->c->arena, leaf->name));
        text_pad(out, 44);
        text_print(out, " %s\n", shape_text(s->c->arena, leaf->type));
    }
    for (int p = 0; p < PHASE_COUNT; p++) {
        if (s->plan->kernel_count[p] == 0)
            continue;
        text_print(out, "\n%s\n", phase_word[p]);
        for (int k = 0; k < s->plan->kernel_count[p]; k++) {
            const Kernel *kernel = &s->plan->kernel[p][k];
            text_print(out, "  %s", kernel->name);
            text_pad(out, 44);
            text_print(out, " %10s operations  %s\n", grouped(s->c->arena, kernel->flop), form_text(kernel));
        }
    }
    tell_verdicts(s, true, out);
    text_print(out, "\n'nngen explain %s NAME' or a line's number tells more; --html F writes all of it as a page\n",
               escaped(s->c->arena, model->path));
}
