# Same seed, same bits: run after run, for every --threads, and for 50 + resume + 50 steps against 100; the order of rows
# (1347 rows in batches of 100: a run stops inside an epoch), the log and every tensor of the state.
. "$(dirname "$0")/tools/case.bash"
tool tensors

run() { status 0 ./p --data "$ROOT/models/data" --quiet "$@"; }
losses() { values step loss "$1"; }
same() { ./tensors compare "$1" "$2" 0 && cmp "$1" "$2" && cmp <(losses "$3") <(losses "$4"); }

both() {        # both NAME OPTION…: one program, held against itself
    local name=$1; shift
    rm -f ./*.log               # a resumed run continues the log that is there
    must "$name: builds" build p "$ROOT/tests/parity/digits.lua" --data "$ROOT/models/data" --set optimizer=adam --set batch=100 "$@"
    check "$name: 100 steps" run --threads 1 --steps 100 --save one --log one.log
    check "$name: again" eval 'run --threads 1 --steps 100 --save again --log again.log && same one again one.log again.log'
    check "$name: two threads" eval 'run --threads 2 --steps 100 --save two --log two.log && same one two one.log two.log'
    check "$name: all threads" eval 'run --steps 100 --save all --log all.log && same one all one.log all.log'
    check "$name: 50 + 50" eval 'run --steps 50 --save half --log half.log && run --resume half --steps 100 --save whole --log half.log &&
        same one whole one.log half.log'
    check "$name: 33 + 33 + 34, over other threads" eval 'run --threads 2 --steps 33 --save a --log a.log && run --resume a --steps 66 --save b --threads 1 --log b.log &&
        run --resume b --steps 100 --save c --log c.log && grep -h "\"step\"" a.log b.log c.log > joined.log && same one c one.log joined.log'
    check "$name: another seed, other bits" eval 'run --seed 2 --steps 100 --save other && ! ./tensors compare one other 0 > /dev/null'
    check "$name: the seed survives resuming" eval 'run --seed 2 --steps 40 --save a && run --resume a --steps 100 --save b && ./tensors compare other b 0'
    check "$name: no shuffle is another order" eval 'run --no-shuffle --steps 100 --save c && ! ./tensors compare one c 0 > /dev/null'
    # An epoch's sums are part of the state: 5 + 9 steps make the epoch's loss of 14.
    check "$name: the epoch's loss over a resume" eval 'run --steps 14 --log a.log && run --steps 5 --save a && run --resume a --steps 14 --log b.log &&
        [ "$(values epoch loss a.log)" = "$(values epoch loss b.log | tail -n 1)" ]'
}
both fused
both "fused f64" --precision f64
both generic --kernels generic

text() {
    "$NNGEN" "$ROOT/tests/models/two_losses.lua" > a.c && "$NNGEN" "$ROOT/tests/models/two_losses.lua" > b.c && cmp a.c b.c
}
check "the same model gives the same text" text
