/* term.h: terms, indices and accesses as text, for C and for formulas. */
#ifndef NNGEN_EMIT_TERM_H
#define NNGEN_EMIT_TERM_H

#include "kernel/kernel.h"

/* A term that is looked up, as it is written where nothing stands in for it, and the local that stands in for it. */
typedef struct Fetch { const char *looked_up, *name; } Fetch;

/* Where a term stands: which kernel, and what its locals look like there. */
typedef struct Writing {
    const Plan *plan;
    const Kernel *kernel;
    Arena *arena;
    bool formula;                       /* mathematics for a comment instead of C */
    bool in_function;                   /* buffers are parameters of their kernel's function: a scalar that it writes is a pointer */
    const bool *is_array;               /* by stage: the local is an array over its inner axes */
    const bool *in_lanes;               /* by stage: the local has an element for each row of the lanes: `lane` more, "[b - b0]" */
    const char *lane;
    const char *lanes_local;            /* the contraction's sum is an array along the lanes: "[j]"; NULL: a scalar */
    const char *const *stage_formula;   /* by stage: a formula that stands in for the local's name; NULL: the name */
    const Fetch *fetch;                 /* elements at an index that is looked up, fetched into locals beforehand */
    int fetch_count;
    bool pads_columns;                  /* columns of a tile beyond the last are the last: NN_LEAST(j, 9) */
    const char *element;                /* arrays are read whole, one element behind the other: "l"; NULL: by their indices */
    bool picks_kept;                    /* loops over the kernel's kept axis count the channels that are kept: kept[i] is the i-th */
} Writing;

const char *term_text(const Writing *writing, const Term *term, Binding around);     /* parenthesised if it binds looser than `around` */
const char *index_text(const Writing *writing, const Index *index, Binding around);
/* fc1_weight[j][i]; in formulas fc1_weight[j,i]. `place` stands for the index that is looked up; NULL: none is. */
const char *access_text(const Writing *writing, int buffer, const Index *index, const Term *place);
/* Adds an expression that begins at the current column; where a line would pass LINE it is broken before the loosest operator
 * that fits, and goes on after `margin` (" *" in comments) at column `indent`. */
void add_wrapped(Text *text, const char *expression, const char *margin, size_t indent, size_t spare);

const char *local_text(const Writing *writing, const Stage *stage, const Index *inner, const Term *place);      /* a local as mathematics: power[b,k], the outer axes included */
const char *axis_extent(const Writing *writing, int axis);                           /* BATCH or 784 */

#endif
