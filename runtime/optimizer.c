/* optimizer.c: the standard updates as plain loops, in f32 and f64.
 *
 * Formulas and their order of operations are those of PyTorch's single-tensor implementations (torch/optim/sgd.py, adam.py,
 * adamw.py), so that a step agrees with PyTorch to rounding. The factors that depend on t alone are computed in double, as
 * PyTorch does, and rounded once. CUDA programs compile this very text for the device (device.h). */
#include <nngen/optimizer.h>

#include <math.h>

#define DEFINE_OPTIMIZERS(REAL, SUFFIX, SQRT)                                                                                  \
    void nn_sgd_##SUFFIX(int64_t n, REAL *w, REAL *velocity, const REAL *gradient, REAL lr, int64_t t, double momentum,       \
                         double dampening, bool nesterov, double weight_decay)                                                \
    {                                                                                                                          \
        const REAL kept = (REAL)momentum, taken = (REAL)(1 - dampening), decay = (REAL)weight_decay;                          \
        for (int64_t i = 0; i < n; i++) {                                                                                     \
            REAL d = gradient[i] + decay * w[i];                                                                              \
            if (velocity) {                                                                                                   \
                REAL v = t == 1 ? d : kept * velocity[i] + taken * d;                                                         \
                velocity[i] = v;                                                                                              \
                d = nesterov ? d + kept * v : v;                                                                              \
            }                                                                                                                 \
            w[i] -= lr * d;                                                                                                   \
        }                                                                                                                     \
    }                                                                                                                         \
                                                                                                                              \
    void nn_adam_##SUFFIX(int64_t n, REAL *w, REAL *m, REAL *v, const REAL *gradient, REAL lr, int64_t t, double beta1,       \
                          double beta2, double eps, double weight_decay, bool decoupled)                                      \
    {                                                                                                                          \
        const REAL kept1 = (REAL)beta1, taken1 = (REAL)(1 - beta1), kept2 = (REAL)beta2, taken2 = (REAL)(1 - beta2);          \
        const REAL decay = (REAL)weight_decay, small = (REAL)eps;                                                             \
        const REAL correction1 = (REAL)(1 - pow(beta1, (double)t)), root2 = (REAL)sqrt(1 - pow(beta2, (double)t));            \
        for (int64_t i = 0; i < n; i++) {                                                                                     \
            REAL d = gradient[i];                                                                                             \
            if (decoupled)                                                                                                    \
                w[i] *= 1 - lr * decay;                                                                                       \
            else                                                                                                              \
                d += decay * w[i];                                                                                            \
            m[i] = kept1 * m[i] + taken1 * d;                                                                                 \
            v[i] = kept2 * v[i] + taken2 * d * d;                                                                             \
            w[i] -= lr / correction1 * m[i] / (SQRT(v[i]) / root2 + small);                                                   \
        }                                                                                                                     \
    }
DEFINE_OPTIMIZERS(float, f32, sqrtf)
DEFINE_OPTIMIZERS(double, f64, sqrt)
