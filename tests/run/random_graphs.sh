# Models drawn by lot (tests/models/random_graph.lua): derivatives agree with differences, fused programs with generic ones.
# NNGEN_CASES="first last" sets how many; a failure names its case, `--set case=N` makes it again.
. "$(dirname "$0")/tools/case.bash"
tool tensors
model=$ROOT/tests/models/random_graph.lua

agree() {
    build fused "$model" --set case=$1 --kernels fused && build generic "$model" --set case=$1 --kernels generic || return 1
    for steps in 1 5; do
        for kind in fused generic; do status 0 ./$kind --quiet --no-shuffle --steps $steps --save $kind.s || return 1; done
        ./tensors compare fused.s generic.s 4096 || { echo "after $steps steps"; return 1; }
    done
}

read -r first last <<< "${NNGEN_CASES:-1 12}"
for ((n = first; n <= last; n++)); do
    check "case $n: nngen check" status 0 "$NNGEN" check "$model" --set case=$n
    check "case $n: fused and generic agree" agree $n
done
