/* train.c: training inside a program of one's own, in memory of one's own.
 *
 *   nngen models/digits.lua --set batch=32 --emit library -o digits.c
 *   cc examples/train.c digits.c -I. $(nngen flags) -o train
 *   tail -n +2 models/data/digits.csv | ./train 100 digits.safetensors
 *
 * Reads rows of 64 pixels and a label, trains that many steps on them in their order, prints the loss of each step, and keeps the
 * weights as PyTorch would. */
#include "digits.h"
#include <stdio.h>
#include <stdlib.h>

enum { MOST_ROWS = 2000, BYTES = 1 << 20 };
static float pixels[MOST_ROWS][64];
static int label[MOST_ROWS];
static unsigned char state[digits_STATE_BYTES], file[BYTES];

static int read_rows(void)
{
    int rows = 0;
    for (; rows < MOST_ROWS; rows++) {
        for (int i = 0; i < 64; i++)
            if (scanf("%f,", &pixels[rows][i]) != 1)
                return rows;
        if (scanf("%d", &label[rows]) != 1)
            return rows;
    }
    return rows;
}

int main(int argc, char **argv)
{
    const int steps = argc > 1 ? atoi(argv[1]) : 100, rows = read_rows();
    digits_init(state, 1);
    for (int step = 0, first = 0; step < steps && rows > 0; step++) {
        const int here = rows - first < digits_BATCH ? rows - first : digits_BATCH;
        printf("%.9g\n", (double)digits_train_step(state, pixels[first], &label[first], here));
        first = first + here < rows ? first + here : 0;
    }
    const size_t bytes = digits_save(state, file, sizeof file);
    FILE *out = argc > 2 && bytes <= sizeof file ? fopen(argv[2], "wb") : NULL;
    if (out && (fwrite(file, 1, bytes, out) != bytes || fclose(out) != 0))
        return 3;
    return argc > 2 && !out ? 3 : 0;
}
