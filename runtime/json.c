/* json.c: see json.h. */
#include "json.h"

#include <math.h>

void nn_json_text(FILE *out, const char *string)
{
    for (const unsigned char *c = (const unsigned char *)string; *c; c++)
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
}

void nn_json_string(FILE *out, const char *string)
{
    fputc('"', out);
    nn_json_text(out, string);
    fputc('"', out);
}

void nn_json_number(FILE *out, double value, NnPrecision precision)
{
    if (isfinite(value))
        fprintf(out, "%.*g", precision == NN_F32 ? 9 : 17, value);
    else
        fputs("null", out);
}
