/* command_ops.c: nngen ops, the operation table as people read it, straight from ops.def. */
#include "base/text.h"
#include "pipeline.h"
#include <ctype.h>
#include <string.h>

static const struct { const char *name, *class, *gradient, *formula; int arity; } table[] = {
#define OP(NAME, name, arity, CLASS, shape, gradient, c, formula, ...) {#name, #CLASS, #gradient, formula, arity},
#include "graph/ops.def"
};

static const char *lower_case(Arena *arena, const char *word)
{
    char *copy = arena_string(arena, word);
    for (char *c = copy; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return copy;
}

/* A row's formula with its operands named: $a -> a. */
static void add_formula(Text *out, const char *formula)
{
    for (; *formula; formula++)
        if (*formula != '$')
            text_add_bytes(out, formula, 1);
}

int command_ops(Arena *arena, Options *options)
{
    (void)options;
    Text out = text_new(arena);
    text_add(&out, "operation      operands  class      derivative  formula\n");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        bool is_zero = strcmp(table[i].gradient, "none") == 0;
        text_print(&out, "%-14s %8d  %-10s %-11s ", table[i].name, table[i].arity, lower_case(arena, table[i].class),
                   table[i].arity == 0 ? "-" : is_zero ? "zero" : "yes");
        add_formula(&out, table[i].formula);
        while (out.bytes[out.length - 1] == ' ')
            out.length--;
        out.bytes[out.length] = '\0';
        text_add(&out, "\n");
    }
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
