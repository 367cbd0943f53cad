/* npz.c: NumPy's archive: a zip file with a member NAME.npy for each array, the arrays named as the inputs.
 *
 * libzip unpacks; the member's own reader (npy.c) sees a file. Members are stored or deflated, nothing else; libzip compares
 * the checksum when the last byte has been read, and array.c reads to the end. A member's announced size is not believed:
 * deflate makes at most 1032 bytes of one. */
#include "array.h"
#include "failure.h"
#include "memory.h"

#include <string.h>
#include <sys/stat.h>
#include <zip.h>

enum { DEFLATE_AT_MOST = 1032 };

static zip_t *open_archive(const char *path)
{
    struct stat information;
    if (!stat(path, &information) && !S_ISREG(information.st_mode))
        nn_fail(NN_WRONG_INPUT, path, "is %s; an NPZ file was expected", S_ISDIR(information.st_mode) ? "a folder" : "no file");
    int code;
    zip_t *archive = zip_open(path, ZIP_RDONLY, &code);
    if (!archive) {
        zip_error_t error;
        zip_error_init_with_code(&error, code);
        nn_fail(NN_WRONG_INPUT, path, "cannot be read as an NPZ file (a zip archive): %s", zip_error_strerror(&error));
    }
    return archive;
}

/* "x, y, z": the arrays that are there, for messages. */
static char *list_of_arrays(zip_t *archive)
{
    enum { ENOUGH = 20 };
    char *list = nn_copy_string("");
    zip_int64_t count = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < count && i < ENOUGH; i++) {
        const char *name = zip_get_name(archive, (zip_uint64_t)i, 0);
        int length = name ? (int)strlen(name) : 0;
        if (length > 4 && !strcmp(name + length - 4, ".npy"))
            length -= 4;
        char *longer = nn_format_string("%s%s%.*s", list, i ? ", " : "", length, name ? name : "");
        nn_release(list);
        list = longer;
    }
    return list;
}

static size_t read_member(NnInputFile *file, void *out, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        zip_int64_t got = zip_fread(file->member, (char *)out + done, bytes - done);
        if (got < 0)
            nn_fail(NN_WRONG_INPUT, file->path, "is torn or damaged: %s", zip_file_strerror(file->member));
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return done;
}

/* The array of `input`, standing at its start; `place` is what messages call it. */
static NnInputFile open_member(zip_t *archive, const char *path, const NnInput *input, const char *place)
{
    char *name = nn_format_string("%s.npy", input->name);
    zip_int64_t index = zip_name_locate(archive, name, 0);
    if (index < 0)
        nn_fail(NN_WRONG_INPUT, path, "has no array named as the input %s; there are: %s", nn_quoted(input->name),
                nn_quoted(list_of_arrays(archive)));
    nn_release(name);
    zip_stat_t information;
    const zip_uint64_t wanted = ZIP_STAT_COMP_METHOD | ZIP_STAT_COMP_SIZE | ZIP_STAT_ENCRYPTION_METHOD;
    if (zip_stat_index(archive, (zip_uint64_t)index, 0, &information) || (information.valid & wanted) != wanted)
        nn_fail(NN_WRONG_INPUT, place, "is damaged: %s", zip_strerror(archive));
    if (information.encryption_method != ZIP_EM_NONE)
        nn_fail(NN_WRONG_INPUT, place, "is encrypted; unpack it and pack it again without a password");
    if (information.comp_method != ZIP_CM_STORE && information.comp_method != ZIP_CM_DEFLATE)
        nn_fail(NN_WRONG_INPUT, place, "is compressed by method %d; stored or deflated is expected, as numpy.savez and "
                "savez_compressed do", information.comp_method);
    NnInputFile file = {.path = place, .descriptor = -1, .read_member = read_member};
    bool is_stored = information.comp_method == ZIP_CM_STORE;
    if (__builtin_mul_overflow((int64_t)information.comp_size, is_stored ? 1 : DEFLATE_AT_MOST, &file.bound) || file.bound < 0)
        file.bound = INT64_MAX;
    file.member = zip_fopen_index(archive, (zip_uint64_t)index, 0);
    if (!file.member)
        nn_fail(NN_WRONG_INPUT, place, "is damaged: %s", zip_strerror(archive));
    return file;
}

static void read_npz(NnReading *reading, NnSet set, NnColumn *column)
{
    char *path = nn_find_file(reading->data, reading->data_dir, reading->data->file[set]);
    zip_t *archive = open_archive(path);
    for (int i = 0; i < reading->input_count; i++) {
        const NnInput *input = &reading->inputs[i];
        char *place = nn_format_string("%s, array %s", path, input->name);
        NnInputFile file = open_member(archive, path, input, place);
        column[i] = nn_read_array(reading, set, input, &file, nn_read_npy_header, place);
        zip_fclose(file.member);
    }
    zip_discard(archive);
    nn_release(path);
}

static int64_t count_npz(NnReading *reading)
{
    char *path = nn_find_file(reading->data, reading->data_dir, reading->data->file[NN_TRAIN]);
    zip_t *archive = open_archive(path);
    const NnInput *input = &reading->inputs[0];
    char *place = nn_format_string("%s, array %s", path, input->name);
    NnInputFile file = open_member(archive, path, input, place);
    NnArray array = nn_read_npy_header(&file);
    nn_check_array(&array, input, place);
    int64_t rows = nn_rows_kept(reading->data, NN_TRAIN, array.shape[0], place);
    zip_fclose(file.member);
    zip_discard(archive);
    nn_release(place);
    nn_release(path);
    return rows;
}

const NnFormat nn_npz = {.name = "npz", .read = read_npz, .count = count_npz};
