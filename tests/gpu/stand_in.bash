# stand_in.bash: CUDA programs run on the CPU from here on: the library of tests/gpu/stand_in behind the names of the driver and
# of NVRTC, kernels compiled once a text.
stand_in=$(dirname "$NNGEN")/lib/libnngen_stand_in.so
export NNGEN_LIBCUDA=$stand_in NNGEN_NVRTC=$stand_in NNGEN_CUDA_CACHE=$WORK/kernels NNGEN_STAND_IN_CC=$CC TMPDIR=$WORK
