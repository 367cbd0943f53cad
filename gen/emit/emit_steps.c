/* emit_steps.c: the kernels in sections, and the functions that call them: train_step, evaluate, predict.
 *
 * Functions are grouped by their role, calls stand in the order of the plan. A kernel whose text an earlier one already has is
 * called a second time, not written again.
 *
 * A program that can check its gradients has `gradients`, which is train_step without the updates; train_step calls it. */
#include "emit/emit_cuda.h"
#include <ctype.h>
#include <string.h>

bool has_phase(const Plan *plan, PhaseId phase)
{
    return plan->model->phase[phase].root_count > 0;
}

/* ---- kernels ---- */

/* The functions of one phase, those of one role together; role NULL: all of them under `title`. */
static void emit_functions(const Plan *plan, PhaseId phase, const Role *role, Role wanted, const char *title, Text *out)
{
    for (int k = 0; k < plan->kernel_count[phase]; k++) {
        const Kernel *kernel = &plan->kernel[phase][k];
        if (kernel->same_as != NONE || (role && role[k] != wanted))
            continue;
        if (title)
            section(out, title);
        title = NULL;
        text_add(out, "\n");
        emit_kernel(plan, kernel, out);
    }
}

void emit_kernels(const Plan *plan, Text *out)
{
    const Role *role = roles(plan, out->arena);
    for (Role r = FORWARD_ROLE; r <= METRIC_ROLE; r++)
        emit_functions(plan, PHASE_TRAIN, role, r, role_title(plan, role, r), out);
    emit_functions(plan, PHASE_EVALUATE, NULL, FORWARD_ROLE, "evaluation: what training computes otherwise, or not at all", out);
    const bool show = plan->model->kind == MODEL_SHOW && plan->model->emit == EMIT_PROGRAM;
    emit_functions(plan, PHASE_PREDICT, NULL, FORWARD_ROLE, show ? "the expressions" : "prediction", out);
}

/* ---- calls ---- */

bool uses_name(const char *text, const char *word)
{
    const size_t length = strlen(word);
    char before = ' ';
    for (const char *at = text; *at; before = *at++) {
        if (at[0] == '/' && at[1] == '*') {
            at = strstr(at, "*/") + 1;
        } else if (*at == '"') {
            while (*++at != '"')
                at += *at == '\\';
        } else if (strncmp(at, word, length) == 0 && !isalnum((unsigned char)before) && before != '_' && before != '>' &&
                   before != '.' && !isalnum((unsigned char)at[length]) && at[length] != '_') {
            return true;
        }
    }
    return false;
}

/* The function around `body`, with the variables that it uses. */
static void emit_function(const Plan *plan, Text *out, const char *comment, const char *type, const char *name, const char *body)
{
    const bool cuda = plan->target == TARGET_CUDA, is_handed_over = plan->model->emit != EMIT_PROGRAM;
    const char *arguments = cuda ? "void *device, const NnDeviceStep *step" : is_handed_over ? "struct State *s, const NnStep *step" : "const NnStep *step";
    text_print(out, "\n%sstatic %s %s(%s)\n{\n", comment, type, name, arguments);
    if (cuda)
        text_add(out, "    struct State *s = device;                   /* only addresses are made of it here */\n");
    else if (!is_handed_over && uses_name(body, "s"))
        text_print(out, "    struct State *s = %sstate;\n", is_state_allocated(plan) ? "" : "&");
    if (!uses_name(body, "step"))
        text_add(out, "    (void)step;\n");
    text_print(out, "%s}\n", body);
}

bool opens_region(const Kernel *kernels, int from, int k)
{
    return kernels[k].region != NONE && (k == from || kernels[k - 1].region != kernels[k].region);
}

bool closes_region(const Kernel *kernels, int to, int k)
{
    return kernels[k].region != NONE && (k + 1 == to || kernels[k + 1].region != kernels[k].region);
}

void open_region(const Plan *plan, const Kernel *kernel, Text *out)
{
    const Region *region = &plan->recurrences.regions[kernel->region];
    if (region->backward)
        text_print(out, "    for (int time = %lld; time >= 0; time--) {", (long long)region->steps - 1);
    else
        text_print(out, "    for (int time = 0; time < %lld; time++) {", (long long)region->steps);
    text_pad(out, 48);
    text_print(out, "/* each time needs the state %s it */\n", region->backward ? "after" : "before");
}

static void emit_calls(const Plan *plan, PhaseId phase, int from, int to, bool with_laps, Text *out)
{
    const Role *role = phase == PHASE_TRAIN ? roles(plan, out->arena) : NULL;
    const Kernel *kernels = plan->kernel[phase];
    for (int k = from; k < to; k++) {
        if (role && k > from && role[k] == UPDATE_ROLE && role[k - 1] == BACKWARD_ROLE)
            text_add(out, "\n");
        if (opens_region(kernels, from, k))
            open_region(plan, &kernels[k], out);
        text_add(out, kernels[k].region != NONE ? "        " : "    ");
        emit_call(plan, &kernels[k], out);
        text_add(out, ";\n");
        if (with_laps)
            text_print(out, "    nn_lap(%d);\n", k);
        if (closes_region(kernels, to, k))
            text_add(out, "    }\n");
    }
}

static const char *member(const Plan *plan, NodeId node, Arena *arena)
{
    if (plan->buffer_of[node] == NONE)
        bug("node %d has no place in the state", node);
    return arena_print(arena, "s->%s", plan->buffer[plan->buffer_of[node]].name);
}

/* "s->loss": its mean part, its sum part, or both */
static const char *loss_expression(const Plan *plan, Arena *arena)
{
    const Metric *loss = &plan->model->phase[PHASE_TRAIN].metrics[0];
    const NodeId mean = loss->part[0], sum = loss->part[1];
    if (mean == NONE || sum == NONE)
        return member(plan, mean != NONE ? mean : sum, arena);
    return arena_print(arena, "%s + %s", member(plan, mean, arena), member(plan, sum, arena));
}

static int loss_check(const Plan *plan)
{
    int k = 0;
    while (k < plan->kernel_count[PHASE_TRAIN] && plan->kernel[PHASE_TRAIN][k].before_loss_check)
        k++;
    return k;
}

static void emit_loss_check(const Plan *plan, const char *loss, Text *out)
{
    text_print(out, "    if (!isfinite(%s))\n        return %s;", loss, loss);
    text_pad(out, 48);
    text_print(out, "/* nothing is updated%s */\n", plan->model->emit == EMIT_PROGRAM ? "; the runtime says what went wrong" : "");
}

static void emit_train_step(const Plan *plan, const EmitOptions *options, Text *out)
{
    const int count = plan->kernel_count[PHASE_TRAIN], check = loss_check(plan), update = first_update(plan);
    const char *loss = loss_expression(plan, out->arena);
    const bool laps = options->with_laps;
    Text first = text_new(out->arena), body = text_new(out->arena);

    if (laps)
        text_print(&first, "    nn_lap(NN_LAPS_BEGIN);\n");
    emit_calls(plan, PHASE_TRAIN, 0, check, laps, &first);
    text_print(&first, "    const double loss = %s;\n", loss);
    if (options->can_check_gradients) {
        text_add(&first, "\n");
        emit_calls(plan, PHASE_TRAIN, check, update, laps, &first);
        text_add(&first, "    return loss;\n");
        emit_function(plan, out, "/* Forward and backward on the batch that is in the state; gives its loss. */\n", "double",
                      "gradients", first.bytes);
        text_add(&body, "    const double loss = gradients(step);\n");
        emit_loss_check(plan, "loss", &body);
        text_add(&body, "\n");
        emit_calls(plan, PHASE_TRAIN, update, count, laps, &body);
    } else {
        text_add(&body, first.bytes);
        emit_loss_check(plan, "loss", &body);
        text_add(&body, "\n");
        emit_calls(plan, PHASE_TRAIN, check, count, laps, &body);
    }
    text_add(&body, "    return loss;\n");
    static const char comment[] = "/* One step on the batch that is in the state; gives its loss, that of the parameters before. */\n";
    emit_function(plan, out, comment, "double", "train_step", body.bytes);
}

/* Where evaluation leaves a metric somewhere else than training: to where the runtime looks. */
static void emit_metric_copies(const Plan *plan, Text *out)
{
    const Metric *train = plan->model->phase[PHASE_TRAIN].metrics, *evaluate = plan->model->phase[PHASE_EVALUATE].metrics;
    for (int m = 0; m < plan->model->metric_count; m++)
        for (int part = 0; part < 3; part++) {
            if (train[m].part[part] == NONE || evaluate[m].part[part] == NONE)
                continue;
            const char *to = member(plan, train[m].part[part], out->arena);
            const char *from = member(plan, evaluate[m].part[part], out->arena);
            const Buffer *buffer = &plan->buffer[plan->buffer_of[train[m].part[part]]];
            if (strcmp(to, from) == 0)
                continue;
            if (buffer->rank == 0)
                text_print(out, "    %s = %s;\n", to, from);
            else
                text_print(out, "    memcpy(%s, %s, sizeof %s);\n", to, from, to);
        }
}

/* On a GPU all that the host does is to put kernels in line. */
static void emit_launches(const Plan *plan, PhaseId phase, const char *comment, const char *name, Text *out)
{
    const int count = plan->kernel_count[phase], check = phase == PHASE_TRAIN ? loss_check(plan) : count;
    Text body = text_new(out->arena);
    emit_gather_launches(plan, &body);
    emit_calls(plan, phase, 0, check, false, &body);
    if (phase == PHASE_TRAIN)
        emit_check_launch(plan, &body);
    emit_calls(plan, phase, check, count, false, &body);
    if (phase == PHASE_EVALUATE)
        emit_metric_launches(plan, &body);
    emit_function(plan, out, comment, "void", name, body.bytes);
}

static void emit_device_steps(const Plan *plan, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN;
    if (train)
        emit_launches(plan, PHASE_TRAIN, "/* One step: kernels in line, on a batch that they fetch themselves. */\n", "train_step", out);
    if (train && has_phase(plan, PHASE_EVALUATE))
        emit_launches(plan, PHASE_EVALUATE, "/* Loss and metrics of a batch as evaluation computes them; no parameter changes. */\n", "evaluate", out);
    if (has_phase(plan, PHASE_PREDICT))
        emit_launches(plan, PHASE_PREDICT, train ? "/* The outputs of a batch, as evaluation computes them. */\n" : "/* The values to be shown. */\n",
                      "predict", out);
}

void emit_steps(const Plan *plan, const EmitOptions *options, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN, show = !train && plan->model->emit == EMIT_PROGRAM;
    section(out, !train ? "all of them" : has_phase(plan, PHASE_EVALUATE) ? "a step, an evaluation, a prediction" : "a step, a prediction");
    if (plan->target == TARGET_CUDA) {
        emit_device_steps(plan, out);
        return;
    }
    if (train)
        emit_train_step(plan, options, out);
    if (train && has_phase(plan, PHASE_EVALUATE)) {
        Text body = text_new(out->arena);
        emit_calls(plan, PHASE_EVALUATE, 0, plan->kernel_count[PHASE_EVALUATE], false, &body);
        emit_metric_copies(plan, &body);
        emit_function(plan, out, "/* Loss and metrics of the batch as evaluation computes them; no parameter changes. */\n", "void",
                      "evaluate", body.bytes);
    }
    if (has_phase(plan, PHASE_PREDICT)) {
        Text body = text_new(out->arena);
        emit_calls(plan, PHASE_PREDICT, 0, plan->kernel_count[PHASE_PREDICT], false, &body);
        const char *comment = show ? "/* The values to be shown. */\n"
                            : plan->model->emit == EMIT_PROGRAM ? "/* The outputs of the batch, as evaluation computes them. */\n"
                                                                : "/* The outputs of the row that is first in the state's batch, as evaluation computes them. */\n";
        emit_function(plan, out, comment, "void", "predict", body.bytes);
    }
}
