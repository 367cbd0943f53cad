/* main.c: the whole pipeline, and the commands over it.
 *
 * A model goes through the table of passes from top to bottom. A pass sees the stage it works on and no other pass; what it
 * needs, keeps and breaks stands at the top of its file. After each pass the driver checks the stage's invariants, so a fault
 * shows where it was made, and dumps the stage if asked to.
 *
 * Nothing is written before the last pass is through: a failure leaves neither half a file nor half an answer. */
#include "base/text.h"
#include "graph/passes.h"
#include "pipeline.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* ---- the passes ---- */

static void read(Compilation *c)
{
    c->model = read_model(c->arena, c->options->operand[0], &c->options->read, &c->script);
    if (c->model->products != PRODUCTS_FULL && c->options->target == TARGET_C)
        fail_at((Place){c->model->path, 0}, "precision %s rounds the factors of products for a GPU's tensor cores: it goes with --target cuda\n"
                "  --precision f32 is the same model in full precision", model_precision(c->model));
}

static void gradients(Compilation *c)
{
    if (c->model->kind == MODEL_TRAIN)
        differentiate_model(c->model);
}

static void update(Compilation *c)
{
    if (c->model->kind == MODEL_TRAIN)
        build_updates(c->script, c->model);
    close_script(c->script);
}

static void rewrite(Compilation *c)        { simplify(c->model); }
static void split_by_mode(Compilation *c)  { specialise(c->model); }
static void keep_what_is_asked(Compilation *c)
{
    keep_for(c->model, c->options->emit, c->options->standalone);
    if (c->options->weights)
        embed_weights(c->model, c->options->weights);
    if (c->options->emit != EMIT_PROGRAM)
        fit_inputs(c->model, c->options->read.data_dir);
}

static void order_products(Compilation *c)
{
    if (c->options->kernels == KERNELS_FUSED)
        c->model = associate(c->model);
}

static void make_kernels(Compilation *c)   { c->plan = fuse(c->arena, c->model, c->options->kernels, c->options->target); }
static void shape_kernels(Compilation *c)  { schedule(c->plan); }
static void place_buffers(Compilation *c)  { plan_memory(c->plan); }

static void print_program(Compilation *c)
{
    Options check = *c->options;
    check.kernels = KERNELS_GENERIC;
    check.target = TARGET_C;
    check.gpu_arch = NULL;
    check.read.precision = "f64";
    check.output = arena_print(c->arena, "%s_check.c", c->model->name);
    EmitOptions options = {
        .command = canonical_command(c->arena, c->options),
        .check_command = canonical_command(c->arena, &check),
        .output = c->options->output,
        .gpu_arch = c->options->gpu_arch,
        .with_laps = c->with_laps,
        .standalone = c->options->standalone,
        .can_check_gradients = c->model->precision == F64 && c->options->kernels == KERNELS_GENERIC
                            && c->options->target == TARGET_C && c->options->emit == EMIT_PROGRAM,
    };
    emit_program(c->plan, &options, &c->program, &c->header);
}

typedef enum StageKind { GRAPH, KERNELS, PROGRAM } StageKind;

static const struct Pass {
    const char *name;
    void (*run)(Compilation *);
    StageKind gives;
} passes[] = {
    {"read",          read,          GRAPH},        /* the script runs: the forward graph, the data, how to train */
    {"differentiate", gradients,     GRAPH},        /* the gradients of the loss, as nodes */
    {"update",        update,        GRAPH},        /* the optimizer's rules, as nodes; the script is closed */
    {"simplify",      rewrite,       GRAPH},        /* equal nodes are one, constants fold, what no root needs goes */
    {"specialise",    split_by_mode, GRAPH},        /* a list of roots each for training, evaluation, prediction */
    {"keep",          keep_what_is_asked, GRAPH},   /* a predictor, a library: only what their functions compute */
    {"associate",     order_products, GRAPH},       /* fused kernels: products of products in the order that costs least */
    {"fuse",          make_kernels,  KERNELS},      /* which operations share loops */
    {"schedule",      shape_kernels, KERNELS},      /* forms, layouts, names, costs */
    {"plan_memory",   place_buffers, KERNELS},      /* which buffers share memory */
    {"emit",          print_program, PROGRAM},      /* the text */
};
enum { PASS_COUNT = sizeof passes / sizeof *passes };

/* ---- the driver ---- */

static int find_pass(Arena *arena, const char *option, const char *name)
{
    const char *names[PASS_COUNT];
    Text all = text_new(arena);
    for (int i = 0; i < PASS_COUNT; i++) {
        if (strcmp(passes[i].name, name) == 0)
            return i;
        names[i] = passes[i].name;
        text_print(&all, " %s", names[i]);
    }
    const char *near = nearest(name, names, PASS_COUNT);
    fail_call("%s: there is no pass %s%s%s%s\n  the passes are%s", option, quoted(arena, name), near ? " (did you mean " : "",
              near ? near : "", near ? "?)" : "", all.bytes);
}

/* PASS, PASS:dot, or one of two short names: graph, the graph that kernels are made of, and math, its formulas. */
typedef struct Dump { int pass; enum { LINES, DOT, MATH } form; } Dump;

static Dump read_dump(Arena *arena, const char *word)
{
    size_t length = strcspn(word, ":");
    const char *name = arena_print(arena, "%.*s", (int)length, word), *form = word[length] ? &word[length + 1] : NULL;
    Dump dump = {.form = LINES};
    if (strcmp(word, "math") == 0)
        return (Dump){find_pass(arena, "--dump", "simplify"), MATH};
    dump.pass = find_pass(arena, "--dump", strcmp(name, "graph") == 0 ? "specialise" : name);
    if (form && (strcmp(form, "dot") != 0 || passes[dump.pass].gives != GRAPH))
        fail_call("--dump=%s: only graphs have another form, as in --dump=graph:dot", escaped(arena, word));
    dump.form = form ? DOT : LINES;
    return dump;
}

static void check_stage(const Compilation *c, const struct Pass *pass)
{
    if (pass->gives == GRAPH) {
        check_graph(c->model->graph, pass->name);
        check_model(c->model, pass->name);
    } else if (pass->gives == KERNELS) {
        check_plan(c->plan, pass->name);
    }
}

static void dump_stage(Compilation *c, int pass, bool with_title)
{
    for (int i = 0; i < c->options->dump_count; i++) {
        Dump dump = read_dump(c->arena, c->options->dumps[i]);
        if (dump.pass != pass)
            continue;
        if (with_title)
            text_print(&c->dump, "%s# %s\n", c->dump.length ? "\n" : "", c->options->dumps[i]);
        if (dump.form == MATH)
            dump_math(c->model, &c->dump);
        else if (dump.form == DOT)
            dump_dot(c->model, &c->dump);
        else if (passes[pass].gives == GRAPH)
            dump_graph(c->model, &c->dump);
        else if (passes[pass].gives == KERNELS)
            dump_kernels(c->plan, &c->dump);
        else
            text_add_bytes(&c->dump, c->program.bytes, c->program.length);
    }
}

static void run_from(Compilation *c, int first, const char *last)
{
    for (int i = first; i < PASS_COUNT; i++) {
        passes[i].run(c);
        check_stage(c, &passes[i]);
        dump_stage(c, i, c->options->dump_count > 1);
        if (last && strcmp(last, passes[i].name) == 0)
            break;
    }
}

Compilation *run_passes(Arena *arena, Options *options, const char *last)
{
    Compilation *c = NEW(arena, Compilation, 1);
    *c = (Compilation){.arena = arena, .options = options, .program = text_new(arena), .header = text_new(arena), .dump = text_new(arena)};
    run_from(c, 0, last);
    return c;
}

Compilation *compilation_with(const Compilation *read, KernelMode kernels, Target target, bool with_laps)
{
    Compilation *c = NEW(read->arena, Compilation, 1);
    *c = *read;
    c->options = NEW(read->arena, Options, 1);
    *c->options = *read->options;
    c->options->kernels = kernels;
    c->options->target = target;
    c->with_laps = with_laps;
    c->program = text_new(read->arena);
    c->header = text_new(read->arena);
    run_from(c, find_pass(read->arena, "", "associate"), NULL);
    return c;
}

/* ---- nngen MODEL.lua ---- */

void refuse_overwriting(Arena *arena, const char *option, const char *output, const char *model)
{
    struct stat of_model, of_output;
    if (output && stat(model, &of_model) == 0 && stat(output, &of_output) == 0 && of_model.st_dev == of_output.st_dev &&
        of_model.st_ino == of_output.st_ino)
        fail_call("%s %s names the model itself", option, escaped(arena, output));
}

/* The header first: where there is a text there is its header. */
static void write_program(Arena *arena, const Compilation *c)
{
    if (c->options->emit != EMIT_PROGRAM)
        write_file(header_path(arena, c->options->output), c->header.bytes, c->header.length);
    write_file(c->options->output, c->program.bytes, c->program.length);
}

static void check_output(const Options *options)
{
    if (options->emit == EMIT_PROGRAM || (!options->output && options->dump_count))
        return;
    const char *kind = options->emit == EMIT_PREDICT ? "predict" : "library";
    if (!options->output)
        fail_call("--emit %s writes two files, a C file and its header: it needs -o NAME.c", kind);
    const size_t length = strlen(options->output);
    if (length < 3 || strcmp(options->output + length - 2, ".c") != 0 || options->output[length - 3] == '/')
        fail_call("--emit %s writes NAME.c and NAME.h: -o must end in .c", kind);
}

int command_generate(Arena *arena, Options *options)
{
    refuse_overwriting(arena, "-o", options->output, options->operand[0]);
    check_output(options);
    int last = options->stop_after ? find_pass(arena, "--stop-after", options->stop_after) : PASS_COUNT - 1;
    for (int i = 0; i < options->dump_count; i++)
        if (read_dump(arena, options->dumps[i]).pass > last)
            fail_call("--dump=%s comes after --stop-after=%s", escaped(arena, options->dumps[i]), options->stop_after);

    if (last < PASS_COUNT - 1 && (options->output || options->dump_count == 0))
        warn_at((Place){NULL, 0}, "--stop-after=%s ends before a program is there: nothing is written%s", options->stop_after,
                options->dump_count ? "" : "; --dump=PASS prints a stage");

    Compilation *c = run_passes(arena, options, options->stop_after);
    write_file(NULL, c->dump.bytes, c->dump.length);
    if (last == PASS_COUNT - 1 && (options->output || options->dump_count == 0))
        write_program(arena, c);
    return STATUS_DONE;
}

int main(int argc, char **argv)
{
    signal(SIGXFSZ, SIG_IGN);           /* a file that grew too long is an error to report, not a death that leaves half of it */
    Arena *arena = arena_new();
    Options options;
    Command *command = read_options(arena, argc, argv, &options);
    int status = command ? command(arena, &options) : STATUS_DONE;
    arena_free(arena);
    return status;
}
