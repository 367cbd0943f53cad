/* explain_page.c: `nngen explain --html`: the model beside the program that came of it, line by line.
 *
 * Both texts stand there whole. Each of their lines has in data-m the model's lines that it belongs to; templates/page/explain.js
 * lights up what shares one, and that is all it does: without a script, and in print, the sections below say the same for each line.
 * The graph is graph_picture.c's. */
#include "explain/explain.h"
#include "explain/graph_picture.h"
#include "page/page.h"
#include <string.h>

extern const char template_page_explain[];

typedef struct Page { Selection *s; const Emitted *emitted; Text *out; Arena *arena; } Page;

static const char *safe(const Page *page, const char *string)
{
    return html_text(page->arena, string);
}

/* ---- the two texts ---- */

static void write_line(const Page *page, char id, int number, const char *class, const char *model_lines, const char *text)
{
    text_print(page->out, "<div class=\"l%s%s\" id=\"%c%d\"", *class ? " " : "", class, id, number);
    if (*model_lines)
        text_print(page->out, " data-m=\"%s\" tabindex=\"-1\"", model_lines);
    text_print(page->out, "><span class=\"n\">%d</span><code>%s</code></div>\n", number, safe(page, text));
}

static bool is_mentioned(const Emitted *e, int line)
{
    for (int n = 1; n <= e->count; n++)
        for (const char *at = e->model_lines[n]; *at; at += strcspn(at, " "), at += *at == ' ') {
            int number = 0;
            for (const char *c = at; *c >= '0' && *c <= '9'; c++)
                number = number * 10 + *c - '0';
            if (number == line)
                return true;
        }
    return false;
}

static void write_model(const Page *page)
{
    const char *path = page->s->c->model->path, *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    text_print(page->out, "<section class=\"pane\" aria-label=\"the model\"><h2>%s</h2>\n<div class=\"code\" id=\"model\">\n", safe(page, name));
    char *rest = arena_string(page->arena, page->s->c->model->source), *line;
    for (int n = 1; rest && (line = strsep(&rest, "\n")) && (rest || *line); n++) {
        const char *start = line + strspn(line, " \t");
        write_line(page, 'L', n, strncmp(start, "--", 2) == 0 ? "c" : "", is_mentioned(page->emitted, n) ? arena_print(page->arena, "%d", n) : "", line);
    }
    text_add(page->out, "</div></section>\n");
}

static void write_program(const Page *page)
{
    const Emitted *e = page->emitted;
    text_add(page->out, "<section class=\"pane\" aria-label=\"the program\"><h2>the program</h2>\n<div class=\"code\" id=\"program\">\n");
    bool in_comment = false;
    for (int n = 1; n <= e->count; n++) {
        in_comment = in_comment || strncmp(e->line[n], "/*", 2) == 0;
        const char *role = e->role[n], *gap = *role && in_comment ? " " : "";
        write_line(page, 'P', n, arena_print(page->arena, "%s%s%s", role, gap, in_comment ? "c" : ""), e->model_lines[n], e->line[n]);
        in_comment = in_comment && !strstr(e->line[n], "*/");
    }
    text_add(page->out, "</div></section>\n");
}

/* ---- what became of each line ---- */

static void write_formula(const Page *page, const char *formula, const char *rule)
{
    text_print(page->out, "<div class=\"formula\">%s", mathml(page->arena, formula));
    if (rule && *rule)
        text_print(page->out, "<span class=\"rule\">%s</span>", safe(page, rule));
    text_add(page->out, "</div>\n");
}

/* Of the chosen nodes, of their derivatives. */
static void write_formulas(const Page *page, bool derivatives)
{
    const Selection *s = page->s;
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        const char *rule = s->graph->nodes[id].origin.rule;
        if (!s->related[id] || !s->formula[id] || (rule != NULL) != derivatives)
            continue;
        if (!any)
            text_print(page->out, "<h4>%s</h4>\n", derivatives ? "derivatives" : "values");
        any = true;
        write_formula(page, s->formula[id], rule ? arena_print(page->arena, "rule: %s", rule) : NULL);
    }
}

static void write_kernel(const Page *page, const Kernel *kernel)
{
    const Selection *s = page->s;
    const int line = line_of_kernel(page->emitted, s, kernel);
    text_print(page->out, "<div class=\"kernel\"><p><a href=\"#P%d\">%s</a> <span class=\"quiet\">(%s)</span>: %s; %s operations, reads %s bytes, "
               "writes %s", line, safe(page, kernel->name), phases_of(s, kernel), form_text(kernel), grouped(page->arena, kernel->flop),
               grouped(page->arena, kernel->bytes_read), grouped(page->arena, kernel->bytes_written));
    if (kernel->choice.why)
        text_print(page->out, "; %s%s, %s", kernel->choice.lanes == NONE ? "one scalar sum" : "lanes along ",
                   kernel->choice.lanes == NONE ? "" : kernel->axis[kernel->choice.lanes].letter, safe(page, kernel->choice.why));
    text_add(page->out, "</p>\n");
    int count;
    const Formula *formula = comment_formulas(s, kernel, &count);
    for (int f = 0; f < count; f++)
        write_formula(page, formula[f].text, formula[f].rule);
    text_add(page->out, "</div>\n");
}

static void write_kernels(const Page *page)
{
    const Selection *s = page->s;
    bool any = false;
    for (int p = 0; p < PHASE_COUNT; p++)
        for (int k = 0; k < s->plan->kernel_count[p]; k++) {
            if (is_told_elsewhere(s, p, k) || !concerns_chosen(s, &s->plan->kernel[p][k]))
                continue;
            if (!any)
                text_add(page->out, "<h4>functions of the program</h4>\n");
            any = true;
            write_kernel(page, &s->plan->kernel[p][k]);
        }
}

static void write_memory(const Page *page)
{
    const Selection *s = page->s;
    bool any = false;
    for (NodeId id = 0; id < s->graph->count; id++) {
        const Buffer *buffer = s->chosen[id] ? stored_in(s, id) : NULL;
        if (!buffer)
            continue;
        text_print(page->out, "%s<li><code>%s</code>, %s bytes%s%s</li>\n", any ? "" : "<h4>memory</h4>\n<ul>\n", safe(page, buffer->name),
                   grouped(page->arena, buffer->bytes), buffer->why_order ? "; its layout: " : "",
                   buffer->why_order ? safe(page, buffer->why_order) : "");
        any = true;
    }
    text_add(page->out, any ? "</ul>\n" : "");
}

static void write_verdicts(const Page *page)
{
    const Selection *s = page->s;
    bool any = false;
    int from = 0;
    for (const Verdict *verdict; (verdict = next_verdict(s, false, &from)); any = true) {
        text_print(page->out, "%s<li><b>%s</b> ", any ? "" : "<h4>fused or not</h4>\n<ul>\n", verdict->fused ? "yes" : "no");
        if (verdict->producer != NONE)
            text_add(page->out, safe(page, node_label(s, verdict->producer)));
        if (verdict->consumer != NONE)
            text_print(page->out, " into %s", safe(page, node_label(s, verdict->consumer)));
        text_print(page->out, ": %s <span class=\"quiet\">(%s)</span></li>\n", reason_text[verdict->reason], verdict->rule);
    }
    text_add(page->out, any ? "</ul>\n" : "");
}

static void write_nodes(const Page *page)
{
    const Selection *s = page->s;
    text_add(page->out, "<h4>nodes of the graph</h4>\n<pre>");
    for (NodeId id = 0; id < s->graph->count; id++)
        if (s->related[id]) {
            Text node = text_new(page->arena);
            dump_node(s->graph, id, &node);
            node.bytes[--node.length] = '\0';                 /* the newline, which safe would show */
            text_print(page->out, "%s\n", safe(page, node.bytes));
        }
    text_add(page->out, "</pre>\n");
}

static void write_lines(const Page *page)
{
    text_add(page->out, "<section id=\"lines\"><h2>What became of each line</h2>\n");
    char *rest = arena_string(page->arena, page->s->c->model->source), *line;
    for (int n = 1; rest && (line = strsep(&rest, "\n")); n++) {
        choose_nodes(page->s, NULL, n);
        if (page->s->count == 0)
            continue;
        text_print(page->out, "<article id=\"D%d\"><h3><a href=\"#L%d\">%d</a> <code>%s</code></h3>\n", n, n, n, safe(page, line + strspn(line, " \t")));
        write_formulas(page, false);
        write_formulas(page, true);
        write_kernels(page);
        write_memory(page);
        write_verdicts(page);
        write_nodes(page);
        text_add(page->out, "</article>\n");
    }
    text_add(page->out, "</section>\n");
}

/* ---- all functions, the graph ---- */

static void write_table(const Page *page)
{
    const Selection *s = page->s;
    text_add(page->out, "<section><h2>Functions, by what they cost</h2>\n<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>function</th><th>phase</th>"
             "<th class=\"r\">operations</th><th class=\"r\">bytes read</th><th class=\"r\">bytes written</th>"
             "<th class=\"r\">operations a byte</th></tr></thead><tbody>\n");
    for (int p = 0; p < PHASE_COUNT; p++)
        for (int k = 0; k < s->plan->kernel_count[p]; k++) {
            const Kernel *kernel = &s->plan->kernel[p][k];
            const int line = line_of_kernel(page->emitted, s, kernel);
            const double bytes = (double)(kernel->bytes_read + kernel->bytes_written);
            if (is_told_elsewhere(s, p, k))
                continue;
            text_print(page->out, "<tr class=\"%s\"><td><a href=\"#P%d\">%s</a></td><td>%s</td><td class=\"r\">%s</td><td class=\"r\">%s</td>"
                       "<td class=\"r\">%s</td><td class=\"r\">%.3g</td></tr>\n", page->emitted->role[line], line, safe(page, kernel->name),
                       phases_of(s, kernel), grouped(page->arena, kernel->flop), grouped(page->arena, kernel->bytes_read),
                       grouped(page->arena, kernel->bytes_written), bytes > 0 ? (double)kernel->flop / bytes : 0);
        }
    text_add(page->out, "</tbody></table></div></section>\n");
}

void write_explain_page(Selection *s, const Emitted *emitted, Text *out)
{
    const Page page = {s, emitted, out, out->arena};
    begin_page(out, s->c->model->path, "The model, and the program that nngen made of it.");
    text_add(out, "<p class=\"keys\">Point at a line to see its counterparts; click it, or press Enter, to keep them and go to the first, "
             "again for the next. Arrow keys move, Tab changes sides, Escape lets go.</p>\n"
             "<p class=\"legend\"><span class=\"forward\">forward</span> <span class=\"loss\">loss</span> "
             "<span class=\"backward\">backward</span> <span class=\"update\">update</span> <span class=\"metric\">metrics</span> "
             "<span class=\"other\">evaluation, prediction</span> <span class=\"memory\">arrays</span></p>\n<main>\n<div class=\"panes\">\n");
    write_model(&page);
    write_program(&page);
    text_add(out, "</div>\n");
    write_lines(&page);
    write_table(&page);
    write_graph_picture(s->c->model, out);
    text_add(out, "</main>\n");
    end_page(out, template_page_explain);
}
