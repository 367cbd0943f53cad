/* probe.c: what one processor core, or several, can do at most: nngen bench runs it beside the programs that it times.
 *
 *     probe THREADS BYTES
 *
 * prints `flop_per_second X`, twelve independent chains of multiply-adds in the widest registers this was compiled for, two
 * operations each; and `bytes_per_second X`, the faster of reading and of changing in place BYTES bytes that lie in one piece,
 * over and over: from the cache that holds them, or from memory. BYTES are shared by the threads. REAL is the precision. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifndef REAL
#define REAL float
#endif

#if defined __AVX512F__
enum { REGISTER = 64 };
#elif defined __AVX__
enum { REGISTER = 32 };
#else
enum { REGISTER = 16 };
#endif
typedef REAL Vector __attribute__((vector_size(REGISTER)));
enum { CHAINS = 12, LANES = REGISTER / sizeof(REAL) };        /* two multiply-adds a cycle that take four need eight */

enum { TURNS = 4 };
static const double LONG_ENOUGH = 0.004;                      /* seconds */

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The sums are returned, so that they are computed. */
static REAL chains(int64_t steps)
{
    Vector sum[CHAINS], factor, term, all = {0};
    for (int l = 0; l < LANES; l++) {
        factor[l] = (REAL)0.999;
        term[l] = (REAL)1e-3;
    }
    for (int c = 0; c < CHAINS; c++)
        sum[c] = term * (REAL)(c + 1);
    for (int64_t i = 0; i < steps; i++)
#pragma GCC unroll 12
        for (int c = 0; c < CHAINS; c++)
            sum[c] = sum[c] * factor + term;
    for (int c = 0; c < CHAINS; c++)
        all += sum[c];
    return all[0];
}

static REAL read_all(const Vector *data, int64_t count)
{
    Vector sum[4] = {{0}};
    for (int64_t i = 0; i + 4 <= count; i += 4)
#pragma GCC unroll 4
        for (int c = 0; c < 4; c++)
            sum[c] += data[i + c];
    return (sum[0] + sum[1] + sum[2] + sum[3])[0];
}

static REAL change_all(Vector *data, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        data[i] = data[i] * (REAL)0.999 + (REAL)1e-3;
    return data[0][0];
}

typedef enum Work { CHAIN, READ, CHANGE } Work;

static volatile REAL kept;

/* Seconds that `rounds` of the work take, all threads at once. */
static double time_of(Work work, int threads, Vector *data, int64_t count, int64_t rounds)
{
    double start = seconds();
    (void)threads;
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int thread = 0; thread < threads; thread++) {
        REAL result = 0;
        Vector *own = data + thread * count;
        for (int64_t r = 0; r < rounds; r++)
            result += work == CHAIN ? chains(1000) : work == READ ? read_all(own, count) : change_all(own, count);
#pragma omp critical
        kept = result;
    }
    return seconds() - start;
}

/* Rounds a second, the most of several turns: whoever else is on the machine only takes away. */
static double rate(Work work, int threads, Vector *data, int64_t count)
{
    int64_t rounds = 1;
    double time = time_of(work, threads, data, count, rounds), other;
    for (; time < LONG_ENOUGH; time = time_of(work, threads, data, count, rounds))
        rounds *= 2;
    for (int turn = 1; turn < TURNS; turn++)
        if ((other = time_of(work, threads, data, count, rounds)) < time)
            time = other;
    return (double)rounds / time;
}

int main(int argc, char **argv)
{
    int threads = argc > 1 ? atoi(argv[1]) : 1;
    int64_t bytes = argc > 2 ? atoll(argv[2]) : 1 << 20, count = bytes / threads / REGISTER / 4 * 4 + 4;
    Vector *data = aligned_alloc(64, (size_t)(count * threads * REGISTER + 63) / 64 * 64);
    if (!data)
        return 3;
    for (int64_t i = 0; i < count * threads; i++)
        data[i] = (Vector){0} + (REAL)1;
    double chain = rate(CHAIN, threads, data, count), reads = rate(READ, threads, data, count), changes = rate(CHANGE, threads, data, count);
    double bandwidth = reads > 2 * changes ? reads : 2 * changes;
    printf("flop_per_second %.6g\n", chain * 1000 * CHAINS * LANES * 2 * threads);
    printf("bytes_per_second %.6g\n", bandwidth * (double)(count * REGISTER) * threads);
    return 0;
}
