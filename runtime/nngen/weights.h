/* weights.h: what predictors and libraries call. No process ends in here, nothing is printed; files and memory only where said. */
#ifndef NNGEN_WEIGHTS_H
#define NNGEN_WEIGHTS_H

#include <nngen/runtime.h>

/* Reads the tensors that are no slots from a safetensors file, in F32 or F64. All is checked before anything is changed, but for
 * the numbers themselves, which must be finite. 0: done; 1: the file is wrong; 3: no memory. `why` then holds a line about it. */
int nn_load_tensors(const NnTensor *tensors, int count, NnPrecision precision, const char *path, char *why, size_t room);

/* What element `element` of a tensor starts with, counted in PyTorch's order; `stream` is the hash of the tensor's name. */
double nn_initial_value(const NnInit *init, uint64_t seed, uint32_t stream, int64_t element);

/* The values that a seed gives; every tensor is at its place in `state`. */
void nn_initialise_tensors(const NnTensor *tensors, int count, void *state, NnPrecision precision, uint64_t seed);

/* Parameters and statistics as the bytes of a safetensors file. Gives how many there are; writes them if `size` is enough. */
size_t nn_store_tensors(const NnTensor *tensors, int count, const void *state, NnPrecision precision, const char *model, void *buffer,
                        size_t size);

#endif
