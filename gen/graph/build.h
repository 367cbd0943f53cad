/* build.h: making nodes. The binding, the gradient rules and the rewrites all come through here.
 *
 * Every maker infers the type (shape.c) and refuses wrong operands with graph->now.place, both shapes and where both were made.
 * Node origins are taken from graph->now.
 *
 * C leaves the order in which arguments are evaluated to the compiler, and nngen's text must not depend on who compiled it: no
 * call has two makers among its arguments. */
#ifndef NNGEN_GRAPH_BUILD_H
#define NNGEN_GRAPH_BUILD_H

#include "graph/graph.h"

Attributes attributes(void);                                  /* all zero, leaf NONE */
NodeId new_node(Graph *graph, Op op, const NodeId *operands, int count, Attributes attributes);     /* the one maker under all others */

NodeId constant(Graph *graph, double value);
NodeId leaf_scalar(Graph *graph, Op op);                      /* ROWS, RATE, SWEPT, STEP, MODE, ROW_MASK */
NodeId index_along(Graph *graph, Type type, int axis);        /* INDEX */

/* A pointwise operation with NumPy's broadcasting: operands are first brought to the common shape by RESHAPE (sizes of 1
 * dropped) and BROADCAST. */
NodeId apply1(Graph *graph, Op op, NodeId a);
NodeId apply2(Graph *graph, Op op, NodeId a, NodeId b);
NodeId apply3(Graph *graph, Op op, NodeId a, NodeId b, NodeId c);
#define add(g, a, b)      apply2(g, OP_ADD, a, b)
#define subtract(g, a, b) apply2(g, OP_SUBTRACT, a, b)
#define multiply(g, a, b) apply2(g, OP_MULTIPLY, a, b)
#define divide(g, a, b)   apply2(g, OP_DIVIDE, a, b)
#define negate(g, a)      apply1(g, OP_NEGATE, a)
NodeId times_number(Graph *graph, double number, NodeId a);   /* number · a */

NodeId broadcast_to(Graph *graph, NodeId a, Type type);       /* NumPy's rules; the scalar of `a` is kept; `a` itself if it has that shape */
NodeId broadcast_axes(Graph *graph, NodeId a, uint32_t axes, Type type);   /* BROADCAST: the axes of `axes` are new in `type` */
NodeId reshape_to(Graph *graph, NodeId a, int rank, const int64_t *size);
NodeId permute(Graph *graph, NodeId a, const int8_t *order);
NodeId slice(Graph *graph, NodeId a, int axis, int64_t from, int64_t to);
NodeId pad(Graph *graph, NodeId a, int axis, int64_t before, int64_t after, double value);
NodeId concat(Graph *graph, NodeId a, NodeId b, int axis);
/* Windows of `window` elements, `dilation` apart, beginning every `stride` along `axis` padded with `value`. */
typedef struct Windows { int axis; int64_t window, stride, dilation, before, after; } Windows;
NodeId unfold(Graph *graph, NodeId a, Windows windows, double value);
NodeId fold(Graph *graph, NodeId a, Windows windows, int64_t size);      /* the transpose: back to `size` elements along the axis */
NodeId reduce(Graph *graph, Op op, NodeId a, uint32_t axes);  /* SUM, MAX, ARGMAX just as it stands, spare rows included */
NodeId contract(Graph *graph, NodeId a, NodeId b, const char *letters);
NodeId gather(Graph *graph, NodeId a, NodeId index, const char *letters);
NodeId scatter_add(Graph *graph, NodeId a, NodeId index, const char *letters, int64_t size);
NodeId assign(Graph *graph, int leaf, NodeId value);

/* The folds of the model language: those over the batch see valid rows only (SUM of a · ROW_MASK; MAX with spare rows at
 * minus infinity). axes = 0 is nothing to fold: `a` itself. */
NodeId sum_axes(Graph *graph, NodeId a, uint32_t axes);
NodeId max_axes(Graph *graph, NodeId a, uint32_t axes);
NodeId mask_rows(Graph *graph, NodeId a);                     /* a · ROW_MASK, of a per-row a: zero in spare rows */
NodeId fold_size(Graph *graph, Type type, uint32_t axes);     /* how many elements such a fold sees: a constant times ROWS if it folds the batch */
uint32_t all_axes(Type type);                                 /* every axis, the batch included if it has one */

/* a:matmul(b) as PyTorch's matmul on sizes without the batch: (…, m, k) by (…, k, n), vectors allowed on either side. */
NodeId matmul(Graph *graph, NodeId a, NodeId b);

/* The same expression with leaves replaced: new nodes where something changed, the old ones elsewhere. Kept and new origins
 * are the old ones (`of` and `gradient_of` name the new forward nodes where there are such). from[i] is a node (a PARAMETER, MODE …), to[i] stands in its place. */
NodeId substitute(Graph *graph, NodeId root, const NodeId *from, const NodeId *to, int count);
void substitute_all(Graph *graph, NodeId *roots, int root_count, const NodeId *from, const NodeId *to, int count);

#endif
