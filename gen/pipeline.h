/* pipeline.h: what a compilation carries from pass to pass. The pass table itself is in main.c. */
#ifndef NNGEN_PIPELINE_H
#define NNGEN_PIPELINE_H

#include "emit/emit.h"
#include "options.h"

typedef struct Compilation {
    Arena *arena;
    Options *options;
    Script *script;                     /* from read_model until the updates are built */
    bool with_laps;                     /* the clock is read behind every kernel of a step */
    Model *model;                       /* from read_model on */
    Plan *plan;                         /* from fuse on */
    Text program;                       /* from emit_program on */
    Text header;                        /* that declares the functions of a predictor or a library */
    Text dump;                          /* what --dump asked for, by pass */
} Compilation;

/* Runs the passes in order, to the one named `last` inclusive (NULL: all of them), each followed by its check. What is wrong
 * with the model ends the process; so does what is wrong with us. */
Compilation *run_passes(Arena *arena, Options *options, const char *last);

/* An output that names the model would replace it: refused. output NULL: there is none. */
void refuse_overwriting(Arena *arena, const char *option, const char *output, const char *model);

/* Goes on from the graph that `read` ended with (run_passes up to "keep") to another program of the same model. */
Compilation *compilation_with(const Compilation *read, KernelMode kernels, Target target, bool with_laps);

/* The other commands. */
Command command_generate, command_run, command_bench, command_check, command_explain, command_report, command_flags, command_ops, command_language,
        command_new, command_completion, command_man, command_annotations;

/* compile.c: the program's path, compiled now or before. */
const char *compiled_program(Arena *arena, const Text *text);

/* command_run.c: what a program of the model is told as --data; NULL: nothing. */
const char *data_folder(Arena *arena, const Options *options);

/* The words that it is called with: the model's name, --data where it is needed, `more` (NULL: none), what stood after --. */
char **program_words(Arena *arena, const Compilation *c, char *const *more);
int run_and_report(Arena *arena, Options *options);           /* report/run_and_report.c: nngen run with --report or --vary */

/* command_flags.c: what a compiler needs after the source file, one argument an entry, ended by NULL. */
const char *const *compile_flags(Arena *arena);

#endif
