/* output_file.c: see output_file.h. */
#include "output_file.h"
#include "failure.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static _Noreturn void fail_output(const NnOutputFile *file)
{
    int code = errno;
    if (file->temporary)
        unlink(file->temporary);
    struct stat information;
    const char *old = file->temporary && !stat(file->target, &information) ? "; the old file is as it was" : "";
    nn_fail(NN_MACHINE_LACKS, file->path, "cannot be written: %s%s", strerror(code), old);
}

static mode_t new_file_mode(void)
{
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

NnOutputFile nn_create_output(const char *path)
{
    NnOutputFile file = {.path = path};
    struct stat information;
    bool exists = !stat(path, &information);
    if (exists && !S_ISREG(information.st_mode)) {
        file.target = nn_copy_string(path);
        file.descriptor = open(path, O_WRONLY | O_CLOEXEC);
    } else {
        char *real = exists ? realpath(path, NULL) : NULL;    /* a link stays one: the file it names is replaced */
        file.target = nn_copy_string(real ? real : path);
        free(real);
        file.temporary = nn_format_string("%s.XXXXXX", file.target);
        file.descriptor = mkstemp(file.temporary);
        if (file.descriptor < 0) {
            nn_release(file.temporary);
            file.temporary = NULL;
        } else {
            fchmod(file.descriptor, exists ? information.st_mode & 07777 : new_file_mode());
        }
    }
    if (file.descriptor < 0)
        fail_output(&file);
    return file;
}

void nn_write_output(NnOutputFile *file, const void *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t written = write(file->descriptor, (const char *)bytes + done, count - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            fail_output(file);
        done += (size_t)written;
    }
}

/* The folder's entry must reach the disk as well, or a power cut could lose the rename. Not every file system can: no failure. */
static void sync_folder_of(const char *path)
{
    char *folder = nn_copy_string(path), *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        fsync(descriptor);
        close(descriptor);
    }
    nn_release(folder);
}

void nn_commit_output(NnOutputFile *file)
{
    if (file->temporary && fsync(file->descriptor))
        fail_output(file);
    if (close(file->descriptor))
        fail_output(file);
    if (file->temporary) {
        if (rename(file->temporary, file->target))
            fail_output(file);
        sync_folder_of(file->target);
    }
    nn_release(file->temporary);
    nn_release(file->target);
}
