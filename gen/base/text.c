/* text.c: growing text, files written whole, and strings made fit for messages, C and comments.
 *
 * Strings of users (names, paths, lines of a model) reach terminals and C files through here only. What is dangerous there is
 * written visibly instead: control characters, bytes that are no UTF-8, and the characters that turn the direction of
 * writing (Boucher and Anderson, "Trojan Source", 2021).
 *
 * Invariant of Text: bytes[length] == 0, length < room. */
#define _GNU_SOURCE
#include "base/text.h"
#include "base/fail.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- growing text ---- */

Text text_new(Arena *arena)
{
    enum { FIRST_ROOM = 256 };
    return (Text){.arena = arena, .bytes = arena_alloc(arena, FIRST_ROOM), .room = FIRST_ROOM};
}

void text_add_bytes(Text *text, const char *bytes, size_t count)
{
    if (count >= text->room - text->length) {
        text->room = 2 * text->room + count;
        char *grown = arena_alloc(text->arena, text->room);
        memcpy(grown, text->bytes, text->length);
        text->bytes = grown;
    }
    if (count > 0)
        memcpy(text->bytes + text->length, bytes, count);
    text->length += count;
    text->bytes[text->length] = '\0';
}

void text_add(Text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void text_print(Text *text, const char *format, ...)
{
    char small[256];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(small, sizeof small, format, arguments);
    va_end(arguments);
    if (length >= 0 && (size_t)length < sizeof small) {
        text_add_bytes(text, small, (size_t)length);
        return;
    }
    va_start(arguments, format);
    text_add(text, arena_vprint(text->arena, format, arguments));
    va_end(arguments);
}

/* Bytes 10xxxxxx continue a character of UTF-8; all others begin one. */
static bool continues_character(char byte)
{
    return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t text_column(const Text *text)
{
    size_t column = 0;
    for (size_t i = text->length; i > 0 && text->bytes[i - 1] != '\n'; i--)
        column += !continues_character(text->bytes[i - 1]);
    return column;
}

void text_cut(Text *text, size_t length)
{
    text->length = length;
    text->bytes[length] = '\0';
}

void text_pad(Text *text, size_t column)
{
    for (size_t now = text_column(text); now < column; now++)
        text_add_bytes(text, " ", 1);
}

/* ---- files ---- */

/* The temporary that exists at this moment; removed if the process ends before the rename. */
static char *unfinished;

static void remove_unfinished(void)
{
    if (unfinished)
        unlink(unfinished);
}

static bool write_all(int file, const char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t done = write(file, bytes, count);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return false;
        bytes += done;
        count -= (size_t)done;
    }
    return true;
}

static _Noreturn void fail_writing(Arena *arena, const char *path, int error)
{
    fail_machine("cannot write %s: %s", quoted(arena, path), strerror(error));
}

/* Beside `path`, through a link to the file that it names; the name is short, so a long one of the user's still fits. */
static char *temporary_beside(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    return arena_print(arena, "%.*s.nngen-XXXXXX", slash ? (int)(slash + 1 - path) : 0, path);
}

/* A pipe that nobody reads yet is waited for, with a word about it. */
static int open_patiently(Arena *arena, const char *path)
{
    enum { TRIES_IN_SILENCE = 20 };
    const struct timespec tenth = {.tv_nsec = 100000000};
    int file = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    for (int tries = 1; file < 0 && errno == ENXIO && tries <= TRIES_IN_SILENCE; tries++) {
        nanosleep(&tenth, NULL);
        file = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    }
    if (file < 0 && errno == ENXIO) {
        fprintf(stderr, "waiting for %s, a pipe that nobody reads\n", quoted(arena, path));
        return open(path, O_WRONLY | O_CLOEXEC);
    }
    if (file >= 0)
        fcntl(file, F_SETFL, O_WRONLY);
    return file;
}

static void write_directly(Arena *arena, const char *path, const char *bytes, size_t count)
{
    int file = open_patiently(arena, path);
    if (file < 0 || !write_all(file, bytes, count))
        fail_writing(arena, path, errno);
    if (close(file) != 0)
        fail_writing(arena, path, errno);
}

static void write_and_rename(Arena *arena, const char *path, mode_t mode, const char *bytes, size_t count)
{
    static bool registered;
    if (!registered)
        registered = atexit(remove_unfinished) == 0;

    /* From the making of the temporary to its rename no signal may end the process: the temporary would stay. */
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &before);

    char *temporary = temporary_beside(arena, path);
    int file = mkostemp(temporary, O_CLOEXEC);
    if (file < 0)
        fail_writing(arena, path, errno);
    unfinished = temporary;
    if (fchmod(file, mode) != 0 || !write_all(file, bytes, count))
        fail_writing(arena, path, errno);
    if (close(file) != 0 || rename(temporary, path) != 0)
        fail_writing(arena, path, errno);
    unfinished = NULL;
    sigprocmask(SIG_SETMASK, &before, NULL);
}

void write_file(const char *path, const char *bytes, size_t count)
{
    if (!path) {
        if (fwrite(bytes, 1, count, stdout) != count || fflush(stdout) != 0)
            fail_machine("cannot write to standard output: %s", strerror(errno));
        return;
    }
    Arena *arena = arena_new();
    struct stat status;
    if (stat(path, &status) == 0) {
        if (S_ISDIR(status.st_mode))
            fail_writing(arena, path, EISDIR);
        if (!S_ISREG(status.st_mode)) {
            write_directly(arena, path, bytes, count);
        } else if (access(path, W_OK) != 0) {
            fail_writing(arena, path, errno);
        } else {
            char *target = realpath(path, NULL);        /* a link stays a link */
            if (!target)
                fail_writing(arena, path, errno);
            write_and_rename(arena, target, status.st_mode & 07777, bytes, count);
            free(target);
        }
    } else {
        mode_t mask = umask(0);
        umask(mask);
        write_and_rename(arena, path, 0666 & ~mask, bytes, count);
    }
    arena_free(arena);
}

char *read_file(Arena *arena, const char *path, size_t *count)
{
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return NULL;
    Text text = text_new(arena);
    struct stat status;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode)) {
        text.room = (size_t)status.st_size + 2;         /* the whole at once; one byte more is asked for, to see the end */
        text.bytes = arena_alloc(arena, text.room);
    }
    char buffer[1 << 14];
    for (;;) {
        ssize_t got = read(file, buffer, sizeof buffer);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            int error = errno;
            close(file);
            errno = error;
            return NULL;
        }
        if (got == 0)
            break;
        text_add_bytes(&text, buffer, (size_t)got);
    }
    close(file);
    *count = text.length;
    return text.bytes;
}

/* ---- strings for messages, comments and C ---- */

/* The bytes of the character that begins at `s`, and its code point; 0 if it is no valid UTF-8. */
static int utf8_character(const char *s, uint32_t *code)
{
    unsigned char first = (unsigned char)s[0];
    int bytes = first < 0x80 ? 1 : first >= 0xc2 && first < 0xe0 ? 2 : first >= 0xe0 && first < 0xf0 ? 3 :
                first >= 0xf0 && first < 0xf5 ? 4 : 0;
    if (bytes == 0)
        return 0;
    static const unsigned char payload[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    *code = first & payload[bytes];
    for (int i = 1; i < bytes; i++) {
        if (!continues_character(s[i]))
            return 0;
        *code = *code << 6 | ((unsigned char)s[i] & 0x3f);
    }
    bool overlong = (bytes == 3 && *code < 0x800) || (bytes == 4 && *code < 0x10000);
    bool surrogate = *code >= 0xd800 && *code < 0xe000;
    return overlong || surrogate || *code > 0x10ffff ? 0 : bytes;
}

/* Control characters, line and paragraph separators, and marks that turn or hide the direction of writing. */
static bool is_unprintable(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c || (code >= 0x200b && code <= 0x200f) ||
           (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

/* Appends the character at `s` as it may be shown, and gives its bytes. */
static int add_visibly(Text *text, const char *s)
{
    uint32_t code;
    int bytes = utf8_character(s, &code);
    if (bytes == 0) {
        text_print(text, "\\x%02x", (unsigned)(unsigned char)*s);
        return 1;
    }
    if (!is_unprintable(code))
        text_add_bytes(text, s, (size_t)bytes);
    else if (code == '\n')
        text_add(text, "\\n");
    else if (code == '\t')
        text_add(text, "\\t");
    else if (code == '\r')
        text_add(text, "\\r");
    else if (code < 0x80)
        text_print(text, "\\x%02x", code);
    else
        text_print(text, "<U+%04X>", code);
    return bytes;
}

const char *escaped(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    while (*string)
        string += add_visibly(&text, string);
    return text.bytes;
}

const char *quoted(Arena *arena, const char *string)
{
    return arena_print(arena, "'%s'", escaped(arena, string));
}

const char *comment_text(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    while (*string) {
        char before = text.length ? text.bytes[text.length - 1] : '\0';
        bool opens_or_closes = (before == '*' && *string == '/') || (before == '/' && *string == '*');
        if (opens_or_closes || (before == '?' && *string == '?'))
            text_add(&text, " ");
        if (*string == '\t') {
            text_add(&text, " ");
            string++;
        } else if (*string == '\\' && string[1] == '\0') {
            text_add(&text, "\\x5c");                   /* or it would take the end of the line with it */
            string++;
        } else {
            string += add_visibly(&text, string);
        }
    }
    return text.bytes;
}

const char *c_string(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    text_add(&text, "\"");
    while (*string) {
        uint32_t code;
        int bytes = utf8_character(string, &code);
        if (bytes == 0 || is_unprintable(code)) {
            bytes = bytes ? bytes : 1;
            for (int i = 0; i < bytes; i++)             /* octal: three digits at most, so what follows cannot join in */
                text_print(&text, "\\%03o", (unsigned)(unsigned char)string[i]);
        } else {
            if (code == '"' || code == '\\' || (code == '?' && text.bytes[text.length - 1] == '?'))
                text_add(&text, "\\");
            text_add_bytes(&text, string, (size_t)bytes);
        }
        string += bytes;
    }
    text_add(&text, "\"");
    return text.bytes;
}

/* ---- numbers ---- */

const char *number(Arena *arena, double value, bool f64)
{
    if (!f64)
        value = (float)value;
    if (isnan(value))
        return "NAN";
    if (isinf(value))
        return value > 0 ? "INFINITY" : "-INFINITY";
    if (value == floor(value) && fabs(value) < (f64 ? 1e15 : 1e7))
        return arena_print(arena, "%.1f", value);

    char digits[40];
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (f64 ? strtod(digits, NULL) == value : strtof(digits, NULL) == (float)value)
            break;
    }
    return arena_print(arena, "%s%s", digits, strpbrk(digits, ".e") ? "" : ".0");
}

const char *grouped(Arena *arena, int64_t value)
{
    char digits[24], out[40];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)value);
    int count = 0;
    for (int i = 0; i < length; i++) {
        int left = length - i;
        if (left % 3 == 0 && i > 0 && digits[i - 1] != '-')
            out[count++] = ' ';
        out[count++] = digits[i];
    }
    out[count] = '\0';
    return arena_string(arena, out);
}

/* ---- did you mean ---- */

/* Optimal string alignment (the restricted Damerau-Levenshtein distance), without regard to case; `most` when it is no less. */
static int distance(const char *a, const char *b, int most)
{
    enum { LONGEST = 64 };
    int m = (int)strlen(a), n = (int)strlen(b);
    if (m > LONGEST || n > LONGEST || abs(m - n) >= most)
        return most;
    int rows[3][LONGEST + 1];
    int *last = rows[0], *row = rows[1], *before_last = rows[2];
    for (int j = 0; j <= n; j++)
        row[j] = j;
    for (int i = 1; i <= m; i++) {
        int *free_row = before_last;
        before_last = last;
        last = row;
        row = free_row;
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);
            int best = last[j - 1] + (x != y);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            bool swapped = i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) && y == tolower((unsigned char)a[i - 2]);
            if (swapped && before_last[j - 2] + 1 < best)
                best = before_last[j - 2] + 1;
            row[j] = best;
        }
    }
    return row[n] < most ? row[n] : most;
}

const char *nearest(const char *word, const char *const *words, int count)
{
    size_t length = strlen(word);
    int most = length < 2 ? 0 : length < 6 ? 1 : (int)length / 3;       /* a short word may still have one slip */
    int best = most + 1;
    const char *found = NULL;
    for (int i = 0; i < count; i++) {
        int d = distance(word, words[i], best);
        if (d < best) {
            best = d;
            found = words[i];
        }
    }
    return found;
}
