/* emit_header.c: the comment that an emitted program opens with.
 *
 * What it is, how it was made, compiled and run; the model, how it is trained, its parameters, what a step costs, the memory
 * plan, and the conventions that the functions below keep. All of it follows from the model and the command line. */
#include "emit/emit_interface.h"
#include "base/text.h"
#include <math.h>
#include <string.h>

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *shown_path(const char *path)
{
    return path[0] == '/' ? base_name(path) : path;
}

const char *place_text(Arena *arena, Place place)
{
    return place.line > 0 ? arena_print(arena, "%s:%d", base_name(place.file), place.line) : base_name(place.file);
}

/* "mnist_train.c" */
static const char *file_name(const Plan *plan, const EmitOptions *options, Arena *arena)
{
    return options->output ? base_name(options->output) : arena_print(arena, "%s.c", plan->model->name);
}

static const char *without_ending(Arena *arena, const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && dot > name ? arena_print(arena, "%.*s", (int)(dot - name), name) : arena_print(arena, "%s.out", name);
}

static void emit_commands(const Plan *plan, const EmitOptions *options, Text *out)
{
    const Model *model = plan->model;
    const char *file = escaped(out->arena, file_name(plan, options, out->arena)), *program = without_ending(out->arena, file);
    const bool has_files = model->data.format && model->data.format != &nn_table;
    comment_item(out, "generated", escaped(out->arena, options->command));
    if (model->emit != EMIT_PROGRAM) {
        comment_item(out, "compile", arena_print(out->arena, options->standalone ? "cc -O2 YOURS.c %s -lm -o YOURS" : "cc YOURS.c %s $(nngen flags) -o YOURS", file));
        comment_item(out, "use", arena_print(out->arena, "#include \"%s\", which says what to call", escaped(out->arena, header_name(options, out->arena))));
        return;
    }
    comment_item(out, "compile", arena_print(out->arena, options->standalone ? "cc -O2 %s -lm -o %s" : "cc %s $(nngen flags) -o %s", file, program));
    if (plan->mode == KERNELS_BLAS)
        comment_item(out, "links", "a CBLAS, which nngen flags has from where nngen was built; any other will do in its place (-lopenblas, -lblis)");
    comment_item(out, "run", arena_print(out->arena, "./%s%s    (--help lists the flags)", program, has_files ? " --data DIR" : ""));
}

/* ---- training ---- */

static const char *optimizer_text(const Model *model, Arena *arena)
{
    const Optimizer *optimizer = &model->optimizer;
    Text text = text_new(arena);
    text_add(&text, optimizer->name);
    if (optimizer->lr != 0)
        text_print(&text, ", lr %s", number(arena, optimizer->lr, true));
    for (int i = 0; i < optimizer->option_count; i++) {
        const double value = optimizer->option[i].value;
        text_print(&text, ", %s%s%s", optimizer->option[i].name, isnan(value) ? "" : " ", isnan(value) ? "" : number(arena, value, true));
    }
    return text.bytes;
}

static const char *training_text(const Model *model, Arena *arena)
{
    Text text = text_new(arena);
    text_add(&text, optimizer_text(model, arena));
    if (model->sweep.count)
        text_print(&text, "; %d copies, one for each value of %s", model->sweep.count, model->sweep.name);
    if (model->schedule)
        text_print(&text, "; rate: %s", schedule_text(model->schedule, arena));
    if (model->clip_norm > 0)
        text_print(&text, ", clip_norm %s", number(arena, model->clip_norm, true));
    if (model->clip_value > 0)
        text_print(&text, ", clip_value %s", number(arena, model->clip_value, true));
    if (model->data.format)
        text_print(&text, "; batches of %lld %s%s", (long long)model->batch, model->batch == 1 ? "row" : "rows",
                   model->batch_all ? ", all there are" : "");
    if (model->steps > 0)
        text_print(&text, "; %s %s", grouped(arena, model->steps), model->steps == 1 ? "step" : "steps");
    else
        text_print(&text, "; %s %s", grouped(arena, model->epochs), model->epochs == 1 ? "epoch" : "epochs");
    text_print(&text, "; seed %llu; %s", (unsigned long long)model->seed, model_precision(model));
    if (model->products != PRODUCTS_FULL)
        text_add(&text, " (f32 but for the factors of products by tensor cores)");
    return text.bytes;
}

static const char *options_text(const Model *model, Arena *arena)
{
    Text text = text_new(arena);
    for (int i = 0; i < model->option_count; i++)
        text_print(&text, "%s%s = %s", i ? ", " : "", model->options[i].name, model->options[i].value);
    return text.bytes;
}

static const char *parameters_text(const Model *model, Arena *arena)
{
    const Graph *graph = model->graph;
    int64_t total = 0;
    Text text = text_new(arena);
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        if (leaf->kind != LEAF_PARAMETER)
            continue;
        const int64_t count = element_count(leaf->type);
        total += count;
        text_print(&text, "%s%s %s", text.length ? ", " : "", leaf->name, grouped(arena, count));
    }
    return text.length ? arena_print(arena, "%s:  %s", grouped(arena, total), text.bytes) : "";
}

/* ---- one step ---- */

static const char *flop_text(Arena *arena, int64_t flop, const char **unit, double *scale)
{
    static const struct { const char *unit; double scale; } units[] = {{"GFLOP", 1e9}, {"MFLOP", 1e6}, {"kFLOP", 1e3}};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if ((double)flop >= units[i].scale) {
            *unit = units[i].unit;
            *scale = units[i].scale;
            return arena_print(arena, "%.2f", (double)flop / *scale);
        }
    *unit = "FLOP";
    *scale = 1;
    return arena_print(arena, "%lld", (long long)flop);
}

static const char *step_text(const Plan *plan, Arena *arena)
{
    const Role *role = roles(plan, arena);
    int64_t flop[METRIC_ROLE + 1] = {0}, total = 0;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        flop[role[k]] += plan->kernel[PHASE_TRAIN][k].flop;
        total += plan->kernel[PHASE_TRAIN][k].flop;
    }
    const char *unit;
    double scale;
    Text text = text_new(arena);
    const char *sum = flop_text(arena, total, &unit, &scale), *separator = ": ";
    text_print(&text, "%s %s", sum, unit);
    for (Role r = FORWARD_ROLE; r <= METRIC_ROLE; r++) {
        if (flop[r] == 0)
            continue;
        const double share = (double)flop[r] / scale;
        text_print(&text, "%s%s ", separator, role_title(plan, role, r));
        if (scale > 1 && share < 0.001)
            text_add(&text, "under 0.001");
        else
            text_print(&text, scale == 1 ? "%.0f" : share < 0.1 ? "%.2g" : "%.2f", share);
        separator = "; ";
    }
    return text.bytes;
}

/* ---- conventions ---- */

static bool has_other_layout(const Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++)
        for (int d = 0; d < plan->buffer[b].rank; d++)
            if (plan->buffer[b].order[d] != d || plan->buffer[b].pad || plan->buffer[b].border)
                return true;
    return false;
}

static bool has_rows(const Plan *plan)
{
    for (int b = 0; b < plan->buffer_count; b++)
        if (plan->model->graph->nodes[plan->buffer[b].node].type.per_row)
            return true;
    return false;
}

/* Is there a condition, "[b < rows]", in a formula? Indices have no spaces. */
static bool has_condition(const char *program)
{
    for (const char *open = program; (open = strchr(open, '[')); open++) {
        const size_t length = strcspn(open, "]\n");
        for (size_t i = 1; i + 1 < length; i++)
            if (open[i - 1] == ' ' && strchr("<>=!", open[i]))
                return true;
    }
    return false;
}

static void emit_conventions(const Plan *plan, const char *program, Text *out)
{
    Text text = text_new(out->arena);
    text_add(&text, "Conventions. ");
    if (has_rows(plan))
        text_add(&text, "b counts the rows of the batch. ");
    if (plan->model->kind == MODEL_TRAIN)
        text_add(&text, "d_x is d loss / d x. A kernel sets what it computes (=); only updates change what is there. ");
    if (has_condition(program))
        text_add(&text, "In formulas [condition] is 1 where it holds, else 0. ");
    if (has_rows(plan) && plan->model->kind == MODEL_TRAIN && plan->model->batch > 1)
        text_add(&text, "A batch of fewer rows than BATCH is filled up with copies of its first row, which weigh nothing in the loss and "
                        "so nothing in any gradient. ");
    text_add(&text, has_other_layout(plan) ? "Arrays lie as PyTorch's tensors do; where one does not, struct State says so. "
                                           : "Arrays lie as PyTorch's tensors do, the last index running fastest. ");
    text_add(&text, plan->model->emit == EMIT_LIBRARY ? "The state is the caller's memory; nothing is allocated." :
                    is_state_allocated(plan) ? "The state is allocated once, when main begins; nothing is in a step."
                                             : "The state is static; nothing is allocated in a step.");
    if (uses_name(program, "NN_KERNEL"))
        text_add(&text, " NN_KERNEL is static; its definition says what else.");
    comment_paragraph(out, text.bytes);
}

/* What the text has of core.h's words, a line each. */
static void emit_words(const EmitOptions *options, const char *program, Text *out)
{
    static const char *const words[][2] = {
        {"NN_CORE", "a tile's sums of products, in registers, in one order on every processor: tile[r][c] = sum of A B"},
        {"NN_LINES", "the same for a tile of several lines of an image"},
        {"NN_DOT", "the same where both factors lie along the fold: partial sums side by side, then added in pairs"},
        {"NN_DOTS", "sums of products of a larger tile where both factors lie along the fold: by partial sums, too"},
        {"NN_WIDE", "1, or 2 where the processor's registers are twice as wide: tiles have more rows or columns there"},
        {"NN_PANELS", "copies a factor to where tiles read it one after the other"},
        {"NN_TURNED_PANELS", "copies a factor that lies along the fold to where tiles read it, turned"},
        {"NN_SIDE", "copies the other factor for the rows of a tile"},
        {"NN_SIDES", "copies the other factor for the rows of all tiles"},
        {"NN_FETCH", "asks memory for what an update will change"},
        {"NN_ADD_RUN", "NN_ADD_RUN(to, f, from, n): to[k] += f from[k] for n neighbours"},
        {"NN_ADD_RUNS", "NN_ADD_RUNS(to, d, r, n, loops, f, from, e): to[d i + k] += f from[e i + k] for i < r, k < n, in registers"},
        {"NN_ZERO", "sets an array to 0"},
        {"NN_SUM", "a sum over an axis, up to 64 at a time"},
        {"NN_ROW_SUM", "the same for rows side by side"},
        {"NN_LARGEST", "the largest along an axis"},
        {"NN_ADD_LANES", "adds up partial sums, in pairs"},
        {"NN_FOLD", "NN_FOLD(k, n): for (int k = 0; k < n; k++), unrolled"},
        {"NN_PART", "NN_PART(k, end): for (int k = k0; k < end; k++), unrolled"},
        {"NN_AHEAD", "NN_AHEAD(k, from, to, ahead, step): for (int k = from; k < to; k++), asking memory for what is at ahead, and step on"},
        {"NN_ODD_AHEAD", "the same, of a number of steps that is no multiple of eight"},
        {"NN_SIMD", "the rounds of this loop are independent: several at a time"},
        {"NN_SIMD_SUMS", "the same around sums that grow"},
        {"NN_ROLLED", "not unrolled"},
        {"NN_LEAST", "the lesser of two"},
        {"NN_SHARED", "threads share the rounds of this loop"},
        {"NN_SHARED_ON", "the same, each going on without the others"},
        {"NN_THREADS", "all threads run this kernel"},
    };
    const char *row[sizeof words / sizeof *words * 2];
    int count = 0;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (uses_name(program, words[i][0])) {
            row[2 * count] = words[i][0];
            row[2 * count++ + 1] = words[i][1];
        }
    if (count == 0)
        return;
    comment_paragraph(out, options->standalone ? "Words of the part of the runtime that is below:" : "Words of nngen/core.h:");
    comment_table(out, row, count, 2, (const Column[]){LEFT, FOLDED});
}

void emit_header(const Plan *plan, const EmitOptions *options, const char *program, Text *out)
{
    const Model *model = plan->model;
    const bool train = model->kind == MODEL_TRAIN;
    static const char *const what_it_does[][2] = {
        [EMIT_PROGRAM] = {"evaluates the expressions of", "trains the model of"},
        [EMIT_PREDICT] = {"computes the outputs of the model of", NULL},
        [EMIT_LIBRARY] = {NULL, "functions that train and use the model of"},
    };
    Arena *arena = out->arena;
    text_print(out, "/* %s: %s %s; written by nngen, meant to be read.\n *\n", comment_text(arena, file_name(plan, options, arena)),
               what_it_does[model->emit][train], comment_text(arena, base_name(model->path)));
    emit_commands(plan, options, out);
    text_add(out, " *\n");
    comment_item(out, "model", model_text(model, arena));
    if (train)
        comment_item(out, "training", training_text(model, arena));
    comment_item(out, "options", options_text(model, arena));
    comment_item(out, "parameters", parameters_text(model, arena));
    if (train)
        comment_item(out, "one step", step_text(plan, arena));
    text_add(out, " *\n");
    emit_memory_plan(plan, out);
    text_add(out, " *\n");
    emit_conventions(plan, program, out);
    emit_words(options, program, out);
    comment_end(out);
}
