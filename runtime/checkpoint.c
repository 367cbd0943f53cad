/* checkpoint.c: what a run leaves on the disk and takes up again.
 *
 *   parameters, running statistics     under their own names, in PyTorch's shapes
 *   nngen.NAME                         optimizer slots, and the state of the loop: the rows of the table below
 *
 * `--save` writes all of it, so a run that is resumed goes on bit by bit as if it had never stopped. `--init` reads the first
 * line only. `--resume` compares the file with the program before it touches anything and names the first difference. */
#include "failure.h"
#include "memory.h"
#include "run.h"
#include "safetensors.h"
#include "walk.h"

#include <math.h>
#include <string.h>

static const char OURS[] = "nngen.";

/* ---- the state of the loop ---- */

/* What the table copies in and out. seed is kept as the 64 bits of an I64: F64 could not hold it. */
typedef struct LoopState {
    int64_t step, epoch, position, seed, stale, batch, epoch_rows;
    double best;
} LoopState;

static const struct { const char *name; size_t place; NnDtype dtype; } loop_state[] = {
    {"step", offsetof(LoopState, step), NN_DTYPE_I64},              /* finished steps */
    {"epoch", offsetof(LoopState, epoch), NN_DTYPE_I64},            /* finished epochs */
    {"position", offsetof(LoopState, position), NN_DTYPE_I64},      /* rows taken of the current epoch */
    {"seed", offsetof(LoopState, seed), NN_DTYPE_I64},
    {"stale_epochs", offsetof(LoopState, stale), NN_DTYPE_I64},     /* early stop: epochs since the best */
    {"batch", offsetof(LoopState, batch), NN_DTYPE_I64},
    {"train_rows", offsetof(LoopState, epoch_rows), NN_DTYPE_I64},  /* 0 without data */
    {"best", offsetof(LoopState, best), NN_DTYPE_F64},
};
static const char SUMS[] = "sums";                            /* F64: the metrics' sums over the current epoch */

static int64_t train_rows(const NnRun *run)
{
    return nn_dataset_rows(run->dataset, NN_TRAIN);
}

/* ---- saving ---- */

static NnSaved saved_tensor(const NnProgram *program, const NnTensor *tensor)
{
    NnSaved saved = {.prefix = tensor->kind == NN_SLOT ? OURS : "", .name = tensor->name, .rank = tensor->rank,
                     .dtype = program->precision == NN_F32 ? NN_DTYPE_F32 : NN_DTYPE_F64, .stride = tensor->stride,
                     .data = tensor->data};
    memcpy(saved.shape, tensor->shape, sizeof saved.shape);
    return saved;
}

size_t nn_saving_bytes(const NnRun *run)
{
    enum { PATHS = 4, BESIDES = 256 };                        /* the names of files and tensors that are put together */
    if (!run->flags.save)
        return 0;
    size_t tensors = (size_t)(NN_COUNT(loop_state) + 1 + run->program->tensor_count);
    return tensors * sizeof(NnSaved) + PATHS * (strlen(run->flags.save) + BESIDES);
}

static void save(const NnRun *run, const char *path, bool to_disk)
{
    const NnProgram *program = run->program;
    LoopState state = {.step = run->step, .epoch = run->epoch, .position = run->position, .seed = (int64_t)run->seed,
                       .stale = run->stale, .batch = program->batch, .epoch_rows = train_rows(run), .best = run->best};
    NnSaved *saved = nn_allocate((size_t)(NN_COUNT(loop_state) + 1 + program->tensor_count), sizeof *saved);
    int count = 0;
    for (int i = 0; i < NN_COUNT(loop_state); i++)            /* the eight-byte ones first: all stay aligned */
        saved[count++] = (NnSaved){.prefix = OURS, .name = loop_state[i].name, .dtype = loop_state[i].dtype,
                                   .data = (const char *)&state + loop_state[i].place};
    saved[count++] = (NnSaved){.prefix = OURS, .name = SUMS, .dtype = NN_DTYPE_F64, .rank = 1,
                               .shape = {nn_fold_size(program)}, .data = run->fold.sum};
    for (int i = 0; i < program->tensor_count; i++)
        saved[count++] = saved_tensor(program, &program->tensors[i]);
    const NnMetadata metadata[] = {{"format", "pt"}, {"nngen.model", program->model},
                                   {"nngen.signature", program->signature ? program->signature : ""}};
    nn_write_safetensors(path, saved, count, metadata, NN_COUNT(metadata), to_disk);
    nn_release(saved);
}

void nn_save_checkpoint(NnRun *run, const char *path, bool is_last)
{
    static const double SECONDS_BETWEEN_SYNCS = 1;            /* an epoch may be a single short step, and a disk is slow */
    bool to_disk = is_last || nn_seconds() - run->last_synced > SECONDS_BETWEEN_SYNCS;
    if (!nn_parameters_are_finite(run->program))              /* the last good ones stay */
        nn_fail_not_finite(run, run->loss);
    save(run, path, to_disk);
    run->has_saved = true;
    if (to_disk)
        run->last_synced = nn_seconds();
}

/* digits.safetensors at step 20: digits.step20.safetensors */
void nn_save_snapshot(NnRun *run)
{
    static const char ending[] = ".safetensors";
    const char *path = run->flags.save;
    size_t length = strlen(path), tail = strlen(ending);
    bool has_ending = length > tail && !strcmp(path + length - tail, ending);
    char *name = nn_format_string("%.*s.step%lld%s", (int)(has_ending ? length - tail : length), path, (long long)run->step,
                                  has_ending ? ending : "");
    save(run, name, true);
    nn_log_snapshot(run, name);
    nn_release(name);
}

/* ---- reading ---- */

/* The entry of a tensor, which must be there, of the shape that the program has. */
static const NnEntry *require_entry(const NnSafetensors *file, const NnTensor *tensor, const char *remedy)
{
    const char *prefix = tensor->kind == NN_SLOT ? OURS : "";
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

static bool is_known(const NnProgram *program, const char *name)
{
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        if (tensor->kind == NN_SLOT ? is_ours(name) && !strcmp(name + sizeof OURS - 1, tensor->name) : !strcmp(name, tensor->name))
            return true;
    }
    return false;
}

void nn_load_parameters(const NnProgram *program, const char *path)
{
    static const char remedy[] = "--init takes a file of the same model's parameters";
    NnSafetensors file = nn_open_safetensors(path);
    for (int i = 0; i < program->tensor_count; i++) {
        if (program->tensors[i].kind == NN_SLOT)
            continue;
        const NnEntry *entry = require_entry(&file, &program->tensors[i], remedy);
        if (entry->dtype != NN_DTYPE_F32 && entry->dtype != NN_DTYPE_F64)
            nn_fail(NN_WRONG_INPUT, path, "%s is of type %s; --init takes F32 and F64", nn_quoted(entry->name),
                    nn_quoted(entry->dtype_name));
    }
    for (int i = 0; i < file.count; i++)
        if (!is_ours(file.entry[i].name) && !counts_batches(file.entry[i].name) && !is_known(program, file.entry[i].name))
            nn_fail(NN_WRONG_INPUT, path, "has a tensor %s, which the program does not have; %s", nn_quoted(file.entry[i].name),
                    remedy);
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        if (tensor->kind != NN_SLOT)
            nn_read_entry(&file, nn_find_entry(&file, "", tensor->name), tensor->stride, tensor->data, program->precision);
    }
    nn_close_safetensors(&file);
}

static LoopState read_loop_state(const NnSafetensors *file)
{
    LoopState state;
    for (int i = 0; i < NN_COUNT(loop_state); i++) {
        const NnEntry *entry = nn_find_entry(file, OURS, loop_state[i].name);
        if (!entry)
            nn_fail(NN_WRONG_INPUT, file->path, "holds no training state (%s%s is missing), so there is nothing to resume; "
                    "to start from its parameters use --init", OURS, loop_state[i].name);
        if (entry->dtype != loop_state[i].dtype || entry->rank != 0)
            nn_fail(NN_WRONG_INPUT, file->path, "%s%s is not one number of type %s; the file is damaged", OURS, loop_state[i].name,
                    nn_dtype_name[loop_state[i].dtype]);
        nn_read_bytes(file, entry, (char *)&state + loop_state[i].place, 8);
    }
    return state;
}

uint64_t nn_resume_seed(const char *path)
{
    NnSafetensors file = nn_open_safetensors(path);
    LoopState state = read_loop_state(&file);
    nn_close_safetensors(&file);
    return (uint64_t)state.seed;
}

/* Refuses a checkpoint of another model, batch or data by the first difference. */
static void compare(const NnRun *run, const NnSafetensors *file, const LoopState *state)
{
    static const char remedy[] = "--resume takes what the same model saved";
    const NnProgram *program = run->program;
    NnDtype dtype = program->precision == NN_F32 ? NN_DTYPE_F32 : NN_DTYPE_F64;
    for (int i = 0; i < program->tensor_count; i++) {
        const NnEntry *entry = require_entry(file, &program->tensors[i], remedy);
        if (entry->dtype != dtype)
            nn_fail(NN_WRONG_INPUT, file->path, "%s is %s there, but %s in the program: another --precision",
                    nn_quoted(entry->name), nn_quoted(entry->dtype_name), nn_dtype_name[dtype]);
    }
    for (int i = 0; i < file->count; i++) {
        const char *name = file->entry[i].name, *own = is_ours(name) ? name + sizeof OURS - 1 : "";
        bool is_state = !strcmp(own, SUMS);
        for (int k = 0; k < NN_COUNT(loop_state); k++)
            is_state = is_state || !strcmp(own, loop_state[k].name);
        if (!is_state && !is_known(program, name))
            nn_fail(NN_WRONG_INPUT, file->path, "has a tensor %s, which the program does not have; %s", nn_quoted(name), remedy);
    }
    if (state->batch != program->batch)
        nn_fail(NN_WRONG_INPUT, file->path, "was trained with batches of %lld rows, but the program's have %d; %s",
                (long long)state->batch, program->batch, remedy);
    const NnEntry *sums = nn_find_entry(file, OURS, SUMS);
    if (!sums || sums->dtype != NN_DTYPE_F64 || sums->rank != 1 || sums->shape[0] != nn_fold_size(program))
        nn_fail(NN_WRONG_INPUT, file->path, "has other metrics (%s%s) than the program; %s", OURS, SUMS, remedy);
    const char *signature = nn_find_metadata(file, "nngen.signature");
    if (program->signature && (!signature || strcmp(signature, program->signature)))
        nn_fail(NN_WRONG_INPUT, file->path, "has the program's tensors, but comes from another model: its expressions or its "
                "optimizer differ; %s", remedy);
    if (state->epoch_rows != train_rows(run))
        nn_fail(NN_WRONG_INPUT, file->path, "was trained on %lld rows, but the training set has %lld; give it the same data",
                (long long)state->epoch_rows, (long long)train_rows(run));
    const int64_t rows = train_rows(run), most = INT64_C(1) << 62;        /* at the epoch's end: interrupted while it was evaluated */
    bool is_whole = !rows ? state->position <= state->step :
                    state->position <= rows && (state->position % program->batch == 0 || state->position == rows);
    if (state->step < 0 || state->step > most || state->epoch < 0 || state->epoch > most || state->position < 0 || state->stale < 0 ||
        state->stale > most || isnan(state->best) || !is_whole)
        nn_fail(NN_WRONG_INPUT, file->path, "its training state is impossible (step %lld, epoch %lld, row %lld); it is damaged",
                (long long)state->step, (long long)state->epoch, (long long)state->position);
}

void nn_resume_checkpoint(NnRun *run, const char *path)
{
    const NnProgram *program = run->program;
    NnSafetensors file = nn_open_safetensors(path);
    LoopState state = read_loop_state(&file);
    compare(run, &file, &state);
    for (int i = 0; i < program->tensor_count; i++) {
        const NnTensor *tensor = &program->tensors[i];
        const NnEntry *entry = nn_find_entry(&file, tensor->kind == NN_SLOT ? OURS : "", tensor->name);
        nn_read_entry(&file, entry, tensor->stride, tensor->data, program->precision);
    }
    nn_read_bytes(&file, nn_find_entry(&file, OURS, SUMS), run->fold.sum, (size_t)nn_fold_size(program) * sizeof(double));
    run->step = state.step;
    run->epoch = state.epoch;
    run->position = state.position;
    run->fold.rows = state.position;
    run->best = state.best;
    run->stale = state.stale;
    nn_close_safetensors(&file);
}
