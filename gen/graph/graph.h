/* graph.h: the graph, the one thing that the first half of nngen works on.
 *
 * A Graph is an array of nodes in topological order: an operand always has a smaller id than its reader. Nodes are immutable
 * once made; a pass that changes something makes new nodes. A pass's scratch is a local array indexed by node id.
 *
 * Axes. Sizes never hold the batch: a per-row tensor of shape {784} has rank 1 and is `per_row`. Where axes are named, axis 0
 * is the batch and axes 1 to rank the sizes, so they count as the model language counts. A set of axes is a bit set: bit 0 is
 * the batch.
 *
 * Recurrences. A value that depends on its own earlier one is a tensor with time as an axis, all of its times at once, and PREVIOUS
 * is that tensor one step earlier; so a cycle goes through PREVIOUS and its SCAN, though no operand points forward
 * (recurrence.h).
 *
 * Rows. Computation always runs `batch` rows. Spare rows of a partial batch repeat row 0, and whoever folds the batch in the
 * forward graph multiplies by ROW_MASK first (build.h: sum_axes), so that gradients are masked by themselves
 * (differentiate.c says which way). */
#ifndef NNGEN_GRAPH_GRAPH_H
#define NNGEN_GRAPH_GRAPH_H

#include "base/arena.h"
#include "base/fail.h"
#include <nngen/data.h>
#include <stdbool.h>
#include <stdint.h>

enum { MAX_RANK = 6, MAX_OPERANDS = 3, NONE = -1 };

typedef enum Op {
#define OP(NAME, ...) OP_##NAME,
#include "graph/ops.def"
    OP_COUNT
} Op;

typedef enum OpClass { LEAF, POINTWISE, REDUCE, MOVE, CONTRACT, RANDOM, LOOP, EFFECT } OpClass;
typedef enum Binding {                   /* loosest first */
    BIND_CHOICE, BIND_EQUALITY, BIND_COMPARE, BIND_SUM, BIND_PRODUCT, BIND_UNARY, BIND_ATOM
} Binding;

typedef struct OpInfo {
    const char *name;                   /* "relu" */
    int arity;
    OpClass class;
    const char *c, *formula;
    Binding binding;
} OpInfo;
extern const OpInfo op_info[OP_COUNT];
bool op_is_comparison(Op op);              /* of two numbers: the result is 0 or 1 */
bool op_is_call(Op op);                    /* exp, pow, sqrt: as long as ten others; relu, abs, the larger of two are an instruction or two */

typedef enum Scalar { FLOAT, INT } Scalar;

typedef struct Type {
    Scalar scalar;
    bool per_row;                       /* has the batch as axis 0 */
    int rank;
    int64_t size[MAX_RANK];             /* size[d - 1] is the size of axis d */
} Type;

typedef int NodeId;                     /* an index into graph->nodes; NONE for no node */

/* What an operation needs besides its operands. Unused fields are zero (leaf: NONE), so that two attributes are equal exactly
 * when their bytes are; `attributes()` in build.h makes an empty one. */
typedef struct Attributes {
    uint32_t axes;                      /* SUM, MAX, ARGMAX: folded; BROADCAST: new in the result */
    int axis;                           /* INDEX, SLICE, PAD, CONCAT, UNFOLD, FOLD */
    int64_t from, to;                   /* SLICE, PAD, UNFOLD, FOLD */
    int8_t order[8];                    /* PERMUTE: order[d - 1], d from 1 to rank */
    char letters[32];                   /* CONTRACT, GATHER, SCATTER_ADD: "bi,ji->bj"; a per-row operand's first letter is 'b', the batch, and only that */
    int64_t window, stride, dilation;   /* UNFOLD, FOLD; their padding is `from` before and `to` after */
    int64_t size;                       /* FOLD, SCATTER_ADD: of the axis in the result */
    double value;                       /* CONSTANT, PAD, UNFOLD */
    const double *table;                /* TABLE: row-major; lives as long as the graph */
    int leaf;                           /* INPUT, PARAMETER, STATE, ASSIGN: an index into graph->leaves */
    uint64_t stream;                    /* UNIFORM, NORMAL: hash of the node's name */
    int loop;                           /* PREVIOUS, SCAN: the number that they share, from 1 */
    bool backward;                      /* PREVIOUS, SCAN: time runs from the last to the first */
    Type type;                          /* BROADCAST, RESHAPE, INDEX, TABLE, UNIFORM, NORMAL, PREVIOUS: the result's */
} Attributes;

/* Where a node comes from; has no influence on what is computed, all on what is said. */
typedef struct Origin {
    const char *name;                   /* the user's or a layer's name: "fc1", "logits"; NULL: none */
    const char *after;                  /* "fc1" where the name was made from that one: "fc1_relu"; else NULL */
    Place place;                        /* the line of the model, never of nn.lua */
    const char *rule;                   /* derivative rule that built it, "matmul, right operand"; or the update, "sgd"; else NULL */
    NodeId of;                          /* with `rule`: the forward node whose gradient this node is a part of, or NONE */
    NodeId gradient_of;                 /* this node is the whole d loss / d that node; else NONE */
    const char *layer;                  /* the layer that made it, "linear fc1"; for comments only; NULL: none */
} Origin;

typedef struct Node {
    Op op;
    Type type;
    NodeId operand[MAX_OPERANDS];       /* NONE beyond the arity */
    Attributes attributes;
    Origin origin;
} Node;

typedef enum LeafKind { LEAF_INPUT, LEAF_PARAMETER, LEAF_SLOT, LEAF_STATISTIC } LeafKind;

/* A named place that outlives a step. */
typedef struct Leaf {
    LeafKind kind;
    const char *name;                   /* "image", "fc1.weight"; a slot's: "fc1.weight.momentum_buffer" */
    Type type;                          /* PyTorch's shape */
    Place place;
    NodeId node;                        /* its INPUT, PARAMETER or STATE node */
    NnInit init;                        /* all but inputs: the value at the start (nngen/data.h) */
    int classes;                        /* class inputs: values lie in [0, classes); else 0 */
    bool frozen;                        /* parameters: not trained */
    double lr_factor;                   /* parameters: 1 unless {lr = …} */
    double weight_decay;                /* parameters: NAN unless given */
    int parameter;                      /* slots: the leaf of their parameter; else NONE */
} Leaf;

typedef struct Graph {
    Arena *arena;
    Node *nodes;
    int count, room;
    Leaf *leaves;
    int leaf_count, leaf_room;
    int loop_count;                     /* recurrences ever opened: their numbers run from 1 to it */
    Origin now;                         /* given to each new node; the builder's caller sets it */
    struct Simplifier *simplifier;      /* only while simplify rebuilds the graph: new_node asks it for a simpler or an equal node first */
} Graph;

Graph *graph_new(Arena *arena);
NodeId new_leaf(Graph *graph, Leaf leaf);                     /* appends the leaf and its node; refuses a second one of that name, with both places */

/* The type's elements without the batch; and its sizes as people write them: "(batch, 784)", "(10)", "()". */
int64_t element_count(Type type);
const char *shape_text(Arena *arena, Type type);
bool same_type(Type a, Type b);
void name_node(Node *node, const char *name);                 /* a name of its own, made from no other */
bool same_shape(Type a, Type b);                              /* apart from the scalar */
Type scalar_type(Scalar scalar);

/* The least n known such that all integers of the node lie in [0, n); INT64_MAX: none is. Classes of data are checked when they
 * are read, all other integers are places along an axis: so an index is in range always, or refused when generating. */
int64_t index_limit(const Graph *graph, NodeId node);

/* The three words of the attribute `letters`. */
typedef struct Letters { char operand[2][MAX_RANK + 2], result[MAX_RANK + 2]; } Letters;
Letters split_letters(const char *letters);

/* The passes over graphs: each opens with what it needs, keeps and breaks. */
void check_graph(const Graph *graph, const char *after);      /* check.c: every invariant above, or a bug() that names the pass */

#endif
