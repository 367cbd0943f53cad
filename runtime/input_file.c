/* input_file.c: see input_file.h. */
#include "input_file.h"
#include "failure.h"
#include "gzip.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
    const bool other_first = !nn_unpacks && ends_with(name, ".gz");
    const char *spelling[] = {other_first ? other : name, other_first ? name : other};
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

/* ---- reading ---- */

size_t nn_read_raw(const NnInputFile *file, void *out, size_t bytes)
{
    size_t done = 0;
    while (done < bytes) {
        ssize_t got = read(file->descriptor, (char *)out + done, bytes - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            nn_fail(NN_WRONG_INPUT, file->path, "cannot be read: %s", strerror(errno));
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return done;
}

int nn_open_patiently(const char *path)
{
    enum { MILLISECONDS_IN_SILENCE = 2000 };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat information;
    if (descriptor < 0 || fstat(descriptor, &information))
        return descriptor;
    if (S_ISFIFO(information.st_mode)) {
        struct pollfd pipe = {.fd = descriptor, .events = POLLIN};
        if (poll(&pipe, 1, MILLISECONDS_IN_SILENCE) == 0)
            fprintf(stderr, "waiting for %s, a pipe that nobody writes into\n", nn_quoted(path));
        while (poll(&pipe, 1, -1) < 0 && errno == EINTR)
            continue;
    }
    fcntl(descriptor, F_SETFL, 0);
    return descriptor;
}

NnInputFile nn_open_input(const char *path)
{
    NnInputFile file = {.path = path, .descriptor = nn_open_patiently(path), .bound = INT64_MAX};
    struct stat information;
    if (file.descriptor < 0 || fstat(file.descriptor, &information))
        nn_fail(NN_WRONG_INPUT, path, "cannot be read: %s", strerror(errno));
    if (S_ISDIR(information.st_mode))
        nn_fail(NN_WRONG_INPUT, path, "is a folder; a file was expected");
    if (S_ISCHR(information.st_mode) || S_ISBLK(information.st_mode))
        nn_fail(NN_WRONG_INPUT, path, "is a device; a file was expected");
    if (!S_ISREG(information.st_mode))
        return file;                                          /* a pipe: read as it is */

    unsigned char magic[2];
    bool is_gzip = pread(file.descriptor, magic, 2, 0) == 2 && magic[0] == 0x1F && magic[1] == 0x8B;
    file.bound = information.st_size * (is_gzip ? NN_DEFLATE_AT_MOST : 1);
    if (is_gzip)
        file.gzip = nn_open_gzip(path);
    return file;
}

size_t nn_read_input(NnInputFile *file, void *out, size_t bytes)
{
    if (file->member)
        return file->read_member(file, out, bytes);
    return file->gzip ? nn_unpack(file, out, bytes) : nn_read_raw(file, out, bytes);
}

void nn_close_input(NnInputFile *file)
{
    if (file->gzip)
        nn_close_gzip(file->gzip);
    close(file->descriptor);
}

/* A file, or what is packed in it, may be larger than the machine; then half of the memory is enough to know. */
static void refuse_too_large(const char *path, size_t room)
{
    const size_t half = (size_t)sysconf(_SC_PHYS_PAGES) / 2 * (size_t)sysconf(_SC_PAGESIZE);
    void *probe = room / 2 < half ? malloc(room) : NULL;
    if (!probe)
        nn_fail(NN_MACHINE_LACKS, path, "not enough memory to read it: it has more than %zu bytes", room / 2);
    free(probe);
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
        refuse_too_large(path, room);
        content = nn_grow(content, room, 1);
    }
    nn_close_input(&file);
    content[used] = 0;
    *bytes = used;
    return content;
}
