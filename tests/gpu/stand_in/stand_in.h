/* stand_in.h: CUDA's words for kernels that a C compiler compiles and threads.c runs on the CPU. device.h includes it first where
 * NN_STAND_IN is defined.
 *
 * Each thread of a block is a fiber; a barrier or a shuffle gives way to the others. Blocks run one after the other, so shared
 * memory is static; it starts every launch as NaNs. A site is told from another by a number, for messages about divergence. */
#ifndef NNGEN_STAND_IN_H
#define NNGEN_STAND_IN_H

#include <stddef.h>

typedef struct NnIndex { unsigned x, y, z; } NnIndex;

/* What a compiled text gets from the driver that loads it. */
typedef struct NnStandIn {
    NnIndex thread;                     /* of the thread that runs */
    NnIndex block, blocks, threads;
    int lane;
    unsigned char *dynamic_shared;
    void (*block_barrier)(int site);
    void (*warp_barrier)(int site);
    void (*exchange)(void *value, size_t bytes, int lane, int site);     /* value becomes that of another lane of the warp */
    int (*vote)(int value, int site);   /* bit l: what lane l brought was not 0 */
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
                   NnIndex threads, size_t dynamic_shared);

#endif
