# Every layer, function, loss, optimizer and option of training is PyTorch's: 21 steps from its initial weights, the losses of all
# steps, the weights and running statistics after the last, and the loss of evaluation, in both precisions, fused and generic (all
# four of them where NNGEN_ALL is set, else one, and a second every third case). With CBLAS a slice of them, or all where NNGEN_ALL is set.
# tests/parity/networks.lua has the cases, networks.py recorded them. NNGEN_CASES='conv* adam' runs some of them.
. "$(dirname "$0")/tools/case.bash"
tool tensors
recorded=$ROOT/tests/parity/recorded
record() { grep -F "{\"case\": \"$1\"," "$recorded/networks.jsonl"; }
field() { record "$1" | sed -n "/\"$2\": /{s/.*\"$2\": \[*//;s/, \"[a-z].*//;s/[]}].*//;s/, /\n/g;p}"; }

# Adam and its kin divide by gradients' sizes: in f32 where a gradient is nothing but rounding a weight goes anywhere.
f32_weights() { case $1 in optimizer_a* | optimizer_rms* | optimizer_lion* | clip_norm) echo 1e30 ;; *) echo 1e-3 ;; esac; }

# -O0: no number depends on what the compiler does to speed them up, and compiling would be most of the time
equal() {
    local name=$1 precision=$2 kernels=$3 losses=1e-9 weights=1e-8
    [ "$precision" = f64 ] || { losses=1e-4; weights=$(f32_weights "$name"); }
    build p "$ROOT/tests/parity/networks.lua" --set case="$name" --precision "$precision" --kernels "$kernels" -- -O0 &&
    status 0 ./p --init "$recorded/networks/$name.initial" --no-shuffle --threads 1 --log log --quiet --save state &&
    field "$name" losses > expected && values step loss log > actual && near expected actual "$losses" || return 1
    field "$name" evaluation > expected && values epoch test_loss log | tail -n 1 > actual && near expected actual "$losses" || { echo "(evaluation)"; return 1; }
    ./tensors near "$recorded/networks/$name.final" state "$weights" || return 1
    [ -z "$(field "$name" rates)" ] || { field "$name" rates > expected && values step lr log > actual && near expected actual 1e-6; }
}
build() {
    local words=() flags=()
    rm -f p p.c
    while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
    shift; flags=("$@")
    generate "${words[@]}" && compile p "${flags[@]}"
}

is_chosen() {
    local pattern
    [ -n "${NNGEN_CASES:-}" ] || return 0
    while read -r pattern; do
        # shellcheck disable=SC2053
        [[ $1 == $pattern ]] && return 0
    done < <(tr ' ' '\n' <<< "$NNGEN_CASES")
    return 1
}

slice=" linear conv1d_dilated conv2d_all conv2d_groups transposed_all attention_causal lstm_both_ways embedding_lstm optimizer_adam "
with_blas() {
    [ -n "${NNGEN_ALL:-}" ] && echo "f64 blas" || { [[ $slice = *" $1 "* ]] && echo "f64 blas"; }
}
blas=yes
"$NNGEN" "$ROOT/tests/parity/networks.lua" --set case=linear --kernels blas -o blas.c > said 2>&1 || { skip "blas" "$(tail -n 2 said | head -n 1)"; blas=; }

# generic programs in f32: every second one of them, where all are not asked for
number=0
is_turn() { [ -n "${NNGEN_ALL:-}${NNGEN_CASES:-}" ] || [ $((number % 3)) = 0 ]; }

for name in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$recorded/networks.jsonl"); do
    is_chosen "$name" || continue
    number=$((number + 1))
    for how in "f64 fused" "$(is_turn && echo "f32 generic")" "${blas:+$(with_blas "$name")}" ${NNGEN_ALL:+"f64 generic" "f32 fused"}; do
        [ -n "$how" ] || continue
        check "$name $how" equal "$name" $how
    done
done
