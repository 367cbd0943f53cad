# --predict writes each of `outputs` for the rows of the test set (else of train), in file order, and does not train.
. "$(dirname "$0")/tools/case.bash"
tool tensors
must "builds" build p "$ROOT/tests/run/models/metrics.lua" --set lr=0.5
check "without --init or --resume is 2" refused 2 "init" ./p --predict out
./tensors one w w F32 1 3
check "runs" status 0 ./p --init w --predict out --log log
check "types and shapes, rows first" test "$(./tensors list out | tr '\n' ' ')" = "row F32 3x3 twice F32 3x1 w F32 1 "
check "values: 2 w x of the test rows, w = 3" test "$(./tensors get out twice | tr '\n' ' ')" = "6 12 18 "
check "the rows of an input in file order" test "$(./tensors get out row | tr '\n' ' ')" = "1 0 0 0 1 0 0 2 1 "
check "a shared output once" test "$(./tensors get out w | tr '\n' ' ')" = "3 "
check "from --resume" eval 'status 0 ./p --steps 3 --lr 0 --save s && status 0 ./p --resume s --predict out && [ "$(./tensors get out w)" = 1 ]'
check "nothing is trained, nothing saved" eval 'rm -f t; status 0 ./p --init w --predict out --save t; [ ! -e t ] || [ "$(./tensors get t w)" = 3 ]'
check "an output that cannot be written is 3" refused 3 "nowhere" ./p --init w --predict nowhere/out

# Of the training rows where there is no test set; 11 rows in batches of 4.
check "without a test set" eval 'build q "$ROOT/tests/models/shared_weight.lua" && status 0 ./q --save s --steps 1 --quiet && status 0 ./q --init s --predict out &&
    [ "$(./tensors list out)" = "code F64 11x3" ]'
# code = tanh(x w): from the table's formula and the saved weight.
by_hand() {
    ./tensors get s w > w.txt; ./tensors get out code > code
    awk 'function tanh(z, e) { e = exp(2 * z); return (e - 1) / (e + 1) }
        { w[NR] = $1 } END { for (i = 1; i <= 11; i++) for (k = 1; k <= 3; k++) { s = 0
            for (j = 1; j <= 6; j++) s += ((i * i * 17 + j * 29 + i * j * 5) % 61 / 30 - 1) * w[(j - 1) * 3 + k]
            printf "%.17g\n", tanh(s) } }' w.txt > expected
    near expected code 1e-12
}
check "  its values" by_hand
check "--threads do not show" eval 'status 0 ./q --init s --predict a --threads 1 && status 0 ./q --init s --predict b --threads 2 && cmp a b'
check "a model without outputs says so" eval 'build q "$ROOT/tests/models/shape_one.lua" && status 0 ./q --quiet --steps 1 --save s && refused 2 output ./q --init s --predict out' 
