/* keep.c: what the text to be emitted has functions for, of all that a model could do.
 *
 * Takes a specialised model. A program keeps everything. A predictor keeps the outputs in evaluation mode, of one row: its model
 * is one that only evaluates, as nn.show's are, with a batch of one. A library keeps training without the metrics, which nobody
 * would read, and the outputs. Roots go, so kernels, arrays and parameters that only they need are never made.
 *
 * What has no meaning as one function of one row is refused here, before anything is built on it; so is data that one file of C
 * cannot read. */
#include "graph/passes.h"
#include "base/fail.h"
#include <string.h>

static const char *const words[] = {[EMIT_PREDICT] = "--emit predict", [EMIT_LIBRARY] = "--emit library"};

static void refuse(const Model *model, EmitKind emit)
{
    if (model->kind == MODEL_SHOW)
        fail_at(model->place, "%s: nn.show prints values, it trains nothing\n%s", words[emit],
                emit == EMIT_PREDICT ? "return nn.train {..., outputs = {name = tensor}} where a function of an input is wanted"
                                     : "return nn.train {...} where there is something to train");
    if (model->sweep.count)
        fail_at(model->sweep.place, "%s: this is a sweep of %d models, and a function computes one\nput one of the values where nn.sweep(%s, ...) stands",
                words[emit], model->sweep.count, quoted(model->arena, model->sweep.name));
    if (emit == EMIT_PREDICT && model->output_count == 0)
        fail_at(model->place, "--emit predict: the model has no outputs\nadd outputs = {name = tensor} to nn.train");
}

static bool is_one_of(NodeId node, const NodeId *list, int count)
{
    for (int i = 0; i < count; i++)
        if (list[i] == node)
            return true;
    return false;
}

/* Metrics but the loss go; a root that something else needs too stays. */
static void drop_metrics(Model *model)
{
    Phase *phase = &model->phase[PHASE_TRAIN];
    int kept = 0;
    for (int r = 0; r < phase->root_count; r++) {
        const NodeId root = phase->roots[r];
        bool is_metric = false;
        for (int m = 1; m < model->metric_count; m++)
            is_metric = is_metric || is_one_of(root, phase->metrics[m].part, 3);
        const bool is_needed = is_one_of(root, phase->metrics[0].part, 3) || is_one_of(root, phase->gradients, model->update_count);
        if (!is_metric || is_needed)
            phase->roots[kept++] = root;
    }
    phase->root_count = kept;
    model->metric_count = 1;
}

/* A program reads its data itself, and what is in one file has no library to unpack it. */
static void refuse_packed_data(const Model *model)
{
    const NnFormat *format = model->data.format;
    if (format == &nn_npz || format == &nn_images)
        fail_at(model->data_place, "--standalone: reading nn.data.%s needs a library, and this is to be a program without any\n"
                "nn.data.idx, npy, safetensors, csv, table and text need none", format->name);
}

void keep_for(Model *model, EmitKind emit, bool standalone)
{
    model->emit = emit;
    if (emit == EMIT_PROGRAM && standalone)
        refuse_packed_data(model);
    if (emit == EMIT_PROGRAM)
        return;
    refuse(model, emit);
    model->phase[PHASE_EVALUATE] = (Phase){0};
    if (emit == EMIT_LIBRARY) {
        drop_metrics(model);
        return;
    }
    model->phase[PHASE_TRAIN] = (Phase){0};
    model->kind = MODEL_SHOW;
    model->batch = 1;
    model->metric_count = model->update_count = model->statistics.count = 0;
}
