# What programs allocate: nothing in a step, whatever the model, and no more than their data besides it, on MNIST's own sizes.
. "$(dirname "$0")/tools/case.bash"
if is_sanitized; then
    skip "allocations and memory" "sanitizers allocate and keep more"
    exit 0
fi
$CC -std=gnu11 -O1 -shared -fPIC "$ROOT/tests/run/tools/count_allocations.c" -o counter.so -ldl || exit 2
tool peak

# counted PROGRAM ARGUMENT…: how often it allocates
counted() { rm -f count; ALLOCATIONS=$WORK/count LD_PRELOAD=$WORK/counter.so "$@" > /dev/null 2> said && cat count; }

# No more often in 270 steps than in 150, timed or trained: within an epoch, and all medians are sorted in room of their own.
allocates_nothing() {
    local how few many
    for how in --benchmark --steps; do
        few=$(counted ./p "$@" --quiet --threads "$threads" $how 150) && many=$(counted ./p "$@" --quiet --threads "$threads" $how 270) || { cat said; return 1; }
        [ "$few" -gt 0 ] || { echo "nothing was counted at all"; return 1; }
        [ "$few" = "$many" ] || { echo "$few allocations in 150 steps, $many in 270 ($how)"; return 1; }
    done
}

cat > counts.lua <<'END'
local nn = require "nn"
local what = nn.option("what", "images")
local rng = nn.rng(3)
local function rows(count, width, draw)
  local all = {}
  for r = 1, count do all[r] = {} for i = 1, width do all[r][i] = draw() end end
  return all
end
local y = nn.class("y", 4)
local labels = {}
for r = 1, 2000 do labels[r] = r % 4 end
local x, net, width
if what == "images" then
  x, width = nn.input("x", {2, 6, 6}), 72
  net = nn.sequential {nn.conv2d(2, 5, 3, {name = "conv"}), nn.batch_norm2d(5, {name = "bn"}), nn.relu, nn.dropout2d(0.5),
                       nn.max_pool2d(2), nn.flatten, nn.linear(20, 4, {name = "fc"})}
elseif what == "recurrent" then
  x, width = nn.input("x", {7, 3}), 21
  local lstm = nn.lstm(3, 8, {name = "lstm"})
  net = function(x) return nn.linear(56, 4, {name = "fc"})(nn.flatten((lstm(x)))) end
else
  x, width = nn.input("x", {8, 4}), 32
  net = nn.sequential {nn.attention(4, 2, {name = "attention"}), nn.layer_norm({4}, {name = "norm"}), nn.flatten,
                       nn.dropout(0.3), nn.linear(32, 4, {name = "fc"})}
end
return nn.train {
  loss = nn.cross_entropy(net(x), y), optimizer = nn.adam {lr = 1e-3}, clip_norm = 1,
  data = nn.data.table {train = {x = rows(2000, width, function() return rng:normal(0, 1) end), y = labels}}, batch = 7, epochs = 9,
}
END
for what in images recurrent attention; do
    must "builds $what" build p counts.lua --set what=$what
    for threads in 1 2; do check "$what: no allocation in a step, $threads threads" allocates_nothing; done
done
if build p counts.lua --kernels generic > said 2>&1; then threads=1; check "generic: no allocation in a step" allocates_nothing; fi

# MNIST's files in size and form; the pictures are empty, which gzip likes
idx() { printf "$1"; head -c "$2" /dev/zero; }
idx '\0\0\010\003\0\0\352\140\0\0\0\034\0\0\0\034' $((60000 * 784)) | gzip -1 > train-images-idx3-ubyte.gz
idx '\0\0\010\001\0\0\352\140' 60000 | gzip -1 > train-labels-idx1-ubyte.gz
idx '\0\0\010\003\0\0\047\020\0\0\0\034\0\0\0\034' $((10000 * 784)) | gzip -1 > t10k-images-idx3-ubyte.gz
idx '\0\0\010\001\0\0\047\020' 10000 | gzip -1 > t10k-labels-idx1-ubyte.gz
data_kb=$((70000 * 785 / 1024))
at_most() { local kb; kb=$(./peak "${@:2}" 2> said) || { cat said; return 1; }; [ "$kb" -le "$1" ] || { echo "$kb KB, more than $1"; return 1; }; }
must "builds mnist_mlp" build p "$ROOT/models/mnist_mlp.lua"
check "an epoch of mnist_mlp: its data and at most 20 MB" at_most $((data_kb + 20000)) ./p --data . --quiet --epochs 1 --threads 1
# PyTorch and JAX hold 626 to 700 MB for the same
check "--benchmark reads what it times alone: under 1/20 of a framework" at_most $((626000 / 20)) ./p --data . --quiet --benchmark 50
