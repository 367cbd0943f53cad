# Dropout: in training each element is 0 with probability p, else 1 / (1 - p), drawn anew for each use, row and step; in evaluation
# nothing happens. 20,000 elements an epoch: five standard deviations of the share kept are 0.0153.
. "$(dirname "$0")/tools/case.bash"
tool tensors
model=$ROOT/tests/run/models/dropout.lua
metric() { values epoch "$1" log | head -n 1; }
for kernels in fused generic; do
    check "$kernels" eval "build $kernels $model --kernels $kernels && status 0 ./$kernels --quiet --log log --save s.$kernels"
    check "$kernels: three quarters are kept" is "$(metric train_kept)" 0.75 0.0153
    check "$kernels: the mean stays" is "$(metric loss)" 1 0.0205
    check "$kernels: what is kept is divided by 0.75" is "$(metric train_square)" "$(awk -v k="$(metric train_kept)" 'BEGIN { printf "%.12g", k / 0.5625 }')" 1e-6
    check "$kernels: two uses draw on their own" is "$(metric train_both)" 1 0.04
    check "$kernels: rows and steps too" eval '! is "$(metric train_shared_rows)" 0 0.1 > out && [ "$(values step loss log | sort -u | wc -l)" = 6 ]'
    check "$kernels: evaluation passes all" test "$(metric test_loss) $(metric test_kept) $(metric test_both)" = "1 1 1"
    check "$kernels: prediction passes all" eval "status 0 ./$kernels --init s.$kernels --predict out && [ \"\$(./tensors get out first | sort -u)\" = 1 ]"
    values step loss log > losses.$kernels
done
check "fused and generic draw the same" near losses.fused losses.generic 1e-12
check "for every --threads" eval 'status 0 ./fused --quiet --log log --threads 1 && cmp losses.fused <(values step loss log) && status 0 ./fused --quiet --log log --threads 2 && cmp losses.fused <(values step loss log)'
check "over a resume" eval 'status 0 ./fused --quiet --steps 4 --save h && rm -f log && status 0 ./fused --quiet --resume h --steps 6 --log log && cmp <(tail -n 2 losses.fused) <(values step loss log)'
check "p = 0 keeps all" eval "build z $model --set p=0 && status 0 ./z --quiet --log log && [ \"\$(metric train_kept)\" = 1 ]"
check "p = 1 keeps nothing" eval "build z $model --set p=1 && status 0 ./z --quiet --log log && [ \"\$(metric loss)\" = 0 ]"
check "gradients, masks held" eval "status 0 \"$NNGEN\" check $model"

attention=$ROOT/tests/run/models/attention_dropout.lua
check "attention: gradients, masks held" eval "status 0 \"$NNGEN\" check $attention"
for p in 0 0.25; do
    check "attention, p = $p" eval "build a $attention --set p=$p && rm -f log && status 0 ./a --quiet --log log"
    values step loss log > train.$p
    values epoch test_loss log > test.$p
done
check "attention: without dropout every step is the same" eval '[ "$(sort -u train.0 | wc -l)" = 1 ]'
check "attention: with it none is" eval '[ "$(sort -u train.0.25 | wc -l)" = 3 ]'
check "attention: evaluation drops nothing" cmp test.0 test.0.25
