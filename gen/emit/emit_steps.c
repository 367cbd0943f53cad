/* emit_steps.c: the kernels in sections, and the functions that call them: train_step, evaluate, predict.
 *
 * The order is that of the plan: forward, loss, backward with those updates that ride in its kernels, then the updates that
 * wait for all gradients. A kernel whose text an earlier one already has is called a second time, not written again.
 *
 * A program that can check its gradients has `gradients`, which is train_step without the updates; train_step calls it. */
#include "emit/emit_parts.h"
#include <ctype.h>
#include <string.h>

/* ---- what a kernel does in a step ---- */

const Kernel *kernel_at(const Plan *plan, int number)
{
    for (int phase = 0; phase < PHASE_COUNT && number >= 0; phase++) {
        if (number < plan->kernel_count[phase]) {
            const Kernel *kernel = &plan->kernel[phase][number];
            return kernel->same_as == NONE ? kernel : kernel_at(plan, kernel->same_as);
        }
        number -= plan->kernel_count[phase];
    }
    return NULL;
}

bool is_update(const Plan *plan, const Kernel *kernel)
{
    if (kernel->form == FORM_CALL)
        return true;
    for (int i = 0; i < kernel->stage_count; i++) {
        int b = kernel->stage[i].buffer;
        if (b != NONE && (plan->buffer[b].kind == BUFFER_PARAMETER || plan->buffer[b].kind == BUFFER_STATE))
            return true;
    }
    return false;
}

/* The first kernel that changes a parameter, or the number of kernels. */
static int first_update(const Plan *plan)
{
    int k = 0;
    while (k < plan->kernel_count[PHASE_TRAIN] && !is_update(plan, &plan->kernel[PHASE_TRAIN][k]))
        k++;
    return k;
}

static bool is_gradient_kernel(const Plan *plan, const Kernel *kernel)
{
    for (int i = 0; i < kernel->stage_count; i++)
        if (plan->model->graph->nodes[kernel->stage[i].node].origin.rule)
            return true;
    return false;
}

static bool same_place(Place a, Place b)
{
    return a.line == b.line && a.file && b.file && strcmp(a.file, b.file) == 0;
}

/* Does it compute something that the line of the loss asks for? */
static bool is_of_loss(const Plan *plan, const Kernel *kernel)
{
    const Graph *graph = plan->model->graph;
    const Metric *loss = &plan->model->phase[PHASE_TRAIN].metrics[0];
    for (int part = 0; part < 2; part++)
        for (int i = 0; loss->part[part] != NONE && i < kernel->stage_count; i++)
            if (same_place(graph->nodes[kernel->stage[i].node].origin.place, graph->nodes[loss->part[part]].origin.place))
                return true;
    return false;
}

Role role_of(const Plan *plan, int number)
{
    const Kernel *kernel = plan->kernel[PHASE_TRAIN];
    if (!kernel[number].before_loss_check) {
        for (int k = first_update(plan); k < plan->kernel_count[PHASE_TRAIN]; k++)
            if (!is_update(plan, &kernel[k]))
                return BACKWARD_ROLE;
        return number < first_update(plan) ? BACKWARD_ROLE : UPDATE_ROLE;
    }
    for (int k = 0; k <= number; k++)
        if (is_of_loss(plan, &kernel[k]))
            return LOSS_ROLE;
    return FORWARD_ROLE;
}

bool has_phase(const Plan *plan, PhaseId phase)
{
    return plan->model->phase[phase].root_count > 0;
}

/* ---- kernels ---- */

static const char *title_of(const Plan *plan, Role role)
{
    const int count = plan->kernel_count[PHASE_TRAIN];
    const Kernel *kernel = plan->kernel[PHASE_TRAIN];
    bool has_forward = false, has_backward_updates = false, loss_has_gradient = false;
    for (int k = 0; k < count; k++) {
        Role r = role_of(plan, k);
        has_forward = has_forward || r == FORWARD_ROLE;
        has_backward_updates = has_backward_updates || (r == BACKWARD_ROLE && is_update(plan, &kernel[k]));
        loss_has_gradient = loss_has_gradient || (r == LOSS_ROLE && is_gradient_kernel(plan, &kernel[k]));
    }
    switch (role) {
    case FORWARD_ROLE:
        return "forward";
    case LOSS_ROLE:
        return has_forward ? loss_has_gradient ? "loss and its gradient" : "loss"
                           : loss_has_gradient ? "forward, loss and its gradient" : "forward and loss";
    case BACKWARD_ROLE:
        return has_backward_updates ? "backward and update" : "backward";
    case UPDATE_ROLE:
        return "update";
    }
    bug("a role without title");
}

static void emit_kernels_of(const Plan *plan, PhaseId phase, const char *title, Text *out)
{
    for (int k = 0; k < plan->kernel_count[phase]; k++) {
        const Kernel *kernel = &plan->kernel[phase][k];
        if (kernel->same_as != NONE)
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
    int last = -1;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        if (kernel->same_as != NONE)
            continue;
        Role role = role_of(plan, k);
        if ((int)role != last)
            section(out, title_of(plan, role));
        last = (int)role;
        text_add(out, "\n");
        emit_kernel(plan, kernel, out);
    }
    emit_kernels_of(plan, PHASE_EVALUATE, "evaluation: what training computes otherwise, or not at all", out);
    const bool show = plan->model->kind == MODEL_SHOW;
    emit_kernels_of(plan, PHASE_PREDICT, show ? "the expressions" : "prediction", out);
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
static void emit_function(Text *out, const char *comment, const char *type, const char *name, const char *body)
{
    text_print(out, "\n%sstatic %s %s(const NnStep *step)\n{\n", comment, type, name);
    if (uses_name(body, "s"))
        text_add(out, "    struct State *s = &state;\n");
    if (!uses_name(body, "step"))
        text_add(out, "    (void)step;\n");
    text_print(out, "%s}\n", body);
}

static void emit_calls(const Plan *plan, PhaseId phase, int from, int to, Text *out)
{
    for (int k = from; k < to; k++) {
        if (k > from && phase == PHASE_TRAIN && role_of(plan, k) == UPDATE_ROLE && role_of(plan, k - 1) != UPDATE_ROLE)
            text_add(out, "\n");
        text_add(out, "    ");
        emit_call(plan, &plan->kernel[phase][k], out);
        text_add(out, ";\n");
    }
}

static const char *member(const Plan *plan, NodeId node, Arena *arena)
{
    if (plan->buffer_of[node] == NONE)
        bug("node %d has no place in the state", node);
    return arena_print(arena, "s->%s", plan->buffer[plan->buffer_of[node]].name);
}

const char *loss_expression(const Plan *plan, const Metric *metrics, Arena *arena)
{
    const NodeId mean = metrics[0].part[0], sum = metrics[0].part[1];
    if (mean == NONE || sum == NONE || metrics[0].kind == METRIC_R2)
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

static void emit_loss_check(const char *loss, Text *out)
{
    text_print(out, "    if (!isfinite(%s))\n        return %s;", loss, loss);
    text_pad(out, 48);
    text_add(out, "/* nothing is updated; the runtime says what went wrong */\n");
}

static void emit_train_step(const Plan *plan, bool can_check_gradients, Text *out)
{
    const int count = plan->kernel_count[PHASE_TRAIN], check = loss_check(plan), update = first_update(plan);
    const char *loss = loss_expression(plan, plan->model->phase[PHASE_TRAIN].metrics, out->arena);
    Text first = text_new(out->arena), body = text_new(out->arena);

    emit_calls(plan, PHASE_TRAIN, 0, check, &first);
    text_print(&first, "    const double loss = %s;\n", loss);
    if (can_check_gradients) {
        text_add(&first, "\n");
        emit_calls(plan, PHASE_TRAIN, check, update, &first);
        text_add(&first, "    return loss;\n");
        emit_function(out, "/* Forward and backward on the batch that is in the state; gives its loss. */\n", "double", "gradients",
                      first.bytes);
        text_add(&body, "    const double loss = gradients(step);\n");
        emit_loss_check("loss", &body);
        text_add(&body, "\n");
        emit_calls(plan, PHASE_TRAIN, update, count, &body);
    } else {
        text_add(&body, first.bytes);
        emit_loss_check("loss", &body);
        text_add(&body, "\n");
        emit_calls(plan, PHASE_TRAIN, check, count, &body);
    }
    text_add(&body, "    return loss;\n");
    emit_function(out, "/* One step on the batch that is in the state; gives its loss, that of the parameters before the step. */\n",
                  "double", "train_step", body.bytes);
}

/* Where evaluation leaves a metric somewhere else than training: to where the runtime looks. */
static void emit_metric_copies(const Plan *plan, Text *out)
{
    const Metric *train = plan->model->phase[PHASE_TRAIN].metrics, *evaluate = plan->model->phase[PHASE_EVALUATE].metrics;
    for (int m = 0; m < plan->model->metric_count; m++)
        for (int part = 0; part < 3; part++) {
            if (train[m].part[part] == NONE || evaluate[m].part[part] == NONE)
                continue;
            const char *to = member(plan, train[m].part[part], out->arena), *from = member(plan, evaluate[m].part[part], out->arena);
            const Buffer *buffer = &plan->buffer[plan->buffer_of[train[m].part[part]]];
            if (strcmp(to, from) == 0)
                continue;
            if (buffer->rank == 0)
                text_print(out, "    %s = %s;\n", to, from);
            else
                text_print(out, "    memcpy(%s, %s, sizeof %s);\n", to, from, to);
        }
}

void emit_steps(const Plan *plan, const EmitOptions *options, Text *out)
{
    const bool train = plan->model->kind == MODEL_TRAIN;
    section(out, train ? "a step, an evaluation, a prediction" : "all of them");
    if (train)
        emit_train_step(plan, options->can_check_gradients, out);
    if (train && has_phase(plan, PHASE_EVALUATE)) {
        Text body = text_new(out->arena);
        emit_calls(plan, PHASE_EVALUATE, 0, plan->kernel_count[PHASE_EVALUATE], &body);
        emit_metric_copies(plan, &body);
        emit_function(out, "/* Loss and metrics of the batch as evaluation computes them; no parameter changes. */\n", "void",
                      "evaluate", body.bytes);
    }
    if (has_phase(plan, PHASE_PREDICT)) {
        Text body = text_new(out->arena);
        emit_calls(plan, PHASE_PREDICT, 0, plan->kernel_count[PHASE_PREDICT], &body);
        emit_function(out, train ? "/* The outputs of the batch, as evaluation computes them. */\n" : "/* The values to be shown. */\n",
                      "void", "predict", body.bytes);
    }
}
