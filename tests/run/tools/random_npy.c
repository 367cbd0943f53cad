/* random_npy.c: `random_npy ROWS SHAPE CLASSES` writes an NPY file to standard output: ROWS rows of SHAPE ("784", "1,28,28", "" for
 * none) in f4, numbers of [-1, 1); with CLASSES above 0 integers below it. The same ones each time. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const long rows = atol(argv[1]), classes = atol(argv[3]);
    long count = rows;
    char header[118], sizes[64];
    snprintf(sizes, sizeof sizes, "%s", argv[2]);
    for (char *word = strtok(sizes, ","); word; word = strtok(NULL, ","))
        count *= atol(word);
    int length = snprintf(header, sizeof header, "{'descr': '<%s4', 'fortran_order': False, 'shape': (%ld,%s), }", classes ? "i" : "f", rows, argv[2]);
    memset(header + length, ' ', sizeof header - (size_t)length);
    header[sizeof header - 1] = '\n';
    fwrite("\x93NUMPY\x01\x00\x76\x00", 1, 10, stdout);
    fwrite(header, 1, sizeof header, stdout);
    uint64_t state = 1;
    for (long i = 0; i < count; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        const uint32_t draw = (uint32_t)(state >> 40);
        const float real = (float)draw / (1 << 23) - 1;
        const int32_t whole = classes ? (int32_t)(draw % (uint32_t)classes) : 0;
        fwrite(classes ? (const void *)&whole : &real, 4, 1, stdout);
    }
    return fflush(stdout) != 0;
}
