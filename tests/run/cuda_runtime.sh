# The runtime of CUDA programs, on the stand-in: what it says where something is missing, the cache of compiled kernels, steps in
# groups of any size and without graphs, checkpoints, --predict, --benchmark, four orders of threads, and a clean end on Ctrl-C.
. "$(dirname "$0")/tools/case.bash"
unset NNGEN_LIBCUDA NNGEN_NVRTC NNGEN_CUDA_CACHE CUDA_HOME
export XDG_CACHE_HOME=$WORK/cache
stand_in=$(dirname "$NNGEN")/lib/libnngen_stand_in.so
must "builds" build g "$ROOT/models/line.lua" --target cuda
must "builds for C" build c "$ROOT/models/line.lua"

# ---- what is missing ----

lacks() {                                           # lacks PATTERN [NAME=VALUE…]: status 3, says so, and nothing is left behind
    local pattern=$1; shift
    refused 3 "$pattern" env "$@" ./g --save out --log log || return 1
    [ ! -e out ] && [ ! -e log ] || { echo "left behind: $(ls out log 2> /dev/null)"; return 1; }
}
if ldconfig -p 2> /dev/null | grep -q libcuda.so.1; then
    skip "no driver" "there is one"
else
    check "no driver" lacks "error: .*libcuda.so.1 not found; tried"
    check "no driver: the remedy" grep -q "regenerate with --target c" said
fi
check "a driver that is not there" lacks "/no/libcuda.so not found" NNGEN_LIBCUDA=/no/libcuda.so
check "no driver at all" lacks "has no cu[A-Z]" NNGEN_LIBCUDA="$(ldconfig -p | sed -n 's/.*=> //p' | grep -m 1 libz.so)"
fails() { local pattern=$1; shift; lacks "$pattern" NNGEN_LIBCUDA="$stand_in" NNGEN_NVRTC="$stand_in" "$@"; }
check "the toolkit's stub" fails "stub of the CUDA toolkit" NNGEN_STAND_IN_FAILS=cuInit:34
check "no device" fails "no GPU" NNGEN_STAND_IN_FAILS=cuInit:100
check "versions that differ" fails "reboot" NNGEN_STAND_IN_FAILS=cuInit:803
check "an old driver" fails "too old: it is of CUDA 11.2" NNGEN_STAND_IN_VERSION=11020
check "a device in use" fails "another process" NNGEN_STAND_IN_FAILS=cuDevicePrimaryCtxRetain:46
check "kernels newer than the driver" fails "newer driver" NNGEN_STAND_IN_FAILS=cuModuleLoadData:222
check "too little memory" fails "not enough memory .* [0-9]+ bytes are needed .* [0-9]+ of 1000 are free" NNGEN_STAND_IN_MEMORY=1000
check "no NVRTC" lacks "NVRTC .* is not found; tried" NNGEN_LIBCUDA="$stand_in" NNGEN_NVRTC=/no/libnvrtc.so
check "no NVRTC: the remedy" grep -q "gpu-arch" said
check "an NVRTC too old" lacks "NVRTC is too old: it has no nvrtc[A-Z]" NNGEN_LIBCUDA="$stand_in" NNGEN_NVRTC="$(ldconfig -p | sed -n 's/.*=> //p' | grep -m 1 libz.so)"
check "an NVRTC too new for the device" fails "compiles for sm_75, .* the device is an sm_61" NNGEN_STAND_IN_CAPABILITY=61
check "an arch that NVRTC does not know" fails "does not compile for 'sm_70'" NNGEN_CUDA_ARCH=sm_70
check "a fault of a kernel is 70" eval 'refused 70 "kernel failed" env NNGEN_LIBCUDA=$stand_in NNGEN_NVRTC=$stand_in NNGEN_STAND_IN_FAILS=cuEventSynchronize:700 ./g'
stub=${CUDA_HOME:-/usr/local/cuda}/lib64/stubs/libcuda.so
if [ -e "$stub" ]; then check "the real stub" lacks "stub of the CUDA toolkit" NNGEN_LIBCUDA="$stub"; else skip "the real stub" "no CUDA toolkit in ${stub%/lib64*}"; fi

. "$ROOT/tests/gpu/parity.bash"
. "$ROOT/tests/gpu/stand_in.bash"
unset NNGEN_CUDA_CACHE
check "no such device" refused 3 "this machine has 1 device" ./g --device 1
check "--device of a C program" refused 2 "needs a CUDA program" ./c --device 0
check "a newer device than NVRTC knows" env NNGEN_STAND_IN_CAPABILITY=120 NNGEN_STAND_IN_KEEP= ./g --quiet --steps 1

# ---- the cache ----

cached() { ls "$XDG_CACHE_HOME/nngen/cuda"; }
rm -rf "$XDG_CACHE_HOME"
run() { status 0 ./g --quiet --steps 3 --save "$1"; }
check "compiles and keeps" eval 'run a && [ "$(cached | wc -l)" = 1 ]'
check "does not compile again" eval 'NNGEN_STAND_IN_CC=false run b && cmp a b'
kept=$XDG_CACHE_HOME/nngen/cuda/$(cached)
damaged() {                                         # damaged COMMAND: what is kept is bad, is seen to be, and made again
    cp "$kept" before && "$@" && ! cmp -s before "$kept" && run b && cmp a b && NNGEN_STAND_IN_CC=false run b
}
check "a torn file" damaged truncate -s 1000 "$kept"
check "an empty file" damaged truncate -s 0 "$kept"
check "a changed byte" damaged eval 'printf X | dd of="$kept" bs=1 seek=5000 conv=notrunc 2> /dev/null'
check "bytes behind the end" damaged eval 'echo >> "$kept"'
check "a place where nothing can be kept" eval 'XDG_CACHE_HOME=/dev/null/no run b && cmp a b'
check "other flags, another file" eval 'NNGEN_STAND_IN_FLAGS=-O0 run b && [ "$(cached | wc -l)" = 2 ]'
check "NNGEN_CUDA_CACHE" eval 'NNGEN_CUDA_CACHE=$WORK/own run b && [ "$(ls own | wc -l)" = 1 ]'
check "an empty NNGEN_CUDA_CACHE keeps nothing" eval 'rm -rf "$XDG_CACHE_HOME"; NNGEN_CUDA_CACHE= run b && [ ! -e "$XDG_CACHE_HOME" ] && cmp a b'

# ---- steps ----

# 80 rows in batches of 7: the twelfth is partial and ends an epoch
cubic="$ROOT/models/cubic_mlp.lua --set batch=7"
must "a model that is quick builds" build d $cubic --target cuda
steps() { status 0 timeout 100 ./d --quiet --steps "$@"; }
check "17 steps" steps 17 --save a --log log
check "the loss falls" falls <(values step loss log)
for size in 0 1 4; do check "the same bits in groups of $size" eval "NNGEN_CUDA_STEPS=$size steps 17 --save b && cmp a b"; done
for order in 1 2 3; do check "the same bits in order $order of threads" eval "NNGEN_STAND_IN_SCHEDULE=$order steps 17 --save b && cmp a b"; done
check "9 + 8 steps" eval 'steps 9 --save h && steps 17 --resume h --save b && cmp a b'
check "snapshots inside a group" eval 'steps 17 --save b --snapshot-every 5 && cmp a b && steps 10 --save h && steps 17 --resume b.step10 --save h && cmp a h'
check "streamed where the data set does not fit" eval 'NNGEN_STAND_IN_MEMORY=67000000 steps 17 --save b && cmp a b'
predicts() {
    build pc $cubic && status 0 ./pc --quiet --steps 2 --save trained || return 1
    status 0 ./pc --init trained --predict outputs.c && status 0 timeout 100 ./d --init trained --predict outputs.g && ./tensors compare outputs.c outputs.g 1024
}
tool tensors
check "predicts as C does" predicts
# The outputs on a grid, from which reports draw curves and boundaries, are predicted from batches that the host gives.
snapshots() {
    local kind
    for kind in pc d; do status 0 timeout 100 ./$kind --quiet --steps 2 --snapshot-every 2 --log log.$kind "$@" || return 1; done
    grep '"grid":' log.pc > grids.c && [ "$(wc -l < grids.c)" = 2 ] && same_numbers grids.c <(grep '"grid":' log.d) 1e-3
}
check "snapshots have what C's have" snapshots
check "also where the data set is streamed" eval 'NNGEN_STAND_IN_MEMORY=67000000 snapshots'
check "times steps" eval 'status 0 timeout 100 ./d --benchmark 3 && tail -n 1 said | grep -Eq "^median_us_per_step [0-9.]+$"'
check "and what the card can do" eval 'grep -Eq "^device_flop_per_second [1-9]" said && grep -Eq "^device_bytes_per_second [1-9]" said'
compared() {
    status 0 timeout 200 "$NNGEN" bench "$ROOT/models/line.lua" --target cuda --json || return 1
    for key in '"cuda": {"us_per_step": [1-9]' '"cuda_generic": {"us_per_step": [1-9]' '"device_flop_per_second": [1-9]' '"device_bytes_per_second": [1-9]'; do
        grep -q "$key" said || { echo "no $key"; return 1; }
    done
}
check "nngen bench --target cuda has both, and the card" compared

# Ctrl-C in the middle of a group: the loop goes to the end of what is launched, saves, and a resumed run ends in the same bits.
interrupted() {
    local got steps                                 # bash starts background jobs with SIGINT ignored; timeout does not
    timeout --preserve-status -s INT 2 ./d --quiet --steps 1000000 --save h --log log; got=$?
    [ "$got" = 130 ] || { echo "status $got"; return 1; }
    steps=$(($(values end step log) + 5))
    steps "$steps" --resume h --save b && steps "$steps" --save a && cmp a b
}
check "interrupted and resumed" interrupted

# ---- a loss that is not finite ----

# The device stops updating by itself; what the host says at the next boundary is what the C program says: operation, line and step.
says_the_same() {                                   # says_the_same [OPTION…]
    rm -f c.log g.log c.save g.save
    build n "$ROOT/tests/run/models/not_finite.lua" "$@" --target cuda && build m "$ROOT/tests/run/models/not_finite.lua" "$@" &&
    refused 1 'not_finite.lua' ./m --no-shuffle --log c.log --save c.save && sed -n '/^m: /,$s/^m: //p' said > expected && [ -s expected ] &&
    refused 1 'not_finite.lua' ./n --no-shuffle --log g.log --save g.save && sed -n '/^n: /,$s/^n: //p' said | diff expected - &&
    diff <(values end step c.log) <(values end step g.log) && { [ ! -e g.save ] || [ -e c.save ]; }
}
for kind in log later; do check "not finite: $kind" says_the_same --set kind=$kind; done
check "not finite: too high a rate" says_the_same
