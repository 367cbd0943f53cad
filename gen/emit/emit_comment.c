/* emit_comment.c: filling and tables for comments; see emit_comment.h.
 *
 * The smallest unit is a word: what lies between spaces. A word that is longer than its line or column is cut, behind an
 * underscore if it has one, since names and paths may have any length. */
#include "emit/emit_comment.h"
#include <string.h>

enum { ITEM_COLUMN = 17 };              /* where the words of an item begin */

static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

/* Characters, not bytes. */
static size_t width(const char *string, size_t bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < bytes; i++)
        count += !continues_character(string[i]);
    return count;
}

/* Bytes of the first line of `string` when at most `room` characters fit: up to the last space; else behind the last underscore;
 * else in the middle of a word that has neither. At least one character is taken. */
static size_t first_line(const char *string, size_t room)
{
    size_t end = strcspn(string, "\n");
    if (width(string, end) <= room)
        return end;
    size_t bytes = 0, space = 0, underscore = 0;
    for (size_t characters = 0; bytes < end; bytes++) {
        if (!continues_character(string[bytes]) && characters++ == room)
            break;
        if (string[bytes] == ' ' && bytes > 0)
            space = bytes;
        if (string[bytes] == '_')
            underscore = bytes + 1;
    }
    if (string[bytes] == ' ')
        space = bytes;
    return space > 0 ? space : underscore > 0 ? underscore : bytes > 0 ? bytes : 1;
}

/* The rest after a line of `taken` bytes, without the space or newline that ended it. */
static const char *after_line(const char *string, size_t taken)
{
    string += taken;
    if (*string == '\n')
        return string + 1;
    return string + strspn(string, " ");
}

/* No trailing spaces, and no backslash that would join this line with the next. */
static void end_line(Text *out)
{
    while (out->length > 0 && out->bytes[out->length - 1] == ' ')
        out->bytes[--out->length] = '\0';
    if (out->length > 0 && out->bytes[out->length - 1] == '\\')
        text_add(out, " .");
    text_add(out, "\n");
}

/* comment_text for each line by itself: it would show a newline as \n. */
static const char *comment_lines(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    for (;;) {
        size_t length = strcspn(string, "\n");
        char *line = arena_print(arena, "%.*s", (int)length, string);
        text_add(&text, comment_text(arena, line));
        if (!string[length])
            return text.bytes;
        text_add(&text, "\n");
        string += length + 1;
    }
}

/* Goes on from the column where the line is; further lines open with `star` and begin at `column`. */
static void fill(Text *out, const char *star, size_t column, const char *words)
{
    words = comment_lines(out->arena, words);
    while (*words) {
        text_pad(out, column);
        size_t taken = first_line(words, LINE - text_column(out));
        text_add_bytes(out, words, taken);
        end_line(out);
        words = after_line(words, taken);
        if (*words)
            text_add(out, star);
    }
}

void comment_item(Text *out, const char *label, const char *words)
{
    if (!*words)
        return;
    text_print(out, " *   %s", label);
    fill(out, " *", ITEM_COLUMN, words);
}

void comment_paragraph(Text *out, const char *words)
{
    text_add(out, " *");
    fill(out, " *", 3, words);
}

void comment_line(Text *out, int indent, const char *words)
{
    text_print(out, "%*s/*", indent, "");
    fill(out, arena_print(out->arena, "%*s *", indent, ""), (size_t)indent + 3, words);
    comment_end(out);
}

void comment_end(Text *out)
{
    static const char ending[] = " */\n";
    out->bytes[--out->length] = '\0';                   /* the newline */
    text_add(out, text_column(out) + strlen(ending) - 1 > LINE ? "\n */\n" : ending);
}

void section(Text *out, const char *title)
{
    text_print(out, "\n/* ---- %s ", title);
    while (text_column(out) < LINE - 3)
        text_add(out, "-");
    text_add(out, " */\n");
}

/* ---- tables ---- */

enum { MAX_COLUMNS = 8, GAP = 2, TABLE_COLUMN = 5, NARROWEST = 8, NARROWEST_FOLDED = 16 };

static void fit_columns(size_t *column_width, int columns, const Column *kind)
{
    for (;;) {
        size_t total = TABLE_COLUMN;
        int narrowed = 0;
        for (int c = 0; c < columns; c++) {
            total += column_width[c] + (c > 0 ? GAP : 0);
            if (column_width[c] > column_width[narrowed])
                narrowed = c;
        }
        for (int c = 0; c < columns; c++)
            if (kind[c] == FOLDED && column_width[c] > NARROWEST_FOLDED)
                narrowed = c;
        if (total <= LINE || column_width[narrowed] <= NARROWEST)
            return;
        column_width[narrowed]--;
    }
}

static void print_row(Text *out, const char **cell, int columns, const size_t *column_width, const Column *kind)
{
    for (bool more = true; more;) {
        more = false;
        text_add(out, " *");
        size_t column = TABLE_COLUMN;
        for (int c = 0; c < columns; c++) {
            size_t taken = first_line(cell[c], column_width[c]);
            size_t indent = kind[c] == RIGHT ? column_width[c] - width(cell[c], taken) : 0;
            if (taken > 0) {
                text_pad(out, column + indent);
                text_add_bytes(out, cell[c], taken);
            }
            cell[c] = after_line(cell[c], taken);
            more = more || *cell[c];
            column += column_width[c] + GAP;
        }
        end_line(out);
    }
}

void comment_table(Text *out, const char *const *rows, int row_count, int columns, const Column *kind)
{
    size_t column_width[MAX_COLUMNS] = {0};
    const char **cells = NEW(out->arena, const char *, row_count * columns);
    for (int i = 0; i < row_count * columns; i++) {
        cells[i] = rows[i] ? comment_text(out->arena, rows[i]) : "";
        size_t w = width(cells[i], strlen(cells[i]));
        if (w > column_width[i % columns])
            column_width[i % columns] = w;
    }
    fit_columns(column_width, columns, kind);
    for (int r = 0; r < row_count; r++)
        print_row(out, &cells[r * columns], columns, column_width, kind);
}
