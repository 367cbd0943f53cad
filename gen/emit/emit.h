/* emit.h: text from a Plan. */
#ifndef NNGEN_EMIT_EMIT_H
#define NNGEN_EMIT_EMIT_H

#include "kernel/kernel.h"

typedef struct EmitOptions {
    const char *command;                /* the command line that made it, for the header (no absolute paths) */
    const char *check_command;          /* how to make the program that can check its gradients; NULL: the runtime says it in general */
    const char *output;                 /* its file name, "mnist_train.c"; NULL: standard output */
    const char *gpu_arch;               /* "sm_90": CUDA kernels are compiled for it and put into the text; NULL: when the program runs */
    bool standalone;                    /* what it needs of the runtime is in it */
    bool can_check_gradients;           /* f64 and generic */
    bool with_laps;                     /* train_step tells nn_lap when each kernel is through: nngen bench */
} EmitOptions;

/* The whole text: a training (or show) program, a predictor or a library, as the model's `emit` says; `header` is the file that
 * declares the functions of the latter two. */
void emit_program(const Plan *plan, const EmitOptions *options, Text *out, Text *header);
const char *header_path(Arena *arena, const char *output);              /* some/digits.h for some/digits.c */

#endif
