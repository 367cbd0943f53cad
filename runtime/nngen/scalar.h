/* scalar.h: the scalar functions that C lacks and emitted kernels use. Plain C; every compiler inlines them. */
#ifndef NNGEN_SCALAR_H
#define NNGEN_SCALAR_H

#include <math.h>

#define NN_SCALARS(REAL, F)                                                                                          \
    static inline REAL nn_relu##F(REAL x) { return x > 0 ? x : x != x ? x : 0; }      /* NaN stays */                \
    static inline REAL nn_sign##F(REAL x) { return x != x ? x : (REAL)((x > 0) - (x < 0)); }                         \
    static inline REAL nn_maximum##F(REAL a, REAL b) { return a > b || a != a ? a : b; }                             \
    static inline REAL nn_minimum##F(REAL a, REAL b) { return a < b || a != a ? a : b; }                             \
    /* 1 / (1 + exp(-x)), without overflow: exp is only ever taken of -|x| */                                        \
    static inline REAL nn_sigmoid##F(REAL x)                                                                         \
    {                                                                                                                \
        REAL e = exp##F(-fabs##F(x));                                                                                \
        return (x >= 0 ? 1 : e) / (1 + e);                                                                           \
    }                                                                                                                \
    /* log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|)) */                                                           \
    static inline REAL nn_softplus##F(REAL x) { return nn_maximum##F(x, 0) + log1p##F(exp##F(-fabs##F(x))); }
/* The end of a fold in lanes: the partial sums added as a tree, the same one on every processor. */
static inline float nn_sum_lanesf(float lane[16])
{
    for (int half = 8; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

static inline double nn_sum_lanes(double lane[8])
{
    for (int half = 4; half > 0; half /= 2)
        for (int l = 0; l < half; l++)
            lane[l] += lane[l + half];
    return lane[0];
}

NN_SCALARS(float, f)
NN_SCALARS(double, )

#endif
