# What --log holds: every line JSON, the promised keys, and values that were worked out by hand for models/metrics.lua:
#   train  x 1 2 3 4 5, prediction x, y 1 2 3 4 7: squared errors 0 0 0 0 4; half w² = 0.5
#   test   x 1 2 3, y 1 2 6: squared errors 0 0 9;  validation x 1, y 3
. "$(dirname "$0")/tools/case.bash"
tool json
model=$ROOT/tests/run/models/metrics.lua

value() { values "$1" "$2" "${4:-log}" | sed -n "${3}p"; }
expect() { check "$1" is "$(value "$2" "$3" "$4")" "$5" 1e-6; }

must "builds" build p "$model"
check "runs" status 0 ./p --no-shuffle --log log
check "every line is JSON" ./json < log
cat log > first_log

check "a step event a step" is "$(grep -c '"event":"step"' log)" 9 0
check "an epoch event an epoch" is "$(grep -c '"event":"epoch"' log)" 3 0
check "one end event, the last line" eval 'tail -n 1 log | grep -q "\"event\":\"end\"" && [ "$(grep -c "\"event\":\"end\"" log)" = 1 ]'
check "steps count from 1" is "$(values step step log | tr '\n' ' ' | grep -c '^1 2 3 4 5 6 7 8 9 $')" 1 0
# batches (1, 2), (3, 4), (5): means 0, 0, 4, and 0.5 from the penalty
expect "step 1: loss" step loss 1 0.5
expect "step 3: loss of a partial batch" step loss 3 4.5
expect "step: lr" step lr 1 0
expect "epoch: step" epoch step 1 3
expect "epoch: loss is over rows, not batches" epoch loss 1 1.3
expect "epoch: train_fit" epoch train_fit 1 0.8
expect "epoch: train_half" epoch train_half 1 0.5
expect "epoch: train_accuracy" epoch train_accuracy 1 0.4
expect "epoch: train_top_2" epoch train_top_2 1 0.8
expect "epoch: train_far" epoch train_far 1 0.4
expect "epoch: train_r2" epoch train_r2 1 0.811320754717
expect "epoch: train_largest is weighted by rows" epoch train_largest 1 3.4
expect "epoch: validation_loss" epoch validation_loss 1 4.5
expect "epoch: test_loss" epoch test_loss 1 3.5
expect "epoch: test_fit" epoch test_fit 1 3
expect "epoch: test_accuracy" epoch test_accuracy 1 0.666666667
expect "epoch: test_top_2" epoch test_top_2 1 1
expect "epoch: test_far" epoch test_far 1 1
expect "epoch: test_r2" epoch test_r2 1 0.357142857143
expect "epoch: test_largest" epoch test_largest 1 2.333333333
matrix() { grep '"event":"epoch"' log | head -n 1 | grep -o "\"$1\":\[\[[^]]*\],\[[^]]*\],\[[^]]*\]\]" | tr -dc '0-9.,' | awk -F, '{ for (i = 1; i <= NF; i++) printf "%d ", $i }'; }
check "epoch: train_confusion, row = label" test "$(matrix train_confusion)" = "1 0 1 1 0 0 1 0 1 "
check "epoch: test_confusion" test "$(matrix test_confusion)" = "1 1 0 0 1 0 0 0 0 "
check "epoch: seconds, samples_per_second" eval 'grep "\"event\":\"epoch\"" log | grep -q "\"seconds\":.*\"samples_per_second\":"'
expect "end: step" end step 1 9
expect "end: epoch" end epoch 1 3
check "end: seconds, loss and the reason done" eval 'tail -n 1 log | grep "\"reason\":\"done\"" | grep "\"loss\":" | grep -q "\"seconds\":"'

check "with --log-every 4 runs" status 0 ./p --log log --log-every 4
check "  steps 4 and 8 alone" test "$(values step step log | tr '\n' ' ')" = "4 8 "
check "with --steps 4 runs" status 0 ./p --no-shuffle --log log --steps 4
check "  the epoch it stopped in is partial" eval 'grep "\"event\":\"epoch\"" log | tail -n 1 | grep -q "\"partial\":true"'
check "  and only that one" is "$(grep -c '"partial":true' log)" 1 0
expect "  its loss is over the rows seen" epoch loss 2 0.5
expect "  end: step" end step 1 4
check "with --steps 3 no epoch is partial" eval 'status 0 ./p --no-shuffle --log log --steps 3 && ! grep -q partial log && [ "$(grep -c "\"epoch\"," log)" = 1 ]'
check "with --epochs 2 runs" status 0 ./p --log log --epochs 2
expect "  end: epoch" end epoch 1 2
check "--log truncates" is "$(grep -c '"event":"end"' log)" 1 0
check "--lr replaces the rate" eval 'status 0 ./p --log log --lr 0.25 --steps 1 && [ "$(values step lr log)" = 0.25 ]'
check "--log on standard output or a pipe" eval './p --quiet --steps 2 --log /dev/stdout > piped && ./json < piped'

cut() {
    status 0 ./p --quiet --epochs 2 --log cut --save cut.st && head -c -20 cut > torn && status 0 ./p --quiet --resume cut.st --epochs 3 --log torn && ./json < torn
}
tool json
check "a log that ends within a line is continued behind its last whole one" cut

summed() {
    build p "$model" --set reduction=sum && status 0 ./p --no-shuffle --log log --epochs 1 &&
    is "$(value step loss 3)" 4.5 1e-6 && is "$(value epoch train_fit 1)" 4 1e-6 && is "$(value epoch test_fit 1)" 9 1e-6 &&
    is "$(value epoch test_half 1)" 0.5 1e-6
}
check "a sum loss is summed over the set" summed

# Numbers read back to the same bits: 9 digits in f32, 17 in f64, or fewer that do as well.
exact() {
    build p "$model" --set precision="$1" && status 0 ./p --no-shuffle --log log --lr 0.1 --steps 1 --save s &&
    tool tensors && ./tensors get s w > w &&
    status 0 ./p --no-shuffle --init s --lr 0 --steps 1 --predict pred && ./tensors get pred w > back && cmp w back
}
for precision in f32 f64; do check "what is saved and predicted in $precision has the same bits" exact $precision; done
for kernels in generic; do
    check "generic logs the same" eval "build p '$model' --kernels $kernels && status 0 ./p --no-shuffle --log log &&
        values epoch train_r2 log > a && values epoch train_r2 first_log > b && near b a 1e-6 && values step loss log > a && values step loss first_log > b && near b a 1e-6"
done
