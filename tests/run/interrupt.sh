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
    ./p --steps 2000000000 --quiet --save s --log log --log-every 1000000 & local run=$!
    sleep 0.7; kill -TERM $run; sleep 0.02; kill -TERM $run; wait $run
    [ $? = 130 ] && tail -n 1 log | grep -q interrupted
}
check "told twice at once, it ends as told once" twice
