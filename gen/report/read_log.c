/* read_log.c: the JSON lines of a log (runtime/log.c has their keys) as runs.
 *
 * Strict about what cannot be a log: a line that is no JSON object, has no event, or lacks its step ends the process with the
 * file and the line. A last line without its end is what a program that is still writing, or was killed, leaves: it is left out, with a
 * warning. A step that comes a second time is a run that was resumed from an earlier point: the later lines count.
 *
 * A log of nn.sweep tells copies apart by one more key in its epoch, snapshot and end events, that of the swept value. */
#include "report/report.h"
#include <errno.h>
#include <math.h>
#include <string.h>

typedef struct Event { const cJSON *object; const char *kind; double step; int line; } Event;
typedef struct Events { Event *list; int count, room; } Events;

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

static Event read_event(const char *file, int number, const char *line)
{
    const Place place = {file, number};
    const char *rest = line;
    cJSON *object = cJSON_ParseWithOpts(line, &rest, 0);
    if (!object || !cJSON_IsObject(object) || rest[strspn(rest, " \t\r")])
        fail_at(place, "this is no line of a log: a JSON object is expected, as programs write it with --log");
    const cJSON *kind = cJSON_GetObjectItemCaseSensitive(object, "event");
    if (!cJSON_IsString(kind))
        fail_at(place, "this line of the log has no \"event\"");
    Event event = {object, kind->valuestring, number_of(object, "step"), number};
    bool needs_step = !strcmp(event.kind, "step") || !strcmp(event.kind, "epoch") || !strcmp(event.kind, "snapshot") || !strcmp(event.kind, "end");
    if (needs_step && !(event.step >= 0))
        fail_at(place, "this %s event has no \"step\"", event.kind);
    if (!strcmp(event.kind, "step") && !cJSON_GetObjectItemCaseSensitive(object, "loss"))
        fail_at(place, "this step event has no \"loss\"");
    return event;
}

static Events read_events(Arena *arena, const char *file)
{
    size_t length;
    char *text = read_file(arena, file, &length);
    if (!text)
        fail_at((Place){file, 0}, "cannot be read: %s", strerror(errno));
    Events events = {0};
    int number = 0;
    for (char *line = text, *end; line < text + length; line = end + 1) {
        end = memchr(line, '\n', (size_t)(text + length - line));
        number++;
        if (!end) {
            end = text + length;
            cJSON *whole = cJSON_Parse(line);
            if (!whole) {
                warn_at((Place){file, number}, "the last line is cut short (the run was killed, or goes on): it is left out");
                break;
            }
            cJSON_Delete(whole);
        }
        *end = '\0';
        if (strlen(line) != (size_t)(end - line))
            fail_at((Place){file, number}, "this is no line of a log: it holds a zero byte");
        if (line[strspn(line, " \t\r")])
            ARENA_PUSH(arena, events.list, events.count, events.room, read_event(file, number, line));
    }
    if (events.count == 0)
        fail_at((Place){file, 0}, "is no log: there is no event in it");
    return events;
}

/* ---- which key is swept ---- */

static bool has_prefix(const char *string, const char *prefix)
{
    return strncmp(string, prefix, strlen(prefix)) == 0;
}

static bool is_known(const char *key)
{
    static const char *const known[] = {"event", "step", "epoch", "loss", "lr", "seconds", "samples_per_second", "partial", "reason", "file",
                                        "model", "input", "parameters", "rows", "grid"};
    for (size_t k = 0; k < sizeof known / sizeof *known; k++)
        if (!strcmp(key, known[k]))
            return true;
    return has_prefix(key, "train_") || has_prefix(key, "validation_") || has_prefix(key, "test_");
}

static const char *swept_key(const Events *events)
{
    for (int e = 0; e < events->count; e++)
        for (const cJSON *item = events->list[e].object->child; item; item = item->next)
            if (cJSON_IsNumber(item) && (!is_known(item->string) || (!strcmp(item->string, "lr") && strcmp(events->list[e].kind, "step"))))
                return item->string;
    for (int e = 1; e < events->count; e++)                   /* cut short before its first epoch */
        if (!strcmp(events->list[e].kind, "step") && !strcmp(events->list[e - 1].kind, "step") && events->list[e].step == events->list[e - 1].step)
            return "lr";
    return NULL;
}

/* ---- runs ---- */

static Series *series_of(Arena *arena, Run *run, const char *name, bool of_epochs)
{
    Series *found = (Series *)find_series(run, name, of_epochs);
    if (found)
        return found;
    ARENA_PUSH(arena, run->series, run->series_count, run->series_room, (Series){.name = name, .of_epochs = of_epochs});
    return &run->series[run->series_count - 1];
}

const Series *find_series(const Run *run, const char *name, bool of_epochs)
{
    for (int s = 0; s < run->series_count; s++)
        if (run->series[s].of_epochs == of_epochs && strcmp(run->series[s].name, name) == 0)
            return &run->series[s];
    return NULL;
}

double last_value(const Series *series)
{
    return series && series->count ? series->value[series->count - 1] : NAN;
}

static void add_value(Arena *arena, Run *run, const char *name, bool of_epochs, double step, double value)
{
    Series *series = series_of(arena, run, name, of_epochs);
    while (series->count && series->step[series->count - 1] >= step)
        series->count--;
    int count = series->count;
    ARENA_PUSH(arena, series->step, count, series->step_room, step);
    ARENA_PUSH(arena, series->value, series->count, series->value_room, value);
}

static void add_confusion(Arena *arena, Run *run, const cJSON *item)
{
    for (int c = 0; c < run->confusion_count; c++)
        if (!strcmp(run->confusion[c].name, item->string)) {
            run->confusion[c].counts = item;
            return;
        }
    ARENA_PUSH(arena, run->confusion, run->confusion_count, run->confusion_room, (Confusion){item->string, item});
}

static void add_event(Arena *arena, Run *run, const Event *event)
{
    const bool is_epoch = !strcmp(event->kind, "epoch"), is_step = !strcmp(event->kind, "step");
    if (!strcmp(event->kind, "end"))
        run->end = event->object;
    if (is_epoch)
        run->epochs = number_of(event->object, "epoch");
    if (!strcmp(event->kind, "snapshot")) {
        while (run->snapshot_count && number_of(run->snapshot[run->snapshot_count - 1], "step") >= event->step)
            run->snapshot_count--;
        ARENA_PUSH(arena, run->snapshot, run->snapshot_count, run->snapshot_room, event->object);
    }
    static const char *const no_series[] = {"step", "epoch", "seconds", "partial"};
    for (const cJSON *item = event->object->child; item && (is_epoch || is_step); item = item->next) {
        bool is_series = cJSON_IsNumber(item) || cJSON_IsNull(item);
        for (size_t k = 0; k < sizeof no_series / sizeof *no_series; k++)
            is_series = is_series && strcmp(item->string, no_series[k]);
        is_series = is_series && (!run->swept || strcmp(item->string, run->swept));
        if (is_series)
            add_value(arena, run, item->string, is_epoch, event->step, cJSON_IsNull(item) ? NAN : item->valuedouble);
        else if (cJSON_IsArray(item))
            add_confusion(arena, run, item);
    }
}

/* The run of a value: the first one since `first` that has it. */
static int run_of(Runs *runs, int first, const char *file, const char *swept, double value)
{
    for (int r = first; r < runs->count; r++)
        if (!swept || runs->run[r].value == value)
            return r;
    ARENA_PUSH(runs->arena, runs->run, runs->count, runs->room, (Run){.file = file, .swept = swept, .value = value});
    return runs->count - 1;
}

static const char *label_of(Arena *arena, const char *file)
{
    const char *name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    const char *ending = strrchr(name, '.');
    return arena_print(arena, "%.*s", (int)(ending && ending > name ? ending - name : (long)strlen(name)), name);
}

void read_log(Runs *runs, const char *file, const char *label)
{
    Arena *arena = runs->arena;
    const Events events = read_events(arena, file);
    const char *swept = swept_key(&events);
    const int first = runs->count;
    for (int e = 0; e < events.count; e++) {
        const int r = run_of(runs, first, file, swept, swept ? number_of(events.list[e].object, swept) : 0);
        add_event(arena, &runs->run[r], &events.list[e]);
    }
    label = label ? label : label_of(arena, file);
    for (int r = first; r < runs->count; r++)
        runs->run[r].label = swept ? arena_print(arena, "%s %s", swept, number(arena, runs->run[r].value, false)) : label;
}
