/* plot.c: a picture by gnuplot. Data and script go to its standard input, the SVG comes back; nothing is written beside it.
 *
 * gnuplot names the parts of every picture alike; in one page names must differ, so each picture's get its number. */
#include "report/report.h"
#include <math.h>
#include <string.h>

Plot plot_new(Arena *arena, const char *title, const char *x, const char *y)
{
    Plot plot = {arena, text_new(arena), text_new(arena), text_new(arena), 0, title};
    text_print(&plot.settings, "set terminal svg size 640,400 dynamic noenhanced font 'sans-serif,13' linewidth 1.5\nset encoding utf8\n"
               "set border linecolor rgb '#808890'\nset tics textcolor rgb '#303840'\n"
               "set key outside bottom center horizontal noinvert\nset grid linecolor rgb '#e4e6e8'\n");
    if (x)
        text_print(&plot.settings, "set xlabel %s offset 0,0.4\n", plot_string(arena, x));
    if (y)
        text_print(&plot.settings, "set ylabel %s\n", plot_string(arena, y));
    return plot;
}

/* In single quotes nothing is special but the quote itself; a newline is shown as \n by `escaped`. */
const char *plot_string(Arena *arena, const char *string)
{
    Text text = text_new(arena);
    text_add(&text, "'");
    for (const char *c = escaped(arena, string); *c; c++)
        if (*c == '\'')
            text_add(&text, "''");
        else
            text_add_bytes(&text, c, 1);
    text_add(&text, "'");
    return text.bytes;
}

int plot_data(Plot *plot, const double *x, const double *y, int count)
{
    text_print(&plot->data, "$d%d << EOD\n", plot->blocks);
    for (int i = 0; i < count; i++) {
        if (isfinite(x[i]) && isfinite(y[i]))
            text_print(&plot->data, "%.9g %.9g\n", x[i], y[i]);
        else
            text_add(&plot->data, "\n");
    }
    text_add(&plot->data, "EOD\n");
    return plot->blocks++;
}

void plot_curve(Plot *plot, int block, const char *style, const char *label)
{
    text_print(&plot->curves, "%s$d%d %s ", plot->curves.length ? ", " : "plot ", block, style);
    if (label)
        text_print(&plot->curves, "title %s", plot_string(plot->arena, label));
    else
        text_add(&plot->curves, "notitle");
}

const char *run_colour(int run, int count)
{
    static const char *const few[] = {"#1f5fb0", "#c0392b", "#2f8f4e", "#9a5fb5", "#c98a14", "#1b9aa8", "#6b4a2b", "#7a7f86"};
    static const char *const scale[] = {"#30206b", "#3b3a97", "#3a59ac", "#3377b2", "#2d93af", "#3aaea0", "#62c487", "#98d265", "#d0d847", "#f5d33c"};
    enum { FEW = sizeof few / sizeof *few, SCALE = sizeof scale / sizeof *scale };
    return count <= FEW ? few[run] : scale[run * (SCALE - 1) / (count - 1)];
}

static void replace_all(Text *text, const char *old, const char *new)
{
    Text result = text_new(text->arena);
    const char *at = text->bytes;
    for (const char *hit; (hit = strstr(at, old)); at = hit + strlen(old)) {
        text_add_bytes(&result, at, (size_t)(hit - at));
        text_add(&result, new);
    }
    text_add(&result, at);
    *text = result;
}

/* Names of its own, and no titles: a browser shows them as tips, and gnuplot's say nothing. */
static const char *made_ours(Plot *plot, const char *svg, int picture)
{
    Text text = text_new(plot->arena);
    for (const char *at = svg; *at;) {
        const char *title = strstr(at, "<title>"), *end = title ? strstr(title, "</title>") : NULL;
        text_add_bytes(&text, at, end ? (size_t)(title - at) : strlen(at));
        at = end ? end + strlen("</title>") : at + strlen(at);
    }
    static const char *const names[] = {"id='", "id=\"", "'#", "url(#"};
    for (size_t n = 0; n < sizeof names / sizeof *names; n++)
        replace_all(&text, names[n], arena_print(plot->arena, "%sp%d_", names[n], picture));
    return text.bytes;
}

void write_plot(Plot *plot, const char *caption, Text *out)
{
    static const char *const gnuplot[] = {"gnuplot", "-", NULL};
    static int picture;
    const char *why = NULL;
    const char *script = arena_print(plot->arena, "%s%s%s\n", plot->settings.bytes, plot->data.bytes, plot->curves.bytes);
    const char *file = run_tool(plot->arena, gnuplot, script, &why);
    if (!file)
        fail_machine("the pictures of a report are gnuplot's, and %s\n  Debian and Ubuntu have it in the package gnuplot-nox", why);
    const char *svg = inline_svg(plot->arena, made_ours(plot, file, ++picture), "plot");
    if (!svg)
        fail_machine("gnuplot drew no picture of %s; is it version 5 or later, with its svg terminal?", quoted(plot->arena, plot->title));
    text_print(out, "<figure>\n<figcaption><b>%s</b>%s%s</figcaption>\n%s</figure>\n", html_text(plot->arena, plot->title), caption ? "<br>" : "",
               caption ? html_text(plot->arena, caption) : "", svg);
}
