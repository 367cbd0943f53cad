/* report.c: the page around the pictures: what each run came to, confusion matrices, small parameters as numbers. */
#include "report/report.h"
#include <math.h>
#include <string.h>

enum { MOST_CLASSES = 40, SMALL = 8, A_ROW = 4 };            /* SMALL: numbers of a parameter that are shown, A_ROW of them side by side */

static const char *value_text(Arena *arena, double value)
{
    if (value == floor(value) && fabs(value) < 1e15)
        return arena_print(arena, "%.0f", value);
    return isfinite(value) ? number(arena, value, true) : "–";
}

static const char *item_text(Arena *arena, const cJSON *object, const char *key)
{
    const cJSON *item = object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
    return cJSON_IsString(item) ? html_text(arena, item->valuestring) : cJSON_IsNumber(item) ? value_text(arena, item->valuedouble) : "–";
}

/* ---- what the runs came to ---- */

static bool has_name(const char **names, int count, const char *name)
{
    for (int n = 0; n < count; n++)
        if (!strcmp(names[n], name))
            return true;
    return false;
}

/* All quantities of epochs, in the order in which runs have them. */
static const char **epoch_names(const Runs *runs, int *count)
{
    const char **names = NULL;
    int room = 0;
    *count = 0;
    for (int r = 0; r < runs->count; r++)
        for (int s = 0; s < runs->run[r].series_count; s++) {
            const Series *series = &runs->run[r].series[s];
            if (series->of_epochs && strcmp(series->name, "samples_per_second") && !has_name(names, *count, series->name))
                ARENA_PUSH(runs->arena, names, *count, room, series->name);
        }
    return names;
}

static void write_table(const Runs *runs, Text *out)
{
    Arena *arena = runs->arena;
    int count;
    const char **names = epoch_names(runs, &count);
    text_add(out, "<section><h2>What it came to</h2>\n"
             "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>run</th><th class=\"r\">steps</th><th class=\"r\">epochs</th>"
             "<th class=\"r\">loss of the last step</th>");
    for (int n = 0; n < count; n++)
        text_print(out, "<th class=\"r\">%s</th>", !strcmp(names[n], "loss") ? "loss of the last epoch" : html_text(arena, names[n]));
    text_add(out, "<th class=\"r\">seconds</th><th>ended</th></tr></thead><tbody>\n");
    for (int r = 0; r < runs->count; r++) {
        const Run *run = &runs->run[r];
        const Series *loss = find_series(run, "loss", false);
        const double step = loss && loss->count ? loss->step[loss->count - 1] : 0;
        text_print(out, "<tr><td class=\"name\"><span class=\"swatch\" style=\"background:%s\"></span> %s</td>"
                   "<td class=\"r\">%s</td><td class=\"r\">%s</td><td class=\"r\">%s</td>",
                   run_colour(r, runs->count), html_text(arena, run->label), run->end ? item_text(arena, run->end, "step") : value_text(arena, step),
                   run->epochs > 0 ? value_text(arena, run->epochs) : "–",
                   run->end ? item_text(arena, run->end, "loss") : value_text(arena, last_value(loss)));
        for (int n = 0; n < count; n++)
            text_print(out, "<td class=\"r\">%s</td>", value_text(arena, last_value(find_series(run, names[n], true))));
        text_print(out, "<td class=\"r\">%s</td><td>%s</td></tr>\n", item_text(arena, run->end, "seconds"),
                   run->end ? item_text(arena, run->end, "reason") : "not yet, or killed");
    }
    text_add(out, "</tbody></table></div></section>\n");
}

/* ---- confusion matrices ---- */

static void write_confusion(const Runs *runs, const Run *run, const Confusion *confusion, Text *out)
{
    Arena *arena = runs->arena;
    const int classes = cJSON_GetArraySize(confusion->counts);
    const char *title = runs->count > 1 ? arena_print(arena, "%s: %s", run->label, confusion->name) : confusion->name;
    text_print(out, "<figure><figcaption><b>%s</b><br>Rows: what they are; columns: what they were taken for.</figcaption>\n"
               "<div class=\"wide\" tabindex=\"0\"><table class=\"confusion\"><thead><tr><td></td>",
               html_text(arena, title));
    for (int c = 0; c < classes; c++)
        text_print(out, "<th class=\"r\">%d</th>", c);
    text_add(out, "</tr></thead><tbody>\n");
    int label = 0;
    for (const cJSON *row = confusion->counts->child; row; row = row->next, label++) {
        double sum = 0;
        for (const cJSON *cell = row->child; cell; cell = cell->next)
            sum += cell->valuedouble;
        text_print(out, "<tr><th class=\"r\">%d</th>", label);
        int column = 0;
        for (const cJSON *cell = row->child; cell; cell = cell->next, column++)
            text_print(out, "<td class=\"r\" style=\"background:rgba(%s,%.3f)\">%s</td>", column == label ? "47,143,78" : "192,57,43",
                       sum > 0 && cell->valuedouble > 0 ? 0.1 + 0.5 * sqrt(cell->valuedouble / sum) : 0, value_text(arena, cell->valuedouble));
        text_add(out, "</tr>\n");
    }
    text_add(out, "</tbody></table></div></figure>\n");
}

static bool is_matrix(const cJSON *counts)
{
    const int classes = cJSON_GetArraySize(counts);
    for (const cJSON *row = counts->child; row; row = row->next) {
        if (!cJSON_IsArray(row) || cJSON_GetArraySize(row) != classes)
            return false;
        for (const cJSON *cell = row->child; cell; cell = cell->next)
            if (!cJSON_IsNumber(cell))
                return false;
    }
    return classes > 1 && classes <= MOST_CLASSES;
}

static void write_confusions(const Runs *runs, Text *out)
{
    for (int r = 0; r < runs->count; r++)
        for (int c = 0; c < runs->run[r].confusion_count; c++)
            if (is_matrix(runs->run[r].confusion[c].counts))
                write_confusion(runs, &runs->run[r], &runs->run[r].confusion[c], out);
}

/* ---- parameters of a few numbers ---- */

static const cJSON *parameters_of(const Run *run)
{
    return run->snapshot_count ? cJSON_GetObjectItemCaseSensitive(run->snapshot[run->snapshot_count - 1], "parameters") : NULL;
}

static bool is_small(const cJSON *parameter)
{
    const cJSON *values = cJSON_GetObjectItemCaseSensitive(parameter, "values");
    return cJSON_IsArray(values) && values->child && cJSON_GetArraySize(values) <= SMALL;
}

static void write_parameters(const Runs *runs, Text *out)
{
    bool any = false;
    for (int r = 0; r < runs->count; r++) {
        const cJSON *parameters = parameters_of(&runs->run[r]);
        for (const cJSON *item = parameters ? parameters->child : NULL; item; item = item->next) {
            if (!is_small(item))
                continue;
            text_print(out, "%s<tr><td>%s</td><td>%s</td>", any ? "" :
                       "<figure><figcaption><b>parameters at the end</b></figcaption><div class=\"wide\" tabindex=\"0\"><table><tbody>\n",
                       html_text(runs->arena, runs->run[r].label), html_text(runs->arena, item->string));
            int shown = 0;
            for (const cJSON *v = cJSON_GetObjectItemCaseSensitive(item, "values")->child; v; v = v->next, shown++)
                text_print(out, "%s<td class=\"r\">%s</td>", shown && shown % A_ROW == 0 ? "</tr>\n<tr><td></td><td></td>" : "", cJSON_IsNumber(v) ? value_text(runs->arena, v->valuedouble) : "–");
            text_add(out, "</tr>\n");
            any = true;
        }
    }
    text_add(out, any ? "</tbody></table></div></figure>\n" : "");
}

/* ---- the page ---- */

static bool has_snapshot(const Runs *runs)
{
    for (int r = 0; r < runs->count; r++)
        if (runs->run[r].snapshot_count)
            return true;
    return false;
}

void write_report(const Runs *runs, const char *title, Text *out)
{
    begin_page(out, title, runs->count == 1 ? "A training run, from its log." : "Training runs, from their logs.");
    text_add(out, "<main>\n");
    write_table(runs, out);
    text_add(out, "<section><h2>Pictures</h2>\n<div class=\"figures\">\n");
    write_sweep(runs, out);
    write_snapshots(runs, out);
    write_confusions(runs, out);
    write_curves(runs, out);
    write_parameters(runs, out);
    write_weights(runs, out);
    text_add(out, "</div></section>\n");
    if (!has_snapshot(runs))
        text_add(out, "<p class=\"quiet\">A run with --snapshot-every N also leaves what pictures of fits, decision boundaries and weights need.</p>\n");
    text_add(out, "</main>\n");
    end_page(out, NULL);
}
