/* emit_interface.c: the functions that others call: arguments, rows in, rows out, and the header file that declares them.
 *
 * Inputs are taken as the data's files hold them: what the model's data declare (scale, mean, std, standardize) is done inside,
 * by the formula and in the precision of the runtime's readers, so that a row gives the bits that the program gives. Whoever
 * calls needs no second copy of it that could differ.
 *
 * Classes are checked, for they become indices: one that is none gives NaN and reads nothing. */
#include "emit/emit_interface.h"
#include "emit/emit_fields.h"
#include <ctype.h>
#include <string.h>

/* ---- arguments ---- */

static const NnInput *input_of(const Model *model, const char *name)
{
    for (int i = 0; i < model->input_count; i++)
        if (strcmp(model->inputs[i].name, name) == 0)
            return &model->inputs[i];
    bug("input %s has no data", name);
}

/* Off the names that the functions below have for themselves. */
static const char *argument_name(const char *name, Arena *arena)
{
    static const char *const taken[] = {"i", "row", "from", "are_classes", "in_memory"};
    for (size_t t = 0; t < sizeof taken / sizeof *taken; t++)
        if (strcmp(name, taken[t]) == 0)
            return arena_print(arena, "%s_in", name);
    return name;
}

Arguments inputs_of(const Plan *plan, PhaseId phase, Arena *arena)
{
    const Graph *graph = plan->model->graph;
    Arguments inputs = {.list = NEW(arena, Argument, graph->leaf_count + 1)};
    for (int l = 0; l < graph->leaf_count; l++) {
        const Leaf *leaf = &graph->leaves[l];
        const int buffer = plan->buffer_of[leaf->node];
        if (leaf->kind != LEAF_INPUT || buffer == NONE || !(plan->buffer[buffer].phases & 1 << phase))
            continue;
        inputs.list[inputs.count++] = (Argument){
            .name = argument_name(plan->buffer[buffer].name, arena), .type = real_type(plan, plan->buffer[buffer].scalar), .buffer = buffer,
            .elements = element_count(leaf->type), .input = input_of(plan->model, leaf->name), .what = leaf->name};
    }
    return inputs;
}

static bool is_argument(const Arguments *arguments, const char *name)
{
    for (int i = 0; i < arguments->count; i++)
        if (strcmp(arguments->list[i].name, name) == 0)
            return true;
    return false;
}

Arguments outputs_of(const Plan *plan, Arena *arena)
{
    const Model *model = plan->model;
    const Arguments inputs = inputs_of(plan, PHASE_PREDICT, arena);
    Arguments outputs = {.list = NEW(arena, Argument, model->output_count + 1)};
    for (int o = 0; o < model->output_count; o++) {
        const Output *output = &model->phase[PHASE_PREDICT].outputs[o];
        const Type type = model->graph->nodes[output->node].type;
        const char *name = argument_name(identifier(arena, output->name), arena);
        while (is_argument(&inputs, name) || is_argument(&outputs, name))
            name = arena_print(arena, "%s_out", name);
        outputs.list[outputs.count++] = (Argument){.name = name, .type = real_type(plan, type.scalar),
                                                   .buffer = plan->buffer_of[output->node], .elements = element_count(type), .what = output->name};
    }
    return outputs;
}

const char *text_name(const Plan *plan, Arena *arena)
{
    char *name = arena_string(arena, plan->model->name);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c) || (unsigned char)*c > 127)
            *c = '_';
    return isalpha((unsigned char)name[0]) ? name : arena_print(arena, "model_%s", name);
}

static void add_arguments(const Arguments *arguments, bool is_read, Text *out)
{
    for (int i = 0; i < arguments->count; i++)
        text_print(out, "%s%s%s *%s", out->bytes[out->length - 1] == '(' ? "" : ", ", is_read ? "const " : "", arguments->list[i].type,
                   arguments->list[i].name);
}

const char *train_step_prototype(const Plan *plan, Arena *arena)
{
    const Arguments inputs = inputs_of(plan, PHASE_TRAIN, arena);
    Text text = text_new(arena);
    text_print(&text, "%s %s_train_step(void *state", real_type(plan, FLOAT), text_name(plan, arena));
    add_arguments(&inputs, true, &text);
    text_add(&text, inputs.count ? ", int rows)" : ")");
    return text.bytes;
}

const char *predict_prototype(const Plan *plan, Arena *arena)
{
    const Arguments inputs = inputs_of(plan, PHASE_PREDICT, arena), outputs = outputs_of(plan, arena);
    Text text = text_new(arena);
    text_print(&text, "void %s_predict(%s", text_name(plan, arena), plan->model->emit == EMIT_LIBRARY ? "void *state" : "");
    add_arguments(&inputs, true, &text);
    add_arguments(&outputs, false, &text);
    text_add(&text, ")");
    return text.bytes;
}

/* ---- rows in ---- */

static bool is_class(const Argument *argument)
{
    return argument->input && argument->input->classes > 0;
}

static bool has_classes(const Plan *plan, PhaseId phase, Arena *arena)
{
    const Arguments inputs = inputs_of(plan, phase, arena);
    for (int i = 0; i < inputs.count; i++)
        if (is_class(&inputs.list[i]))
            return true;
    return false;
}

void emit_checks(const Plan *plan, Text *out)
{
    if (has_classes(plan, PHASE_TRAIN, out->arena) || has_classes(plan, PHASE_PREDICT, out->arena))
        text_add(out, "\nstatic int are_classes(const int *value, int count, int classes)\n{\n"
                      "    for (int i = 0; i < count; i++)\n"
                      "        if (value[i] < 0 || value[i] >= classes)\n"
                      "            return 0;\n"
                      "    return 1;\n}\n");
}

const char *classes_test(const Plan *plan, PhaseId phase, const char *rows, Arena *arena)
{
    const Arguments inputs = inputs_of(plan, phase, arena);
    Text text = text_new(arena);
    for (int i = 0; i < inputs.count; i++) {
        const Argument *input = &inputs.list[i];
        if (!is_class(input))
            continue;
        text_print(&text, "%sare_classes(%s, ", text.length ? " && " : "", input->name);
        if (strcmp(rows, "1") == 0)
            text_print(&text, "%lld", (long long)input->elements);
        else
            text_print(&text, input->elements == 1 ? "%s" : "%s * %lld", rows, (long long)input->elements);
        text_print(&text, ", %d)", input->input->classes);
    }
    return text.length ? text.bytes : NULL;
}

/* "(x * 0.0625 - 0.5) / 1.0" without what changes nothing; NULL: x itself. */
static const char *conversion(const Argument *argument, const Standard *standard, const char *x, const char *element, Arena *arena)
{
    const NnInput *input = argument->input;
    const char *value = input->scale == 1 ? arena_print(arena, "(double)%s", x)
                                          : arena_print(arena, "(double)%s * %s", x, number(arena, input->scale, true));
    if (standard && standard->period > 1)
        return arena_print(arena, "(%s - mean_of_%s[%s]) / spread_of_%s[%s]", value, argument->name, element, argument->name, element);
    const double mean = standard ? standard->mean[0] : input->mean, spread = standard ? standard->spread[0] : input->std;
    if (input->scale == 1 && mean == 0 && spread == 1)
        return NULL;
    if (mean != 0)
        value = arena_print(arena, mean < 0 ? "(%s + %s)" : "(%s - %s)", value, number(arena, mean < 0 ? -mean : mean, true));
    return spread == 1 ? value : arena_print(arena, "%s / %s", value, number(arena, spread, true));
}

static const Standard *standard_of(const Plan *plan, const Argument *argument)
{
    const Model *model = plan->model;
    const int i = (int)(argument->input - model->inputs);
    return model->standard && model->standard[i].period ? &model->standard[i] : NULL;
}

/* phase: of a text that has no training, prediction; an input that both read is mentioned once. */
static void emit_standard(const Plan *plan, PhaseId phase, Text *out)
{
    const Arguments inputs = inputs_of(plan, phase, out->arena);
    for (int i = 0; i < inputs.count; i++) {
        const Argument *input = &inputs.list[i];
        const Standard *standard = standard_of(plan, input);
        const bool is_mentioned = phase == PHASE_PREDICT && plan->buffer[input->buffer].phases & 1 << PHASE_TRAIN;
        if (!standard || standard->period == 1 || is_mentioned)
            continue;
        text_print(out, "\n/* %s is standardised, as fitted on the training rows. */\n", comment_text(out->arena, input->what));
        emit_doubles(arena_print(out->arena, "mean_of_%s", input->name), standard->mean, standard->period, out);
        emit_doubles(arena_print(out->arena, "spread_of_%s", input->name), standard->spread, standard->period, out);
    }
}

void emit_standards(const Plan *plan, Text *out)
{
    emit_standard(plan, PHASE_TRAIN, out);
    emit_standard(plan, PHASE_PREDICT, out);
}

/* Row `row` of an argument's array in the state: "s->image[row]", "s->image" for the first of them. With the array's own type: a
 * compiler that saw the address of one element would take what follows it for out of bounds. */
static const char *row_start(const Plan *plan, const Argument *argument, const char *row, Arena *arena)
{
    const char *name = plan->buffer[argument->buffer].name;
    return strcmp(row, "0") == 0 ? arena_print(arena, "s->%s", name) : arena_print(arena, "s->%s[%s]", name, row);
}

void emit_take_row(const Plan *plan, PhaseId phase, const char *to, const char *from, int indent, Text *out)
{
    Arena *arena = out->arena;
    const Arguments inputs = inputs_of(plan, phase, arena);
    for (int i = 0; i < inputs.count; i++) {
        const Argument *input = &inputs.list[i];
        const bool first = strcmp(from, "0") == 0;
        const long long elements = (long long)input->elements;
        const char *offset = first ? "" : elements == 1 ? arena_print(arena, " + %s", from) : arena_print(arena, " + %s * %lld", from, elements);
        const char *at = first ? "i" : arena_print(arena, "%s * %lld + i", from, elements);
        const char *value = is_class(input) ? NULL : conversion(input, standard_of(plan, input),
            arena_print(arena, "%s[%s]", input->name, plan->buffer[input->buffer].rank == 1 ? from : at), "i", arena);
        const char *start = row_start(plan, input, to, arena);
        if (elements == 1 && plan->buffer[input->buffer].rank == 1)
            text_print(out, "%*ss->%s[%s] = %s;\n", indent, "", plan->buffer[input->buffer].name, to,
                       value ? arena_print(arena, "(%s)(%s)", input->type, value) : arena_print(arena, "%s[%s]", input->name, from));
        else if (!value)
            text_print(out, "%*smemcpy(%s, %s%s, %lld * sizeof *%s);\n", indent, "", start, input->name, offset, elements, input->name);
        else
            text_print(out, "%*sfor (int i = 0; i < %lld; i++)\n%*s((%s *)%s)[i] = (%s)(%s);\n", indent, "", elements, indent + 4, "",
                       input->type, start, input->type, value);
    }
}

/* ---- prediction ---- */

static void emit_give_outputs(const Plan *plan, Text *out)
{
    const Arguments outputs = outputs_of(plan, out->arena);
    for (int o = 0; o < outputs.count; o++) {
        const Argument *output = &outputs.list[o];
        const char *name = plan->buffer[output->buffer].name;
        if (plan->buffer[output->buffer].rank == 0)
            text_print(out, "    %s[0] = s->%s;\n", output->name, name);
        else
            text_print(out, "    memcpy(%s, s->%s, %lld * sizeof *%s);\n", output->name, name, (long long)output->elements, output->name);
    }
}

static void emit_no_outputs(const Plan *plan, Text *out)
{
    const Arguments outputs = outputs_of(plan, out->arena);
    for (int o = 0; o < outputs.count; o++) {
        const Argument *output = &outputs.list[o];
        text_print(out, "        for (int i = 0; i < %lld; i++)\n            %s[i] = %s;\n", (long long)output->elements, output->name,
                   strcmp(output->type, "int") == 0 ? "-1" : "NAN");
    }
}

void emit_predict_function(const Plan *plan, Text *out)
{
    const bool library = plan->model->emit == EMIT_LIBRARY;
    text_print(out, "\n%s\n{\n", predict_prototype(plan, out->arena));
    text_print(out, "    struct State *s = %s;\n", library ? "in_memory(state)" : "&state");
    const char *test = classes_test(plan, PHASE_PREDICT, "1", out->arena);
    if (test) {
        text_print(out, strstr(test, "&&") ? "    if (!(%s)) {\n" : "    if (!%s) {\n", test);
        emit_no_outputs(plan, out);
        text_add(out, "        return;\n    }\n");
    }
    emit_take_row(plan, PHASE_PREDICT, "0", "0", 4, out);
    text_print(out, "    predict(s, &(const NnStep){.rows = 1%s});\n", library ? ", .t = s->run.step, .seed = s->run.seed" : "");
    emit_give_outputs(plan, out);
    text_add(out, "}\n");
}

/* ---- the header file ---- */

const char *header_path(Arena *arena, const char *output)
{
    return arena_print(arena, "%.*s.h", (int)strlen(output) - 2, output);
}

const char *header_name(const EmitOptions *options, Arena *arena)
{
    const char *slash = options->output ? strrchr(options->output, '/') : NULL;
    return options->output ? header_path(arena, slash ? slash + 1 : options->output) : "model.h";
}

/* "64 floats; data x is used as (x - 0.5) / 1.0" */
static const char *argument_text(const Plan *plan, const Argument *argument, Arena *arena)
{
    Text text = text_new(arena);
    const long long elements = (long long)argument->elements;
    const char *type = strcmp(argument->type, "int") == 0 ? "integer" : argument->type;
    text_print(&text, "%lld %s%s", elements, type, elements == 1 ? "" : "s");
    const Type shape = plan->model->graph->nodes[plan->buffer[argument->buffer].node].type;
    if (shape.rank > 1) {
        text_add(&text, ", ");
        for (int d = 0; d < shape.rank; d++)
            text_print(&text, "%s%lld", d ? " x " : "", (long long)shape.size[d]);
        text_add(&text, ", the last running fastest");
    }
    if (is_class(argument))
        text_print(&text, " in 0..%d", argument->input->classes - 1);
    else if (argument->input && argument->input->standardize != NN_AS_IS)
        text_add(&text, ", as in the data's files; standardised inside");
    else if (argument->input && (argument->input->scale != 1 || argument->input->mean != 0 || argument->input->std != 1))
        text_print(&text, ", as in the data's files; (x %s - %s) / %s is done inside", double_text(arena, argument->input->scale),
                   double_text(arena, argument->input->mean), double_text(arena, argument->input->std));
    return text.bytes;
}

static void add_argument_items(const Plan *plan, const Arguments *arguments, const Arguments *but, Text *out)
{
    for (int i = 0; i < arguments->count; i++)
        if (!but || !is_argument(but, arguments->list[i].name))
            comment_item(out, arguments->list[i].name, argument_text(plan, &arguments->list[i], out->arena));
}

static void emit_load_declarations(const char *name, Text *out)
{
    text_print(out, "\n/* Reads the weights from a safetensors file: what a training program writes with --save, or PyTorch. 0: done; 1: the file is\n"
                    " * not there, damaged, or of another model; 3: no memory. Then the second function says what it was. Tensors that are not needed\n"
                    " * here are ignored. */\n"
                    "int %s_load(const char *path);\nconst char *%s_load_error(void);\n", name, name);
}

static void emit_library_declarations(const Plan *plan, Text *out)
{
    const char *name = text_name(plan, out->arena);
    text_print(out, "\n/* The memory that a model takes: any memory, which stays in its place and is touched by nobody else. */\n"
                    "enum { %s_STATE_BYTES = %lld, %s_BATCH = %lld };\n", name, (long long)library_bytes(plan), name, (long long)plan->model->batch);
    text_print(out, "\n/* The start of training: %sweights by `seed`, the bits that the training program has with --seed (its own is %llu). */\n"
                    "void %s_init(void *state, uint64_t seed);\n", plan->model->has_weights ? "the weights of the text; random numbers, not " : "",
               (unsigned long long)plan->model->seed, name);
    text_add(out, "\n");
    const bool has_inputs = inputs_of(plan, PHASE_TRAIN, out->arena).count > 0;
    comment_line(out, 0, arena_print(out->arena, "A step of training%s; gives the loss before it. A loss that is no finite number changes nothing%s.",
        !has_inputs ? "" : arena_print(out->arena, " on %lld to %lld rows, one after the other in each array", (long long)(plan->model->least_rows > 1 ? plan->model->least_rows : 1), (long long)plan->model->batch),
        !has_inputs ? "" : ", and NAN is the answer to another number of rows or to a class that is none"));
    text_print(out, "%s;\n", train_step_prototype(plan, out->arena));
    if (has_epochs(plan))
        text_print(out, "\n/* An epoch is over: the rate moves by epochs. */\nvoid %s_epoch_done(void *state);\n", name);
}

void emit_c_header(const Plan *plan, const EmitOptions *options, Text *out)
{
    Arena *arena = out->arena;
    const Model *model = plan->model;
    const bool library = model->emit == EMIT_LIBRARY;
    const char *name = text_name(plan, arena);
    const Arguments read = inputs_of(plan, PHASE_PREDICT, arena), written = outputs_of(plan, arena), trained = inputs_of(plan, PHASE_TRAIN, arena);
    char *guard = arena_print(arena, "%s_NNGEN_H", name);
    for (char *c = guard; *c; c++)
        *c = (char)toupper((unsigned char)*c);

    text_print(out, "/* %s: the model of %s as %s; written by nngen.\n *\n", comment_text(arena, header_name(options, arena)),
               comment_text(arena, shown_path(model->path)), library ? "functions to train and use it" : "a function of a row");
    comment_item(out, "generated", escaped(arena, options->command));
    text_add(out, " *\n");
    add_argument_items(plan, library ? &trained : &read, NULL, out);
    if (library)
        add_argument_items(plan, &read, &trained, out);
    add_argument_items(plan, &written, NULL, out);
    comment_end(out);
    text_print(out, "#ifndef %s\n#define %s\n\n%s#ifdef __cplusplus\nextern \"C\" {\n#endif\n", guard, guard,
               library ? "#include <stddef.h>\n#include <stdint.h>\n\n" : "");
    if (library)
        emit_library_declarations(plan, out);
    else if (!model->has_weights)
        emit_load_declarations(name, out);
    if (has_phase(plan, PHASE_PREDICT))
        text_print(out, "\n/* The outputs of one row, as evaluation computes them%s. */\n%s;\n",
                   library ? ""
                   : model->has_weights ? "; the weights are in the text. One thread at a time"
                                        : ". One thread at a time, after the weights are loaded",
                   predict_prototype(plan, arena));
    if (library)
        text_print(out, "\n/* The parameters and running statistics as safetensors, for --init and PyTorch. Gives the bytes that it takes; where `size` is\n"
                        " * less, nothing is written. */\n"
                        "size_t %s_save(const void *state, void *buffer, size_t size);\n", name);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
