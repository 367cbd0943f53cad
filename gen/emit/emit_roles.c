/* emit_roles.c: what each kernel of a training step is there for, so that functions can be read in the order of a lecture
 * (forward, loss, backward, update), and the header can say what each part costs.
 *
 * Takes the kernels in the order in which they run; that order is kept, only the functions are grouped. */
#include "emit/emit_parts.h"
#include <string.h>

const Kernel *kernel_at(const Plan *plan, int number)
{
    for (int phase = 0; phase < PHASE_COUNT && number >= 0; phase++) {
        if (number < plan->kernel_count[phase])
            return &plan->kernel[phase][number];
        number -= plan->kernel_count[phase];
    }
    return NULL;
}

bool is_update(const Plan *plan, const Kernel *kernel)
{
    if (kernel->form == FORM_CALL)
        return true;
    for (int i = 0; i < kernel->stage_count; i++)
        if (assigns(plan, &kernel->stage[i]))
            return true;
    return false;
}

/* Does it compute something of a derivative, or (of_gradient false) something that an optimizer's rule asks for? */
static bool has_rule(const Plan *plan, const Kernel *kernel, bool of_gradient)
{
    for (int i = 0; i < kernel->stage_count; i++) {
        const NodeId node = kernel->stage[i].node;
        const bool gradient = is_part_of_gradient(plan->model, node);
        if (of_gradient ? gradient : plan->model->graph->nodes[node].origin.rule && !gradient)
            return true;
    }
    return false;
}

bool is_gradient(const Plan *plan, const Kernel *kernel)
{
    return has_rule(plan, kernel, true);
}

int first_update(const Plan *plan)
{
    int k = 0;
    while (k < plan->kernel_count[PHASE_TRAIN] && !is_update(plan, &plan->kernel[PHASE_TRAIN][k]))
        k++;
    return k;
}

/* ---- what the loss and the updates need ---- */

static void need_read(Stage *stage, Term *read, void *context)
{
    (void)stage;
    bool *needed = context;
    needed[read->buffer] = true;
}

/* By kernel: does the loss or an update depend on it? The others compute metrics. */
static bool *find_needed(const Plan *plan, Arena *arena)
{
    const Model *model = plan->model;
    const Phase *phase = &model->phase[PHASE_TRAIN];
    bool *needed = NEW(arena, bool, plan->kernel_count[PHASE_TRAIN] + 1), *buffer = NEW(arena, bool, plan->buffer_count + 1);
    for (int part = 0; part < 2 && phase->metrics; part++)
        if (phase->metrics[0].part[part] != NONE)
            buffer[plan->buffer_of[phase->metrics[0].part[part]]] = true;
    for (bool more = true; more;) {                     /* again for loops over time, where who reads may stand before who writes */
        more = false;
        for (int k = plan->kernel_count[PHASE_TRAIN] - 1; k >= 0; k--) {
            Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
            bool need = is_update(plan, kernel);
            for (int s = 0; s < kernel->stage_count; s++)
                need = need || (kernel->stage[s].buffer != NONE && buffer[kernel->stage[s].buffer]);
            if (!need || needed[k])
                continue;
            needed[k] = more = true;
            if (kernel->form == FORM_CALL)
                buffer[plan->buffer_of[phase->gradients[kernel->update]]] = true;
            else
                each_read(kernel, need_read, buffer);
        }
    }
    return needed;
}

/* ---- roles ---- */

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

Role *roles(const Plan *plan, Arena *arena)
{
    const int count = plan->kernel_count[PHASE_TRAIN], updates_from = first_update(plan);
    const bool *needed = find_needed(plan, arena);
    bool updates_are_last = true, loss_has_begun = false;
    for (int k = updates_from; k < count; k++)
        updates_are_last = updates_are_last && is_update(plan, &plan->kernel[PHASE_TRAIN][k]);

    Role *role = NEW(arena, Role, count + 1);
    for (int k = 0; k < count; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        const bool of_optimizer = is_update(plan, kernel) || (has_rule(plan, kernel, false) && !is_gradient(plan, kernel));
        if (!needed[k]) {
            role[k] = METRIC_ROLE;
        } else if (of_optimizer) {
            role[k] = updates_are_last ? UPDATE_ROLE : BACKWARD_ROLE;
        } else if (!kernel->before_loss_check) {
            role[k] = BACKWARD_ROLE;
        } else {
            loss_has_begun = loss_has_begun || is_of_loss(plan, kernel);
            role[k] = loss_has_begun ? LOSS_ROLE : FORWARD_ROLE;
        }
    }
    return role;
}

const char *role_title(const Plan *plan, const Role *role, Role of)
{
    bool has_forward = false, has_update = false, has_gradient = false;
    for (int k = 0; k < plan->kernel_count[PHASE_TRAIN]; k++) {
        const Kernel *kernel = &plan->kernel[PHASE_TRAIN][k];
        has_forward = has_forward || role[k] == FORWARD_ROLE;
        has_update = has_update || (role[k] == of && is_update(plan, kernel));
        has_gradient = has_gradient || (role[k] == of && is_gradient(plan, kernel));
    }
    switch (of) {
    case FORWARD_ROLE:
        return "forward";
    case LOSS_ROLE:
        if (has_forward)
            return has_gradient ? "loss and its gradient" : "loss";
        return has_gradient ? "forward, loss and its gradient" : "forward and loss";
    case BACKWARD_ROLE:
        return has_update ? "backward and update" : "backward";
    case UPDATE_ROLE:
        return has_gradient ? "weight gradients and update" : "update";
    case METRIC_ROLE:
        return "metrics";
    }
    bug("a role without title");
}
