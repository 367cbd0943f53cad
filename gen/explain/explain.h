/* explain.h: what `nngen explain` shows, as lines on a terminal (tell.c) and as a page (explain_page.c), of one selection. */
#ifndef NNGEN_EXPLAIN_EXPLAIN_H
#define NNGEN_EXPLAIN_EXPLAIN_H

#include "graph/passes.h"
#include "pipeline.h"

typedef struct Selection {
    const Compilation *c;
    const Graph *graph;
    const Plan *plan;
    bool *chosen;                       /* by node id */
    bool *related;                      /* chosen, or of a chosen node's derivative */
    int count;                          /* chosen ones */
    const char **formula;               /* by node id: its formula; NULL: it stands inside another's */
} Selection;

/* select.c */
Selection selection_new(const Compilation *c);
void choose_nodes(Selection *s, const char *name, int line);  /* those of the line; line 0: of the name */
bool concerns_chosen(const Selection *s, const Kernel *kernel);
bool is_told_elsewhere(const Selection *s, int phase, int number);      /* does an earlier kernel call the same function with the same arrays? */
const char *phases_of(const Selection *s, const Kernel *kernel);        /* "training, evaluation": of all that have it */
const char *form_text(const Kernel *kernel);                  /* "a sum of products" */
const char *node_label(const Selection *s, NodeId id);        /* "%12 fc1" */
const Buffer *stored_in(const Selection *s, NodeId id);       /* NULL: it has no array */
const Verdict *next_verdict(const Selection *s, bool all, int *from);   /* those about chosen nodes, or all; each once; NULL: no more */

/* emitted.c: where the finished text speaks of what. Lines count from 1. */
typedef struct Function { const Kernel *kernel; int comment, name, end; } Function;      /* its first line, that of its name, its last */
typedef struct Emitted {
    const char **line;                  /* line[n], n from 1 */
    int count;
    Function *function;
    int function_count;
    const char **role;                  /* by line: "forward", "loss", "backward", "update", "metric", "other" phase, "memory"; "" for what is around kernels */
    const char **model_lines;           /* by line: the model's lines that it comes from, "7 12"; "" for none */
} Emitted;
Emitted read_emitted(const Compilation *c);
int line_of_kernel(const Emitted *emitted, const Selection *s, const Kernel *kernel);    /* where the function that it calls is named; 0: nowhere */

/* A formula of the comment above a kernel, with what stands at its right, "rule: matmul, right operand". */
typedef struct Formula { const char *text, *rule; } Formula;
Formula *comment_formulas(const Selection *s, const Kernel *kernel, int *count);

void tell(const Selection *s, int line, const Emitted *emitted, Text *out);              /* tell.c: nodes, formulas, kernels, memory, verdicts */
void tell_overview(const Selection *s, Text *out);
void write_explain_page(Selection *s, const Emitted *emitted, Text *out);                /* explain_page.c */

#endif
