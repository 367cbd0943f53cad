/* cut.h: the runtime's sources as items, each with the names that it gives and those that it uses. */
#ifndef NNGEN_EMIT_CUT_H
#define NNGEN_EMIT_CUT_H

#include "emit/sources.h"
#include <stdbool.h>

typedef struct Word Word;
typedef struct Words { Word **list; int count, room; } Words;
typedef struct Items { int *list; int count, room; } Items;
typedef struct Lines { const char **list; int count, room; } Lines;

/* A name, wherever it stands: there is one of each. */
struct Word {
    const char *text;
    Items givers;                       /* a prototype and its function both are */
    int last_user;                      /* the item that was seen to use it last; -1: none */
};

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
    Lines *system;                      /* by file: #include lines of the system */
    Lines *own;                         /* and of the runtime, as paths of runtime_sources */
    Word **words;                       /* a hash table of `words_room` places, a power of two */
    int words_count, words_room;
} Sources;

Sources *cut_sources(Arena *arena);

/* The names in [begin, end). */
void find_uses(Sources *sources, const char *begin, const char *end, int user, Words *uses);

bool is_invocation(const char *code, const char *end);        /* DEFINE_ALL(float, f) at the top level */
const Item *find_macro(const Sources *sources, const char *name, size_t length);          /* NULL: none */
void add_line(Arena *arena, Lines *lines, const char *begin, size_t length);              /* unless it is there */

#endif
