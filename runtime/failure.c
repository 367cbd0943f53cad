/* failure.c: see failure.h. */
#include "failure.h"
#include "utf8.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *nn_program_name = "nngen";

/* False: there was no room for all of it. What could act on a terminal, turn the direction of writing or is no character at all
 * is written visibly, as nngen writes it. */
static bool escape(char *to, size_t room, const char *from)
{
    size_t used = 0;
    for (const unsigned char *at = (const unsigned char *)from; *at;) {
        const unsigned char *first = at;
        int32_t code = nn_next_code_point(&at);
        char piece[16];
        int length;
        if (code < 0)
            length = snprintf(piece, sizeof piece, "\\x%02x", *at++);
        else if (!nn_is_unprintable(code))
            length = snprintf(piece, sizeof piece, "%.*s", (int)(at - first), (const char *)first);
        else if (code == '\n' || code == '\t' || code == '\r')
            length = snprintf(piece, sizeof piece, "\\%c", code == '\n' ? 'n' : code == '\t' ? 't' : 'r');
        else
            length = snprintf(piece, sizeof piece, code < 0x80 ? "\\x%02x" : "<U+%04X>", (unsigned)code);
        if (used + (size_t)length + 1 > room) {
            to[used] = 0;
            return false;
        }
        memcpy(to + used, piece, (size_t)length);
        used += (size_t)length;
    }
    to[used] = 0;
    return true;
}

const char *nn_quoted(const char *text)
{
    enum { SHOWN = 400 };
    static char ring[8][SHOWN + 8];
    static int next;
    char *out = ring[next++ % 8];
    out[0] = '\'';
    strcat(out, escape(out + 1, SHOWN, text) ? "'" : "...'");
    return out;
}

void nn_flush_output(void)
{
    if (fflush(stdout) || ferror(stdout))
        nn_fail(NN_MACHINE_LACKS, NULL, "standard output cannot be written: %s", strerror(errno));
}

void nn_fail(NnStatus status, const char *place, const char *format, ...)
{
    char name[4096 + 8];
    escape(name, sizeof name, place ? place : nn_program_name);
    fflush(stdout);
    fprintf(stderr, "%s: ", name);
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(status);
}
