/* csv.c: comma-separated values per RFC 4180: quotes, "" inside quotes, line ends inside quotes, CRLF or LF, a byte order mark.
 *
 * The file is read whole and parsed where it lies: a cell is unquoted in place and ended by a zero. The first row is a header
 * if a column is asked for by name, or if a cell of it is no number where one belongs. Every row has as many cells as the
 * first. A class column holds integers from 0, or words, which are numbered in sorted order over the training file; a word is
 * what does not read as a number, and the first cell decides. Errors give the file's line. */
#include "failure.h"
#include "input_file.h"
#include "memory.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct CsvReader {
    const char *path;
    char *text, *at, *end;
    long long line, next_line;          /* where the current record starts; where the next one will */
    char **cell;
    size_t *length;                     /* of each cell: a zero byte in a file must not hide the rest */
    int cells, room;
} CsvReader;

/* The words of one class column. `word` is sorted; `id` says which number of first appearance each has. */
typedef struct WordList {
    char **word;
    int *id;
    int count, room;
    bool is_used;                       /* the training column holds words */
} WordList;

/* Where an input's cells are. */
typedef struct CsvBinding {
    int first, count;                   /* columns from 0 */
} CsvBinding;

/* ---- records ---- */

static _Noreturn void fail_line(const CsvReader *csv, const char *what)
{
    nn_fail(NN_WRONG_INPUT, csv->path, "line %lld: %s", csv->line, what);
}

/* Parses one cell at csv->at, and steps over the comma or line end behind it. True: another cell of this record follows. */
static bool read_cell(CsvReader *csv)
{
    char *start = csv->at, *in = csv->at, *out = csv->at;
    if (in < csv->end && *in == '"') {
        for (in++;; in++) {
            if (in >= csv->end)
                fail_line(csv, "a quote that opens in this row is never closed");
            if (*in == '"' && (in + 1 >= csv->end || in[1] != '"'))
                break;
            in += *in == '"';
            csv->next_line += *in == '\n';
            *out++ = *in;
        }
        in++;
        if (in < csv->end && *in != ',' && *in != '\n' && !(*in == '\r' && in + 1 < csv->end && in[1] == '\n'))
            fail_line(csv, "text after a closing quote; a quote inside a quoted cell is written twice");
    } else {
        while (in < csv->end && *in != ',' && *in != '\n' && !(*in == '\r' && in + 1 < csv->end && in[1] == '\n'))
            in++;
        out = in;
    }
    bool more = in < csv->end && *in == ',';
    if (!more && in < csv->end) {
        in += *in == '\r';
        csv->next_line++;
    }
    csv->at = in + (in < csv->end);
    *out = 0;                                                 /* there is room: the text has a zero behind its end */

    if (csv->cells == csv->room) {
        csv->room = csv->room ? 2 * csv->room : 16;
        csv->cell = nn_grow(csv->cell, (size_t)csv->room, sizeof *csv->cell);
        csv->length = nn_grow(csv->length, (size_t)csv->room, sizeof *csv->length);
    }
    csv->cell[csv->cells] = start;
    csv->length[csv->cells++] = (size_t)(out - start);
    return more;
}

/* False at the end; empty lines at the end of the file are no rows. */
static bool read_record(CsvReader *csv)
{
    char *rest = csv->at;
    while (rest < csv->end && (*rest == '\n' || *rest == '\r'))
        rest++;
    if (rest == csv->end)
        return false;
    csv->line = csv->next_line;
    csv->cells = 0;
    while (read_cell(csv))
        continue;
    return true;
}

static CsvReader open_csv(const char *path)
{
    size_t bytes;
    char *text = nn_read_whole_input(path, &bytes);
    CsvReader csv = {.path = path, .text = text, .at = text, .end = text + bytes, .next_line = 1};
    if (bytes >= 3 && !memcmp(text, "\xEF\xBB\xBF", 3))
        csv.at += 3;
    return csv;
}

static void close_csv(CsvReader *csv)
{
    nn_release(csv->text);
    nn_release(csv->cell);
    nn_release(csv->length);
}

/* ---- cells ---- */

/* A decimal number, spaces around it allowed; hexadecimal, "nan" and "inf" are none. */
static bool is_number(const char *cell, size_t length, double *value)
{
    while (*cell == ' ' || *cell == '\t') {
        cell++;
        length--;
    }
    int64_t whole = 0;
    size_t digits = 0;
    while (digits < 15 && cell[digits] >= '0' && cell[digits] <= '9')
        whole = 10 * whole + (cell[digits++] - '0');
    if (digits && digits == length) {                         /* most cells are short integers: strtod takes ten times as long */
        *value = (double)whole;
        return true;
    }
    size_t used = strspn(cell, "+-.0123456789eE");
    char *end;
    *value = strtod(cell, &end);
    size_t spaces = strspn(cell + used, " \t");
    return used && end == cell + used && used + spaces == length;
}

static bool is_integer(const char *cell, size_t length)
{
    return length && strspn(cell, "0123456789") == length;
}

static double float_cell(const CsvReader *csv, int column, const NnInput *input)
{
    double value;
    if (!is_number(csv->cell[column], csv->length[column], &value))
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is no number; %s takes numbers", csv->line, column + 1,
                nn_quoted(csv->cell[column]), nn_quoted(input->name));
    if (value - value != 0)
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is too large a number", csv->line, column + 1,
                nn_quoted(csv->cell[column]));
    return value;
}

static int32_t integer_class(const CsvReader *csv, int column, const NnInput *input)
{
    const char *cell = csv->cell[column];
    char *end;
    errno = 0;
    long value = is_integer(cell, csv->length[column]) ? strtol(cell, &end, 10) : -1;
    if (errno || value < 0 || value >= input->classes)
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is no class of %s; integers from 0 to %d are expected",
                csv->line, column + 1, nn_quoted(cell), nn_quoted(input->name), input->classes - 1);
    return (int32_t)value;
}

/* Where `word` is or belongs in the sorted list. */
static int word_place(const WordList *words, const char *word, bool *is_there)
{
    int low = 0, high = words->count;
    while (low < high) {
        int middle = (low + high) / 2, order = strcmp(words->word[middle], word);
        if (!order) {
            *is_there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = false;
    return low;
}

/* In the training file: the word's number of first appearance, for the ranks are known only at its end (number_words). */
static int32_t learn_word(const CsvReader *csv, int column, const NnInput *input, WordList *words)
{
    const char *cell = csv->cell[column];
    bool is_there;
    int place = word_place(words, cell, &is_there);
    if (is_there)
        return words->id[place];
    if (!*cell || strlen(cell) != csv->length[column])
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is no word for a class of %s", csv->line, column + 1,
                nn_quoted(cell), nn_quoted(input->name));
    if (words->count == input->classes)
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is one word more than %s has classes (%d)", csv->line,
                column + 1, nn_quoted(cell), nn_quoted(input->name), input->classes);
    if (words->count == words->room) {
        words->room = words->room ? 2 * words->room : 16;
        words->word = nn_grow(words->word, (size_t)words->room, sizeof *words->word);
        words->id = nn_grow(words->id, (size_t)words->room, sizeof *words->id);
    }
    size_t above = (size_t)(words->count - place);
    memmove(words->word + place + 1, words->word + place, above * sizeof *words->word);
    memmove(words->id + place + 1, words->id + place, above * sizeof *words->id);
    words->word[place] = nn_copy_string(cell);
    words->id[place] = words->count;
    return words->count++;
}

/* From numbers of first appearance to ranks. */
static void number_words(const WordList *words, int32_t *class, int64_t count)
{
    int32_t *rank = nn_allocate((size_t)words->count, sizeof *rank);
    for (int i = 0; i < words->count; i++)
        rank[words->id[i]] = i;
    for (int64_t i = 0; i < count; i++)
        class[i] = rank[class[i]];
    nn_release(rank);
}

/* In the other files: the rank. */
static int32_t known_word(const CsvReader *csv, int column, const NnInput *input, const WordList *words)
{
    bool is_there;
    int place = word_place(words, csv->cell[column], &is_there);
    if (!is_there)
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: %s is no class of %s: the training file does not have it",
                csv->line, column + 1, nn_quoted(csv->cell[column]), nn_quoted(input->name));
    return place;
}

/* ---- columns ---- */

static CsvBinding find_column(const CsvReader *csv, const NnInput *input)
{
    const NnColumns *columns = &input->columns;
    CsvBinding binding = {columns->first - 1, columns->last - columns->first + 1};
    if (columns->name) {
        int found = 0;
        binding.count = 1;
        for (int i = 0; i < csv->cells; i++)
            if (!strcmp(csv->cell[i], columns->name)) {
                binding.first = i;
                found++;
            }
        if (found != 1) {
            char header[1024] = "";                           /* more than a message shows */
            size_t used = 0;
            for (int i = 0; i < csv->cells && used < sizeof header - 1; i++)
                used += (size_t)snprintf(header + used, sizeof header - used, "%s%s", i ? ", " : "", csv->cell[i]);
            nn_fail(NN_WRONG_INPUT, csv->path, "line %lld: %s column is named %s; the header has %s", csv->line,
                    found ? "more than one" : "no", nn_quoted(columns->name), nn_quoted(header));
        }
    } else if (columns->first < 1 || columns->last > csv->cells || binding.count < 1) {
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld: has %d columns, but %s is bound to columns %d to %d (they count from 1)",
                csv->line, csv->cells, nn_quoted(input->name), columns->first, columns->last);
    }
    if (binding.count != input->elements)
        nn_fail(NN_WRONG_INPUT, csv->path, "%d columns are bound to %s, which takes %lld elements a row", binding.count,
                nn_quoted(input->name), (long long)input->elements);
    return binding;
}

static bool is_header(const CsvReader *csv, const NnReading *reading, const CsvBinding *binding)
{
    double value;
    for (int i = 0; i < reading->input_count; i++) {
        if (reading->inputs[i].columns.name)
            return true;
        for (int c = binding[i].first; c < binding[i].first + binding[i].count && !reading->inputs[i].classes; c++)
            if (!is_number(csv->cell[c], csv->length[c], &value))
                return true;
    }
    return false;
}

/* One input's values while the rows come in. */
typedef struct CsvColumn {
    double *floats;
    int32_t *classes;
} CsvColumn;

static void grow_columns(const NnReading *reading, CsvColumn *columns, int64_t rows)
{
    for (int i = 0; i < reading->input_count; i++) {
        size_t elements = (size_t)rows * (size_t)reading->inputs[i].elements;
        if (reading->inputs[i].classes)
            columns[i].classes = nn_grow(columns[i].classes, elements, sizeof(int32_t));
        else
            columns[i].floats = nn_grow(columns[i].floats, elements, sizeof(double));
    }
}

static int32_t class_cell(const CsvReader *csv, int column, const NnInput *input, WordList *words, bool learn, bool is_first)
{
    double value;
    bool is_word = !is_number(csv->cell[column], csv->length[column], &value);
    if (learn && is_first)
        words->is_used = is_word;
    if (!words->is_used)
        return integer_class(csv, column, input);
    if (!is_word)
        nn_fail(NN_WRONG_INPUT, csv->path, "line %lld, column %d: the number %s stands among words for %s; if the file has a "
                "header, bind the column by its name", csv->line, column + 1, nn_quoted(csv->cell[column]),
                nn_quoted(input->name));
    return learn ? learn_word(csv, column, input, words) : known_word(csv, column, input, words);
}

static void read_cells(const CsvReader *csv, const NnReading *reading, NnSet set, const CsvBinding *binding, CsvColumn *columns,
                     int64_t row)
{
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        for (int e = 0; e < binding[i].count; e++) {
            int64_t at = row * input->elements + e;
            int cell = binding[i].first + e;
            bool is_first = row == 0 && e == 0;
            if (input->classes)
                columns[i].classes[at] = class_cell(csv, cell, input, (WordList *)reading->learned + i, set == NN_TRAIN, is_first);
            else
                columns[i].floats[at] = float_cell(csv, cell, input);
        }
    }
}

static void read_csv(NnReading *reading, NnSet set, NnColumn *column)
{
    char *path = nn_find_file(reading->data, reading->data_dir, reading->data->file[set]);
    CsvReader csv = open_csv(path);
    if (!reading->learned)
        reading->learned = nn_allocate((size_t)reading->input_count, sizeof(WordList));
    WordList *words = reading->learned;
    CsvBinding *binding = nn_allocate((size_t)reading->input_count, sizeof *binding);
    CsvColumn *columns = nn_allocate((size_t)reading->input_count, sizeof *columns);

    int64_t rows = 0, room = 0;
    bool more = read_record(&csv);
    int cells = csv.cells;
    if (more)
        for (int i = 0; i < reading->input_count; i++)
            binding[i] = find_column(&csv, &reading->inputs[i]);
    if (more && is_header(&csv, reading, binding))
        more = read_record(&csv);
    for (; more; more = read_record(&csv)) {
        if (csv.cells != cells)
            nn_fail(NN_WRONG_INPUT, path, "line %lld: has %d cell%s; the first row has %d", csv.line, csv.cells,
                    csv.cells == 1 ? "" : "s", cells);
        if (rows == room)
            grow_columns(reading, columns, room = room ? 2 * room : 64);
        read_cells(&csv, reading, set, binding, columns, rows++);
    }
    int64_t kept = nn_rows_kept(reading->data, set, rows, path);
    grow_columns(reading, columns, kept);                     /* down to what is kept */
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        void *values = input->classes ? (void *)columns[i].classes : (void *)columns[i].floats;
        if (set == NN_TRAIN && input->classes && words[i].is_used)
            number_words(&words[i], values, kept * input->elements);
        column[i] = (NnColumn){.stored = input->classes ? NN_I32 : NN_STORED_F64, .values = values, .owned = values, .rows = kept,
                               .place = nn_copy_string(path)};
    }
    nn_release(binding);
    nn_release(columns);
    close_csv(&csv);
    nn_release(path);
}

static void forget_csv(NnReading *reading)
{
    WordList *words = reading->learned;
    for (int i = 0; i < reading->input_count && words; i++) {
        for (int w = 0; w < words[i].count; w++)
            nn_release(words[i].word[w]);
        nn_release(words[i].word);
        nn_release(words[i].id);
    }
    nn_release(words);
    reading->learned = NULL;
}

const NnFormat nn_csv = {.name = "csv", .read = read_csv, .finish = forget_csv};
