/* sources.c: what a text needs of the runtime, taken out of the runtime's own sources, for --standalone.
 *
 * Starting from the names in the program, items of the sources (cut.c) are marked until nothing new is found. A name leads to what
 * its own file gives under it, else to what other files show: everything of a header, of a source what is not static. Headers
 * come first, each after those that it includes; a source comes after the sources of the headers that it includes. What is
 * exported becomes static, so that two such texts can be in one program.
 *
 * All of it is one file of C in the end: a name that is static in two sources of the runtime does not compile, and a test sees it. */
#include "emit/cut.h"
#include <string.h>

static bool is_header(int file)
{
    const char *path = runtime_sources[file].path;
    return path[strlen(path) - 1] == 'h';
}

static bool begins_with(const Item *item, const char *start)
{
    return strncmp(item->code, start, strlen(start)) == 0;
}

/* ---- what is needed ---- */

/* Neither static nor a type, a macro or a table of constants without a linkage. */
static bool is_exported(const Item *item)
{
    static const char *const other[] = {"static ", "extern ", "typedef ", "#", "enum ", "struct ", "NN_", "DEFINE_"};
    for (size_t o = 0; o < sizeof other / sizeof *other; o++)
        if (begins_with(item, other[o]))
            return false;
    return true;
}

static bool is_visible(const Item *item, int from_file)
{
    return item->file == from_file || is_header(item->file) || is_exported(item) || is_invocation(item->code, item->end);
}

static void mark(Sources *s, const Words *uses, int from_file)
{
    for (int u = 0; u < uses->count; u++) {
        const Items *givers = &uses->list[u]->givers;
        for (int g = 0; g < givers->count; g++) {
            Item *item = &s->item[givers->list[g]];
            if (item->is_needed || !is_visible(item, from_file))
                continue;
            item->is_needed = true;
            mark(s, &item->uses, item->file);
        }
    }
}

/* ---- in what order ---- */

typedef struct Order {
    const Sources *sources;
    int *file, count;
    bool *is_placed;
} Order;

static int find_source(const char *path)
{
    for (int f = 0; runtime_sources[f].path; f++)
        if (strcmp(runtime_sources[f].path, path) == 0)
            return f;
    return -1;
}

static void place_file(Order *order, int file, bool headers)
{
    if (file < 0 || order->is_placed[file] || (headers && !is_header(file)))
        return;
    order->is_placed[file] = true;
    Arena *arena = order->sources->arena;
    const Lines *own = &order->sources->own[file];
    for (int i = 0; i < own->count; i++) {
        const char *included = own->list[i], *name = strncmp(included, "nngen/", 6) == 0 ? included + 6 : included;
        if (headers)
            place_file(order, find_source(included), true);
        else
            place_file(order, find_source(arena_print(arena, "%.*s.c", (int)(strlen(name) - 2), name)), false);
    }
    order->file[order->count++] = file;
}

static Order order_files(const Sources *s)
{
    int files = 0;
    while (runtime_sources[files].path)
        files++;
    Order order = {.sources = s, .file = NEW(s->arena, int, files), .is_placed = NEW(s->arena, bool, files)};
    for (int pass = 0; pass < 2; pass++)
        for (int f = 0; f < files; f++)
            place_file(&order, f, pass == 0);
    return order;
}

/* ---- as text ---- */

/* A macro that stands for prototypes: its definitions come later, before they are used. */
static bool is_prototypes(const Sources *s, const Item *item)
{
    const char *open = strchr(item->code, '(');
    const Item *macro = is_invocation(item->code, item->end) ? find_macro(s, item->code, (size_t)(open - item->code)) : NULL;
    return macro && !memchr(macro->code, '{', (size_t)(macro->end - macro->code));
}

static void add_item(const Sources *s, const Item *item, Text *out)
{
    const bool announces = begins_with(item, "extern ") && is_header(item->file);      /* a static table may be named before it is filled, if its size is known */
    const char *at = item->code + (announces ? strlen("extern ") : 0);
    if (is_prototypes(s, item))
        return;
    text_add(out, "\n");
    text_add_bytes(out, item->begin, (size_t)(item->code - item->begin));
    if (announces || is_exported(item))
        text_add(out, "static ");
    if (begins_with(item, "#define "))                        /* functions that a macro defines */
        for (const char *function; (function = strstr(at, "\n    void nn_")) && function < item->end; at = function + 5) {
            text_add_bytes(out, at, (size_t)(function + 5 - at));
            text_add(out, "static ");
        }
    text_add_bytes(out, at, (size_t)(item->end - at));
}

/* The library is compiled for any processor, so no multiply-add is one operation there; the same numbers are to come out here. */
static const char contraction_off[] =
    "\n#if defined __clang__\n#pragma STDC FP_CONTRACT OFF\n"
    "#elif defined __GNUC__\n#pragma GCC push_options\n#pragma GCC optimize (\"fp-contract=off\")\n#endif\n";
static const char contraction_on[] =
    "\n#if defined __clang__\n#pragma STDC FP_CONTRACT DEFAULT\n#elif defined __GNUC__\n#pragma GCC pop_options\n#endif\n";

void add_needed_sources(const char *program, Text *includes, Text *out)
{
    Sources *s = cut_sources(out->arena);
    Words uses = {0};
    find_uses(s, program, program + strlen(program), s->count, &uses);
    mark(s, &uses, -1);
    const Order order = order_files(s);
    Lines system = {0};
    bool is_behind_headers = false;
    for (int o = 0; o < order.count; o++) {
        const int file = order.file[o];
        bool is_needed = false;
        if (!is_header(file) && !is_behind_headers)
            text_add(out, contraction_off);
        is_behind_headers = !is_header(file);
        for (int i = 0; i < s->count; i++) {
            if (s->item[i].file != file || !s->item[i].is_needed)
                continue;
            add_item(s, &s->item[i], out);
            is_needed = true;
        }
        for (int h = 0; h < s->system[file].count && is_needed; h++)
            add_line(s->arena, &system, s->system[file].list[h], strlen(s->system[file].list[h]));
    }
    text_add(out, contraction_on);
    for (int h = 0; h < system.count; h++)
        text_print(includes, "%s\n", system.list[h]);
}
