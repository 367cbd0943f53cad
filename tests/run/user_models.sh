# Models as users write them (tests/models), each unlike the others: its losses are PyTorch's (tests/parity/models.py),
# fused and generic programs agree one step at a time, and its gradients pass `nngen check`.
. "$(dirname "$0")/tools/case.bash"
tool tensors

trains() {
    build "$2" "$ROOT/tests/models/$1.lua" --precision f64 --kernels "$2" &&
    status 0 ./"$2" --no-shuffle --log log --quiet && values step loss log > actual &&
    recorded models "$1" > expected && near expected actual 1e-9 && falls actual
}

# From one saved state (after 0, 9, 19 steps of the fused program) both take one step; all tensors agree to rounding:
# 32 units in the last place times the root of the longest fold, which in these models is below 256.
agree() {
    local before options
    for before in 0 9 19; do
        options="--no-shuffle --quiet --steps $((before + 1))"
        rm -f state
        if [ $before != 0 ]; then
            status 0 ./fused --no-shuffle --quiet --steps $before --save state || return 1
            options="$options --resume state"
        fi
        status 0 ./fused $options --save after.fused && status 0 ./generic $options --save after.generic || return 1
        ./tensors compare after.fused after.generic 512 || { echo "step $((before + 1))"; return 1; }
    done
}

for name in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$ROOT/tests/parity/recorded/models.jsonl"); do
    check "$name fused" trains "$name" fused
    check "$name generic" trains "$name" generic
    steps=$(recorded models "$name" | wc -l)
    [ "$steps" -lt 20 ] || check "$name fused and generic agree" agree
    # Every element of `ties` is at a kink: there are no differences to hold its derivatives against.
    [ "$name" = ties ] || check "$name passes nngen check" status 0 "$NNGEN" check "$ROOT/tests/models/$name.lua"
done
