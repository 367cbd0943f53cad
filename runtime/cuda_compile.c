/* cuda_compile.c: see cuda_compile.h.
 *
 * The key of an image is a hash of the text, the headers it may include, the options (the architecture is one of them) and
 * NVRTC's version. The headers are those that libnngen.a was built with: a text needs no file beside it. */
#include "cuda_compile.h"
#include "cuda_api.h"
#include "failure.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a text may include. device.h says what NVRTC would have of the four that are empty. The symbols are made by CMake. */
#define HEADERS(X)                                                                                                      \
    X("nngen/device.h", device_h) X("nngen/device_step.h", device_step_h) X("nngen/inline.h", inline_h) X("nngen/elementary.h", elementary_h) \
    X("nngen/scalar.h", scalar_h) X("nngen/random.h", random_h) X("nngen/optimizer.h", optimizer_h)                       \
    X("random.c", random_c) X("optimizer.c", optimizer_c)

#define DECLARE(NAME, SYMBOL) extern const char nn_text_##SYMBOL[];
#define NAME_OF(NAME, SYMBOL) NAME,
#define TEXT_OF(NAME, SYMBOL) nn_text_##SYMBOL,
HEADERS(DECLARE)
static const char *const header_name[] = {HEADERS(NAME_OF) "math.h", "stdint.h", "stdbool.h", "string.h"};
static const char *const header_text[] = {HEADERS(TEXT_OF) "", "", "", ""};

char *nn_cuda_text(const NnCuda *cuda)
{
    size_t length = strlen(cuda->text) + 1;
    for (int i = 0; i < cuda->kernel_count; i++)
        length += cuda->kernels[i]->text ? strlen(cuda->kernels[i]->text) : 0;
    char *text = nn_allocate(length, 1), *end = stpcpy(text, cuda->text);
    for (int i = 0; i < cuda->kernel_count; i++)
        if (cuda->kernels[i]->text)
            end = stpcpy(end, cuda->kernels[i]->text);
    return text;
}

/* ---- architectures ---- */

typedef struct NnArchs {
    int count, *number;                 /* 75, 80, … rising */
    char list[256];                     /* the same as text */
} NnArchs;

static const NnArchs *supported_archs(void)
{
    static NnArchs archs;
    if (archs.count)
        return &archs;
    nn_nvrtc.nvrtcGetNumSupportedArchs(&archs.count);
    archs.number = nn_allocate((size_t)archs.count, sizeof *archs.number);
    nn_nvrtc.nvrtcGetSupportedArchs(archs.number);
    for (int i = 0; i < archs.count; i++) {
        size_t used = strlen(archs.list);
        snprintf(archs.list + used, sizeof archs.list - used, "%ssm_%d", i ? ", " : "", archs.number[i]);
    }
    return &archs;
}

const char *nn_choose_arch(int capability)
{
    static char arch[32];
    const char *given = getenv("NNGEN_CUDA_ARCH");
    if (given && *given)
        return given;
    nn_load_nvrtc();
    const NnArchs *archs = supported_archs();
    int newest = 0;                                           /* of those that are no newer than the device */
    for (int i = 0; i < archs->count; i++)
        if (archs->number[i] <= capability)
            newest = archs->number[i];
    if (!newest)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: this NVRTC compiles for %s, but the device is an sm_%d: name an older NVRTC by NNGEN_NVRTC "
                "(CUDA 12 knows sm_50 and newer)", archs->list, capability);
    snprintf(arch, sizeof arch, newest / 10 == capability / 10 ? "sm_%d" : "compute_%d", newest);
    return arch;
}

static void refuse_unknown_arch(const char *arch)
{
    const char *digits = strchr(arch, '_');
    const int number = digits ? atoi(digits + 1) : 0;
    int major, minor;
    const NnArchs *archs = supported_archs();
    for (int i = 0; i < archs->count; i++)
        if (archs->number[i] == number)
            return;
    nn_nvrtc.nvrtcVersion(&major, &minor);
    nn_fail(NN_MACHINE_LACKS, NULL, "error: NVRTC %d.%d does not compile for %s; it knows %s\n  another one may be named by NNGEN_NVRTC",
            major, minor, nn_quoted(arch), archs->list);
}

/* ---- compiling ---- */

static void fail_compiling(NnSource *source, const char *file)
{
    size_t bytes = 0;
    nn_nvrtc.nvrtcGetProgramLogSize(source, &bytes);
    char *log = nn_allocate(bytes + 1, 1);
    nn_nvrtc.nvrtcGetProgramLog(source, log);
    nn_fail(NN_OUR_FAULT, NULL, "error: NVRTC refuses the kernels of %s, which is a fault of nngen:\n%s", nn_quoted(file), log);
}

static NnImage compile(const char *text, const char *file, const char *const *options, int count, bool is_ptx)
{
    NnSource *source = NULL;
    NnImage image = {0};
    if (nn_nvrtc.nvrtcCreateProgram(&source, text, file, NN_COUNT(header_name), header_text, header_name))
        nn_fail(NN_MACHINE_LACKS, NULL, "error: NVRTC does not start: there may be too little memory");
    if (nn_nvrtc.nvrtcCompileProgram(source, count, options))
        fail_compiling(source, file);
    unsigned (*get_size)(NnSource *, size_t *) = is_ptx ? nn_nvrtc.nvrtcGetPTXSize : nn_nvrtc.nvrtcGetCUBINSize;
    unsigned (*get)(NnSource *, char *) = is_ptx ? nn_nvrtc.nvrtcGetPTX : nn_nvrtc.nvrtcGetCUBIN;
    if (get_size(source, &image.size) || !image.size)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: NVRTC made no %s for %s", is_ptx ? "PTX" : "CUBIN", options[0]);
    image.bytes = nn_allocate(image.size + 1, 1);
    get(source, image.bytes);
    nn_nvrtc.nvrtcDestroyProgram(&source);
    return image;
}

/* FNV-1a, in two lanes of 64 bits that start apart. */
static void add_to_key(uint64_t key[2], const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; ; at++) {
        for (int lane = 0; lane < 2; lane++)
            key[lane] = (key[lane] ^ *at) * 0x100000001b3;
        if (!*at)
            return;
    }
}

NnImage nn_compile_cuda(const char *text, const char *file, const char *arch)
{
    nn_load_nvrtc();
    refuse_unknown_arch(arch);
    char target[64], version[64], name[40];
    int major, minor;
    nn_nvrtc.nvrtcVersion(&major, &minor);
    snprintf(target, sizeof target, "--gpu-architecture=%s", arch);
    snprintf(version, sizeof version, "%d.%d", major, minor);
    const char *const options[] = {target, "--std=c++17", "--device-as-default-execution-space", "--generate-line-info"};

    uint64_t key[2] = {0xcbf29ce484222325, 0x84222325cbf29ce4};
    add_to_key(key, version);
    for (int i = 0; i < NN_COUNT(options); i++)
        add_to_key(key, options[i]);
    for (int i = 0; i < NN_COUNT(header_text); i++)
        add_to_key(key, header_text[i]);
    add_to_key(key, file);
    add_to_key(key, text);
    snprintf(name, sizeof name, "%016llx%016llx", (unsigned long long)key[0], (unsigned long long)key[1]);

    NnImage image;
    if (nn_find_image(name, &image))
        return image;
    const bool tells = isatty(STDERR_FILENO);
    if (tells)
        fprintf(stderr, "compiling the kernels for %s ...", arch);
    image = compile(text, file, options, NN_COUNT(options), !strncmp(arch, "compute_", 8));
    if (tells)
        fputs("\r\033[K", stderr);
    nn_keep_image(name, &image);
    return image;
}
