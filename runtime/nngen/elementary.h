/* elementary.h: exp, log and what is made of them, in f32 and without a branch, so that loops over them become vector code.
 *
 * Each is plain C: one rounding after another, no table, choices between values that are both there. A compiler computes the
 * same bits alone, in 4, 8 or 16 lanes, wherever multiply-add is one operation. Worst error in units in the last place, over all
 * floats, against f64 (tests/unit/runtime_elementary.c holds them to it):
 *
 *   exp 1.01   log 1.0   log1p 2.5   tanh 2.0   erf 1.5   sigmoid 2.5
 *
 * and gelu, x (1 + erf(x / sqrt 2)) / 2, 1.5 of x. tests/run/elementary_widths.sh holds their bits to be the same at every width.
 *
 * Infinities, NaN and subnormal numbers come and go as in C's library, which f64 programs call. */
#ifndef NNGEN_ELEMENTARY_H
#define NNGEN_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline float nn_from_bits(uint32_t bits) { float x; memcpy(&x, &bits, sizeof x); return x; }
static inline uint32_t nn_bits(float x) { uint32_t bits; memcpy(&bits, &x, sizeof bits); return bits; }

/* yes ? a : b, both being there. As a choice, compilers move what makes `a` under the condition, and that branches on chance, or loads
 * under a mask what could have stayed in a register (gradient of max-pool 2900 for 900 us, of relu 2.3 for 0.9). */
static inline float nn_choosef(int yes, float a, float b)
{
    const uint32_t all = -(uint32_t)(yes != 0);
    return nn_from_bits((nn_bits(a) & all) | (nn_bits(b) & ~all));
}
static inline double nn_choose(int yes, double a, double b) { return yes ? a : b; }

/* 2^n e^r with |r| <= ln 2 / 2, for exp x. n is rounded by adding 1.5 2^23 to x log2 e, and stays in the low bits of the sum, whose
 * others fall away where n is shifted to the place of an exponent. e^r = 1 + r + r^2 q(r), q minimax of degree 4. Where exp x is 0 or
 * infinite, the caller puts that in for what comes out here: clamping x before would be an operation less, but compilers
 * follow the clamped path by itself and end with more. */
#define NN_POWER_OF_E_(x, shifted, e_to_r)                                                                           \
    const float shifted = (x) * 1.44269504f + 12582912.0f, n_ = shifted - 12582912.0f;                               \
    const float high_ = (x) - n_ * 0.693145752f, r_ = high_ - n_ * 1.42860677e-6f;                                   \
    float e_to_r = 0.0013814596f;                                                                                    \
    e_to_r = e_to_r * r_ + 0.0083687175f;                                                                            \
    e_to_r = e_to_r * r_ + 0.04166839f;                                                                              \
    e_to_r = e_to_r * r_ + 0.16666521f;                                                                              \
    e_to_r = e_to_r * r_ + 0.49999994f;                                                                              \
    e_to_r = e_to_r * r_;                                                                                            \
    e_to_r = e_to_r * r_ + r_;                                                                                       \
    e_to_r = e_to_r + 1.0f

/* The scale 2^n goes in as two factors, so that subnormal results come by themselves. */
static inline float nn_expf(float x)
{
    NN_POWER_OF_E_(x, shifted, e_to_r);
    const uint32_t n = nn_bits(shifted), half = (uint32_t)((int32_t)n >> 1);
    const float scaled = e_to_r * nn_from_bits((half << 23) + 0x3f800000u) * nn_from_bits(((n - half) << 23) + 0x3f800000u);
    const float finite = x > 89.0f ? INFINITY : scaled;
    return x < -104.0f ? 0.0f : finite;
}

/* exp of what is not above 0, as tanh and softplus have it: e^r 2^(n + 64) is normal, and 2^-64 what is left */
static inline float nn_exp_of_negativef(float x)
{
    NN_POWER_OF_E_(x, shifted, e_to_r);
    const float scaled = e_to_r * nn_from_bits((nn_bits(shifted) << 23) + 0x5f800000u) * 5.42101086e-20f;
    return x < -104.0f ? 0.0f : scaled;
}

/* 1 / (1 + e^-x). Within the bounds 2^n is 0 (x from 88 on: 1) to infinity (below -88.3: 0), and neither needs a choice behind it;
 * with the sign apart, e^-|x| and two choices, moons3 took 11.0 for 10.6 us (gcc), 11.6 for 10.8 (clang). NaN stays. */
static inline float nn_sigmoidf(float x)
{
    const float above = x < -89.0f ? -89.0f : x, within = above > 88.0f ? 88.0f : above, minus = -within;
    NN_POWER_OF_E_(minus, shifted, e_to_r);
    return 1.0f / (1.0f + e_to_r * nn_from_bits((nn_bits(shifted) << 23) + 0x3f800000u));
}

/* log x: x = 2^n (1 + f), 1 + f in [sqrt 1/2, sqrt 2); f - f^2/2 + f^3 q(f). Subnormal numbers are made normal first. */
static inline float nn_logf(float x)
{
    const float normal = x < 1.17549435e-38f ? x * 8388608.0f : x;
    const int32_t bits = (int32_t)(nn_bits(normal) - 0x3f3504f3u);
    const float n = (float)(bits >> 23) - (x < 1.17549435e-38f ? 23.0f : 0.0f);
    const float f = nn_from_bits(((uint32_t)bits & 0x7fffffu) + 0x3f3504f3u) - 1.0f;
    float q = -0.07634546f;
    q = q * f + 0.12761725f;
    q = q * f + -0.13160235f;
    q = q * f + 0.14201742f;
    q = q * f + -0.16623351f;
    q = q * f + 0.20001227f;
    q = q * f + -0.25000823f;
    q = q * f + 0.3333333f;
    q = q * f;
    q = q + -0.5f;
    q = q * (f * f);
    q = q + n * -2.12194440e-4f;
    const float sum = q + f, result = sum + n * 0.693359375f;
    const float below = x == 0 ? -INFINITY : NAN;       /* log 0; log of a negative number */
    const float finite = x > 0 ? result : below;
    return x < INFINITY ? finite : x;                   /* infinity and NaN stay */
}

/* log(1 + x) = log(u) x / (u - 1), u = 1 + x as rounded: what the rounding loses, the quotient gives back (Kahan) */
static inline float nn_log1pf(float x)
{
    const float u = 1.0f + x, d = u - 1.0f;
    const float quotient = x / (d == 0 ? 1.0f : d);
    const float result = d == 0 ? x : nn_logf(u) * quotient;
    return u < INFINITY ? result : u;
}

/* tanh x = x + x^3 p(x^2) near 0 (Cephes), else 1 - 2 e / (1 + e), e = e^-2|x|, with the sign of x */
static inline float nn_tanhf(float x)
{
    const float z = x * x, size = fabsf(x);
    float p = -5.70498872745e-3f;
    p = p * z + 2.06390887954e-2f;
    p = p * z + -5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z + -3.33332819422e-1f;
    const float near = p * z * x + x;
    const float e = nn_exp_of_negativef(-2.0f * size), far = copysignf(1.0f - 2.0f * e / (1.0f + e), x);
    return size < 0.625f ? near : size == size ? far : x;
}

/* erf x = x + x p(x^2) near 0, else 1 - e^-q(|x|) with the sign of x (the split and the polynomials are N. Juffa's) */
static inline float nn_erff(float x)
{
    const float size = fabsf(x), z = x * x, t = size < 4.0f ? size : 4.0f, s = t * t;
    float q = -1.72853470e-5f * t + 3.83197126e-4f;
    q = q * s + (-3.88396438e-3f * t + 2.42546219e-2f);
    q = q * t + -1.06777877e-1f;
    q = q * t + -6.34846687e-1f;
    q = q * t + -1.28717512e-1f;
    q = q * t - t;
    const float far = copysignf(1.0f - nn_expf(q), x);
    float p = -5.96761703e-4f;
    p = p * z + 4.99119423e-3f;
    p = p * z + -2.67681349e-2f;
    p = p * z + 1.12819925e-1f;
    p = p * z + -3.76125336e-1f;
    p = p * z + 1.28379166e-1f;
    const float near = p * x + x;
    return size > 0.927734375f ? far : near;            /* NaN: near, which it makes NaN */
}

static inline double nn_exp(double x) { return exp(x); }
static inline double nn_exp_of_negative(double x) { return exp(x); }
static inline double nn_log(double x) { return log(x); }
static inline double nn_log1p(double x) { return log1p(x); }
static inline double nn_tanh(double x) { return tanh(x); }
static inline double nn_erf(double x) { return erf(x); }
static inline double nn_sigmoid(double x)                     /* exp is only ever taken of -|x|, so that nothing overflows */
{
    const double e = exp(-fabs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

#endif
