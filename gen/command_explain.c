/* command_explain.c: nngen explain, what became of a line of the model, or of a tensor.
 *
 * Takes the finished program and shows what the passes recorded: the nodes with their places and derivative rules, their formulas,
 * the kernels that compute them, where those stand in the emitted text, and the verdicts on fusing, with their reasons. Nothing is
 * worked out a second time here, so what it says is what was done. How it is shown is gen/explain's: as lines, or as a page. */
#include "base/fail.h"
#include "explain/explain.h"
#include <stdlib.h>
#include <string.h>

static _Noreturn void refuse_name(const Selection *s, const char *name)
{
    Arena *arena = s->c->arena;
    const char **names = NEW(arena, const char *, s->graph->count + s->graph->leaf_count);
    int count = 0;
    for (int l = 0; l < s->graph->leaf_count; l++)
        names[count++] = s->graph->leaves[l].name;
    for (NodeId id = 0; id < s->graph->count; id++)
        if (s->graph->nodes[id].origin.name)
            names[count++] = s->graph->nodes[id].origin.name;
    const char *near = nearest(name, names, count);
    fail_call("there is no tensor %s in the model%s%s%s\n  'nngen explain %s' lists what there is", quoted(arena, name),
              near ? " (did you mean " : "", near ? escaped(arena, near) : "", near ? "?)" : "", escaped(arena, s->c->model->path));
}

/* A number of a line, 0 for a name. */
static int line_of(const char *what)
{
    if (strspn(what, "0123456789") != strlen(what))
        return 0;
    if (atoi(what) < 1)
        fail_call("lines count from 1, so there is no line %s", what);
    return atoi(what);
}

int command_explain(Arena *arena, Options *options)
{
    const char *what = options->operand[1];
    if (what && options->html)
        fail_call("--html writes a page of the whole model; leave %s away", quoted(arena, what));
    refuse_overwriting(arena, "--html", options->html, options->operand[0]);
    Compilation *c = run_passes(arena, options, NULL);
    Selection s = selection_new(c);
    const Emitted emitted = read_emitted(c);
    Text out = text_new(arena);
    if (options->html) {
        write_explain_page(&s, &emitted, &out);
    } else if (!what) {
        tell_overview(&s, &out);
    } else {
        const int line = line_of(what);
        choose_nodes(&s, what, line);
        if (s.count == 0 && !line)
            refuse_name(&s, what);
        if (s.count == 0)
            text_print(&out, "nothing that is computed comes from line %s of %s\n", what, escaped(arena, c->model->path));
        else
            tell(&s, line, &emitted, &out);
    }
    write_file(options->html, out.bytes, out.length);
    return STATUS_DONE;
}
