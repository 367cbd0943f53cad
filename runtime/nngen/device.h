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
typedef unsigned short uint16_t;
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

/* Where the largest value is, in the same way; of several, the first place. `at` is the place of the thread's own largest. */
#define NN_BLOCK_ARGMAX(NAME, REAL)                                                                                        \
    static inline int NAME(REAL value, int at)                                                                             \
    {                                                                                                                      \
        NN_SHARED REAL values[NN_MOST_WARPS];                                                                              \
        NN_SHARED int places[NN_MOST_WARPS];                                                                               \
        for (int m = NN_WARP / 2; m > 0; m /= 2) {                                                                         \
            const REAL other = __shfl_xor_sync(0xffffffffu, value, m);                                                     \
            const int place = __shfl_xor_sync(0xffffffffu, at, m);                                                         \
            at = other > value || (other == value && place < at) ? place : at;                                             \
            value = other > value ? other : value;                                                                         \
        }                                                                                                                  \
        if (threadIdx.x % NN_WARP == 0) {                                                                                  \
            values[threadIdx.x / NN_WARP] = value;                                                                         \
            places[threadIdx.x / NN_WARP] = at;                                                                            \
        }                                                                                                                  \
        __syncthreads();                                                                                                   \
        value = values[0];                                                                                                 \
        at = places[0];                                                                                                    \
        for (unsigned w = 1; w < blockDim.x / NN_WARP; w++) {                                                              \
            at = values[w] > value || (values[w] == value && places[w] < at) ? places[w] : at;                             \
            value = values[w] > value ? values[w] : value;                                                                 \
        }                                                                                                                  \
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

/* ---- tiles on tensor cores -----------------------------------------------------------------------------------------------
 *
 * The same with 8 warps, 4 down and 2 across, and factors that were rounded when they came into shared memory: nn_tf32 leaves 10 bits
 * of the mantissa, nn_bf16 7; sums are f32. A word of a tile is one factor of tf32 or two of bf16, neighbours in the fold, and then
 * m16n8k8 of tf32 and m16n8k16 of bf16 have their words in the same places (PTX ISA, "Matrix fragments for mma"): lane 4 g + t has
 *   of LEFT   [t][g], [t][g + 8], [t + 4][g], [t + 4][g + 8]        of RIGHT  [t][g], [t + 4][g]
 *   of sums   [g][2 t], [g][2 t + 1], [g + 8][2 t], [g + 8][2 t + 1]
 * Rows of shared memory are 8 words longer than what they hold, so that the 32 words of a warp lie in 32 banks. */
#ifndef NN_STAND_IN
static inline float nn_tf32(float x)
{
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return __int_as_float(bits);
}

static inline uint16_t nn_bf16(float x)
{
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(0.0f), "f"(x));        /* the second is the lower half */
    return (uint16_t)pair;
}

/* volatile: a warp does it with all of its lanes, so it must not be moved to where its sums are stored, by some of them only. */
#define NN_MMA(NAME, SHAPE)                                                                                                \
    static inline void NAME(float *c0, float *c1, float *c2, float *c3, const unsigned *a, const unsigned *b)              \
    {                                                                                                                      \
        asm volatile("mma.sync.aligned." SHAPE " {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"           \
            : "+f"(*c0), "+f"(*c1), "+f"(*c2), "+f"(*c3) : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1])); \
    }
NN_MMA(nn_mma_tf32, "m16n8k8.row.col.f32.tf32.tf32.f32")
NN_MMA(nn_mma_bf16, "m16n8k16.row.col.f32.bf16.bf16.f32")
#endif

/* The row of sum[R][…] in the tile, the column of sum[…][C]. */
#define NN_CORE_ROW(ROWS, R) ((int)threadIdx.x / 64 * 8 * (ROWS) + (R) * 8 + (int)threadIdx.x % 32 / 4)
#define NN_CORE_COLUMN(COLUMNS, C) ((int)threadIdx.x / 32 % 2 * 4 * (COLUMNS) + (C) / 2 * 8 + (int)threadIdx.x % 4 * 2 + (C) % 2)
#define NN_WORD(TILE, K, PLACE) (*(const unsigned *)&TILE[K][PLACE])
#define NN_ADD_ON_CORES(MMA, SUM, ROWS, COLUMNS, LEFT, RIGHT, WORDS)                                                       \
    NN_UNROLL for (int nn_s = 0; nn_s < WORDS; nn_s += 8) {                                                                \
        const int nn_k = nn_s + (int)threadIdx.x % 4;                                                                      \
        unsigned nn_left[ROWS / 2][4], nn_right[COLUMNS / 2][2];                                                           \
        NN_UNROLL for (int nn_r = 0; nn_r < ROWS; nn_r++) {                                                                \
            nn_left[nn_r / 2][nn_r % 2] = NN_WORD(LEFT, nn_k, NN_CORE_ROW(ROWS, nn_r));                                    \
            nn_left[nn_r / 2][nn_r % 2 + 2] = NN_WORD(LEFT, nn_k + 4, NN_CORE_ROW(ROWS, nn_r));                            \
        }                                                                                                                  \
        NN_UNROLL for (int nn_c = 0; nn_c < COLUMNS / 2; nn_c++) {                                                         \
            const int nn_column = (int)threadIdx.x / 32 % 2 * 4 * (COLUMNS) + nn_c * 8 + (int)threadIdx.x % 32 / 4;        \
            nn_right[nn_c][0] = NN_WORD(RIGHT, nn_k, nn_column);                                                           \
            nn_right[nn_c][1] = NN_WORD(RIGHT, nn_k + 4, nn_column);                                                       \
        }                                                                                                                  \
        NN_UNROLL for (int nn_r = 0; nn_r < ROWS; nn_r += 2)                                                               \
            NN_UNROLL for (int nn_c = 0; nn_c < COLUMNS; nn_c += 2)                                                        \
                MMA(&SUM[nn_r][nn_c], &SUM[nn_r][nn_c + 1], &SUM[nn_r + 1][nn_c], &SUM[nn_r + 1][nn_c + 1],                \
                    nn_left[nn_r / 2], nn_right[nn_c / 2]);                                                                \
    }
#define NN_ADD_TF32_PRODUCTS(SUM, ROWS, COLUMNS, LEFT, RIGHT, DEPTH)                                                       \
    NN_ADD_ON_CORES(nn_mma_tf32, SUM, ROWS, COLUMNS, LEFT, RIGHT, DEPTH)
#define NN_ADD_BF16_PRODUCTS(SUM, ROWS, COLUMNS, LEFT, RIGHT, DEPTH)                                                       \
    NN_ADD_ON_CORES(nn_mma_bf16, SUM, ROWS, COLUMNS, LEFT, RIGHT, DEPTH / 2)

/* ---- rows ------------------------------------------------------------------------------------------------------------ */

/* Where row b of the batch is among the rows that the device holds; a spare row repeats row 0. */
static inline long long nn_row(const NnDeviceStep *step, int b)
{
    const long long place = step->first + (b < step->rows ? b : 0);
    return step->set_first + (step->is_shuffled ? (long long)nn_permute((uint64_t)place, (uint64_t)step->set_rows, step->seed, step->epoch) : place);
}

/* ---- what the card can do: --benchmark runs these ------------------------------------------------------------------------ */

/* Multiply-adds in eight chains a thread, of which none waits for another. */
NN_GPU_KERNEL(256) nn_measure_products(float *out, int rounds)
{
    float sum[8];
    for (int i = 0; i < 8; i++)
        sum[i] = (float)((int)threadIdx.x + i);
    for (int r = 0; r < rounds; r++)
        NN_UNROLL for (int i = 0; i < 8; i++)
            sum[i] = sum[i] * 0.999f + 0.5f;
    float all = 0.0f;
    for (int i = 0; i < 8; i++)
        all += sum[i];
    out[blockIdx.x * 256 + threadIdx.x] = all;
}

NN_GPU_KERNEL(256) nn_measure_memory(const float4 *from, float4 *to, int count)
{
    for (int i = blockIdx.x * 256 + threadIdx.x; i < count; i += gridDim.x * 256)
        to[i] = from[i];
}

#endif
