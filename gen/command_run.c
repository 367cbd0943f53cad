/* command_run.c: nngen run, generate, compile and run, compiling only what was not compiled before.
 *
 * A program is kept in XDG_CACHE_HOME/nngen (or ~/.cache/nngen) in a folder named by a hash of all that decides its bits: the
 * text, the compiler, its flags, the runtime library and the processor (-march=native). The text lies beside the program and is
 * compared, so an accident of the hash costs a compilation and no more. A folder is filled under another name and renamed, so
 * two runs at once do not meet.
 *
 * The program replaces this process: Ctrl-C, the exit status and the standard streams are its own. */
#define _GNU_SOURCE
#include "base/text.h"
#include "pipeline.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- the key ---- */

/* FNV-1a, 64 bits. */
static uint64_t hash_string(uint64_t hash, const char *string)
{
    for (; *string; string++)
        hash = (hash ^ (unsigned char)*string) * 0x100000001b3;
    return (hash ^ 0xff) * 0x100000001b3;               /* the end counts: "ab", "c" is not "a", "bc" */
}

static uint64_t hash_file_state(uint64_t hash, Arena *arena, const char *path)
{
    struct stat status;
    if (stat(path, &status) != 0)
        return hash;
    return hash_string(hash, arena_print(arena, "%s %lld %lld.%ld", path, (long long)status.st_size,
                                         (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
}

static const char *find_in_path(Arena *arena, const char *program)
{
    if (strchr(program, '/'))
        return program;
    const char *path = getenv("PATH");
    for (char *folder, *rest = arena_string(arena, path ? path : "/usr/bin:/bin"); (folder = strsep(&rest, ":"));) {
        const char *file = arena_print(arena, "%s/%s", *folder ? folder : ".", program);
        if (access(file, X_OK) == 0)
            return file;
    }
    fail_machine("there is no compiler %s: install one (Debian: gcc), or name another in the variable CC", quoted(arena, program));
}

/* The lines of /proc/cpuinfo that say what -march=native means. */
static uint64_t hash_processor(uint64_t hash, Arena *arena)
{
    size_t count;
    char *all = read_file(arena, "/proc/cpuinfo", &count);
    char *end = all ? strstr(all, "\n\n") : NULL;       /* of the first processor */
    if (end)
        *end = '\0';
    for (char *line; all && (line = strsep(&all, "\n"));)
        if (!strncmp(line, "model name", 10) || !strncmp(line, "flags", 5) || !strncmp(line, "Features", 8))
            hash = hash_string(hash, line);
    return hash;
}

static const char *cache_key(Arena *arena, const char *text, char *const *command)
{
    uint64_t hash = hash_string(0xcbf29ce484222325, text);
    hash = hash_file_state(hash, arena, realpath(find_in_path(arena, command[0]), NULL));
    for (char *const *word = command; *word; word++) {
        hash = hash_string(hash, *word);
        if (strstr(*word, ".a"))
            hash = hash_file_state(hash, arena, *word);
    }
    return arena_print(arena, "%016" PRIx64, hash_processor(hash, arena));
}

/* ---- the cache ---- */

static void make_folder(Arena *arena, const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        fail_machine("cannot make the folder %s: %s", quoted(arena, path), strerror(errno));
}

static const char *cache_folder(Arena *arena)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (!cache || cache[0] != '/') {                    /* the specification has relative ones ignored */
        if (!home || !*home)
            fail_machine("there is no place to keep compiled programs: set XDG_CACHE_HOME or HOME");
        cache = arena_print(arena, "%s/.cache", home);
    }
    make_folder(arena, cache);
    const char *folder = arena_print(arena, "%s/nngen", cache);
    make_folder(arena, folder);
    return folder;
}

static bool holds(Arena *arena, const char *path, const Text *text)
{
    size_t count;
    const char *bytes = read_file(arena, path, &count);
    return bytes && count == text->length && memcmp(bytes, text->bytes, count) == 0;
}

/* ---- compiling ---- */

/* $CC (or cc), which may hold flags of its own, then where the text and the program are, then nngen's flags. */
static char **compiler_command(Arena *arena)
{
    const char *compiler = getenv("CC");
    if (!compiler || strspn(compiler, " ") == strlen(compiler))
        compiler = "cc";
    char **command = NULL;
    int count = 0, room = 0;
    for (char *word, *rest = arena_string(arena, compiler); (word = strsep(&rest, " "));)
        if (*word)
            ARENA_PUSH(arena, command, count, room, word);
    ARENA_PUSH(arena, command, count, room, "program.c");
    for (const char *const *flag = compile_flags(arena); *flag; flag++)
        ARENA_PUSH(arena, command, count, room, arena_string(arena, *flag));
    ARENA_PUSH(arena, command, count, room, "-o");
    ARENA_PUSH(arena, command, count, room, "program");
    ARENA_PUSH(arena, command, count, room, NULL);
    return command;
}

static void compile(Arena *arena, const char *folder, char *const *command)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "compiling with %s ...", command[0]);
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        fail_machine("cannot start the compiler %s: %s", quoted(arena, command[0]), strerror(errno));
    if (child == 0) {
        if (chdir(folder) == 0)
            execvp(command[0], command);
        fprintf(stderr, "nngen: error: cannot start the compiler %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            fail_machine("cannot wait for the compiler: %s", strerror(errno));
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
    if (status != 0)
        fail_machine("%s could not compile the program; it is kept in %s/program.c\n"
                     "  if its messages above point into that text, please report it together with the model",
                     quoted(arena, command[0]), escaped(arena, folder));
}

static const char *compiled_program(Arena *arena, const Text *text)
{
    char **command = compiler_command(arena);
    const char *folder = cache_folder(arena);
    const char *kept = arena_print(arena, "%s/%s", folder, cache_key(arena, text->bytes, command));
    const char *program = arena_print(arena, "%s/program", kept);
    if (access(program, X_OK) == 0 && holds(arena, arena_print(arena, "%s.c", program), text))
        return program;

    char *fresh = arena_print(arena, "%s/new-XXXXXX", folder);
    if (!mkdtemp(fresh))
        fail_machine("cannot make a folder in %s: %s", quoted(arena, folder), strerror(errno));
    write_file(arena_print(arena, "%s/program.c", fresh), text->bytes, text->length);
    compile(arena, fresh, command);
    if (rename(fresh, kept) == 0)
        return program;
    return arena_print(arena, "%s/program", fresh);     /* somebody else has just made it, or another text has this key */
}

/* A text holds no absolute path, so a program of a model that was given by one does not know the folder beside it. */
static const char *data_folder(Arena *arena, const Options *options)
{
    const char *model = options->operand[0];
    if (options->read.data_dir || model[0] != '/')
        return options->read.data_dir;
    return arena_print(arena, "%.*s", (int)(strrchr(model, '/') + 1 - model), model);
}

int command_run(Arena *arena, Options *options)
{
    Compilation *c = run_passes(arena, options, NULL);
    const char *program = compiled_program(arena, &c->program);

    char **words = NULL;
    int count = 0, room = 0;
    ARENA_PUSH(arena, words, count, room, arena_string(arena, c->model->name));
    const char *data_dir = data_folder(arena, options);
    if (data_dir) {
        ARENA_PUSH(arena, words, count, room, "--data");
        ARENA_PUSH(arena, words, count, room, arena_string(arena, data_dir));
    }
    for (char **argument = options->arguments; *argument; argument++)
        ARENA_PUSH(arena, words, count, room, *argument);
    ARENA_PUSH(arena, words, count, room, NULL);
    fflush(NULL);
    execv(program, words);
    fail_machine("cannot run %s: %s", quoted(arena, program), strerror(errno));
}
