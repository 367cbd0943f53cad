/* initial.c: the values that parameters, slots and statistics start with.
 *
 * Element k of a tensor, counted in PyTorch's order, is made from (seed, hash of the tensor's name, k) alone: neither our
 * layout nor the order of the tensors shows. Computed in double and rounded once. */
#include "run.h"
#include "walk.h"
#include <nngen/weights.h>

double nn_initial_value(const NnInit *init, uint64_t seed, uint32_t stream, int64_t element)
{
    if (element >= init->zero_from && element < init->zero_to)
        return 0;
    switch (init->kind) {
    case NN_INIT_CONSTANT:
        return init->a;
    case NN_INIT_UNIFORM:
        return init->a + (init->b - init->a) * nn_uniform(seed, stream, 0, (uint64_t)element);
    case NN_INIT_NORMAL:
        return init->a + init->b * nn_normal(seed, stream, 0, (uint64_t)element);
    case NN_INIT_TABLE:
        return init->table[element];
    }
    return 0;
}

static void initialise(const NnTensor *tensor, void *data, NnPrecision precision, uint64_t seed)
{
    const uint32_t stream = nn_stream(tensor->name);
    const int64_t count = nn_element_count(tensor->rank, tensor->shape);
    NnWalk walk = {.rank = tensor->rank, .shape = tensor->shape, .stride = tensor->stride};
    for (int64_t k = 0; k < count; k++, nn_walk_on(&walk))
        nn_set_real(data, walk.offset, nn_initial_value(&tensor->init, seed, stream, k), precision);
}

void nn_initialise(const NnProgram *program, uint64_t seed)
{
    for (int i = 0; i < program->tensor_count; i++)
        initialise(&program->tensors[i], program->tensors[i].data, program->precision, seed);
}

void nn_initialise_tensors(const NnTensor *tensors, int count, void *state, NnPrecision precision, uint64_t seed)
{
    for (int i = 0; i < count; i++)
        initialise(&tensors[i], (char *)state + tensors[i].place, precision, seed);
}
