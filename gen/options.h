/* options.h: from the words of a command line to one struct, by one table; the same table is the text of --help. */
#ifndef NNGEN_OPTIONS_H
#define NNGEN_OPTIONS_H

#include "kernel/kernel.h"
#include "model/read_model.h"

typedef enum CommandId {
    COMMAND_GENERATE, COMMAND_RUN, COMMAND_CHECK, COMMAND_BENCH, COMMAND_EXPLAIN, COMMAND_REPORT, COMMAND_FLAGS, COMMAND_OPS,
    COMMAND_LANGUAGE, COMMAND_NEW, COMMAND_COMPLETION, COMMAND_MAN, COMMAND_ANNOTATIONS, COMMAND_COUNT
} CommandId;

/* --vary name=a,b: an nn.option and the values that it takes in turn. */
typedef struct Variation { const char *name; const char **value; int count; } Variation;

typedef struct Options {
    const char **operand;               /* what is no option: the model, then a name; logs; NULL where there is no more */
    const char *output;                 /* -o; NULL: standard output */
    KernelMode kernels;
    Target target;
    EmitKind emit;
    bool standalone;
    const char *gpu_arch;               /* "sm_90"; NULL: kernels are compiled when the program runs */
    const char *weights;                /* to be embedded; NULL: none */
    ReadOptions read;                   /* --set, --data, --precision, the limits */
    const char **dumps;                 /* "fuse", "graph:dot" */
    int dump_count;
    const char *stop_after;             /* a pass; NULL: all of them */
    const char *html;                   /* explain --html; NULL: lines on standard output */
    bool all_elements;                  /* check --all */
    bool json, kernels_table;           /* bench */
    int threads;                        /* bench; 0: not given */
    char **arguments;                   /* run: what follows --, ended by NULL */
    const char *report;                 /* run --report: the page; NULL: none */
    Variation *vary;                    /* run --vary, in the order in which they were given */
    int vary_count;
} Options;

enum { ANY_NUMBER = 1 << 20 };

typedef int Command(Arena *arena, Options *options);

typedef struct CommandRow {
    const char *name;                   /* "" : the first word is the model */
    Command *run;
    int operands[2];                    /* how many words at least, at most; ANY_NUMBER */
    const char *usage, *what;           /* for a line of --help */
    const char *about;                  /* a paragraph */
    const char *examples;               /* lines, each indented by two */
} CommandRow;
extern const CommandRow commands[COMMAND_COUNT];

/* An option as --help shows it. */
typedef struct ShownOption {
    const char *name, *value;           /* "--kernels", "fused|generic"; value NULL: a plain switch */
    const char *values;                 /* the only ones it takes, by spaces; NULL: any */
    const char *what;
} ShownOption;
/* The next one that a command takes, from *at on, which it moves; false: no more. */
bool next_option(CommandId command, int *at, ShownOption *option);


/* Finds the command and fills `options`. A wrong call ends with status 2 and, where a word is near another, "did you mean".
 * --help and --version print and give NULL. */
Command *read_options(Arena *arena, int argc, char **argv, Options *options);

/* command_flags.c: why there is no --kernels blas here; NULL: there is. */
const char *missing_cblas(void);

/* The call in its shortest form, quoted for a shell, for the header of the emitted program. Absolute paths are left out of it:
 * a text must not tell where it was made. */
const char *canonical_command(Arena *arena, const Options *options);

#endif
