/* emit_sweep.c: a model that is trained once for each value of nn.sweep: the values, and where the copies are while another one is
 * trained.
 *
 * What training keeps (parameters, running statistics, the optimizer's slots) comes first in struct State, so a copy is the bytes
 * before the first member that a step makes anew; batch and temporaries are there once, for all. The runtime moves a copy in and
 * out around its step: two passes over what the step itself reads and writes. Rejected: a whole struct State for each value, which
 * multiplies the temporaries, and has every function take a pointer that the compiler cannot see through. */
#include "emit/emit_fields.h"

/* The first member behind those that are kept, in the order of emit_state. */
static const char *first_made_anew(const Plan *plan)
{
    static const BufferKind order[] = {BUFFER_INPUT, BUFFER_TEMPORARY, BUFFER_RESULT};
    for (size_t k = 0; k < sizeof order / sizeof *order; k++)
        for (int b = 0; b < plan->buffer_count; b++)
            if (plan->buffer[b].kind == order[k] && is_in_state(plan, &plan->buffer[b]))
                return plan->buffer[b].name;
    bug("a state without a loss");
}

void emit_sweep(const Plan *plan, Text *out)
{
    const SweptValues *sweep = &plan->model->sweep;
    text_add(out, "\n");
    static const char words[] = "One copy of the model for each value of %s: what it keeps, the first bytes of the state, lies here while "
                                "another copy is trained there.";
    comment_line(out, 0, arena_print(out->arena, words, sweep->name));
    text_print(out, "enum { COPIES = %d, KEPT = offsetof(struct State, %s) };\n", sweep->count, first_made_anew(plan));
    const bool allocated = is_state_allocated(plan);
    text_add(out, allocated ? "unsigned char (*copies)[KEPT] = nn_allocate_state((size_t)COPIES * KEPT);\n"
                            : "static _Alignas(64) unsigned char copies[COPIES][KEPT];\n");
    text_add(out, "static const double swept_values[COPIES] = {\n    ");
    emit_numbers(sweep->value, sweep->count, DOUBLES, 4, out);
    text_add(out, "\n};\n");
    text_print(out, "%s NnSweep sweep = {", table_storage(plan));
    add_string_field(out, "name", sweep->name);
    add_field(out, ".values = swept_values");
    add_field(out, ".count = COPIES");
    if (sweep->is_rate)
        add_field(out, ".is_rate = true");
    add_field(out, allocated ? ".state = state" : ".state = &state");
    add_field(out, ".copies = copies");
    add_field(out, ".bytes = KEPT");
    text_add(out, "};\n");
}
