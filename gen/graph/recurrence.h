/* recurrence.h: values that depend on their own earlier ones, as h[t] = tanh(x[t] + W h[t - 1]) does.
 *
 * A recurrence is opened by PREVIOUS and closed by the SCAN of the same number:
 *
 *     previous[t] = scan[t - 1], and the initial value at t = 0      (backward: scan[t + 1], and the initial value at the last t)
 *     scan[t]     = next[t], an expression of previous[t] and of what lies outside
 *
 * Both hold all times, on axis 1, and so does every node between them: a recurrence looks like any other part of the graph, its
 * gradient is made of the ordinary rules (and runs the other way), input projections and weight gradients are ordinary
 * products over time and rows. What is special is only that the nodes on the cycle cannot be computed one after the other:
 * they are a region, computed time by time. Two states that need each other, as of an LSTM, are one region.
 *
 * Rejected: a node with a graph of its own inside (each pass would exist twice, and derivatives would have to carry values
 * through the wall), and unrolling (the text would grow with time). */
#ifndef NNGEN_GRAPH_RECURRENCE_H
#define NNGEN_GRAPH_RECURRENCE_H

#include "graph/graph.h"

/* Nodes that depend on each other through PREVIOUS. */
typedef struct Region {
    int64_t steps;
    bool backward;
    NodeId *nodes;                      /* in the order in which one time is computed */
    int count;
} Region;

typedef struct Recurrences {
    Region *regions;
    int count;
    int *region_of;                     /* by node: the region that it is on the cycle of; NONE */
    int *time_axis;                     /* by node of a region: which of its axes is time */
    NodeId *previous, *scan;            /* by loop number; NONE: no such node (any more) */
    NodeId *order;                      /* all nodes, operands first; the nodes of a region are neighbours */
} Recurrences;

/* Looks at the whole graph; a region whose nodes do not treat each time alike is refused at that node's place. */
Recurrences find_recurrences(const Graph *graph, Arena *arena);

/* Which axis of an operand is time, where `axis` of the node is; NONE: it has no time, all times read it whole. */
int time_of_operand(const Graph *graph, const Node *node, int operand, int axis);

/* Opens a recurrence of `steps` times whose state begins with `initial`; closes it with the next state and gives all states. */
NodeId open_recurrence(Graph *graph, NodeId initial, int64_t steps, bool backward);
NodeId close_recurrence(Graph *graph, NodeId previous, NodeId next);

#endif
