/* json.c: is every line of standard input one JSON object (RFC 8259)? Exit 1 names the first line that is not. NaN, Infinity,
 * a bare word or a comma too many are what a log could get wrong. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *value(const char *at);                   /* what follows one value; NULL: not JSON */

static const char *space(const char *at) { return at + strspn(at, " \t\r"); }

static const char *string(const char *at)
{
    if (*at++ != '"')
        return NULL;
    for (; *at != '"'; at++) {
        if ((unsigned char)*at < 0x20)                      /* the end of the line too */
            return NULL;
        if (*at == '\\') {
            at++;
            if (*at == 'u') {
                if (strspn(at + 1, "0123456789abcdefABCDEF") < 4)
                    return NULL;
                at += 4;
            } else if (!*at || !strchr("\"\\/bfnrt", *at)) {
                return NULL;
            }
        }
    }
    return at + 1;
}

static const char *digits(const char *at)
{
    size_t count = strspn(at, "0123456789");
    return count ? at + count : NULL;
}

static const char *number(const char *at)
{
    at += *at == '-';
    at = *at == '0' ? at + 1 : digits(at);
    if (at && *at == '.')
        at = digits(at + 1);
    if (at && (*at == 'e' || *at == 'E'))
        at = digits(at + 1 + (at[1] == '+' || at[1] == '-'));
    return at;
}

static const char *members(const char *at, char close)
{
    at = space(at + 1);
    if (*at == close)
        return at + 1;
    for (;;) {
        if (close == '}') {
            at = string(at);
            if (!at || *(at = space(at)) != ':')
                return NULL;
            at = space(at + 1);
        }
        at = value(at);
        if (!at)
            return NULL;
        at = space(at);
        if (*at == close)
            return at + 1;
        if (*at != ',')
            return NULL;
        at = space(at + 1);
    }
}

static const char *value(const char *at)
{
    switch (*at) {
    case '{': return members(at, '}');
    case '[': return members(at, ']');
    case '"': return string(at);
    case 't': return strncmp(at, "true", 4) ? NULL : at + 4;
    case 'f': return strncmp(at, "false", 5) ? NULL : at + 5;
    case 'n': return strncmp(at, "null", 4) ? NULL : at + 4;
    default: return number(at);
    }
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    int count = 0;
    for (ssize_t length; (length = getline(&line, &room, stdin)) > 0;) {
        count++;
        bool whole = line[length - 1] == '\n';
        line[length - whole] = 0;
        const char *end = *space(line) == '{' ? value(space(line)) : NULL;
        if (!whole || !end || *space(end) || strlen(line) != (size_t)(length - whole)) {
            printf("line %d is no JSON object: %.200s\n", count, line);
            return 1;
        }
    }
    if (!count)
        printf("no line at all\n");
    return !count;
}
