/* utf8.h: code points of UTF-8 (RFC 3629: no overlong forms, no surrogates, to U+10FFFF), and which of them may be shown. */
#ifndef NNGEN_RUNTIME_UTF8_H
#define NNGEN_RUNTIME_UTF8_H

#include <stdbool.h>
#include <stdint.h>

enum { NN_CODE_POINTS = 0x110000 };

/* The code point at *at, which moves behind it; -1: invalid. There is a zero behind the text, so that a cut sequence shows. */
static inline int32_t nn_next_code_point(const unsigned char **at)
{
    static const int32_t least[] = {0, 0x80, 0x800, 0x10000};
    const unsigned char *byte = *at;
    int more = byte[0] < 0x80 ? 0 : byte[0] >= 0xC2 && byte[0] < 0xE0 ? 1 : (byte[0] & 0xF0) == 0xE0 ? 2 :
               byte[0] >= 0xF0 && byte[0] < 0xF5 ? 3 : -1;
    if (more < 0)
        return -1;
    int32_t point = more ? byte[0] & (0x3F >> more) : byte[0];
    for (int i = 1; i <= more; i++) {
        if ((byte[i] & 0xC0) != 0x80)
            return -1;
        point = point << 6 | (byte[i] & 0x3F);
    }
    if (point < least[more] || point >= NN_CODE_POINTS || (point >= 0xD800 && point < 0xE000))
        return -1;
    *at = byte + more + 1;
    return point;
}

/* Control characters, line and paragraph separators, and marks that turn or hide the direction of writing ("Trojan Source"). */
static inline bool nn_is_unprintable(int32_t code)
{
    return code < 0x20 || (code >= 0x7F && code < 0xA0) || code == 0x61C || (code >= 0x200B && code <= 0x200F) ||
           (code >= 0x2028 && code <= 0x202E) || (code >= 0x2060 && code <= 0x206F) || code == 0xFEFF;
}

#endif
