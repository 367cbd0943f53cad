/* sources.c: what a text needs of the runtime, taken out of the runtime's own sources, for --standalone.
 *
 * The sources are cut into items: a function, a type, a table, a macro, a block of #if, each with the comment above it. An item
 * has names that it gives and names that it uses; starting from the names in the program, items are marked until nothing new is
 * found. Headers come first, each after those that it includes; a source comes after the sources of the headers that it includes.
 * What is exported becomes static, so that two such texts can be in one program.
 *
 * This reads C by its tokens and brackets, not by its grammar: it knows how the runtime is written (items begin in the first
 * column), and nothing else ever goes through it. A second copy of the runtime, written to be embedded, would be a second truth. */
#include "emit/sources.h"
#include "base/fail.h"
#include <ctype.h>
#include <string.h>

typedef struct Words { const char **list; int count, room; } Words;

typedef struct Item {
    const char *begin, *end;            /* of its text, the comment above included */
    const char *code;                   /* where that begins behind the comment */
    int file;
    Words gives, uses;
    bool is_needed;
} Item;

typedef struct Sources {
    Arena *arena;
    Item *item;
    int count, room;
    Words system[200];                  /* by file: headers of the system */
    Words own[200];                     /* and of the runtime, as paths of runtime_sources */
    int order[200], order_count;
    bool is_placed[200];
} Sources;

static void add_word(Arena *arena, Words *words, const char *begin, size_t length)
{
    const char *word = arena_print(arena, "%.*s", (int)length, begin);
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->list[i], word) == 0)
            return;
    ARENA_PUSH(arena, words->list, words->count, words->room, word);
}

static bool has_word(const Words *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->list[i], word) == 0)
            return true;
    return false;
}

/* ---- tokens ---- */

static bool is_letter(char c) { return isalnum((unsigned char)c) || c == '_'; }

static const char *skip_quoted(const char *at, const char *end)
{
    const char quote = *at++;
    while (at < end && *at != quote)
        at += *at == '\\' ? 2 : 1;
    return at + 1;
}

/* Behind comments, blanks and the backslashes of macros. */
static const char *skip_blank(const char *at, const char *end)
{
    while (at < end) {
        if (at[0] == '/' && at + 1 < end && at[1] == '*') {
            const char *close = strstr(at + 2, "*/");
            at = close && close < end ? close + 2 : end;
        } else if (isspace((unsigned char)*at) || *at == '\\') {
            at++;
        } else {
            break;
        }
    }
    return at;
}

/* The next token, [*at, the result); *at is moved to its beginning. NULL: the end. */
static const char *next_token(const char **at, const char *end)
{
    *at = skip_blank(*at, end);
    if (*at >= end)
        return NULL;
    if (**at == '"' || **at == '\'')
        return skip_quoted(*at, end);
    const char *to = *at + 1;
    while (is_letter(**at) && to < end && is_letter(*to))
        to++;
    return to;
}

static bool is_token(const char *from, const char *to, const char *word)
{
    return strlen(word) == (size_t)(to - from) && strncmp(from, word, (size_t)(to - from)) == 0;
}

static bool is_name(const char *from)
{
    return isalpha((unsigned char)*from) || *from == '_';
}

static void find_uses(Arena *arena, const char *begin, const char *end, Words *uses)
{
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to)
        if (is_name(at))
            add_word(arena, uses, at, (size_t)(to - at));
}

/* ---- what an item gives ---- */

/* Constants of an enum: names in braces before a comma, an = or the closing brace. */
static void find_constants(Arena *arena, const char *begin, const char *end, Words *gives)
{
    const char *name = NULL, *name_end = NULL;
    int depth = 0;
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to) {
        if (*at == '{')
            depth++;
        else if (name && depth && (*at == ',' || *at == '=' || *at == '}'))
            add_word(arena, gives, name, (size_t)(name_end - name));
        depth -= *at == '}';
        name = is_name(at) ? at : NULL;
        name_end = to;
    }
}

/* Behind the brackets that follow `at`: those of an attribute. */
static const char *skip_brackets(const char *at, const char *end)
{
    int depth = 0;
    for (const char *to; (to = next_token(&at, end)); at = to) {
        depth += (*at == '(') - (*at == ')');
        if (depth == 0)
            return to;
    }
    return end;
}

/* A declaration or definition: the tag of a type, the names that are declared at its top level. */
static void find_declared(Arena *arena, const char *begin, const char *end, Words *gives)
{
    const char *name = NULL, *name_end = NULL;
    int depth = 0;
    bool after_tag = false, in_value = false, is_type = false;
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to) {
        if (depth == 0 && (is_token(at, to, "__attribute__") || is_token(at, to, "_Alignas"))) {
            to = skip_brackets(to, end);
            continue;
        }
        if (depth == 0 && name && !in_value && strchr("(=[;,", *at)) {
            add_word(arena, gives, name, (size_t)(name_end - name));
            if (*at == '(' && !is_type)
                return;                                       /* a function: what follows is its own */
        }
        name = depth == 0 && is_name(at) ? at : NULL;
        name_end = to;
        if (name && after_tag)
            add_word(arena, gives, at, (size_t)(to - at));
        after_tag = name && (is_token(at, to, "struct") || is_token(at, to, "enum") || is_token(at, to, "union"));
        is_type = is_type || after_tag;
        if (depth == 0)
            in_value = *at == '=' || (in_value && *at != ',');
        depth += (*at == '{' || *at == '(' || *at == '[') - (*at == '}' || *at == ')' || *at == ']');
    }
}

/* The macro of this name among the items: its text, or NULL. */
static const Item *find_macro(const Sources *s, const char *name, size_t length)
{
    for (int i = 0; i < s->count; i++) {
        const char *code = s->item[i].code;
        if (strncmp(code, "#define ", 8) == 0 && strncmp(code + 8, name, length) == 0 && !is_letter(code[8 + length]))
            return &s->item[i];
    }
    return NULL;
}

/* NN_SCALARS(float, f): the names that the macro puts together, nn_relu##F with F = f. */
static void find_pasted(Sources *s, const char *begin, const char *end, Words *gives)
{
    const char *open = memchr(begin, '(', (size_t)(end - begin));
    const Item *macro = open ? find_macro(s, begin, (size_t)(open - begin)) : NULL;
    if (!macro)
        return;
    const char *parameters = strchr(macro->code, '(') + 1, *body = strchr(parameters, ')');
    for (const char *paste = strstr(body, "##"); paste && paste < macro->end; paste = strstr(paste + 2, "##")) {
        const char *from = paste, *to = paste + 2, *p = parameters, *a = open + 1;
        while (is_letter(from[-1]))
            from--;
        while (is_letter(*to))
            to++;
        for (;;) {                                            /* the argument at the place of the parameter behind ## */
            p = skip_blank(p, body);
            a = skip_blank(a, end);
            const size_t argument = strcspn(a, ",)"), parameter = strcspn(p, ",)");
            if (parameter == (size_t)(to - paste - 2) && strncmp(p, paste + 2, parameter) == 0) {
                const char *name = arena_print(s->arena, "%.*s%.*s", (int)(paste - from), from, (int)argument, a);
                add_word(s->arena, gives, name, strlen(name));
                break;
            }
            if (p[parameter] == ')' || a[argument] == ')')
                break;
            p += parameter + 1;
            a += argument + 1;
        }
    }
}

static bool is_invocation(const char *code, const char *end)
{
    const char *at = code;
    while (at < end && (isupper((unsigned char)*at) || *at == '_' || isdigit((unsigned char)*at)))
        at++;
    return at > code && *at == '(' && end[-2] == ')';
}

static void find_names(Sources *s, Item *item, const char *code, const char *end)
{
    if (strncmp(code, "#define ", 8) == 0) {
        const char *name = code + 8, *to = name;
        while (is_letter(*to))
            to++;
        add_word(s->arena, &item->gives, name, (size_t)(to - name));
    } else if (is_invocation(code, end)) {
        find_pasted(s, code, end, &item->gives);
    } else {
        const char *brace = memchr(code, '{', (size_t)(end - code)), *bracket = memchr(code, '(', (size_t)(end - code)), *word = strstr(code, "enum");
        if (word && brace && word < brace && (!bracket || brace < bracket))
            find_constants(s->arena, code, end, &item->gives);
        find_declared(s->arena, code, end, &item->gives);
    }
}

/* ---- cutting ---- */

static const char *line_end(const char *at) { return at + strcspn(at, "\n") + (strchr(at, '\n') != NULL); }

static const char *directive_end(const char *at)
{
    const char *end = line_end(at);
    while (end[-1] == '\n' && end[-2] == '\\')
        end = line_end(end);
    return end;
}

/* Behind the #endif of the #if at `at`. */
static const char *block_end(const char *at)
{
    int depth = 0;
    do {
        depth += strncmp(at, "#if", 3) == 0;
        depth -= strncmp(at, "#endif", 6) == 0;
        at = line_end(at);
    } while (depth && *at);
    return at;
}

static const char *code_end(const char *at, const char *end)
{
    if (is_invocation(at, line_end(at)))
        return line_end(at);
    int depth = 0;
    for (const char *to; (to = next_token(&at, end)); at = to) {
        depth += (*at == '{' || *at == '(' || *at == '[') - (*at == '}' || *at == ')' || *at == ']');
        const bool ends_function = *at == '}' && (*to == '\n' || *to == '\0');
        if (depth == 0 && (*at == ';' || ends_function))
            return line_end(to);
    }
    return end;
}

/* Names of all that stands in [at, end), a file or a block of #if; with `file` the items are collected, else they belong to `block`. */
static void cut(Sources *s, int file, Item *block, const char *at, const char *end)
{
    const char *comment = NULL;
    while (at < end) {
        const char *begin = comment ? comment : at, *next;
        if (*at == '\n') {
            comment = NULL;
            at++;
            continue;
        }
        if (strncmp(at, "/*", 2) == 0) {
            comment = begin;
            at = line_end(strstr(at, "*/"));
            continue;
        }
        if (*at == ' ') {                                     /* a remark below an item */
            at = line_end(strncmp(skip_blank(at, at + strspn(at, " ")), "/*", 2) == 0 ? strstr(at, "*/") : at);
            continue;
        }
        comment = NULL;
        if (strncmp(at, "#include <nngen/", 16) == 0 || strncmp(at, "#include \"", 10) == 0) {
            const char *path = at + 10;
            if (file >= 0)
                add_word(s->arena, &s->own[file], path, strcspn(path, ">\""));
            at = line_end(at);
            continue;
        }
        if (strncmp(at, "#include", 8) == 0) {
            if (file >= 0)
                add_word(s->arena, &s->system[file], at, (size_t)(line_end(at) - at - 1));
            at = line_end(at);
            continue;
        }
        const bool is_block = strncmp(at, "#if", 3) == 0;
        if (*at == '#' && !is_block && strncmp(at, "#define", 7) != 0) {
            at = line_end(at);                                /* #else, #endif, #error of a block */
            continue;
        }
        next = is_block ? block_end(at) : *at == '#' ? directive_end(at) : code_end(at, end);
        Item new = {.begin = begin, .code = at, .end = next, .file = file}, *item = block ? block : &new;
        if (is_block)
            cut(s, -1, item, line_end(at), next);
        else
            find_names(s, item, at, next);
        if (!block) {
            find_uses(s->arena, at, next, &new.uses);
            if (is_invocation(at, next))                      /* what a macro puts together it may also call */
                find_pasted(s, at, next, &new.uses);
            ARENA_PUSH(s->arena, s->item, s->count, s->room, new);
        }
        at = next;
    }
}

/* The text between the header's guard. */
static void cut_file(Sources *s, int file)
{
    const char *text = runtime_sources[file].text, *end = text + strlen(text), *guard = strstr(text, "\n#ifndef NNGEN_");
    if (guard && strstr(runtime_sources[file].path, ".h")) {
        text = line_end(line_end(guard + 1));
        while (strncmp(end, "#endif", 6) != 0)
            end--;
    }
    cut(s, file, NULL, text, end);
}

/* ---- what is needed, in what order ---- */

static int find_source(const char *path)
{
    for (int f = 0; runtime_sources[f].path; f++)
        if (strcmp(runtime_sources[f].path, path) == 0)
            return f;
    return -1;
}

static void place_file(Sources *s, int file, bool headers)
{
    if (file < 0 || s->is_placed[file])
        return;
    const char *path = runtime_sources[file].path;
    const bool is_header = strstr(path, ".h") != NULL;
    if (headers && !is_header)
        return;
    s->is_placed[file] = true;
    for (int i = 0; i < s->own[file].count; i++) {
        const char *included = s->own[file].list[i], *name = strncmp(included, "nngen/", 6) == 0 ? included + 6 : included;
        if (headers)
            place_file(s, find_source(included), true);
        else
            place_file(s, find_source(arena_print(s->arena, "%.*s.c", (int)(strlen(name) - 2), name)), false);
    }
    s->order[s->order_count++] = file;
}

static void mark(Sources *s, const Words *uses)
{
    for (int i = 0; i < s->count; i++) {
        Item *item = &s->item[i];
        for (int g = 0; g < item->gives.count && !item->is_needed; g++)
            if (has_word(uses, item->gives.list[g])) {
                item->is_needed = true;
                mark(s, &item->uses);
            }
    }
}

/* Is it exported: neither static nor a type, a macro or a table of constants without a linkage? */
static bool is_exported(const Item *item)
{
    static const char *const other[] = {"static ", "typedef ", "#", "enum ", "struct ", "NN_", "DEFINE_"};
    for (size_t o = 0; o < sizeof other / sizeof *other; o++)
        if (strncmp(item->code, other[o], strlen(other[o])) == 0)
            return false;
    return true;
}

/* A macro that stands for prototypes: its definitions come later, before they are used. */
static bool is_prototypes(const Sources *s, const Item *item)
{
    const char *open = strchr(item->code, '(');
    const Item *macro = is_invocation(item->code, item->end) ? find_macro(s, item->code, (size_t)(open - item->code)) : NULL;
    return macro && !memchr(macro->code, '{', (size_t)(macro->end - macro->code));
}

static void add_item(const Sources *s, const Item *item, Text *out)
{
    const bool is_extern = strncmp(item->code, "extern ", 7) == 0;
    if (is_extern || is_prototypes(s, item))
        return;
    text_add(out, "\n");
    text_add_bytes(out, item->begin, (size_t)(item->code - item->begin));
    if (is_exported(item))
        text_add(out, "static ");
    const char *at = item->code;
    if (strncmp(at, "#define ", 8) == 0)                      /* functions that a macro defines */
        for (const char *function; (function = strstr(at, "\n    void nn_")) && function < item->end; at = function + 5) {
            text_add_bytes(out, at, (size_t)(function + 5 - at));
            text_add(out, "static ");
        }
    text_add_bytes(out, at, (size_t)(item->end - at));
}

void add_needed_sources(const char *program, Text *includes, Text *out)
{
    Sources *s = NEW(out->arena, Sources, 1);
    s->arena = out->arena;
    int files = 0;
    for (; runtime_sources[files].path; files++)
        cut_file(s, files);
    Words uses = {0};
    find_uses(s->arena, program, program + strlen(program), &uses);
    mark(s, &uses);
    for (int pass = 0; pass < 2; pass++)
        for (int f = 0; f < files; f++)
            place_file(s, f, pass == 0);
    Words system = {0};
    for (int o = 0; o < s->order_count; o++)
        for (int i = 0; i < s->count; i++) {
            if (s->item[i].file != s->order[o] || !s->item[i].is_needed)
                continue;
            add_item(s, &s->item[i], out);
            for (int h = 0; h < s->system[s->order[o]].count; h++)
                add_word(s->arena, &system, s->system[s->order[o]].list[h], strlen(s->system[s->order[o]].list[h]));
        }
    for (int h = 0; h < system.count; h++)
        text_print(includes, "%s\n", system.list[h]);
}
