/* show_page.c: the page of a nn.show program: its expressions as formulas, their values as numbers and curves, the graph.
 *
 * What the program printed is read back. An expression that is an input itself (`x = x` in nn.show) is what curves run over; a curve
 * NAME and its NAME_derivative share a picture. */
#include "explain/graph_picture.h"
#include "graph/passes.h"
#include "report/report.h"
#include <math.h>
#include <string.h>

typedef struct Value { const char *name, *text; double *number; int count; } Value;
typedef struct Values { Value *list; int count, room; } Values;

/* A flat list of numbers; else count is 0 and the text alone is shown. */
static void read_numbers(Arena *arena, Value *value)
{
    const cJSON *array = cJSON_Parse(value->text);
    if (!cJSON_IsArray(array))
        return;
    value->number = NEW(arena, double, cJSON_GetArraySize(array) + 1);
    for (const cJSON *item = array->child; item; item = item->next) {
        if (!cJSON_IsNumber(item)) {
            value->count = 0;
            return;
        }
        value->number[value->count++] = item->valuedouble;
    }
}

static Values read_values(Arena *arena, const char *printed)
{
    Values values = {0};
    for (char *line, *rest = arena_string(arena, printed); (line = strsep(&rest, "\n"));) {
        char *equals = strstr(line, " = ");
        if (!equals)
            continue;
        *equals = '\0';
        Value value = {.name = line, .text = equals + 3};
        read_numbers(arena, &value);
        ARENA_PUSH(arena, values.list, values.count, values.room, value);
    }
    return values;
}

static const Value *find_value(const Values *values, const char *name)
{
    for (int v = 0; v < values->count; v++)
        if (!strcmp(values->list[v].name, name))
            return &values->list[v];
    return NULL;
}

static const Value *abscissa(const Model *model, const Values *values)
{
    for (int i = 0; i < model->input_count; i++) {
        const Value *value = find_value(values, model->inputs[i].name);
        if (value && value->count > 1)
            return value;
    }
    return NULL;
}

static void write_formulas(const Model *model, Text *out)
{
    Text lines = text_new(out->arena);
    dump_math(model, &lines);
    text_add(out, "<section><h2>Formulas</h2>\n");
    for (char *line, *rest = lines.bytes; (line = strsep(&rest, "\n"));)
        if (*line)
            text_print(out, "<div class=\"formula\">%s</div>\n", mathml(out->arena, line));
    text_add(out, "</section>\n");
}

static void write_numbers(const Values *values, Text *out)
{
    text_add(out, "<section><h2>Values</h2>\n<div class=\"wide\" tabindex=\"0\"><table><tbody>\n");
    for (int v = 0; v < values->count; v++) {
        const Value *value = &values->list[v];
        if (value->count > 1)
            continue;
        text_print(out, "<tr><td>%s</td><td class=\"r\">%s</td></tr>\n", html_text(out->arena, value->name), html_text(out->arena, value->text));
    }
    text_add(out, "</tbody></table></div></section>\n");
}

static void write_curve_pictures(const Values *values, const Value *x, Text *out)
{
    static const char ending[] = "_derivative";
    text_add(out, "<section><h2>Curves</h2>\n<div class=\"figures\">\n");
    for (int v = 0; v < values->count; v++) {
        const Value *value = &values->list[v];
        const size_t length = strlen(value->name), tail = strlen(ending);
        const bool is_derivative = length > tail && !strcmp(value->name + length - tail, ending);
        if (value == x || value->count != x->count ||
            (is_derivative && find_value(values, arena_print(out->arena, "%.*s", (int)(length - tail), value->name))))
            continue;
        Plot plot = plot_new(out->arena, value->name, x->name, NULL);
        const Value *derivative = find_value(values, arena_print(out->arena, "%s%s", value->name, ending));
        plot_curve(&plot, plot_data(&plot, x->number, value->number, x->count), "with lines linewidth 1.5 linecolor rgb '#1f5fb0'", value->name);
        if (derivative && derivative->count == x->count)
            plot_curve(&plot, plot_data(&plot, x->number, derivative->number, x->count), "with lines linewidth 1.5 dashtype 2 linecolor rgb '#c0392b'",
                       "its derivative");
        write_plot(&plot, NULL, out);
    }
    text_add(out, "</div></section>\n");
}

void write_show_page(const Model *model, const char *printed, Text *out)
{
    const Values values = read_values(out->arena, printed);
    const Value *x = abscissa(model, &values);
    bool has_numbers = false;
    for (int v = 0; v < values.count; v++)
        has_numbers = has_numbers || values.list[v].count <= 1;
    begin_page(out, model->path, "The expressions of the model, as formulas and as numbers.");
    text_add(out, "<main>\n");
    write_formulas(model, out);
    if (has_numbers)
        write_numbers(&values, out);
    if (x)
        write_curve_pictures(&values, x, out);
    write_graph_picture(model, out);
    text_add(out, "</main>\n");
    end_page(out, NULL);
}
