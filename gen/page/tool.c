/* tool.c: calls a program of the system, Graphviz or gnuplot, and gives back what it wrote.
 *
 * Both streams are temporary files without a name: nothing has to be read while something is written, and nothing is left. */
#define _GNU_SOURCE
#include "page/page.h"
#include "base/fail.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static FILE *temporary(void)
{
    FILE *file = tmpfile();
    if (!file)
        fail_machine("cannot make a temporary file: %s", strerror(errno));
    return file;
}

static const char *contents(Arena *arena, FILE *file)
{
    long length = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    char *bytes = arena_alloc(arena, (size_t)(length > 0 ? length : 0) + 1);
    rewind(file);
    if (length < 0 || fread(bytes, 1, (size_t)length, file) != (size_t)length)
        fail_machine("cannot read a temporary file: %s", strerror(errno));
    return bytes;
}

static const char *first_line(Arena *arena, const char *text)
{
    text += strspn(text, " \n\t");
    return arena_print(arena, "%.*s", (int)strcspn(text, "\n"), text);
}

enum { CANNOT_START = 127 };

const char *run_tool(Arena *arena, const char *const *argv, const char *input, const char **why)
{
    FILE *in = temporary(), *out = temporary(), *errors = temporary();
    if (fputs(input, in) < 0 || fflush(in) || fseek(in, 0, SEEK_SET))
        fail_machine("cannot write a temporary file: %s", strerror(errno));
    fflush(NULL);
    pid_t child = fork();
    if (child < 0)
        fail_machine("cannot start %s: %s", argv[0], strerror(errno));
    if (child == 0) {
        dup2(fileno(in), STDIN_FILENO);
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(errors), STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(CANNOT_START);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            fail_machine("cannot wait for %s: %s", argv[0], strerror(errno));
    const char *written = NULL;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_START)
        *why = arena_print(arena, "%s is not installed", argv[0]);
    else if (status != 0)
        *why = arena_print(arena, "%s failed: %s", argv[0], first_line(arena, contents(arena, errors)));
    else
        written = contents(arena, out);
    fclose(in);
    fclose(out);
    fclose(errors);
    return written;
}
