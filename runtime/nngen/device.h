/* device.h: what emitted CUDA kernels stand on. Read by NVRTC, which gets it and what it includes from the runtime's memory and
 * no header of CUDA, and by the stand-in of the tests, which runs kernels on the CPU.
 *
 * Formulas are the host's own texts (elementary.h, scalar.h, random.c, optimizer.c): whoever changes one changes both, and words,
 * uniforms and orders of rows are equal to the last bit. Functions without a mark are the device's (-default-device).
 *
 * Kernels are written in what C and CUDA have in common; only what is in this file knows which of them it is. */
#ifndef NNGEN_DEVICE_H
#define NNGEN_DEVICE_H

#ifdef NN_STAND_IN
#include "stand_in.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#define NN_GPU_KERNEL(THREADS) void
#define NN_SHARED __shared__
#define NN_CONSTANT static const
#define NN_UNROLL
#define NN_TILE __shared__ _Alignas(16)
#else
typedef signed char int8_t;
typedef unsigned char uint8_t;
typedef int int32_t;
typedef unsigned int uint32_t;
typedef long long int64_t;
typedef unsigned long long uint64_t;
#define INFINITY __int_as_float(0x7f800000)
#define NAN __int_as_float(0x7fffffff)
#define NN_GPU_KERNEL(THREADS) extern "C" __global__ void __launch_bounds__(THREADS)      /* threads of a block */
#define NN_SHARED __shared__
#define NN_TILE __shared__ __align__(16)                      /* four elements of a row are loaded at once */
#define NN_UNROLL _Pragma("unroll")
#define NN_CONSTANT static __device__ const
#endif

#include <nngen/device_step.h>
#include <nngen/scalar.h>
#include "random.c"
#include "optimizer.c"

enum { NN_WARP = 32, NN_MOST_WARPS = 32 };

/* ---- sums of a block -----------------------------------------------------------------------------------------------
 *
 * Each thread brings its part, each gets the whole: in a warp as a tree, x[i] + x[i ^ m] for m = 16 … 1, which gives all lanes the
 * same bits; then the warps' sums in order. So the order hangs on the number of threads alone. All threads of the block must come. */

#define NN_BLOCK_FOLD(NAME, REAL, COMBINED)                                                                                \
    static inline REAL NAME(REAL x)                                                                                        \
    {                                                                                                                      \
        NN_SHARED REAL part[NN_MOST_WARPS];                                                                                \
        for (int m = NN_WARP / 2; m > 0; m /= 2) {                                                                         \
            const REAL y = __shfl_xor_sync(0xffffffffu, x, m);                                                             \
            x = COMBINED;                                                                                                  \
        }                                                                                                                  \
        if (threadIdx.x % NN_WARP == 0)                                                                                    \
            part[threadIdx.x / NN_WARP] = x;                                                                               \
        __syncthreads();                                                                                                   \
        x = part[0];                                                                                                       \
        for (unsigned w = 1; w < blockDim.x / NN_WARP; w++) {                                                              \
            const REAL y = part[w];                                                                                        \
            x = COMBINED;                                                                                                  \
        }                                                                                                                  \
        __syncthreads();                                                                                                   \
        return x;                                                                                                          \
    }
NN_BLOCK_FOLD(nn_block_sumf, float, x + y)
NN_BLOCK_FOLD(nn_block_sum, double, x + y)
NN_BLOCK_FOLD(nn_block_maxf, float, nn_maximumf(x, y))
NN_BLOCK_FOLD(nn_block_max, double, nn_maximum(x, y))

/* Where the largest value is; of several, the first place. `at` is the place of the thread's own largest. */
#define NN_BLOCK_ARGMAX(NAME, REAL)                                                                                        \
    static inline int NAME(REAL value, int at)                                                                             \
    {                                                                                                                      \
        NN_SHARED REAL values[NN_MOST_WARPS * NN_WARP];                                                                    \
        NN_SHARED int places[NN_MOST_WARPS * NN_WARP];                                                                     \
        values[threadIdx.x] = value;                                                                                       \
        places[threadIdx.x] = at;                                                                                          \
        __syncthreads();                                                                                                   \
        for (unsigned t = 0; t < blockDim.x; t++)                                                                          \
            if (values[t] > value || (values[t] == value && places[t] < at)) {                                             \
                value = values[t];                                                                                         \
                at = places[t];                                                                                            \
            }                                                                                                              \
        __syncthreads();                                                                                                   \
        return at;                                                                                                         \
    }
NN_BLOCK_ARGMAX(nn_block_argmaxf, float)
NN_BLOCK_ARGMAX(nn_block_argmax, double)

/* ---- tiles of products -------------------------------------------------------------------------------------------------
 *
 * A block of 16 x 16 threads has rows of LEFT and columns of RIGHT for DEPTH steps of a fold in shared memory; each thread adds the
 * products of its ROWS x COLUMNS elements, which lie side by side, to its sums: sum[r][c] += left[k][row + r] right[k][column + c]. */
#define NN_TILE_ROW(ROWS) ((int)threadIdx.x / 16 * (ROWS))
#define NN_TILE_COLUMN(COLUMNS) ((int)threadIdx.x % 16 * (COLUMNS))
#define NN_ADD_PRODUCTS(REAL, SUM, ROWS, COLUMNS, LEFT, RIGHT, DEPTH)                                                      \
    NN_UNROLL for (int nn_k = 0; nn_k < DEPTH; nn_k++) {                                                                   \
        REAL nn_left[ROWS], nn_right[COLUMNS];                                                                             \
        NN_UNROLL for (int nn_r = 0; nn_r < ROWS; nn_r++)                                                                  \
            nn_left[nn_r] = LEFT[nn_k][NN_TILE_ROW(ROWS) + nn_r];                                                          \
        NN_UNROLL for (int nn_c = 0; nn_c < COLUMNS; nn_c++)                                                               \
            nn_right[nn_c] = RIGHT[nn_k][NN_TILE_COLUMN(COLUMNS) + nn_c];                                                  \
        NN_UNROLL for (int nn_r = 0; nn_r < ROWS; nn_r++)                                                                  \
            NN_UNROLL for (int nn_c = 0; nn_c < COLUMNS; nn_c++)                                                           \
                SUM[nn_r][nn_c] += nn_left[nn_r] * nn_right[nn_c];                                                         \
    }

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

/* Where row b of the batch is among the rows that the device holds; a spare row repeats row 0. */
static inline long long nn_row(const NnDeviceStep *step, int b)
{
    const long long place = step->first + (b < step->rows ? b : 0);
    return step->set_first + (step->is_shuffled ? (long long)nn_permute((uint64_t)place, (uint64_t)step->set_rows, step->seed, step->epoch) : place);
}

#endif
