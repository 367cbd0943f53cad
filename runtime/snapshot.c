/* snapshot.c: --snapshot-every N: what the program knows at a step, for pictures: beside --save a file of the parameters, in
 * --log one line that holds all that a report draws of it:
 *
 *   {"event":"snapshot","step":20,"file":"digits.step20.safetensors","model":"models/digits.lua",
 *    "input":{"name":"pixels","shape":[64]},
 *    "parameters":{"fc1.weight":{"shape":[80,64],"values":[…]}, …},            row-major, as PyTorch has it
 *    "rows":{"x":[[1.5,2],…],"label":[0,…]},
 *    "grid":{"features":[1,2],"from":[-1,-1],"to":[3,3],"counts":[61,61],"outputs":{"probability":{"shape":[3],"values":[…]}}}}
 *
 * "input" is the one input of floats that the outputs hang on, if it is one alone. Where one or two of its features vary among the
 * training rows (a column of ones does not), the line also has these rows and the outputs on a grid over them, the first feature
 * running slowest: a curve or a boundary can be drawn from it. Numbers are as the network sees them, scaled and standardised.
 *
 * With nn.sweep there is a line for each copy, with its value. Nothing is allocated for a line; the grid goes through the batch in
 * the state, which the next step fills anew, so what is computed is the same with snapshots and without. */
#include "json.h"
#include "run.h"
#include "source.h"
#include "target.h"
#include "walk.h"

#include <string.h>

enum {
    MOST_ROWS = 1000,                   /* that are shown, the first ones */
    MOST_ELEMENTS = 131072,             /* of a parameter: 128 images of 28 x 28 and more; larger ones are in the file alone */
    MOST_FEATURES = 64,                 /* of an input that may vary in two of them only */
    CURVE = 201, SIDE = 61              /* points of a grid over one feature, over each of two */
};

/* ---- which input, and which of its features vary ---- */

static int shown_input(const NnProgram *program)
{
    int found = -1;
    for (int i = 0; i < program->input_count; i++) {
        const NnInput *input = &program->inputs[i];
        if (!input->predicts)
            continue;
        if (found >= 0 || input->classes || !input->batch)
            return -1;
        found = i;
    }
    return found;
}

typedef struct Grid {
    int input;
    int feature[2], count;              /* those that vary, if they are one or two; count 0: there is no grid */
    double from[2], to[2];
    double fixed[MOST_FEATURES];        /* values of the others */
} Grid;

static int64_t shown_rows(const NnRun *run)
{
    int64_t rows = nn_dataset_rows(run->dataset, NN_TRAIN);
    return rows < MOST_ROWS ? rows : MOST_ROWS;
}

/* Row `row` of an input, converted, at the head of its batch. */
static const void *row_in_batch(const NnRun *run, int input, int64_t row)
{
    nn_dataset_row(run->dataset, NN_TRAIN, input, row, run->program->precision == NN_F64, run->program->inputs[input].batch);
    return run->program->inputs[input].batch;
}

static Grid find_grid(const NnRun *run)
{
    const NnProgram *program = run->program;
    Grid grid = {.input = shown_input(program)};
    if (grid.input < 0 || !run->has_data || !nn_can_predict(run) || program->inputs[grid.input].elements > MOST_FEATURES)
        return grid;
    const int features = (int)program->inputs[grid.input].elements;
    double least[MOST_FEATURES], most[MOST_FEATURES];
    for (int64_t r = 0; r < shown_rows(run); r++) {
        const void *row = row_in_batch(run, grid.input, r);
        for (int f = 0; f < features; f++) {
            double value = nn_get_real(row, f, program->precision);
            least[f] = r == 0 || value < least[f] ? value : least[f];
            most[f] = r == 0 || value > most[f] ? value : most[f];
        }
    }
    int varying = 0;
    for (int f = 0; f < features; f++) {
        grid.fixed[f] = least[f];
        if (least[f] == most[f])
            continue;
        if (varying < 2) {
            const double margin = 0.05 * (most[f] - least[f]);
            grid.feature[varying] = f;
            grid.from[varying] = least[f] - margin;
            grid.to[varying] = most[f] + margin;
        }
        varying++;
    }
    grid.count = varying <= 2 ? varying : 0;
    return grid;
}

/* ---- the line ---- */

static void write_key(FILE *out, const char *before, const char *name)
{
    fputs(before, out);
    nn_json_string(out, name);
    fputc(':', out);
}

static void shape(FILE *out, int rank, const int64_t *sizes)
{
    fputs("\"shape\":[", out);
    for (int d = 0; d < rank; d++)
        fprintf(out, "%s%lld", d ? "," : "", (long long)sizes[d]);
    fputc(']', out);
}

static void write_parameters(const NnRun *run, FILE *out)
{
    const NnProgram *program = run->program;
    const char *before = "";
    fputs(",\"parameters\":{", out);
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        const int64_t count = nn_element_count(tensor->rank, tensor->shape);
        if (tensor->kind != NN_PARAMETER || count > MOST_ELEMENTS)
            continue;
        write_key(out, before, tensor->name);
        before = ",";
        fputc('{', out);
        shape(out, tensor->rank, tensor->shape);
        fputs(",\"values\":[", out);
        NnWalk walk = {.rank = tensor->rank, .shape = tensor->shape, .stride = tensor->stride};
        for (int64_t e = 0; e < count; e++, nn_walk_on(&walk)) {
            fputs(e ? "," : "", out);
            nn_json_number(out, nn_get_real(tensor->data, walk.offset, program->precision), program->precision);
        }
        fputs("]}", out);
    }
    fputc('}', out);
}

/* A row of an input: a number where it has one element. */
static void write_row(const NnProgram *program, const NnInput *input, const void *row, FILE *out)
{
    const bool is_list = input->elements != 1;
    fputs(is_list ? "[" : "", out);
    for (int64_t e = 0; e < input->elements; e++) {
        fputs(e ? "," : "", out);
        if (input->classes)
            fprintf(out, "%d", ((const int32_t *)row)[e]);
        else
            nn_json_number(out, nn_get_real(row, e, program->precision), program->precision);
    }
    fputs(is_list ? "]" : "", out);
}

static void write_rows(const NnRun *run, FILE *out)
{
    const NnProgram *program = run->program;
    const char *before = "";
    fputs(",\"rows\":{", out);
    for (int i = 0; i < program->input_count; i++) {
        if (!program->inputs[i].batch || program->inputs[i].elements > MOST_FEATURES)
            continue;
        write_key(out, before, program->inputs[i].name);
        before = ",";
        fputc('[', out);
        for (int64_t r = 0; r < shown_rows(run); r++) {
            fputs(r ? "," : "", out);
            write_row(program, &program->inputs[i], row_in_batch(run, i, r), out);
        }
        fputc(']', out);
    }
    fputc('}', out);
}

static double grid_value(const Grid *grid, int which, int at, int count)
{
    return grid->from[which] + (grid->to[which] - grid->from[which]) * at / (count - 1);
}

/* The points [first, first + rows) of the grid into the batch; what is left of it repeats the first of them. */
static void fill_grid(const NnProgram *program, const Grid *grid, int64_t first, int rows)
{
    const NnInput *input = &program->inputs[grid->input];
    for (int b = 0; b < program->batch; b++) {
        const int64_t point = first + (b < rows ? b : 0);
        for (int f = 0; f < (int)input->elements; f++)
            nn_set_real(input->batch, b * input->elements + f, grid->fixed[f], program->precision);
        for (int v = 0; v < grid->count; v++) {
            const int at = grid->count == 1 ? (int)point : v == 0 ? (int)(point / SIDE) : (int)(point % SIDE);
            nn_set_real(input->batch, b * input->elements + grid->feature[v], grid_value(grid, v, at, grid->count == 1 ? CURVE : SIDE),
                        program->precision);
        }
    }
}

static void write_output(NnRun *run, const Grid *grid, const NnOutput *output, FILE *out)
{
    const NnProgram *program = run->program;
    const int64_t points = grid->count == 1 ? CURVE : SIDE * SIDE, width = nn_element_count(output->rank, output->shape);
    fputc('{', out);
    shape(out, output->rank, output->shape);
    fputs(",\"values\":[", out);
    for (int64_t first = 0; first < points; first += program->batch) {
        NnStep step = run->current;
        step.rows = points - first < program->batch ? (int)(points - first) : program->batch;
        step.t = run->step;
        step.swept = nn_swept_value(run);
        fill_grid(program, grid, first, step.rows);
        nn_predict_given(run, &step);
        for (int64_t e = 0; e < step.rows * width; e++) {
            fputs(first || e ? "," : "", out);
            if (output->integer)
                fprintf(out, "%d", ((const int32_t *)output->data)[e]);
            else
                nn_json_number(out, nn_get_real(output->data, e, program->precision), program->precision);
        }
    }
    fputs("]}", out);
}

static void write_grid(NnRun *run, const Grid *grid, FILE *out)
{
    const NnProgram *program = run->program;
    const bool is_plane = grid->count == 2;
    const char *before = "";
    fprintf(out, is_plane ? ",\"grid\":{\"features\":[%d,%d]" : ",\"grid\":{\"features\":[%d]", grid->feature[0] + 1, grid->feature[1] + 1);
    for (int end = 0; end < 2; end++) {
        fputs(end ? ",\"to\":[" : ",\"from\":[", out);
        for (int v = 0; v < grid->count; v++) {
            fputs(v ? "," : "", out);
            nn_json_number(out, end ? grid->to[v] : grid->from[v], NN_F64);
        }
        fputc(']', out);
    }
    fprintf(out, is_plane ? ",\"counts\":[%d,%d],\"outputs\":{" : ",\"counts\":[%d],\"outputs\":{", is_plane ? SIDE : CURVE, SIDE);
    for (int i = 0; i < program->output_count; i++) {
        if (!program->outputs[i].per_row || nn_element_count(program->outputs[i].rank, program->outputs[i].shape) > MOST_FEATURES)
            continue;
        write_key(out, before, program->outputs[i].name);
        before = ",";
        write_output(run, grid, &program->outputs[i], out);
    }
    fputs("}}", out);
}

static void write_line(NnRun *run, const Grid *grid, const char *file, FILE *out)
{
    const NnProgram *program = run->program;
    nn_log_begin_snapshot(run, file);
    write_key(out, ",", "model");
    nn_json_string(out, program->model);
    if (grid->input >= 0) {
        const NnInput *input = &program->inputs[grid->input];
        write_key(out, ",\"input\":{", "name");
        nn_json_string(out, input->name);
        fputc(',', out);
        shape(out, input->rank, input->shape);
        fputc('}', out);
    }
    write_parameters(run, out);
    if (grid->count > 0) {
        write_rows(run, out);
        write_grid(run, grid, out);
    }
    nn_log_end_snapshot(run);
}

void nn_snapshot(NnRun *run, bool is_last)
{
    const char *file = run->flags.save && !is_last ? nn_save_snapshot(run) : NULL;
    if (!run->log)
        return;
    nn_pull_state(run);
    const Grid grid = find_grid(run);
    for (int c = 0; c < nn_copy_count(run->program); c++) {
        nn_take_copy(run, c);
        write_line(run, &grid, file, run->log);
    }
    run->holds_epoch = false;                                 /* its batch is not there any more */
}
