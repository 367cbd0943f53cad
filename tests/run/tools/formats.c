/* formats.c: writes the same 24 rows of (2, 3) numbers and their classes in every format, and folders of small pictures; byte
 * by byte where the format is plain, so that nothing of the project vouches for itself.
 *
 *   formats          x.idx class.idx x.npy class.npy train.safetensors
 *   formats images   train/CLASS/N.png and test/CLASS/N.png: PNG with stored (not deflated) data */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { ROWS = 24, ELEMENTS = 6, HEIGHT = 4, WIDTH = 6 };

static int value_of(int row, int e) { return (7 * row * row + 3 * e + row) % 10; }
static int class_of(int row) { return value_of(row, 0) * 3 / 10; }

static void number(FILE *file, uint64_t value, int bytes, int big_first)
{
    for (int i = 0; i < bytes; i++)
        fputc((int)(value >> 8 * (big_first ? bytes - 1 - i : i) & 0xFF), file);
}

static void npy_header(FILE *file, const char *header)
{
    fwrite("\x93NUMPY\1\0", 1, 8, file);
    number(file, strlen(header), 2, 0);
    fputs(header, file);
}

static void write_idx(void)
{
    FILE *x = fopen("x.idx", "wb"), *class = fopen("class.idx", "wb");
    number(x, 0x0803, 4, 1);
    number(x, ROWS, 4, 1);
    number(x, 2, 4, 1);
    number(x, 3, 4, 1);
    number(class, 0x0801, 4, 1);
    number(class, ROWS, 4, 1);
    for (int r = 0; r < ROWS; r++) {
        fputc(class_of(r), class);
        for (int e = 0; e < ELEMENTS; e++)
            fputc(value_of(r, e), x);
    }
    fclose(x);
    fclose(class);
}

/* Big-endian doubles in Fortran order; classes as 64-bit integers. */
static void write_npy(void)
{
    FILE *x = fopen("x.npy", "wb"), *class = fopen("class.npy", "wb");
    npy_header(x, "{'descr': '>f8', 'fortran_order': True, 'shape': (24, 2, 3), }\n");
    npy_header(class, "{'descr': '<i8', 'fortran_order': False, 'shape': (24,), }\n");
    for (int j = 0; j < 3; j++)
        for (int i = 0; i < 2; i++)
            for (int r = 0; r < ROWS; r++) {
                double value = value_of(r, 3 * i + j);
                uint64_t bits;
                memcpy(&bits, &value, 8);
                number(x, bits, 8, 1);
            }
    for (int r = 0; r < ROWS; r++)
        number(class, (uint64_t)class_of(r), 8, 0);
    fclose(x);
    fclose(class);
}

static void write_safetensors(void)
{
    static const char header[] = "{\"class\":{\"dtype\":\"I32\",\"shape\":[24],\"data_offsets\":[576,672]},"
                                 "\"x\":{\"dtype\":\"F32\",\"shape\":[24,6],\"data_offsets\":[0,576]}}";
    FILE *file = fopen("train.safetensors", "wb");
    number(file, strlen(header), 8, 0);
    fputs(header, file);
    for (int i = 0; i < ROWS * ELEMENTS; i++) {
        float value = (float)value_of(i / ELEMENTS, i % ELEMENTS);
        uint32_t bits;
        memcpy(&bits, &value, 4);
        number(file, bits, 4, 0);
    }
    for (int r = 0; r < ROWS; r++)
        number(file, (uint64_t)class_of(r), 4, 0);
    fclose(file);
}

/* ---- PNG: the checksums of its chunks (CRC-32) and of zlib (Adler-32), bit by bit ---- */

static uint32_t crc_of(const unsigned char *bytes, size_t count)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xEDB88320u : 0);
    }
    return ~crc;
}

static void chunk(FILE *file, const char *type, const unsigned char *data, size_t count)
{
    unsigned char bytes[256];
    memcpy(bytes, type, 4);
    if (count)
        memcpy(bytes + 4, data, count);
    number(file, count, 4, 1);
    fwrite(bytes, 1, count + 4, file);
    number(file, crc_of(bytes, count + 4), 4, 1);
}

/* Class "down" is light below, "up" above: moving by one and mirroring keeps that. */
static void write_picture(const char *path, int n, int is_down)
{
    enum { RAW = HEIGHT * (WIDTH + 1) };
    static const unsigned char header[] = {0, 0, 0, WIDTH, 0, 0, 0, HEIGHT, 8, 0, 0, 0, 0};
    unsigned char data[7 + RAW + 4] = {0x78, 0x01, 0x01, RAW, 0, 255 - RAW, 255};
    uint32_t a = 1, b = 0;
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x <= WIDTH; x++) {                    /* each line begins with its filter, 0: none */
            unsigned char byte = x == 0 ? 0 : (unsigned char)(((y >= HEIGHT / 2) == is_down ? 150 : 20) + (5 * n + 3 * x) % 50);
            data[7 + y * (WIDTH + 1) + x] = byte;
            a = (a + byte) % 65521;
            b = (b + a) % 65521;
        }
    for (int i = 0; i < 4; i++)
        data[7 + RAW + i] = (unsigned char)((b << 16 | a) >> (24 - 8 * i));
    FILE *file = fopen(path, "wb");
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, file);
    chunk(file, "IHDR", header, sizeof header);
    chunk(file, "IDAT", data, sizeof data);
    chunk(file, "IEND", NULL, 0);
    fclose(file);
}

static void write_pictures(const char *set)
{
    static const char *const class_name[] = {"down", "up"};
    char path[64];
    mkdir(set, 0777);
    for (int c = 0; c < 2; c++) {
        snprintf(path, sizeof path, "%s/%s", set, class_name[c]);
        mkdir(path, 0777);
        for (int n = 0; n < 7; n++) {
            snprintf(path, sizeof path, "%s/%s/%d.png", set, class_name[c], n);
            write_picture(path, n + (*set == 't' && set[1] == 'e' ? 10 : 0), c == 0);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && !strcmp(argv[1], "images")) {
        write_pictures("train");
        write_pictures("test");
        return 0;
    }
    write_idx();
    write_npy();
    write_safetensors();
    return 0;
}
