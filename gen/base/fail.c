/* fail.c: messages to standard error, then the exit status. See fail.h for their form.
 *
 * The offending line is read again from the model's file when it is needed: failing is rare, and no pass has to carry the text
 * along. What is no regular file (a pipe) could block and is not read.
 *
 * Running out of memory ends here too, so `fail_machine` and `fail_call` allocate nothing; `fail_at` may. */
#include "base/fail.h"
#include "base/text.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LONGEST_LINE = 160 };            /* of the model, in bytes, as shown in a message */

/* The message's further lines, each indented by two. */
static void print_indented(const char *lines)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        fprintf(stderr, "  %.*s\n", (int)length, lines);
        lines += length + (lines[length] == '\n');
    }
}

static void print_source_line(Arena *arena, Place place)
{
    struct stat status;
    if (place.line < 1 || stat(place.file, &status) != 0 || !S_ISREG(status.st_mode))
        return;
    size_t count;
    const char *line = read_file(arena, place.file, &count);
    for (int number = 1; line && number < place.line; number++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (!line)
        return;
    size_t length = strcspn(line, "\r\n");
    const char *more = "";
    if (length > LONGEST_LINE) {
        length = LONGEST_LINE;
        while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80)      /* not within a character */
            length--;
        more = " ...";
    }
    Text text = text_new(arena);
    for (size_t i = 0; i < length; i++)
        text_add_bytes(&text, line[i] == '\t' ? " " : &line[i], 1);
    fprintf(stderr, "  %4d | %s%s\n", place.line, escaped(arena, text.bytes), more);
}

static void report_at(Place place, const char *kind, const char *format, va_list arguments)
{
    fflush(stdout);
    if (!place.file) {
        fprintf(stderr, "nngen: %s: ", kind);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        return;
    }
    Arena *arena = arena_new();
    char *message = arena_vprint(arena, format, arguments);
    size_t first = strcspn(message, "\n");
    const char *rest = message[first] ? &message[first + 1] : "";
    message[first] = '\0';

    fprintf(stderr, "%s:", escaped(arena, place.file));
    if (place.line > 0)
        fprintf(stderr, "%d:", place.line);
    fprintf(stderr, " %s: %s\n", kind, message);
    print_source_line(arena, place);
    print_indented(rest);
    arena_free(arena);
}

static void report(const char *kind, const char *format, va_list arguments)
{
    fflush(stdout);
    fprintf(stderr, "nngen: %s: ", kind);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void fail_at(Place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_at(place, "error", format, arguments);
    va_end(arguments);
    exit(STATUS_MODEL);
}

void warn_at(Place place, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report_at(place, "warning", format, arguments);
    va_end(arguments);
}

void fail_call(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report("error", format, arguments);
    va_end(arguments);
    exit(STATUS_CALL);
}

void fail_machine(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    report("error", format, arguments);
    va_end(arguments);
    exit(STATUS_MACHINE);
}

void bug_at(const char *file, int line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "nngen: bug at %s:%d: ", file, line);
    vfprintf(stderr, format, arguments);
    fputs("\n  this is a fault of nngen, not of the model: please report it together with the model\n", stderr);
    va_end(arguments);
    exit(STATUS_BUG);
}
