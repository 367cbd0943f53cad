/* elementary.h: exp, log and what is made of them, in f32 and without a branch, so that loops over them become vector code.
 *
 * Each is plain C: one rounding after another, no table, choices between values that are both there. A compiler computes the
 * same bits alone, in 4, 8 or 16 lanes, wherever multiply-add is one operation. Worst error in units in the last place, over all
 * floats, against f64 (tests/unit/runtime_elementary.c holds them to it):
 *
 *   exp 1.01   log 1.0   log1p 2.5   tanh 6.0   erf 6.2   sigmoid 2.5   sin, cos 1.6
 *
 * and gelu, x (1 + erf(x / sqrt 2)) / 2, 3.4 of x (tanh 5.1, erf 5.8, gelu 3.3 where multiply-add is one operation).
 * tests/run/elementary_widths.sh holds their bits to be the same at every width.
 *
 * Infinities, NaN and subnormal numbers come and go as in C's library, which f64 programs call. */
#ifndef NNGEN_ELEMENTARY_H
#define NNGEN_ELEMENTARY_H

#include <math.h>
#include <stdint.h>
#include <string.h>
#include <nngen/inline.h>

NN_INLINE float nn_from_bits(uint32_t bits) { float x; memcpy(&x, &bits, sizeof x); return x; }
NN_INLINE uint32_t nn_bits(float x) { uint32_t bits; memcpy(&bits, &x, sizeof bits); return bits; }

/* yes ? a : b, both being there. As a choice, compilers move what makes `a` under the condition, and that branches on chance, or loads
 * under a mask what could have stayed in a register (gradient of max-pool 2900 for 900 us, of relu 2.3 for 0.9). */
NN_INLINE float nn_choosef(int yes, float a, float b)
{
    const uint32_t all = -(uint32_t)(yes != 0);
    return nn_from_bits((nn_bits(a) & all) | (nn_bits(b) & ~all));
}
NN_INLINE double nn_choose(int yes, double a, double b) { return yes ? a : b; }

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
NN_INLINE float nn_expf(float x)
{
    NN_POWER_OF_E_(x, shifted, e_to_r);
    const uint32_t n = nn_bits(shifted), half = (uint32_t)((int32_t)n >> 1);
    const float scaled = e_to_r * nn_from_bits((half << 23) + 0x3f800000u) * nn_from_bits(((n - half) << 23) + 0x3f800000u);
    const float finite = x > 89.0f ? INFINITY : scaled;
    return x < -104.0f ? 0.0f : finite;
}

/* exp of what is not above 0, as tanh and softplus have it: e^r 2^(n + 64) is normal, and 2^-64 what is left */
NN_INLINE float nn_exp_of_negativef(float x)
{
    NN_POWER_OF_E_(x, shifted, e_to_r);
    const float scaled = e_to_r * nn_from_bits((nn_bits(shifted) << 23) + 0x5f800000u) * 5.42101086e-20f;
    return x < -104.0f ? 0.0f : scaled;
}

/* 1 / (1 + e^-x). Within the bounds 2^n is 0 (x from 88 on: 1) to infinity (below -88.3: 0), and neither needs a choice behind it;
 * with the sign apart, e^-|x| and two choices, moons3 took 11.0 for 10.6 us (gcc), 11.6 for 10.8 (clang). NaN stays. */
NN_INLINE float nn_sigmoidf(float x)
{
    const float above = x < -89.0f ? -89.0f : x, within = above > 88.0f ? 88.0f : above, minus = -within;
    NN_POWER_OF_E_(minus, shifted, e_to_r);
    return 1.0f / (1.0f + e_to_r * nn_from_bits((nn_bits(shifted) << 23) + 0x3f800000u));
}

/* log x: x = 2^n (1 + f), 1 + f in [sqrt 1/2, sqrt 2); f - f^2/2 + f^3 q(f). Subnormal numbers are made normal first. */
NN_INLINE float nn_logf(float x)
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
NN_INLINE float nn_log1pf(float x)
{
    const float u = 1.0f + x, d = u - 1.0f;
    const float quotient = x / (d == 0 ? 1.0f : d);
    const float result = d == 0 ? x : nn_logf(u) * quotient;
    return u < INFINITY ? result : u;
}

/* x P(x^2) / Q(x^2) for |x| <= `bound`, where the function has rounded to 1; at most 1, for what is made of it counts on that. NaN stays.
 * Coefficients are minimax of the relative error (by Lawson's weights, then by trials of their last bits). Two ranges, the far one
 * by way of exp, are three times as exact and take three times as long: 0.94 for 0.33 ns an element of tanh, 1.12 for 0.38 of erf. */
#define NN_WITHIN_(x, bound, within)                                                                                 \
    const float above_ = (x) < -(bound) ? -(bound) : (x), within = above_ > (bound) ? (bound) : above_
NN_INLINE float nn_at_most_onef(float x)
{
    const float above = x < -1.0f ? -1.0f : x;
    return above > 1.0f ? 1.0f : above;
}

/* a b + c. Where the processor does it in one, it is asked for: clang joins a product and a sum late, and not where it has made a pair of
 * the last product of Q and that of x and P, so that numbers alone would have other bits than those in lanes. */
NN_INLINE float nn_multiply_addf(float a, float b, float c)
{
#if defined __FMA__ || defined __ARM_FEATURE_FMA
    return fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

NN_INLINE float nn_tanhf(float x)
{
    NN_WITHIN_(x, 9.0f, within);
    const float z = within * within;
    float p = 1.33187195e-8f;
    p = nn_multiply_addf(p, z, 2.05832275e-5f);
    p = nn_multiply_addf(p, z, 3.49401869e-3f);
    p = nn_multiply_addf(p, z, 0.13379705f);
    p = nn_multiply_addf(p, z, 1.0f);
    float q = 7.76187903e-7f;
    q = nn_multiply_addf(q, z, 3.28306691e-4f);
    q = nn_multiply_addf(q, z, 0.0258710124f);
    q = nn_multiply_addf(q, z, 0.467130244f);
    q = nn_multiply_addf(q, z, 1.0f);
    return nn_at_most_onef(within * p / q);
}

NN_INLINE float nn_erff(float x)
{
    NN_WITHIN_(x, 3.95f, within);
    const float z = within * within;
    float p = 2.02588512e-6f;
    p = nn_multiply_addf(p, z, 2.84684356e-4f);
    p = nn_multiply_addf(p, z, 3.80812027e-3f);
    p = nn_multiply_addf(p, z, 0.0528753214f);
    p = nn_multiply_addf(p, z, 0.191549778f);
    p = nn_multiply_addf(p, z, 1.12837911f);
    float q = 3.78313489e-5f;
    q = nn_multiply_addf(q, z, 1.17071113e-3f);
    q = nn_multiply_addf(q, z, 0.0150550138f);
    q = nn_multiply_addf(q, z, 0.114559337f);
    q = nn_multiply_addf(q, z, 0.503089249f);
    q = nn_multiply_addf(q, z, 1.0f);
    return nn_at_most_onef(within * p / q);
}

/* sin and cos: z = x - n pi/2 with |z| <= pi/4, n counting the quarters. 2/pi comes in pieces of 29 bits, so that a float times one of
 * them is exact in f64, and so is what is left of it when whole turns, four quarters each, are taken away; pieces to 2^-203 are enough for
 * the largest float, and the last two make no turn. 0.95 ns an element, C's sinf alone 3.1, and the loop around that is no
 * vector code. Rejected: what is usual, x - n pi/2 with pi/2 in three parts, is wrong from some size of x on. Where f64 has no instruction
 * that rounds, or none at all, and on a GPU, whose own is faster than its f64, C's. */
#if defined __CUDACC_RTC__ || (defined __x86_64__ && !defined __SSE4_1__) || (defined __arm__ && !(defined __ARM_FP && (__ARM_FP & 8)))
NN_INLINE float nn_sinf(float x) { return sinf(x); }
NN_INLINE float nn_cosf(float x) { return cosf(x); }
#else
NN_INLINE double nn_without_turns_(double quarters) { return quarters - 4.0 * rint(0.25 * quarters); }

/* of sin x for `ahead` 0, of cos x = sin(x + pi/2) for 1; x not negative */
NN_INLINE float nn_sine_(float x, uint32_t ahead)
{
    const double a = x;
    double quarters = nn_without_turns_(a * 0x1.45f306ep-1) + nn_without_turns_(a * -0x1.b1bbeacp-32);
    quarters += nn_without_turns_(a * -0x1.603d8a8p-60);
    quarters += nn_without_turns_(a * -0x1.7056590p-91);
    quarters += nn_without_turns_(a * -0x1.1f924ecp-119);
    quarters += a * 0x1.5993c44p-148;
    quarters += a * -0x1.bef8068p-178;
    const double shifted = quarters + 6755399441055744.0;                  /* 1.5 2^52: n stays in the low bits of the sum */
    uint64_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    const uint32_t n = (uint32_t)bits + ahead;
    const float z = (float)((quarters - (shifted - 6755399441055744.0)) * 1.5707963267948966), square = z * z;
    float sine = -1.9515295891e-4f;                                        /* both as in Moshier's Cephes */
    sine = nn_multiply_addf(sine, square, 8.3321608736e-3f);
    sine = nn_multiply_addf(sine, square, -1.6666654611e-1f);
    sine = nn_multiply_addf(sine * square, z, z);
    float cosine = 2.443315711809948e-5f;
    cosine = nn_multiply_addf(cosine, square, -1.388731625493765e-3f);
    cosine = nn_multiply_addf(cosine, square, 4.166664568298827e-2f);
    cosine = nn_multiply_addf(cosine, square, -0.5f);
    cosine = nn_multiply_addf(cosine, square, 1.0f);
    return nn_from_bits(nn_bits(nn_choosef(n & 1, cosine, sine)) ^ ((n & 2) << 30));
}
NN_INLINE float nn_sinf(float x) { return nn_from_bits(nn_bits(nn_sine_(fabsf(x), 0)) ^ (nn_bits(x) & 0x80000000u)); }
NN_INLINE float nn_cosf(float x) { return nn_sine_(fabsf(x), 1); }
#endif

NN_INLINE double nn_exp(double x) { return exp(x); }
NN_INLINE double nn_exp_of_negative(double x) { return exp(x); }
NN_INLINE double nn_log(double x) { return log(x); }
NN_INLINE double nn_log1p(double x) { return log1p(x); }
NN_INLINE double nn_tanh(double x) { return tanh(x); }
NN_INLINE double nn_erf(double x) { return erf(x); }
NN_INLINE double nn_sin(double x) { return sin(x); }
NN_INLINE double nn_cos(double x) { return cos(x); }
NN_INLINE double nn_sigmoid(double x)                     /* exp is only ever taken of -|x|, so that nothing overflows */
{
    const double e = exp(-fabs(x));
    return (x >= 0 ? 1 : e) / (1 + e);
}

#endif
