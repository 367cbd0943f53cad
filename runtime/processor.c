/* processor.c: threads, and what is done with the smallest numbers.
 *
 * Subnormal numbers are flushed to zero: the momentum of a dead unit decays into them and stays there, and a processor that
 * computes with them by microcode takes 2 to 4 times as long for an update. Set before the first thread is made: a thread
 * inherits the floating-point environment of its maker (POSIX, pthread_create).
 *
 * OpenMP is reached by a weak reference: the library serves programs with and without it, and either compiler's OpenMP. */
#define _GNU_SOURCE
#include "run.h"

#include <sched.h>
#include <unistd.h>

#if defined __SSE2__
#include <immintrin.h>
#endif

extern void omp_set_num_threads(int count) __attribute__((weak));
extern void openblas_set_num_threads(int count) __attribute__((weak));

static void flush_subnormals(void)
{
#if defined __SSE2__
    enum { FLUSH_RESULTS = 0x8000, OPERANDS_ARE_ZERO = 0x0040 };
    _mm_setcsr(_mm_getcsr() | FLUSH_RESULTS | OPERANDS_ARE_ZERO);
#elif defined __aarch64__
    uint64_t control;
    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | (uint64_t)1 << 24));
#endif
}

/* Those that this process may use: fewer than the machine has, in a container or under taskset. */
static int64_t processors(void)
{
#if defined CPU_COUNT
    cpu_set_t set;
    if (!sched_getaffinity(0, sizeof set, &set))
        return CPU_COUNT(&set);
#endif
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? online : 1;
}

void nn_use_threads(int count)
{
    if (omp_set_num_threads)
        omp_set_num_threads(count);
    if (openblas_set_num_threads)                             /* programs made with --kernels blas */
        openblas_set_num_threads(count);
}

int nn_prepare_processor(int64_t threads)
{
    flush_subnormals();
    int64_t most = processors();
    const int count = (int)(threads == 0 || threads > most ? most : threads);
    nn_use_threads(count);
    return count;
}
