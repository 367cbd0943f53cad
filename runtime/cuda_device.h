/* cuda_device.h: the device, its one block of memory and its one stream. Whatever fails ends the program with cause and remedy. */
#ifndef NNGEN_RUNTIME_CUDA_DEVICE_H
#define NNGEN_RUNTIME_CUDA_DEVICE_H

#include "cuda_api.h"
#include <nngen/cuda.h>

typedef struct NnCard {
    char name[128];
    int capability;                     /* 90: 9.0 */
    int multiprocessors;
    size_t free, total;                 /* bytes of its memory, before ours */
    NnStream *stream;
    NnAddress memory;
    size_t bytes;                       /* of that block */
    int64_t launches;                   /* put in line so far */
} NnCard;

extern NnCard nn_card;

/* Driver, device `number`, and the program's kernels, compiled or loaded. */
void nn_open_card(const NnCuda *cuda, int64_t number);
/* Where its module has the kernel. */
void nn_find_kernel(NnKernel *kernel);
/* Multiply-adds of f32 count as two; bytes read and written. By kernels of device.h and the device's clock. */
void nn_measure_card(double *flop_per_second, double *bytes_per_second);

/* The block; `what` says in a failure what it was for. */
void nn_allocate_on_card(size_t bytes, const char *what);
void nn_close_card(void);

/* Memory of the host that copies go to and from without a detour. */
void *nn_allocate_pinned(size_t bytes);

/* In the stream's order; the host's side must stay as it is until then. */
void nn_upload(NnAddress to, const void *from, size_t bytes);
void nn_download(void *to, NnAddress from, size_t bytes);
void nn_copy_on_card(NnAddress to, NnAddress from, size_t bytes);
void nn_wait_for_card(void);

/* What is put in line between the two becomes one launchable graph instead. */
void nn_begin_graph(void);
NnLaunchable *nn_end_graph(void);
void nn_launch_graph(NnLaunchable *graph);

NnEvent *nn_new_event(void);
void nn_record(NnEvent *event);
void nn_wait_for(NnEvent *event);
double nn_seconds_between(NnEvent *start, NnEvent *end);

#endif
