/* augment.c: a training row moved and mirrored anew in every epoch.
 *
 * Works on values as stored, before they are converted: what comes in from outside is a stored 0, black, whatever scale, mean
 * and standardising make of it; the same as padding an image before it is normalised. The draw is one Philox counter of
 * (seed, epoch, row, the input's name), so it does not depend on batches, on the order of rows or on a resume. */
#include "source.h"
#include <nngen/random.h>

#include <string.h>

void nn_augment_row(const NnInput *input, size_t size, const void *from, void *to, uint64_t seed, int64_t epoch, int64_t row)
{
    const NnMove move = nn_draw_move(seed, (uint64_t)epoch, row, nn_move_stream(input->name), input->augment.shift, input->augment.flip);
    const int64_t down = move.down, right = move.right;

    int64_t height = input->shape[input->rank - 2], width = input->shape[input->rank - 1];
    int64_t planes = input->elements / (height * width);
    memset(to, 0, (size_t)input->elements * size);
    for (int64_t p = 0; p < planes; p++)
        for (int64_t y = 0; y < height; y++) {
            if (y - down < 0 || y - down >= height)
                continue;
            const char *source = (const char *)from + (size_t)((p * height + y - down) * width) * size;
            char *target = (char *)to + (size_t)((p * height + y) * width) * size;
            for (int64_t x = 0; x < width; x++) {             /* target[x] = mirrored[x - right] */
                int64_t at = x - right;
                if (at >= 0 && at < width)
                    memcpy(target + (size_t)x * size, source + (size_t)(move.is_mirrored ? width - 1 - at : at) * size, size);
            }
        }
}
