/* loss_parts.h: a loss as a mean over rows plus a sum over rows. */
#ifndef NNGEN_MODEL_LOSS_PARTS_H
#define NNGEN_MODEL_LOSS_PARTS_H

#include "graph/graph.h"

typedef struct LossParts { NodeId mean, sum; } LossParts;     /* add up to the loss; NONE: no such part, never both */

LossParts split_loss(Graph *graph, NodeId loss);

#endif
