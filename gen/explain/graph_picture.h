/* graph_picture.h: a section of a page with the picture of a model's graph. */
#ifndef NNGEN_EXPLAIN_GRAPH_PICTURE_H
#define NNGEN_EXPLAIN_GRAPH_PICTURE_H

#include "graph/model.h"
#include "base/text.h"

void write_graph_picture(const Model *model, Text *out);

#endif
