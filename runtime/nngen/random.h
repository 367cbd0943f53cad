/* random.h: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and what is
 * made of its words; the same numbers for nn.rng in a model, for initial values, for random nodes, for the order of rows. */
#ifndef NNGEN_RANDOM_H
#define NNGEN_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <nngen/inline.h>

/* Four words for one counter: (block, time step, step, stream); key = seed. Ten rounds written out over four variables: a loop over
 * elements becomes vector code then (with gcc and clang; not with a struct, or a loop over rounds). */
#define NN_PHILOX_ROUND_(c0, c1, c2, c3, key0, key1)                                                                 \
    do {                                                                                                             \
        const uint64_t product0_ = (uint64_t)0xD2511F53 * c0, product1_ = (uint64_t)0xCD9E8D57 * c2;                 \
        c0 = (uint32_t)(product1_ >> 32) ^ c1 ^ (key0);                                                              \
        c2 = (uint32_t)(product0_ >> 32) ^ c3 ^ (key1);                                                              \
        c1 = (uint32_t)product1_;                                                                                    \
        c3 = (uint32_t)product0_;                                                                                    \
    } while (0)
#define NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, n)          /* the golden ratio, and the square root of 3, less 1 */ \
    NN_PHILOX_ROUND_(c0, c1, c2, c3, (key0) + (n) * 0x9E3779B9u, (key1) + (n) * 0xBB67AE85u)
#define NN_PHILOX(c0, c1, c2, c3, key0, key1)                                                                        \
    do {                                                                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 0u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 1u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 2u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 3u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 4u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 5u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 6u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 7u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 8u);                                                             \
        NN_PHILOX_KEYS_(c0, c1, c2, c3, key0, key1, 9u);                                                             \
    } while (0)

typedef struct NnWords { uint32_t word[4]; } NnWords;
NnWords nn_philox(uint64_t seed, uint32_t block, uint32_t time, uint32_t step, uint32_t stream);

uint32_t nn_stream(const char *name);                                /* FNV-1a of the name */

/* Element `index` of a stream at a step: words lie in planes of 16 lanes: element e takes word
 * (e / 16) % 4 of counter block (e / 64) * 16 + e % 16. */
NN_INLINE uint32_t nn_random_word(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index)
{
    const uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    const uint32_t low = (uint32_t)index, odd = 0 - (low >> 4 & 1), upper = 0 - (low >> 5 & 1);       /* masks of the word's two bits */
    uint32_t c0 = (uint32_t)(index >> 6) << 4 | (low & 15), c1 = (uint32_t)(index >> 34), c2 = step, c3 = stream;
    NN_PHILOX(c0, c1, c2, c3, key0, key1);
    const uint32_t first = c0 ^ ((c0 ^ c1) & odd), second = c2 ^ ((c2 ^ c3) & odd);
    return first ^ ((first ^ second) & upper);
}

/* In [0, 1), 24 bits: exact in f32, so that a GPU does not fall back on f64. */
NN_INLINE double nn_uniform(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index)
{
    return (float)(int32_t)(nn_random_word(seed, stream, step, index) >> 8) * 0x1p-24f;
}

/* Elements 64 block … 64 block + 63: the four words of 16 counters, one plane after the other. */
NN_INLINE void nn_random_words(uint64_t seed, uint32_t stream, uint32_t step, uint64_t block, uint32_t *word)
{
    const uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    for (int lane = 0; lane < 16; lane++) {
        uint32_t c0 = (uint32_t)block << 4 | (uint32_t)lane, c1 = (uint32_t)(block >> 28), c2 = step, c3 = stream;
        NN_PHILOX(c0, c1, c2, c3, key0, key1);
        word[lane] = c0;
        word[16 + lane] = c1;
        word[32 + lane] = c2;
        word[48 + lane] = c3;
    }
}

/* nn_uniform of the elements 0 to count - 1. */
NN_INLINE void nn_uniformsf(uint64_t seed, uint32_t stream, uint32_t step, int64_t count, float *draw)
{
    for (int64_t first = 0; first < count; first += 64) {
        uint32_t word[64];
        nn_random_words(seed, stream, step, (uint64_t)first / 64, word);
        if (count - first >= 64)
            for (int i = 0; i < 64; i++)
                draw[first + i] = (float)(int32_t)(word[i] >> 8) * 0x1p-24f;
        else
            for (int i = 0; i < count - first; i++)
                draw[first + i] = (float)(int32_t)(word[i] >> 8) * 0x1p-24f;
    }
}

NN_INLINE void nn_uniforms(uint64_t seed, uint32_t stream, uint32_t step, int64_t count, double *draw)
{
    for (int64_t first = 0; first < count; first += 64) {
        uint32_t word[64];
        nn_random_words(seed, stream, step, (uint64_t)first / 64, word);
        for (int i = 0; i < 64 && i < count - first; i++)
            draw[first + i] = (float)(int32_t)(word[i] >> 8) * 0x1p-24f;
    }
}

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
