/* snapshots.c: pictures of what the network was at some steps (runtime/snapshot.c has the keys).
 *
 *   one feature    the points, and the curve of the outputs at a few steps
 *   two features   the points, which class the network takes each place for, and how the boundary came there
 *
 * A boundary is where the margin of a class over the best other one is 0; for an output of one number, where it crosses one half (a
 * probability) or 0. It is found by marching squares: in each cell of the grid the zeros on its edges, by linear interpolation. */
#include "report/snapshots.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_RUNS = 6, FITS = 4, BOUNDARIES = 24, MOST_CLASSES = 10 };

const cJSON *item_of(const cJSON *object, const char *key)
{
    return object ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}

/* An array of numbers, or of lists of them, flat; null is NAN. *width: numbers an entry. NULL where it is anything else. */
double *number_list(Arena *arena, const cJSON *array, int *count, int *width)
{
    if (!cJSON_IsArray(array) || !array->child)
        return NULL;
    const int entries = cJSON_GetArraySize(array);
    *width = cJSON_IsArray(array->child) ? cJSON_GetArraySize(array->child) : 1;
    *count = entries;
    double *value = NEW(arena, double, entries * (*width > 0 ? *width : 1));
    int i = 0;
    for (const cJSON *entry = array->child; entry; entry = entry->next) {
        const cJSON *item = cJSON_IsArray(entry) ? entry->child : entry;
        for (int w = 0; w < *width; w++, item = item->next) {
            if (!item || (w > 0 && !cJSON_IsArray(entry)))
                return NULL;
            value[i++] = cJSON_IsNumber(item) ? item->valuedouble : NAN;
            if (!cJSON_IsArray(entry))
                break;
        }
    }
    return i == entries * *width ? value : NULL;
}

int step_of_snapshot(const cJSON *snapshot)
{
    return item_of(snapshot, "step")->valueint;
}

/* ---- the grid of a snapshot ---- */

typedef struct Field {
    int features, feature[2], points[2];
    double from[2], to[2];
    double *output;                     /* [points][classes] */
    int classes;
    const char *name;
} Field;

static bool read_field(Arena *arena, const cJSON *snapshot, Field *field)
{
    const cJSON *grid = cJSON_IsString(item_of(item_of(snapshot, "input"), "name")) ? item_of(snapshot, "grid") : NULL;
    int width, count[4];
    double *feature = number_list(arena, item_of(grid, "features"), &count[0], &width), *points = number_list(arena, item_of(grid, "counts"), &count[1], &width);
    double *from = number_list(arena, item_of(grid, "from"), &count[2], &width), *to = number_list(arena, item_of(grid, "to"), &count[3], &width);
    if (!feature || !points || !from || !to || count[0] > 2 || count[1] != count[0] || count[2] != count[0] || count[3] != count[0])
        return false;
    *field = (Field){.features = count[0], .points = {1, 1}};
    for (int f = 0; f < field->features; f++) {
        field->feature[f] = (int)feature[f] - 1;
        field->points[f] = (int)points[f];
        field->from[f] = from[f];
        field->to[f] = to[f];
        if (!(points[f] >= 2 && points[f] <= 10000) || !(feature[f] >= 1 && feature[f] <= 10000))
            return false;
    }
    const int all = field->points[0] * field->points[1];
    for (const cJSON *output = item_of(grid, "outputs") ? item_of(grid, "outputs")->child : NULL; output; output = output->next) {
        int values;
        field->output = number_list(arena, item_of(output, "values"), &values, &width);
        field->name = output->string;
        if (field->output && all > 1 && width == 1 && values % all == 0) {
            field->classes = values / all;
            return true;
        }
    }
    return false;
}

/* Feature `feature` of the shown rows. */
static double *feature_of_rows(Arena *arena, const cJSON *snapshot, int feature, int *count)
{
    const cJSON *name = item_of(item_of(snapshot, "input"), "name");
    int width;
    double *all = cJSON_IsString(name) ? number_list(arena, item_of(item_of(snapshot, "rows"), name->valuestring), count, &width) : NULL;
    if (!all || feature >= width)
        return NULL;
    double *one = NEW(arena, double, *count);
    for (int i = 0; i < *count; i++)
        one[i] = all[i * width + feature];
    return one;
}

/* What the rows are to be: the first other input of one number. */
static double *targets(Arena *arena, const cJSON *snapshot, int count, const char **name)
{
    const cJSON *input = item_of(item_of(snapshot, "input"), "name"), *rows = item_of(snapshot, "rows");
    for (const cJSON *item = rows ? rows->child : NULL; item; item = item->next) {
        int rows_there, width;
        double *value = !cJSON_IsString(input) || strcmp(item->string, input->valuestring) ? number_list(arena, item, &rows_there, &width) : NULL;
        if (value && width == 1 && rows_there == count) {
            *name = item->string;
            return value;
        }
    }
    return NULL;
}

static double place(const Field *field, int which, double at)
{
    return field->from[which] + (field->to[which] - field->from[which]) * at / (field->points[which] - 1);
}

const char *run_title(const Runs *runs, const Run *run, const char *title)
{
    return runs->count > 1 ? arena_print(runs->arena, "%s: %s", run->label, title) : title;
}

/* ---- a fit over points ---- */

static void write_fit(const Runs *runs, const Run *run, Text *out)
{
    Arena *arena = runs->arena;
    const cJSON *last = run->snapshot[run->snapshot_count - 1], *input = item_of(item_of(last, "input"), "name");
    Field field;
    int rows = 0;
    const char *target = NULL;
    if (!read_field(arena, last, &field) || field.features != 1 || field.classes != 1)
        return;
    Plot plot = plot_new(arena, run_title(runs, run, arena_print(arena, "%s over the points", field.name)), input->valuestring, NULL);
    text_add(&plot.settings, "set key outside right top samplen 2\n");
    double *x = feature_of_rows(arena, last, field.feature[0], &rows), *y = x ? targets(arena, last, rows, &target) : NULL;
    if (y)
        plot_curve(&plot, plot_data(&plot, x, y, rows), "with points pointtype 7 pointsize 0.4 linecolor rgb '#a0a6ac'", target);
    const int shown = run->snapshot_count < FITS ? run->snapshot_count : FITS;
    for (int k = 0; k < shown; k++) {
        const cJSON *snapshot = run->snapshot[shown > 1 ? (int)lround((double)k * (run->snapshot_count - 1) / (shown - 1)) : run->snapshot_count - 1];
        if (!read_field(arena, snapshot, &field) || field.features != 1 || field.classes != 1)
            continue;
        double *at = NEW(arena, double, field.points[0]);
        for (int i = 0; i < field.points[0]; i++)
            at[i] = place(&field, 0, i);
        plot_curve(&plot, plot_data(&plot, at, field.output, field.points[0]),
                   arena_print(arena, "with lines linewidth %s linecolor rgb '%s'", k == shown - 1 ? "2" : "1",
                               k == shown - 1 ? "#c0392b" : run_colour(k * 9 / FITS, 10)), arena_print(arena, "step %d", step_of_snapshot(snapshot)));
    }
    write_plot(&plot, NULL, out);
}

/* ---- a boundary between classes ---- */

/* One number: above `level` is class 1. */
static double level_of(const Field *field)
{
    const int all = field->points[0] * field->points[1];
    for (int i = 0; i < all; i++)
        if (field->output[i] < 0 || field->output[i] > 1)
            return 0;
    return 0.5;
}

/* How far the class is ahead of the best other one, at a point of the grid. */
static double margin(const Field *field, int class, int point)
{
    if (field->classes == 1)
        return field->output[point] - level_of(field);
    const double *output = field->output + (size_t)point * (size_t)field->classes;
    double other = -INFINITY;
    for (int c = 0; c < field->classes; c++)
        if (c != class)
            other = fmax(other, output[c]);
    return output[class] - other;
}

static void add_point(Text *data, const Field *field, double i, double j)
{
    text_print(data, "%.6g %.6g\n", place(field, 0, i), place(field, 1, j));
}

/* Where the margin is 0 within a cell: on two of its edges, or on all four. */
static void march(Text *data, const Field *field, const double *margins, int i, int j)
{
    static const int corner[5][2] = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};
    const int rows = field->points[1];
    int found = 0;
    for (int edge = 0; edge < 4; edge++) {
        const int ai = i + corner[edge][0], aj = j + corner[edge][1], bi = i + corner[edge + 1][0], bj = j + corner[edge + 1][1];
        const double a = margins[ai * rows + aj], b = margins[bi * rows + bj];
        if (!isfinite(a) || !isfinite(b) || (a > 0) == (b > 0))
            continue;
        const double share = a / (a - b);
        add_point(data, field, ai + share * (bi - ai), aj + share * (bj - aj));
        if (++found % 2 == 0)
            text_add(data, "\n");
    }
}

static int boundary(Plot *plot, const Field *field)
{
    const int all = field->points[0] * field->points[1];
    double *margins = NEW(plot->arena, double, all);
    text_print(&plot->data, "$d%d << EOD\n", plot->blocks);
    for (int class = 0; class < (field->classes <= 2 ? 1 : field->classes); class++) {
        for (int p = 0; p < all; p++)
            margins[p] = margin(field, class, p);
        for (int i = 0; i + 1 < field->points[0]; i++)
            for (int j = 0; j + 1 < field->points[1]; j++)
                march(&plot->data, field, margins, i, j);
    }
    text_add(&plot->data, "EOD\n");
    return plot->blocks++;
}

static int winner(const Field *field, int point)
{
    int best = 0;
    if (field->classes == 1)
        return margin(field, 0, point) > 0;
    for (int c = 1; c < field->classes; c++)
        if (field->output[point * field->classes + c] > field->output[point * field->classes + best])
            best = c;
    return best;
}

static const char *const class_colour[MOST_CLASSES] = {"#3b6fb6", "#c8553d", "#3f9257", "#8c5fa8", "#c79a2b", "#2a9aa5", "#7a5a3c", "#d078a8", "#6f7780", "#9fb03a"};

static void fill_regions(Plot *plot, const Field *field)
{
    text_print(&plot->data, "$d%d << EOD\n", plot->blocks);
    for (int i = 0; i < field->points[0]; i++)
        for (int j = 0; j < field->points[1]; j++)
            text_print(&plot->data, "%.6g %.6g %d\n", place(field, 0, i), place(field, 1, j), winner(field, i * field->points[1] + j));
    text_add(&plot->data, "EOD\n");
    text_add(&plot->settings, "unset colorbox\nset cbrange [0:9]\nset palette maxcolors 10 defined (");
    for (int c = 0; c < MOST_CLASSES; c++) {                  /* a third of the class's colour, the rest white */
        unsigned rgb = 0;
        sscanf(class_colour[c] + 1, "%6x", &rgb);
        const unsigned r = (rgb >> 16) / 4 + 191, g = (rgb >> 8 & 255) / 4 + 191, b = (rgb & 255) / 4 + 191;
        text_print(&plot->settings, "%s%d '#%02x%02x%02x'", c ? ", " : "", c, r, g, b);
    }
    text_add(&plot->settings, ")\n");
    plot_curve(plot, plot->blocks++, "using 1:2:3 with image", NULL);
}

/* The shown rows, by class. */
static void add_rows(Plot *plot, const cJSON *snapshot, const Field *field, int classes)
{
    int count = 0;
    const char *name = NULL;
    double *x = feature_of_rows(plot->arena, snapshot, field->feature[0], &count), *y = feature_of_rows(plot->arena, snapshot, field->feature[1], &count);
    double *class = x && y ? targets(plot->arena, snapshot, count, &name) : NULL;
    for (int c = 0; class && c < classes; c++) {
        double *own_x = NEW(plot->arena, double, count), *own_y = NEW(plot->arena, double, count);
        int own = 0;
        for (int i = 0; i < count; i++)
            if ((int)lround(class[i]) == c) {
                own_x[own] = x[i];
                own_y[own++] = y[i];
            }
        if (own)
            plot_curve(plot, plot_data(plot, own_x, own_y, own), arena_print(plot->arena, "with points pointtype 7 pointsize 0.5 linecolor rgb '%s'", class_colour[c]),
                       arena_print(plot->arena, "%s %d", name, c));
    }
}

/* Are the targets classes of the output? Two numbers a row that mean something else have no boundary. */
static bool separates(Arena *arena, const cJSON *snapshot, const Field *field)
{
    int count = 0;
    const char *name;
    double *x = feature_of_rows(arena, snapshot, field->feature[0], &count), *class = x ? targets(arena, snapshot, count, &name) : NULL;
    double most = 0;
    for (int i = 0; class && i < count; i++) {
        if (class[i] != floor(class[i]) || class[i] < 0 || class[i] >= (field->classes == 1 ? 2 : field->classes))
            return false;
        most = fmax(most, class[i]);
    }
    return class && field->classes <= MOST_CLASSES && most + 1 == (field->classes == 1 ? 2 : field->classes);
}

static void write_boundary(const Runs *runs, const Run *run, Text *out)
{
    Arena *arena = runs->arena;
    const cJSON *last = run->snapshot[run->snapshot_count - 1], *input = item_of(item_of(last, "input"), "name");
    Field field;
    if (!read_field(arena, last, &field) || field.features != 2 || !separates(arena, last, &field))
        return;
    const char *axis[2];
    for (int f = 0; f < 2; f++)
        axis[f] = arena_print(arena, "%s[%d]", input->valuestring, field.feature[f] + 1);
    Plot plot = plot_new(arena, run_title(runs, run, "decision boundary"), axis[0], axis[1]);
    text_print(&plot.settings, "set xrange [%.6g:%.6g]\nset yrange [%.6g:%.6g]\nset key outside right top\n", field.from[0], field.to[0], field.from[1], field.to[1]);
    fill_regions(&plot, &field);
    const int shown = run->snapshot_count < BOUNDARIES ? run->snapshot_count : BOUNDARIES;
    for (int k = 0; k < shown - 1; k++) {
        const cJSON *snapshot = run->snapshot[(int)lround((double)k * (run->snapshot_count - 1) / (shown - 1))];
        Field then;
        if (read_field(arena, snapshot, &then) && then.features == 2)
            plot_curve(&plot, boundary(&plot, &then), arena_print(arena, "with lines linewidth 0.6 linecolor rgb '#%02x%02x%02x'", 190 - 90 * k / shown,
                       190 - 90 * k / shown, 200 - 90 * k / shown), NULL);
    }
    plot_curve(&plot, boundary(&plot, &field), "with lines linewidth 1.6 linecolor rgb '#101418'", arena_print(arena, "step %d", step_of_snapshot(last)));
    add_rows(&plot, last, &field, field.classes == 1 ? 2 : field.classes);
    write_plot(&plot, shown > 1 ? arena_print(arena, "Colours: what the network takes each place for at step %d. "
                                              "Thin lines: the boundary at earlier steps, from step %d on.",
                                              step_of_snapshot(last), step_of_snapshot(run->snapshot[0])) : NULL, out);
}

/* Of many runs some, the first and the last among them. */
void write_some_runs(const Runs *runs, int most, void (*figure)(const Runs *, const Run *, Text *), Text *out)
{
    for (int k = 0; k < (runs->count < most ? runs->count : most); k++) {
        const int r = runs->count <= most ? k : k * (runs->count - 1) / (most - 1);
        if (runs->run[r].snapshot_count > 0)
            figure(runs, &runs->run[r], out);
    }
}

void write_snapshots(const Runs *runs, Text *out)
{
    write_some_runs(runs, MOST_RUNS, write_fit, out);
    write_some_runs(runs, MOST_RUNS, write_boundary, out);
}
