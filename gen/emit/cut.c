/* cut.c: the runtime's sources, cut into items: a function, a type, a table, a macro, a block of #if, each with the comment above it.
 *
 * This reads C by its tokens and brackets, not by its grammar: it knows how the runtime is written (items begin in the first
 * column), and nothing else ever goes through it. A second copy of the runtime, written to be embedded, would be a second truth. */
#include "emit/cut.h"
#include "base/fail.h"
#include <ctype.h>
#include <stdint.h>
#include <string.h>

/* ---- names ---- */

static uint32_t hash(const char *text, size_t length)
{
    uint32_t hash = 2166136261u;        /* FNV-1a */
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)text[i]) * 16777619u;
    return hash;
}

/* Where the name is in the table, or belongs. */
static Word **place_of(Word **words, int room, const char *text, size_t length)
{
    uint32_t at = hash(text, length) & (uint32_t)(room - 1);
    while (words[at] && (strncmp(words[at]->text, text, length) != 0 || words[at]->text[length] != '\0'))
        at = (at + 1) & (uint32_t)(room - 1);
    return &words[at];
}

static void make_room(Sources *s)
{
    const int room = s->words_room ? 2 * s->words_room : 4096;
    Word **words = NEW(s->arena, Word *, room);
    for (int i = 0; i < s->words_room; i++)
        if (s->words[i])
            *place_of(words, room, s->words[i]->text, strlen(s->words[i]->text)) = s->words[i];
    s->words = words;
    s->words_room = room;
}

static Word *word_of(Sources *s, const char *begin, size_t length)
{
    if (2 * s->words_count >= s->words_room)
        make_room(s);
    Word **place = place_of(s->words, s->words_room, begin, length);
    if (!*place) {
        *place = NEW(s->arena, Word, 1);
        **place = (Word){.text = arena_print(s->arena, "%.*s", (int)length, begin), .last_user = -1};
        s->words_count++;
    }
    return *place;
}

static void add_word(Sources *s, Words *words, const char *begin, size_t length)
{
    ARENA_PUSH(s->arena, words->list, words->count, words->room, word_of(s, begin, length));
}

void add_line(Arena *arena, Lines *lines, const char *begin, size_t length)
{
    for (int i = 0; i < lines->count; i++)
        if (strncmp(lines->list[i], begin, length) == 0 && lines->list[i][length] == '\0')
            return;
    ARENA_PUSH(arena, lines->list, lines->count, lines->room, arena_print(arena, "%.*s", (int)length, begin));
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

void find_uses(Sources *s, const char *begin, const char *end, int user, Words *uses)
{
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to) {
        if (!is_name(at))
            continue;
        Word *word = word_of(s, at, (size_t)(to - at));
        if (word->last_user != user)
            ARENA_PUSH(s->arena, uses->list, uses->count, uses->room, word);
        word->last_user = user;
    }
}

/* ---- what an item gives ---- */

/* Constants of an enum: names in braces before a comma, an = or the closing brace. */
static void find_constants(Sources *s, const char *begin, const char *end, Words *gives)
{
    const char *name = NULL, *name_end = NULL;
    int depth = 0;
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to) {
        if (*at == '{')
            depth++;
        else if (name && depth && (*at == ',' || *at == '=' || *at == '}'))
            add_word(s, gives, name, (size_t)(name_end - name));
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

/* struct X {…}; and struct X; but not struct X *x. */
static bool defines_tag(const char *behind_tag, const char *end)
{
    return next_token(&behind_tag, end) && (*behind_tag == '{' || *behind_tag == ';');
}

/* A declaration or definition: the tag of a type, the names that are declared at its top level. */
static void find_declared(Sources *s, const char *begin, const char *end, Words *gives)
{
    const char *name = NULL, *name_end = NULL;
    int depth = 0;
    const bool is_typedef = strncmp(begin, "typedef ", 8) == 0;
    bool after_tag = false, in_value = false, is_type = false;
    for (const char *at = begin, *to; (to = next_token(&at, end)); at = to) {
        if (depth == 0 && (is_token(at, to, "__attribute__") || is_token(at, to, "_Alignas"))) {
            to = skip_brackets(to, end);
            continue;
        }
        if (depth == 0 && name && !in_value && strchr("(=[;,", *at)) {
            add_word(s, gives, name, (size_t)(name_end - name));
            if (*at == '(' && !is_type)
                return;                                       /* a function: what follows is its own */
        }
        name = depth == 0 && is_name(at) ? at : NULL;
        name_end = to;
        if (name && after_tag && (is_typedef || defines_tag(to, end)))
            add_word(s, gives, at, (size_t)(to - at));
        after_tag = name && (is_token(at, to, "struct") || is_token(at, to, "enum") || is_token(at, to, "union"));
        is_type = is_type || after_tag;
        if (depth == 0)
            in_value = *at == '=' || (in_value && *at != ',');
        depth += (*at == '{' || *at == '(' || *at == '[') - (*at == '}' || *at == ')' || *at == ']');
    }
}

/* The macro of this name among the items: its text, or NULL. */
const Item *find_macro(const Sources *s, const char *name, size_t length)
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
                add_word(s, gives, name, strlen(name));
                break;
            }
            if (p[parameter] == ')' || a[argument] == ')')
                break;
            p += parameter + 1;
            a += argument + 1;
        }
    }
}

bool is_invocation(const char *code, const char *end)
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
        add_word(s, &item->gives, name, (size_t)(to - name));
    } else if (is_invocation(code, end)) {
        find_pasted(s, code, end, &item->gives);
    } else {
        const char *brace = memchr(code, '{', (size_t)(end - code)), *bracket = memchr(code, '(', (size_t)(end - code)), *word = strstr(code, "enum");
        if (word && brace && word < brace && (!bracket || brace < bracket))
            find_constants(s, code, end, &item->gives);
        find_declared(s, code, end, &item->gives);
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
                add_line(s->arena, &s->own[file], path, strcspn(path, ">\""));
            at = line_end(at);
            continue;
        }
        if (strncmp(at, "#include", 8) == 0) {
            if (file >= 0)
                add_line(s->arena, &s->system[file], at, (size_t)(line_end(at) - at - 1));
            at = line_end(at);
            continue;
        }
        const bool is_block = strncmp(at, "#if", 3) == 0;
        if (*at == '#' && !is_block && strncmp(at, "#define", 7) != 0) {
            at = line_end(at);                                /* #else, #endif, #error of a block */
            continue;
        }
        next = is_block ? block_end(at) : *at == '#' ? directive_end(at) : code_end(at, end);
        if (is_block && file >= 0 && strncmp(line_end(at), "#include <", 10) == 0) {
            add_line(s->arena, &s->system[file], at, (size_t)(next - at - 1));
            at = next;
            continue;
        }
        Item new = {.begin = begin, .code = at, .end = next, .file = file}, *item = block ? block : &new;
        if (is_block)
            cut(s, -1, item, line_end(at), next);
        else
            find_names(s, item, at, next);
        if (!block) {
            find_uses(s, at, next, s->count, &new.uses);
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

/* Now that all are known: who gives what. */
static void find_givers(Sources *s)
{
    for (int i = 0; i < s->count; i++)
        for (int g = 0; g < s->item[i].gives.count; g++) {
            Items *givers = &s->item[i].gives.list[g]->givers;
            ARENA_PUSH(s->arena, givers->list, givers->count, givers->room, i);
        }
}

Sources *cut_sources(Arena *arena)
{
    Sources *s = NEW(arena, Sources, 1);
    int files = 0;
    while (runtime_sources[files].path)
        files++;
    *s = (Sources){.arena = arena, .system = NEW(arena, Lines, files), .own = NEW(arena, Lines, files)};
    for (int f = 0; f < files; f++)
        cut_file(s, f);
    find_givers(s);
    return s;
}
