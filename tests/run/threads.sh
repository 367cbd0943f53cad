# Threads share the loops of large kernels: the same bits with one and with two of them, by either compiler, with sizes that fill no
# tile; and a compiler without OpenMP takes the same text without a word.
. "$(dirname "$0")/tools/case.bash"
tool tensors
[ "$(nproc)" -gt 1 ] || { skip "threads" "one processor"; exit 0; }

cat > wide.lua <<'END'
local nn = require "nn"
local what = nn.option("what", "dense")
local rows, batch = what == "tall" and 1060 or 150, what == "tall" and 530 or 67
local rng = nn.rng(5)
local function draw(width)
  local all = {}
  for r = 1, rows do all[r] = {} for i = 1, width do all[r][i] = rng:normal(0, 1) end end
  return all
end
local x, y, net, width = nil, nn.class("y", 7)
local labels = {}
for r = 1, rows do labels[r] = r % 7 end
if what == "dense" then
  x, width = nn.input("x", {61}), 61
  net = nn.sequential {nn.linear(61, 523, {name = "fc1"}), nn.relu, nn.linear(523, 409, {name = "fc2"}), nn.tanh,
                       nn.dropout(0.2), nn.linear(409, 7, {name = "fc3"})}
elseif what == "tall" then                             -- a weight gradient that is added up part by part
  x, width = nn.input("x", {397}), 397
  net = nn.sequential {nn.linear(397, 101, {name = "fc1"}), nn.relu, nn.linear(101, 7, {name = "fc2"})}
elseif what == "images" then
  x, width = nn.input("x", {3, 13, 13}), 507
  net = nn.sequential {nn.conv2d(3, 19, 3, {name = "conv1", padding = 1}), nn.batch_norm2d(19, {name = "bn"}), nn.relu,
                       nn.max_pool2d(2), nn.conv2d(19, 37, 3, {name = "conv2"}), nn.relu, nn.dropout2d(0.3), nn.flatten,
                       nn.linear(592, 7, {name = "fc"})}
else
  x, width = nn.input("x", {5, 11}), 55
  local lstm = nn.lstm(11, 149, {name = "lstm"})
  net = function(x) return nn.linear(745, 7, {name = "fc"})(nn.flatten((lstm(x)))) end
end
return nn.train {
  loss = nn.cross_entropy(net(x), y), optimizer = nn.adam {lr = 1e-3},
  data = nn.data.table {train = {x = draw(width), y = labels}}, batch = batch, epochs = what == "tall" and 3 or 2,
}
END
same_bits() {
    for threads in 1 2 0; do             # 0: one or two, as time tells
        status 0 ./p --quiet --threads $threads --save state.$threads --log log.$threads || return 1
        cmp state.1 state.$threads && cmp <(values step loss log.1) <(values step loss log.$threads) || return 1
        [ "$(values step loss log.1 | wc -l)" -ge 6 ] || { echo "fewer steps than expected"; return 1; }
    done
}
for what in dense tall images recurrent; do
    for precision in f32 f64; do
        [ $precision = f32 ] || [ -n "${NNGEN_ALL:-}" ] || [ $what = dense ] || continue
        rm -f log.*
        must "$what $precision: builds" build p wide.lua --set what=$what --precision $precision
        check "$what $precision: threads share loops" eval 'grep -q "NN_SHARED for" p.c && grep -q "NN_THREADS " p.c'
        check "$what $precision: the same bits" same_bits
    done
done
flags=$("$NNGEN" flags)
case $flags in *-fopenmp*)
    check "without OpenMP there is no warning" status 0 $CC p.c ${flags//-fopenmp/} -fno-openmp $WARNINGS -o plain ;;
esac
