/* flags.c: the command line of an emitted program.
 *
 * One table serves parsing and --help. A flag is `--name value` or `--name=value`; numbers are read strictly: "1e3" steps,
 * "5 " epochs or a seed of 2^64 are refused, never rounded. What contradicts itself is refused here, before data is read. */
#include "failure.h"
#include "run.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef enum FlagKind { FLAG_TEXT, FLAG_COUNT, FLAG_THREADS, FLAG_SEED, FLAG_RATE, FLAG_SWITCH, FLAG_DEVICE, FLAG_HELP } FlagKind;

typedef struct Flag {
    const char *name, *argument;        /* argument NULL: none */
    FlagKind kind;
    size_t place;                       /* in NnFlags */
    bool in_show;                       /* nn.show programs know it too */
    const char *help;
} Flag;

#define PLACE(member) offsetof(NnFlags, member)
static const Flag flags[] = {
    {"--data", "DIR", FLAG_TEXT, PLACE(data_dir), true, "look for data files in DIR first"},
    {"--epochs", "N", FLAG_COUNT, PLACE(epochs), false, "train for N epochs in all"},
    {"--steps", "N", FLAG_COUNT, PLACE(steps), false, "train for N steps in all, whatever the epochs"},
    {"--lr", "X", FLAG_RATE, PLACE(lr), false, "learning rate"},
    {"--seed", "N", FLAG_SEED, PLACE(seed), true, "seed of initial values, order of rows, split and dropout"},
    {"--threads", "N", FLAG_THREADS, PLACE(threads), true, "processors to use; 0, the default, is as many as pay"},
    {"--init", "F", FLAG_TEXT, PLACE(init), true, "start from the parameters in the safetensors file F"},
    {"--save", "F", FLAG_TEXT, PLACE(save), false, "save to F at each epoch's end, at the end and at Ctrl-C"},
    {"--resume", "F", FLAG_TEXT, PLACE(resume), false, "continue exactly where F was saved"},
    {"--log", "F", FLAG_TEXT, PLACE(log), false, "write one JSON object a line to F (continued by --resume)"},
    {"--log-every", "N", FLAG_COUNT, PLACE(log_every), false, "log every Nth step; 1 unless given"},
    {"--snapshot-every", "N", FLAG_COUNT, PLACE(snapshot_every), false, "every Nth step keep what pictures need in --log, and the parameters beside --save"},
    {"--no-shuffle", NULL, FLAG_SWITCH, PLACE(no_shuffle), false, "take the rows in file order"},
    {"--check-gradients", NULL, FLAG_SWITCH, PLACE(check_gradients), false, "hold every gradient against central differences"},
    {"--predict", "F", FLAG_TEXT, PLACE(predict), false, "do not train: write the outputs of the test set (else of train) to F"},
    {"--benchmark", "N", FLAG_COUNT, PLACE(benchmark), false, "do not train: time N steps"},
    {"--device", "N", FLAG_DEVICE, PLACE(device), true, "the GPU to use, from 0; for programs made with --target cuda"},
    {"--quiet", NULL, FLAG_SWITCH, PLACE(quiet), true, "print nothing but what was asked for, and errors"},
    {"--help", NULL, FLAG_HELP, 0, true, "print this and stop"},
};

static _Noreturn void show_help(const NnProgram *program, bool is_show)
{
    printf("%s: %s %s, as nngen wrote it\n\n", nn_program_name, is_show ? "evaluates" : "trains", program->model);
    for (int i = 0; i < NN_COUNT(flags); i++) {
        if (is_show && !flags[i].in_show)
            continue;
        char left[32];
        snprintf(left, sizeof left, "%s %s", flags[i].name, flags[i].argument ? flags[i].argument : "");
        printf("  %-20s  %s\n", left, flags[i].help);
    }
    if (!is_show)
        printf("\nThis program: batch %d, %s %lld, lr %g, seed %llu, %s.\n", program->batch, program->steps ? "steps" : "epochs",
               (long long)(program->steps ? program->steps : program->epochs), program->lr, (unsigned long long)program->seed,
               program->precision == NN_F32 ? "f32" : "f64");
    printf("Exit status: 0 done, 1 the data or a file is wrong or training diverged, 2 the call is wrong,\n"
           "3 the machine lacks something, 130 interrupted (after saving).\n");
    nn_flush_output();
    exit(NN_DONE);
}

static uint64_t strict_number(const Flag *flag, const char *text, uint64_t least, uint64_t most)
{
    char *end;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (!*text || strspn(text, "0123456789") != strlen(text) || errno || value < least || value > most)
        nn_fail(NN_WRONG_CALL, NULL, "%s takes a whole number from %llu to %llu, not %s", flag->name, (unsigned long long)least,
                (unsigned long long)most, nn_quoted(text));
    return value;
}

static double rate(const Flag *flag, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (!*text || strspn(text, "0123456789.eE+-") != strlen(text) || *end || !isfinite(value) || value < 0)
        nn_fail(NN_WRONG_CALL, NULL, "%s takes a finite number that is not negative, not %s", flag->name, nn_quoted(text));
    return value;
}

/* Edit distance, for "did you mean". */
static int distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    int row[LONGEST + 1], length = (int)strlen(b);
    if (length > LONGEST || strlen(a) > LONGEST)
        return LONGEST;
    for (int j = 0; j <= length; j++)
        row[j] = j;
    for (int i = 1; a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= length; j++) {
            int change = diagonal + (a[i - 1] != b[j - 1]), step = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            diagonal = row[j];
            row[j] = change < step ? change : step;
        }
    }
    return row[length];
}

/* The flag that `argument` names, up to its "=". */
static const Flag *find_flag(const char *argument, bool is_show)
{
    size_t length = strcspn(argument, "=");
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), argument);
    const Flag *nearest = NULL;
    if (!strcmp(argument, "-h"))
        nn_fail(NN_WRONG_CALL, NULL, "unknown flag '-h'; did you mean --help?");
    for (int i = 0; i < NN_COUNT(flags); i++) {
        if (!strcmp(name, flags[i].name)) {
            if (is_show && !flags[i].in_show)
                nn_fail(NN_WRONG_CALL, NULL, "%s has no meaning for a model that ends in nn.show: nothing is trained", name);
            return &flags[i];
        }
        if (distance(name, flags[i].name) <= 3 && (!nearest || distance(name, flags[i].name) < distance(name, nearest->name)))
            nearest = &flags[i];
    }
    if (argument[0] != '-')
        nn_fail(NN_WRONG_CALL, NULL, "%s is no flag; --help lists them", nn_quoted(argument));
    if (nearest)
        nn_fail(NN_WRONG_CALL, NULL, "unknown flag %s; did you mean %s? --help lists them", nn_quoted(name), nearest->name);
    nn_fail(NN_WRONG_CALL, NULL, "unknown flag %s; --help lists them", nn_quoted(name));
}

static void set_flag(const NnProgram *program, NnFlags *out, const Flag *flag, const char *value)
{
    void *place = (char *)out + flag->place;
    switch (flag->kind) {
    case FLAG_TEXT:
        if (!*value)
            nn_fail(NN_WRONG_CALL, NULL, "%s needs a name, not nothing", flag->name);
        *(const char **)place = value;
        break;
    case FLAG_COUNT:
        *(int64_t *)place = (int64_t)strict_number(flag, value, 1, INT64_MAX);
        break;
    case FLAG_THREADS:
        *(int64_t *)place = (int64_t)strict_number(flag, value, 0, INT64_MAX);
        break;
    case FLAG_SEED:
        out->seed = strict_number(flag, value, 0, UINT64_MAX);
        out->has_seed = true;
        break;
    case FLAG_RATE:
        out->lr = rate(flag, value);
        out->has_lr = true;
        break;
    case FLAG_SWITCH:
        *(bool *)place = true;
        break;
    case FLAG_DEVICE:
        if (!program->cuda)
            nn_fail(NN_WRONG_CALL, NULL, "%s needs a CUDA program; this one computes on the processor (make one with --target cuda)",
                    flag->name);
        *(int64_t *)place = (int64_t)strict_number(flag, value, 0, INT32_MAX);
        break;
    case FLAG_HELP:
        break;
    }
}

/* Two names of one file, which one of them would destroy. Devices keep nothing. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat first, second;
    bool is_there = !stat(a, &first), both = is_there && !stat(b, &second);
    if (is_there && !S_ISREG(first.st_mode))
        return false;
    return both ? first.st_dev == second.st_dev && first.st_ino == second.st_ino : !strcmp(a, b);
}

static void refuse_same_files(const NnFlags *given)
{
    const struct { const char *name, *file; bool is_written; } named[] = {
        {"--init", given->init, false}, {"--resume", given->resume, false}, {"--save", given->save, true}, {"--log", given->log, true},
        {"--predict", given->predict, true},
    };
    for (int a = 0; a < NN_COUNT(named); a++)
        for (int b = a + 1; b < NN_COUNT(named); b++) {
            bool goes_on = !named[a].is_written && !strcmp(named[b].name, "--save");      /* a run may replace what it began with */
            if (named[a].file && named[b].file && named[b].is_written && !goes_on && is_same_file(named[a].file, named[b].file))
                nn_fail(NN_WRONG_CALL, NULL, "%s and %s name one file, %s, and would destroy each other", named[a].name, named[b].name,
                        nn_quoted(named[b].file));
        }
}

/* A descriptor that the caller closed would be the next file that is opened, and take what is printed. */
static void open_standard_streams(void)
{
    for (int descriptor = open("/dev/null", O_RDWR); descriptor >= 0; descriptor = open("/dev/null", O_RDWR))
        if (descriptor > 2) {
            close(descriptor);
            return;
        }
}

/* Flags that do not go together, or that this program cannot do. */
static void check_flags(const NnProgram *program, const NnFlags *given)
{
    int modes = given->check_gradients + (given->predict != NULL) + (given->benchmark > 0);
    if (modes > 1)
        nn_fail(NN_WRONG_CALL, NULL, "--check-gradients, --predict and --benchmark: one at a time");
    refuse_same_files(given);
    if (given->resume && given->init)
        nn_fail(NN_WRONG_CALL, NULL, "--resume brings its own parameters; leave --init away");
    if (given->resume && given->has_seed)
        nn_fail(NN_WRONG_CALL, NULL, "--resume brings its own seed; leave --seed away");
    if (given->predict && !given->init && !given->resume)
        nn_fail(NN_WRONG_CALL, NULL, "--predict needs trained parameters: give --init F or --resume F");
    if (given->predict && !program->output_count)
        nn_fail(NN_WRONG_CALL, NULL, "--predict: %s names no outputs; add outputs = {name = tensor} to nn.train",
                nn_quoted(program->model));
    if (given->check_gradients && !program->gradients)
        nn_fail(NN_WRONG_CALL, NULL, "--check-gradients needs a program with plain kernels in double precision; make it with\n    %s",
                program->check_command ? program->check_command : "nngen MODEL.lua --precision f64 --kernels generic");
    if (given->snapshot_every && !given->save && !given->log)
        nn_fail(NN_WRONG_CALL, NULL, "--snapshot-every needs --log F, which then has what a report draws, or --save F, beside which the "
                "parameters go");
}

NnFlags nn_parse_flags(const NnProgram *program, bool is_show, int argc, char **argv)
{
    NnFlags given = {0};
    open_standard_streams();
    signal(SIGXFSZ, SIG_IGN);                                 /* a file that grew too long is an error to report, not a death */
    const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
    if (argc > 0)
        nn_program_name = slash ? slash + 1 : argv[0];
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--help"))
            show_help(program, is_show);
    for (int i = 1; i < argc; i++) {
        const Flag *flag = find_flag(argv[i], is_show);
        const char *value = strchr(argv[i], '=');
        value = value ? value + 1 : NULL;
        if (value && !flag->argument)
            nn_fail(NN_WRONG_CALL, NULL, "%s takes no value", flag->name);
        if (!value && flag->argument) {
            if (++i == argc)
                nn_fail(NN_WRONG_CALL, NULL, "%s needs a value: %s %s", flag->name, flag->name, flag->argument);
            value = argv[i];
        }
        set_flag(program, &given, flag, value);
    }
    check_flags(program, &given);
    if (!given.log_every)
        given.log_every = 1;
    return given;
}
