/* emit_data.c: the program's data as static tables: NnData, an NnInput for each input, and the rows that Lua computed. */
#include "emit/emit_fields.h"
#include <string.h>

static const char *const set_name[NN_SETS] = {[NN_TRAIN] = "NN_TRAIN", [NN_VALIDATION] = "NN_VALIDATION", [NN_TEST] = "NN_TEST"};
static const char *const set_word[NN_SETS] = {[NN_TRAIN] = "train", [NN_VALIDATION] = "validation", [NN_TEST] = "test"};

/* ".file = {[NN_TRAIN] = "a.csv", [NN_TEST] = "b.csv"}"; nothing if no set has a value. */
static void add_sets(Text *out, const char *name, const char *const value[NN_SETS])
{
    Text text = text_new(out->arena);
    for (int set = 0; set < NN_SETS; set++)
        if (value[set])
            text_print(&text, "%s[%s] = %s", text.length ? ", " : "", set_name[set], value[set]);
    if (text.length > 0)
        add_field(out, ".%s = {%s}", name, text.bytes);
}

static void add_files(Text *out, const char *const file[NN_SETS])
{
    const char *value[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        value[set] = file[set] ? c_string(out->arena, file[set]) : NULL;
    add_sets(out, "file", value);
}

static void add_counts(Text *out, const char *name, const int64_t count[NN_SETS])
{
    const char *value[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        value[set] = count[set] != 0 ? arena_print(out->arena, "%lld", (long long)count[set]) : NULL;
    add_sets(out, name, value);
}

static void add_shares(Text *out, const double share[NN_SETS])
{
    const char *value[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        value[set] = share[set] > 0 ? double_text(out->arena, share[set]) : NULL;
    add_sets(out, "share", value);
}

static void emit_source(const NnData *data, Text *out)
{
    text_add(out, "\n/* Where the rows come from. */\nstatic const NnData data = {\n    ");
    add_field(out, ".format = &nn_%s", data->format->name);
    add_files(out, data->file);
    add_counts(out, "table_rows", data->table_rows);
    if (data->by_byte)
        add_field(out, ".by_byte = true");
    add_counts(out, "first_rows", data->first_rows);
    add_shares(out, data->share);
    add_string_field(out, "stratify", data->stratify);
    if (data->no_shuffle)
        add_field(out, ".no_shuffle = true");
    if (data->folder && data->folder[0] != '/')
        add_string_field(out, "folder", data->folder);
    add_string_field(out, "default_folder", data->default_folder);
    text_add(out, ",\n};\n");
}

/* ---- inputs ---- */

/* The buffer of the input's batch; NONE for one that no kernel reads. */
static int batch_buffer(const Plan *plan, const char *name)
{
    const Graph *graph = plan->model->graph;
    for (int l = 0; l < graph->leaf_count; l++)
        if (graph->leaves[l].kind == LEAF_INPUT && strcmp(graph->leaves[l].name, name) == 0)
            return plan->buffer_of[graph->leaves[l].node];
    bug("input %s has no leaf", name);
}

static const char *rows_name(int input, int set, Arena *arena)
{
    return arena_print(arena, "rows_%d_%s", input + 1, set_word[set]);
}

static void emit_rows(const Plan *plan, Text *out)
{
    for (int i = 0; i < plan->model->input_count; i++) {
        const NnInput *input = &plan->model->inputs[i];
        for (int set = 0; set < NN_SETS; set++) {
            if (!input->table[set])
                continue;
            text_add(out, "\n");
            comment_line(out, 0, arena_print(out->arena, "%s, %s", input->name, set_word[set]));
            emit_doubles(rows_name(i, set, out->arena), input->table[set], plan->model->data.table_rows[set] * input->elements, out);
        }
    }
}

static void add_columns(Text *out, const NnColumns *columns)
{
    if (columns->name)
        add_field(out, ".columns = {.name = %s}", c_string(out->arena, columns->name));
    else if (columns->first != 0)
        add_field(out, ".columns = {.first = %d, .last = %d}", columns->first, columns->last);
}

static void add_augment(Text *out, const NnAugment *augment)
{
    if (augment->shift != 0 && augment->flip)
        add_field(out, ".augment = {.shift = %d, .flip = true}", augment->shift);
    else if (augment->shift != 0)
        add_field(out, ".augment = {.shift = %d}", augment->shift);
    else if (augment->flip)
        add_field(out, ".augment = {.flip = true}");
}

static void emit_input(const Plan *plan, int i, Text *out)
{
    const NnInput *input = &plan->model->inputs[i];
    const int buffer = batch_buffer(plan, input->name);
    begin_row(out);
    add_string_field(out, "name", input->name);
    if (input->classes > 0)
        add_field(out, ".classes = %d", input->classes);
    if (input->rank > 0)
        add_field(out, ".rank = %d", input->rank);
    add_sizes_field(out, "shape", input->shape, input->rank);
    add_field(out, ".elements = %lld", (long long)input->elements);
    if (buffer != NONE)
        add_field(out, ".batch = %s", address(plan, buffer, out->arena));
    add_files(out, input->file);
    const char *table[NN_SETS] = {NULL};
    for (int set = 0; set < NN_SETS; set++)
        table[set] = input->table[set] ? rows_name(i, set, out->arena) : NULL;
    add_sets(out, "table", table);
    add_columns(out, &input->columns);
    if (input->later != 0)
        add_field(out, ".later = %d", input->later);
    add_field(out, ".scale = %s, .mean = %s, .std = %s", double_text(out->arena, input->scale), double_text(out->arena, input->mean),
          double_text(out->arena, input->std));
    if (input->standardize != NN_AS_IS)
        add_field(out, ".standardize = %s", input->standardize == NN_BY_FEATURE ? "NN_BY_FEATURE" : "NN_BY_ALL");
    add_augment(out, &input->augment);
    if (buffer != NONE && plan->buffer[buffer].phases & 1 << PHASE_PREDICT)
        add_field(out, ".predicts = true");
    end_row(out);
}

bool has_data(const Model *model)
{
    return model->data.format && model->input_count > 0;
}

void emit_data(const Plan *plan, Text *out)
{
    emit_rows(plan, out);
    emit_source(&plan->model->data, out);
    text_print(out, "\n/* A value x of the data becomes (x scale - mean) / std. */\n%s NnInput inputs[] = {\n", table_storage(plan));
    for (int i = 0; i < plan->model->input_count; i++)
        emit_input(plan, i, out);
    text_add(out, "};\n");
}
