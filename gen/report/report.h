/* report.h: from the logs of emitted programs to a page of pictures.
 *
 *   read_log.c     a log's lines → Run: series of numbers, the last confusion matrices, the snapshots as the log has them
 *   curves.c       series over steps, of several runs in one picture; a sweep's losses over its values
 *   snapshots.c    what a snapshot shows: a fit over points, a decision boundary
 *   weights.c      and its weights, as pictures
 *   plot.c         one picture: data and a gnuplot script in, <svg> out
 *   report.c       the page around them
 *   show_page.c    the page of a nn.show program: formulas, curves, the graph
 *   run_and_report.c   nngen run --report: runs, each with its log, then the page
 *
 * Numbers on the page are the log's own: tables print the shortest decimal that reads back to the same bits. */
#ifndef NNGEN_REPORT_REPORT_H
#define NNGEN_REPORT_REPORT_H

#include "base/fail.h"
#include "graph/model.h"
#include "page/page.h"
#include <cJSON.h>

/* One quantity of a run, at the steps at which the log has it. */
typedef struct Series {
    const char *name;                   /* "loss", "train_accuracy", "lr" */
    bool of_epochs;                     /* from epoch events; else from step events */
    double *step, *value;               /* NAN where the log has null */
    int count, step_room, value_room;
} Series;

typedef struct Confusion { const char *name; const cJSON *counts; } Confusion;

/* A run, or one value of a sweep. */
typedef struct Run {
    const char *file, *label;
    const char *swept;                  /* the name of what is swept; NULL: nothing */
    double value;                       /* then: its value in this run */
    Series *series;
    int series_count, series_room;
    Confusion *confusion;               /* the last of each name */
    int confusion_count, confusion_room;
    const cJSON **snapshot;             /* steps rising */
    int snapshot_count, snapshot_room;
    const cJSON *end;                   /* NULL: the log has none: the run goes on, or was killed */
    double epochs;
} Run;

typedef struct Runs { Arena *arena; Run *run; int count, room; } Runs;

/* read_log.c: adds the runs of a log: one, or one for each value of a sweep. label NULL: it is made of the file's name. What is no
 * log ends the process with the file and the line. */
void read_log(Runs *runs, const char *file, const char *label);
const Series *find_series(const Run *run, const char *name, bool of_epochs);   /* NULL: there is none */
double last_value(const Series *series);                      /* NAN: none */

/* plot.c */
typedef struct Plot {
    Arena *arena;
    Text data, settings, curves;
    int blocks;
    const char *title;
} Plot;
Plot plot_new(Arena *arena, const char *title, const char *x, const char *y);
int plot_data(Plot *plot, const double *x, const double *y, int count);         /* a block's number; a pair that is not finite is a gap */
void plot_curve(Plot *plot, int block, const char *style, const char *label);   /* style: gnuplot's, "with lines"; label NULL: not in the key */
const char *plot_string(Arena *arena, const char *string);    /* a literal of gnuplot's */
void write_plot(Plot *plot, const char *caption, Text *out);  /* as <figure>; without gnuplot the process ends: 3 */
const char *run_colour(int run, int count);                   /* "#1f5fb0": distinct for a few, a scale for many */

/* curves.c, snapshots.c, weights.c: figures, where the runs have what they need */
void write_curves(const Runs *runs, Text *out);
void write_sweep(const Runs *runs, Text *out);
void write_snapshots(const Runs *runs, Text *out);            /* fits and boundaries */
void write_weights(const Runs *runs, Text *out);

/* show_page.c: the page of a nn.show program, from what it printed: a line `name = value` each */
void write_show_page(const Model *model, const char *printed, Text *out);

/* report.c: the whole page */
void write_report(const Runs *runs, const char *title, Text *out);

#endif
