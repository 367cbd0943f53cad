# Running statistics: one's own, in training and evaluation, over a resume; batch norm's last batch of one row.
. "$(dirname "$0")/tools/case.bash"

# count goes up by one a step; total, which reads count as it was before the step, is 0 + 1 + … + (steps - 1).
cat > own.lua <<'END'
local nn = require "nn"
local x = nn.input("x", {2})
local w = nn.parameter("w", {2}, 1)
local count, total = nn.statistic("count", {}, 0), nn.statistic("total", {}, 0)
local scale = nn.statistic("scale", {2}, {3, 4})
nn.assign(total, total + count)
nn.assign(count, count + 1)
nn.assign(scale, nn.maximum(0.5 * scale, x:abs():mean("batch")))
return nn.train {
  loss = nn.mse(w * x, nn.where(nn.training(), 0, x)),
  metrics = {count = count + 0, total = total + 0, scale = scale:sum()},
  optimizer = nn.sgd {lr = 0.1}, batch = 2, epochs = 4, precision = "f64",
  data = nn.data.table {train = {x = {{1, 1}, {2, -5}, {3, 0}}}, test = {x = {{1, 1}}}},
}
END
numbers() { values epoch "$1" log > actual; printf '%s\n' "${@:2}" > expected; near expected actual 1e-12; }
# scale: max(half of it, mean of |x|), batches {1,1},{2,-5} -> (1.5, 3) and {3,0} -> (3, 0): (1.5,3) (3,1.5) | (1.5,3) (3,1.5) | …
for kernels in fused generic; do
    must "own $kernels" build p own.lua --kernels $kernels
    check "runs $kernels" status 0 ./p --no-shuffle --log log --quiet --save all.safetensors
    check "counts steps $kernels" numbers test_count 2 4 6 8
    check "reads the state before the step $kernels" numbers test_total 1 6 15 28
    check "a maximum that decays $kernels" numbers test_scale 4.5 4.5 4.5 4.5
    check "half of it $kernels" status 0 ./p --no-shuffle --log first --quiet --steps 5 --save half.safetensors
    check "the other half $kernels" status 0 ./p --no-shuffle --log second --quiet --resume half.safetensors --save resumed.safetensors
    check "a resume changes nothing $kernels" cmp all.safetensors resumed.safetensors
done

cat > norm.lua <<'END'
local nn = require "nn"
local x = nn.input("x", {3})
local y = nn.linear(3, 1)(nn.batch_norm1d(3, {name = "bn"})(x))
return nn.train {
  loss = nn.mse(y, nn.constant {0}), optimizer = nn.sgd {lr = 0.1}, batch = 2, epochs = 3,
  drop_last = nn.option("drop", false), outputs = {y = y},
  data = nn.data.table {train = {x = {{1, 2, 3}, {2, 3, 5}, {0, 1, 1}}}, test = {x = {{1, 1, 1}}}},
}
END
must "norm" build p norm.lua
check "a batch of one row" refused 1 "last batch of an epoch has 1 row .*nn.batch_norm1d bn needs at least 2.*drop_last" ./p
check "that no step comes to" status 0 ./p --steps 1 --save s.safetensors
check "one row to predict" status 0 ./p --init s.safetensors --predict y.safetensors
must "norm, drop_last" build p norm.lua --set drop=true
check "that is dropped" status 0 ./p
check "gradients" status 0 "$NNGEN" check norm.lua
# Readable: a statistic is moved after the loss by one formula, not computed ahead of it and copied.
check "one formula" eval 'tr -s " " < p.c | grep -qF "bn_running_mean[i] = 0.9f * bn_running_mean[i] + 0.1f * bn_mean[i];"'
