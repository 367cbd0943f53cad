/* mathml.c: formulas as MathML.
 *
 * Takes the one notation in which nngen writes formulas, that of dump_math and of the comments above kernels, and reads it back:
 *
 *   relation  sum { (= < > <= >= != , : if else from) sum }        (0 if [u = 0] else u)
 *   sum       term { (+ -) term }
 *   term      factor { factor | · factor | / factor }              products stand side by side; a b / c is (a b) / c
 *   factor    - factor | atom [ᵀ] [^ factor]
 *   atom      number | name [ '[' relation ']' ] | name '(' relation ')' | (relation) | [relation] | |relation| | "text"
 *
 * sum_b x is a sum sign with b below it and goes on to the end of its term, as d loss / d x is a derivative. A second writer
 * beside dump_math would have to follow it in every bracket; reading keeps one way of writing formulas, and the page shows what
 * the program's comments say.
 *
 * Invariant: each function takes at least one sign unless it is at the end or at a sign that closes what its caller opened. */
#include "page/page.h"
#include <ctype.h>
#include <string.h>

typedef struct Reader {
    Arena *arena;
    const char *at;
    int depth;
    const char *group, *inside;         /* the last (…), and what it holds: a fraction's bar does what the brackets did */
} Reader;

enum { DEEPEST = 200 };                 /* brackets within brackets; what is deeper is shown as text */

static const char *relation(Reader *r, char closing);

static void skip_spaces(Reader *r)
{
    r->at += strspn(r->at, " ");
}

static bool takes(Reader *r, const char *sign)
{
    size_t length = strlen(sign);
    if (strncmp(r->at, sign, length) != 0)
        return false;
    r->at += length;
    return true;
}

static bool is_letter(unsigned char c)
{
    return isalpha(c) || c == '_';
}

/* fc1.weight, h_2, loss/mse is not one. Letters beyond ASCII belong to names; the signs · ᵀ and … do not. */
static size_t name_length(const char *at)
{
    size_t n = 0;
    if (!is_letter((unsigned char)*at) && !((unsigned char)*at >= 0x80))
        return 0;
    while (at[n]) {
        unsigned char c = (unsigned char)at[n];
        if (c >= 0x80) {
            if (!strncmp(at + n, "·", 2) || !strncmp(at + n, "ᵀ", 3) || !strncmp(at + n, "…", 3) || !strncmp(at + n, "∞", 3))
                break;
            n++;
        } else if (isalnum(c) || c == '_' || (c == '.' && (isalnum((unsigned char)at[n + 1]) || at[n + 1] == '_'))) {
            n++;
        } else {
            break;
        }
    }
    return n;
}

static size_t number_length(const char *at)
{
    size_t n = strspn(at, "0123456789.");
    if (n && (at[n] == 'e' || at[n] == 'E') && strspn(at + n + 1, "+-0123456789") && strpbrk(at + n + 1, "0123456789") < at + n + 3)
        n += 1 + strspn(at + n + 1, "+-0123456789");
    n += n && at[n] == 'f' && !isalnum((unsigned char)at[n + 1]);       /* 0.9f in a comment of f32 */
    return n;
}

static const char *element(Reader *r, const char *tag, const char *bytes, size_t length)
{
    return arena_print(r->arena, "<%s>%s</%s>", tag, html_text(r->arena, arena_print(r->arena, "%.*s", (int)length, bytes)), tag);
}

/* 3.2e-05 as 3.2 · 10⁻⁵ */
static const char *number_element(Reader *r, size_t length)
{
    size_t mantissa = strcspn(r->at, "eE"), digits = length - (r->at[length - 1] == 'f');
    if (mantissa >= digits)
        return element(r, "mn", r->at, digits);
    const char *exponent = r->at + mantissa + 1;
    bool negative = *exponent == '-';
    exponent += strspn(exponent, "+-");
    size_t zeros = strspn(exponent, "0"), rest = digits - (size_t)(exponent - r->at);
    zeros = zeros < rest ? zeros : rest - 1;
    return arena_print(r->arena, "<mrow>%s<mo>·</mo><msup><mn>10</mn><mrow>%s<mn>%.*s</mn></mrow></msup></mrow>",
                       element(r, "mn", r->at, mantissa), negative ? "<mo>−</mo>" : "", (int)(rest - zeros), exponent + zeros);
}

/* Brackets grow around what is high, and only there: fonts without mathematics make them uneven. */
static const char *bracketed(Reader *r, const char *before, const char *open, const char *inside, const char *close)
{
    const char *stretch = strstr(inside, "<mfrac") || strstr(inside, "<munder") ? "" : " stretchy=\"false\"";
    return arena_print(r->arena, "<mrow>%s<mo%s>%s</mo>%s<mo%s>%s</mo></mrow>", before, stretch, open, inside, stretch, close);
}

static const char *in_brackets(Reader *r, const char *open, char closing, const char *close)
{
    const char *inside = relation(r, closing);
    if (*r->at == closing)
        r->at++;
    const char *whole = bracketed(r, "", open, inside, close);
    if (closing == ')') {
        r->group = whole;
        r->inside = inside;
    }
    return whole;
}

/* Above or below a fraction's bar. */
static const char *unbracketed(const Reader *r, const char *markup)
{
    return arena_print(r->arena, "<mrow>%s</mrow>", markup == r->group ? r->inside : markup);
}

/* sum_b, max_k, sum_batch: the sign, and over what it goes. */
static const char *fold_sign(Reader *r, const char *name, size_t length)
{
    static const struct { const char *name, *markup; } folds[] = {
        {"sum_", "<mo>∑</mo>"}, {"max_", "<mi>max</mi>"}, {"argmax_", "<mi>argmax</mi>"}, {"min_", "<mi>min</mi>"}};
    for (size_t f = 0; f < sizeof folds / sizeof *folds; f++) {
        size_t prefix = strlen(folds[f].name);
        if (length > prefix && memcmp(name, folds[f].name, prefix) == 0)
            return arena_print(r->arena, "<munder>%s%s</munder>", folds[f].markup, element(r, "mi", name + prefix, length - prefix));
    }
    return NULL;
}

static const char *named(Reader *r, size_t length)
{
    const char *name = r->at, *fold = fold_sign(r, name, length);
    bool is_root = length == 4 && memcmp(name, "sqrt", 4) == 0, is_sum = length == 3 && memcmp(name, "sum", 3) == 0;
    r->at += length;
    if (*r->at == '(') {
        r->at++;
        const char *inside = relation(r, ')');
        if (*r->at == ')')
            r->at++;
        if (is_root)
            return arena_print(r->arena, "<msqrt>%s</msqrt>", inside);
        const char *function = fold ? fold : is_sum ? "<mo>∑</mo>" : element(r, "mi", name, length);
        return bracketed(r, function, "(", inside, ")");
    }
    if (fold && *r->at == ' ')
        return fold;
    const char *shown = element(r, "mi", name, length);
    if (*r->at == '[') {
        r->at++;
        const char *inside = relation(r, ']');
        if (*r->at == ']')
            r->at++;
        return arena_print(r->arena, "<msub>%s<mrow>%s</mrow></msub>", shown, inside);
    }
    return shown;
}

static const char *atom(Reader *r)
{
    size_t length;
    if (takes(r, "("))
        return in_brackets(r, "(", ')', ")");
    if (takes(r, "["))
        return in_brackets(r, "[", ']', "]");
    if (takes(r, "|"))
        return in_brackets(r, "|", '|', "|");
    if (*r->at == '"') {
        length = strcspn(r->at + 1, "\"");
        const char *text = element(r, "mtext", r->at + 1, length);
        r->at += length + 1 + (r->at[length + 1] == '"');
        return text;
    }
    if ((length = number_length(r->at))) {
        const char *text = number_element(r, length);
        r->at += length;
        return text;
    }
    if ((length = name_length(r->at)))
        return named(r, length);
    length = 1;
    while (((unsigned char)r->at[length] & 0xc0) == 0x80)
        length++;
    const char *text = element(r, "mo", r->at, length);
    r->at += length;
    return text;
}

static const char *factor(Reader *r)
{
    if (takes(r, "-")) {
        skip_spaces(r);
        return arena_print(r->arena, "<mrow><mo>−</mo>%s</mrow>", *r->at ? factor(r) : "");
    }
    const char *base = atom(r);
    if (takes(r, "ᵀ"))
        base = arena_print(r->arena, "<msup>%s<mi>T</mi></msup>", base);
    if (takes(r, "²"))
        base = arena_print(r->arena, "<msup>%s<mn>2</mn></msup>", base);
    const char *before = r->at;
    skip_spaces(r);
    if (takes(r, "^")) {
        skip_spaces(r);
        return arena_print(r->arena, "<msup>%s%s</msup>", base, *r->at ? factor(r) : "<mrow></mrow>");
    }
    r->at = before;
    return base;
}

static bool at_word(const Reader *r, const char *word)
{
    size_t length = strlen(word);
    return strncmp(r->at, word, length) == 0 && (r->at[length] == ' ' || r->at[length] == '[' || r->at[length] == '(');
}

static const char *const words[] = {"if", "else", "from", "along", "to"};

static bool ends_term(const Reader *r, char closing)
{
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (at_word(r, words[w]))
            return true;
    return !*r->at || *r->at == closing || strchr("+-=<>!,:?&)]", *r->at) || (*r->at == '|' && r->at[1] == '|');
}

static const char *term(Reader *r, char closing)
{
    const char *product = factor(r);
    for (skip_spaces(r); !ends_term(r, closing); skip_spaces(r)) {
        if (takes(r, "/")) {
            skip_spaces(r);
            const char *above = unbracketed(r, product);
            product = arena_print(r->arena, "<mfrac>%s%s</mfrac>", above, *r->at ? unbracketed(r, factor(r)) : "<mrow></mrow>");
        } else if (takes(r, "·")) {
            skip_spaces(r);
            product = arena_print(r->arena, "%s<mo>·</mo>%s", product, *r->at ? factor(r) : "");
        } else {
            product = arena_print(r->arena, "%s<mspace width=\"0.2em\"/>%s", product, factor(r));
        }
    }
    return product;
}

static const char *sum(Reader *r, char closing)
{
    const char *all = term(r, closing);
    for (skip_spaces(r); *r->at == '+' || (*r->at == '-' && r->at[1] != '>'); skip_spaces(r)) {
        const char *sign = *r->at++ == '+' ? "+" : "−";
        skip_spaces(r);
        all = arena_print(r->arena, "%s<mo>%s</mo>%s", all, sign, *r->at ? term(r, closing) : "");
    }
    return all;
}

/* What stands between sums: written as it is, words with spaces around them. */
static bool add_between(Reader *r, Text *out)
{
    static const struct { const char *text, *markup; } signs[] = {
        {"<=", "<mo>≤</mo>"}, {">=", "<mo>≥</mo>"}, {"!=", "<mo>≠</mo>"}, {"==", "<mo>=</mo>"}, {"->", "<mo>→</mo>"}, {"=", "<mo>=</mo>"},
        {"<", "<mo>&lt;</mo>"}, {">", "<mo>&gt;</mo>"}, {",", "<mo>,</mo>"}, {":", "<mo>:</mo>"}, {"?", "<mo>?</mo>"}, {"!", "<mo>!</mo>"},
        {"&&", "<mo>∧</mo>"}, {"||", "<mo>∨</mo>"}, {"&", "<mo>&amp;</mo>"}};
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        if (at_word(r, words[w])) {
            r->at += strlen(words[w]);
            text_print(out, "<mspace width=\"0.4em\"/><mtext>%s</mtext><mspace width=\"0.4em\"/>", words[w]);
            return true;
        }
    for (size_t s = 0; s < sizeof signs / sizeof *signs; s++)
        if (takes(r, signs[s].text)) {
            text_add(out, signs[s].markup);
            return true;
        }
    return false;
}

static const char *relation(Reader *r, char closing)
{
    Text out = text_new(r->arena);
    if (++r->depth > DEEPEST) {
        text_add(&out, element(r, "mtext", r->at, strlen(r->at)));
        r->at += strlen(r->at);
    }
    for (skip_spaces(r); *r->at && *r->at != closing; skip_spaces(r))
        if (!add_between(r, &out)) {
            if (strchr(")]", *r->at))                         /* closes nothing that is open */
                text_print(&out, "<mo>%c</mo>", *r->at++);
            else
                text_add(&out, sum(r, closing));
        }
    r->depth--;
    return out.bytes;
}

/* "d loss / d fc1.weight" at the beginning of a line. */
static const char *derivative(Reader *r)
{
    const char *divided = strstr(r->at, " / d "), *equals = strstr(r->at, " = ");
    if (strncmp(r->at, "d ", 2) != 0 || !divided || !equals || divided > equals)
        return "";
    const char *of = r->at + 2, *by = divided + 5;
    r->at = equals;
    return arena_print(r->arena, "<mfrac><mrow><mi>∂</mi>%s</mrow><mrow><mi>∂</mi>%s</mrow></mfrac>", element(r, "mi", of, (size_t)(divided - of)),
                       element(r, "mi", by, (size_t)(equals - by)));
}

const char *mathml(Arena *arena, const char *formula)
{
    Reader r = {.arena = arena, .at = formula};
    const char *left = derivative(&r);
    return arena_print(arena, "<math display=\"block\">%s%s</math>", left, relation(&r, '\0'));
}
