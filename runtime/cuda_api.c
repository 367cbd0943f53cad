/* cuda_api.c: see cuda_api.h. */
#include "cuda_api.h"
#include "failure.h"
#include "memory.h"

#include <dlfcn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct NnDriver nn_driver;
struct NnNvrtc nn_nvrtc;

/* Names one after the other, ended by NULL, until one loads. NULL: `tried` has each with the loader's reason. */
static void *load_first(const char *const *names, char *tried, size_t room)
{
    for (*tried = '\0'; *names; names++) {
        void *library = dlopen(*names, RTLD_NOW | RTLD_LOCAL);
        if (library)
            return library;
        const char *reason = dlerror();
        size_t used = strlen(tried), name = strlen(*names);
        bool repeats = !strncmp(reason, *names, name) && reason[name] == ':';           /* "libx.so: cannot open …" */
        snprintf(tried + used, room - used, "\n    %s: %s", *names, reason + (repeats ? name + 1 + strspn(reason + name + 1, " ") : 0));
    }
    return NULL;
}

typedef struct NnNamed {
    const char *name;
    unsigned (**place)();
} NnNamed;

/* The first name that the library lacks; NULL: all are found. */
static const char *find_functions(void *library, const NnNamed *functions, int count)
{
    for (int i = 0; i < count; i++) {
        void *found = dlsym(library, functions[i].name);
        if (!found)
            return functions[i].name;
        memcpy(functions[i].place, &found, sizeof found);     /* ISO C has no cast from data to code */
    }
    return NULL;
}

#define DRIVER_ROW(NAME, PARAMETERS) {#NAME, (unsigned (**)())&nn_driver.NAME},
#define NVRTC_ROW(NAME, PARAMETERS) {#NAME, (unsigned (**)())&nn_nvrtc.NAME},

void nn_load_driver(void)
{
    static const NnNamed functions[] = {NN_DRIVER_FUNCTIONS(DRIVER_ROW)};
    enum { COUNT = sizeof functions / sizeof *functions };
    const char *given = getenv("NNGEN_LIBCUDA"), *const names[] = {given && *given ? given : "libcuda.so.1", NULL};
    char tried[2048];
    void *library = load_first(names, tried, sizeof tried);   /* never plain libcuda.so: that is the toolkit's stub */
    if (!library)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: this program trains on an NVIDIA GPU: the driver's library %s not found; tried%s\n"
                "  install NVIDIA's driver, or regenerate with --target c", names[0], tried);
    const char *missing = find_functions(library, functions, COUNT);
    if (missing)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: %s has no %s: NVIDIA's driver is too old; install one of CUDA 12.0 (525) or later, or "
                "regenerate with --target c", names[0], missing);
}

/* $CUDA_HOME/lib64/NAME, of the toolkit's usual place where CUDA_HOME is not set. */
static const char *in_toolkit(const char *name)
{
    const char *home = getenv("CUDA_HOME");
    return nn_format_string("%s/lib64/%s", home && *home ? home : "/usr/local/cuda", name);
}

void nn_load_nvrtc(void)
{
    static const NnNamed functions[] = {NN_NVRTC_FUNCTIONS(NVRTC_ROW)};
    enum { COUNT = sizeof functions / sizeof *functions };
    if (nn_nvrtc.nvrtcVersion)
        return;
    const char *given = getenv("NNGEN_NVRTC"), *const only[] = {given, NULL};
    const char *const names[] = {"libnvrtc.so.13", "libnvrtc.so.12", in_toolkit("libnvrtc.so.13"), in_toolkit("libnvrtc.so.12"),
                                 in_toolkit("libnvrtc.so"), NULL};
    char tried[4096];
    void *library = load_first(given && *given ? only : names, tried, sizeof tried);
    if (!library)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: the compiler for CUDA kernels, NVRTC (libnvrtc.so), is not found; tried%s\n"
                "  install it (CUDA 12 or 13; pip's nvidia-cuda-nvrtc has it too) and name it by NNGEN_NVRTC=/path/to/libnvrtc.so.13,\n"
                "  or generate the program where it is, with --gpu-arch sm_XY: then it is not needed here", tried);
    const char *missing = find_functions(library, functions, COUNT);
    if (missing)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: NVRTC is too old: it has no %s; install that of CUDA 12 or 13, or name another one by "
                "NNGEN_NVRTC", missing);
}

/* What a person can do about it; NULL: not known. */
static const char *remedy(unsigned result)
{
    switch (result) {
    case CUDA_STUB_LIBRARY: return "the library that was loaded is the stub of the CUDA toolkit, made for linking, not a driver; leave "
                                   "it out of LD_LIBRARY_PATH and NNGEN_LIBCUDA, install NVIDIA's driver, or regenerate with --target c";
    case CUDA_NO_DEVICE: return "the driver sees no GPU: is there one, and does CUDA_VISIBLE_DEVICES or the container hide it? else "
                                "regenerate with --target c";
    case CUDA_DEVICE_UNAVAILABLE: return "another process has the GPU for itself (nvidia-smi shows which)";
    case CUDA_DRIVER_MISMATCH: return "the driver's library and its kernel module are of different versions: reboot, or load the new "
                                      "module";
    case CUDA_UNSUPPORTED_DEVICE: return "the driver is older than the GPU or the toolkit: install a newer driver";
    case CUDA_INVALID_IMAGE: case CUDA_NO_BINARY_FOR_GPU: case CUDA_UNSUPPORTED_PTX:
        return "the driver is older than the NVRTC that compiled the kernels: install a newer driver, or name an older NVRTC by NNGEN_NVRTC";
    case CUDA_LAUNCH_TIMEOUT: return "the GPU draws a screen too, and the driver ends what takes it for seconds: a smaller batch takes less";
    case CUDA_NOT_READY_YET: return "the services of this machine's GPUs are not up (nvidia-fabricmanager, where NVSwitch joins them)";
    case CUDA_NOT_PERMITTED: return "this user may not use the GPU";
    default: return NULL;
    }
}

void nn_check_driver(unsigned result, const char *while_doing)
{
    if (!result)
        return;
    const char *name = NULL, *text = NULL, *what = remedy(result);
    if (nn_driver.cuGetErrorName(result, &name) || !name)
        name = "an error without a name";
    if (nn_driver.cuGetErrorString(result, &text) || !text)
        text = "no more is known";
    if (result >= CUDA_FIRST_FAULT && result <= CUDA_LAST_FAULT && !what)
        nn_fail(NN_OUR_FAULT, NULL, "error: a kernel failed on the device: %s (%u), %s\n  this is a fault of nngen; compute-sanitizer "
                "in front of the call may show where", name, result, text);
    nn_fail(NN_MACHINE_LACKS, NULL, "error: cannot %s: %s (%u), %s%s%s", while_doing, name, result, text, what ? "\n  " : "", what ? what : "");
}
