/* cuda_api.h: the functions of NVIDIA's driver and of NVRTC that the runtime calls, found when a program runs.
 *
 * Nothing of CUDA is needed to build nngen or an emitted program: prototypes are our own, one line a function, with the types'
 * tags as in NVIDIA's headers, so that a test can hold each line against them. The lists are X(NAME, (PARAMETERS)); names end in
 * _v2 where the plain one is an older function of another form. Results are the enums CUresult and nvrtcResult, 0 for success. */
#ifndef NNGEN_RUNTIME_CUDA_API_H
#define NNGEN_RUNTIME_CUDA_API_H

#include <stddef.h>

typedef unsigned long long NnAddress;   /* CUdeviceptr */
typedef struct CUctx_st NnContext;
typedef struct CUmod_st NnModule;
typedef struct CUfunc_st NnFunction;
typedef struct CUstream_st NnStream;
typedef struct CUevent_st NnEvent;
typedef struct CUgraph_st NnGraph;
typedef struct CUgraphExec_st NnLaunchable;
typedef struct _nvrtcProgram NnSource;

#define NN_DRIVER_FUNCTIONS(X)                                                                                           \
    X(cuInit, (unsigned flags))                                                                                          \
    X(cuDriverGetVersion, (int *version))                                                                                \
    X(cuGetErrorName, (unsigned result, const char **name))                                                              \
    X(cuGetErrorString, (unsigned result, const char **text))                                                            \
    X(cuDeviceGetCount, (int *count))                                                                                    \
    X(cuDeviceGet, (int *device, int ordinal))                                                                           \
    X(cuDeviceGetName, (char *name, int room, int device))                                                               \
    X(cuDeviceGetAttribute, (int *value, unsigned attribute, int device))                                                \
    X(cuDevicePrimaryCtxRetain, (NnContext **context, int device))                                                       \
    X(cuDevicePrimaryCtxRelease_v2, (int device))                                                                        \
    X(cuCtxSetCurrent, (NnContext *context))                                                                             \
    X(cuMemGetInfo_v2, (size_t *free, size_t *total))                                                                    \
    X(cuMemAlloc_v2, (NnAddress *address, size_t bytes))                                                                 \
    X(cuMemFree_v2, (NnAddress address))                                                                                 \
    X(cuMemHostAlloc, (void **block, size_t bytes, unsigned flags))                                                      \
    X(cuMemFreeHost, (void *block))                                                                                      \
    X(cuMemcpyHtoDAsync_v2, (NnAddress to, const void *from, size_t bytes, NnStream *stream))                            \
    X(cuMemcpyDtoHAsync_v2, (void *to, NnAddress from, size_t bytes, NnStream *stream))                                  \
    X(cuMemcpyDtoDAsync_v2, (NnAddress to, NnAddress from, size_t bytes, NnStream *stream))                              \
    X(cuMemsetD8Async, (NnAddress address, unsigned char value, size_t bytes, NnStream *stream))                         \
    X(cuStreamCreate, (NnStream **stream, unsigned flags))                                                               \
    X(cuStreamSynchronize, (NnStream *stream))                                                                           \
    X(cuStreamDestroy_v2, (NnStream *stream))                                                                            \
    X(cuStreamBeginCapture_v2, (NnStream *stream, unsigned mode))                                                        \
    X(cuStreamEndCapture, (NnStream *stream, NnGraph **graph))                                                           \
    X(cuGraphInstantiateWithFlags, (NnLaunchable **launchable, NnGraph *graph, unsigned long long flags))                \
    X(cuGraphLaunch, (NnLaunchable *launchable, NnStream *stream))                                                       \
    X(cuGraphDestroy, (NnGraph *graph))                                                                                  \
    X(cuGraphExecDestroy, (NnLaunchable *launchable))                                                                    \
    X(cuEventCreate, (NnEvent **event, unsigned flags))                                                                  \
    X(cuEventRecord, (NnEvent *event, NnStream *stream))                                                                 \
    X(cuEventSynchronize, (NnEvent *event))                                                                              \
    X(cuEventElapsedTime, (float *milliseconds, NnEvent *start, NnEvent *end))                                           \
    X(cuEventDestroy_v2, (NnEvent *event))                                                                               \
    X(cuModuleLoadData, (NnModule **module, const void *image))                                                          \
    X(cuModuleUnload, (NnModule *module))                                                                                \
    X(cuModuleGetFunction, (NnFunction **function, NnModule *module, const char *name))                                  \
    X(cuLaunchKernel, (NnFunction *function, unsigned blocks_x, unsigned blocks_y, unsigned blocks_z, unsigned threads_x, \
                       unsigned threads_y, unsigned threads_z, unsigned shared, NnStream *stream, void **arguments, void **extra))

#define NN_NVRTC_FUNCTIONS(X)                                                                                            \
    X(nvrtcVersion, (int *major, int *minor))                                                                            \
    X(nvrtcGetNumSupportedArchs, (int *count))                                                                           \
    X(nvrtcGetSupportedArchs, (int *archs))                                                                              \
    X(nvrtcCreateProgram, (NnSource **source, const char *text, const char *name, int headers, const char *const *header, \
                           const char *const *header_name))                                                              \
    X(nvrtcDestroyProgram, (NnSource **source))                                                                          \
    X(nvrtcCompileProgram, (NnSource *source, int options, const char *const *option))                                   \
    X(nvrtcGetProgramLogSize, (NnSource *source, size_t *bytes))                                                         \
    X(nvrtcGetProgramLog, (NnSource *source, char *log))                                                                 \
    X(nvrtcGetCUBINSize, (NnSource *source, size_t *bytes))                                                              \
    X(nvrtcGetCUBIN, (NnSource *source, char *cubin))                                                                    \
    X(nvrtcGetPTXSize, (NnSource *source, size_t *bytes))                                                                \
    X(nvrtcGetPTX, (NnSource *source, char *ptx))

/* Their numbers, where we ask for or tell one from another. */
enum {
    CUDA_OUT_OF_MEMORY = 2, CUDA_STUB_LIBRARY = 34, CUDA_NO_DEVICE = 100, CUDA_DEVICE_UNAVAILABLE = 46, CUDA_INVALID_IMAGE = 200,
    CUDA_NO_BINARY_FOR_GPU = 209, CUDA_UNSUPPORTED_PTX = 222, CUDA_NOT_FOUND = 500, CUDA_FIRST_FAULT = 700, CUDA_LAUNCH_TIMEOUT = 702,
    CUDA_LAST_FAULT = 719, CUDA_NOT_PERMITTED = 800, CUDA_NOT_READY_YET = 802, CUDA_DRIVER_MISMATCH = 803, CUDA_UNSUPPORTED_DEVICE = 804,

    ATTRIBUTE_MULTIPROCESSORS = 16, ATTRIBUTE_MAJOR = 75, ATTRIBUTE_MINOR = 76,
    STREAM_NON_BLOCKING = 1, CAPTURE_THREAD_LOCAL = 1,
};

#define NN_POINTER(NAME, PARAMETERS) unsigned (*NAME) PARAMETERS;
extern struct NnDriver { NN_DRIVER_FUNCTIONS(NN_POINTER) } nn_driver;
extern struct NnNvrtc { NN_NVRTC_FUNCTIONS(NN_POINTER) } nn_nvrtc;

/* Fill the tables from the libraries, or end the program with what was tried and what to do (3). NNGEN_LIBCUDA and NNGEN_NVRTC
 * name other libraries; then no other is tried. */
void nn_load_driver(void);
void nn_load_nvrtc(void);

/* A result that is not success ends the program, with the remedy where one is known; `while_doing` follows "cannot". A kernel
 * that failed on the device is a fault of ours (70). */
void nn_check_driver(unsigned result, const char *while_doing);

#endif
