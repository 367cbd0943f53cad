/* nvrtc.c: the stand-in for NVRTC: the text goes to the host's C compiler ($NNGEN_STAND_IN_CC, else cc) with the headers that it is
 * given, and becomes a shared object. NNGEN_STAND_IN_FLAGS adds flags, as -fsanitize=address; it is part of the version that it
 * claims to be, since that is part of a cache's key. */
#define _GNU_SOURCE
#include "cuda_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { COMPILATION_FAILED = 6, INVALID_OPTION = 5, MOST_HEADERS = 16 };

struct _nvrtcProgram {
    const char *text, *header[MOST_HEADERS], *header_name[MOST_HEADERS];
    int headers;
    char *log, *image;
    size_t size;
};

static const int known[] = {75, 80, 90};

static const char *flags(void)
{
    const char *given = getenv("NNGEN_STAND_IN_FLAGS");
    return given ? given : "";
}

unsigned nvrtcVersion(int *major, int *minor)
{
    unsigned sum = 0;
    for (const char *at = flags(); *at; at++)
        sum = sum * 31 + (unsigned char)*at;
    *major = 1;
    *minor = (int)(sum % 100000);
    return 0;
}

unsigned nvrtcGetNumSupportedArchs(int *count)
{
    *count = sizeof known / sizeof *known;
    return 0;
}

unsigned nvrtcGetSupportedArchs(int *archs)
{
    memcpy(archs, known, sizeof known);
    return 0;
}

unsigned nvrtcCreateProgram(NnSource **source, const char *text, const char *name, int headers, const char *const *header,
                            const char *const *header_name)
{
    (void)name;
    *source = calloc(1, sizeof **source);
    (*source)->text = text;
    for (int i = 0; i < headers && i < MOST_HEADERS; i++)
        if (*header[i]) {                                     /* an empty one stands for one of the C library, which is here */
            (*source)->header[(*source)->headers] = header[i];
            (*source)->header_name[(*source)->headers++] = header_name[i];
        }
    return 0;
}

unsigned nvrtcDestroyProgram(NnSource **source)
{
    free((*source)->log);
    free((*source)->image);
    free(*source);
    *source = NULL;
    return 0;
}

static void write_text(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (file) {
        fputs(text, file);
        fclose(file);
    }
}

static char *read_all(FILE *file, size_t *size)
{
    char *bytes = NULL;
    size_t room = 0, used = 0;
    do {
        bytes = realloc(bytes, room = 2 * room + 65536);
        used += fread(bytes + used, 1, room - used - 1, file);
    } while (used == room - 1);
    bytes[used] = '\0';
    *size = used;
    return bytes;
}

unsigned nvrtcCompileProgram(NnSource *source, int options, const char *const *option)
{
    (void)options;
    (void)option;
    const char *compiler = getenv("NNGEN_STAND_IN_CC"), *temporary = getenv("TMPDIR");
    char folder[256], command[2048], path[512];
    size_t size;
    snprintf(folder, sizeof folder, "%s/stand-in-XXXXXX", temporary ? temporary : "/tmp");
    if (!mkdtemp(folder))
        return COMPILATION_FAILED;
    snprintf(path, sizeof path, "%s/nngen", folder);
    mkdir(path, 0777);
    for (int i = 0; i < source->headers; i++)
        write_text(folder, source->header_name[i], source->header[i]);
    write_text(folder, "kernels.c", source->text);
    snprintf(command, sizeof command, "%s -std=gnu11 -O1 -g -w -fno-math-errno -fno-trapping-math -ffp-contract=off -DNN_STAND_IN "
             "-I%s -I" STAND_IN_FOLDER " -fPIC -shared %s -o %s/kernels.so %s/kernels.c -lm 2>&1", compiler ? compiler : "cc", folder,
             flags(), folder, folder);
    FILE *pipe = popen(command, "r");
    source->log = pipe ? read_all(pipe, &size) : strdup("popen failed");
    const int status = pipe ? pclose(pipe) : 1;
    snprintf(path, sizeof path, "%s/kernels.so", folder);
    FILE *object = status ? NULL : fopen(path, "rb");
    if (object) {
        char *bytes = read_all(object, &size);
        fclose(object);
        source->image = malloc(size + 64);
        const int head = sprintf(source->image, "stand-in %zu\n", size);
        memcpy(source->image + head, bytes, size);
        source->size = size + (size_t)head;
        free(bytes);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (!getenv("NNGEN_STAND_IN_KEEP") && system(command))
        return COMPILATION_FAILED;
    return object ? 0 : COMPILATION_FAILED;
}

unsigned nvrtcGetProgramLogSize(NnSource *source, size_t *bytes)
{
    *bytes = source->log ? strlen(source->log) + 1 : 1;
    return 0;
}

unsigned nvrtcGetProgramLog(NnSource *source, char *log)
{
    strcpy(log, source->log ? source->log : "");
    return 0;
}

unsigned nvrtcGetCUBINSize(NnSource *source, size_t *bytes)
{
    *bytes = source->size;
    return 0;
}

unsigned nvrtcGetCUBIN(NnSource *source, char *cubin)
{
    memcpy(cubin, source->image, source->size);
    return 0;
}

unsigned nvrtcGetPTXSize(NnSource *source, size_t *bytes) { return nvrtcGetCUBINSize(source, bytes); }
unsigned nvrtcGetPTX(NnSource *source, char *ptx) { return nvrtcGetCUBIN(source, ptx); }
