/* optimizer.c: the standard updates as plain loops, in f32 and f64.
 *
 * Formulas and their order of operations are those of PyTorch's single-tensor implementations (torch/optim/sgd.py, adam.py,
 * adamw.py), so that a step agrees with PyTorch to rounding. The factors that depend on t alone are computed in double, as
 * PyTorch does, and rounded once. */
#include <nngen/optimizer.h>

#include <math.h>

#define DEFINE_OPTIMIZERS(REAL, SUFFIX, SQRT)                                                                                  \
    void nn_sgd_##SUFFIX(int64_t n, REAL *w, REAL *velocity, const REAL *gradient, REAL lr, int64_t t, REAL momentum,         \
                         REAL dampening, bool nesterov, REAL weight_decay)                                                    \
    {                                                                                                                          \
        for (int64_t i = 0; i < n; i++) {                                                                                     \
            REAL d = gradient[i] + weight_decay * w[i];                                                                       \
            if (velocity) {                                                                                                   \
                REAL v = t == 1 ? d : momentum * velocity[i] + (1 - dampening) * d;                                           \
                velocity[i] = v;                                                                                              \
                d = nesterov ? d + momentum * v : v;                                                                          \
            }                                                                                                                 \
            w[i] -= lr * d;                                                                                                   \
        }                                                                                                                     \
    }                                                                                                                         \
                                                                                                                              \
    void nn_adam_##SUFFIX(int64_t n, REAL *w, REAL *m, REAL *v, const REAL *gradient, REAL lr, int64_t t, REAL beta1,         \
                          REAL beta2, REAL eps, REAL weight_decay, bool decoupled)                                            \
    {                                                                                                                         \
        REAL correction1 = (REAL)(1 - pow(beta1, (double)t)), root_correction2 = (REAL)sqrt(1 - pow(beta2, (double)t));       \
        for (int64_t i = 0; i < n; i++) {                                                                                     \
            REAL d = gradient[i];                                                                                             \
            if (decoupled)                                                                                                    \
                w[i] *= 1 - lr * weight_decay;                                                                                \
            else                                                                                                              \
                d += weight_decay * w[i];                                                                                     \
            m[i] = beta1 * m[i] + (1 - beta1) * d;                                                                            \
            v[i] = beta2 * v[i] + (1 - beta2) * d * d;                                                                        \
            w[i] -= lr / correction1 * m[i] / (SQRT(v[i]) / root_correction2 + eps);                                          \
        }                                                                                                                     \
    }
DEFINE_OPTIMIZERS(float, f32, sqrtf)
DEFINE_OPTIMIZERS(double, f64, sqrt)
