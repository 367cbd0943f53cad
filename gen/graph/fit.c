/* fit.c: what `standardize` comes to, for texts that read no data themselves.
 *
 * A program fits on its training rows when it starts. A predictor gets single rows, so the numbers stand in its text: they are
 * fitted here, on the same rows (the model's files, its split by its seed), by the same reader. */
#include "graph/passes.h"
#include <nngen/data.h>

void fit_inputs(Model *model, const char *data_dir)
{
    bool any = false;
    for (int i = 0; i < model->input_count; i++)
        any = any || model->inputs[i].standardize != NN_AS_IS;
    if (!any)
        return;
    NnDataset *dataset = nn_dataset_open(&model->data, model->inputs, model->input_count, data_dir, model->seed);
    model->standard = NEW(model->arena, Standard, model->input_count);
    for (int i = 0; i < model->input_count; i++) {
        const double *mean, *spread;
        const int64_t period = nn_dataset_standard(dataset, i, &mean, &spread);
        if (model->inputs[i].standardize != NN_AS_IS)
            model->standard[i] = (Standard){period, arena_copy(model->arena, mean, sizeof *mean * (size_t)period),
                                            arena_copy(model->arena, spread, sizeof *spread * (size_t)period)};
    }
    nn_dataset_close(dataset);
}
