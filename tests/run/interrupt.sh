# Ctrl-C ends a run with 130, after its checkpoint; resumed, the run ends where an uninterrupted one does.
. "$(dirname "$0")/tools/case.bash"
tool tensors; tool json
must "builds" build p "$ROOT/tests/models/prime_width.lua"

# Bash starts background jobs with SIGINT ignored; a job of its own process group is not, and timeout sends what it is told.
interrupted() {
    timeout -s "$1" 1 ./p --steps 2000000000 --quiet --save s --log log --log-every 100; got=$?
    [ $got = 124 ] || { echo "ended by itself: $got"; return 1; }
}
check "interrupted after a second" interrupted INT
check "the log ends with an end event, interrupted" eval './json < log && tail -n 1 log | grep "\"event\":\"end\"" | grep -q "\"reason\":\"interrupted\""'
check "the checkpoint is whole" eval './tensors list s > /dev/null'
steps() { timeout --preserve-status -s INT 1 ./p --steps 2000000000 --quiet --save s --log log --log-every 1000000; echo $?; }
check "the status is 130" test "$(steps)" = 130
same() {
    local at; at=$(values end step log)
    status 0 ./p --quiet --resume s --steps $((at + 10)) --save a && status 0 ./p --quiet --steps $((at + 10)) --save b && ./tensors compare a b 0
}
check "resumed, it is the same run" same
check "without --save too" eval 'timeout --preserve-status -s INT 1 ./p --steps 2000000000 --quiet; [ $? = 130 ]'
check "while it only predicts or reads, a signal is heeded" eval 'timeout -s INT 20 ./p --steps 10 --quiet'
check "--save names the file in the last words" eval 'timeout --preserve-status -s INT 1 ./p --steps 2000000000 --save s > out 2>&1; grep -q "[^a-z]s\b" out'
twice() {                                             # what timeout(1) does to its group, made certain
    rm -f log; ./p --steps 2000000000 --quiet --save s --log log --log-every 1000 & local run=$!
    for _ in $(seq 100); do grep -qs '"step"' log && break; sleep 0.1; done          # under way: a busy machine takes its time
    kill -TERM $run; sleep 0.02; kill -TERM $run; wait $run
    [ $? = 130 ] && tail -n 1 log | grep -q interrupted
}
check "told twice at once, it ends as told once" twice

# The data set is small, the test set takes half a minute on a fast core: nothing here waits for its end.
cat > slow.lua <<'E'
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
local net = nn.sequential {nn.linear(1, 1600), nn.tanh, nn.linear(1600, 1600), nn.tanh, nn.linear(1600, 1600), nn.tanh, nn.linear(1600, 1)}
return nn.train {
  loss = nn.mse(net(x), y), optimizer = nn.sgd {lr = 0.01}, batch = 10, epochs = 1,
  data = nn.data.csv {train = "train.csv", test = "test.csv", columns = {x = 1, y = 2}},
}
E
seq 10 | sed 's/.*/0.&,1/' > train.csv
seq 300000 | sed 's/.*/0.5,1/' > test.csv
must "a long evaluation: builds" build slow slow.lua
evaluation() {
    local start=$SECONDS
    timeout --preserve-status -s "$1" 2 ./slow --quiet --save e --log elog; [ $? = 130 ] || return 1
    [ $((SECONDS - start)) -lt 8 ] && ./json < elog && ./tensors list e > /dev/null && tail -n 1 elog | grep -q interrupted && ! grep -q test_loss elog
}
for signal in INT TERM HUP; do check "$signal in an evaluation ends it, and saves" evaluation $signal; done
check "resumed, the evaluation comes first" eval 'timeout --preserve-status -s INT 2 ./slow --quiet --resume e --save f --log flog; [ $? = 130 ] && ./tensors compare e f 0'
