/* options.c: the command line. See options.h.
 *
 * One row an option: reading, refusing and --help all go by the rows. */
#include "options.h"
#include "base/text.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum OptionId {
    OPTION_OUTPUT, OPTION_TARGET, OPTION_KERNELS, OPTION_PRECISION, OPTION_DATA, OPTION_SET, OPTION_MEMORY_LIMIT,
    OPTION_INSTRUCTION_LIMIT, OPTION_DUMP, OPTION_STOP_AFTER, OPTION_ALL, OPTION_GPU_ARCH, OPTION_WEIGHTS, OPTION_STANDALONE,
    OPTION_EMIT, OPTION_HTML, OPTION_REPORT, OPTION_VARY, OPTION_JSON, OPTION_KERNELS_TABLE, OPTION_THREADS,
    OPTION_HELP, OPTION_VERSION
} OptionId;

#define BIT(COMMAND) (1u << COMMAND_##COMMAND)
enum {
    READS_MODEL = BIT(GENERATE) | BIT(RUN) | BIT(CHECK) | BIT(EXPLAIN) | BIT(BENCH),
    MAKES_TEXT = BIT(GENERATE) | BIT(RUN) | BIT(EXPLAIN),
    EVERY_COMMAND = (1u << COMMAND_COUNT) - 1
};

typedef struct OptionRow {
    OptionId id;
    const char *name, *value;           /* value NULL: a plain switch */
    unsigned commands;
    const char *values;                 /* the only ones it takes, by spaces; NULL: any */
    const char *what;
} OptionRow;

enum { MOST_THREADS = 1024 };

static const OptionRow rows[] = {
    {OPTION_OUTPUT, "-o", "FILE", BIT(GENERATE) | BIT(REPORT), NULL, "write there instead of to standard output"},
    {OPTION_TARGET, "--target", "c|cuda", MAKES_TEXT | BIT(BENCH), "c cuda",
     "plain C (the default), or C with CUDA kernels, compiled when the program runs"},
    {OPTION_KERNELS, "--kernels", "fused|generic|blas", MAKES_TEXT, "fused generic blas",
     "specialised kernels (fused, the default), one plain loop nest an\noperation, or those with products by CBLAS"},
    {OPTION_PRECISION, "--precision", "f32|f64|tf32|bf16", MAKES_TEXT | BIT(BENCH), "f32 f64 tf32 bf16",
     "f32, f64; tf32, bf16: f32 whose products round their factors, for a\nGPU's tensor cores, with --target cuda; instead of the model's"},
    {OPTION_DATA, "--data", "DIR", READS_MODEL, NULL, "where data files are looked up first"},
    {OPTION_SET, "--set", "name=value", READS_MODEL, NULL, "give an nn.option of the model a value; may be repeated"},
    {OPTION_ALL, "--all", NULL, BIT(CHECK), NULL, "every element of every parameter, not 200 of each"},
    {OPTION_MEMORY_LIMIT, "--memory-limit", "BYTES", READS_MODEL, NULL, "of the model's Lua (1 GiB unless given)"},
    {OPTION_INSTRUCTION_LIMIT, "--instruction-limit", "N", READS_MODEL, NULL, "of the model's Lua (1e9 unless given)"},
    {OPTION_DUMP, "--dump", "PASS,...", BIT(GENERATE), NULL,
     "print what a pass left: a line a node or kernel; graph:dot for Graphviz, math for formulas;\n"
     "the program itself is then written only with -o"},
    {OPTION_STOP_AFTER, "--stop-after", "PASS", BIT(GENERATE), NULL, "end there, without a program"},
    {OPTION_GPU_ARCH, "--gpu-arch", "sm_XY", BIT(GENERATE) | BIT(RUN), NULL,
     "compile the kernels now, for GPUs of this kind, into the text (sm_90: H100); with --target cuda"},
    {OPTION_WEIGHTS, "--weights", "F", BIT(GENERATE), NULL, "put these weights (safetensors) into the text; with --emit predict or library"},
    {OPTION_STANDALONE, "--standalone", NULL, BIT(GENERATE), NULL,
     "one file that needs a C compiler and libm: what it uses of the runtime is in it;\na program reads plain IDX, NPY, safetensors, CSV, tables and text: x.gz finds x"},
    {OPTION_EMIT, "--emit", "KIND", BIT(GENERATE), "program predict library",
     "program (the default); predict: a function that computes the outputs of a row, and its header;\n"
     "library: init, train_step, predict and save for your own program, without files or allocation"},
    {OPTION_HTML, "--html", "F", BIT(EXPLAIN), NULL, "write a page there: the model beside the program, formulas, the graph"},
    {OPTION_REPORT, "--report", "F", BIT(RUN), NULL, "write a page of the run there, and its log beside it"},
    {OPTION_VARY, "--vary", "name=a,b", BIT(RUN), NULL, "a run for each value of an nn.option; may be repeated"},
    {OPTION_JSON, "--json", NULL, BIT(BENCH), NULL, "one JSON object instead of tables"},
    {OPTION_KERNELS_TABLE, "--kernels-table", NULL, BIT(BENCH), NULL,
     "each kernel of the fused program: time, FLOP, bytes, share, and\nwhat bounds it, multiply-adds or memory"},
    {OPTION_THREADS, "--threads", "N", BIT(BENCH), NULL, "of each program (1 unless given)"},
    {OPTION_HELP, "--help", NULL, EVERY_COMMAND, NULL, "this text"},
    {OPTION_VERSION, "--version", NULL, BIT(GENERATE), NULL, "print the version"},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows };

/* ---- help ---- */

bool next_option(CommandId command, int *at, ShownOption *option)
{
    while (*at < ROW_COUNT) {
        const OptionRow *row = &rows[(*at)++];
        if (row->commands & 1u << command && row->what) {
            *option = (ShownOption){row->name, row->value, row->values, row->what};
            return true;
        }
    }
    return false;
}

/* Filled to a terminal's width. */
static void add_paragraph(Text *out, const char *words)
{
    for (size_t length; *(words += strspn(words, " ")); words += length) {
        length = strcspn(words, " ");
        const size_t column = text_column(out);
        text_print(out, "%s%.*s", column == 0 ? "" : column + length + 1 > 80 ? "\n" : " ", (int)length, words);
    }
    text_add(out, "\n");
}

static void add_options(Text *out, CommandId command)
{
    text_add(out, "\noptions:\n");
    ShownOption option, *row = &option;
    for (int at = 0; next_option(command, &at, &option);) {
        text_print(out, "  %s%s%s", row->name, !row->value ? "" : row->name[1] == '-' ? "=" : " ", row->value ? row->value : "");
        for (const char *line = row->what; *line;) {
            size_t length = strcspn(line, "\n");
            if (text_column(out) > 27)
                text_add(out, "\n");
            text_pad(out, 28);
            text_print(out, "%.*s\n", (int)length, line);
            line += length + (line[length] == '\n');
        }
    }
}

static void print_help(Arena *arena, CommandId command)
{
    Text out = text_new(arena);
    if (command == COMMAND_GENERATE) {
        text_add(&out, "nngen reads a neural network written in Lua and writes the C program that trains it.\n\nusage:\n");
        for (int i = 0; i < COMMAND_COUNT; i++) {
            if (!commands[i].run)
                continue;
            text_print(&out, "  nngen %s%s%s", commands[i].name, *commands[i].name ? " " : "", commands[i].usage);
            text_pad(&out, 37);
            text_print(&out, " %s\n", commands[i].what);
        }
        text_add(&out, "  nngen COMMAND --help                more about a command\n");
    } else {
        text_print(&out, "usage: nngen %s %s\n\n", commands[command].name, commands[command].usage);
        add_paragraph(&out, commands[command].about);
    }
    add_options(&out, command);
    text_print(&out, "\nexamples:\n%s", commands[command].examples);
    if (command == COMMAND_GENERATE)
        text_add(&out, "\nexit status: 0 done, 1 the model or the input is wrong, 2 the call is wrong,\n"
                       "             3 the machine lacks something, 70 a fault of nngen\n");
    write_file(NULL, out.bytes, out.length);
}

/* ---- reading ---- */

static bool has_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; at && *at; at += strspn(at, " ")) {
        size_t next = strcspn(at, " ");
        if (next == length && memcmp(at, word, length) == 0)
            return true;
        at += next;
    }
    return false;
}

static const char *did_you_mean(Arena *arena, const char *word, const char *const *words, int count)
{
    const char *near = nearest(word, words, count);
    return near ? arena_print(arena, " (did you mean %s?)", near) : "";
}

static CommandId find_command(Arena *arena, int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-')
        return COMMAND_GENERATE;
    const char *names[COMMAND_COUNT];
    for (int i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
        if (strcmp(argv[1], names[i]) == 0)
            return (CommandId)i;
    }
    /* Neither a command nor like a file: more likely a slip in a command's name than a model. */
    const char *near = nearest(argv[1], names, COMMAND_COUNT);
    FILE *file = near && !strpbrk(argv[1], "./") ? fopen(argv[1], "r") : NULL;
    if (near && !strpbrk(argv[1], "./") && !file)
        fail_call("there is no command %s (did you mean %s?)\n  nngen --help lists the commands", quoted(arena, argv[1]), near);
    if (file)
        fclose(file);
    return COMMAND_GENERATE;
}

static const OptionRow *find_option(Arena *arena, const char *name, CommandId command)
{
    const char *names[ROW_COUNT];
    int count = 0;
    for (int i = 0; i < ROW_COUNT; i++) {
        bool taken = rows[i].commands & 1u << command;
        if (strcmp(rows[i].name, name) == 0) {
            if (taken)
                return &rows[i];
            const char *whose = *commands[command].name ? commands[command].name : "MODEL.lua";
            fail_call("'nngen %s' takes no %s\n  nngen %s%s--help lists what it takes", whose, name, commands[command].name,
                      *commands[command].name ? " " : "");
        }
        if (taken)
            names[count++] = rows[i].name;
    }
    fail_call("there is no option %s%s\n  nngen %s%s--help lists the options", quoted(arena, name),
              did_you_mean(arena, name, names, count), commands[command].name, *commands[command].name ? " " : "");
}

static int64_t positive_integer(Arena *arena, const OptionRow *row, const char *value)
{
    char *end;
    errno = 0;
    long long n = strtoll(value, &end, 10);
    bool digits = strspn(value, "0123456789") == strlen(value);
    if (!digits || *end || end == value || errno || n < 1)
        fail_call("%s needs a whole number from 1, not %s", row->name, quoted(arena, value));
    return n;
}

static const char *const kernel_word[] = {[KERNELS_FUSED] = "fused", [KERNELS_GENERIC] = "generic", [KERNELS_BLAS] = "blas"};

static KernelMode kernel_mode(const char *word)
{
    KernelMode mode = KERNELS_FUSED;
    while (strcmp(kernel_word[mode], word) != 0)        /* check_value has seen that it is one of them */
        mode++;
    if (mode == KERNELS_BLAS && missing_cblas())
        fail_machine("--kernels blas: %s", missing_cblas());
    return mode;
}

static int64_t at_most(const OptionRow *row, int64_t value, int64_t most)
{
    if (value > most)
        fail_call("%s takes at most %lld", row->name, (long long)most);
    return value;
}

static void add_setting(Arena *arena, Options *options, int *room, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!equals || equals == value)
        fail_call("--set needs name=value, not %s", quoted(arena, value));
    const char *name = arena_print(arena, "%.*s", (int)(equals - value), value);
    ReadOptions *read = &options->read;
    for (int i = 0; i < read->setting_count; i++)
        if (strcmp(read->settings[i].name, name) == 0) {
            read->settings[i].value = equals + 1;       /* the last one counts */
            return;
        }
    ARENA_PUSH(arena, read->settings, read->setting_count, *room, (Setting){name, equals + 1, false});
}

static Variation read_variation(Arena *arena, const char *word)
{
    const char *equals = strchr(word, '=');
    if (!equals || equals == word || !equals[1])
        fail_call("--vary needs name=value,value, not %s", quoted(arena, word));
    Variation vary = {.name = arena_print(arena, "%.*s", (int)(equals - word), word)};
    int room = 0;
    for (char *value, *rest = arena_string(arena, equals + 1); (value = strsep(&rest, ","));)
        ARENA_PUSH(arena, vary.value, vary.count, room, value);
    return vary;
}

static void check_value(Arena *arena, const OptionRow *row, const char *value)
{
    if (row->values && !has_word(row->values, value))
        fail_call("%s takes %s, not %s", row->name, row->value, quoted(arena, value));
    if (value && !*value && row->id != OPTION_SET)
        fail_call("%s needs a value: %s %s", row->name, row->name, row->value);
}

/* The value that stands with the option (--set=a=1, -oF) or is the next word; moves *i to the last word used. */
static const char *option_value(Arena *arena, const OptionRow *row, const char *attached, int argc, char **argv, int *i)
{
    if (!row->value) {
        if (attached)
            fail_call("%s takes no value, but got %s", row->name, quoted(arena, attached));
        return NULL;
    }
    if (attached)
        return attached;
    if (*i + 1 >= argc)
        fail_call("%s needs a value: %s %s", row->name, row->name, row->value);
    return argv[++*i];
}

/* A call that is being read: what it says so far, and room in the lists of its words. */
typedef struct Reading {
    Arena *arena;
    CommandId command;
    Options *options;
    int operands, setting_room, dump_room, vary_room;
} Reading;

static void take_operand(Reading *r, const char *word)
{
    const CommandRow *own = &commands[r->command];
    const char *space = *own->name ? " " : "";
    if (!*word)
        fail_call("an empty word stands where a name belongs: the call is 'nngen %s%s%s'", own->name, space, own->usage);
    if (r->operands == own->operands[1])
        fail_call("there is nothing to do with %s: the call is 'nngen %s%s%s'", quoted(r->arena, word), own->name, space, own->usage);
    r->options->operand[r->operands++] = word;
}

static void require_operands(const Reading *r)
{
    const CommandRow *own = &commands[r->command];
    const char *space = *own->name ? " " : "";
    if (r->operands < own->operands[0])
        fail_call("what is missing is a %s: the call is 'nngen %s%s%s'\n  nngen %s%s--help shows examples",
                  r->command == COMMAND_NEW ? "name" : r->command == COMMAND_REPORT ? "log" : "model", own->name, space, own->usage, own->name, space);
}

/* --set=a=1 is --set with a=1; -oF is -o with F; -h is --help. NULL: no value is attached. */
static const char *option_name(Arena *arena, const char *word, const char **attached)
{
    *attached = NULL;
    if (strcmp(word, "-h") == 0)
        return "--help";
    if (word[1] == '-' && strchr(word, '=')) {
        *attached = strchr(word, '=') + 1;
        return arena_print(arena, "%.*s", (int)(*attached - 1 - word), word);
    }
    if (word[1] == 'o' && word[2]) {
        *attached = word + 2;
        return "-o";
    }
    return word;
}

static EmitKind emit_kind(const char *word)
{
    return strcmp(word, "predict") == 0 ? EMIT_PREDICT : strcmp(word, "library") == 0 ? EMIT_LIBRARY : EMIT_PROGRAM;
}

static void set_option(Reading *r, const OptionRow *row, const char *value)
{
    Arena *arena = r->arena;
    Options *options = r->options;
    switch (row->id) {
    case OPTION_OUTPUT: options->output = strcmp(value, "-") == 0 ? NULL : value; break;
    case OPTION_KERNELS: options->kernels = kernel_mode(value); break;
    case OPTION_TARGET: options->target = strcmp(value, "cuda") == 0 ? TARGET_CUDA : TARGET_C; break;
    case OPTION_PRECISION: options->read.precision = value; break;
    case OPTION_DATA: options->read.data_dir = value; break;
    case OPTION_SET: add_setting(arena, options, &r->setting_room, value); break;
    case OPTION_ALL: options->all_elements = true; break;
    case OPTION_MEMORY_LIMIT: options->read.memory_limit = positive_integer(arena, row, value); break;
    case OPTION_INSTRUCTION_LIMIT: options->read.instruction_limit = positive_integer(arena, row, value); break;
    case OPTION_DUMP:
        for (char *dump, *rest = arena_string(arena, value); (dump = strsep(&rest, ","));)
            ARENA_PUSH(arena, options->dumps, options->dump_count, r->dump_room, dump);
        break;
    case OPTION_HTML: options->html = value; break;
    case OPTION_REPORT: options->report = value; break;
    case OPTION_VARY: ARENA_PUSH(arena, options->vary, options->vary_count, r->vary_room, read_variation(arena, value)); break;
    case OPTION_STOP_AFTER: options->stop_after = value; break;
    case OPTION_JSON: options->json = true; break;
    case OPTION_KERNELS_TABLE: options->kernels_table = true; break;
    case OPTION_THREADS: options->threads = (int)at_most(row, positive_integer(arena, row, value), MOST_THREADS); break;
    case OPTION_EMIT: options->emit = emit_kind(value); break;
    case OPTION_WEIGHTS: options->weights = value; break;
    case OPTION_STANDALONE: options->standalone = true; break;
    case OPTION_GPU_ARCH: options->gpu_arch = value; break;
    case OPTION_HELP: case OPTION_VERSION: break;       /* they end the call */
    }
}

/* Options that do not go together. */
static void check_together(Arena *arena, const Options *options)
{
    if (options->standalone && options->kernels == KERNELS_BLAS)
        fail_call("--standalone needs no library: without --kernels blas");
    if (options->standalone && options->target == TARGET_CUDA)
        fail_call("--standalone is one file of C: without --target cuda");
    if (options->gpu_arch && options->target != TARGET_CUDA)
        fail_call("--gpu-arch goes with --target cuda");
    if (options->gpu_arch && (strncmp(options->gpu_arch, "sm_", 3) != 0 || strspn(options->gpu_arch + 3, "0123456789") < 2))
        fail_call("--gpu-arch takes the name of an architecture such as sm_90, not %s", quoted(arena, options->gpu_arch));
    if (options->target == TARGET_C && options->read.precision && (!strcmp(options->read.precision, "tf32") || !strcmp(options->read.precision, "bf16")))
        fail_call("--precision %s is for a GPU's tensor cores: it goes with --target cuda", options->read.precision);
    if (options->weights && options->emit == EMIT_PROGRAM)
        fail_call("--weights goes with --emit predict or library\n  a program takes them when it runs: --init %s", escaped(arena, options->weights));
    if (options->target == TARGET_CUDA && options->kernels == KERNELS_BLAS)
        fail_call("--kernels blas is for C programs: CBLAS runs on processors");
    if (options->emit != EMIT_PROGRAM && options->target == TARGET_CUDA)
        fail_call("--emit predict and library are C functions: without --target cuda");
    if (options->emit != EMIT_PROGRAM && options->kernels == KERNELS_BLAS)
        fail_call("--emit predict and library need no library: without --kernels blas");
}

Command *read_options(Arena *arena, int argc, char **argv, Options *options)
{
    Reading reading = {.arena = arena, .command = find_command(arena, argc, argv), .options = options};
    const CommandId command = reading.command;
    *options = (Options){.arguments = &argv[argc]};
    options->operand = NEW(arena, const char *, argc + 2);
    for (int i = command == COMMAND_GENERATE ? 1 : 2; i < argc; i++) {
        const char *word = argv[i], *attached;
        if (strcmp(word, "--") == 0) {
            options->arguments = &argv[i + 1];
            if (command != COMMAND_RUN && argv[i + 1])
                fail_call("only 'nngen run' takes something after --");
            break;
        }
        if (word[0] != '-' || word[1] == '\0') {
            take_operand(&reading, word);
            continue;
        }
        const OptionRow *row = find_option(arena, option_name(arena, word, &attached), command);
        const char *value = option_value(arena, row, attached, argc, argv, &i);
        check_value(arena, row, value);
        if (row->id == OPTION_HELP) {
            print_help(arena, command);
            return NULL;
        }
        if (row->id == OPTION_VERSION) {
            write_file(NULL, "nngen " NNGEN_VERSION "\n", strlen("nngen " NNGEN_VERSION "\n"));
            return NULL;
        }
        set_option(&reading, row, value);
    }
    check_together(arena, options);
    require_operands(&reading);
    return commands[command].run;
}

/* ---- the call, for the header of the program ---- */

static void add_word(Text *out, const char *prefix, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
    text_print(out, " %s", prefix);
    if (*word && strspn(word, plain) == strlen(word)) {
        text_add(out, word);
        return;
    }
    text_add(out, "'");
    for (; *word; word++)
        text_print(out, *word == '\'' ? "'\\''" : "%c", *word);
    text_add(out, "'");
}

static const char *without_root(const char *path)
{
    return path[0] == '/' ? strrchr(path, '/') + 1 : path;
}

const char *canonical_command(Arena *arena, const Options *options)
{
    Text out = text_new(arena);
    text_add(&out, "nngen");
    add_word(&out, "", without_root(options->operand[0]));
    if (options->target == TARGET_CUDA)
        text_add(&out, " --target cuda");
    if (options->kernels != KERNELS_FUSED)
        text_print(&out, " --kernels %s", kernel_word[options->kernels]);
    if (options->emit != EMIT_PROGRAM)
        text_print(&out, " --emit %s", options->emit == EMIT_PREDICT ? "predict" : "library");
    if (options->standalone)
        text_add(&out, " --standalone");
    if (options->gpu_arch)
        text_print(&out, " --gpu-arch %s", options->gpu_arch);
    if (options->weights)
        add_word(&out, "--weights ", without_root(options->weights));
    if (options->read.precision)
        text_print(&out, " --precision %s", options->read.precision);
    for (int i = 0; i < options->read.setting_count; i++)
        add_word(&out, "--set ", arena_print(arena, "%s=%s", options->read.settings[i].name, options->read.settings[i].value));
    if (options->read.data_dir && options->read.data_dir[0] != '/')
        add_word(&out, "--data ", options->read.data_dir);
    if (options->output)
        add_word(&out, "-o ", without_root(options->output));
    return out.bytes;
}
