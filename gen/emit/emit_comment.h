/* emit_comment.h: paragraphs and tables inside the comments of an emitted program.
 *
 * Every line stays within LINE characters. Strings of the user pass through comment_text here and nowhere else, so a caller
 * may hand over names, paths and command lines as they are. */
#ifndef NNGEN_EMIT_EMIT_COMMENT_H
#define NNGEN_EMIT_EMIT_COMMENT_H

#include "base/text.h"

enum { LINE = 120 };

/* " *   label       words …", filled; further lines begin below the first word. Newlines in `words` are kept. An empty
 * `label` continues the item above. */
void comment_item(Text *out, const char *label, const char *words);

/* " * words …", filled. */
void comment_paragraph(Text *out, const char *words);

/* A whole comment of its own, filled: "    / * words * /" at `indent`. */
void comment_line(Text *out, int indent, const char *words);

/* Closes the comment: on its last line where that has room. */
void comment_end(Text *out);

/* A section's title as a line of LINE characters, between empty lines. */
void section(Text *out, const char *title);

/* Columns as wide as their contents. When the lines would grow too long, the FOLDED column is narrowed first, then the widest,
 * and their cells folded. rows[r * columns + c]; NULL is an empty cell. */
typedef enum Column { LEFT, RIGHT, FOLDED } Column;
void comment_table(Text *out, const char *const *rows, int row_count, int columns, const Column *kind);

#endif
