/* command_language.c: nngen language, the reference of the model language. docs/language.md is what it prints. And nngen
 * annotations, the same names as an editor's language server reads them.
 *
 * Nothing of it is written here: names, calls and PyTorch's names stand where nn registers them, options are those that the
 * functions accept, and formulas and gradients are the graphs of examples, simplified, as --dump=math writes them. */
#include "base/text.h"
#include "graph/passes.h"
#include "pipeline.h"
#include <string.h>

static void add_indented(Text *out, const char *lines)
{
    while (*lines) {
        size_t length = strcspn(lines, "\n");
        text_add(out, "    ");
        text_add_bytes(out, lines, length);
        text_add(out, "\n");
        lines += length + (lines[length] == '\n');
    }
}

int command_language(Arena *arena, Options *options)
{
    (void)options;
    int count;
    const Section *section = read_reference(arena, &count);
    Text out = text_new(arena);
    for (int s = 0; s < count; s++) {
        if (!*section[s].text)
            continue;
        text_print(&out, "%s%s", s ? "\n" : "", section[s].text);
        if (section[s].example) {
            Text formulas = text_new(arena);
            simplify(section[s].example);
            dump_math(section[s].example, &formulas);
            text_add(&out, "\n");
            add_indented(&out, formulas.bytes);
        }
    }
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}

int command_annotations(Arena *arena, Options *options)
{
    (void)options;
    int count;
    const Section *section = read_reference(arena, &count);
    Text out = text_new(arena);
    for (int s = 0; s < count; s++)
        if (section[s].annotation)
            text_add(&out, section[s].annotation);
    write_file(NULL, out.bytes, out.length);
    return STATUS_DONE;
}
