/* curves.c: quantities over the steps of training, all runs in one picture; and what a sweep came to at each of its values.
 *
 * A picture is of one quantity, in all sets that have it: loss, accuracy. In training a value of an epoch is drawn where epochs
 * have several steps, else that of each step; the noise of single batches then has a picture of its own. */
#include "report/report.h"
#include <math.h>
#include <string.h>

static const char *const set_prefix[] = {"train_", "validation_", "test_"};
static const char *const set_word[] = {"training", "validation", "test"};
static const char *const set_dash[] = {"", " dashtype 2", " dashtype 3"};
enum { SETS = 3, MOST_POINTS = 1500 };

typedef struct Names { Arena *arena; const char **list; int count, room; } Names;

static void add_name(Names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (!strcmp(names->list[i], name))
            return;
    ARENA_PUSH(names->arena, names->list, names->count, names->room, name);
}

/* "accuracy" of "test_accuracy" */
static const char *quantity(const char *name)
{
    for (int s = 0; s < SETS; s++)
        if (strncmp(name, set_prefix[s], strlen(set_prefix[s])) == 0)
            return name + strlen(set_prefix[s]);
    return name;
}

/* The series of a quantity in a set: of epochs, unless those are no fewer than the steps. */
static const Series *series_for(Arena *arena, const Run *run, const char *name, int set)
{
    const char *full = set == 0 && !strcmp(name, "loss") ? name : arena_print(arena, "%s%s", set_prefix[set], name);
    const Series *epochs = find_series(run, full, true), *steps = find_series(run, full, false);
    if (!epochs || (steps && (epochs->count < 2 || epochs->count >= steps->count)))
        return steps ? steps : epochs;
    return epochs;
}

/* Lines of more points than a picture has pixels: of each stretch the least and the greatest stay. */
static int thinned(Plot *plot, const Series *series)
{
    if (series->count <= MOST_POINTS)
        return plot_data(plot, series->step, series->value, series->count);
    const int stretch = (series->count + MOST_POINTS / 2 - 1) / (MOST_POINTS / 2);
    double *x = NEW(plot->arena, double, MOST_POINTS + 4), *y = NEW(plot->arena, double, MOST_POINTS + 4);
    int count = 0;
    for (int from = 0; from < series->count; from += stretch) {
        int least = from, most = from, to = from + stretch < series->count ? from + stretch : series->count;
        for (int i = from; i < to; i++) {
            least = !(series->value[i] >= series->value[least]) ? i : least;
            most = !(series->value[i] <= series->value[most]) ? i : most;
        }
        for (int pick = 0; pick < (least == most ? 1 : 2); pick++) {
            const int i = (pick == 0) == (least < most) ? least : most;
            x[count] = series->step[i];
            y[count++] = series->value[i];
        }
    }
    return plot_data(plot, x, y, count);
}

static void widen(const Series *series, double *least, double *most)
{
    for (int i = 0; i < series->count; i++)
        if (isfinite(series->value[i])) {
            *least = fmin(*least, series->value[i]);
            *most = fmax(*most, series->value[i]);
        }
}

/* Over several powers of ten a straight scale shows the beginning only. */
static void set_scale(Plot *plot, double least, double most)
{
    if (least > 0 && most / least > 200)
        text_add(&plot->settings, "set logscale y\nset format y '%.0e'\nunset mytics\n");
}

static void set_key(Plot *plot, int entries)
{
    if (entries > 6)
        text_add(&plot->settings, "set key outside right center font ',10' samplen 2\n");
}

static const char *curve_label(Arena *arena, const Runs *runs, const Run *run, int set, int sets)
{
    if (runs->count == 1)
        return sets > 1 ? set_word[set] : NULL;
    return sets > 1 ? arena_print(arena, "%s, %s", run->label, set_word[set]) : run->label;
}

static void write_quantity(const Runs *runs, const char *name, Text *out)
{
    Arena *arena = runs->arena;
    Plot plot = plot_new(arena, name, "step", NULL);
    double least = INFINITY, most = -INFINITY;
    int entries = 0, sets = 0;
    bool has_line = false;                                    /* one point is a number, and the table has it */
    for (int s = 0; s < SETS; s++) {
        bool any = false;
        for (int r = 0; r < runs->count; r++)
            any = any || series_for(arena, &runs->run[r], name, s);
        sets += any;
    }
    for (int r = 0; r < runs->count; r++)
        for (int s = 0; s < SETS; s++) {
            const Series *series = series_for(arena, &runs->run[r], name, s);
            if (!series || !series->count)
                continue;
            const bool is_point = series->count == 1;
            plot_curve(&plot, thinned(&plot, series),
                       arena_print(arena, "with %s linecolor rgb '%s'%s", is_point ? "points pointtype 7" : "lines",
                                   runs->count == 1 ? run_colour(s, SETS) : run_colour(r, runs->count), is_point || runs->count == 1 ? "" : set_dash[s]),
                       curve_label(arena, runs, &runs->run[r], s, sets));
            widen(series, &least, &most);
            entries++;
            has_line = has_line || !is_point;
        }
    set_scale(&plot, least, most);
    set_key(&plot, entries);
    if (has_line)
        write_plot(&plot, NULL, out);
}

/* Single batches, where they are more than epochs. */
static void write_batches(const Runs *runs, Text *out)
{
    Arena *arena = runs->arena;
    Plot plot = plot_new(arena, "loss of each step", "step", NULL);
    double least = INFINITY, most = -INFINITY;
    int entries = 0;
    for (int r = 0; r < runs->count; r++) {
        const Series *steps = find_series(&runs->run[r], "loss", false);
        if (!steps || series_for(arena, &runs->run[r], "loss", 0) == steps)
            continue;
        plot_curve(&plot, thinned(&plot, steps), arena_print(arena, "with lines linewidth 0.6 linecolor rgb '%s'", run_colour(r, runs->count)),
                   runs->count > 1 ? runs->run[r].label : NULL);
        widen(steps, &least, &most);
        entries++;
    }
    set_scale(&plot, least, most);
    set_key(&plot, entries);
    if (entries)
        write_plot(&plot, NULL, out);
}

static bool varies(const Series *series)
{
    for (int i = 1; series && i < series->count; i++)
        if (series->value[i] != series->value[0])
            return true;
    return false;
}

static void write_rates(const Runs *runs, Text *out)
{
    Plot plot = plot_new(runs->arena, "learning rate", "step", NULL);
    int entries = 0;
    for (int r = 0; r < runs->count; r++) {
        const Series *rate = find_series(&runs->run[r], "lr", false);
        if (!varies(rate))
            continue;
        plot_curve(&plot, thinned(&plot, rate), arena_print(runs->arena, "with lines linecolor rgb '%s'", run_colour(r, runs->count)),
                   runs->count > 1 ? runs->run[r].label : NULL);
        entries++;
    }
    if (entries)
        write_plot(&plot, NULL, out);
}

void write_curves(const Runs *runs, Text *out)
{
    Names names = {.arena = runs->arena};
    add_name(&names, "loss");
    for (int r = 0; r < runs->count; r++)
        for (int s = 0; s < runs->run[r].series_count; s++) {
            const char *name = runs->run[r].series[s].name;
            if (strcmp(name, "lr") && strcmp(name, "samples_per_second"))
                add_name(&names, quantity(name));
        }
    for (int n = 0; n < names.count; n++)
        write_quantity(runs, names.list[n], out);
    write_batches(runs, out);
    write_rates(runs, out);
}

/* ---- sweeps ---- */

static double final_loss(const Run *run)
{
    const cJSON *loss = run->end ? cJSON_GetObjectItemCaseSensitive(run->end, "loss") : NULL;
    return cJSON_IsNumber(loss) ? loss->valuedouble : last_value(find_series(run, "loss", false));
}

void write_sweep(const Runs *runs, Text *out)
{
    Arena *arena = runs->arena;
    const char *name = NULL;
    double *x = NEW(arena, double, runs->count + 1), *y = NEW(arena, double, runs->count + 1), least = INFINITY, most = -INFINITY;
    int count = 0;
    for (int r = 0; r < runs->count; r++) {
        const Run *run = &runs->run[r];
        if (!run->swept || (name && strcmp(name, run->swept)))
            continue;
        name = run->swept;
        x[count] = run->value;
        y[count] = final_loss(run);
        least = isfinite(y[count]) ? fmin(least, y[count]) : least;
        most = isfinite(y[count]) ? fmax(most, y[count]) : most;
        count++;
    }
    if (count < 2)
        return;
    Plot plot = plot_new(arena, arena_print(arena, "loss at the end, by %s", name), name, "loss");
    if (x[0] > 0 && x[count - 1] / x[0] > 50)
        text_add(&plot.settings, "set logscale x\n");
    set_scale(&plot, least, most);
    plot_curve(&plot, plot_data(&plot, x, y, count), "with linespoints pointtype 7 pointsize 0.7 linecolor rgb '#1f5fb0'", NULL);
    write_plot(&plot, "The loss of the last step of each copy.", out);
}
