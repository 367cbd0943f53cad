/* walk.h: the elements of a tensor in PyTorch's order, wherever our layout has put them. */
#ifndef NNGEN_RUNTIME_WALK_H
#define NNGEN_RUNTIME_WALK_H

#include <nngen/runtime.h>

/* An odometer over the indices; `offset` is the current element's place in `data`. */
typedef struct NnWalk {
    int rank;
    const int64_t *shape, *stride;
    int64_t at[NN_MAX_RANK];
    int64_t offset;
} NnWalk;

static inline void nn_walk_on(NnWalk *walk)
{
    for (int d = walk->rank - 1; d >= 0; d--) {
        walk->offset += walk->stride[d];
        if (++walk->at[d] < walk->shape[d])
            return;
        walk->offset -= walk->stride[d] * walk->shape[d];
        walk->at[d] = 0;
    }
}

static inline int64_t nn_element_count(int rank, const int64_t *shape)
{
    int64_t count = 1;
    for (int d = 0; d < rank; d++)
        count *= shape[d];
    return count;
}

/* From the first element to the last, wherever the layout has put them. */
static inline int64_t nn_tensor_span(const NnTensor *tensor)
{
    int64_t last = 0;
    for (int d = 0; d < tensor->rank; d++)
        last += (tensor->shape[d] - 1) * tensor->stride[d];
    return last + 1;
}

static inline size_t nn_real_bytes(NnPrecision precision) { return precision == NN_F32 ? sizeof(float) : sizeof(double); }

static inline double nn_get_real(const void *data, int64_t at, NnPrecision precision)
{
    return precision == NN_F32 ? ((const float *)data)[at] : ((const double *)data)[at];
}

static inline void nn_set_real(void *data, int64_t at, double value, NnPrecision precision)
{
    if (precision == NN_F32)
        ((float *)data)[at] = (float)value;
    else
        ((double *)data)[at] = value;
}

#endif
