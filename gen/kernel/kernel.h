/* kernel.h: the stage between graph and text. A kernel is declarative and knows no target; how its loops run is chosen later (schedule.c).
 *
 *   for every point of the outer axes:
 *       for every stage, in order:
 *           for every point of the stage's inner axes:
 *               value = fold over the stage's fold axes of its term        (or just the term)
 *               store it, keep it for later stages, or both
 *
 * A stage may also fold the outer axes (`folds_outer`): its sum is complete when the loops end, and only then stored; stages
 * `after` the loops may go on with such sums. So softmax,
 * the loss and its gradient are one kernel with the batch as outer axis, four inner folds and one outer one; a product with
 * bias and ReLU is one fold without inner axes and a pointwise stage; a weight gradient with its update is one fold and two
 * stages that store. Unfused kernels are the same thing with a single stage.
 *
 * Kernels of a recurrence (graph/recurrence.h) compute one time each call: axis `time` is no loop of theirs but an argument, and the
 * kernels of a region, neighbours in their phase, are called for every time in turn. A state has an array of one time more than
 * it has steps: the first call's state before it is there as well, so that reading the previous state needs no condition. */
#ifndef NNGEN_KERNEL_KERNEL_H
#define NNGEN_KERNEL_KERNEL_H

#include "base/text.h"
#include "graph/model.h"
#include "graph/recurrence.h"

enum { MAX_AXES = 12, MAX_TERMS_OF_INDEX = 6, MAX_STAGES = 64 };

typedef struct Axis {
    int64_t extent;
    bool batch;                         /* runs over the rows of the batch */
    char letter[8];                     /* b for the batch, k for classes … : the same in formula and loop; unique in the kernel */
} Axis;

/* An affine index: constant + Σ factor · axis; then, where a reshape is not affine, divided and taken modulo. */
typedef struct Index {
    int64_t constant;
    int count;
    struct { int axis; int64_t factor; } term[MAX_TERMS_OF_INDEX];
    int64_t divisor, modulus;           /* (…) / divisor % modulus; 1 and 0: none */
    bool looked_up;                     /* instead of all that: operand[0] of the term that is read at it, an int */
} Index;

typedef enum TermKind {
    TERM_APPLY,                         /* op of the operands: POINTWISE */
    TERM_READ,                          /* buffer[index …]; where one index is looked up, operand[0] is the integer: words[at[b][t]][d] */
    TERM_STAGE,                         /* the value of an earlier stage at index … of its inner axes */
    TERM_NUMBER,
    TERM_TABLE,                         /* constant table [index …] */
    TERM_INDEX,                         /* an index as an int */
    TERM_SYMBOL,                        /* ROWS, RATE, SWEPT, STEP, MODE: a scalar of the step */
    TERM_MASK,                          /* ROW_MASK: 1 if index[0] < rows else 0 */
    TERM_RANDOM,                        /* UNIFORM, NORMAL: element index[0] (flat) of the node's stream */
    TERM_INSIDE,                        /* operand[0] where from <= index[0] < to, else operand[1]: pad, concat */
} TermKind;

typedef struct Term Term;
struct Term {
    TermKind kind;
    Op op;                              /* APPLY, SYMBOL, RANDOM */
    Scalar scalar;
    Term *operand[MAX_OPERANDS];
    int buffer;                         /* READ */
    int stage;                          /* STAGE: an index into the kernel's stages */
    int rank;                           /* entries of index */
    Index *index;
    int64_t from, to;                   /* INSIDE */
    double number;
    NodeId node;                        /* the node it computes: names and model lines; TABLE, RANDOM: its attributes */
};

typedef enum Fold { FOLD_NONE, FOLD_SUM, FOLD_MAX, FOLD_ARGMAX } Fold;

typedef struct Stage {
    NodeId node;                        /* whose value this is */
    const char *name;                   /* its identifier in the text */
    int inner[MAX_AXES], inner_count;   /* axes of the kernel, besides the outer ones */
    int fold_axis[MAX_AXES], fold_count;
    bool folds_outer;                   /* folds all outer axes too: complete, and stored, when the loops have ended */
    bool after;                         /* runs once, after the loops: a scalar made of such sums */
    Fold fold;
    Term *term;
    int buffer;                         /* where it is stored; NONE: a local of the kernel */
    Index store[MAX_RANK + 1];          /* one index a dimension of the buffer */
    bool kept;                          /* a later stage of this kernel reads it */
    bool beside_largest;                /* ARGMAX: the next stage is the value whose place this is, and both are found in the same loops (largest.c) */
} Stage;

typedef enum Form {
    FORM_NEST,                          /* loops as they stand, folds as one scalar sum in index order */
    FORM_ROW,                           /* shared outer axes, several inner folds */
    FORM_CONTRACTION,                   /* a sum of products, tile by tile: see tile.c */
    FORM_SKIP,                          /* a sum of products, most of them zero: only the others are added (skip.c) */
    FORM_SCATTER,                       /* sum of (x if index = v else 0): zero, then one x after the other to its place (scatter_of) */
    FORM_DRAW,                          /* uniform numbers, in the order of their memory: 64 of them have 16 counters together */
    FORM_BLAS,                          /* a sum of products by CBLAS: see blas.c */
    FORM_CALL,                          /* a call of the runtime: a standard optimizer in generic programs */
} Form;

/* SKIP: how the sums grow. */
typedef enum SkipWay {
    SKIP_LOOK,                          /* an element after the other; each that is not zero adds its runs to the sums in memory */
    SKIP_LIST,                          /* those that are not zero and add to the same sums are listed; then runs grow in registers */
    SKIP_ALL,                           /* runs grow in registers by all elements, zero or not: few registers, nothing to look at */
} SkipWay;

/* Why two kernels were, or were not, made one. */
typedef enum Reason {
    YES_INLINED, YES_COMPUTED_AGAIN, YES_EPILOGUE, YES_SHARED_LOOPS, YES_UPDATE,
    NO_SECOND_READER, NO_DIFFERENT_LOOPS, NO_FOLD_AFTER_FOLD, NO_OLD_VALUE_READ_LATER, NO_OTHER_ELEMENTS, NO_CYCLE,
    NO_OTHER_TIME, NO_DRAWN_TOGETHER, NO_PARTS, NO_LOSS_FIRST, NO_FULL,
    REASON_COUNT
} Reason;
extern const char *const reason_text[REASON_COUNT];           /* "the old value is read later in the step" */

typedef struct Verdict {
    const char *rule;                   /* "inline", "epilogue", "share loops", "update" */
    NodeId producer, consumer;
    bool fused;
    Reason reason;
} Verdict;

/* CUDA: which thread computes what (device.c). */
typedef enum Spread {
    SPREAD_POINTS,                      /* each point of the outer axes is a thread's, all stages of it */
    SPREAD_BLOCKS,                      /* each point is a block's: its threads share inner axes and folds */
    SPREAD_SUM,                         /* one block for a sum over all points: its threads take them in turn */
    SPREAD_TOGETHER,                    /* one block takes the points one after the other, its threads share inner axes and folds */
    SPREAD_TILES,                       /* a block makes a tile of a product: 256 threads, each with rows x columns of it */
    SPREAD_COLUMNS,                     /* SCATTER: a thread has those columns that nobody else adds to */
    SPREAD_ELEMENTS,                    /* CALL: each element is a thread's */
} Spread;

/* c[m][n] = sum over k of a[m][k] b[k][n], in loops over the axes that are not inside; a matrix begins at from + Σ stride · axis. */
typedef struct BlasCall {
    Term *a, *b;
    int64_t m, n, k, lda, ldb, ldc;
    bool a_transposed, b_transposed, m_is_batch, n_is_batch, k_is_batch;
    bool inside[MAX_AXES * 2];
    int64_t a_from, b_from, c_from, a_stride[MAX_AXES * 2], b_stride[MAX_AXES * 2], c_stride[MAX_AXES * 2];
} BlasCall;

/* An axis within a window, of the element that its largest is: that element's place / factor % modulus (0: no more digits above). */
typedef struct PlaceDigit { int axis; int64_t factor, modulus; } PlaceDigit;

/* How a contraction runs. */
enum { WIDER = 2 };                     /* core.h's NN_WIDE at its largest */

/* What a tile asks memory for while its sums are made: rows of the factor a that the next tiles of rows read, or columns of b. */
typedef enum { AHEAD_NOTHING, AHEAD_ROWS, AHEAD_COLUMNS } Ahead;

typedef struct Tile {
    int lanes;                          /* the axis whose neighbours lie side by side in a register: `column`, or a fold; NONE: loops as they stand */
    int row, column;                    /* the axes of a tile; row may be NONE: one row */
    int rows, columns, width;           /* its size; elements of the fold at a time, where that has the lanes, if only for the rest */
    int line, lines;                    /* lanes on a column: an axis of b beside it, and how many of its lines a tile has; NONE: one */
    int row_growth, column_growth;      /* how many times as many it has where registers are WIDER times as wide as REGISTER_BYTES: 1, WIDER or its square */
    bool rows_outside;                  /* the loop over rows of tiles is around that over columns */
    int block;                          /* steps of the first fold that all tiles take before any takes more; 0: all of them */
    int group;                          /* columns whose panels are made before their tiles; 0: b is read where it lies */
    int rest_columns, rest_rows;        /* panels: the tile of columns that fill none; 0: there are none */
    bool side;                          /* panels: what the rows of a tile are multiplied with is copied too, side by side: a tile's,
                                           or where columns are outside that of all tiles, once for all panels */
    bool rest_dots;                     /* panels: that tile has its lanes on the fold, and stands beside the others of its rows */
    Ahead ahead;
    bool fetches;                       /* panels: what an update changes is asked for before its sums are made */
    Term *a, *b;                        /* the factors: a depends on the row, b on the column; a NULL: one, the sum of b alone */
    int64_t cycles;                     /* estimated */
    const char *why;
} Tile;

/* Of a product's sums, those that are wanted (kept.c): the others are zero, for what reads them multiplies them with zero. */
typedef struct Kept {
    Term *condition;                    /* of `axis` and of axes around it; NULL: all are wanted */
    int axis;                           /* of channels, say */
    double share;                       /* of them that are wanted, about */
} Kept;

typedef struct Kernel {
    const char *name;                   /* forward_fc1: unique in the program, an identifier */
    Axis axis[MAX_AXES * 2];
    int axis_count;
    int outer[MAX_AXES], outer_count;
    Stage *stage;
    int stage_count, stage_room;
    Form form;
    Tile choice;                        /* CONTRACTION: decided by tile.c */
    Kept kept;                          /* CONTRACTION */
    struct {                            /* CUDA: decided by device.c */
        Spread spread;
        int64_t points, blocks;
        int threads;                    /* of a block */
        int rows, columns;              /* TILES: sums of one thread */
        int height, width;              /* of a tile */
        Products products;              /* of its factors: other than FULL by tensor cores */
        Term *left, *right;             /* the factors, and the outer axes of the one, of the other, and of both or neither */
        int row[MAX_AXES], column[MAX_AXES], group[MAX_AXES], row_count, column_count, group_count;
    } launch;
    const BlasCall *blas;               /* FORM_BLAS */
    struct {                            /* SKIP: decided by skip.c, with axes of its own */
        int point[MAX_AXES], points;    /* loops over the elements of the factor that is mostly zero */
        int inner[MAX_AXES], inners;    /* what each of them is multiplied with; of these: */
        int run[2], run_count;          /* axes whose elements lie side by side in both arrays */
        int64_t run_length;
        int gone[MAX_RANK], gone_count; /* axes of the kernel that the loops have no use for */
        Term *sparse, *other;           /* the factors */
        SkipWay way;
        int listed;                     /* LIST, ALL: the first of the points whose elements grow the same sums, one after the other */
        int together;                   /* runs that are in registers meanwhile: of the inner axis that is no run, or 1 */
        Term *best;                     /* places.c: which element of the window it is that a factor belongs to; NULL: points are elements */
        PlaceDigit digit[MAX_AXES];
        int digits;
        Index into[MAX_RANK + 1];       /* the sum that a product belongs to */
    } skip;
    int region;                         /* of plan->recurrences, in whose loop over time it runs; NONE */
    int time;                           /* then: the axis that is its time; no outer one any more when fuse is through */
    int update;                         /* CALL: index into model->updates; else NONE */
    bool before_loss_check;             /* runs before the loss is looked at */
    int64_t flop, bytes_read, bytes_written;
    bool is_shared;                     /* threads share its outermost loop */
    int same_as;                        /* an earlier kernel of the program whose function this one calls; NONE */
    struct Kernel *next_user;           /* the next kernel that calls the same function; NULL */
    const char **array_name;            /* what that calls its arrays (arrays_of), if its users have others; NULL: as the state does */
} Kernel;

typedef enum BufferKind { BUFFER_INPUT, BUFFER_PARAMETER, BUFFER_STATE, BUFFER_TEMPORARY, BUFFER_RESULT } BufferKind;

/* An array of the state struct. */
typedef struct Buffer {
    BufferKind kind;
    NodeId node;                        /* the leaf's node, or the node whose value it holds */
    int leaf;                           /* INPUT, PARAMETER, STATE; else NONE */
    const char *name;                   /* its member in the state struct */
    Scalar scalar;
    int rank;                           /* the batch included */
    int64_t size[MAX_RANK + 1];         /* of the logical dimensions */
    int8_t order[MAX_RANK + 1];         /* layout: dimension order[0] is outermost in memory */
    int64_t before[MAX_RANK + 1], after[MAX_RANK + 1];  /* zeros around each dimension that are read and never written (border.c) */
    bool border;                        /* there are any: it shares memory with no other */
    bool is_laid;                       /* its order is decided */
    int copy_of;                        /* border.c: the buffer whose elements it holds; NONE */
    int64_t pad;                        /* elements after each run of the innermost dimension that belong to nothing */
    const char *why_order;              /* NULL: row-major as PyTorch, without a pad */
    int phases;                         /* set of phases that use it */
    int first, last;                    /* kernels (numbered over all phases in order) that write first and read last */
    int place;                          /* TEMPORARY: buffers of one place share memory, their live ranges being disjoint */
    int next_there;                     /* the next buffer of that place, their numbers rising; NONE */
    int64_t bytes;
    bool is_gradient;                   /* holds d loss / d (its node's gradient_of) */
} Buffer;

/* blas is generic, but for the sums of products that CBLAS knows. */
typedef enum KernelMode { KERNELS_FUSED, KERNELS_GENERIC, KERNELS_BLAS } KernelMode;
typedef enum Target { TARGET_C, TARGET_CUDA } Target;

/* All that emit/ needs: kernels by phase, buffers, verdicts. */
typedef struct Plan Plan;
struct Plan {
    Arena *arena;
    const Model *model;
    KernelMode mode;
    Target target;                      /* of its kernels; `plain` is always C, for it runs on the host */
    Recurrences recurrences;
    Kernel *kernel[PHASE_COUNT];
    int kernel_count[PHASE_COUNT];
    Plan *plain;                        /* the training forward graph, one kernel an operation, every value kept, in kernel[PHASE_TRAIN]:
                                           find_not_finite walks it. Its temporaries are named "plain->…". NULL in itself and for nn.show */
    Buffer *buffer;
    int buffer_count, buffer_room;
    int place_count, *first_there;      /* by place: its first buffer */
    bool is_plain;                      /* it is such a walk */
    int *buffer_of;                     /* by node id: the buffer that holds its value; NONE */
    NodeId *goes_to;                    /* by node id: where its value is written instead of an array of its own (parts.c); NONE */
    Verdict *verdict;
    int verdict_count, verdict_room;
};

/* repeat.c */
void find_repeated(Plan *plan);                               /* same_as and next_user of every kernel */
int *arrays_of(const Plan *plan, const Kernel *kernel, Arena *arena, int *count);     /* the buffers that it takes, in the order in which it mentions them */
bool writes(const Kernel *kernel, int array, int buffer);     /* does it write the array-th of them? */

const char *array_name(const Plan *plan, const Kernel *kernel, int buffer);    /* names.c: what the kernel's function calls the buffer */
void name_plan(Plan *plan);                                   /* names.c: identifiers of buffers, stages, kernels; letters of axes. Called by schedule */
void each_read(Kernel *kernel, void (*visit)(Stage *stage, Term *read, void *context), void *context);     /* every READ, stage by stage */
bool is_contraction(const Plan *plan, const Stage *stage);    /* a sum of products with something to fold */
bool combines_vectors(const Kernel *kernel, const Stage *stage);       /* select.c: does each array of its fold have loops of the fold or outer ones, never both? */
bool is_product(const Plan *plan, const Kernel *kernel);      /* a contraction and what follows each of its elements: tile.c's */
bool assigns(const Plan *plan, const Stage *stage);           /* writes a parameter or a state */
bool computes_loss(const Plan *plan, PhaseId phase, const Kernel *kernel);   /* the sum or the mean that is the loss, or both */
bool is_part_of_gradient(const Model *model, NodeId node);    /* built by a derivative rule, not by the optimizer or the model */
bool is_part_of_update(const Model *model, NodeId node);      /* built by the optimizer */
const char *identifier(Arena *arena, const char *name);       /* "fc1.weight" as fc1_weight: letters, digits, underscore; off C's keywords, libc's and our own names */

bool is_drawn_together(const Plan *plan, NodeId node);        /* select.c: uniform numbers that are a kernel of their own, FORM_DRAW where they lie in order */

/* FORM_SCATTER: outer axis `picked` runs over the places, which the fold finds by `index` instead. */
typedef struct Scatter { Term *index, *value; int picked; } Scatter;
Scatter scatter_of(const Stage *stage);

/* index.c: arithmetic on indices. */
Index index_axis(int axis);
Index index_constant(int64_t constant);
Index index_shift(Index index, int64_t by);
Index index_add(Index a, int64_t factor, Index b);            /* a + factor · b; both affine */
Index index_divide(Index index, int64_t divisor, const Axis *axis);      /* split by terms where that is exact, else with a divisor */
Index index_modulo(Index index, int64_t modulus, const Axis *axis);
int plain_axis(const Index *index);                           /* the axis, if the index is that axis and nothing else; else NONE */
bool same_index(const Index *a, const Index *b);
bool same_element(const Index *a, const Index *b, const Axis *axis);      /* the same but for axes of one element? */
bool has_axis(const Index *index, int axis);                  /* does it depend on the axis? */
bool is_affine(const Index *index);
typedef struct Extremes { int64_t least, most; } Extremes;       /* both included */
Extremes extremes_of(const Index *index, const Axis *axis);         /* of an affine index over all values of its axes */
typedef struct Reach { int64_t before, after; } Reach;        /* elements beyond either end of a dimension */
Reach reach_of(const Index *index, const Axis *axis, int64_t size);
bool is_among(const int *axes, int count, int axis);

/* parts.c: values that are written straight into the array of a larger one. */
bool has_parts(const Plan *plan, NodeId id);                  /* is it a CONCAT that is written part by part? */
bool are_apart(const Plan *plan, const Term *read, const Stage *writer);       /* of one array, but other parts of it */

/* lower.c: what a node computes, as a term. */
int dimensions(const Model *model, Type type, int64_t *size); /* the sizes with the batch first, if per row; returns how many */
Term *lower(Plan *plan, const bool *stored, NodeId node, const Index *index, const Axis *axis, bool itself);
    /* the value of `node` at `index`, one a dimension; stored nodes are read from their buffers. itself: compute `node` even if it is stored */
int state_shift(const Node *node);                            /* SCAN, PREVIOUS: at which time of the state's array its time 0 is; others: 0 */
int buffer_for(Plan *plan, NodeId node, BufferKind kind);     /* the buffer of a node, made when there is none; a leaf's for leaves */
void each_term(Term *term, void (*visit)(Term *term, void *context), void *context);      /* operands first */

/* tile.c: how a contraction runs: which axes make its tiles, and what lies in the lanes of a register. */
void choose_tile(const Plan *plan, Kernel *kernel);
void order_folds(const Plan *plan, Kernel *kernel);           /* once its tiles are chosen */
bool depends_on(Term *term, int axis);                              /* does an index in it? NULL: one, which depends on nothing */
bool turns_panels(const Plan *plan, const Kernel *kernel, int columns);      /* are its panels made by turning, four by four? */
const Buffer *updated_here(const Plan *plan, const Kernel *kernel);  /* the first matrix that an update among its stages writes; NULL */
int64_t room_in(const Buffer *buffer, int d);                 /* elements along the d-th dimension in memory, with borders and pad */
int64_t step_in_memory(const Buffer *buffer, const Index *index, int axis);     /* elements that a place moves on with the axis; 0: it does not */
void merge_dimensions(Plan *plan);                            /* merge.c: of arrays that windows run over by quotient and remainder. Before all else */
void divide_axes(Plan *plan);                                 /* divide.c: axes read by quotient and remainder become two. Then */
void skip_zeros(Plan *plan);                                  /* skip.c: before borders */
/* places.c: loops over windows instead of elements, if `read` is the gradient behind a max-pool: what stands for it in the sum's term.
 * NULL: it is not, and nothing is changed. */
Term *take_windows(Plan *plan, Kernel *kernel, const Term *read, Term **sparse, Term *other);
void drop_unread(Plan *plan, int buffer);                     /* its stage, which is the last of its kernel, if nobody reads it */
void read_stored_sum(Kernel *kernel);                         /* schedule.c: later stages read what the first one stores, no local */
void split_residues(Plan *plan);                              /* residues.c: before borders */
void lay_borders(Plan *plan);                                 /* border.c: before layouts are chosen */
/* turn.c: copies of weights for loops over time. Before layouts are chosen. */
void turn_weights(Plan *plan);
/* layout.c: how buffers lie: which dimension runs fastest, pads. Before tiles are chosen. */
void choose_layouts(Plan *plan);
void leave_out_dropped(Plan *plan);                           /* kept.c: between layouts and tiles */
void swap_order(Buffer *buffer);                              /* its two outermost dimensions in memory change places */
int64_t product_cycles(const Plan *plan, const Kernel *kernel);        /* of one call, as things lie now */

void choose_blas(Plan *plan);                                 /* blas.c: which generic kernels CBLAS does, and how windows lie for it */
bool is_worth_sharing(const Plan *plan, const Kernel *first, Kernel *kernel);  /* share.c: for threads, those of its phase from `first` on
                                                                                   being decided; after its cost is known */
int64_t steps_inside(const Kernel *kernel, const Stage *stage);        /* cost.c: of its inner loops and folds, at one point of the outer ones */
void count_costs(Plan *plan);                                 /* cost.c: operations, bytes read and written of every kernel */
/* device.c: how a kernel runs on a GPU. */
void choose_launch(const Plan *plan, Kernel *kernel);
extern const char *const spread_name[];                       /* "a thread a point" */
void compute_lookups_again(const Plan *plan, Kernel *kernel); /* lookups.c: log_p[label[b]] without the array, where threads have one each */
enum { TILE_DEPTH = 32 };                                     /* steps of the fold that are in shared memory at once */
bool runs_along(const Plan *plan, const Term *term, int axis);        /* are neighbours along the axis neighbours in memory? */

/* The passes, in order. check_plan runs after each. */
Plan *fuse(Arena *arena, const Model *model, KernelMode mode, Target target);        /* fuse.c: graph to kernels; `generic`: one operation a kernel */
void schedule(Plan *plan);                                          /* schedule.c: forms, layouts, tiles, names, costs */
void plan_memory(Plan *plan);                                       /* plan_memory.c: live ranges, places */
void check_plan(const Plan *plan, const char *after);
void dump_kernels(const Plan *plan, Text *out);                     /* a line a stage */

#endif
