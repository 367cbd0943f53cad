/* rules.h: what the rows of ops.def name, inside graph/ only: shape rules, gradient rules, and what a pointwise row computes.
 *
 * The prototypes are made from the table, so a row whose rule does not exist fails to link. */
#ifndef NNGEN_GRAPH_RULES_H
#define NNGEN_GRAPH_RULES_H

#include "graph/graph.h"

/* What a shape rule is asked: the type of `op` applied to these operands. While the graph is built a wrong operand is the
 * user's fault; check.c asks again about finished nodes and names the pass in `after`: then it is ours. */
typedef struct Question {
    const Graph *graph;
    Op op;
    int count;
    NodeId operand[MAX_OPERANDS];
    const Attributes *attributes;
    const char *after;                  /* NULL while building */
} Question;

/* A gradient rule: given d y / d node, what is d y / d operand number `operand`? `node` is the forward node, its result.
 * NONE: zero. The gradient has the operand's type. Rules build only operations that have rules themselves, so they may be
 * applied again. */
#define OP(NAME, name, arity, CLASS, shape, gradient, ...)                                              \
    Type shape_##shape(const Question *question);                                                       \
    NodeId gradient_##gradient(Graph *graph, NodeId node, int operand, NodeId incoming);
#include "graph/ops.def"

/* Refuses the question: what is wrong, each operand with its shape and where it was made, what to do. */
_Noreturn void refuse(const Question *question, const char *remedy, const char *format, ...) __attribute__((format(printf, 3, 4)));
void require_floats(const Question *question);                /* an integer where a float belongs is refused, naming nn.float */
void require_one_kind(const Question *question, int first);  /* operands from `first` on: all float or all integer */
Type infer_type(const Question *question);                    /* the row's shape rule, and the bounds that hold for every tensor */

/* A pointwise row as a number, exactly as the runtime's scalar.h and libm have it; b and c are ignored beyond the arity. */
double evaluate_pointwise(Op op, double a, double b, double c);

/* What every rule looks at. */
static inline Op op_of(const Graph *graph, NodeId node) { return graph->nodes[node].op; }
static inline Type type_of(const Graph *graph, NodeId node) { return graph->nodes[node].type; }
static inline NodeId operand_of(const Graph *graph, NodeId node, int which) { return graph->nodes[node].operand[which]; }
static inline const Attributes *attributes_of(const Graph *graph, NodeId node) { return &graph->nodes[node].attributes; }

/* Recurrences (recurrence.c): by loop number the SCAN that closes it; the PREVIOUS that opens it. NONE where there is none. */
NodeId *scans_of(const Graph *graph, Arena *arena);
NodeId previous_of(const Graph *graph, int loop);

/* By node: is its value needed for one of the roots (NONE among them is nothing)? */
bool *needed_for(const Graph *graph, Arena *arena, const NodeId *roots, int count);

/* How well people know a node, to choose what a gradient that serves several is called after: a parameter, a name, none. */
int renown(const Graph *graph, NodeId node);

int64_t axis_size(Type type, int axis);                       /* axis 1 … rank */
Type without_axes(Type type, uint32_t axes);                  /* what a fold over `axes` leaves; bit 0 takes the batch away */
bool equal_attributes(const Attributes *a, const Attributes *b, int64_t table_elements);

/* ---- simplification: simplify.c drives, rewrite_*.c hold the algebra ---- */

/* A rewrite looks at a node that is about to be made, its operands being simple already, and gives a node that means the same
 * and is simpler, or NONE. It builds with the makers of build.h, which come back here, so what it gives is simple too. */
typedef struct Rewrite {
    const char *name;
    NodeId (*apply)(Graph *graph, const Node *node);
} Rewrite;
extern const Rewrite pointwise_rewrites[], move_rewrites[], fold_rewrites[], window_rewrites[];    /* each ended by a name of NULL */

/* new_node's two questions while graph->simplifier is set: is there a simpler or an equal node; remember this new one. */
NodeId find_simpler(Graph *graph, const Node *node);
void remember_node(Graph *graph, NodeId node);
int reader_count(const Graph *graph, NodeId node);            /* readers, roots too, that it had before; 0: made since */

/* Rebuilds what the roots reach and renews them. uses: NULL, or a counter for each rewrite, in the order of rewrite_name. */
void simplify_roots(Graph *graph, NodeId **roots, int count, int *uses);
const char *rewrite_name(int which);                          /* NULL after the last */

bool is_number(const Graph *graph, NodeId node, double *value);      /* a CONSTANT, broadcast or not */
uint32_t axes_without(uint32_t axes, uint32_t removed);       /* the set as it is numbered once the axes of `removed` are gone */

#endif
