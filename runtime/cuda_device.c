/* cuda_device.c: see cuda_device.h. */
#include "cuda_device.h"
#include "cuda_compile.h"
#include "failure.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

NnCard nn_card;

static int device = -1;                 /* the driver's number of it */
static NnModule *module;

/* ---- opening ---- */

static int attribute(unsigned which)
{
    int value = 0;
    nn_check_driver(nn_driver.cuDeviceGetAttribute(&value, which, device), "ask the device for its properties");
    return value;
}

static void refuse_old_card(const NnCuda *cuda)
{
    const int least = cuda->least_capability;
    if (nn_card.capability < least)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: this program's products are of precision tf32 or bf16, which GPUs have from sm_%d on, but %s is an "
                "sm_%d\n  regenerate with --precision f32", least, nn_card.name, nn_card.capability);
}

static void open_device(int64_t number)
{
    enum { LEAST_VERSION = 12000 };
    int count = 0, version = 0;
    nn_check_driver(nn_driver.cuInit(0), "start NVIDIA's driver");
    nn_check_driver(nn_driver.cuDriverGetVersion(&version), "ask the driver for its version");
    if (version < LEAST_VERSION)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: NVIDIA's driver is too old: it is of CUDA %d.%d, and CUDA 12.0 (driver 525) is needed; install a "
                "newer one, or regenerate with --target c", version / 1000, version % 1000 / 10);
    nn_check_driver(nn_driver.cuDeviceGetCount(&count), "count the devices");
    if (number >= count)
        nn_fail(NN_MACHINE_LACKS, NULL, "error: --device %lld: this machine has %d device%s, numbered from 0", (long long)number, count,
                count == 1 ? "" : "s");
    nn_check_driver(nn_driver.cuDeviceGet(&device, (int)number), "find the device");
    nn_check_driver(nn_driver.cuDeviceGetName(nn_card.name, sizeof nn_card.name, device), "ask the device for its name");
    nn_card.capability = 10 * attribute(ATTRIBUTE_MAJOR) + attribute(ATTRIBUTE_MINOR);
    nn_card.multiprocessors = attribute(ATTRIBUTE_MULTIPROCESSORS);
    NnContext *context;
    nn_check_driver(nn_driver.cuDevicePrimaryCtxRetain(&context, device), "use the device");
    nn_check_driver(nn_driver.cuCtxSetCurrent(context), "use the device");
    nn_check_driver(nn_driver.cuMemGetInfo_v2(&nn_card.free, &nn_card.total), "ask the device for its memory");
    nn_check_driver(nn_driver.cuStreamCreate(&nn_card.stream, STREAM_NON_BLOCKING), "make a stream");
}

/* Machine code runs on devices of its generation that are no older than it. */
static bool suits(const NnCubin *cubin)
{
    const char *digits = strchr(cubin->arch, '_');
    const int made_for = digits ? atoi(digits + 1) : 0;
    return made_for / 10 == nn_card.capability / 10 && made_for <= nn_card.capability;
}

static void load_kernels(const NnCuda *cuda)
{
    if (cuda->cubin && suits(cuda->cubin)) {
        nn_check_driver(nn_driver.cuModuleLoadData(&module, cuda->cubin->bytes), "load the kernels");
    } else {
        char *text = nn_cuda_text(cuda);
        NnImage image = nn_compile_cuda(text, cuda->file, nn_choose_arch(nn_card.capability));
        nn_check_driver(nn_driver.cuModuleLoadData(&module, image.bytes), "load the kernels");
        nn_release(image.bytes);
        nn_release(text);
    }
    for (int i = 0; i < cuda->kernel_count; i++)
        nn_find_kernel(cuda->kernels[i]);
}

void nn_find_kernel(NnKernel *kernel)
{
    NnFunction *function;
    nn_check_driver(nn_driver.cuModuleGetFunction(&function, module, kernel->name), "find a kernel");
    kernel->function = function;
}

void nn_open_card(const NnCuda *cuda, int64_t number)
{
    nn_load_driver();
    open_device(number);
    refuse_old_card(cuda);
    load_kernels(cuda);
}

/* The process's end frees the rest; a stream that still runs must not outlive what it writes to. */
void nn_close_card(void)
{
    nn_wait_for_card();
    nn_driver.cuMemFree_v2(nn_card.memory);
    nn_driver.cuStreamDestroy_v2(nn_card.stream);
    nn_driver.cuModuleUnload(module);
    nn_driver.cuDevicePrimaryCtxRelease_v2(device);
}

/* ---- memory ---- */

void nn_allocate_on_card(size_t bytes, const char *what)
{
    unsigned result = nn_driver.cuMemAlloc_v2(&nn_card.memory, bytes);
    if (result == CUDA_OUT_OF_MEMORY) {
        nn_driver.cuMemGetInfo_v2(&nn_card.free, &nn_card.total);
        nn_fail(NN_MACHINE_LACKS, NULL, "error: not enough memory on %s: %zu bytes are needed (%s), %zu of %zu are free\n  a smaller batch "
                "needs less; nvidia-smi shows who holds the rest", nn_card.name, bytes, what, nn_card.free, nn_card.total);
    }
    nn_check_driver(result, "take memory of the device");
    nn_card.bytes = bytes;
    nn_check_driver(nn_driver.cuMemsetD8Async(nn_card.memory, 0, bytes, nn_card.stream), "clear memory");
}

void *nn_allocate_pinned(size_t bytes)
{
    void *block;
    nn_check_driver(nn_driver.cuMemHostAlloc(&block, bytes ? bytes : 1, 0), "take memory for copies to the device");
    memset(block, 0, bytes);
    return block;
}

void nn_upload(NnAddress to, const void *from, size_t bytes)
{
    nn_check_driver(nn_driver.cuMemcpyHtoDAsync_v2(to, from, bytes, nn_card.stream), "copy to the device");
}

void nn_download(void *to, NnAddress from, size_t bytes)
{
    nn_check_driver(nn_driver.cuMemcpyDtoHAsync_v2(to, from, bytes, nn_card.stream), "copy from the device");
}

void nn_copy_on_card(NnAddress to, NnAddress from, size_t bytes)
{
    nn_check_driver(nn_driver.cuMemcpyDtoDAsync_v2(to, from, bytes, nn_card.stream), "copy on the device");
}

void nn_wait_for_card(void)
{
    nn_check_driver(nn_driver.cuStreamSynchronize(nn_card.stream), "wait for the device");
}

/* ---- launching ---- */

/* One more than a kernel may have: the list ends with a NULL, which the driver never looks at (it knows how many parameters a
 * kernel has) and a driver made for tests does. */
enum { MOST_ARGUMENTS = 129 };

void nn_cuda_launch(const NnKernel *kernel, const void *const *arguments, int count)
{
    void *list[MOST_ARGUMENTS] = {NULL};
    if (count >= MOST_ARGUMENTS)
        nn_fail(NN_OUR_FAULT, NULL, "error: the kernel %s has %d arguments", kernel->name, count);
    for (int i = 0; i < count; i++)
        list[i] = (void *)&arguments[i];
    unsigned result = nn_driver.cuLaunchKernel(kernel->function, kernel->blocks, 1, 1, kernel->threads, 1, 1, 0, nn_card.stream, list, NULL);
    nn_card.launches++;
    if (result) {
        char what[256];
        snprintf(what, sizeof what, "launch the kernel %s as %u blocks of %u threads", kernel->name, kernel->blocks, kernel->threads);
        nn_check_driver(result, what);
    }
}

void nn_begin_graph(void)
{
    nn_check_driver(nn_driver.cuStreamBeginCapture_v2(nn_card.stream, CAPTURE_THREAD_LOCAL), "capture a graph");
}

NnLaunchable *nn_end_graph(void)
{
    NnGraph *graph;
    NnLaunchable *launchable;
    nn_check_driver(nn_driver.cuStreamEndCapture(nn_card.stream, &graph), "capture a graph");
    nn_check_driver(nn_driver.cuGraphInstantiateWithFlags(&launchable, graph, 0), "make a graph launchable");
    nn_check_driver(nn_driver.cuGraphDestroy(graph), "forget a graph");
    return launchable;
}

void nn_launch_graph(NnLaunchable *graph)
{
    nn_check_driver(nn_driver.cuGraphLaunch(graph, nn_card.stream), "launch a graph");
}

/* ---- events ---- */

NnEvent *nn_new_event(void)
{
    NnEvent *event;
    nn_check_driver(nn_driver.cuEventCreate(&event, 0), "make an event");
    return event;
}

void nn_record(NnEvent *event)
{
    nn_check_driver(nn_driver.cuEventRecord(event, nn_card.stream), "record an event");
}

void nn_wait_for(NnEvent *event)
{
    nn_check_driver(nn_driver.cuEventSynchronize(event), "wait for the device");
}

double nn_seconds_between(NnEvent *start, NnEvent *end)
{
    float milliseconds = 0;
    nn_wait_for(end);
    nn_check_driver(nn_driver.cuEventElapsedTime(&milliseconds, start, end), "read an event");
    return 1e-3 * milliseconds;
}
