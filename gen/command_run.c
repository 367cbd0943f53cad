/* command_run.c: nngen run, generate, compile (compile.c) and run.
 *
 * The program replaces this process: Ctrl-C, the exit status and the standard streams are its own. With --report or --vary this
 * process waits for it instead (gen/report/run_and_report.c). */
#include "base/text.h"
#include "pipeline.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A text holds no absolute path, so a program of a model that was given by one does not know the folder beside it. */
const char *data_folder(Arena *arena, const Options *options)
{
    const char *model = options->operand[0];
    if (options->read.data_dir || model[0] != '/')
        return options->read.data_dir;
    return arena_print(arena, "%.*s", (int)(strrchr(model, '/') + 1 - model), model);
}

char **program_words(Arena *arena, const Compilation *c, char *const *more)
{
    const Options *options = c->options;
    char **words = NULL;
    int count = 0, room = 0;
    ARENA_PUSH(arena, words, count, room, arena_string(arena, c->model->name));
    const char *data_dir = data_folder(arena, options);
    if (data_dir) {
        ARENA_PUSH(arena, words, count, room, "--data");
        ARENA_PUSH(arena, words, count, room, arena_string(arena, data_dir));
    }
    for (char *const *word = more; word && *word; word++)
        ARENA_PUSH(arena, words, count, room, *word);
    for (char **argument = options->arguments; *argument; argument++)
        ARENA_PUSH(arena, words, count, room, *argument);
    ARENA_PUSH(arena, words, count, room, NULL);
    return words;
}

int command_run(Arena *arena, Options *options)
{
    if (options->report || options->vary_count)
        return run_and_report(arena, options);
    Compilation *c = run_passes(arena, options, NULL);
    const char *program = compiled_program(arena, &c->program);
    char **words = program_words(arena, c, NULL);
    fflush(NULL);
    execv(program, words);
    fail_machine("cannot run %s: %s", quoted(arena, program), strerror(errno));
}
