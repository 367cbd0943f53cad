/* compile.c: from a program's text to the program, compiling only what was not compiled before.
 *
 * A program is kept in XDG_CACHE_HOME/nngen (or ~/.cache/nngen) in a folder named by a hash of all that decides its bits: the
 * text, the compiler, its flags, the runtime library and the processor (-march=native). The text lies beside the program and is
 * compared, so an accident of the hash costs a compilation and no more. A folder is filled under another name and renamed, so
 * two runs at once do not meet. */
#define _GNU_SOURCE
#include "base/text.h"
#include "pipeline.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
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

/* A folder of ours, with the two files that may be in it. Only what may be called while a signal is handled. */
static char removed_folder[PATH_MAX], removed_text[PATH_MAX], removed_program[PATH_MAX];

static void remove_folder(void)
{
    unlink(removed_text);
    unlink(removed_program);
    rmdir(removed_folder);
}

static void on_end(int number)
{
    remove_folder();
    signal(number, SIG_DFL);
    raise(number);
}

/* From now on the folder goes when this process ends; NULL: no folder does. */
static void remove_at_end(const char *folder)
{
    static bool registered;
    if (!registered)
        registered = atexit(remove_folder) == 0;
    snprintf(removed_folder, sizeof removed_folder, "%s", folder ? folder : "");
    snprintf(removed_text, sizeof removed_text, "%s/program.c", folder ? folder : "");
    snprintf(removed_program, sizeof removed_program, "%s/program", folder ? folder : "");
    if (!folder)
        *removed_text = *removed_program = '\0';
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        void (*own)(int) = folder ? on_end : SIG_DFL, (*before)(int) = signal(ends[i], own);
        if (before != SIG_DFL && before != on_end)            /* somebody wants it ignored */
            signal(ends[i], before);
    }
}

static bool holds(Arena *arena, const char *path, const Text *text)
{
    size_t count;
    const char *bytes = read_file(arena, path, &count);
    return bytes && count == text->length && memcmp(bytes, text->bytes, count) == 0;
}

static bool is_kept(Arena *arena, const char *kept, const Text *text)
{
    return access(arena_print(arena, "%s/program", kept), X_OK) == 0 && holds(arena, arena_print(arena, "%s/program.c", kept), text);
}

/* Moves the fresh folder to where it stays, in place of what may be there. */
static void replace_folder(Arena *arena, const char *fresh, const char *kept)
{
    if (rename(fresh, kept) != 0) {
        unlink(arena_print(arena, "%s/program.c", kept));
        unlink(arena_print(arena, "%s/program", kept));
        rmdir(kept);
        if (rename(fresh, kept) != 0)
            fail_machine("cannot make %s: %s", quoted(arena, kept), strerror(errno));
    }
    remove_at_end(NULL);
}

/* ---- compiling ---- */

static char *absolute(Arena *arena, char *path)
{
    char *real = realpath(path, NULL), *copy = arena_string(arena, real ? real : path);
    free(real);
    return copy;
}

/* $CC (or cc), which may hold flags of its own, then where the text and the program are, then nngen's flags. */
static char **compiler_command(Arena *arena)
{
    const char *compiler = getenv("CC");
    if (!compiler || strspn(compiler, " ") == strlen(compiler))
        compiler = "cc";
    char **command = NULL;
    int count = 0, room = 0;
    for (char *word, *rest = arena_string(arena, compiler); (word = strsep(&rest, " "));)
        if (*word) {
            char *found = count == 0 && strchr(word, '/') ? absolute(arena, word) : word;       /* it runs in another folder */
            ARENA_PUSH(arena, command, count, room, found);
        }
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
    if (WIFSIGNALED(status))
        fail_machine("the compiler %s was ended by signal %d", quoted(arena, command[0]), WTERMSIG(status));
    if (status != 0) {
        const char *failed = arena_print(arena, "%.*s/failed", (int)(strrchr(folder, '/') - folder), folder);
        replace_folder(arena, folder, failed);
        fail_machine("%s could not compile the program; it is kept in %s/program.c\n"
                     "  if its messages above point into that text, please report it together with the model",
                     quoted(arena, command[0]), escaped(arena, failed));
    }
}

const char *compiled_program(Arena *arena, const Text *text)
{
    char **command = compiler_command(arena);
    const char *folder = cache_folder(arena);
    const char *kept = arena_print(arena, "%s/%s", folder, cache_key(arena, text->bytes, command));
    const char *program = arena_print(arena, "%s/program", kept);
    if (is_kept(arena, kept, text))
        return program;

    char *fresh = arena_print(arena, "%s/new-XXXXXX", folder);
    if (!mkdtemp(fresh))
        fail_machine("cannot make a folder in %s: %s", quoted(arena, folder), strerror(errno));
    remove_at_end(fresh);
    write_file(arena_print(arena, "%s/program.c", fresh), text->bytes, text->length);
    compile(arena, fresh, command);
    if (!is_kept(arena, kept, text))                    /* or somebody else has just made it */
        replace_folder(arena, fresh, kept);             /* what is there is damaged, or of another text with this key */
    else
        remove_folder();
    return program;
}
