/* json.h: the little JSON that the runtime writes. */
#ifndef NNGEN_RUNTIME_JSON_H
#define NNGEN_RUNTIME_JSON_H

#include <nngen/runtime.h>
#include <stdio.h>

void nn_json_text(FILE *out, const char *string);                                 /* the inside of a string */
void nn_json_string(FILE *out, const char *string);                               /* with its quotes */
void nn_json_number(FILE *out, double value, NnPrecision precision);              /* reads back to the same bits; not finite: null */

#endif
