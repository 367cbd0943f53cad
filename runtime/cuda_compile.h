/* cuda_compile.h: CUDA text to what a device runs, by NVRTC; needs no device. */
#ifndef NNGEN_RUNTIME_CUDA_COMPILE_H
#define NNGEN_RUNTIME_CUDA_COMPILE_H

#include <nngen/cuda.h>

typedef struct NnImage {
    char *bytes;                        /* a CUBIN (ELF), or PTX ended by a 0; from nn_allocate */
    size_t size;
} NnImage;

/* The whole text of a program's kernels; from nn_allocate. */
char *nn_cuda_text(const NnCuda *cuda);

/* What NVRTC is told to compile for on a device of this capability (90 for 9.0): its own machine code, sm_90, or that of the
 * newest older one of the same generation, which it runs too; of a generation that NVRTC does not know, compute_XY, PTX that the
 * driver compiles on. NNGEN_CUDA_ARCH overrules. A device too old for this NVRTC ends the program (3). Good until the next call. */
const char *nn_choose_arch(int capability);

/* Text to an image for `arch`, from the cache where it is there. What NVRTC does not know of ends the program (3), text that does
 * not compile does too (70). */
NnImage nn_compile_cuda(const char *text, const char *file, const char *arch);

/* cuda_cache.c: images on disk, each under a key of all that decides its bits. A bad or unreadable one counts as absent; what
 * cannot be written is not kept, and nobody is told: the cache saves time and nothing else. */
bool nn_find_image(const char *key, NnImage *image);
void nn_keep_image(const char *key, const NnImage *image);

#endif
