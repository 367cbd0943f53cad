# Schedules: the rates of PyTorch's (tests/parity/schedules.py recorded them), also over a resume and with --lr.
. "$(dirname "$0")/tools/case.bash"
model=$ROOT/tests/parity/schedules.lua
rates() { values step lr log > actual && recorded schedules "$1" > expected && near expected actual 1e-12; }
for case in $(sed -n 's/.*"case": "\([^"]*\)".*/\1/p' "$ROOT/tests/parity/recorded/schedules.jsonl"); do
    check "$case" eval "build p $model --set case=$case && status 0 ./p --quiet --log log --save whole && rates $case"
    check "$case, resumed" eval 'status 0 ./p --quiet --log log --steps 11 --save half && status 0 ./p --quiet --log log --resume half --epochs 8 --save resumed && rates '"$case"' && cmp whole resumed'
done
half() { values step lr log > actual && recorded schedules "$1" | awk '{ printf "%.17g\n", $1 / 2 }' > expected && near expected actual 1e-12; }
check "--lr is what the schedule starts from" eval "build p $model --set case=step && status 0 ./p --quiet --log log --lr 0.05 && half step"
check "--lr beside one_cycle" eval "build p $model --set case=one_cycle && status 0 ./p --quiet --log log --lr 0.05 && rates one_cycle"
