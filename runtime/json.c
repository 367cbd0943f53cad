/* json.c: see json.h. */
#include "json.h"
#include "utf8.h"

#include <math.h>

void nn_json_text(FILE *out, const char *string)
{
    for (const unsigned char *c = (const unsigned char *)string; *c;) {
        const unsigned char *first = c;
        int32_t code = nn_next_code_point(&c);
        if (code < 0 && c++)                                  /* the file's name may be any bytes, JSON is UTF-8 */
            fputs("\xEF\xBF\xBD", out);
        else if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (int)code);
        else if (code < 0x20)
            fprintf(out, "\\u%04x", (unsigned)code);
        else
            fwrite(first, 1, (size_t)(c - first), out);
    }
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
