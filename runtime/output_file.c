/* output_file.c: see output_file.h. */
#include "output_file.h"
#include "failure.h"
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- signals ---- */

/* The temporary that exists at this moment. Where the program has no handler of its own, these signals get one that removes it;
 * blocking them instead would not do: another thread would take them. */
static char *volatile unfinished;
static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
static struct sigaction before[sizeof ends / sizeof *ends];

void nn_remove_unfinished(void)
{
    if (unfinished)
        unlink(unfinished);
}

static void on_end(int number)
{
    nn_remove_unfinished();
    signal(number, SIG_DFL);
    raise(number);
}

static void note_unfinished(char *temporary)
{
    unfinished = temporary;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (!sigaction(ends[i], NULL, &before[i]) && before[i].sa_handler == SIG_DFL)
            sigaction(ends[i], &(struct sigaction){.sa_handler = on_end}, NULL);
}

static void note_finished(void)
{
    unfinished = NULL;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaction(ends[i], &before[i], NULL);
}

/* ---- files ---- */

static _Noreturn void fail_output(const NnOutputFile *file)
{
    int code = errno;
    if (file->temporary)
        unlink(file->temporary);
    struct stat information;
    const char *old = file->temporary && !stat(file->target, &information) ? "; the old file is as it was" : "";
    nn_fail(NN_MACHINE_LACKS, file->path, "cannot be written: %s%s", strerror(code), old);
}

/* Beside the target, under a short name of its own: one of 255 bytes would leave no room for an ending. */
static char *temporary_beside(const char *target)
{
    const char *slash = strrchr(target, '/');
    return nn_format_string("%.*s.nngen-XXXXXX", slash ? (int)(slash + 1 - target) : 0, target);
}

/* Where a link leads that leads nowhere yet. */
static char *end_of_link(const char *path)
{
    char to[4096];
    ssize_t length = readlink(path, to, sizeof to - 1);
    if (length <= 0)
        return nn_copy_string(path);
    to[length] = 0;
    const char *slash = to[0] == '/' ? NULL : strrchr(path, '/');
    return nn_format_string("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, to);
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
        file.target = real ? nn_copy_string(real) : end_of_link(path);
        free(real);
        file.temporary = temporary_beside(file.target);
        file.descriptor = mkstemp(file.temporary);
        if (file.descriptor < 0) {
            nn_release(file.temporary);
            file.temporary = NULL;
        } else {
            note_unfinished(file.temporary);
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

void nn_probe_output(const char *path)
{
    struct stat information;
    if (!stat(path, &information) && !S_ISREG(information.st_mode) && !S_ISDIR(information.st_mode))
        return;                                               /* a device, or a pipe that nobody may read yet */
    NnOutputFile file = nn_create_output(path);
    close(file.descriptor);
    unlink(file.temporary);
    note_finished();
    nn_release(file.temporary);
    nn_release(file.target);
}

void nn_commit_output(NnOutputFile *file, bool to_disk)
{
    if (file->temporary && to_disk && fsync(file->descriptor))
        fail_output(file);
    if (close(file->descriptor))
        fail_output(file);
    if (file->temporary) {
        if (rename(file->temporary, file->target))
            fail_output(file);
        note_finished();
        if (to_disk)
            sync_folder_of(file->target);
    }
    nn_release(file->temporary);
    nn_release(file->target);
}
