/* tensor_header.c: see tensor_header.h. A reader of as much JSON as these headers are, by recursive descent, strings unescaped
 * where they lie. It trusts nothing: whatever the bytes are, it stays within them and answers with an item or a fault. */
#include "tensor_header.h"

#include <string.h>

const char *const nn_dtype_name[NN_DTYPE_OTHER + 1] = {"F32", "F64", "I32", "I64", "I8", "I16", "U8", "U16", "U32", "U64", "another type"};
const int nn_dtype_size[NN_DTYPE_OTHER + 1] = {4, 8, 4, 8, 1, 2, 1, 2, 4, 8, 0};

static const char not_json[] = "its header is no JSON object; the file is torn, damaged or no safetensors file";

static void skip_space(NnTensorHeader *r)
{
    while (*r->at == ' ' || *r->at == '\t' || *r->at == '\r' || *r->at == '\n')
        r->at++;
}

/* Is this character next? Then it is passed. */
static bool pass(NnTensorHeader *r, char wanted)
{
    skip_space(r);
    if (*r->at != wanted)
        return false;
    r->at++;
    return true;
}

/* ---- strings ---- */

static int hex_digits(const char *at, uint32_t *code)
{
    *code = 0;
    for (int i = 0; i < 4; i++) {
        const char c = at[i];
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0)
            return 0;
        *code = *code << 4 | (uint32_t)digit;
    }
    return 4;
}

static char *put_code_point(char *to, uint32_t code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 63));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 63));
        *to++ = (char)(0x80 | (code >> 6 & 63));
        *to++ = (char)(0x80 | (code & 63));
    }
    return to;
}

/* \u and its digits, from the u on; a pair of surrogates is one code point. NULL: malformed. \u0000 would end a name: malformed too. */
static char *escaped_code_point(char **at, char *to)
{
    uint32_t code, low;
    if (!hex_digits(*at + 1, &code) || code == 0)
        return NULL;
    *at += 5;
    if (code >= 0xd800 && code < 0xe000) {
        if (code >= 0xdc00 || (*at)[0] != '\\' || (*at)[1] != 'u' || !hex_digits(*at + 2, &low) || low < 0xdc00 || low >= 0xe000)
            return NULL;
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_code_point(to, code);
}

/* A string, unescaped in place; NULL: there is none. What is unescaped is never longer than what was there. */
static char *string(NnTensorHeader *r)
{
    if (!pass(r, '"'))
        return NULL;
    char *begin = r->at, *at = begin, *to = begin;
    while (*at != '"') {
        static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
        if (!*at)
            return NULL;
        if (*at != '\\') {
            *to++ = *at++;
            continue;
        }
        at++;
        const char *known = *at ? strchr(from, *at) : NULL;
        if (known) {
            *to++ = into[known - from];
            at++;
        } else if (*at != 'u' || !(to = escaped_code_point(&at, to))) {
            return NULL;
        }
    }
    *to = '\0';
    r->at = at + 1;
    return begin;
}

/* ---- values ---- */

/* A whole number in [0, 2^53], where doubles are exact. */
static bool whole_number(NnTensorHeader *r, int64_t *value)
{
    skip_space(r);
    if (*r->at < '0' || *r->at > '9')
        return false;
    for (*value = 0; *r->at >= '0' && *r->at <= '9'; r->at++) {
        *value = *value * 10 + (*r->at - '0');
        if (*value > INT64_C(1) << 53)
            return false;
    }
    return *r->at != '.' && *r->at != 'e' && *r->at != 'E';
}

/* A value of any kind, passed over; brackets are counted, not kept. */
static bool pass_value(NnTensorHeader *r)
{
    int depth = 0;
    do {
        skip_space(r);
        if (*r->at == '"') {
            if (!string(r))
                return false;
        } else if (*r->at == '{' || *r->at == '[') {
            depth++;
            r->at++;
        } else if (*r->at == '}' || *r->at == ']') {
            if (depth-- == 0)
                return false;
            r->at++;
        } else if (depth && (*r->at == ',' || *r->at == ':')) {
            r->at++;
        } else {
            const size_t length = strcspn(r->at, "\"{}[],: \t\r\n");
            if (!length)
                return false;
            r->at += length;
        }
        skip_space(r);
    } while (depth);
    return true;
}

static NnHeaderItem broken(NnTensorHeader *r, const char *fault)
{
    r->fault = fault;
    return NN_ITEM_BROKEN;
}

static NnHeaderItem broken_text(NnTensorHeader *r)
{
    r->entry.name = NULL;
    return broken(r, not_json);
}

/* ---- an entry ---- */

static const char bad_shape[] = "has a shape that is none";
static const char bad_place[] = "has data_offsets outside of the file; the file is torn or damaged";
static const char incomplete[] = "needs a dtype, a shape and two data_offsets";

/* [80, 64]. NULL, or the fault. */
static const char *read_shape(NnTensorHeader *r)
{
    NnEntry *entry = &r->entry;
    if (!pass(r, '['))
        return incomplete;
    entry->rank = 0;
    if (pass(r, ']'))
        return NULL;
    do {
        int64_t size;
        if (!whole_number(r, &size))
            return bad_shape;
        if (entry->rank < NN_MAX_RANK)
            entry->shape[entry->rank] = size;
        entry->rank++;
    } while (pass(r, ','));
    return pass(r, ']') ? NULL : bad_shape;
}

static const char *read_offsets(NnTensorHeader *r)
{
    NnEntry *entry = &r->entry;
    if (!pass(r, '['))
        return incomplete;
    if (!whole_number(r, &entry->begin))
        return bad_place;
    if (!pass(r, ','))
        return incomplete;
    if (!whole_number(r, &entry->end))
        return bad_place;
    return pass(r, ']') ? NULL : incomplete;
}

static const char *read_dtype(NnTensorHeader *r)
{
    NnEntry *entry = &r->entry;
    entry->dtype_name = string(r);
    if (!entry->dtype_name)
        return incomplete;
    entry->dtype = NN_DTYPE_OTHER;
    for (int i = 0; i < NN_DTYPE_OTHER; i++)
        if (!strcmp(entry->dtype_name, nn_dtype_name[i]))
            entry->dtype = (NnDtype)i;
    return NULL;
}

/* Shape and place agree, and the place is in the file. */
static const char *judge(const NnTensorHeader *r)
{
    const NnEntry *entry = &r->entry;
    if (entry->begin > entry->end || entry->end > r->data_bytes)
        return bad_place;
    int64_t bytes = nn_dtype_size[entry->dtype];
    bool is_empty = false;
    for (int d = 0; d < entry->rank && d < NN_MAX_RANK; d++)
        is_empty = is_empty || entry->shape[d] == 0;
    for (int d = 0; d < entry->rank && d < NN_MAX_RANK && !is_empty; d++) {
        if (bytes > INT64_MAX / entry->shape[d])
            return bad_shape;
        bytes *= entry->shape[d];
    }
    bytes = is_empty ? 0 : bytes;
    if (entry->dtype != NN_DTYPE_OTHER && entry->rank <= NN_MAX_RANK && bytes != entry->end - entry->begin)
        return "has a shape that does not fit its data_offsets";
    return NULL;
}

static NnHeaderItem read_entry(NnTensorHeader *r)
{
    bool has_dtype = false, has_shape = false, has_offsets = false;
    if (!pass(r, '{'))
        return broken(r, incomplete);
    if (!pass(r, '}')) {
        do {
            const char *key = string(r), *fault = NULL;
            if (!key || !pass(r, ':'))
                return broken_text(r);
            if (!strcmp(key, "dtype"))
                fault = read_dtype(r), has_dtype = true;
            else if (!strcmp(key, "shape"))
                fault = read_shape(r), has_shape = true;
            else if (!strcmp(key, "data_offsets"))
                fault = read_offsets(r), has_offsets = true;
            else if (!pass_value(r))
                return broken_text(r);
            if (fault)
                return broken(r, fault);
        } while (pass(r, ','));
        if (!pass(r, '}'))
            return broken_text(r);
    }
    if (!has_dtype || !has_shape || !has_offsets)
        return broken(r, incomplete);
    const char *fault = judge(r);
    return fault ? broken(r, fault) : NN_ITEM_TENSOR;
}

/* ---- items ---- */

NnTensorHeader nn_tensor_header(char *text, int64_t data_bytes)
{
    return (NnTensorHeader){.at = text, .data_bytes = data_bytes};
}

/* One pair of the metadata; its end is passed by who comes next. */
static NnHeaderItem next_metadata(NnTensorHeader *r)
{
    for (;;) {
        if (r->is_first ? pass(r, '}') : !pass(r, ',')) {
            if (!r->is_first && !pass(r, '}'))
                return broken_text(r);
            r->in_metadata = r->is_first = false;
            return NN_ITEM_NONE;
        }
        r->is_first = false;
        r->key = string(r);
        if (!r->key || !pass(r, ':'))
            return broken_text(r);
        skip_space(r);
        if (*r->at == '"') {
            r->value = string(r);
            return r->value ? NN_ITEM_METADATA : broken_text(r);
        }
        if (!pass_value(r))
            return broken_text(r);
    }
}

NnHeaderItem nn_next_item(NnTensorHeader *r)
{
    for (;;) {
        if (r->in_metadata) {
            const NnHeaderItem item = next_metadata(r);
            if (item != NN_ITEM_NONE)
                return item;
            continue;
        }
        const bool is_start = !r->is_open;
        if (is_start && *r->at != '{')                        /* the format wants it to be the first byte */
            return broken_text(r);
        if (is_start)
            r->is_open = pass(r, '{');
        if (is_start ? pass(r, '}') : !pass(r, ',')) {
            if (!is_start && !pass(r, '}'))
                return broken_text(r);
            skip_space(r);
            return *r->at ? broken_text(r) : NN_ITEM_NONE;
        }
        r->entry = (NnEntry){.name = string(r)};
        if (!r->entry.name || !pass(r, ':'))
            return broken_text(r);
        if (strcmp(r->entry.name, "__metadata__"))
            return read_entry(r);
        if (!pass(r, '{')) {
            if (!pass_value(r))
                return broken_text(r);
            continue;
        }
        r->in_metadata = r->is_first = true;
    }
}
