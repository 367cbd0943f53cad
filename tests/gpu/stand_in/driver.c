/* driver.c: the stand-in for libcuda.so.1: the same names and forms, memory of the host for that of a device.
 *
 * A stream is as late as a stream may be: what is put in line runs when somebody waits for it, and no earlier. So memory of the host that
 * is given away again too soon, or read too soon, has other bits: pinned memory that a copy comes from is read when the copy runs, and
 * what a copy goes to is NaNs until then. Memory that is not pinned is copied at the call, as a driver does it.
 *
 * A module's image is what nvrtc.c makes: its size, then a shared object. A line keeps launches with the values of their arguments. NNGEN_STAND_IN_FAILS=NAME:RESULT makes one function fail, NNGEN_STAND_IN_MEMORY=BYTES sets the memory there is,
 * NNGEN_STAND_IN_CAPABILITY=75 the device's, for tests of what the runtime says then. */
#define _GNU_SOURCE
#include "stand_in.h"

#include "cuda_api.h"

#include <dlfcn.h>
#include <stdint.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { INVALID_VALUE = 1, NOT_STARTED = 3, NOT_READY = 600, CAPTURING = 900, MOST_PINNED = 64 };

struct CUctx_st { int unused; };
struct CUmod_st { void *object; NnStandIn *shown; char **shared; };
struct CUfunc_st { struct CUmod_st *module; char name[128]; void (*entry)(void); };
struct CUevent_st { struct timespec at; struct CUstream_st *stream; bool is_due; };

typedef enum ActKind { LAUNCH, COPY, SET, EVENT } ActKind;
typedef struct Act {
    ActKind kind;
    struct CUfunc_st *function;
    NnIndex blocks, threads;
    size_t bytes;
    int count;
    unsigned long long *words;
    void *to;
    const void *from;
    void *owned;                        /* what `from` or `words` points to, if it is the act's own */
    struct CUevent_st *event;
    unsigned char value;
} Act;

struct CUgraph_st { Act *act; int count, room; };
struct CUgraphExec_st { struct CUgraph_st graph; };
struct CUstream_st { struct CUgraph_st *captured, line; int done; };         /* of the line, `done` have run */

static bool is_started;
static size_t memory_used;

/* The result that the test wants of this function; 0: none. */
static unsigned fails(const char *name)
{
    const char *wanted = getenv("NNGEN_STAND_IN_FAILS");
    const size_t length = strlen(name);
    return wanted && !strncmp(wanted, name, length) && wanted[length] == ':' ? (unsigned)atoi(wanted + length + 1) : 0;
}

#define MAY_FAIL                                    \
    do {                                            \
        unsigned wanted = fails(__func__);          \
        if (wanted || !is_started)                  \
            return wanted ? wanted : NOT_STARTED;   \
    } while (0)

/* ---- acts ---- */

static void run(const Act *act)
{
    switch (act->kind) {
    case LAUNCH: {
        const struct CUfunc_st *function = act->function;
        char *const *shared = function->module->shared;
        if (shared && shared[0])
            memset(shared[0], 0xff, (size_t)(shared[1] - shared[0]));
        nn_run_launch(function->module->shown, function->name, function->entry, act->words, act->count, act->blocks, act->threads);
        return;
    }
    case COPY: memmove(act->to, act->from, act->bytes); return;
    case SET: memset(act->to, act->value, act->bytes); return;
    case EVENT: clock_gettime(CLOCK_MONOTONIC, &act->event->at); act->event->is_due = false; return;
    }
}

static void add(struct CUgraph_st *graph, Act act)
{
    if (graph->count == graph->room)
        graph->act = realloc(graph->act, (size_t)(graph->room = graph->room ? 2 * graph->room : 64) * sizeof act);
    graph->act[graph->count++] = act;
}

static unsigned put(struct CUstream_st *stream, Act act)
{
    if (act.kind == LAUNCH) {
        const size_t bytes = (size_t)(act.count ? act.count : 1) * sizeof *act.words;
        act.owned = act.words = memcpy(malloc(bytes), act.words, bytes);
    }
    add(stream->captured ? stream->captured : &stream->line, act);
    return 0;
}

/* Runs what is in line up to the event; NULL: all of it. */
static void catch_up(struct CUstream_st *stream, const struct CUevent_st *event)
{
    while (stream->done < stream->line.count && !(event && !event->is_due)) {
        const Act act = stream->line.act[stream->done++];
        run(&act);
        free(act.owned);
    }
    if (stream->done == stream->line.count)
        stream->done = stream->line.count = 0;
}

/* ---- memory of the host ---- */

static struct { const char *at; size_t bytes; } pinned[MOST_PINNED];

static bool is_pinned(const void *block)
{
    for (int i = 0; i < MOST_PINNED; i++)
        if (pinned[i].at && (const char *)block >= pinned[i].at && (const char *)block < pinned[i].at + pinned[i].bytes)
            return true;
    return false;
}

/* ---- the driver ---- */

unsigned cuInit(unsigned flags)
{
    (void)flags;
    unsigned wanted = fails(__func__);
    is_started = !wanted;
    return wanted;
}

unsigned cuDriverGetVersion(int *version)
{
    const char *given = getenv("NNGEN_STAND_IN_VERSION");
    *version = given ? atoi(given) : 13000;
    return 0;
}

unsigned cuGetErrorName(unsigned result, const char **name)
{
    static char text[32];
    snprintf(text, sizeof text, "CUDA_ERROR_%u", result);
    *name = text;
    return 0;
}

unsigned cuGetErrorString(unsigned result, const char **text)
{
    (void)result;
    *text = "the stand-in was told to fail";
    return 0;
}

unsigned cuDeviceGetCount(int *count) { MAY_FAIL; *count = 1; return 0; }
unsigned cuDeviceGet(int *device, int ordinal) { MAY_FAIL; *device = ordinal; return 0; }
unsigned cuDeviceGetName(char *name, int room, int device) { MAY_FAIL; snprintf(name, (size_t)room, "the stand-in %d", device); return 0; }

unsigned cuDeviceGetAttribute(int *value, unsigned attribute, int device)
{
    (void)device;
    MAY_FAIL;
    const char *given = getenv("NNGEN_STAND_IN_CAPABILITY");
    const int capability = given ? atoi(given) : 90;
    *value = attribute == ATTRIBUTE_MAJOR ? capability / 10 : attribute == ATTRIBUTE_MINOR ? capability % 10 : 4;
    return 0;
}

unsigned cuDevicePrimaryCtxRetain(NnContext **context, int device)
{
    static struct CUctx_st only;
    (void)device;
    MAY_FAIL;
    *context = &only;
    return 0;
}

unsigned cuDevicePrimaryCtxRelease_v2(int device) { (void)device; return 0; }
unsigned cuCtxSetCurrent(NnContext *context) { (void)context; MAY_FAIL; return 0; }

static size_t memory_there(void)
{
    const char *given = getenv("NNGEN_STAND_IN_MEMORY");
    return given ? strtoull(given, NULL, 10) : (size_t)8 << 30;
}

unsigned cuMemGetInfo_v2(size_t *free_bytes, size_t *total)
{
    MAY_FAIL;
    *total = memory_there();
    *free_bytes = *total > memory_used ? *total - memory_used : 0;
    return 0;
}

unsigned cuMemAlloc_v2(NnAddress *address, size_t bytes)
{
    MAY_FAIL;
    if (bytes > memory_there() - memory_used)
        return CUDA_OUT_OF_MEMORY;
    memory_used += bytes;
    char *block = aligned_alloc(256, (bytes + 255) / 256 * 256);
    memset(block, 0xff, bytes);                               /* NaN */
    *address = (NnAddress)(uintptr_t)block;
    return 0;
}

unsigned cuMemFree_v2(NnAddress address) { free((void *)(uintptr_t)address); return 0; }

unsigned cuMemHostAlloc(void **block, size_t bytes, unsigned flags)
{
    (void)flags;
    MAY_FAIL;
    int i = 0;
    while (i < MOST_PINNED && pinned[i].at)
        i++;
    if (i == MOST_PINNED)
        return CUDA_OUT_OF_MEMORY;
    pinned[i].at = *block = malloc(bytes);
    pinned[i].bytes = bytes;
    return 0;
}

unsigned cuMemFreeHost(void *block)
{
    for (int i = 0; i < MOST_PINNED; i++)
        if (pinned[i].at == block)
            pinned[i].at = NULL;
    free(block);
    return 0;
}

unsigned cuMemcpyHtoDAsync_v2(NnAddress to, const void *from, size_t bytes, NnStream *stream)
{
    MAY_FAIL;
    void *own = is_pinned(from) ? NULL : memcpy(malloc(bytes), from, bytes);
    return put(stream, (Act){.kind = COPY, .to = (void *)(uintptr_t)to, .from = own ? own : from, .owned = own, .bytes = bytes});
}

unsigned cuMemcpyDtoHAsync_v2(void *to, NnAddress from, size_t bytes, NnStream *stream)
{
    MAY_FAIL;
    memset(to, 0xff, bytes);
    return put(stream, (Act){.kind = COPY, .to = to, .from = (const void *)(uintptr_t)from, .bytes = bytes});
}

unsigned cuMemcpyDtoDAsync_v2(NnAddress to, NnAddress from, size_t bytes, NnStream *stream)
{
    MAY_FAIL;
    return put(stream, (Act){.kind = COPY, .to = (void *)(uintptr_t)to, .from = (const void *)(uintptr_t)from, .bytes = bytes});
}

unsigned cuMemsetD8Async(NnAddress address, unsigned char value, size_t bytes, NnStream *stream)
{
    MAY_FAIL;
    return put(stream, (Act){.kind = SET, .to = (void *)(uintptr_t)address, .value = value, .bytes = bytes});
}

unsigned cuStreamCreate(NnStream **stream, unsigned flags) { (void)flags; MAY_FAIL; *stream = calloc(1, sizeof **stream); return 0; }
unsigned cuStreamDestroy_v2(NnStream *stream) { free(stream); return 0; }

unsigned cuStreamSynchronize(NnStream *stream)
{
    MAY_FAIL;
    if (stream->captured)
        return CAPTURING;
    catch_up(stream, NULL);
    return 0;
}

unsigned cuStreamBeginCapture_v2(NnStream *stream, unsigned mode)
{
    (void)mode;
    MAY_FAIL;
    stream->captured = calloc(1, sizeof *stream->captured);
    return 0;
}

unsigned cuStreamEndCapture(NnStream *stream, NnGraph **graph)
{
    MAY_FAIL;
    *graph = stream->captured;
    stream->captured = NULL;
    return 0;
}

unsigned cuGraphInstantiateWithFlags(NnLaunchable **launchable, NnGraph *graph, unsigned long long flags)
{
    (void)flags;
    MAY_FAIL;
    *launchable = calloc(1, sizeof **launchable);
    (*launchable)->graph = *graph;
    return 0;
}

unsigned cuGraphLaunch(NnLaunchable *launchable, NnStream *stream)
{
    MAY_FAIL;
    for (int i = 0; i < launchable->graph.count; i++) {
        Act act = launchable->graph.act[i];
        act.owned = NULL;                                     /* the graph's, which is launched again */
        add(&stream->line, act);
    }
    return 0;
}

unsigned cuGraphDestroy(NnGraph *graph) { free(graph); return 0; }
unsigned cuGraphExecDestroy(NnLaunchable *launchable) { free(launchable); return 0; }

unsigned cuEventCreate(NnEvent **event, unsigned flags) { (void)flags; MAY_FAIL; *event = calloc(1, sizeof **event); return 0; }
unsigned cuEventDestroy_v2(NnEvent *event) { free(event); return 0; }

unsigned cuEventSynchronize(NnEvent *event)
{
    MAY_FAIL;
    if (event->is_due)
        catch_up(event->stream, event);
    return 0;
}

unsigned cuEventRecord(NnEvent *event, NnStream *stream)
{
    MAY_FAIL;
    event->stream = stream;
    event->is_due = true;
    return put(stream, (Act){.kind = EVENT, .event = event});
}

unsigned cuEventElapsedTime(float *milliseconds, NnEvent *start, NnEvent *end)
{
    MAY_FAIL;
    if (start->is_due || end->is_due)
        return NOT_READY;
    *milliseconds = (float)(1e3 * (double)(end->at.tv_sec - start->at.tv_sec) + 1e-6 * (double)(end->at.tv_nsec - start->at.tv_nsec));
    return 0;
}

unsigned cuModuleLoadData(NnModule **module, const void *image)
{
    MAY_FAIL;
    size_t size;
    int head = 0;
    if (sscanf(image, "stand-in %zu\n%n", &size, &head) != 1 || !head)
        return CUDA_INVALID_IMAGE;
    char path[64];
    int descriptor = memfd_create("stand-in", 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    if (descriptor < 0 || write(descriptor, (const char *)image + head, size) != (ssize_t)size)
        return CUDA_INVALID_IMAGE;
    void *object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    close(descriptor);
    if (!object) {
        fprintf(stderr, "stand-in: %s\n", dlerror());
        return CUDA_INVALID_IMAGE;
    }
    *module = calloc(1, sizeof **module);
    (*module)->object = object;
    (*module)->shown = calloc(1, sizeof *(*module)->shown);
    (*module)->shared = dlsym(object, "nn_shared_memory");
    NnStandIn **place = dlsym(object, "nn_stand_in");
    if (!place)
        return CUDA_INVALID_IMAGE;
    *place = (*module)->shown;
    return 0;
}

unsigned cuModuleUnload(NnModule *module) { (void)module; return 0; }

unsigned cuModuleGetFunction(NnFunction **function, NnModule *module, const char *name)
{
    MAY_FAIL;
    void *entry = dlsym(module->object, name);
    if (!entry)
        return CUDA_NOT_FOUND;
    *function = calloc(1, sizeof **function);
    (*function)->module = module;
    memcpy(&(*function)->entry, &entry, sizeof entry);
    snprintf((*function)->name, sizeof (*function)->name, "%s", name);
    return 0;
}

/* The list of arguments ends with a NULL: a real driver knows a kernel's parameters from its module. */
unsigned cuLaunchKernel(NnFunction *function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x, unsigned threads_y,
                        unsigned threads_z, unsigned shared, NnStream *stream, void **arguments, void **extra)
{
    (void)extra;
    MAY_FAIL;
    const unsigned long long threads = (unsigned long long)threads_x * threads_y * threads_z;
    if (!blocks_x || !blocks_y || !blocks_z || !threads || threads > 1024 || threads_z > 64 || blocks_x > INT32_MAX || blocks_y > 65535 ||
        blocks_z > 65535 || shared)
        return INVALID_VALUE;
    unsigned long long words[128];
    int count = 0;
    for (; arguments[count]; count++)
        memcpy(&words[count], arguments[count], sizeof *words);
    return put(stream, (Act){.kind = LAUNCH, .function = function, .blocks = {blocks_x, blocks_y, blocks_z},
                             .threads = {threads_x, threads_y, threads_z}, .count = count, .words = words});
}
