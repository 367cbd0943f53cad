/* Folders of images: PNG and JPEG made with stb_image_write; classes by sorted name; sizes, torn and damaged files; and what
 * augmenting makes of a row. */
#include "runtime_child.h"
#include <math.h>
#include <nngen/data.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

enum { HEIGHT = 5, WIDTH = 7, PLANE = HEIGHT * WIDTH };

static NnInput inputs[2];
static NnData data;

static void describe(int channels)
{
    inputs[0] = (NnInput){.name = "image", .rank = 3, .shape = {channels, HEIGHT, WIDTH}, .elements = channels * PLANE, .scale = 1, .std = 1};
    inputs[1] = (NnInput){.name = "label", .classes = 2, .elements = 1, .scale = 1, .std = 1};
    data = (NnData){.format = &nn_images, .folder = "", .file = {"train"}};
}

static void open_and_close(const void *unused)
{
    (void)unused;
    nn_dataset_close(nn_dataset_open(&data, inputs, 2, folder, 1));
}

static int refused(void) { return run_child(open_and_close, NULL); }

/* Pixel (y, x), channel c of picture n. */
static int pixel(int n, int c, int y, int x) { return (50 * n + 80 * c + 9 * y + x) % 256; }

static const unsigned char *picture(int n, int channels)
{
    static unsigned char values[PLANE * 4];
    for (int p = 0; p < PLANE; p++)
        for (int c = 0; c < channels; c++)
            values[p * channels + c] = (unsigned char)pixel(n, c, p / WIDTH, p % WIDTH);
    return values;
}

static void write_png(const char *name, int n, int channels)
{
    ck_assert_int_ne(stbi_write_png(in_folder(name), WIDTH, HEIGHT, channels, picture(n, channels), WIDTH * channels), 0);
}

static void make_sub_folders(void)
{
    static const char *const names[] = {"train", "train/cat", "train/ant"};
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(mkdir(in_folder(names[i]), 0777), 0);
}

START_TEST(rows_go_by_sorted_names)
{
    make_sub_folders();
    describe(3);
    write_png("train/cat/a.png", 2, 3);
    write_png("train/ant/b.PNG", 1, 3);
    write_png("train/ant/a.jpeg", 0, 3);                      /* named wrongly: the content decides */
    write_text("train/README", "beside the classes");
    write_text("train/cat/.hidden", "no image");
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    ck_assert_int_eq(nn_dataset_rows(set, NN_TRAIN), 3);
    for (int r = 0; r < 3; r++) {
        double image[3 * PLANE];
        int32_t label;
        nn_dataset_row(set, NN_TRAIN, 0, r, true, image);
        nn_dataset_row(set, NN_TRAIN, 1, r, true, &label);
        ck_assert_int_eq(label, r == 2);
        for (int i = 0; i < 3 * PLANE; i++)
            ck_assert_double_eq(image[i], pixel(r, i / PLANE, i % PLANE / WIDTH, i % WIDTH));
    }
    nn_dataset_close(set);
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 3);
    data.first_rows[NN_TRAIN] = 2;
    ck_assert_int_eq(nn_dataset_count(&data, inputs, 2, folder), 2);
}
END_TEST

START_TEST(a_jpeg_is_near_its_picture)
{
    make_sub_folders();
    describe(1);
    inputs[0].rank = 2;                                       /* (height, width) is one grey channel */
    inputs[0].shape[0] = HEIGHT;
    inputs[0].shape[1] = WIDTH;
    write_png("train/cat/a", 1, 1);
    ck_assert_int_ne(stbi_write_jpg(in_folder("train/ant/a"), WIDTH, HEIGHT, 1, picture(0, 1), 100), 0);
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    double image[PLANE];
    nn_dataset_row(set, NN_TRAIN, 0, 0, true, image);
    for (int i = 0; i < PLANE; i++)
        ck_assert_double_le(fabs(image[i] - pixel(0, 0, i / WIDTH, i % WIDTH)), 4);
    nn_dataset_close(set);
}
END_TEST

START_TEST(channels_are_converted)
{
    make_sub_folders();
    describe(3);
    write_png("train/cat/a", 1, 4);                           /* loses its alpha */
    write_png("train/ant/a", 0, 1);                           /* grey becomes three equal channels */
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    double image[3 * PLANE];
    nn_dataset_row(set, NN_TRAIN, 0, 0, true, image);
    for (int i = 0; i < PLANE; i++)
        ck_assert(image[i] == pixel(0, 0, i / WIDTH, i % WIDTH) && image[i] == image[PLANE + i] && image[i] == image[2 * PLANE + i]);
    nn_dataset_row(set, NN_TRAIN, 0, 1, true, image);
    for (int i = 0; i < 3 * PLANE; i++)
        ck_assert_double_eq(image[i], pixel(1, i / PLANE, i % PLANE / WIDTH, i % WIDTH));
    nn_dataset_close(set);
}
END_TEST

START_TEST(test_folders_have_the_classes_of_train)
{
    make_sub_folders();
    describe(1);
    write_png("train/cat/a", 1, 1);
    write_png("train/ant/a", 0, 1);
    data.file[NN_TEST] = "test";
    ck_assert_int_eq(mkdir(in_folder("test"), 0777), 0);
    ck_assert_int_eq(mkdir(in_folder("test/cat"), 0777), 0);
    write_png("test/cat/a", 0, 1);                            /* no ant: cat is still class 1 */
    NnDataset *set = nn_dataset_open(&data, inputs, 2, folder, 1);
    int32_t label;
    nn_dataset_row(set, NN_TEST, 1, 0, true, &label);
    ck_assert_int_eq(label, 1);
    nn_dataset_close(set);
    ck_assert_int_eq(rename(in_folder("test/cat"), in_folder("test/cow")), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("test", "'cow' is no class");
}
END_TEST

START_TEST(bad_folders_are_refused)
{
    describe(3);
    ck_assert_int_eq(refused(), 1);
    assert_said("train", "no such file");
    write_text("train", "a file");
    ck_assert_int_eq(refused(), 1);
    assert_said("train", "folder of images");
    unlink(in_folder("train"));
    ck_assert_int_eq(mkdir(in_folder("train"), 0777), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("train", "no sub-folders");
    ck_assert_int_eq(mkdir(in_folder("train/ant"), 0777), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("train/ant", "is empty");
    write_png("train/ant/a.png", 0, 3);
    ck_assert_int_eq(refused(), 0);
    write_text("train/ant/b.txt", "hello");
    ck_assert_int_eq(refused(), 1);
    assert_said("train/ant/b.txt", "neither a PNG nor a JPEG");
    unlink(in_folder("train/ant/b.txt"));
    ck_assert_int_eq(mkdir(in_folder("train/ant/deeper"), 0777), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("train/ant/deeper", "is a folder");
    ck_assert_int_eq(rmdir(in_folder("train/ant/deeper")), 0);
    ck_assert_int_ne(stbi_write_png(in_folder("train/ant/b.png"), HEIGHT, WIDTH, 1, picture(0, 1), HEIGHT), 0);
    ck_assert_int_eq(refused(), 1);
    assert_said("train/ant/b.png", "7 high and 5 wide", "5 high and 7 wide");
    unlink(in_folder("train/ant/b.png"));
    inputs[1].classes = 1;
    ck_assert_int_eq(mkdir(in_folder("train/bee"), 0777), 0);
    write_png("train/bee/a.png", 0, 3);
    ck_assert_int_eq(refused(), 1);
    assert_said("has 2 sub-folders", "1 classes");
}
END_TEST

/* Cut anywhere, and any byte flipped, in steps: refused, or (in a JPEG, which has no checksum) decoded, and never a crash. */
static void break_image(const char *name, bool has_checksums)
{
    size_t count = 0;
    char *bytes = read_bytes(name, &count);
    for (size_t cut = 0; cut < count; cut += 3) {
        write_bytes(name, bytes, cut);
        ck_assert_msg(refused() == 1, "cut at %zu of %zu: status %d", cut, count, child.status);
        assert_said(name);
    }
    for (size_t i = 0; i < count; i += has_checksums ? 1 : 7) {
        bytes[i] ^= 0x10;
        write_bytes(name, bytes, count);
        ck_assert_int_le(refused(), 1);
        ck_assert_msg(child.status == 1 || !has_checksums, "byte %zu flipped: status %d", i, child.status);
        bytes[i] ^= 0x10;
    }
    free(bytes);
}

START_TEST(torn_and_damaged_images_are_refused)
{
    make_sub_folders();
    describe(3);
    write_png("train/ant/a", 0, 3);
    write_png("train/cat/a", 0, 3);
    break_image("train/cat/a", true);
    ck_assert_int_ne(stbi_write_jpg(in_folder("train/cat/a"), WIDTH, HEIGHT, 3, picture(0, 3), 50), 0);
    ck_assert_int_eq(refused(), 0);
    break_image("train/cat/a", false);
}
END_TEST

/* A table of 16 · 255 Huffman codes, the right number of bytes behind them: found by fuzzing, stb_image wrote past its own. */
START_TEST(too_many_huffman_codes_are_refused)
{
    enum { CODES = 16 * 255, LENGTH = 2 + 1 + 16 + CODES };
    static unsigned char segment[2 + LENGTH + 4] = {0xFF, 0xC4, LENGTH >> 8, LENGTH & 255};
    make_sub_folders();
    describe(3);
    write_png("train/cat/a", 0, 3);
    ck_assert_int_ne(stbi_write_jpg(in_folder("train/ant/a"), WIDTH, HEIGHT, 3, picture(0, 3), 50), 0);
    size_t count = 0;
    char *bytes = read_bytes("train/ant/a", &count);
    memset(segment + 5, 255, 16);
    memmove(bytes + 2 + 2 + LENGTH, bytes + 2, count - 2);    /* right behind the start of image */
    memcpy(bytes + 2, segment, 2 + LENGTH);
    write_bytes("train/ant/a", bytes, count + 2 + LENGTH);
    ck_assert_int_eq(refused(), 1);
    assert_said("train/ant/a", "Huffman");
    memset(bytes + 2 + 5, 0, 16);                             /* no codes, but bytes for some */
    write_bytes("train/ant/a", bytes, count + 2 + LENGTH);
    ck_assert_int_eq(refused(), 0);                           /* 241 empty tables */
    free(bytes);
}
END_TEST

/* ---- augment ---- */

enum { ROWS = 400 };
static double table[ROWS * 2 * PLANE];

/* Every drawn row is its picture moved by at most 2 places and perhaps mirrored, zeros coming in; every one of the 5 · 5 · 2
 * ways turns up, none too often; another epoch draws anew, the same one does not. */
START_TEST(augmented_rows_are_moved_and_mirrored)
{
    int seen[5][5][2] = {{{0}}}, changed = 0;
    static double row[2 * PLANE], again[2 * PLANE], other[2 * PLANE];
    for (int i = 0; i < ROWS * 2 * PLANE; i++)
        table[i] = 1 + i % (2 * PLANE);
    inputs[0] = (NnInput){.name = "image", .rank = 3, .shape = {2, HEIGHT, WIDTH}, .elements = 2 * PLANE, .table = {table}, .scale = 2,
                          .mean = 1, .std = 1, .augment = {.shift = 2, .flip = true}};
    data = (NnData){.format = &nn_table, .table_rows = {ROWS}};
    NnDataset *set = nn_dataset_open(&data, inputs, 1, NULL, 1);
    for (int r = 0; r < ROWS; r++) {
        nn_dataset_training_row(set, 0, r, 5, 3, true, row);
        nn_dataset_training_row(set, 0, r, 5, 3, true, again);
        nn_dataset_training_row(set, 0, r, 5, 4, true, other);
        ck_assert_mem_eq(row, again, sizeof row);
        changed += memcmp(row, other, sizeof row) != 0;
        int ways = 0;
        for (int way = 0; way < 50; way++) {
            int down = way / 10 - 2, right = way / 2 % 5 - 2, mirrored = way % 2;
            bool is_this = true;
            for (int i = 0; i < 2 * PLANE; i++) {
                int y = i % PLANE / WIDTH - down, x = i % WIDTH - right;
                bool inside = y >= 0 && y < HEIGHT && x >= 0 && x < WIDTH;
                int from = i / PLANE * PLANE + y * WIDTH + (mirrored ? WIDTH - 1 - x : x);
                is_this = is_this && row[i] == 2 * (inside ? 1 + from : 0) - 1;
            }
            ways += is_this;
            seen[down + 2][right + 2][mirrored] += is_this;
        }
        ck_assert_int_eq(ways, 1);
        nn_dataset_row(set, NN_TRAIN, 0, r, true, row);       /* evaluated, it is as it was */
        ck_assert_double_eq(row[0], 1);
    }
    for (int way = 0; way < 50; way++) {                      /* 8 each on average; P(more than 24) < 1e-5 */
        int count = seen[way / 10][way / 2 % 5][way % 2];
        ck_assert_int_ge(count, 1);
        ck_assert_int_le(count, 24);
    }
    ck_assert_int_gt(changed, ROWS * 9 / 10);
    nn_dataset_close(set);
}
END_TEST

static void fill(TCase *cases)
{
    tcase_add_test(cases, rows_go_by_sorted_names);
    tcase_add_test(cases, a_jpeg_is_near_its_picture);
    tcase_add_test(cases, channels_are_converted);
    tcase_add_test(cases, test_folders_have_the_classes_of_train);
    tcase_add_test(cases, bad_folders_are_refused);
    tcase_add_test(cases, torn_and_damaged_images_are_refused);
    tcase_add_test(cases, too_many_huffman_codes_are_refused);
    tcase_add_test(cases, augmented_rows_are_moved_and_mirrored);
}

int main(void) { return run_suite("runtime_images", fill); }
