/* emit_predictor.c: --emit predict: what stands behind the kernels of a predictor.
 *
 * NAME_load reads the weights, NAME_predict computes the outputs of one row. The state is static: there is one model in it, and
 * one thread at a time may use it. Weights that were given when the text was generated are constants of it, and nothing is loaded. */
#include "emit/emit_interface.h"

static void emit_load(const Plan *plan, Text *out)
{
    const char *name = text_name(plan, out->arena);
    const bool any = emit_tensors(plan, false, out);
    text_add(out, "\nstatic char why[256];\n");
    text_print(out, "\nint %s_load(const char *path)\n{\n", name);
    if (any)
        text_print(out, "    return nn_load_tensors(tensors, NN_COUNT(tensors), %s, path, why, sizeof why);\n}\n",
                   plan->model->precision == F64 ? "NN_F64" : "NN_F32");
    else
        text_print(out, "    return nn_load_tensors(NULL, 0, NN_F32, path, why, sizeof why);\n}\n");
    text_print(out, "\nconst char *%s_load_error(void)\n{\n    return why;\n}\n", name);
}

void emit_predictor(const Plan *plan, const EmitOptions *options, Text *out)
{
    (void)options;
    section(out, "what others call");
    emit_checks(plan, out);
    emit_standards(plan, out);
    if (!plan->model->has_weights)
        emit_load(plan, out);
    emit_predict_function(plan, out);
}
