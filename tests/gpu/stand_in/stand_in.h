/* stand_in.h: CUDA's words for kernels that a C compiler compiles and threads.c runs on the CPU. device.h includes it first where
 * NN_STAND_IN is defined.
 *
 * Each thread of a block is a fiber; a barrier or a shuffle gives way to the others. Blocks run one after the other, so shared
 * memory is static; it starts every launch as NaNs. A site is told from another by a number, for messages about divergence. */
#ifndef NNGEN_STAND_IN_H
#define NNGEN_STAND_IN_H

#include <stddef.h>

enum { NN_SLOT = 24 };                  /* bytes that a lane can bring */

typedef struct NnIndex { unsigned x, y, z; } NnIndex;

/* What a compiled text gets from the driver that loads it. */
typedef struct NnStandIn {
    NnIndex thread;                     /* of the thread that runs */
    NnIndex block, blocks, threads;
    int lane;
    void (*block_barrier)(int site);
    void (*warp_barrier)(int site);
    void (*exchange)(void *value, size_t bytes, int lane, int site);     /* value becomes that of another lane of the warp */
    int (*vote)(int value, int site);   /* bit l: what lane l brought was not 0 */
    const void *(*collect)(const void *value, size_t bytes, int site);               /* what each of the 32 lanes brought, NN_SLOT bytes each; good until the next call */
} NnStandIn;

#ifdef NN_STAND_IN

__attribute__((visibility("default"))) NnStandIn *nn_stand_in;

#define threadIdx (nn_stand_in->thread)
#define blockIdx (nn_stand_in->block)
#define blockDim (nn_stand_in->threads)
#define gridDim (nn_stand_in->blocks)

#define __global__
#define __device__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __ldg(address) (*(address))

/* Under AddressSanitizer arrays have red zones, and so no section of their own, which would take those away. */
#ifdef __SANITIZE_ADDRESS__
#define __shared__ static
__attribute__((visibility("default"))) char *nn_shared_memory[2];
#else
#define __shared__ static __attribute__((section("nn_shared")))
static __attribute__((section("nn_shared"), used)) char nn_shared_is_there[8];
extern char __start_nn_shared[], __stop_nn_shared[];
__attribute__((visibility("default"))) char *nn_shared_memory[2] = {__start_nn_shared, __stop_nn_shared};
#endif

#define __syncthreads() nn_stand_in->block_barrier(__COUNTER__)
#define __syncwarp(...) nn_stand_in->warp_barrier(__COUNTER__)
#define NN_FROM_LANE(value, from)                                                                    \
    ({                                                                                               \
        __typeof__((value) + 0) nn_value = (value);                                                  \
        nn_stand_in->exchange(&nn_value, sizeof nn_value, (from), __COUNTER__);                      \
        nn_value;                                                                                    \
    })
#define __shfl_sync(mask, value, from) NN_FROM_LANE(value, from)
#define __shfl_xor_sync(mask, value, lanes) NN_FROM_LANE(value, nn_stand_in->lane ^ (lanes))
#define __shfl_down_sync(mask, value, lanes) NN_FROM_LANE(value, nn_stand_in->lane + (int)(lanes) < 32 ? nn_stand_in->lane + (int)(lanes) : nn_stand_in->lane)
#define __shfl_up_sync(mask, value, lanes) NN_FROM_LANE(value, nn_stand_in->lane >= (int)(lanes) ? nn_stand_in->lane - (int)(lanes) : nn_stand_in->lane)
#define __ballot_sync(mask, value) ((unsigned)nn_stand_in->vote((value) != 0, __COUNTER__))
#define __any_sync(mask, value) (nn_stand_in->vote((value) != 0, __COUNTER__) != 0)

static inline float __int_as_float(int bits) { union { int i; float f; } u = {bits}; return u.f; }
static inline int __float_as_int(float value) { union { float f; int i; } u = {value}; return u.i; }
static inline float rsqrtf(float x) { return 1.0f / __builtin_sqrtf(x); }
static inline double rsqrt(double x) { return 1.0 / __builtin_sqrt(x); }

/* ---- tensor cores ----
 *
 * Factors are rounded as the card does: tf32 to nearest, ties away; bf16 to nearest even. Sums are f32, in the fold's order; a card's
 * own order is not known. With -DNN_FULL_PRODUCTS tf32 keeps all bits: a wrong place shows where rounding would hide it. */

static inline float nn_tf32(float x)
{
    union { float f; unsigned u; } bits = {x};
#ifndef NN_FULL_PRODUCTS
    if ((bits.u & 0x7f800000) != 0x7f800000)
        bits.u += 0x1000;
    bits.u &= ~0x1fffu;
#endif
    return bits.f;
}

static inline unsigned short nn_bf16(float x)
{
    union { float f; unsigned u; } bits = {x};
    if (x != x)
        return 0x7fff;
    return (unsigned short)((bits.u + 0x7fff + (bits.u >> 16 & 1)) >> 16);
}

typedef struct NnFragment { unsigned a[4], b[2]; } NnFragment;
_Static_assert(sizeof(NnFragment) == NN_SLOT, "what a lane brings");

/* Factor `half` of a word; of tf32 there is only one. */
static inline float nn_factor(unsigned word, int half, int is_bf16)
{
    union { unsigned u; float f; } bits = {!is_bf16 ? word : half ? word & 0xffff0000 : word << 16};
#ifndef NN_FULL_PRODUCTS
    bits.u &= is_bf16 ? ~0u : ~0x1fffu;                       /* a core does not look at the other bits */
#endif
    return bits.f;
}

/* sum[row][column] += sum over k of left[k][row] right[k][column]; fragments as in device.h */
static inline void nn_multiply_add(float *c0, float *c1, float *c2, float *c3, const unsigned *a, const unsigned *b, int is_bf16, int site)
{
    const NnFragment own = {{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, *all = nn_stand_in->collect(&own, sizeof own, site);
    float *const sum[] = {c0, c1, c2, c3};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < 8; k++)
            for (int half = 0; half <= is_bf16; half++) {
                const int row = nn_stand_in->lane / 4, column = nn_stand_in->lane % 4 * 2 + i % 2;
                *sum[i] += nn_factor(all[4 * row + k % 4].a[k / 4 * 2 + i / 2], half, is_bf16)
                         * nn_factor(all[4 * column + k % 4].b[k / 4], half, is_bf16);
            }
}
#define nn_mma_tf32(c0, c1, c2, c3, a, b) nn_multiply_add(c0, c1, c2, c3, a, b, 0, __COUNTER__)
#define nn_mma_bf16(c0, c1, c2, c3, a, b) nn_multiply_add(c0, c1, c2, c3, a, b, 1, __COUNTER__)

typedef struct float2 { float x, y; } float2;
typedef struct float4 { float x, y, z, w; } __attribute__((aligned(16))) float4;
typedef struct double2 { double x, y; } __attribute__((aligned(16))) double2;
static inline float2 make_float2(float x, float y) { return (float2){x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return (float4){x, y, z, w}; }
static inline double2 make_double2(double x, double y) { return (double2){x, y}; }

#endif

/* threads.c: one launch of `entry`, a kernel that takes `count` words. Ends the process where threads wait for each other in vain
 * or at different barriers. */
void nn_run_launch(NnStandIn *own, const char *name, void (*entry)(void), const unsigned long long *words, int count, NnIndex blocks,
                   NnIndex threads);

#endif
