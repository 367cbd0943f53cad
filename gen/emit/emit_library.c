/* emit_library.c: --emit library: what stands behind the kernels of a library.
 *
 * All memory is the caller's: the functions are given its address and keep nothing else, so two models live side by side in one
 * process. The state begins at the first multiple of 64 in that memory, wherever the memory lies; so it must stay where it was
 * when init saw it. Nothing is allocated, no file is touched, no process ends. */
#include "emit/emit_interface.h"
#include "emit/emit_fields.h"
#include <string.h>

/* The struct, and what its beginning may lie behind the beginning of the memory. */
int64_t library_bytes(const Plan *plan)
{
    return state_bytes(plan) + RUN_BYTES + 63;
}

static void emit_in_memory(Text *out)
{
    text_add(out, "\nstatic struct State *in_memory(const void *memory)\n{\n"
                  "    return (struct State *)(((uintptr_t)memory + 63) / 64 * 64);\n}\n");
}

static void emit_init(const Plan *plan, bool has_tensors, Text *out)
{
    text_print(out, "\nvoid %s_init(void *state, uint64_t seed)\n{\n"
                    "    struct State *s = in_memory(state);\n"
                    "    memset(s, 0, sizeof *s);\n"
                    "    s->run.seed = seed;\n", text_name(plan, out->arena));
    if (has_tensors)
        text_print(out, "    nn_initialise_tensors(tensors, NN_COUNT(tensors), s, %s, seed);\n", plan->model->precision == F64 ? "NN_F64" : "NN_F32");
    text_add(out, "}\n");
}

static const char *rate_text(const Plan *plan, Arena *arena)
{
    const char *lr = double_text(arena, plan->model->optimizer.lr);
    return plan->model->schedule ? arena_print(arena, "nn_scheduled_rate(&schedule, %s, s->run.step, s->run.epoch)", lr) : lr;
}

static void emit_train_step(const Plan *plan, Text *out)
{
    Arena *arena = out->arena;
    const Model *model = plan->model;
    const bool has_inputs = inputs_of(plan, PHASE_TRAIN, arena).count > 0;
    text_print(out, "\n%s\n{\n    struct State *s = in_memory(state);\n", train_step_prototype(plan, arena));
    if (has_inputs) {
        const char *test = classes_test(plan, PHASE_TRAIN, "rows", arena);
        text_print(out, "    if (rows < %lld || rows > BATCH", (long long)(model->least_rows > 1 ? model->least_rows : 1));
        if (test)
            text_print(out, " || !%s%s%s", strstr(test, "&&") ? "(" : "", test, strstr(test, "&&") ? ")" : "");
        text_add(out, ")\n        return NAN;\n"
                      "    for (int row = 0; row < BATCH; row++) {\n"
                      "        const int from = row < rows ? row : 0;          /* spare rows repeat the first */\n");
        emit_take_row(plan, PHASE_TRAIN, "row", "from", 8, out);
        text_add(out, "    }\n");
    }
    text_print(out, "    const NnStep step = {.rows = %s, .lr = %s, .t = s->run.step + 1, .seed = s->run.seed};\n"
                    "    const double loss = train_step(s, &step);\n"
                    "    if (isfinite(loss))\n"
                    "        s->run.step++;\n"
                    "    return %sloss;\n}\n", has_inputs ? "rows" : "1", rate_text(plan, arena), model->precision == F32 ? "(float)" : "");
}

static bool counts_epochs(const NnSchedule *schedule)
{
    for (; schedule; schedule = schedule->kind == NN_RATE_WARMUP ? schedule->next : NULL)
        if (!schedule->per_step)
            return true;
    return false;
}

bool has_epochs(const Plan *plan)
{
    return counts_epochs(plan->model->schedule);
}

static void emit_epoch_done(const Plan *plan, Text *out)
{
    text_print(out, "\nvoid %s_epoch_done(void *state)\n{\n    in_memory(state)->run.epoch++;\n}\n", text_name(plan, out->arena));
}

static void emit_save(const Plan *plan, bool has_tensors, Text *out)
{
    text_print(out, "\nsize_t %s_save(const void *state, void *buffer, size_t size)\n{\n"
                    "    return nn_store_tensors(%s, %s, in_memory(state), %s, %s, buffer, size);\n}\n",
               text_name(plan, out->arena), has_tensors ? "tensors" : "NULL", has_tensors ? "NN_COUNT(tensors)" : "0",
               plan->model->precision == F64 ? "NN_F64" : "NN_F32", c_string(out->arena, shown_path(plan->model->path)));
}

void emit_library(const Plan *plan, const EmitOptions *options, Text *out)
{
    (void)options;
    section(out, "what others call");
    const bool has_tensors = emit_tensors(plan, false, out);
    if (plan->model->schedule)
        emit_schedule(plan->model->schedule, out);
    emit_in_memory(out);
    emit_checks(plan, out);
    emit_standards(plan, out);
    emit_init(plan, has_tensors, out);
    emit_train_step(plan, out);
    if (has_epochs(plan))
        emit_epoch_done(plan, out);
    if (has_phase(plan, PHASE_PREDICT))
        emit_predict_function(plan, out);
    emit_save(plan, has_tensors, out);
}
