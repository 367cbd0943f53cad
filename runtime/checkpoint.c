/* checkpoint.c: what a run leaves on the disk and takes up again.
 *
 *   parameters, running statistics     under their own names, in PyTorch's shapes
 *   nngen.NAME                         optimizer slots, and the state of the loop: the rows of the table below
 *
 * Of several copies (nn.sweep), copy K has nngen.sweep.K.NAME for the first and nngen.state.K.NAME for the second, and --init gives
 * all of them the parameters of a file that has plain names.
 *
 * `--save` writes all of it, so a run that is resumed goes on bit by bit as if it had never stopped. `--init` reads the first
 * line only. `--resume` compares the file with the program before it touches anything and names the first difference. */
#include "failure.h"
#include "memory.h"
#include "safetensors.h"
#include "target.h"
#include "walk.h"

#include <math.h>
#include <string.h>

static const char OURS[] = "nngen.";

/* ---- the state of the loop ---- */

/* What the table copies in and out. seed is kept as the 64 bits of an I64: F64 could not hold it. */
typedef struct LoopState {
    int64_t step, epoch, position, seed, batch, epoch_rows;
} LoopState;

typedef struct StateRow { const char *name; size_t place; NnDtype dtype; } StateRow;
static const StateRow loop_state[] = {
    {"step", offsetof(LoopState, step), NN_DTYPE_I64},              /* finished steps */
    {"epoch", offsetof(LoopState, epoch), NN_DTYPE_I64},            /* finished epochs */
    {"position", offsetof(LoopState, position), NN_DTYPE_I64},      /* rows taken of the current epoch */
    {"seed", offsetof(LoopState, seed), NN_DTYPE_I64},
    {"batch", offsetof(LoopState, batch), NN_DTYPE_I64},
    {"train_rows", offsetof(LoopState, epoch_rows), NN_DTYPE_I64},  /* 0 without data */
};
static const StateRow copy_state[] = {
    {"stale_epochs", offsetof(NnCopy, stale), NN_DTYPE_I64},        /* early stop: epochs since the best */
    {"best", offsetof(NnCopy, best), NN_DTYPE_F64},
};
static const char SUMS[] = "sums";                            /* F64: the metrics' sums over the current epoch */

/* What the names of a copy's tensors, and of its state, begin with. */
typedef struct Prefixes { char tensor[40], state[40]; } Prefixes;

static Prefixes prefixes_of(const NnProgram *program, int copy)
{
    Prefixes prefixes = {"", "nngen."};
    if (program->sweep) {
        snprintf(prefixes.tensor, sizeof prefixes.tensor, "%ssweep.%d.", OURS, copy);
        snprintf(prefixes.state, sizeof prefixes.state, "%sstate.%d.", OURS, copy);
    }
    return prefixes;
}

static const char *prefix_of(const Prefixes *prefixes, const NnTensor *tensor)
{
    return tensor->kind == NN_SLOT ? prefixes->state : prefixes->tensor;
}

/* "rate 0.01 0.1": a run goes on with the values that it began with. */
static char *sweep_text(const NnProgram *program)
{
    char *text = nn_format_string("%s", program->sweep ? program->sweep->name : "");
    for (int c = 0; program->sweep && c < program->sweep->count; c++) {
        char *longer = nn_format_string("%s %.15g", text, program->sweep->values[c]);
        nn_release(text);
        text = longer;
    }
    return text;
}

static int64_t train_rows(const NnRun *run)
{
    return nn_dataset_rows(run->dataset, NN_TRAIN);
}

/* ---- saving ---- */

static NnSaved saved_tensor(const NnRun *run, int copy, const Prefixes *prefixes, const NnTensor *tensor)
{
    NnSaved saved = {.prefix = prefix_of(prefixes, tensor), .name = tensor->name, .rank = tensor->rank,
                     .dtype = run->program->precision == NN_F32 ? NN_DTYPE_F32 : NN_DTYPE_F64, .stride = tensor->stride,
                     .data = nn_data_of_copy(run, copy, tensor->data)};
    memcpy(saved.shape, tensor->shape, sizeof saved.shape);
    return saved;
}

size_t nn_saving_bytes(const NnRun *run)
{
    enum { PATHS = 4, BESIDES = 256 };                        /* the names of files and tensors that are put together */
    if (!run->flags.save)
        return 0;
    const size_t copies = (size_t)nn_copy_count(run->program);
    size_t tensors = NN_COUNT(loop_state) + copies * (size_t)(NN_COUNT(copy_state) + 1 + run->program->tensor_count);
    return tensors * sizeof(NnSaved) + copies * (sizeof(Prefixes) + 2 * BESIDES) + PATHS * (strlen(run->flags.save) + BESIDES);
}

static int saved_state(const NnRun *run, int copy, const Prefixes *prefixes, NnSaved *saved)
{
    const NnCopy *own = &run->copies[copy];
    int count = 0;
    for (int i = 0; i < NN_COUNT(copy_state); i++)
        saved[count++] = (NnSaved){.prefix = prefixes->state, .name = copy_state[i].name, .dtype = copy_state[i].dtype,
                                   .data = (const char *)own + copy_state[i].place};
    saved[count++] = (NnSaved){.prefix = prefixes->state, .name = SUMS, .dtype = NN_DTYPE_F64, .rank = 1,
                               .shape = {nn_fold_size(run->program)}, .data = own->fold.sum};
    return count;
}

static void save(const NnRun *run, const char *path, bool to_disk)
{
    const NnProgram *program = run->program;
    const int copies = nn_copy_count(program), most = NN_COUNT(loop_state) + copies * (NN_COUNT(copy_state) + 1 + program->tensor_count);
    LoopState state = {.step = run->step, .epoch = run->epoch, .position = run->position, .seed = (int64_t)run->seed,
                       .batch = program->batch, .epoch_rows = train_rows(run)};
    NnSaved *saved = nn_allocate((size_t)most, sizeof *saved);
    Prefixes *prefixes = nn_allocate((size_t)copies, sizeof *prefixes);
    int count = 0;
    for (int i = 0; i < NN_COUNT(loop_state); i++)
        saved[count++] = (NnSaved){.prefix = OURS, .name = loop_state[i].name, .dtype = loop_state[i].dtype,
                                   .data = (const char *)&state + loop_state[i].place};
    for (int c = 0; c < copies; c++) {                        /* all that has eight bytes first: so everything stays aligned */
        prefixes[c] = prefixes_of(program, c);
        count += saved_state(run, c, &prefixes[c], saved + count);
    }
    for (int c = 0; c < copies; c++)
        for (int i = 0; i < program->tensor_count; i++)
            saved[count++] = saved_tensor(run, c, &prefixes[c], &program->tensors[i]);
    char *sweep = sweep_text(program);
    const NnMetadata metadata[] = {{"format", "pt"}, {"nngen.model", program->model},
                                   {"nngen.signature", program->signature ? program->signature : ""}, {"nngen.sweep", sweep}};
    nn_write_safetensors(path, saved, count, metadata, NN_COUNT(metadata) - !program->sweep, to_disk);
    nn_release(sweep);
    nn_release(prefixes);
    nn_release(saved);
}

/* The state as it is to be written; a parameter that is not finite ends the run, and the last good file stays. */
static void pull_finite_state(NnRun *run)
{
    nn_pull_state(run);
    for (int c = 0; c < nn_copy_count(run->program); c++) {
        nn_take_copy(run, c);
        if (!nn_parameters_are_finite(run->program))
            nn_fail_not_finite(run, run->own->loss);
    }
}

void nn_save_checkpoint(NnRun *run, const char *path, bool is_last)
{
    static const double SECONDS_BETWEEN_SYNCS = 1;            /* an epoch may be a single short step, and a disk is slow */
    bool to_disk = is_last || nn_seconds() - run->last_synced > SECONDS_BETWEEN_SYNCS;
    pull_finite_state(run);
    save(run, path, to_disk);
    run->has_saved = true;
    if (to_disk)
        run->last_synced = nn_seconds();
}

/* digits.safetensors at step 20: digits.step20.safetensors */
const char *nn_save_snapshot(NnRun *run)
{
    static const char ending[] = ".safetensors";
    const char *path = run->flags.save;
    size_t length = strlen(path), tail = strlen(ending);
    bool has_ending = length > tail && !strcmp(path + length - tail, ending);
    static char *name;
    nn_release(name);
    name = nn_format_string("%.*s.step%lld%s", (int)(has_ending ? length - tail : length), path, (long long)run->step,
                                  has_ending ? ending : "");
    pull_finite_state(run);
    save(run, name, true);
    return name;
}

/* ---- reading ---- */

/* The entry of a tensor, which must be there, of the shape that the program has. */
static const NnEntry *require_entry(const NnSafetensors *file, const char *prefix, const NnTensor *tensor, const char *remedy)
{
    const NnEntry *entry = nn_find_entry(file, prefix, tensor->name);
    if (!entry)
        nn_fail(NN_WRONG_INPUT, file->path, "has no tensor %s%s, which the program has with shape %s; %s", prefix,
                nn_quoted(tensor->name), nn_shape_text(tensor->rank, tensor->shape), remedy);
    if (entry->rank != tensor->rank || memcmp(entry->shape, tensor->shape, (size_t)tensor->rank * sizeof *entry->shape))
        nn_fail(NN_WRONG_INPUT, file->path, "%s%s has shape %s there, but %s in the program; %s", prefix, nn_quoted(tensor->name),
                nn_shape_text(entry->rank, entry->shape), nn_shape_text(tensor->rank, tensor->shape), remedy);
    return entry;
}

static bool is_ours(const char *name)
{
    return !strncmp(name, OURS, sizeof OURS - 1);
}

/* PyTorch's batch norm counts its batches in an integer that nothing here needs. */
static bool counts_batches(const char *name)
{
    static const char last[] = "num_batches_tracked";
    const char *dot = strrchr(name, '.');
    return !strcmp(dot ? dot + 1 : name, last);
}

/* The rest of a name after the prefix; NULL: it has another one. */
static const char *after(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) ? NULL : name + strlen(prefix);
}

/* Is it a tensor, or the state, of a copy with these prefixes? */
static bool is_known(const NnProgram *program, const Prefixes *prefixes, const char *name)
{
    for (int i = 0; i < program->tensor_count; i++) {
        const char *rest = after(name, prefix_of(prefixes, &program->tensors[i]));
        if (rest && !strcmp(rest, program->tensors[i].name))
            return true;
    }
    const char *own = after(name, prefixes->state);
    for (int k = 0; own && k < NN_COUNT(copy_state); k++)
        if (!strcmp(own, copy_state[k].name))
            return true;
    return own && !strcmp(own, SUMS);
}

static void load_copy(const NnProgram *program, const NnSafetensors *file, const Prefixes *prefixes)
{
    static const char remedy[] = "--init takes a file of the same model's parameters";
    for (int i = 0; i < program->tensor_count; i++) {
        if (program->tensors[i].kind == NN_SLOT)
            continue;
        const NnEntry *entry = require_entry(file, prefixes->tensor, &program->tensors[i], remedy);
        if (entry->dtype != NN_DTYPE_F32 && entry->dtype != NN_DTYPE_F64)
            nn_fail(NN_WRONG_INPUT, file->path, "%s is of type %s; --init takes F32 and F64", nn_quoted(entry->name),
                    nn_quoted(entry->dtype_name));
    }
    for (int i = 0; i < file->count; i++)
        if (!is_ours(file->entry[i].name) && !counts_batches(file->entry[i].name) && !is_known(program, prefixes, file->entry[i].name))
            nn_fail(NN_WRONG_INPUT, file->path, "has a tensor %s, which the program does not have; %s",
                    nn_quoted(file->entry[i].name), remedy);
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        if (tensor->kind != NN_SLOT)
            nn_read_entry(file, nn_find_entry(file, prefixes->tensor, tensor->name), tensor->stride, tensor->data, program->precision);
    }
}

void nn_load_parameters(NnRun *run, const char *path)
{
    const NnProgram *program = run->program;
    NnSafetensors file = nn_open_safetensors(path);
    if (program->sweep && nn_find_metadata(&file, "nngen.sweep")) {
        for (int c = 0; c < nn_copy_count(program); c++) {
            const Prefixes prefixes = prefixes_of(program, c);
            nn_take_copy(run, c);
            load_copy(program, &file, &prefixes);
        }
        nn_take_copy(run, 0);
    } else {
        load_copy(program, &file, &(Prefixes){"", "nngen."});
        nn_spread_copy(run);
    }
    nn_close_safetensors(&file);
}

/* One number of the state, which must be there. */
static void read_row(const NnSafetensors *file, const char *prefix, const StateRow *row, void *state)
{
    const NnEntry *entry = nn_find_entry(file, prefix, row->name);
    if (!entry)
        nn_fail(NN_WRONG_INPUT, file->path, "holds no training state (%s%s is missing), so there is nothing to resume; "
                "to start from its parameters use --init", prefix, row->name);
    if (entry->dtype != row->dtype || entry->rank != 0)
        nn_fail(NN_WRONG_INPUT, file->path, "%s%s is not one number of type %s; the file is damaged", prefix, row->name,
                nn_dtype_name[row->dtype]);
    nn_read_bytes(file, entry, (char *)state + row->place, 8);
}

static LoopState read_loop_state(const NnSafetensors *file)
{
    LoopState state;
    for (int i = 0; i < NN_COUNT(loop_state); i++)
        read_row(file, OURS, &loop_state[i], &state);
    return state;
}

uint64_t nn_resume_seed(const char *path)
{
    NnSafetensors file = nn_open_safetensors(path);
    LoopState state = read_loop_state(&file);
    nn_close_safetensors(&file);
    return (uint64_t)state.seed;
}

static const char resume_remedy[] = "--resume takes what the same model saved";

/* Refuses tensors and state of a copy that are not the program's. */
static void compare_copy(const NnRun *run, const NnSafetensors *file, const Prefixes *prefixes)
{
    const NnProgram *program = run->program;
    NnDtype dtype = program->precision == NN_F32 ? NN_DTYPE_F32 : NN_DTYPE_F64;
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        const NnEntry *entry = require_entry(file, prefix_of(prefixes, tensor), tensor, resume_remedy);
        if (entry->dtype != dtype)
            nn_fail(NN_WRONG_INPUT, file->path, "%s is %s there, but %s in the program: another --precision",
                    nn_quoted(entry->name), nn_quoted(entry->dtype_name), nn_dtype_name[dtype]);
    }
    const NnEntry *sums = nn_find_entry(file, prefixes->state, SUMS);
    if (!sums || sums->dtype != NN_DTYPE_F64 || sums->rank != 1 || sums->shape[0] != nn_fold_size(program))
        nn_fail(NN_WRONG_INPUT, file->path, "has other metrics (%s%s) than the program; %s", prefixes->state, SUMS, resume_remedy);
}

static void compare_sweep(const NnProgram *program, const NnSafetensors *file)
{
    const char *there = nn_find_metadata(file, "nngen.sweep");
    char *here = sweep_text(program);
    if (strcmp(there ? there : "", here))
        nn_fail(NN_WRONG_INPUT, file->path, "was trained with %s%s, the program with %s%s; %s", there ? "the sweep " : "no sweep",
                there ? nn_quoted(there) : "", *here ? "the sweep " : "none", *here ? nn_quoted(here) : "", resume_remedy);
    nn_release(here);
}

static void refuse_unknown_entries(const NnProgram *program, const NnSafetensors *file)
{
    for (int i = 0; i < file->count; i++) {
        const char *name = file->entry[i].name, *own = after(name, OURS);
        bool is_known_here = false;
        for (int k = 0; own && k < NN_COUNT(loop_state); k++)
            is_known_here |= !strcmp(own, loop_state[k].name);
        for (int c = 0; c < nn_copy_count(program) && !is_known_here; c++) {
            const Prefixes prefixes = prefixes_of(program, c);
            is_known_here = is_known(program, &prefixes, name);
        }
        if (!is_known_here)
            nn_fail(NN_WRONG_INPUT, file->path, "has a tensor %s, which the program does not have; %s", nn_quoted(name), resume_remedy);
    }
}

/* Refuses a checkpoint of another model, batch or data by the first difference. */
static void compare(const NnRun *run, const NnSafetensors *file, const LoopState *state)
{
    const NnProgram *program = run->program;
    compare_sweep(program, file);
    for (int c = 0; c < nn_copy_count(program); c++) {
        const Prefixes prefixes = prefixes_of(program, c);
        compare_copy(run, file, &prefixes);
    }
    refuse_unknown_entries(program, file);
    if (state->batch != program->batch)
        nn_fail(NN_WRONG_INPUT, file->path, "was trained with batches of %lld rows, but the program's have %d; %s",
                (long long)state->batch, program->batch, resume_remedy);
    const char *signature = nn_find_metadata(file, "nngen.signature");
    if (program->signature && (!signature || strcmp(signature, program->signature)))
        nn_fail(NN_WRONG_INPUT, file->path, "has the program's tensors, but comes from another model: its expressions or its "
                "optimizer differ; %s", resume_remedy);
    if (state->epoch_rows != train_rows(run))
        nn_fail(NN_WRONG_INPUT, file->path, "was trained on %lld rows, but the training set has %lld; give it the same data",
                (long long)state->epoch_rows, (long long)train_rows(run));
    const int64_t rows = train_rows(run), most = INT64_C(1) << 62;        /* at the epoch's end: interrupted while it was evaluated */
    bool is_whole = !rows ? state->position <= state->step :
                    state->position <= rows && (state->position % program->batch == 0 || state->position == rows);
    if (state->step < 0 || state->step > most || state->epoch < 0 || state->epoch > most || state->position < 0 || !is_whole)
        nn_fail(NN_WRONG_INPUT, file->path, "its training state is impossible (step %lld, epoch %lld, row %lld); it is damaged",
                (long long)state->step, (long long)state->epoch, (long long)state->position);
}

static void read_copy(NnRun *run, const NnSafetensors *file, const Prefixes *prefixes)
{
    const NnProgram *program = run->program;
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        const NnEntry *entry = nn_find_entry(file, prefix_of(prefixes, tensor), tensor->name);
        nn_read_entry(file, entry, tensor->stride, tensor->data, program->precision);
    }
    for (int i = 0; i < NN_COUNT(copy_state); i++)
        read_row(file, prefixes->state, &copy_state[i], run->own);
    if (run->own->stale < 0 || run->own->stale > INT64_C(1) << 62 || isnan(run->own->best))
        nn_fail(NN_WRONG_INPUT, file->path, "its training state is impossible (%lld epochs without a better one); it is damaged",
                (long long)run->own->stale);
    nn_read_bytes(file, nn_find_entry(file, prefixes->state, SUMS), run->own->fold.sum,
                  (size_t)nn_fold_size(program) * sizeof(double));
}

void nn_resume_checkpoint(NnRun *run, const char *path)
{
    NnSafetensors file = nn_open_safetensors(path);
    LoopState state = read_loop_state(&file);
    compare(run, &file, &state);
    for (int c = 0; c < nn_copy_count(run->program); c++) {
        const Prefixes prefixes = prefixes_of(run->program, c);
        nn_take_copy(run, c);
        read_copy(run, &file, &prefixes);
        run->own->fold.rows = state.position;
    }
    nn_take_copy(run, 0);
    run->step = state.step;
    run->epoch = state.epoch;
    run->position = state.position;
    nn_close_safetensors(&file);
}
