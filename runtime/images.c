/* images.c: a folder with a sub-folder for each class, in it PNG and JPEG files, decoded to the input's (channels, height,
 * width).
 *
 * Classes are numbered by the sorted names of the training folder's sub-folders; the other sets use the same names. Rows go
 * class by class, in each by sorted file name. Names that begin with a dot are skipped; so are files beside the sub-folders;
 * any other file must be an image, by its content, whatever its name (image_file.c). */
#include "failure.h"
#include "image_file.h"
#include "input_file.h"
#include "memory.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- folders ---- */

typedef struct Names {
    char **name;                        /* sorted by byte */
    int count;
} Names;

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void release_names(Names *names)
{
    for (int i = 0; i < names->count; i++)
        nn_release(names->name[i]);
    nn_release(names->name);
}

/* What lies in `folder`: sub-folders alone, or files, where a folder is refused. */
static Names list_folder(const char *folder, bool wants_folders)
{
    Names names = {0};
    int room = 0;
    DIR *directory = opendir(folder);
    if (!directory)
        nn_fail(NN_WRONG_INPUT, folder, "cannot be read as a folder of images: %s", strerror(errno));
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (entry->d_name[0] == '.')
            continue;
        char *path = nn_format_string("%s/%s", folder, entry->d_name);
        struct stat information;
        if (stat(path, &information))
            nn_fail(NN_WRONG_INPUT, path, "cannot be read: %s", strerror(errno));
        bool is_folder = S_ISDIR(information.st_mode);
        if (!wants_folders && !S_ISREG(information.st_mode))
            nn_fail(NN_WRONG_INPUT, path, "is %s; the images of a class lie directly in its folder", is_folder ? "a folder" : "no file");
        nn_release(path);
        if (is_folder != wants_folders)
            continue;
        if (names.count == room) {
            room = room ? 2 * room : 64;
            names.name = nn_grow(names.name, (size_t)room, sizeof *names.name);
        }
        names.name[names.count++] = nn_copy_string(entry->d_name);
    }
    closedir(directory);
    if (names.count)
        qsort(names.name, (size_t)names.count, sizeof *names.name, by_name);
    return names;
}

/* One set: its classes, and the files of each. */
typedef struct Folders {
    char *path;
    Names class;
    Names *file;                        /* by class */
    int64_t rows;
} Folders;

static Folders open_folders(const NnReading *reading, NnSet set)
{
    Folders folders = {.path = nn_find_file(reading->data, reading->data_dir, reading->data->file[set])};
    folders.class = list_folder(folders.path, true);
    if (!folders.class.count)
        nn_fail(NN_WRONG_INPUT, folders.path, "has no sub-folders; one for each class is expected, with the images in them");
    folders.file = nn_allocate((size_t)folders.class.count, sizeof *folders.file);
    for (int c = 0; c < folders.class.count; c++) {
        char *path = nn_format_string("%s/%s", folders.path, folders.class.name[c]);
        folders.file[c] = list_folder(path, false);
        if (!folders.file[c].count)
            nn_fail(NN_WRONG_INPUT, path, "is empty; the images of a class are expected");
        folders.rows += folders.file[c].count;
        nn_release(path);
    }
    return folders;
}

static void close_folders(Folders *folders)
{
    for (int c = 0; c < folders->class.count; c++)
        release_names(&folders->file[c]);
    nn_release(folders->file);
    release_names(&folders->class);
    nn_release(folders->path);
}

/* ---- sets ---- */

/* The class of a sub-folder: its place among those of the training set. */
static int32_t class_of(const Names *classes, const char *folder, const char *name)
{
    char **found = bsearch(&name, classes->name, (size_t)classes->count, sizeof *classes->name, by_name);
    if (!found)
        nn_fail(NN_WRONG_INPUT, folder, "the sub-folder %s is no class: the training folder does not have it", nn_quoted(name));
    return (int32_t)(found - classes->name);
}

static void decode_images(const Folders *folders, const NnInput *input, int64_t rows, unsigned char *values)
{
    int64_t row = 0;
    for (int c = 0; c < folders->class.count; c++)
        for (int f = 0; f < folders->file[c].count && row < rows; f++, row++) {
            char *path = nn_format_string("%s/%s/%s", folders->path, folders->class.name[c], folders->file[c].name[f]);
            nn_decode_image(path, input, values + row * input->elements);
            nn_release(path);
        }
}

static void read_images(NnReading *reading, NnSet set, NnColumn *column)
{
    Folders folders = open_folders(reading, set);
    if (!reading->learned) {                                  /* train: its sub-folders are the classes from here on */
        Names *classes = reading->learned = nn_allocate(1, sizeof *classes);
        classes->count = folders.class.count;
        classes->name = nn_allocate((size_t)classes->count, sizeof *classes->name);
        for (int c = 0; c < classes->count; c++)
            classes->name[c] = nn_copy_string(folders.class.name[c]);
    }
    int64_t rows = nn_rows_kept(reading->data, set, folders.rows, folders.path);
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        if (input->classes && folders.class.count > input->classes)
            nn_fail(NN_WRONG_INPUT, folders.path, "has %d sub-folders, but %s has %d classes", folders.class.count,
                    nn_quoted(input->name), input->classes);
        column[i] = (NnColumn){.stored = input->classes ? NN_I32 : NN_U8, .rows = rows, .place = nn_copy_string(folders.path)};
        column[i].owned = nn_allocate((size_t)rows * (size_t)input->elements, nn_stored_size(column[i].stored));
        column[i].values = column[i].owned;
        int32_t *class = column[i].owned;
        int64_t row = 0;
        if (!input->classes)
            decode_images(&folders, input, rows, column[i].owned);
        for (int c = 0; c < folders.class.count && input->classes; c++) {
            int32_t number = class_of(reading->learned, folders.path, folders.class.name[c]);
            for (int f = 0; f < folders.file[c].count && row < rows; f++)
                class[row++] = number;
        }
    }
    close_folders(&folders);
}

static void forget_images(NnReading *reading)
{
    if (reading->learned)
        release_names(reading->learned);
    nn_release(reading->learned);
    reading->learned = NULL;
}

static int64_t count_images(NnReading *reading)
{
    Folders folders = open_folders(reading, NN_TRAIN);
    int64_t rows = nn_rows_kept(reading->data, NN_TRAIN, folders.rows, folders.path);
    close_folders(&folders);
    return rows;
}

const NnFormat nn_images = {.name = "images", .read = read_images, .finish = forget_images, .count = count_images};
