/* image_file.c: one PNG or JPEG file, decoded to an input's (channels, height, width) or (height, width).
 *
 * The size must be the input's: an image is never scaled. Channels are: 1 grey, 2 grey and alpha, 3 red, green, blue, 4 with
 * alpha; another image becomes grey or coloured, or loses its alpha, and 16 bits a channel become 8.
 *
 * stb_image decodes. It fills what a torn file lacks and reads over wrong checksums, so both formats are walked here first:
 * chunk by chunk in PNG (ISO/IEC 15948), segment by segment in JPEG (ITU T.81, annex B). */
#include "image_file.h"
#include "failure.h"
#include "input_file.h"
#include "memory.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>

#pragma GCC diagnostic ignored "-Wunused-function"            /* cut down like this, stb_image declares more than it defines */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS (1 << 16)
#include <stb_image.h>

static uint32_t big_endian(const unsigned char *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Chunks of: length, type, data, checksum over type and data; the last one is IEND. What is wrong, or NULL. */
static const char *fault_of_png(const unsigned char *bytes, size_t count)
{
    enum { AROUND = 12 };                                     /* length, type and checksum */
    for (size_t at = 8; count - at >= AROUND;) {
        size_t length = big_endian(bytes + at);
        if (length > count - at - AROUND)
            break;
        if (crc32(0, bytes + at + 4, (uInt)(length + 4)) != big_endian(bytes + at + 8 + length))
            return "is damaged: a checksum is wrong";
        if (!memcmp(bytes + at + 4, "IEND", 4))
            return NULL;
        at += AROUND + length;
    }
    return "ends too early; the file is torn";
}

/* The tables of a segment that defines Huffman codes: 1 byte, 16 counts, as many bytes as they sum to, at most 256.
 * (stb_image 2.27 writes past its table when there are more.) */
static bool is_good_huffman_segment(const unsigned char *bytes, size_t count)
{
    enum { COUNTS = 16 };
    while (count > 0) {
        size_t codes = 0;
        for (size_t i = 1; i <= COUNTS && i < count; i++)
            codes += bytes[i];
        if (codes > 256 || count < 1 + COUNTS + codes)
            return false;
        bytes += 1 + COUNTS + codes;
        count -= 1 + COUNTS + codes;
    }
    return true;
}

/* Markers FF xx, most with a length and data; after a start of scan coded data, in which FF is followed by 00 or a restart
 * marker; the last one is the end of image. What is wrong, or NULL. */
static const char *fault_of_jpeg(const unsigned char *bytes, size_t count)
{
    enum { HUFFMAN_TABLES = 0xC4, END_OF_IMAGE = 0xD9, START_OF_SCAN = 0xDA, FIRST_RESTART = 0xD0, LAST_RESTART = 0xD7 };
    for (size_t at = 2; count - at >= 2;) {
        if (bytes[at] != 0xFF)
            return "is damaged: a marker is missing";
        int marker = bytes[at + 1];
        if (marker == 0xFF) {                                 /* filling before a marker */
            at++;
            continue;
        }
        at += 2;
        if (marker == END_OF_IMAGE)
            return NULL;
        if (count - at < 2)
            break;
        size_t length = (size_t)bytes[at] << 8 | bytes[at + 1];
        if (length < 2)
            return "is damaged: a segment has no length";
        if (length > count - at)
            break;
        if (marker == HUFFMAN_TABLES && !is_good_huffman_segment(bytes + at + 2, length - 2))
            return "is damaged: a table of Huffman codes is none";
        at += length;
        if (marker == START_OF_SCAN)
            while (count - at >= 2 && (bytes[at] != 0xFF || bytes[at + 1] == 0 ||
                                       (bytes[at + 1] >= FIRST_RESTART && bytes[at + 1] <= LAST_RESTART)))
                at++;
    }
    return "ends too early; the file is torn";
}

void nn_decode_image(const char *path, const NnInput *input, unsigned char *out)
{
    int channels = input->rank == 3 ? (int)input->shape[0] : 1;
    int64_t height = input->shape[input->rank - 2], width = input->shape[input->rank - 1], plane = height * width;
    size_t count;
    unsigned char *bytes = (unsigned char *)nn_read_whole_input(path, &count);
    bool is_png = count >= 8 && !memcmp(bytes, "\x89PNG\r\n\x1a\n", 8), is_jpeg = count >= 3 && !memcmp(bytes, "\xFF\xD8\xFF", 3);
    if (!is_png && !is_jpeg)
        nn_fail(NN_WRONG_INPUT, path, "is neither a PNG nor a JPEG file");
    const char *fault = is_png ? fault_of_png(bytes, count) : fault_of_jpeg(bytes, count);
    if (fault)
        nn_fail(NN_WRONG_INPUT, path, "%s", fault);
    int found_width, found_height, found_channels;
    if (count > INT_MAX || !stbi_info_from_memory(bytes, (int)count, &found_width, &found_height, &found_channels))
        nn_fail(NN_WRONG_INPUT, path, "cannot be decoded: %s", count > INT_MAX ? "it is too long" : stbi_failure_reason());
    if (found_height != height || found_width != width)
        nn_fail(NN_WRONG_INPUT, path, "is %d high and %d wide; input %s takes images %lld high and %lld wide", found_height,
                found_width, nn_quoted(input->name), (long long)height, (long long)width);
    unsigned char *pixel = stbi_load_from_memory(bytes, (int)count, &found_width, &found_height, &found_channels, channels);
    if (!pixel)
        nn_fail(NN_WRONG_INPUT, path, "cannot be decoded: %s", stbi_failure_reason());
    for (int c = 0; c < channels; c++)
        for (int64_t p = 0; p < plane; p++)
            out[c * plane + p] = pixel[p * channels + c];
    stbi_image_free(pixel);
    nn_release(bytes);
}
