/* cuda_measure.c: what the card can do, for those who compare a step with it: --benchmark, and nngen bench with it.
 *
 * The kernels are in device.h, so every program has them compiled, with or without NVRTC at hand. Work is doubled until it takes long
 * enough to be timed; the best of a few counts. */
#include "cuda_device.h"

enum {
    BLOCKS = 8,                         /* a multiprocessor: 2048 threads, as many as it holds */
    THREADS = 256,
    CHAINS = 8,
    TIMES = 4,
    MOST_BYTES = 256 << 20,             /* no cache holds it */
};
static const double LONG_ENOUGH = 1e-3; /* seconds */

/* The seconds of the quickest of a few launches, by the device's clock. */
static double seconds_of(const NnKernel *kernel, const void *const *arguments, int count)
{
    NnEvent *start = nn_new_event(), *end = nn_new_event();
    double best = 0;
    for (int i = 0; i < TIMES; i++) {
        nn_record(start);
        nn_cuda_launch(kernel, arguments, count);
        nn_record(end);
        const double seconds = nn_seconds_between(start, end);
        best = i == 0 || seconds < best ? seconds : best;
        if (seconds > 0.1)
            break;
    }
    nn_driver.cuEventDestroy_v2(start);
    nn_driver.cuEventDestroy_v2(end);
    return best > 0 ? best : 1e-9;
}

void nn_measure_card(double *flop_per_second, double *bytes_per_second)
{
    const unsigned blocks = (unsigned)(BLOCKS * nn_card.multiprocessors);
    NnKernel products = {.name = "nn_measure_products", .blocks = blocks, .threads = THREADS};
    NnKernel memory = {.name = "nn_measure_memory", .blocks = blocks, .threads = THREADS};
    nn_find_kernel(&products);
    nn_find_kernel(&memory);
    size_t free_bytes, total, bytes = MOST_BYTES;
    nn_check_driver(nn_driver.cuMemGetInfo_v2(&free_bytes, &total), "ask the device for its memory");
    while (bytes > free_bytes / 2 && bytes > (size_t)blocks * THREADS * sizeof(float))
        bytes /= 2;
    NnAddress block;
    nn_check_driver(nn_driver.cuMemAlloc_v2(&block, bytes), "take memory to measure the device");
    nn_check_driver(nn_driver.cuMemsetD8Async(block, 0, bytes, nn_card.stream), "clear memory");

    double seconds = 0;
    int rounds = 256;
    for (; rounds < 1 << 24; rounds *= 2) {
        seconds = seconds_of(&products, (const void *[]){(void *)block, NN_INT(rounds)}, 2);
        if (seconds >= LONG_ENOUGH)
            break;
    }
    *flop_per_second = 2.0 * CHAINS * rounds * THREADS * blocks / seconds;
    const size_t half = bytes / 2;
    seconds = seconds_of(&memory, (const void *[]){(void *)block, (void *)(block + half), NN_INT(half / 16)}, 3);
    *bytes_per_second = (double)bytes / seconds;
    nn_check_driver(nn_driver.cuMemFree_v2(block), "give memory back");
}
