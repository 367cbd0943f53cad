/* emit_fields.c: see emit_fields.h. Whether a field is the first of its row is seen from the text before it, so that rows need
 * no state of their own. */
#include "emit/emit_fields.h"
#include <string.h>

void begin_row(Text *out)
{
    text_add(out, "    {");
}

void end_row(Text *out)
{
    text_add(out, "},\n");
}

void add_field(Text *out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    const char *text = arena_vprint(out->arena, format, arguments);
    va_end(arguments);
    const char last = out->bytes[out->length - 1];
    const bool is_first = last == '{' || last == ' ' || last == '\n';
    if (!is_first)
        text_add(out, text_column(out) + strlen(text) + strlen(", },") > LINE ? ",\n     " : ", ");
    text_add(out, text);
}

void add_string_field(Text *out, const char *name, const char *value)
{
    if (value)
        add_field(out, ".%s = %s", name, c_string(out->arena, value));
}

void add_sizes_field(Text *out, const char *name, const int64_t *size, int rank)
{
    Text text = text_new(out->arena);
    for (int d = 0; d < rank; d++)
        text_print(&text, "%s%lld", d ? ", " : "", (long long)size[d]);
    if (rank > 0)
        add_field(out, ".%s = {%s}", name, text.bytes);
}

const char *double_text(Arena *arena, double value)
{
    return number(arena, value, true);
}

const char *address(const Plan *plan, int buffer, Arena *arena)
{
    const Buffer *b = &plan->buffer[buffer];
    return arena_print(arena, "%sstate%s%s", b->rank == 0 ? "&" : "", is_state_allocated(plan) ? "->" : ".", b->name);
}

void emit_doubles(const char *name, const double *values, int64_t count, Text *out)
{
    text_print(out, "static const double %s[] = {\n    ", name);
    if (count == 0)
        text_add(out, "0");                             /* C has no empty arrays */
    emit_numbers(values, count, DOUBLES, 4, out);
    text_add(out, "\n};\n");
}
