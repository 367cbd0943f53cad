# NVRTC compiles the kernels of models for every kind of GPU that it knows, where the toolkit is installed; no GPU is needed. The
# instructions are the wanted ones: multiply-adds in products, and no kernel of a step has anything in local memory, be it spilled or
# an array. The runtime's prototypes are those of NVIDIA's headers, and its names are in the driver's library.
. "$(dirname "$0")/tools/case.bash"
tool opcodes
unset NNGEN_NVRTC NNGEN_LIBCUDA
export NNGEN_CUDA_CACHE=
cuda=${CUDA_HOME:-/usr/local/cuda}

check "--gpu-arch without --target cuda is 2" refused 2 "target cuda" "$NNGEN" "$ROOT/models/line.lua" --gpu-arch sm_90
check "a name that is none is 2" refused 2 "such as sm_90" "$NNGEN" "$ROOT/models/line.lua" --target cuda --gpu-arch hopper
check "without NVRTC it is 3" refused 3 "NVRTC .* not found; tried" env NNGEN_NVRTC=/no/libnvrtc.so "$NNGEN" "$ROOT/models/line.lua" --target cuda --gpu-arch sm_90 -o none.c
check "and nothing is written" test ! -e none.c

# The stand-in's NVRTC at generation: the program carries its kernels and needs none when it runs.
stand_in=$(dirname "$NNGEN")/lib/libnngen_stand_in.so
carries() {
    NNGEN_NVRTC=$stand_in build g "$ROOT/models/line.lua" --target cuda --gpu-arch sm_90 &&
    status 0 env NNGEN_LIBCUDA="$stand_in" NNGEN_NVRTC=/no/libnvrtc.so ./g --quiet --steps 2 --save a &&
    status 0 env NNGEN_LIBCUDA="$stand_in" NNGEN_NVRTC="$stand_in" NNGEN_STAND_IN_CAPABILITY=80 ./g --quiet --steps 2 --save b && cmp a b
}
check "a program with kernels inside needs no NVRTC; on another GPU it compiles" carries

if ! "$NNGEN" "$ROOT/models/line.lua" --target cuda --gpu-arch sm_90 -o line.c 2> said; then
    skip "NVRTC to CUBIN" "$(head -n 1 said | cut -c 1-100)"
else
    models="mnist_mlp mnist_cnn"
    [ -z "${NNGEN_ALL:-}" ] || models=$(cd "$ROOT/models" && ls ./*.lua | sed 's/.*\///;s/.lua//')
    tool idx; mkdir images; ./idx images 10000 7
    compiled() {
        local data=$ROOT/models
        grep -q idx "$ROOT/models/$1.lua" && data=images
        status 0 "$NNGEN" "$ROOT/models/$1.lua" --data $data --target cuda --gpu-arch "$2" -o p.c && ./opcodes p.c > found || return 1
        [ -s found ] || { echo "no kernels"; return 1; }
        stays_in_registers
    }
    # The exception: CUDA's own sin and cos have an array of theirs for arguments over 1e5, in a branch that others do not take. Of
    # models/ only chain_rule calls them, in doubles, and it has no training step.
    stays_in_registers() {
        local kernel
        for kernel in $(sed -nE 's/^([a-z_0-9]+) .*(LDL|STL)=.*/\1/p' found); do
            sed -n "/^NN_GPU_KERNEL([0-9]*) $kernel(/,/^})/p" p.c | grep -Eq '[^a-z_](sin|cos)f?\(' ||
                { grep "^$kernel " found; echo "$kernel has values in local memory"; return 1; }
        done
    }
    for arch in sm_75 sm_80 sm_90 sm_100; do
        for model in $models; do check "$model for $arch" compiled "$model" $arch; done
    done
    "$NNGEN" "$ROOT/models/mnist_mlp.lua" --data images --target cuda --gpu-arch sm_80 -o p.c && ./opcodes p.c > found
    for kernel in forward_fc1_relu update_fc1_weight; do check "$kernel multiplies and adds at once" grep -Eq "^$kernel .*FFMA=" found; done
    on_cores() {
        status 0 "$NNGEN" "$ROOT/tests/gpu/products.lua" --target cuda --precision "$1" --gpu-arch "$2" -o p.c && ./opcodes p.c > found || return 1
        for kernel in forward_ backward_ update_; do grep -Eq "^$kernel.* HMMA=" found || { echo "no $kernel"; return 1; }; done
        stays_in_registers
    }
    # NVRTC 13.0 does not always give the same instructions: once in a hundred times, on a busy machine, one value of one kernel was in
    # local memory, and not when asked again. What is there twice counts.
    on_cores_once_of_two() { on_cores "$@" > first || on_cores "$@" || { cat first; return 1; }; }
    for arch in sm_80 sm_90 sm_100; do for kind in tf32 bf16; do check "$kind on the tensor cores of $arch" on_cores_once_of_two $kind $arch; done; done
    check "the text does not tell where it was made" eval '! grep -a "$ROOT" p.c'
fi

if [ ! -e "$cuda/include/cuda.h" ] || [ ! -e "$cuda/include/nvrtc.h" ]; then
    skip "prototypes against NVIDIA's headers" "no cuda.h and nvrtc.h in $cuda/include (CUDA_HOME names another toolkit)"
else
    cat > prototypes.c <<'END'
#define __CUDA_API_VERSION_INTERNAL                 /* names as they are in the library */
#include <cuda.h>
#include <nvrtc.h>
#include "cuda_api.h"
#define CHECK(NAME, PARAMETERS) _Static_assert(__builtin_types_compatible_p(__typeof__(NAME), unsigned PARAMETERS), #NAME);
NN_DRIVER_FUNCTIONS(CHECK)
NN_NVRTC_FUNCTIONS(CHECK)
_Static_assert(CUDA_ERROR_OUT_OF_MEMORY == CUDA_OUT_OF_MEMORY && CUDA_ERROR_STUB_LIBRARY == CUDA_STUB_LIBRARY, "");
_Static_assert(CUDA_ERROR_NO_DEVICE == CUDA_NO_DEVICE && CUDA_ERROR_DEVICE_UNAVAILABLE == CUDA_DEVICE_UNAVAILABLE, "");
_Static_assert(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH == CUDA_DRIVER_MISMATCH && CUDA_ERROR_ILLEGAL_ADDRESS == CUDA_FIRST_FAULT, "");
_Static_assert(CUDA_ERROR_LAUNCH_FAILED == CUDA_LAST_FAULT && CUDA_ERROR_UNSUPPORTED_PTX_VERSION == CUDA_UNSUPPORTED_PTX, "");
_Static_assert(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR == ATTRIBUTE_MAJOR && CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR == ATTRIBUTE_MINOR, "");
_Static_assert(CU_STREAM_NON_BLOCKING == STREAM_NON_BLOCKING && CU_STREAM_CAPTURE_MODE_THREAD_LOCAL == CAPTURE_THREAD_LOCAL, "");
_Static_assert(CUDA_ERROR_LAUNCH_TIMEOUT == CUDA_LAUNCH_TIMEOUT && CUDA_ERROR_SYSTEM_NOT_READY == CUDA_NOT_READY_YET, "");
END
    check "prototypes are those of NVIDIA's headers" $CC -std=gnu11 -fsyntax-only -I"$ROOT/runtime" -I"$cuda/include" prototypes.c
fi
stub=$cuda/lib64/stubs/libcuda.so
if [ ! -e "$stub" ] || ! command -v nm > /dev/null; then
    skip "names in the driver's library" "no $stub"
else
    sed -n '/define NN_DRIVER_FUNCTIONS/,/^$/s/.*X(\(cu[A-Za-z0-9_]*\),.*/\1/p' "$ROOT/runtime/cuda_api.h" | sort > wanted
    nm -D --defined-only "$stub" | sed 's/.* //;s/@.*//' | sort > there
    check "every name is in the driver's library" eval '[ "$(wc -l < wanted)" -gt 30 ] && missing=$(comm -23 wanted there) && { [ -z "$missing" ] || { echo "$missing"; false; }; }'
fi
