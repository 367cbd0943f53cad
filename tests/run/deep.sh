# Deep models: time to generate grows with their size and not with its square, equal layers are one function, and what the one
# function computes for all of them is what plain loops compute.
. "$(dirname "$0")/tools/case.bash"
model=$ROOT/tests/run/models/deep.lua

# within SECONDS COMMAND…: of processor time
within() { local seconds=$1; shift; (ulimit -t "$seconds"; status 0 "$@"); }

few_functions() {                           # a function for each kind of kernel, not for each layer
    local functions; functions=$(grep -c '^NN_KERNEL' "$1.c")
    [ "$functions" -lt 30 ] || { echo "$functions functions for 60 equal layers"; return 1; }
}

length=3000
is_sanitized && length=300                  # the clock is for the program that people have
for kernels in fused generic; do
    check "a chain of $length operations, $kernels" within 30 "$NNGEN" "$model" --set sines=$length --set layers=1 --kernels $kernels -o chain.c
    check "60 layers, $kernels: builds" build $kernels "$model" --kernels $kernels
    check "60 layers, $kernels: few functions" few_functions $kernels
    check "60 layers, $kernels: runs" status 0 ./$kernels --no-shuffle --quiet --log $kernels.log
    values step loss $kernels.log > $kernels.losses
done
check "the comment names some users and counts the others" grep -q ' and [0-9]* more: gradient and update' fused.c
check "fused and generic agree" near generic.losses fused.losses 1e-12 1e-9
check "the loss falls" falls fused.losses
