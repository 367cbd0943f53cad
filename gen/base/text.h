/* text.h: text that grows, and the few ways in which nngen writes strings.
 *
 * A Text is built whole in memory and written to its file at the end (`write_file`), so that a failure leaves no half file. */
#ifndef NNGEN_BASE_TEXT_H
#define NNGEN_BASE_TEXT_H

#include "base/arena.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct Text {
    Arena *arena;
    char *bytes;                        /* always terminated by a zero */
    size_t length, room;
} Text;

Text text_new(Arena *arena);
void text_add(Text *text, const char *string);
void text_add_bytes(Text *text, const char *bytes, size_t count);
void text_print(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_cut(Text *text, size_t length);                     /* leaves the first `length` bytes */
void text_pad(Text *text, size_t column);                    /* spaces until the current line has `column` characters; at least none */
size_t text_column(const Text *text);                        /* characters (not bytes) since the last newline */

/* Writes the whole file or none: a temporary file beside it, then rename. What is no regular file (a pipe, /dev/null) is
 * written directly. path NULL: standard output. Failing: status 3, the temporary removed. */
void write_file(const char *path, const char *bytes, size_t count);

char *read_file(Arena *arena, const char *path, size_t *count);   /* NULL and errno when it cannot be read; zero-terminated */

const char *escaped(Arena *arena, const char *string);       /* control characters, bad UTF-8 and direction marks made visible */
const char *quoted(Arena *arena, const char *string);        /* 'string' with control characters escaped, for messages */
const char *comment_text(Arena *arena, const char *string);  /* fit for a C comment: no end of comment, no trigraph, no last backslash */
const char *c_string(Arena *arena, const char *string);      /* a C string literal with its quotes */
const char *number(Arena *arena, double value, bool f64);    /* shortest decimal that reads back to the same bits, as a C or JSON number without suffix: 0.9, 1e-08 */
const char *grouped(Arena *arena, int64_t value);            /* 79 510 */

/* The nearest of `words` to `word` (Damerau-Levenshtein distance at most a third of its length), or NULL: for "did you mean". */
const char *nearest(const char *word, const char *const *words, int count);

#endif
