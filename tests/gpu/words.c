/* words.c: words, uniforms, orders of rows and moves of a device against the host's, bit by bit: 65536 of each in 8 places, where
 * counters carry and at the ends of their ranges. Made with `nngen flags`, as a program of nngen is, and with -I runtime. Prints
 * what is not equal; status 1. */
#include "cuda_device.h"
#include <nngen/random.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 65536 };

/* `place` is one of the permutation of COUNT + 7 rows. The device has the same struct. */
#define DRAWN(X) X(struct Drawn { uint32_t word; float uniform_f32; double uniform_f64; uint64_t place; int down, right, is_mirrored; };)
#define AS_IT_IS(...) __VA_ARGS__
#define AS_TEXT(...) NN_CUDA_TEXT("words.c", 1, __VA_ARGS__)
DRAWN(AS_IT_IS)
static const char device_text[] = "#include <nngen/device.h>\n" NN_CUDA_TEXT("words.c", 1, struct Drawn { uint32_t word;
    float uniform_f32; double uniform_f64; uint64_t place; int down, right, is_mirrored; };);

NN_CUDA(draw, 256, 256, "words.c", 30,
NN_GPU_KERNEL(256) draw(uint64_t seed, uint32_t stream, uint32_t step, uint64_t first, struct Drawn *out)
{
    const int i = blockIdx.x * 256 + threadIdx.x;
    const NnMove move = nn_draw_move(seed, step, (int64_t)(first + (uint64_t)i), stream, 3, true);
    out[i].word = nn_random_word(seed, stream, step, first + (uint64_t)i);
    out[i].uniform_f32 = (float)nn_uniform(seed, stream, step, first + (uint64_t)i);
    out[i].uniform_f64 = nn_uniform(seed, stream, step, first + (uint64_t)i);
    out[i].place = nn_permute((uint64_t)i, 65543, seed, step);
    out[i].down = move.down;
    out[i].right = move.right;
    out[i].is_mirrored = move.is_mirrored;
})

static NnKernel *const kernels[] = {&draw};

int main(void)
{
    static const struct Place { uint64_t seed; uint32_t stream, step; uint64_t first; } places[] = {
        {0, 0, 0, 0}, {1, 7, 1, 0}, {0x123456789abcdef0, 0xdeadbeef, 1000000, 12345}, {UINT64_MAX, UINT32_MAX, UINT32_MAX, 63},
        {3, 5, 1u << 31, (1ull << 31) - 100}, {3, 5, 2, (1ull << 32) - 100}, {9, 1, 2, (1ull << 34) - 1}, {9, 1, 3, (1ull << 38) - 777},
    };
    static struct Drawn here[COUNT], there[COUNT];
    int wrong = 0;
    nn_open_card(&(NnCuda){.text = device_text, .file = "words.c", .kernels = kernels, .kernel_count = 1}, 0);
    nn_allocate_on_card(sizeof there, "what is drawn");
    for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
        const struct Place *at = &places[p];
        memset(here, 0, sizeof here);
        NN_LAUNCH(draw, (void *)at->seed, (void *)(uintptr_t)at->stream, (void *)(uintptr_t)at->step, (void *)at->first, (void *)nn_card.memory);
        nn_download(there, nn_card.memory, sizeof there);
        nn_wait_for_card();
        for (int i = 0; i < COUNT && wrong < 10; i++) {
            const NnMove move = nn_draw_move(at->seed, at->step, (int64_t)(at->first + (uint64_t)i), at->stream, 3, true);
            here[i].word = nn_random_word(at->seed, at->stream, at->step, at->first + (uint64_t)i);
            here[i].uniform_f32 = (float)nn_uniform(at->seed, at->stream, at->step, at->first + (uint64_t)i);
            here[i].uniform_f64 = nn_uniform(at->seed, at->stream, at->step, at->first + (uint64_t)i);
            here[i].place = nn_permute((uint64_t)i, COUNT + 7, at->seed, at->step);
            here[i].down = move.down;
            here[i].right = move.right;
            here[i].is_mirrored = move.is_mirrored;
            if (memcmp(&here[i], &there[i], offsetof(struct Drawn, is_mirrored) + sizeof(int))) {
                printf("place %zu, element %d: word %08x and %08x, uniform %a and %a, row %llu and %llu\n", p, i, here[i].word, there[i].word,
                       here[i].uniform_f64, there[i].uniform_f64, (unsigned long long)here[i].place, (unsigned long long)there[i].place);
                wrong++;
            }
        }
    }
    nn_close_card();
    return wrong > 0;
}
