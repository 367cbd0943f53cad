# A loss that is not finite stops the run with 1, the step, the operation and the model's line; nothing is saved after it.
. "$(dirname "$0")/tools/case.bash"
tool json; tool tensors
model=$ROOT/tests/run/models/not_finite.lua
for kernels in fused generic; do
    check "$kernels: logarithm" eval "build p $model --set kind=log --kernels $kernels && refused 1 'log' ./p --log log --save s"
    check "$kernels:   names the line" grep -q "not_finite.lua:10" said
    check "$kernels:   names the step" grep -Eq "step 1\b" said
    check "$kernels:   the log is JSON and ends with not_finite" eval './json < log && tail -n 1 log | grep "\"event\":\"end\"" | grep -q "\"reason\":\"not_finite\""'
    check "$kernels:   nothing is saved" test ! -e s
    check "$kernels: division" eval "build p $model --set kind=divide --kernels $kernels && refused 1 'divide|reciprocal' ./p && grep -q not_finite.lua:13 said"
    check "$kernels: too high a rate" eval "build p $model --kernels $kernels && refused 1 'power|pow|\^|square|multiply' ./p --no-shuffle --log log && grep -q 'not_finite.lua:[78]' said"
    check "$kernels:   the step is that of the log" eval 'n=$(values end step log); grep -Eq "step $((n + 0))\b|step $((n + 1))\b" said'
    check "$kernels: a gradient that is not finite does not pass in silence" eval "build p $model --set kind=gradient --kernels $kernels && status 1 ./p --steps 5"
done
# Two steps are an epoch, whose end saves; the step after it goes too far, the next sees it.
check "what was saved before stays" eval "build p $model && status 0 ./p --lr 0.0001 --steps 2 --save s && cp s before && status 1 ./p --resume s --lr 1e30 --steps 50 --save s && cmp s before"
