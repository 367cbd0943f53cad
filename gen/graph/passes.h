/* passes.h: what is done to graphs. Each file opens with what the pass needs, keeps and breaks. */
#ifndef NNGEN_GRAPH_PASSES_H
#define NNGEN_GRAPH_PASSES_H

#include "base/text.h"
#include "graph/model.h"

/* gradient.c holds one rule a row of ops.def; this applies them backwards from y.
 * y: a shared float scalar. gradients[i] becomes d y / d x[i], of the shape of x[i] (a constant 0, broadcast, where y does not
 * depend on it). A per-row gradient is a
 * tensor like others: its spare rows repeat row 0. */
void differentiate(Graph *graph, NodeId y, const NodeId *x, int count, NodeId *gradients);

/* Fills model->updates[i].gradient for every trained parameter from the model's loss; per-row gradients on the way are zero in
 * spare rows. Nothing to train: refused, suggesting nn.show. */
void differentiate_model(Model *model);

/* Equal nodes become one; constants fold; x·1, x+0, −−x, sums of sums, double moves and the like go; unreachable nodes go, ids
 * change: the model's node ids are renewed. Rewrites are named, one function each, with the algebra beside it. */
void simplify(Model *model);

/* MODE folded: model->phase[TRAIN], [EVALUATE], [PREDICT] (or [SHOW]) get their roots. */
void specialise(Model *model);

/* Products of products in the order that costs least: the model with another graph of its training step, or the model itself.
 * The one it took is left as it was. */
Model *associate(Model *model);

/* --emit predict, library: only what their functions compute stays. What they cannot be made of is refused. */
void keep_for(Model *model, EmitKind emit, bool standalone);
/* --weights: tensors start with the values of this file, model->has_weights. */
void embed_weights(Model *model, const char *path);
/* What `standardize` of the inputs comes to: model->standard. Reads the data, if any input asks for it. */
void fit_inputs(Model *model, const char *data_dir);

void check_graph(const Graph *graph, const char *after);      /* every invariant of graph.h, or a bug() that names the pass */
void check_model(const Model *model, const char *after);      /* and those of the model's roots */

void dump_graph(const Model *model, Text *out);               /* a node a line: %12 = relu(%11) (batch, 100) float "fc1_relu" mnist.lua:7 */
void dump_node(const Graph *graph, NodeId id, Text *out);      /* one such line */
void dump_dot(const Model *model, Text *out);
void dump_math(const Model *model, Text *out);                /* formulas, shared factors named once */
const char **formulas_of(const Model *model, Arena *arena);   /* the same lines by node id, after specialise; NULL: written inside another's */

/* interpret.c: the oracle. Values of all nodes that `roots` need, in double, for `rows` valid rows of a batch of `batch`.
 * leaf_values[l] is leaf l's data, row-major ([batch] first for inputs; classes as numbers). values[id] is NULL where the node
 * was not needed; everything lives in `arena`. ASSIGN nodes yield the value that they would write. */
typedef struct Situation {
    int64_t batch;
    int rows;
    double rate, swept, mode;
    int64_t step;
    uint64_t seed;
    const double *const *leaf_values;
} Situation;
double **interpret(Arena *arena, const Graph *graph, const NodeId *roots, int root_count, const Situation *situation);

#endif
