/* run_and_report.c: nngen run with --report or --vary: one run, or one for each combination of values, and a page of them.
 *
 * Each run is what plain `nngen run` would have run, with a log beside the page: page.jsonl, or page.NAME=VALUE.jsonl for each. The page
 * is what `nngen report` makes of these logs, so it can be made again. Snapshots come about thirty times in a run, four times where
 * the model is large or swept; --snapshot-every after -- says otherwise. Ctrl-C is the program's: it ends the run at hand, no
 * further one begins, and the page shows what there is. */
#define _GNU_SOURCE
#include "pipeline.h"
#include "report/report.h"
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SNAPSHOTS = 30, FEW_SNAPSHOTS = 4, LARGE = 20000, MOST_RUNS = 256 };

/* The value that a flag of the program has among the words after --; NULL: it is not there. */
static const char *flag_value(char *const *arguments, const char *flag)
{
    const size_t length = strlen(flag);
    for (char *const *word = arguments; *word; word++) {
        if (strcmp(*word, flag) == 0)
            return word[1] ? word[1] : "";
        if (strncmp(*word, flag, length) == 0 && (*word)[length] == '=')
            return *word + length + 1;
    }
    return NULL;
}

static bool has_flag(char *const *arguments, const char *flag)
{
    for (char *const *word = arguments; *word; word++)
        if (strcmp(*word, flag) == 0)
            return true;
    return false;
}

static int64_t total_steps(const Compilation *c, char *const *arguments)
{
    const Model *model = c->model;
    const char *steps = flag_value(arguments, "--steps"), *epochs = flag_value(arguments, "--epochs");
    if (steps)
        return atoll(steps);
    if (model->steps && !epochs)
        return model->steps;
    const int64_t turns = epochs ? atoll(epochs) : model->epochs;
    if (!model->data.format || model->batch_all)
        return turns;
    const int64_t rows = nn_dataset_count(&model->data, model->inputs, model->input_count, c->options->read.data_dir);
    return turns * ((rows + model->batch - 1) / model->batch);
}

static int64_t parameter_count(const Model *model)
{
    int64_t count = 0;
    for (int l = 0; l < model->graph->leaf_count; l++)
        if (model->graph->leaves[l].kind == LEAF_PARAMETER)
            count += element_count(model->graph->leaves[l].type);
    return count;
}

static int64_t snapshot_every(const Compilation *c, char *const *arguments)
{
    const bool is_large = parameter_count(c->model) > LARGE || c->model->sweep.count > 1;
    const int64_t wanted = is_large ? FEW_SNAPSHOTS : SNAPSHOTS;
    const int64_t every = total_steps(c, arguments) / wanted;
    return every > 1 ? every : 1;
}

/* ---- the runs ---- */

/* The values of run number `run`: the last variation changes fastest. Gives the name of the run, "optimizer=sgd"; NULL: nothing varies. */
static const char *vary(Arena *arena, Options *options, int run)
{
    Text name = text_new(arena);
    Setting *settings = NEW(arena, Setting, options->read.setting_count + options->vary_count + 1);
    int count = options->read.setting_count, after = 1;
    if (count)
        memcpy(settings, options->read.settings, sizeof *settings * (size_t)count);
    for (int v = 0; v < options->vary_count; v++)
        after *= options->vary[v].count;
    for (int v = 0; v < options->vary_count; v++) {
        const Variation *variation = &options->vary[v];
        after /= variation->count;
        const char *value = variation->value[run / after % variation->count];
        text_print(&name, "%s%s=%s", name.length ? " " : "", variation->name, value);
        settings[count++] = (Setting){variation->name, value, false};
    }
    options->read.settings = settings;
    options->read.setting_count = count;
    return name.length ? name.bytes : NULL;
}

static int run_count(const Options *options)
{
    int64_t count = 1;
    for (int v = 0; v < options->vary_count; v++) {
        for (int s = 0; s < options->read.setting_count; s++)
            if (!strcmp(options->read.settings[s].name, options->vary[v].name))
                fail_call("%s stands after --set and after --vary", options->vary[v].name);
        for (int other = 0; other < v; other++)
            if (!strcmp(options->vary[other].name, options->vary[v].name))
                fail_call("--vary %s stands there twice; give its values in one", options->vary[v].name);
        count *= options->vary[v].count;
        if (count > MOST_RUNS)
            fail_call("--vary asks for more than %d runs", MOST_RUNS);
    }
    return (int)count;
}

static const char *log_beside(Arena *arena, const char *page, const char *run)
{
    const char *slash = strrchr(page, '/'), *ending = strrchr(slash ? slash : page, '.');
    char *name = run ? arena_print(arena, ".%s", run) : arena_string(arena, "");
    for (char *c = name; *c; c++)
        if (strchr("/ \\'\"*?<>|:&;", *c))
            *c = '_';
    return arena_print(arena, "%.*s%s.jsonl", (int)(ending && ending > page ? ending - page : (long)strlen(page)), page, name);
}

/* The program as a child; Ctrl-C is its own. Gives its exit status. */
static int run_child(const char *program, char *const *words)
{
    fflush(NULL);
    void (*before)(int) = signal(SIGINT, SIG_IGN);
    pid_t child = fork();
    if (child < 0)
        fail_machine("cannot start the program: %s", strerror(errno));
    if (child == 0) {
        signal(SIGINT, before == SIG_IGN ? SIG_IGN : SIG_DFL);
        execv(program, words);
        fprintf(stderr, "nngen: error: cannot run %s: %s\n", program, strerror(errno));
        _exit(STATUS_MACHINE);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            fail_machine("cannot wait for the program: %s", strerror(errno));
    signal(SIGINT, before);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A nn.show program prints; its page is of what it printed. */
static int show_and_report(const Compilation *c, const char *program, const char *page)
{
    Arena *arena = c->arena;
    char **words = program_words(arena, c, NULL);
    words[0] = arena_string(arena, program);
    const char *why, *printed = run_tool(arena, (const char *const *)words, "", &why);
    if (!printed)
        fail_at((Place){c->model->path, 0}, "its program ended with a failure: %s", why);
    write_file(NULL, printed, strlen(printed));
    Text out = text_new(arena);
    if (page)
        write_show_page(c->model, printed, &out);
    if (page)
        write_file(page, out.bytes, out.length);
    return STATUS_DONE;
}

/* One run. *log: where its log is; NULL: nobody asked for a page. */
static int run_one(Arena *arena, Options *options, const char *name, const char **log)
{
    Compilation *c = run_passes(arena, options, NULL);
    const char *program = compiled_program(arena, &c->program), *own_log = flag_value(options->arguments, "--log");
    if (c->model->kind == MODEL_SHOW && options->vary_count)
        fail_call("--vary is for models that are trained; %s is shown", quoted(arena, c->model->path));
    if (c->model->kind == MODEL_SHOW) {
        *log = NULL;
        return show_and_report(c, program, options->report);
    }
    if (own_log && options->vary_count)
        fail_call("the runs of --vary would write one log; leave --log away");
    char *more[5] = {NULL};
    int count = 0;
    *log = NULL;
    if (options->report) {
        *log = own_log ? own_log : log_beside(arena, options->report, name);
        if (!own_log) {
            more[count++] = "--log";
            more[count++] = arena_string(arena, *log);
        }
        if (!flag_value(options->arguments, "--snapshot-every")) {
            more[count++] = "--snapshot-every";
            more[count++] = arena_print(arena, "%" PRId64, snapshot_every(c, options->arguments));
        }
        if (!flag_value(options->arguments, "--resume"))
            unlink(*log);                                     /* an old one is not taken for this run's, should it fail early */
    }
    if (name)
        printf("%s\n", escaped(arena, name));
    return run_child(program, program_words(arena, c, more));
}

int run_and_report(Arena *arena, Options *options)
{
    const int count = run_count(options);
    refuse_overwriting(arena, "--report", options->report, options->operand[0]);
    Runs runs = {.arena = arena};
    int status = STATUS_DONE;
    for (int r = 0; r < count && status < 128; r++) {
        Options own = *options;
        const char *name = vary(arena, &own, r), *log;
        const int ended = run_one(arena, &own, name, &log);
        status = status && ended < 128 ? status : ended;
        if (log && access(log, R_OK) == 0)
            read_log(&runs, log, name);
    }
    if (runs.count == 0)
        return status;
    Text out = text_new(arena);
    write_report(&runs, options->operand[0], &out);
    write_file(options->report, out.bytes, out.length);
    if (!has_flag(options->arguments, "--quiet"))
        printf("the page is %s\n", escaped(arena, options->report));
    return status;
}
