# nn.sweep: every copy is, bit for bit, what a program of that one value trains; the log, checkpoints and predictions know them apart.
. "$(dirname "$0")/tools/case.bash"
tool tensors

# model VALUES OPTION…: rate and penalty swept at once, batch norm's statistics kept by copy
cat > model.lua <<'END'
local nn = require "nn"
local values = {all = {0.3, 0.1, 0.003}, first = {0.3}, second = {0.1}, third = {0.003}}
local rate = nn.sweep("rate", values[nn.option("values", "all")])
local x, y = nn.input("x", {2}), nn.input("y", {1})
local net = nn.sequential {nn.linear(2, 5, {name = "a"}), nn.batch_norm1d(5, {name = "n"}), nn.tanh, nn.linear(5, 1, {name = "b"})}
local out = net(x)
local data, rng = {x = {}, y = {}}, nn.rng(3)
for i = 1, 23 do
  local a, b = rng:normal(), rng:normal()
  data.x[i], data.y[i] = {a, b}, {a * b}
end
return nn.train {
  loss = nn.mse(out, y) + 0.1 * rate * nn.l2(net[1].weight), metrics = {error = nn.mean_absolute_error(out, y)},
  optimizer = nn.option("optimizer", "sgd") == "sgd" and nn.sgd {lr = rate, momentum = 0.5} or nn.adam {lr = rate},
  schedule = nn.schedule.exponential {gamma = 0.9}, data = nn.data.table {train = data, split = {train = 0.8, test = 0.2}},
  early_stop = nn.option("stop", false) and {metric = "test_loss", patience = 2, min_delta = 0.05} or nil,
  outputs = {out = out}, batch = 5, epochs = 6,
}
END
plain() { sed 's/,"seconds.*//; s/,"reason.*//' "$1"; }
# one VALUE WORD KERNELS OPTION…: the lines of that copy are those of its own program
one() {
    local value=$1 word=$2; shift 2
    build single model.lua --set values="$word" "$@" && status 0 ./single --quiet --log single.log &&
    plain single.log > expected && grep "\"rate\":$value[,}]" log > lines && plain lines > actual && cmp expected actual
}
for options in "" "--kernels generic" "--set optimizer=adam" "--precision f64" "--set stop=true"; do
    is_sanitized && [ -z "${NNGEN_ALL:-}" ] && [[ $options = --[kp]* ]] && continue          # kinds of kernels: four programs each
    must "three copies $options" build p model.lua $options
    check "trained $options" status 0 ./p --quiet --log log --save all
    set -- 0.3 0.1 0.003
    [ "$options" = "--precision f64" ] && set -- 0.29999999999999999 0.10000000000000001 0.0030000000000000001
    check "the first $options" one "$1" first $options
    check "the second $options" one "$2" second $options
    check "the third $options" one "$3" third $options
    check "resumed $options" eval 'status 0 ./p --quiet --steps 7 --save half && status 0 ./p --quiet --resume half --epochs 6 --save resumed && cmp all resumed'
done
must "again" build p model.lua
status 0 ./p --log log --save all
check "the end says what became of each" eval 'grep -q "rate 0.3: loss" said && grep -q "rate 0.003: loss" said'
check "each has an end" eval '[ "$(grep -c "\"event\":\"end\"" log)" = 3 ] && [ "$(grep -c "\"reason\":\"done\"" log)" = 3 ]'
check "every copy predicts" eval 'status 0 ./p --init all --predict out && ./tensors get out sweep.0.out > zero && ./tensors get out sweep.2.out > two && ! cmp -s zero two'
check "a swept rate is not given" refused 2 "sweeps the rate" ./p --lr 0.1
must "two copies" eval 'sed "s/{0.3, 0.1, 0.003}/{0.3, 0.1}/" model.lua > other.lua && build q other.lua'
check "another sweep's checkpoint" refused 1 "trained with the sweep 'rate 0.3.*with the sweep" ./q --resume all
must "no sweep" eval 'sed "s/nn.sweep(.*/0.1/" model.lua > none.lua && build r none.lua'
check "no sweep's checkpoint" refused 1 "trained with the sweep .*with none" ./r --resume all
check "parameters for all copies" eval 'status 0 ./r --quiet --save one --steps 3 && status 0 ./p --quiet --init one --steps 1 --log log && [ "$(values step loss log | uniq | wc -l)" = 3 ]'
check "gradients" status 0 "$NNGEN" check model.lua
# One copy that diverges ends the run, which says whose it is and keeps what was saved before.
cat > diverges.lua <<'END'
local nn = require "nn"
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w ^ 4, optimizer = nn.sgd {lr = nn.sweep("lr", {0.01, 1, 0.02})}, steps = 100}
END
must "diverges" build d diverges.lua
check "the copy is named" refused 1 "step [0-9]*, lr 1: the loss is" ./d --log log
check "its events" eval '[ "$(grep -c "\"reason\":\"not_finite\"" log)" = 1 ] && grep "not_finite" log | grep -q "\"lr\":1,"'
