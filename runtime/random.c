/* random.c: random words by counter, and the order of rows by permutation.
 *
 * Takes a seed and the logical place of a number (stream, step, element); gives the number. There is no state: a number never
 * depends on which were asked for before, on threads, lanes or padding. That is what makes a run repeatable for every
 * --threads and over a resume. A generator with a state (xorshift, Mersenne Twister) was refused for that reason.
 *
 * Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The tests hold it against
 * the known answers published with Random123. CUDA programs compile this very text for the device (device.h). */
#include <nngen/random.h>

#include <math.h>

NnWords nn_philox(uint64_t seed, uint32_t block, uint32_t time, uint32_t step, uint32_t stream)
{
    const uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    uint32_t c0 = block, c1 = time, c2 = step, c3 = stream;
    NN_PHILOX(c0, c1, c2, c3, key0, key1);
    NnWords words = {{c0, c1, c2, c3}};
    return words;
}

uint32_t nn_stream(const char *name)
{
    uint32_t hash = 2166136261u;
    for (const unsigned char *c = (const unsigned char *)name; *c; c++)
        hash = (hash ^ *c) * 16777619u;
    return hash;
}

/* sqrt(-2 log u) cos(2 pi v), u in (0, 1] so that the logarithm is finite. */
double nn_normal(uint64_t seed, uint32_t stream, uint32_t step, uint64_t index)
{
    double u = 1 - nn_uniform(seed, stream, step, 2 * index), v = nn_uniform(seed, stream, step, 2 * index + 1);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* A Feistel network permutes pairs (left, right) of `bits` bits each, whatever its round function is: every round is undone
 * by itself. Numbers that fall outside [0, count) are sent through again until one falls inside; since the network is a
 * permutation, that again is one (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). The domain is less than
 * four times count, so the walk is short. Round keys are Philox words of (seed, epoch); the round function is the finaliser of
 * MurmurHash3. */
enum { FEISTEL_ROUNDS = 8 };
static const uint32_t PERMUTE_STREAM = 0x7065726d;            /* "perm" */

uint64_t nn_permute(uint64_t index, uint64_t count, uint64_t seed, uint64_t epoch)
{
    if (count <= 1)
        return 0;
    int bits = 1;
    while (bits < 32 && (count - 1) >> 2 * bits)
        bits++;
    uint32_t mask = (uint32_t)(((uint64_t)1 << bits) - 1), key[FEISTEL_ROUNDS];
    for (int half = 0; half < 2; half++) {
        NnWords words = nn_philox(seed, (uint32_t)half, (uint32_t)(epoch >> 32), (uint32_t)epoch, PERMUTE_STREAM);
        for (int i = 0; i < 4; i++)
            key[4 * half + i] = words.word[i];
    }
    do {
        uint32_t left = (uint32_t)(index >> bits) & mask, right = (uint32_t)index & mask;
        for (int round = 0; round < FEISTEL_ROUNDS; round++) {
            uint32_t x = right ^ key[round];
            x = (x ^ x >> 16) * 0x85EBCA6B;
            x = (x ^ x >> 13) * 0xC2B2AE35;
            x ^= x >> 16;
            uint32_t mixed = left ^ (x & mask);
            left = right;
            right = mixed;
        }
        index = (uint64_t)left << bits | right;
    } while (index >= count);
    return index;
}

/* In [-shift, shift], each as likely. */
static int draw_shift(uint32_t word, int shift)
{
    return (int)((uint64_t)word * (2 * (uint64_t)shift + 1) >> 32) - shift;
}

uint32_t nn_move_stream(const char *name)
{
    const uint32_t AUGMENT_STREAM = 0x61756774;               /* "augt": apart from the random nodes of a model */
    return nn_stream(name) ^ AUGMENT_STREAM;
}

NnMove nn_draw_move(uint64_t seed, uint64_t epoch, int64_t row, uint32_t stream, int shift, bool flip)
{
    NnWords words = nn_philox(seed, (uint32_t)row, (uint32_t)(row >> 32), (uint32_t)epoch, stream);
    NnMove move = {draw_shift(words.word[0], shift), draw_shift(words.word[1], shift), flip && words.word[2] >> 31};
    return move;
}
