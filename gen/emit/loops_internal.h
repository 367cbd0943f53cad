/* loops_internal.h: what the files that write a kernel's loops share: statements at an indent, for one kernel. */
#ifndef NNGEN_EMIT_LOOPS_INTERNAL_H
#define NNGEN_EMIT_LOOPS_INTERNAL_H

#include "emit/emit_parts.h"
#include "emit/term.h"

enum { INDENT = 4 };

/* What of a kernel's loops threads share, as far as it is written (emit_shared.c). */
typedef struct Threads {
    bool wanted;                        /* the kernel is worth sharing */
    bool any, impossible;               /* a loop is shared; something stands beside such loops that all threads at once must not run */
    int inside;                         /* the indent of the shared loop that is open; NONE */
    int in_fold;                        /* of the loop that all run, of a sum whose elements a thread has for itself; NONE */
} Threads;

typedef struct Emission {
    Writing w;
    Text *out;
    const Kernel *kernel;
    int indent;
    bool is_array[MAX_STAGES];          /* by stage */
    bool in_lanes[MAX_STAGES];                  /* by stage: a local with an element for each row that is in a lane */
    bool folds_vectors;                 /* rows run in lanes although the folds could */
    bool runs_rows;                     /* rows run in lanes */
    int rows_in_lanes;                  /* of the block that is written */
    int lanes;                          /* of a nest: which of its outer loops runs in lanes, those further in written out; NONE */
    Threads threads;
} Emission;

void line(Emission *e, const char *format, ...) __attribute__((format(printf, 2, 3)));     /* a statement: one thread's, beside shared loops */
void own_line(Emission *e, const char *format, ...) __attribute__((format(printf, 2, 3)));  /* what each thread has for itself: declarations, comments */
void open_block(Emission *e, const char *head);               /* "{", "if (…) {" */
void close_block(Emission *e);
void open_over(Emission *e, int axis, const char *how, const char *head);    /* "for (int b0 = …)", along the axis */
bool is_loop(const Emission *e, int axis);                    /* more than one element */
void open_loop(Emission *e, int axis);
void open_loop_as(Emission *e, int axis, const char *how);    /* "NN_SIMD ", "NN_FOLD", "" */
void close_loop(Emission *e, int axis);
const char *local_type(const Emission *e, const Stage *stage);
void call_line(Emission *e, const char *call);                /* as many lines as it needs */
void own_call_line(Emission *e, const char *call);            /* the same, of what fills a thread's own arrays */
void assign_line(Emission *e, const char *left, const char *operator, const char *right);
void store_line(Emission *e, const Stage *stage, const char *value);   /* nothing where the stage has no buffer */
void pointwise(Emission *e, int s);                           /* a pointwise stage where its loops are */

/* Neighbouring stages, [first, end), that share their loops. `folded`: the second is a fold in lanes of what the first makes. */
typedef struct Group { int first, end, loops[MAX_AXES * 2], loop_count; bool folded; } Group;
Group next_group(const Emission *e, int first);
void find_arrays(Emission *e);
void declare_array(Emission *e, const char *storage, int s);  /* "", "NN_SHARED " */
const char *local_element(const Emission *e, int s);
void begin_fold(Emission *e, int s);                          /* its variables, before its loops */
void fold_element(Emission *e, int s);
void emit_stages(Emission *e, bool after);                    /* those inside the outer loops, or those after them, one after the other */
const char *zero(const Emission *e);
void drop_braces(Text *text, size_t start, Arena *arena);     /* of loops with one statement, from byte `start` of the text on */

enum { MOST_WRITTEN_OUT = 16 };                               /* steps of a fold within a loop in lanes */
bool has_lanes(const Emission *e);                            /* do loops run in lanes at all? */
bool has_call(const Stage *stage);
bool folds_in_lanes(const Emission *e, const Stage *stage);   /* is its innermost fold long enough for NN_SUM or NN_LARGEST? */
bool read_by(const Kernel *kernel, int stage, int from, int to);      /* do stages [from, to) read its value? */

/* emit_lanes.c: rows side by side through the stages of a row */
bool folds_vectors(const Emission *e);                        /* is it made of folds over arrays that have the rows or the fold, never both, or of long ones
                                                                 across an array's lines? */
bool runs_rows_in_lanes(const Emission *e);
void emit_rows_in_lanes(Emission *e);

/* emit_device.c: what a thread of a GPU does */
void emit_device_loops(Emission *e);

int axes_in_memory(const Kernel *kernel, const Buffer *buffer, int *axes);     /* of the sum, in the order in which its array lies */
void emit_skips(Emission *e);                                 /* emit_skips.c: FORM_SKIP */
/* emit_tiles.c: the loops of a contraction whose tiles are chosen */
void emit_behind_sums(Emission *e);                           /* the stages behind sums that lie in memory, in loops of their own */
void emit_contraction(Emission *e);
bool changes_what_it_reads(const Kernel *kernel);

/* emit_shared.c: called by what writes statements and loops, and by nobody else */
const char *share_loop(Emission *e, int axis);                /* opens a loop: "NN_SHARED ", "NN_SHARED_ON " or "" */
void leave_loop(Emission *e);
void stand_beside(Emission *e);                               /* a statement: where no shared loop is open, threads cannot run the kernel */

/* emit_blas.c: a call of CBLAS in its loops */
void emit_blas(Emission *e);

#endif
