# CUDA programs agree with C step by step, every thread of every block run on the CPU by the stand-in: the example models, models
# of what users write, layers and losses. A slice of them; all with NNGEN_ALL.
. "$(dirname "$0")/tools/case.bash"
. "$ROOT/tests/gpu/parity.bash"
. "$ROOT/tests/gpu/stand_in.bash"
tool tensors; tool idx
mkdir images && ./idx images 23 7
# the batch of a model cut, so that a step is short: the model is a copy, its data where they were
small() { sed 's/batch = [0-9][0-9]*/batch = 6/;s/rows = {[^}]*},*//' "$ROOT/models/$1.lua" > "$1.lua"; echo "$1.lua"; }
is_left_out() { [ -z "${NNGEN_ALL:-}" ] && [[ " $1 " != *" $2 "* ]]; }

models="mnist_mlp mnist_cnn digits rate_sweep chain_rule perceptron characters"
for file in "$ROOT"/models/*.lua; do
    name=$(basename "$file" .lua)
    is_left_out "$models" "$name" && continue
    data=$ROOT/models
    grep -q idx "$file" && data=images
    agrees "models/$name" "$(small "$name")" "--data $data" "--data $data"
done

cases="linear conv2d_all batch_norm2d batch_norm1d attention_causal lstm_both_ways gru_deep embedding_lstm functions_smooth ce_all
       optimizer_adam clip_norm max_pool_overlap layer_norm"
for name in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$ROOT/tests/parity/recorded/networks.jsonl"); do
    is_left_out "${cases//$'\n'/ }" "$name" && continue
    agrees "networks: $name" "$ROOT/tests/parity/networks.lua" "--set case=$name --precision f64" "" near 1e-8 "--init $ROOT/tests/parity/recorded/networks/$name.initial"
done

programs="functions dropout reductions pooling where_nan one_hot higher_rank"
for file in "$ROOT"/tests/models/*.lua; do
    name=$(basename "$file" .lua)
    is_left_out "$programs" "$name" && continue
    agrees "tests/models/$name" "$file" "" ""
done
