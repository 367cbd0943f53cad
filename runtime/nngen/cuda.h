/* cuda.h: what an emitted CUDA program calls besides runtime.h.
 *
 * The program has its state twice, with one layout: `state` here, where initial values, checkpoints and the plain walk of a
 * loss that is not finite live, and a copy on the device, where training happens. An address inside the device's is made as one
 * makes any other, `device->fc1_weight`; nothing on the host may look behind it.
 *
 *   static NnKernel forward_fc1 = {.name = "forward_fc1", .blocks = 8, .threads = 256, .text = …};       NN_CUDA below
 *
 *   static void train_step(void *state, const NnDeviceStep *step)       both are addresses on the device
 *   {
 *       State *device = state;
 *       NN_LAUNCH(gather_image, step, nn_cuda_rows(0), device->image);
 *       NN_LAUNCH(forward_fc1, device->image, device->fc1_weight, device->fc1);
 *       …
 *   }
 *
 * train_step only puts launches in line. The runtime calls it while it captures K steps as one graph, each with its own `step`,
 * and after each one it puts a copy of the results in line: what NnProgram.metrics point at, which lie together in the state.
 * The loop of main stays as in C, with nn_cuda_step for train_step; steps that are ahead of the loop come to it one by one.
 *
 * What the program promises: a loss that is not finite makes the updates of that step and of all later ones do nothing; kernels
 * take addresses and ints only (an int as NN_INT(t)); no launch's shape hangs on anything but the text. */
#ifndef NNGEN_CUDA_H
#define NNGEN_CUDA_H

#include <nngen/device_step.h>
#include <nngen/runtime.h>

typedef struct NnKernel {
    const char *name;                   /* extern "C" in the text */
    unsigned blocks, threads;           /* threads of each block */
    const char *text;                   /* joins NnCuda.text; NULL: it is there already */
    void *function;                     /* set when the program starts */
} NnKernel;

/* Kernels compiled when the program was made, by --gpu-arch. */
typedef struct NnCubin {
    const char *arch;                   /* "sm_90": good for 9.0 and 9.x above */
    const unsigned char *bytes;
    size_t size;
} NnCubin;

/* An emitted program has one, named by NnProgram.cuda. */
typedef struct NnCuda {
    const struct NnDevice *device;      /* &nn_cuda_device */
    const char *text;                   /* CUDA, for NVRTC, before the texts of the kernels; may include <nngen/device.h>, which the runtime carries */
    const char *file;                   /* what messages call the text where no #line says else */
    const NnCubin *cubin;               /* NULL: compiled when the program runs */
    NnKernel *const *kernels;
    int kernel_count;
    void *state;                        /* on the host; all bytes of a new device state are 0, but for NnProgram.tensors */
    size_t state_bytes;
    void (*train_step)(void *state, const NnDeviceStep *step);
    void (*evaluate)(void *state, const NnDeviceStep *step);
    void (*predict)(void *state, const NnDeviceStep *step);
    int least_capability;               /* 80 (8.0) for products of tf32 and bf16; 0: any */
    int launched_steps;                 /* K; 0: the runtime chooses */
    bool one_by_one;                    /* --kernels generic: no graph, each kernel launched by itself */
} NnCuda;

/* In train_step, evaluate, predict: puts one kernel in line. */
#define NN_LAUNCH(kernel, ...) \
    nn_cuda_launch(&kernel, (const void *[]){__VA_ARGS__}, (int)(sizeof(const void *[]){__VA_ARGS__} / sizeof(void *)))
#define NN_INT(value) ((const void *)(long long)(value))
void nn_cuda_launch(const NnKernel *kernel, const void *const *arguments, int count);

/* A kernel as it is read: NN_CUDA(forward_fc1, 8, 256, "mlp.lua", 10, NN_GPU_KERNEL(256) forward_fc1(…) { … }) is an NnKernel of
 * that name, of 8 blocks of 256 threads, with the text of the function; where NVRTC complains about it, it names line 10 of mlp.lua. */
#define NN_CUDA(NAME, BLOCKS, THREADS, FILE, LINE, ...)                                                                    \
    static NnKernel NAME = {.name = #NAME, .blocks = BLOCKS, .threads = THREADS,                                           \
                            .text = "#line " #LINE " " #FILE "\n" #__VA_ARGS__ "\n"};
/* The same of what is no kernel, for NnCuda.text. Neither may go through another macro: it would expand INFINITY. */
#define NN_CUDA_TEXT(FILE, LINE, ...) "#line " #LINE " " #FILE "\n" #__VA_ARGS__ "\n"

/* The rows of an input that the device holds, converted to the program's precision (int32 for classes), all sets one after the
 * other: [row][elements]. */
const void *nn_cuda_rows(int input);

/* Does the program's gather move the input's rows as `augment` says? They are converted by then, so a stored 0 must be one number;
 * where it is not, being standardized by the data, the host moves them (cuda_data.c). */
static inline bool nn_is_moved_on_device(const NnInput *input)
{
    return (input->augment.shift > 0 || input->augment.flip) && input->standardize == NN_AS_IS;
}

extern const struct NnDevice nn_cuda_device;    /* what links the runtime's CUDA part into a program, and only into one that has it */

/* The step that nn_next_batch announced: computed now or already; its loss. */
double nn_cuda_step(NnRun *run, const NnStep *step);

#endif
