/* embed.c: --weights F: the weights of a safetensors file become what the model's tensors start with.
 *
 * A predictor then has them as constants, a library writes them into its state in init. Tensors of the file that nothing reads
 * are ignored; the file's own seed, where it has one, is the one by which its training rows were split. */
#include "graph/passes.h"
#include "graph/rules.h"
#include "base/fail.h"
#include <safetensors.h>
#include <string.h>

/* The leaves that a function of the text reads or writes. */
static bool *needed_leaves(const Model *model, Arena *scratch)
{
    bool *is_needed = NEW(scratch, bool, model->graph->leaf_count + 1);
    for (int p = 0; p < PHASE_COUNT; p++) {
        const Phase *phase = &model->phase[p];
        const bool *needed = needed_for(model->graph, scratch, phase->roots, phase->root_count);
        for (int l = 0; l < model->graph->leaf_count; l++)
            is_needed[l] = is_needed[l] || needed[model->graph->leaves[l].node];
    }
    return is_needed;
}

static const double *read_tensor(const Model *model, const NnSafetensors *file, const Leaf *leaf, const char *path)
{
    const NnEntry *entry = nn_find_entry(file, "", leaf->name);
    const char *name = quoted(model->arena, leaf->name), *shown = quoted(model->arena, path);
    if (!entry)
        fail_at(leaf->place, "--weights: %s has no tensor %s\ngive it what a program of this model wrote with --save", shown, name);
    bool is_same = entry->rank == leaf->type.rank;
    for (int d = 0; is_same && d < entry->rank; d++)
        is_same = entry->shape[d] == leaf->type.size[d];
    if (!is_same)
        fail_at(leaf->place, "--weights: %s has %s with shape %s, the model with %s\ngive it what a program of this model wrote with --save",
                shown, name, nn_shape_text(entry->rank, entry->shape), shape_text(model->arena, leaf->type));
    if (entry->dtype != NN_DTYPE_F32 && entry->dtype != NN_DTYPE_F64)
        fail_at(leaf->place, "--weights: %s has %s as %s\nF32 and F64 are read", shown, name, quoted(model->arena, entry->dtype_name));
    double *values = NEW(model->arena, double, element_count(leaf->type));
    nn_read_entry(file, entry, NULL, values, NN_F64);
    return values;
}

void embed_weights(Model *model, const char *path)
{
    Arena *scratch = arena_new();
    NnSafetensors file = nn_open_safetensors(path);
    const bool *is_needed = needed_leaves(model, scratch);
    for (int l = 0; l < model->graph->leaf_count; l++) {
        Leaf *leaf = &model->graph->leaves[l];
        if (is_needed[l] && (leaf->kind == LEAF_PARAMETER || leaf->kind == LEAF_STATISTIC))
            leaf->init = (NnInit){.kind = NN_INIT_TABLE, .table = read_tensor(model, &file, leaf, path)};
    }
    const NnEntry *seed = nn_find_entry(&file, "nngen.", "seed");
    if (seed && seed->dtype == NN_DTYPE_I64 && seed->rank == 0)
        nn_read_bytes(&file, seed, &model->seed, sizeof model->seed);
    nn_close_safetensors(&file);
    arena_free(scratch);
    model->has_weights = true;
}
