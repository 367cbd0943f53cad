/* scalar.h: the scalar functions that C lacks and emitted kernels use. Plain C, written into the loops that use them. */
#ifndef NNGEN_SCALAR_H
#define NNGEN_SCALAR_H

#include <math.h>
#include <nngen/elementary.h>

/* A kernel is a function of the arrays in its parameters and of nothing else: the compiler must not look through them at the
 * one struct that they all lie in. gcc 12 -O2 does, then loses track of which of them a loop stores to (its induction variables
 * mix the addresses of two members), calls the kernel free of effects and drops the call: wrong results without a word. clang
 * may put them into train_step, which small nets gain from (a sixth of 1.7 us for `sine`); with its sanitizers it may not: the
 * checks of hundreds of loops in one function take it more than an hour (an attention net, against 22 s in many). */
#if defined __GNUC__ && !defined __clang__
#define NN_KERNEL static __attribute__((noipa))
#define NN_RARELY static __attribute__((cold, optimize("O0")))
#elif defined __clang__
#if __has_feature(address_sanitizer) || __has_feature(undefined_behavior_sanitizer)
#define NN_KERNEL static __attribute__((noinline))
#else
#define NN_KERNEL static
#endif
#define NN_RARELY static __attribute__((cold, noinline, optnone))
#else
#define NN_KERNEL static
#define NN_RARELY static
#endif
/* NN_RARELY: what runs once, if at all, is not worth the compiler's time: of a deep network it would take most of it. */

#define NN_SCALARS(REAL, F)                                                                                          \
    NN_INLINE REAL nn_relu##F(REAL x) { return x <= 0 ? 0 : x; }                      /* NaN stays */                \
    NN_INLINE REAL nn_sign##F(REAL x) { return x != x ? x : (REAL)((x > 0) - (x < 0)); }                             \
    NN_INLINE REAL nn_maximum##F(REAL a, REAL b) { return ((a > b) | (a != a)) ? a : b; }        /* |: no branch */  \
    NN_INLINE REAL nn_minimum##F(REAL a, REAL b) { return ((a < b) | (a != a)) ? a : b; }                            \
    /* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)), whose NaN is enough */                                      \
    NN_INLINE REAL nn_softplus##F(REAL x) { return (x > 0 ? x : 0) + nn_log1p##F(nn_exp_of_negative##F(-fabs##F(x))); }

NN_SCALARS(float, f)
NN_SCALARS(double, )

#endif
