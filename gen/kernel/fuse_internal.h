/* fuse_internal.h: what the files of the pass `fuse` share.
 *
 * select.c decides which nodes get a value of their own and makes a kernel of each; fuse.c joins kernels, order.c knows what must
 * run between; settle.c orders what is left and turns values that no other kernel reads into locals. */
#ifndef NNGEN_KERNEL_FUSE_INTERNAL_H
#define NNGEN_KERNEL_FUSE_INTERNAL_H

#include "graph/passes.h"
#include "kernel/kernel.h"

/* Nodes that get a value of their own in this phase, by node id. */
bool *choose_stored(Plan *plan, const Phase *phase, KernelMode mode);
bool is_view(Op op);                                          /* other indices of the same elements: its readers read what it reads */

/* The kernel of one stored node (or ASSIGN): one stage. */
int64_t bounded_product(int64_t a, int64_t b);        /* of elements, rows, places: what no machine could do is refused (3) */
Kernel kernel_of(Plan *plan, const bool *stored, NodeId node);

/* Does a reshape only merge neighbouring axes, and sizes of 1? Then an index of the result is a sum of the operand's (parts.c). */
bool merges_axes(Type from, Type to);

/* The term where 0 <= index < to, else 0 (lower.c). */
Term *inside_or_zero(Plan *plan, NodeId node, Term *term, Index index, int64_t to);

/* (value if index = picked else 0) (lower.c). */
Term *value_where(Plan *plan, NodeId node, Term *value, Term *index, Index picked);

/* select.c: adds an axis to the kernel, as an outer one or as a fold of the stage. */
Index axis_for(Kernel *kernel, Stage *stage, int64_t extent, bool batch, bool fold);


/* again.c: by node, whether its readers compute it, because only vectors are behind it. */
bool *find_computed_again(const Plan *plan, const bool *needed, const bool *root, const bool *kept, Arena *arena);
bool is_outer_product(const Plan *plan, NodeId id);           /* a contraction without a fold */

/* windows.c: kernels of products, and of what windows add up to. */
bool gathers_products(const Plan *plan, NodeId id, const int *uses, const bool *root);
void fold_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage);
void contract_stage(Plan *plan, const bool *stored, const Node *node, Kernel *kernel, Stage *stage);

/* lower.c: indices of a reshape's operand, from those of its result. Also the other way round, where it only merges axes. */
void reshaped(Type from, Type to, const Index *index, const Axis *axis, Index *out);

/* parts.c */
void find_parts(Plan *plan);
bool is_part(const Plan *plan, NodeId id);                    /* computed into the array of a larger value? */
NodeId part_of(const Plan *plan, NodeId whole, int o);        /* the node that is computed as operand o of the CONCAT; NONE: that is copied */
NodeId place_in_whole(const Plan *plan, NodeId id, const Axis *axis, Index *index);   /* whose array it is; `index` of an element becomes its place there */
Kernel copy_of_part(Plan *plan, const bool *stored, NodeId whole, int o);      /* select.c */

typedef int PartWriters[2];             /* of a part, [0] its kernel; of a CONCAT, [o] the one that copies operand o */

/* Kernels of one phase while they are joined: kernel[i] is alive while joined[i] == i. */
typedef struct Joining {
    Plan *plan;
    int count;                          /* kernels at the start, one a stored node */
    Kernel *kernel;                     /* by representative */
    int *joined;                        /* the kernel that i is part of now */
    int **next;                         /* next[i]: kernels that must run after i: readers, overwriters of what i reads, updates after the loss */
    int *next_count;
    int *first_node;                    /* the node that kernel i started from */
    int *next_member;                   /* the kernels joined into one, as a list from its representative; NONE ends it */
    int *writer;                        /* by buffer: the kernel that writes it; NONE for inputs, parameters and states */
    PartWriters *part_writer;           /* by node */
    int *enter, *leave;                 /* by region: kernels without stages that run before and behind all of it; NONE: not in this phase */
    int *at, *position;                 /* an order in which they may run: the kernel at a position, or NONE; a kernel's position */
    int *visited, search;               /* by kernel: the search that came by last; the last search */
    int *stack;                         /* of searches */
} Joining;

/* order.c */
int representative(const Joining *joining, int kernel);       /* the kernel that `kernel` is part of now */
void order_kernels(Joining *joining, Arena *arena);           /* the order to begin with; kernels that wait for each other are a bug() */
bool must_run_between(Joining *joining, int producer, int consumer);
void close_up(Joining *joining, int producer, int consumer);  /* mends the order when the two are joined, right after must_run_between said no */

/* plan.c: the kernels that write what the term reads; more than one for a CONCAT. */
void each_writer(const Joining *joining, const Term *read, void (*visit)(void *context, int kernel), void *context);

/* Kernels, the one of least rank first. */
typedef struct Queue { int *item, count, room; const int *rank; } Queue;
void queue_push(Arena *arena, Queue *queue, int item);
int queue_pop(Queue *queue);

/* Does a kernel of a recurrence read the state one time earlier? Then what writes that state comes later in the loop over time. */
bool reads_time_before(const Plan *plan, const Kernel *kernel, const Term *read);

void record_verdict(Plan *plan, const char *rule, NodeId producer, NodeId consumer, Reason reason);

/* fuse.c */
void join_kernels(Joining *joining);
void unite(Joining *joining, int first, int second, Kernel kernel);    /* the two become `kernel`, right after must_run_between said no */
bool overwrites_safely(const Plan *plan, Kernel *kernel);     /* every read of a parameter that it writes is of that element and comes before */
/* A stage of `from` in another kernel: its axes renamed, outer axes that are no longer outer become its first inner ones, or are dropped. */
Stage moved_stage(Arena *arena, const Kernel *from, const Stage *old, const int *axis, const Kernel *into, bool drop_outer);
/* siblings.c */
bool join_siblings(Joining *joining);                         /* any? */
void name_common_terms(Plan *plan, Kernel *kernel);           /* what several of its sums compute becomes a local of theirs */
bool same_term(const Term *a, const Term *b);
/* largest.c */
bool join_places(Joining *joining);                           /* any? A kernel that finds places goes to the one that finds the values there */
void put_places_beside_values(const Plan *plan, Kernel *kernel);      /* its stages in an order such that both are found together */
/* settle.c: orders the live kernels, makes locals, writes the phase's kernels into the plan. */
void settle(Joining *joining, PhaseId phase);

#endif
