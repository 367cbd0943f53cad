/* optimizer.h: the standard updates as plain loops. Programs of --kernels generic call them; fused programs have them inside
 * their kernels, and tests hold one against the other. Formulas and defaults are PyTorch's; `lion` is algorithm 2 of Chen et
 * al., "Symbolic discovery of optimization algorithms" (2023). Each takes n contiguous elements; `_f32` or `_f64` is the
 * element's type; t counts steps from 1; lr is already multiplied by the parameter's factor. The settings are doubles whatever
 * the precision, and are rounded where they are used: 1 - 0.999 is 0.001f, but 1 - 0.999f is 1.3e-5 away from it. */
#ifndef NNGEN_OPTIMIZER_H
#define NNGEN_OPTIMIZER_H

#include <stdbool.h>
#include <stdint.h>

#define NN_OPTIMIZERS(REAL, SUFFIX)                                                                                           \
    /* d = gradient + weight_decay w;  v = t == 1 ? d : momentum v + (1 - dampening) d;                                       \
     * w -= lr (nesterov ? d + momentum v : v).  velocity NULL: momentum is 0 and w -= lr d */                                \
    void nn_sgd_##SUFFIX(int64_t n, REAL *w, REAL *velocity, const REAL *gradient, REAL lr, int64_t t, double momentum,       \
                         double dampening, bool nesterov, double weight_decay);                                               \
    /* m = b1 m + (1 - b1) d;  v = b2 v + (1 - b2) d²;  w -= lr m/(1 - b1^t) / (sqrt(v/(1 - b2^t)) + eps);                    \
     * decoupled (AdamW): w is first multiplied by 1 - lr weight_decay, and d = gradient */                                   \
    void nn_adam_##SUFFIX(int64_t n, REAL *w, REAL *m, REAL *v, const REAL *gradient, REAL lr, int64_t t, double beta1,       \
                          double beta2, double eps, double weight_decay, bool decoupled);
NN_OPTIMIZERS(float, f32)
NN_OPTIMIZERS(double, f64)

#endif
