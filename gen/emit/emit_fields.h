/* emit_fields.h: initialisers of C structs, field by field:
 *
 *     {.name = "fc1.bias", .rank = 1, .shape = {100},
 *      .data = state.fc1_bias},
 *
 * Fields stand in lines of at most LINE characters. */
#ifndef NNGEN_EMIT_EMIT_FIELDS_H
#define NNGEN_EMIT_EMIT_FIELDS_H

#include "emit/emit_parts.h"

void begin_row(Text *out);                                    /* "    {" */
void end_row(Text *out);                                      /* "},", and the line ends */

/* One field, ".rank = 1", after a comma if it is not the first; on a new line if this one has no room. */
void add_field(Text *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
void add_string_field(Text *out, const char *name, const char *value);          /* as a C string; nothing if it is NULL */
void add_sizes_field(Text *out, const char *name, const int64_t *size, int rank);         /* ".shape = {100, 784}"; nothing for a scalar */

const char *table_storage(const Plan *plan);                /* emit_tables.c: "static const"; "const" where tables are main's variables */
const char *double_text(Arena *arena, double value);
const char *address(const Plan *plan, int buffer, Arena *arena);            /* "state.fc1_weight"; "state->fc1_weight" */
void emit_doubles(const char *name, const double *values, int64_t count, Text *out);  /* static const double NAME[] = {…}; */

#endif
