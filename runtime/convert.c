/* convert.c: from values as stored to what the program computes with: (x · scale − mean) / spread, in double, rounded once.
 *
 * A byte has 256 values: they are converted once and looked up (a batch of images is gathered at the speed of the table, and
 * has the same bits as the formula). Standardising follows scikit-learn's StandardScaler: population standard deviation, and
 * what never varies is only centred. Whether it varies is asked of the values themselves: the deviation of a thousand equal
 * numbers, computed, need not be zero. */
#include "memory.h"
#include "source.h"

#include <math.h>
#include <nngen/core.h>
#include <string.h>

size_t nn_stored_size(NnStored stored)
{
    static const size_t size[NN_STORED_TYPES] = {[NN_U8] = 1, [NN_I8] = 1, [NN_I16] = 2, [NN_I32] = 4,
                                                 [NN_U16] = 2, [NN_U32] = 4, [NN_I64] = 8, [NN_U64] = 8,
                                                 [NN_STORED_F32] = 4, [NN_STORED_F64] = 8};
    return size[stored];
}

/* Calls EACH(type) with the C type of `stored`. */
#define FOR_STORED(stored, EACH)                                                                                               \
    switch (stored) {                                                                                                         \
    case NN_U8: EACH(uint8_t); break;                                                                                         \
    case NN_I8: EACH(int8_t); break;                                                                                          \
    case NN_I16: EACH(int16_t); break;                                                                                        \
    case NN_I32: EACH(int32_t); break;                                                                                        \
    case NN_U16: EACH(uint16_t); break;                                                                                       \
    case NN_U32: EACH(uint32_t); break;                                                                                       \
    case NN_I64: EACH(int64_t); break;                                                                                        \
    case NN_U64: EACH(uint64_t); break;                                                                                       \
    case NN_STORED_F32: EACH(float); break;                                                                                   \
    case NN_STORED_F64: EACH(double); break;                                                                                  \
    case NN_STORED_TYPES: break;                                                                                              \
    }

NnConversion nn_conversion_of(const NnInput *input)
{
    NnConversion conversion = {.scale = input->scale, .period = 1, .tabulated = NN_STORED_TYPES};
    conversion.mean = nn_allocate(1, sizeof(double));
    conversion.spread = nn_allocate(1, sizeof(double));
    conversion.mean[0] = input->mean;
    conversion.spread[0] = input->std;
    return conversion;
}

void nn_free_conversion(NnConversion *conversion)
{
    nn_release(conversion->mean);
    nn_release(conversion->spread);
    nn_release(conversion->byte_f32);
    nn_release(conversion->byte_f64);
}

void nn_fit_conversion(NnConversion *conversion, const NnInput *input, const NnColumn *column, const int64_t *row, int64_t count)
{
    if (input->standardize == NN_AS_IS || input->classes)
        return;
    int64_t elements = input->elements, period = input->standardize == NN_BY_FEATURE ? elements : 1;
    size_t row_bytes = (size_t)elements * nn_stored_size(column->stored);
    double *values = nn_allocate((size_t)elements, sizeof(double)), *mean = nn_allocate((size_t)period, sizeof(double)),
           *square = nn_allocate((size_t)period, sizeof(double)), *least = nn_allocate((size_t)period, sizeof(double)),
           *most = nn_allocate((size_t)period, sizeof(double));
    for (int64_t p = 0; p < period; p++) {
        least[p] = INFINITY;
        most[p] = -INFINITY;
    }
    double each = (double)count * (double)(elements / period);
    for (int pass = 0; pass < 2; pass++) {              /* the mean first, then Σ (v − mean)²: no cancellation */
        for (int64_t r = 0; r < count; r++) {
            const char *stored = (const char *)column->values + (size_t)(row ? row[r] : r) * row_bytes;
            nn_convert_floats(conversion, column->stored, stored, elements, true, values);
            for (int64_t e = 0; e < elements; e++) {
                int64_t p = period == 1 ? 0 : e;
                if (pass == 0) {
                    mean[p] += values[e];
                    least[p] = values[e] < least[p] ? values[e] : least[p];
                    most[p] = values[e] > most[p] ? values[e] : most[p];
                } else {
                    square[p] += (values[e] - mean[p]) * (values[e] - mean[p]);
                }
            }
        }
        for (int64_t p = 0; pass == 0 && p < period; p++)
            mean[p] = least[p] == most[p] ? least[p] : mean[p] / each;
    }
    double first_mean = conversion->mean[0], first_spread = conversion->spread[0];
    for (int64_t p = 0; p < period; p++) {
        double deviation = least[p] == most[p] ? 1 : sqrt(square[p] / each);
        mean[p] = first_mean + first_spread * mean[p];
        square[p] = first_spread * deviation;
    }
    nn_release(values);
    nn_release(least);
    nn_release(most);
    nn_release(conversion->mean);
    nn_release(conversion->spread);
    conversion->mean = mean;
    conversion->spread = square;
    conversion->period = period;
}

void nn_tabulate_bytes(NnConversion *conversion, NnStored stored)
{
    if (nn_stored_size(stored) != 1 || conversion->period != 1)
        return;
    uint8_t every[256];
    for (int i = 0; i < 256; i++)
        every[i] = (uint8_t)i;
    float *byte_f32 = nn_allocate(256, sizeof(float));
    double *byte_f64 = nn_allocate(256, sizeof(double));
    nn_convert_floats(conversion, stored, every, 256, false, byte_f32);
    nn_convert_floats(conversion, stored, every, 256, true, byte_f64);
    conversion->tabulated = stored;
    conversion->byte_f32 = byte_f32;
    conversion->byte_f64 = byte_f64;
}

#define LOOK_UP(REAL, table)                                                                                                   \
    do {                                                                                                                      \
        const uint8_t *byte = from;                                                                                           \
        REAL *out = to;                                                                                                       \
        for (int64_t i = 0; i < count; i++)                                                                                   \
            out[i] = (table)[byte[i]];                                                                                        \
    } while (0)

/* What needs no arithmetic is copied: five rows of 784 f32 took a fifth of their step's time. */
#define CONVERT(REAL, TYPE)                                                                                                    \
    do {                                                                                                                      \
        const TYPE *in = from;                                                                                                \
        REAL *out = to;                                                                                                       \
        if (conversion->period == 1 && scale == 1 && mean[0] == 0 && spread[0] == 1)                                          \
            NN_SIMD for (int64_t i = 0; i < count; i++)                                                                       \
                out[i] = (REAL)in[i];                                                                                         \
        else if (conversion->period == 1)                                                                                     \
            NN_SIMD for (int64_t i = 0; i < count; i++)                                                                               \
                out[i] = (REAL)(((double)in[i] * scale - mean[0]) / spread[0]);                                               \
        else                                                                                                                  \
            NN_SIMD for (int64_t i = 0; i < count; i++)                                                                       \
                out[i] = (REAL)(((double)in[i] * scale - mean[i]) / spread[i]);                                               \
    } while (0)
#define CONVERT_F32(TYPE) CONVERT(float, TYPE)
#define CONVERT_F64(TYPE) CONVERT(double, TYPE)

void nn_convert_floats(const NnConversion *conversion, NnStored stored, const void *from, int64_t count, bool f64, void *to)
{
    const double scale = conversion->scale, *mean = conversion->mean, *spread = conversion->spread;
    bool look_up = stored == conversion->tabulated;
    if (look_up && f64)
        LOOK_UP(double, conversion->byte_f64);
    else if (look_up)
        LOOK_UP(float, conversion->byte_f32);
    else if (f64)
        FOR_STORED(stored, CONVERT_F64)
    else
        FOR_STORED(stored, CONVERT_F32)
}

#define CONVERT_CLASS(TYPE)                                                                                                    \
    do {                                                                                                                      \
        const TYPE *in = from;                                                                                                \
        for (int64_t i = 0; i < count; i++)                                                                                   \
            to[i] = (int32_t)in[i];                                                                                           \
    } while (0)

void nn_convert_classes(NnStored stored, const void *from, int64_t count, int32_t *to)
{
    FOR_STORED(stored, CONVERT_CLASS)
}
