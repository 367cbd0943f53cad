/* idx.c: idx FOLDER TRAIN TEST: MNIST's four files with so many made-up images of 28 x 28, for tests that need its form and not
 * its content. The bytes are those of a linear congruential generator. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t state = 12345;
static int draw(int below) { return (int)(((state = state * 1664525 + 1013904223) >> 16) % (unsigned)below); }

static void word(FILE *file, unsigned value)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        fputc((int)(value >> shift & 255), file);
}

static void set(const char *folder, const char *name, int rows)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, name);
    FILE *images = fopen(path, "wb");
    snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, name);
    FILE *labels = fopen(path, "wb");
    if (!images || !labels)
        exit(2);
    word(images, 0x803), word(images, (unsigned)rows), word(images, 28), word(images, 28);
    word(labels, 0x801), word(labels, (unsigned)rows);
    for (int r = 0; r < rows; r++) {
        fputc(draw(10), labels);
        for (int i = 0; i < 28 * 28; i++)
            fputc(draw(4) ? 0 : draw(256), images);
    }
    fclose(images);
    fclose(labels);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    set(argv[1], "train", atoi(argv[2]));
    set(argv[1], "t10k", atoi(argv[3]));
    return 0;
}
