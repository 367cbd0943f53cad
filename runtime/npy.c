/* npy.c: NumPy's array file, plain or gzipped, one file an input.
 *
 *   \x93NUMPY, version (two bytes), length of the header (16 bits in version 1, else 32; little end first), the header:
 *   {'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }   a dictionary as Python prints it, padded by blanks;
 *   then the elements, in C or Fortran order
 *
 * Source: numpy.lib.format. Read are f4, f8 and the integers of 1, 2, 4 and 8 bytes, in either byte order. The header is
 * parsed by a grammar of its own, no wider than what NumPy writes. */
#include "array.h"
#include "failure.h"

#include <string.h>

enum { LONGEST_HEADER_TEXT = 1 << 16 };      /* only records with named fields need more, and they are not read */

typedef struct Parser {
    const NnInputFile *file;
    const char *at;                     /* in the header's text, which ends in a zero */
} Parser;

static _Noreturn void fail_header(const Parser *parser, const char *expected)
{
    nn_fail(NN_WRONG_INPUT, parser->file->path, "its NPY header is damaged: %s is expected at %s", expected,
            *parser->at ? nn_quoted(parser->at) : "its end");
}

static void skip_blanks(Parser *parser)
{
    parser->at += strspn(parser->at, " \n\t");
}

/* Skips blanks; then `character`, if it is there. */
static bool take(Parser *parser, char character)
{
    skip_blanks(parser);
    if (*parser->at != character)
        return false;
    parser->at++;
    return true;
}

static void need(Parser *parser, char character, const char *expected)
{
    if (!take(parser, character))
        fail_header(parser, expected);
}

static void parse_word(Parser *parser, char *out, size_t room)
{
    char quote = take(parser, '\'') ? '\'' : '"';
    if (quote == '"')
        need(parser, '"', "a word in quotes");
    size_t length = strcspn(parser->at, quote == '"' ? "\"" : "'");
    if (!parser->at[length] || length >= room)
        fail_header(parser, "a short word in quotes");
    memcpy(out, parser->at, length);
    out[length] = 0;
    parser->at += length + 1;
}

static bool parse_boolean(Parser *parser)
{
    skip_blanks(parser);
    bool value = !strncmp(parser->at, "True", 4);
    if (!value && strncmp(parser->at, "False", 5))
        fail_header(parser, "True or False");
    parser->at += value ? 4 : 5;
    return value;
}

static int64_t parse_size(Parser *parser)
{
    skip_blanks(parser);
    int64_t size = 0;
    if (*parser->at < '0' || *parser->at > '9')
        fail_header(parser, "a size");
    for (; *parser->at >= '0' && *parser->at <= '9'; parser->at++)
        if (__builtin_mul_overflow(size, 10, &size) || __builtin_add_overflow(size, *parser->at - '0', &size))
            fail_header(parser, "a size below 2^63");
    parser->at += *parser->at == 'L';                         /* Python 2 wrote its long integers so */
    return size;
}

static void parse_shape(Parser *parser, NnArray *array)
{
    need(parser, '(', "a shape in brackets");
    while (!take(parser, ')')) {
        if (array->rank == NN_ARRAY_RANK)
            fail_header(parser, "a shape of at most 32 sizes");
        array->shape[array->rank++] = parse_size(parser);
        if (take(parser, ','))
            continue;
        need(parser, ')', "a comma or the end of the shape");
        break;
    }
}

static void parse_type(const Parser *parser, const char *type, NnArray *array)
{
    static const struct { char name[3]; NnStored stored; } known[] = {
        {"u1", NN_U8}, {"i1", NN_I8}, {"u2", NN_U16}, {"i2", NN_I16}, {"u4", NN_U32}, {"i4", NN_I32},
        {"u8", NN_U64}, {"i8", NN_I64}, {"f4", NN_STORED_F32}, {"f8", NN_STORED_F64},
    };
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        if (!*type || strcmp(type + 1, known[k].name))
            continue;
        bool has_order = nn_stored_size(known[k].stored) > 1;
        if (!strchr(has_order ? "<>=" : "|<>=", *type))
            break;
        array->stored = known[k].stored;
        array->is_swapped = has_order && *type != '=' && (*type == '>') != nn_is_big_endian();
        return;
    }
    nn_fail(NN_WRONG_INPUT, parser->file->path, "its elements are %s; f4, f8, or integers (i1 to i8, u1 to u8) are expected",
            nn_quoted(type));
}

static NnArray parse_header(Parser *parser)
{
    static const char *const key_name[] = {"descr", "fortran_order", "shape"};
    enum { KEYS = 3 };
    NnArray array = {0};
    bool seen[KEYS] = {false};
    char key[16], type[64] = "";
    need(parser, '{', "{");
    while (!take(parser, '}')) {
        const char *start = parser->at;
        int k = 0;
        parse_word(parser, key, sizeof key);
        while (k < KEYS && strcmp(key, key_name[k]))
            k++;
        if (k == KEYS || seen[k]) {
            parser->at = start;
            fail_header(parser, "descr, fortran_order and shape, each once,");
        }
        seen[k] = true;
        need(parser, ':', "a colon");
        if (k == 0 && take(parser, '['))
            nn_fail(NN_WRONG_INPUT, parser->file->path, "its elements are records; numbers are expected");
        if (k == 0)
            parse_word(parser, type, sizeof type);
        else if (k == 1)
            array.is_fortran = parse_boolean(parser);
        else
            parse_shape(parser, &array);
        if (!take(parser, ',')) {
            need(parser, '}', "a comma or }");
            break;
        }
    }
    if (!seen[0] || !seen[1] || !seen[2])
        fail_header(parser, "descr, fortran_order and shape, each once,");
    skip_blanks(parser);
    if (*parser->at)
        fail_header(parser, "nothing more");
    parse_type(parser, type, &array);
    return array;
}

NnArray nn_read_npy_header(NnInputFile *file)
{
    unsigned char start[8], length[4] = {0};
    size_t got = nn_read_input(file, start, sizeof start);
    if (got < sizeof start || memcmp(start, "\x93NUMPY", 6))
        nn_fail(NN_WRONG_INPUT, file->path, "is no NPY file: it should begin with \\x93NUMPY, but %s",
                got < sizeof start ? "is shorter than that" : "does not");
    if (start[6] < 1 || start[6] > 3)
        nn_fail(NN_WRONG_INPUT, file->path, "is an NPY file of version %d.%d; versions 1 to 3 are known", start[6], start[7]);

    size_t length_bytes = start[6] == 1 ? 2 : 4;
    static char text[LONGEST_HEADER_TEXT + 1];
    got = nn_read_input(file, length, length_bytes);
    size_t bytes = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (got == length_bytes && bytes > LONGEST_HEADER_TEXT)
        nn_fail(NN_WRONG_INPUT, file->path, "announces a header of %zu bytes; at most %d are read", bytes, LONGEST_HEADER_TEXT);
    if (got < length_bytes || nn_read_input(file, text, bytes) < bytes)
        nn_fail(NN_WRONG_INPUT, file->path, "ends inside its header; the file is torn");
    text[bytes] = 0;

    Parser parser = {file, text};
    if (strlen(text) < bytes) {
        parser.at += strlen(text);
        fail_header(&parser, "no zero byte");
    }
    NnArray array = parse_header(&parser);
    if (array.rank == 0)
        nn_fail(NN_WRONG_INPUT, file->path, "holds a single number; an array with a row for each example is expected");
    return array;
}

static void read_npy(NnReading *reading, NnSet set, NnColumn *column)
{
    nn_read_array_files(reading, set, column, nn_read_npy_header);
}

static int64_t count_npy(NnReading *reading)
{
    return nn_count_array_file(reading, nn_read_npy_header);
}

const NnFormat nn_npy = {.name = "npy", .read = read_npy, .count = count_npy};
