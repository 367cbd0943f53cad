/* snapshots.h: what the drawers of snapshots share; in snapshots.c. A log is anybody's: every item may be missing or another thing. */
#ifndef NNGEN_REPORT_SNAPSHOTS_H
#define NNGEN_REPORT_SNAPSHOTS_H

#include "report/report.h"

const cJSON *item_of(const cJSON *object, const char *key);   /* NULL: there is none, or no object */
double *number_list(Arena *arena, const cJSON *array, int *count, int *width);
int step_of_snapshot(const cJSON *snapshot);
const char *run_title(const Runs *runs, const Run *run, const char *title);    /* with the run's name, if there are several */
void write_some_runs(const Runs *runs, int most, void (*figure)(const Runs *, const Run *, Text *), Text *out);

#endif
