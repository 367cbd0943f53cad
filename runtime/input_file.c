/* input_file.c: see input_file.h. */
#include "input_file.h"
#include "failure.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static bool ends_with(const char *string, const char *end)
{
    size_t length = strlen(string), tail = strlen(end);
    return length >= tail && !strcmp(string + length - tail, end);
}

/* The other spelling: a.gz for a, a for a.gz. */
static char *other_name(const char *name)
{
    if (!ends_with(name, ".gz"))
        return nn_format_string("%s.gz", name);
    return nn_format_string("%.*s", (int)strlen(name) - 3, name);
}

static bool is_there(const char *path)
{
    struct stat information;
    return !stat(path, &information) || (errno != ENOENT && errno != ENOTDIR);
}

/* folder "" is the current one. */
static char *find_in(const char *folder, const char *name)
{
    const char *slash = *folder && !ends_with(folder, "/") ? "/" : "";
    char *other = other_name(name), *found = NULL;
    const char *spelling[] = {name, other};
    for (int i = 0; i < 2 && !found; i++) {
        char *path = nn_format_string("%s%s%s", folder, slash, spelling[i]);
        if (is_there(path))
            found = path;
        else
            nn_release(path);
    }
    nn_release(other);
    return found;
}

char *nn_find_file(const NnData *data, const char *data_dir, const char *name)
{
    struct stat information;
    if (data_dir && stat(data_dir, &information))
        nn_fail(NN_WRONG_INPUT, data_dir, "%s; --data names the folder that holds the data", strerror(errno));
    if (data_dir && !S_ISDIR(information.st_mode))
        nn_fail(NN_WRONG_INPUT, data_dir, "is no folder; --data names the folder that holds the data");

    const char *folder[] = {data_dir, data->folder ? data->folder : "", data->default_folder};
    bool absolute = name[0] == '/';
    char *tried = nn_copy_string("");
    for (int i = 0; i < 3; i++) {
        if (absolute ? i > 0 : !folder[i])
            continue;
        char *path = find_in(absolute ? "" : folder[i], name);
        if (path) {
            nn_release(tried);
            return path;
        }
        char *longer = nn_format_string("%s%s%s", tried, *tried ? ", " : "",
                                        absolute ? "there" : *folder[i] ? nn_quoted(folder[i]) : "the current folder");
        nn_release(tried);
        tried = longer;
    }
    nn_fail(NN_WRONG_INPUT, name, "no such file in %s; give its folder with --data DIR", tried);
}

NnInputFile nn_open_input(const char *path)
{
    enum { DEFLATE_AT_MOST = 1032 };    /* no deflate stream grows by more */
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        nn_fail(NN_WRONG_INPUT, path, "cannot be read: %s", strerror(errno));
    struct stat information;
    fstat(descriptor, &information);
    if (S_ISDIR(information.st_mode))
        nn_fail(NN_WRONG_INPUT, path, "is a folder; a file was expected");
    NnInputFile file = {.path = path, .stream = gzdopen(descriptor, "rb")};
    if (!file.stream)
        nn_fail(NN_MACHINE_LACKS, path, "not enough memory to read it");
    gzbuffer(file.stream, 128 * 1024);
    bool regular = S_ISREG(information.st_mode);
    file.bound = !regular ? INT64_MAX : gzdirect(file.stream) ? information.st_size : information.st_size * DEFLATE_AT_MOST;
    return file;
}

size_t nn_read_input(NnInputFile *file, void *out, size_t bytes)
{
    size_t got = 0;
    while (got < bytes) {
        size_t piece = bytes - got < 1 << 30 ? bytes - got : 1 << 30;
        int read = gzread(file->stream, (char *)out + got, (unsigned)piece);
        if (read <= 0)
            break;
        got += (size_t)read;
    }
    if (got < bytes) {
        int code;
        const char *reason = gzerror(file->stream, &code);
        if (code == Z_BUF_ERROR)
            nn_fail(NN_WRONG_INPUT, file->path, "the gzip stream ends too early: the file is torn; copy or download it again");
        if (code == Z_ERRNO)
            nn_fail(NN_WRONG_INPUT, file->path, "cannot be read: %s", strerror(errno));
        if (code != Z_OK && code != Z_STREAM_END)
            nn_fail(NN_WRONG_INPUT, file->path, "the gzip stream is damaged (%s); copy or download the file again", reason);
    }
    return got;
}

void nn_close_input(NnInputFile *file)
{
    gzclose_r(file->stream);
    file->stream = NULL;
}

char *nn_read_whole_input(const char *path, size_t *bytes)
{
    NnInputFile file = nn_open_input(path);
    size_t room = 1 << 16, used = 0;
    char *content = nn_allocate(room, 1);
    for (;;) {
        used += nn_read_input(&file, content + used, room - 1 - used);
        if (used < room - 1)
            break;
        room *= 2;
        content = nn_grow(content, room, 1);
    }
    nn_close_input(&file);
    content[used] = 0;
    *bytes = used;
    return content;
}
