/* emit_kernel.h: one kernel as C: its comment (emit_formula.c), its function and call (emit_kernel.c), its loops (emit_loops.c). The program around kernels is emit_program.c's. */
#ifndef NNGEN_EMIT_EMIT_KERNEL_H
#define NNGEN_EMIT_EMIT_KERNEL_H

#include "kernel/kernel.h"

void emit_kernel(const Plan *plan, const Kernel *kernel, Text *out);              /* comment with formulas and model lines, then the static function */
void emit_call(const Plan *plan, const Kernel *kernel, Text *out);                /* "forward_fc1(s->image, s->fc1_weight, s->fc1_bias, s->fc1_relu)": no semicolon; wraps at column 120; `s` is the state, `step` an NnStep */
bool runs_in_threads(const Plan *plan, const Kernel *kernel);                     /* emit_shared.c: do threads share loops of its function? Then calls begin with NN_THREADS */
bool emit_body(const Plan *plan, const Kernel *kernel, int indent, Text *out);    /* the loops alone, names as buffers have them; do threads share them? */

void emit_kernel_comment(const Plan *plan, const Kernel *kernel, Text *out);      /* emit_formula.c: names and model lines, formulas, rules, cost */

/* NN_CUDA(name, 8, 256, "mlp.lua", 10, NN_GPU_KERNEL(256) name(: parameters, body and "})" follow. */
void emit_device_name(const char *name, int64_t blocks, int threads, Place place, Text *out);

const char *buffer_declarator(const Plan *plan, int buffer, Arena *arena);        /* "fc1_weight[784][100]", dimensions in memory order, BATCH for the batch; "loss" for a scalar */
const char *real_type(const Plan *plan, Scalar scalar);                           /* "float", "double" or "int" */

#endif
