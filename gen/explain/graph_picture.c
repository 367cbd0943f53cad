/* graph_picture.c: the graph as Graphviz draws --dump=graph:dot; where there is no Graphviz, a word about it. */
#include "explain/graph_picture.h"
#include "graph/passes.h"
#include "page/page.h"

void write_graph_picture(const Model *model, Text *out)
{
    static const char *const dot[] = {"dot", "-Tsvg", "-Gbgcolor=transparent", NULL};
    const char *why;
    Text graph = text_new(out->arena);
    dump_dot(model, &graph);
    const char *file = run_tool(out->arena, dot, graph.bytes, &why), *svg = file ? inline_svg(out->arena, file, "graph") : NULL;
    text_add(out, "<section><h2>The graph</h2>\n");
    if (svg)
        text_print(out, "<div class=\"wide\" tabindex=\"0\">%s</div>\n<p class=\"quiet\">Yellow: inputs and parameters; white: the "
                   "forward pass; blue: derivatives and updates; pink: what is written back.</p>\n", svg);
    else
        text_print(out, "<p class=\"quiet\">There is no picture here: %s. It is Graphviz's (Debian: graphviz).</p>\n",
                   html_text(out->arena, file ? "dot wrote no picture" : why));
    text_add(out, "</section>\n");
}
