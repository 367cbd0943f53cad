/* cuda_cache.c: compiled kernels on disk; see cuda_compile.h.
 *
 * A file is a line that says what it is, the size and a checksum as text, then the bytes. It is written beside its place and
 * renamed, so a reader sees all of it or nothing; what a full disk or a crash has torn has the wrong sum and is made again.
 * The folder: NNGEN_CUDA_CACHE (empty: nothing is kept), else nngen/cuda in XDG_CACHE_HOME, else in ~/.cache. */
#include "cuda_compile.h"
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char HEAD[] = "nngen kernels, size %zu, sum %016llx\n";
enum { LONGEST_HEAD = 96 };

static unsigned long long checksum(const NnImage *image)
{
    unsigned long long sum = 0xcbf29ce484222325;
    for (size_t i = 0; i < image->size; i++)
        sum = (sum ^ (unsigned char)image->bytes[i]) * 0x100000001b3;
    return sum;
}

/* Makes the folder and those above it. NULL: nothing is to be kept, or there is no place. */
static char *cache_folder(void)
{
    const char *own = getenv("NNGEN_CUDA_CACHE"), *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *folder = NULL;
    if (own)
        folder = *own ? nn_copy_string(own) : NULL;
    else if (cache && *cache == '/')                          /* the specification has relative ones ignored */
        folder = nn_format_string("%s/nngen/cuda", cache);
    else if (home && *home)
        folder = nn_format_string("%s/.cache/nngen/cuda", home);
    for (char *at = folder; at && (at = strchr(at + 1, '/'));) {
        *at = '\0';
        mkdir(folder, 0777);
        *at = '/';
    }
    if (folder && mkdir(folder, 0777) && errno != EEXIST) {
        nn_release(folder);
        return NULL;
    }
    return folder;
}

bool nn_find_image(const char *key, NnImage *image)
{
    char *folder = cache_folder(), head[LONGEST_HEAD] = "", expected[LONGEST_HEAD];
    if (!folder)
        return false;
    char *path = nn_format_string("%s/%s", folder, key);
    nn_release(folder);
    FILE *file = fopen(path, "rb");
    nn_release(path);
    if (!file)
        return false;
    unsigned long long sum;
    struct stat information;
    bool is_good = fgets(head, sizeof head, file) && sscanf(head, HEAD, &image->size, &sum) == 2 && !fstat(fileno(file), &information)
                   && image->size == (size_t)information.st_size - strlen(head);
    if (is_good) {
        image->bytes = nn_allocate(image->size + 1, 1);
        is_good = fread(image->bytes, 1, image->size, file) == image->size;
        snprintf(expected, sizeof expected, HEAD, image->size, checksum(image));
        is_good &= !strcmp(head, expected);
        if (!is_good)
            nn_release(image->bytes);
    }
    fclose(file);
    return is_good;
}

void nn_keep_image(const char *key, const NnImage *image)
{
    char *folder = cache_folder();
    if (!folder)
        return;
    char *path = nn_format_string("%s/%s", folder, key), *temporary = nn_format_string("%s/.%s-XXXXXX", folder, key);
    int descriptor = mkstemp(temporary);
    FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "wb");
    if (file) {
        fprintf(file, HEAD, image->size, checksum(image));
        fwrite(image->bytes, 1, image->size, file);
        bool is_whole = !ferror(file);
        is_whole = !fclose(file) && is_whole;
        if (!is_whole || chmod(temporary, 0644) || rename(temporary, path))
            unlink(temporary);
    }
    nn_release(temporary);
    nn_release(path);
    nn_release(folder);
}
