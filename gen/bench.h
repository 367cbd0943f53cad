/* bench.h: what nngen bench measured: command_bench.c fills it in, bench_tell.c prints it. */
#ifndef NNGEN_BENCH_H
#define NNGEN_BENCH_H

#include "pipeline.h"

enum { MOST_ROUNDS = 15, MOST_SAMPLES = 2 * MOST_ROUNDS };       /* two contestants measure the GPU */

/* One figure, measured once a round. */
typedef struct Samples { double value[MOST_SAMPLES]; int count; } Samples;

double median(const Samples *samples);
double least(const Samples *samples);
double largest(const Samples *samples);

/* What a step, or a kernel of it, is made of. */
typedef struct Work { int64_t flop, bytes; } Work;

typedef struct Contestant {
    const char *name;                   /* "fused" */
    KernelMode kernels;
    Target target;
    const char *absent;                 /* why it does not take part; NULL: it does */
    Compilation *c;
    const char *program;
    Work work;                          /* of a training step, as its own kernels do it */
    Samples seconds;                    /* a step */
} Contestant;

typedef struct Bench {
    Contestant *contestant;
    int count, rounds, threads;
    int64_t working_set;                /* bytes: the state of the fused program */
    Samples flop_per_second, bytes_per_second, memory_per_second;     /* multiply-adds; of the working set; of MEMORY_BYTES */
    Samples device_flop_per_second, device_bytes_per_second;          /* of the GPU, with --target cuda */
    Samples *kernel;                    /* --kernels-table: seconds a step of each kernel of the fused program's step; else NULL */
} Bench;

enum { MEMORY_BYTES = 128 << 20 };      /* no cache holds it */

/* The least seconds that the processor, or for the plan of a CUDA program the GPU, allows: each kernel's operations at the multiply-add peak or its bytes at the bandwidth
 * of the working set, whichever takes longer. */
double roofline_of_kernel(const Bench *bench, Target target, const Kernel *kernel, bool *by_memory);
double roofline_of_step(const Bench *bench, const Plan *plan);

void tell_bench(const Bench *bench, const Model *model, Text *out);
void tell_bench_as_json(const Bench *bench, const Model *model, Text *out);

#endif
