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
    check "$kernels: a gradient that is not finite is seen in the next step" eval "build p $model --set kind=gradient --kernels $kernels && refused 1 'step 2: the loss' ./p --steps 5"
    check "$kernels:   and blamed in its own" grep -q "by the operation divide at not_finite.lua:14, in step 1" said
    check "$kernels: a gradient that goes wrong later" eval "build p $model --set kind=later --kernels $kernels && refused 1 'step 5: the loss' ./p --no-shuffle"
    check "$kernels:   is found by taking the run up again" grep -q "at not_finite.lua:16, in step 4; its update spoilt the parameter 'w'" said
    check "$kernels:   from a checkpoint too" eval "status 0 ./p --no-shuffle --steps 2 --save later && refused 1 'not_finite.lua:16, in step 4' ./p --no-shuffle --resume later"
    check "$kernels:   parameters that are not finite are not saved" eval "cp later before && refused 1 'step 4: a parameter is not finite' ./p --no-shuffle --resume later --save later && cmp later before"
    check "$kernels:   not after the last step either" eval "refused 1 'not_finite.lua:16' ./p --no-shuffle --resume later --steps 4 --save later && cmp later before"
done
# Two steps are an epoch, whose end saves; the step after it goes too far, the next sees it.
check "what was saved before stays" eval "build p $model && status 0 ./p --lr 0.0001 --steps 2 --save s && cp s before && status 1 ./p --resume s --lr 1e30 --steps 50 --save s && cmp s before"
