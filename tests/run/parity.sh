# Step by step the losses are PyTorch's, which tests/parity/digits.py recorded: the digits network in both precisions, with and
# without a partial last batch.
. "$(dirname "$0")/tools/case.bash"

# digits SIZE OPTIMIZER ROWS BATCH PRECISION KERNELS TOLERANCE…
digits() {
    local size=$1 optimizer=$2 rows=$3 batch=$4 precision=$5 kernels=$6; shift 6
    build p "$ROOT/tests/parity/digits.lua" --set rows="$rows" --set batch="$batch" --set optimizer="$optimizer" \
        --data "$ROOT/models/data" --precision "$precision" --kernels "$kernels" &&
    status 0 ./p --data "$ROOT/models/data" --init "$ROOT/tests/parity/recorded/digits.safetensors" --no-shuffle --log log --quiet &&
    values step loss log > actual && recorded digits "$size-$optimizer-$precision" > expected && near expected actual "$@"
}

for kernels in fused generic; do
    while read -r size optimizer rows batch; do
        check "digits $size $optimizer f32 $kernels" digits $size $optimizer $rows $batch f32 $kernels 1e-5 1e-3
        check "digits $size $optimizer f64 $kernels" digits $size $optimizer $rows $batch f64 $kernels 1e-10
    done <<'END'
full sgd 1347 1347
full adam 1347 1347
mini momentum 1347 100
mini adam 1347 100
small sgd 23 10
small momentum 23 10
END
done
