/* random.h: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and what is
 * made of its words; the same numbers for nn.rng in a model, for initial values, for random nodes, for the order of rows. */
#ifndef NNGEN_RANDOM_H
#define NNGEN_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* Four words for one counter: (block, time step, step, stream); key = seed. */
typedef struct NnWords { uint32_t word[4]; } NnWords;
NnWords nn_philox(uint64_t seed, uint32_t block, uint32_t time, uint32_t step, uint32_t stream);

uint32_t nn_stream(const char *name);                                /* FNV-1a of the name */

/* Element `index` of a stream at a step: words lie in planes of 16 lanes (SEMANTICS.md, Randomness): element e takes word
 * (e / 16) % 4 of counter block (e / 64) * 16 + e % 16. */
uint32_t nn_random_word(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index);
double nn_uniform(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index);   /* in [0, 1), 24 bits: exact in f32 */
double nn_normal(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index);    /* Box-Muller from uniforms 2·index and 2·index + 1 */

/* Place `index` of the permutation of [0, count) that (seed, epoch) keys: a Feistel network on the next power of four, walking
 * the cycle until it falls inside. No table. */
uint64_t nn_permute(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch);

/* How `augment` changes a row of an input in an epoch: one counter of (seed, epoch, row, the input's name), so it does not depend
 * on batches, on the order of rows or on a resume. */
typedef struct NnMove { int down, right; bool is_mirrored; } NnMove;
uint32_t nn_move_stream(const char *name);
NnMove nn_draw_move(uint64_t seed, uint64_t epoch, int64_t row, uint32_t stream, int shift, bool flip);

#endif
