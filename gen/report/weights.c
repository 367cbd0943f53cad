/* weights.c: weights as pictures: rows of a first layer as the images they are multiplied with, filters of convolutions, other matrices
 * as they are. Colours are symmetric around 0, so that nothing is white but what is nothing. */
#include "report/snapshots.h"
#include <math.h>

enum { MOST_RUNS = 2, MOST_TILES = 120 };

typedef struct Tiles { int count, rows, columns, height, width; } Tiles;

static bool is_square(int n, int *side)
{
    *side = (int)lround(sqrt(n));
    return *side * *side == n;
}

/* How a parameter of this shape is cut into pictures; count 0: not at all. */
static Tiles tiles_of(Arena *arena, const double *shape, int rank, const cJSON *input)
{
    int dimensions = 0, width, side;
    double *of_input = number_list(arena, item_of(input, "shape"), &dimensions, &width), features = of_input ? 1 : 0;
    for (int d = 0; d < dimensions && of_input; d++)
        features *= of_input[d];
    Tiles tiles = {0};
    if (rank == 4 && shape[2] * shape[3] > 1) {
        tiles = (Tiles){.height = (int)shape[2], .width = (int)shape[3], .columns = (int)shape[1], .count = (int)(shape[0] * shape[1])};
    } else if (rank == 2 && shape[1] == features && dimensions >= 2 && of_input[dimensions - 2] > 1) {
        tiles = (Tiles){.height = (int)of_input[dimensions - 2], .width = (int)of_input[dimensions - 1], .count = (int)shape[0]};
    } else if (rank == 2 && shape[1] == features && features >= 16 && is_square((int)features, &side)) {
        tiles = (Tiles){.height = side, .width = side, .count = (int)shape[0]};
    } else if (rank == 2 && shape[0] > 1 && shape[1] > 1) {
        return (Tiles){.count = 1, .rows = 1, .columns = 1, .height = (int)shape[0], .width = (int)shape[1]};
    } else {
        return tiles;
    }
    tiles.count = tiles.count < MOST_TILES ? tiles.count : MOST_TILES;
    if (tiles.columns < 2 || tiles.columns > 20)
        tiles.columns = (int)ceil(sqrt(1.6 * tiles.count));
    tiles.rows = (tiles.count + tiles.columns - 1) / tiles.columns;
    return tiles;
}

/* One image of all tiles with a line of nothing between them. */
static void write_tiles(const char *title, Arena *arena, const Tiles *tiles, const double *value, const char *caption, Text *out)
{
    const int high = tiles->rows * (tiles->height + 1) - 1, wide = tiles->columns * (tiles->width + 1) - 1;
    double most = 0;
    for (int i = 0; i < tiles->count * tiles->height * tiles->width; i++)
        most = isfinite(value[i]) ? fmax(most, fabs(value[i])) : most;
    Plot plot = plot_new(arena, title, NULL, NULL);
    text_print(&plot.settings, "set size ratio %.4f\nset yrange [%g:-0.5]\nset xrange [-0.5:%g]\nunset xtics\nunset ytics\nunset grid\nunset border\n",
               (double)high / wide, high - 0.5, wide - 0.5);
    text_print(&plot.settings, "set cbtics ('%.2g' %.6g, '0' 0, '%.2g' %.6g)\n", -most, -most, most, most > 0 ? most : 1);
    text_print(&plot.settings, "set cbrange [%.6g:%.6g]\n"
               "set palette defined (-1 '#2c5fa8', -0.5 '#9dbbe0', 0 '#f4f4f2', 0.5 '#e6a08f', 1 '#b03a26')\n", -most, most > 0 ? most : 1);
    text_print(&plot.data, "$d%d << EOD\n", plot.blocks);
    for (int i = 0; i < high; i++) {
        for (int j = 0; j < wide; j++) {
            const int tile = i / (tiles->height + 1) * tiles->columns + j / (tiles->width + 1), y = i % (tiles->height + 1), x = j % (tiles->width + 1);
            const bool is_gap = y == tiles->height || x == tiles->width || tile >= tiles->count;
            const double v = is_gap ? NAN : value[(tile * tiles->height + y) * tiles->width + x];
            if (isfinite(v))
                text_print(&plot.data, "%.4g ", v);
            else
                text_add(&plot.data, "nan ");
        }
        text_add(&plot.data, "\n");
    }
    text_add(&plot.data, "EOD\n");
    plot_curve(&plot, plot.blocks++, "matrix with image", NULL);
    write_plot(&plot, caption, out);
}

static void write_weights_of(const Runs *runs, const Run *run, Text *out)
{
    Arena *arena = runs->arena;
    const cJSON *last = run->snapshot[run->snapshot_count - 1], *parameters = item_of(last, "parameters");
    for (const cJSON *item = parameters ? parameters->child : NULL; item; item = item->next) {
        int rank = 0, count = 0, width;
        double *shape = number_list(arena, item_of(item, "shape"), &rank, &width), *value = number_list(arena, item_of(item, "values"), &count, &width);
        if (!shape || !value || rank < 2)
            continue;
        double elements = 1;
        bool is_shape = true;
        for (int d = 0; d < rank; d++) {
            elements *= shape[d];
            is_shape = is_shape && shape[d] >= 1 && shape[d] == floor(shape[d]);
        }
        if (!is_shape || elements != count)
            continue;
        const Tiles tiles = tiles_of(arena, shape, rank, item_of(last, "input"));
        if (tiles.count == 0)
            continue;
        const bool is_matrix = tiles.count == 1 && rank == 2 && tiles.height == (int)shape[0];
        const char *what = is_matrix ? arena_print(arena, "%d x %d, as it is.", tiles.height, tiles.width)
                         : arena_print(arena, "%d pictures of %d x %d%s.", tiles.count, tiles.height, tiles.width,
                                       tiles.count * tiles.height * tiles.width < count ? ", the first of them" : "");
        write_tiles(run_title(runs, run, item->string), arena, &tiles, value,
                    arena_print(arena, "%s Blue is negative, red positive; step %d.", what, step_of_snapshot(last)), out);
    }
}

void write_weights(const Runs *runs, Text *out)
{
    write_some_runs(runs, MOST_RUNS, write_weights_of, out);
}
