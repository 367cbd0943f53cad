# The flags of an emitted program: help, what is refused with which status, the benchmark, the gradient check.
. "$(dirname "$0")/tools/case.bash"
model=$ROOT/tests/models/prime_width.lua
must "builds" build p "$model"
check "--help is 0, on standard output" eval './p --help > help 2> errors && [ ! -s errors ]'
for flag in data epochs steps lr seed threads init save resume log log-every snapshot-every no-shuffle check-gradients predict benchmark quiet help; do
    check "--help names --$flag" grep -q -- "--$flag" help
done
for call in "--nonsense" "nonsense" "--steps" "--steps x" "--steps 1.5" "--steps -1" "--steps 0" "--steps 99999999999999999999" "--epochs 0" \
    "--epochs -2" "--lr" "--lr x" "--lr -1" "--lr nan" "--lr inf" "--lr 1e999" "--lr 0.1x" "--seed x" "--seed -1" "--seed 99999999999999999999" \
    "--threads -1" "--threads x" "--log-every 0" "--log-every -3" "--log-every x" "--benchmark 0" "--benchmark x" "--snapshot-every 0" "--steps=" "--data"; do
    check "$call is 2" status 2 ./p $call
done
check "a wrong flag is named, with the nearest" refused 2 "epochs" ./p --epoch 3
check "a wrong number is named" refused 2 "12x" ./p --steps 12x
for call in "--steps 2" "--steps=2" "--steps 2 --threads 0" "--steps 2 --threads 999" "--steps 2 --lr 0" "--steps 2 --lr 1e-3" "--steps 2 --seed 18446744073709551615" \
    "--steps 2 --data nowhere" "--steps 2 --quiet" "--epochs 1" "--steps 2 --log-every 5"; do
    check "$call is 0" status 0 ./p $call
done
cp "$model" other; ln other hard
for call in "--log s --save s" "--log s --resume s" "--log s --init s" "--predict s --init s" "--save other --log hard" "--save s --predict s --init s"; do
    check "$call would destroy a file: 2" refused 2 "one file" ./p --steps 2 $call
done
check "--save and --log to one device is 0" status 0 ./p --steps 2 --save /dev/null --log /dev/null
check "-h is 2, and names --help" refused 2 "did you mean --help" ./p -h
check "--quiet says nothing" eval './p --steps 2 --quiet > out 2> errors && [ ! -s out ] && [ ! -s errors ]'
check "without it, something, and no control characters off a terminal" eval './p --steps 2 > out 2>&1 && [ -s out ] && ! grep -q "[[:cntrl:]]" out'
check "the peak memory is printed before the first step" eval './p --steps 2 2>&1 | grep -Eiq "[0-9].*(bytes|[KMG]i?B)"'
check "--benchmark" eval './p --benchmark 20 > out 2> errors && tail -n 1 out | grep -Eq "^median_us_per_step [0-9.]+$"'
check "--benchmark of one batch" eval 'build q "$ROOT/tests/models/batch_all.lua" && ./q --benchmark 20 > out && tail -n 1 out | grep -Eq "^median_us_per_step [0-9.]+$"'
check "--benchmark of no data" eval 'build q "$ROOT/tests/models/no_data.lua" && ./q --benchmark 20 > out && tail -n 1 out | grep -Eq "^median_us_per_step [0-9.]+$"'

check "--check-gradients here is 2 and says how" eval 'refused 2 "nngen .*--kernels generic" ./p --check-gradients && grep -q -- "--precision f64" said'
gradients() {
    build q "$ROOT/tests/models/$1.lua" --precision f64 --kernels generic && status 0 ./q --check-gradients &&
    deviation=$(sed -n 's/.*worst relative deviation \([0-9.e+-]*\).*/\1/p' said) && is "$deviation" 0 1e-6
}
for name in prime_width two_losses gradient_penalty higher_rank no_data; do check "--check-gradients of $name" gradients $name; done
