# Which rows a step sees: shuffled so that each comes once an epoch, split as asked, scaled and standardised as mathematics says.
# models/rows_seen.lua has rows 1 to 20, each its own value; its loss is their mean.
. "$(dirname "$0")/tools/case.bash"
tool tensors
model=$ROOT/tests/run/models/rows_seen.lua
made() { build p "$model" "$@" && status 0 ./p --quiet --log log --save s; }
losses() { values step loss log; }
epoch() { losses | sed -n "$((($1 - 1) * $2 + 1)),$(($1 * $2))p"; }
all_of() { [ "$(sort -n | tr '\n' ' ')" = "$(seq -s ' ' "$1") " ] || { echo "not each of 1 to $1 once"; return 1; }; }

must "builds" made
for e in 1 2 3; do check "epoch $e has each row once" eval "epoch $e 20 | all_of 20"; done
check "another order each epoch" eval '! cmp -s <(epoch 1 20) <(epoch 2 20) && ! cmp -s <(epoch 2 20) <(epoch 3 20)'
check "no order is the file's" eval '! cmp -s <(epoch 1 20) <(seq 20)'
losses > first
check "--seed gives another order" eval 'status 0 ./p --quiet --log log --seed 8 && ! cmp -s <(losses) first && epoch 1 20 | all_of 20'
check "the same seed the same" eval 'status 0 ./p --quiet --log log --seed 7 && cmp <(losses) first'
check "--no-shuffle is the file's order" eval 'status 0 ./p --quiet --log log --no-shuffle && cmp <(epoch 2 20) <(seq 20)'
check "shuffle = false too" eval 'made --set kind=file_order && cmp <(epoch 1 20) <(seq 20)'
for rows in 1 2 3 5 16 17; do check "$rows rows" eval "made --set rows=$rows && epoch 1 $rows | all_of $rows && epoch 3 $rows | all_of $rows"; done
check "rows = {train = 7} takes the first" eval 'made --set kind=first && epoch 1 7 | all_of 7'
check "a partial last batch: 3 steps of 8, 8, 4 rows" eval 'made --set batch=8 && [ "$(values epoch step log | tr "\n" " ")" = "3 6 9 " ] && is "$(values epoch loss log | head -n 1)" 10.5 1e-5'
check "  its loss is the mean of its rows" eval 'is "$(epoch 1 3 | awk "{ s += \$1 * (NR == 3 ? 4 : 8) } END { print s }")" 210 1e-3'
check "drop_last drops it" eval 'made --set batch=8 --set drop=1 && [ "$(values epoch step log | tr "\n" " ")" = "2 4 6 " ]'
check "drop_last with fewer rows than a batch is refused" eval 'made --set batch=21 && { build p "$model" --set batch=21 --set drop=1 && refused 1 "batch|row" ./p || refused 1 "batch|row" "$NNGEN" "$model" --set batch=21 --set drop=1; }'

# split = {train = 0.55, validation = 0.2, test = 0.25}: ⌈0.2 · 20⌉ = 4 and ⌈0.25 · 20⌉ = 5 rows go out, 11 stay.
split() {
    made --set kind=split && [ "$(losses | wc -l)" = 33 ] || { echo "$(losses | wc -l) steps"; return 1; }
    status 0 ./p --init s --predict out || return 1
    ./tensors get out x > test_rows
    [ "$(wc -l < test_rows)" = 5 ] || { echo "$(wc -l < test_rows) test rows"; return 1; }
    is "$(values epoch validation_loss log | head -n 1)" "$(awk '{ s += $1 } END { print s / NR }' test_rows)" 1e9 || return 1
    # What neither trains nor tests is validated: the mean of its 4 rows follows from the rest.
    { epoch 1 11; cat test_rows; } | awk '{ s += $1 } END { print (210 - s) / 4 }' > rest
    is "$(values epoch validation_loss log | head -n 1)" "$(cat rest)" 1e-5 && is "$(values epoch test_loss log | head -n 1)" "$(awk '{ s += $1 } END { print s / NR }' test_rows)" 1e-5 &&
    [ "$({ epoch 1 11; cat test_rows; } | sort -n | uniq | wc -l)" = 16 ] || { echo "a row is in two sets"; return 1; }
}
check "split cuts validation and test from train" split
check "  shuffled, not the file's tail" eval '[ "$(sort -n test_rows | tr "\n" " ")" != "16 17 18 19 20 " ]'
check "  another seed, another split" eval 'status 0 ./p --quiet --seed 9 --steps 1 --save s9; cp test_rows old; status 0 ./p --init s9 --seed 9 --predict out && ! cmp -s <(./tensors get out x) old'
check "  the three sets take turns over --resume" eval 'status 0 ./p --quiet --steps 5 --save h && status 0 ./p --quiet --resume h --steps 33 --save r && status 0 ./p --quiet --save w && ./tensors compare r w 0'
# 5 of 20 rows are of class 1: 2 of the 8 test rows.
check "stratify keeps the shares of the classes" eval 'made --set kind=stratify && is "$(values epoch test_ones log | head -n 1)" 0.25 1e-6 && is "$(values epoch train_ones log | head -n 1)" 0.25 1e-6'
# Fitted on train: there the mean is 0 and the mean square 1; not so on the test rows.
check "standardize is fitted on train" eval 'made --set kind=standardize && is "$(values epoch loss log | head -n 1)" 0 1e-5 && is "$(values epoch train_square log | head -n 1)" 1 1e-4 && ! is "$(values epoch test_square log | head -n 1)" 1 1e-4 > /dev/null'
check "scale, then mean, then std: (2 x - 10) / 4" eval 'made --set kind=scale && is "$(values epoch loss log | head -n 1)" 2.75 1e-5'
check "validate_every = 2: test figures in every second epoch" eval 'build p "$model" --set kind=split --set every=2 && status 0 ./p --quiet --log log --epochs 4 && [ "$(values epoch test_loss log | wc -l)" = 2 ] && [ "$(grep -c "\"epoch\",.*test_loss" log)" = 2 ]'
check "class outputs are integers" eval './tensors list out | grep "^class" | grep -q "I"'
