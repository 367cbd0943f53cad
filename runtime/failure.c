/* failure.c: see failure.h. */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *nn_program_name = "nngen";

/* False: there was no room for all of it. Control characters (also the C1 ones, which are C2 80 to C2 9F in UTF-8) never reach
 * the terminal as they are. */
static bool escape(char *to, size_t room, const char *from)
{
    size_t used = 0;
    const unsigned char *c = (const unsigned char *)from;
    for (; *c; c++) {
        bool is_c1 = c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0;
        char piece[8] = {(char)*c};
        if (is_c1)
            snprintf(piece, sizeof piece, "\\x%02x", *++c);
        else if (*c == '\n')
            strcpy(piece, "\\n");
        else if (*c == '\t')
            strcpy(piece, "\\t");
        else if (*c == '\r')
            strcpy(piece, "\\r");
        else if (*c < 0x20 || *c == 0x7F)
            snprintf(piece, sizeof piece, "\\x%02x", *c);
        size_t length = strlen(piece);
        if (used + length + 1 > room)
            break;
        memcpy(to + used, piece, length);
        used += length;
    }
    to[used] = 0;
    return !*c;
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
