/* A hash of the bits of each function of elementary.h over floats of all sizes, in loops that a compiler may put into lanes. */
#include <nngen/scalar.h>
#include <stdio.h>

enum { AT_ONCE = 1024, STEP = 1021 };

static float gelu(float x) { return 0.5f * (x * (1.0f + nn_erff(0.70710677f * x))); }

#define HASH(f)                                                                                                      \
    do {                                                                                                             \
        uint64_t hash = 14695981039346656037u;                                                                       \
        for (uint64_t bits = 0; bits < 0x100000000u; bits += (uint64_t)AT_ONCE * STEP) {                             \
            float x[AT_ONCE], y[AT_ONCE];                                                                            \
            for (int i = 0; i < AT_ONCE; i++)                                                                        \
                x[i] = nn_from_bits((uint32_t)bits + (uint32_t)i * STEP);                                            \
            for (int i = 0; i < AT_ONCE; i++)                                                                        \
                y[i] = f(x[i]);                                                                                      \
            for (int i = 0; i < AT_ONCE; i++)                                                                        \
                hash = (hash ^ (y[i] == y[i] ? nn_bits(y[i]) : 0x7fc00000u)) * 1099511628211u;                       \
        }                                                                                                            \
        printf("%s %016llx\n", #f, (unsigned long long)hash);                                                        \
    } while (0)

int main(void)
{
    HASH(nn_expf);
    HASH(nn_logf);
    HASH(nn_log1pf);
    HASH(nn_tanhf);
    HASH(nn_erff);
    HASH(nn_sigmoidf);
    HASH(nn_sinf);
    HASH(nn_cosf);
    HASH(gelu);
    return 0;
}
