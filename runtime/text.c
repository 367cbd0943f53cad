/* text.c: a text whose places are classes, to learn to continue it.
 *
 * A place is a byte, or a code point of UTF-8. Byte: its class is its value, 256 of them. Code point: its class is its rank
 * among the distinct code points of the whole training file. Row r of an input of `context` elements begins at place
 * r · context; the input with later = 1 sees everything one place later, so the two share one block of memory, and the last
 * place of the file is only ever a target. Overlong forms, surrogates and other invalid UTF-8 are refused, never replaced. */
#include "failure.h"
#include "input_file.h"
#include "memory.h"
#include "source.h"
#include "utf8.h"

#include <string.h>


typedef struct Alphabet {
    int32_t *class_after;               /* by code point: its class + 1; 0: it does not occur. Pages that nothing touches cost nothing */
    int count;
} Alphabet;

static long long line_of(const char *text, const unsigned char *at)
{
    long long line = 1;
    for (const char *c = text; c < (const char *)at; c++)
        line += *c == '\n';
    return line;
}

/* How many code points there are. */
static int64_t count_code_points(const char *path, const char *text, size_t bytes)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    int64_t count = 0;
    for (; at < end; count++)
        if (nn_next_code_point(&at) < 0)
            nn_fail(NN_WRONG_INPUT, path, "line %lld: byte %lld of the file (%d) is not valid UTF-8; convert the file, or take "
                    "level = \"byte\"", line_of(text, at), (long long)(at - (const unsigned char *)text + 1), *at);
    return count;
}

static Alphabet learn_alphabet(const char *text, size_t bytes)
{
    Alphabet alphabet = {.class_after = nn_allocate(NN_CODE_POINTS, sizeof *alphabet.class_after)};
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    int32_t most = -1;
    while (at < end) {
        int32_t point = nn_next_code_point(&at);
        alphabet.class_after[point] = 1;
        most = point > most ? point : most;
    }
    for (int32_t point = 0; point <= most; point++)
        if (alphabet.class_after[point])
            alphabet.class_after[point] = ++alphabet.count;
    return alphabet;
}

/* Classes of all places, in bytes where they fit. */
static void *classes_of(const char *path, const char *text, size_t bytes, int64_t places, const Alphabet *alphabet, NnStored *stored)
{
    *stored = alphabet->count <= 256 ? NN_U8 : NN_I32;
    uint8_t *small = *stored == NN_U8 ? nn_allocate((size_t)places, sizeof *small) : NULL;
    int32_t *large = *stored == NN_U8 ? NULL : nn_allocate((size_t)places, sizeof *large);
    const unsigned char *at = (const unsigned char *)text, *end = at + bytes;
    for (int64_t p = 0; at < end; p++) {
        const unsigned char *here = at;
        int32_t point = nn_next_code_point(&at), class = alphabet->class_after[point] - 1;
        if (class < 0)
            nn_fail(NN_WRONG_INPUT, path, "line %lld: the code point U+%04X does not occur in the training text",
                    line_of(text, here), (unsigned)point);
        if (small)
            small[p] = (uint8_t)class;
        else
            large[p] = class;
    }
    return small ? (void *)small : (void *)large;
}

static void read_text(NnReading *reading, NnSet set, NnColumn *column)
{
    const NnData *data = reading->data;
    char *path = nn_find_file(data, reading->data_dir, data->file[set]);
    size_t bytes;
    char *text = nn_read_whole_input(path, &bytes);
    void *values = text;
    NnStored stored = NN_U8;
    int64_t places = (int64_t)bytes;
    if (!data->by_byte) {
        places = count_code_points(path, text, bytes);
        if (!reading->learned) {
            reading->learned = nn_allocate(1, sizeof(Alphabet));
            *(Alphabet *)reading->learned = learn_alphabet(text, bytes);
        }
        values = classes_of(path, text, bytes, places, reading->learned, &stored);
        nn_release(text);
    }
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        const Alphabet *alphabet = reading->learned;
        if (alphabet && alphabet->count > input->classes)
            nn_fail(NN_WRONG_INPUT, path, "has %d distinct code points, but input %s has %d classes; generate the program again "
                    "with this text", alphabet->count, nn_quoted(input->name), input->classes);
        if (places <= input->elements)
            nn_fail(NN_WRONG_INPUT, path, "has %lld %s; a row of context %lld takes one more than that", (long long)places,
                    data->by_byte ? "bytes" : "characters", (long long)input->elements);
        int64_t rows = nn_rows_kept(data, set, (places - 1) / input->elements, path);
        column[i] = (NnColumn){.stored = stored, .values = (char *)values + (size_t)input->later * nn_stored_size(stored),
                               .owned = i ? NULL : values, .rows = rows, .place = nn_copy_string(path)};
        nn_check_column(input, &column[i]);
    }
    nn_release(path);
}

static void forget_text(NnReading *reading)
{
    Alphabet *alphabet = reading->learned;
    if (alphabet)
        nn_release(alphabet->class_after);
    nn_release(alphabet);
    reading->learned = NULL;
}

int nn_text_classes(const NnData *data, const char *data_dir)
{
    if (data->by_byte)
        return 256;
    char *path = nn_find_file(data, data_dir, data->file[NN_TRAIN]);
    size_t bytes;
    char *text = nn_read_whole_input(path, &bytes);
    if (!count_code_points(path, text, bytes))
        nn_fail(NN_WRONG_INPUT, path, "is empty; a text is expected");
    Alphabet alphabet = learn_alphabet(text, bytes);
    nn_release(alphabet.class_after);
    nn_release(text);
    nn_release(path);
    return alphabet.count;
}

const NnFormat nn_text = {.name = "text", .read = read_text, .finish = forget_text};
