/* emit_cuda.h: what a CUDA program has besides the kernels of its plan. */
#ifndef NNGEN_EMIT_EMIT_CUDA_H
#define NNGEN_EMIT_EMIT_CUDA_H

#include "emit/emit_parts.h"

enum { LEAST_FOR_ROUNDED = 80 };                              /* sm_80: mma.sync of tf32 and bf16 */

void emit_device_text(const Plan *plan, const bool *tables, Text *out);           /* the text before the kernels; by node: constant tables that they read */
void emit_service_kernels(const Plan *plan, Text *out);       /* they fetch the batch, look at the loss, move results */
void emit_gather_launches(const Plan *plan, Text *out);       /* the batch of `step` into the state */
void emit_check_launch(const Plan *plan, Text *out);          /* between the loss and the updates */
void emit_metric_launches(const Plan *plan, Text *out);       /* where evaluation has a metric somewhere else than training */
void emit_cuda_table(const Plan *plan, bool has_cubin, Text *out);      /* kernels, and the NnCuda over them */

/* emit_cubin.c */
void emit_cubin_name(Text *out);
void emit_cubin(const Plan *plan, const char *arch, const char *program, Text *out);       /* `program`: the text with the kernels */

#endif
