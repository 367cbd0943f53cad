# Products of all shapes, fused against generic: every tensor after one step, and after three (the second batch of an epoch is partial:
# two rows, of one where rows = 1). Widths below a register, ragged, prime, whole panels; rows that share sets of the cache and get
# a pad; folds long enough to be added up part by part. 32 units in the last place times the root of the longest fold, as in agreement.sh.
. "$(dirname "$0")/tools/case.bash"
tool tensors

sided="397 100 530 f32"                                 # a part of its long fold has the rows' factor of all tiles copied
ahead="784 100 528 f32"                                 # more than caches hold: tiles ask for what the next ones read,
oddly="397 98 866 f32"                                  # in steps that are no multiple of eight too
shapes=("1 1 1 f32" "7 5 1 f32" "17 13 7 f32" "31 9 16 f64" "64 80 130 f64" "101 16 97 f32" "320 256 257 f64" "$sided" "$ahead" "$oddly")
[ -z "${NNGEN_ALL:-}" ] || shapes+=("2 3 5 f64" "50 20 64 f32" "256 32 33 f32" "512 48 300 f32" "221 97 515 f64")
# Where registers are wide, tiles have more rows or columns: the processor here need not have such, it only gets slower.
either_size() {
    local wide
    for wide in 1 2; do compile fused "-DNN_WIDE=$wide" && status 0 ./fused --quiet --steps 3 --save wide.$wide || return 1; done
    ./tensors compare wide.1 wide.2 0
}
for shape in "${shapes[@]}"; do
    set -- $shape
    for kind in fused generic; do
        check "$shape: builds $kind" build $kind "$ROOT/tests/run/models/tiles.lua" --kernels $kind --precision "$4" \
            --set wide="$1" --set narrow="$2" --set rows="$3" --instruction-limit 100000000
    done
    check "$shape: agree" agree
    check "$shape: tiles of either size, the same bits" either_size
    [ "$shape" != "$ahead" ] || check "$shape: asks ahead" eval '[ "$(grep -c " NN_AHEAD(.*ahead" fused.c)" -ge 2 ] && grep -q "NN_DOTS(.*, 4, " fused.c'
    [ "$shape" != "$oddly" ] || check "$shape: asks ahead" eval '[ "$(grep -c " NN_ODD_AHEAD(.*ahead" fused.c)" -ge 2 ] && grep -q "NN_DOTS(.*, 2, " fused.c'
    [ "$shape" != "$sided" ] || check "$shape: all rows' factor is copied at once" grep -q "NN_SIDES(side" fused.c
done

# Layer norms between layers whose values lie with rows beside each other go sixteen rows at a time; the last of 33 begins earlier.
cat > norms.lua <<'L'
local nn = require "nn"
local x, draw, rows = nn.input("x", {50}), nn.rng(3), {}
for r = 1, 50 do rows[r] = {} for i = 1, 50 do rows[r][i] = draw:normal() end end
local net = nn.sequential {nn.linear(50, 101), nn.layer_norm(101), nn.relu, nn.linear(101, 67), nn.layer_norm(67), nn.relu, nn.linear(67, 5)}
return nn.train {loss = nn.square(net(x)):mean(), optimizer = nn.sgd {lr = 0.01, momentum = 0.9}, data = nn.data.table {train = {x = rows}}, batch = 33, epochs = 3}
L
for kind in fused generic; do check "layer norms: builds $kind" build $kind norms.lua --kernels $kind; done
check "layer norms: agree" agree
check "layer norms: in lanes" eval '[ "$(grep -c "NN_ROW_SUM(.*BATCH\|NN_ROW_SUM(.*, b, 16" fused.c)" -ge 4 ]'

# Lines of an image beside each other: 24 wide, three registers of 32 bytes or two of 64, the second of which begins earlier; and 13.
cat > lines.lua <<'L'
local nn = require "nn"
local wide, draw, rows = nn.option("wide", 24), nn.rng(3), {}
local x = nn.input("x", {2, 9, wide + 4})
for r = 1, 3 do rows[r] = {} for i = 1, 2 * 9 * (wide + 4) do rows[r][i] = draw:normal() end end
local net = nn.sequential {nn.conv2d(2, 7, 5), nn.tanh, nn.flatten, nn.linear(7 * 5 * wide, 2)}
return nn.train {loss = nn.square(net(x)):mean(), optimizer = nn.sgd {lr = 0.1}, data = nn.data.table {train = {x = rows}}, batch = 3, epochs = 3}
L
for wide in 24 13; do
    for kind in fused generic; do check "lines of $wide: builds $kind" build $kind lines.lua --kernels $kind --set wide=$wide; done
    check "lines of $wide: agree" agree
    check "lines of $wide: tiles of either size, the same bits" either_size
done
check "lines of 24 grow" eval 'build fused lines.lua && grep -q "NN_LINES(.*COLUMNS" fused.c'

# An image's rows in a line are a long fold, taken in parts, whose weights are turned; each part once (256 times before). Of 1026 the
# last part is two steps, and nothing to be turned four by four.
cat > flat.lua <<'L'
local nn = require "nn"
local high, wide, batch, draw, rows = nn.option("high", 27), nn.option("wide", 19), nn.option("batch", 7), nn.rng(3), {}
local x = nn.input("x", {2, high, wide})
for r = 1, batch do rows[r] = {} for i = 1, 2 * high * wide do rows[r][i] = draw:normal() end end
local net = nn.sequential {nn.conv2d(2, 2, 3, {padding = 1}), nn.batch_norm2d(2), nn.tanh, nn.flatten, nn.linear(2 * high * wide, 50), nn.tanh, nn.linear(50, 2)}
return nn.train {loss = nn.square(net(x)):mean(), optimizer = nn.sgd {lr = 0.1}, data = nn.data.table {train = {x = rows}}, batch = batch, epochs = 3}
L
for size in "27 19 7" "32 32 7" "32 32 40"; do
    set -- $size
    for kind in fused generic; do check "flat $size: builds $kind" build $kind flat.lua --kernels $kind --set high="$1" --set wide="$2" --set batch="$3"; done
    check "flat $size: agree" agree
done
check "flat 32 32 40: a part is turned once" eval 'grep -q "NN_TURNED_PANELS(.*, , i, i0, i0 + 256," fused.c'
check "flat 27 19: no part is turned" eval 'build fused flat.lua && ! grep -q "NN_TURNED_PANELS(.*1026" fused.c'

# Equal layers are one function; its long folds are added up in the array that it calls by another name than its users do.
cat > equal.lua <<'L'
local nn = require "nn"
local x = nn.input("x", {150})
local net = nn.sequential {nn.linear(150, 300), nn.tanh, nn.linear(300, 300), nn.tanh, nn.linear(300, 300), nn.tanh, nn.linear(300, 3)}
local rows, draw = {}, nn.rng(3)
for r = 1, 13 do rows[r] = {} for i = 1, 150 do rows[r][i] = draw:normal() end end
return nn.train {loss = nn.square(net(x)):mean(), optimizer = nn.sgd {lr = 0.1}, data = nn.data.table {train = {x = rows}}, batch = 10, epochs = 2}
L
for kind in fused generic; do check "equal layers: builds $kind" build $kind equal.lua --kernels $kind; done
check "equal layers: one function" eval '[ "$(grep -c "^NN_KERNEL void forward_linear_tanh" fused.c)" = 1 ]'
check "equal layers: agree" agree

# Behind one feature and before one output hidden values are computed where they are read, and what sums over the same rows is one
# kernel that updates all: widths of whole blocks of lanes, ragged, prime; two layers of which only one is so; optimizers with slots.
cat > narrow.lua <<'L'
local nn = require "nn"
local width, deep, act = nn.option("width", 16), nn.option("deep", 0), nn.option("act", "relu")
local x, y = nn.input("x", {1}), nn.input("y", {1})
local layers = {nn.linear(1, width), nn[act], nn.linear(width, 1)}
if deep == 1 then table.insert(layers, 3, nn[act]) table.insert(layers, 3, nn.linear(width, width)) end
local net = nn.sequential(layers)
local xs, ys, draw = {}, {}, nn.rng(3)
for r = 1, nn.option("rows", 100) do xs[r] = {draw:normal()} ys[r] = {math.sin(3 * xs[r][1])} end
local rule = nn.option("rule", "sgd")
return nn.train {loss = nn.mse(net(x), y), optimizer = rule == "adam" and nn.adam {lr = 0.01} or nn.sgd {lr = 0.1, momentum = rule == "momentum" and 0.9 or 0},
  data = nn.data.table {train = {x = xs, y = ys}}, batch = nn.option("batch", 64), epochs = 2}
L
shapes=("37 100 33 f64 relu momentum 0" "23 90 60 f32 relu adam 1")
[ -z "${NNGEN_ALL:-}" ] || shapes+=("80 131 100 f32 relu adam 0" "16 100 64 f32 relu sgd 0" "20 150 150 f32 abs sgd 0" "64 5 4 f32 relu sgd 0")
for shape in "${shapes[@]}"; do
    set -- $shape
    for kind in fused generic; do
        check "narrow $shape: builds $kind" build $kind narrow.lua --kernels $kind --set width="$1" --set rows="$2" --set batch="$3" --precision "$4" \
            --set act="$5" --set rule="$6" --set deep="$7" --instruction-limit 100000000
    done
    check "narrow $shape: agree" agree
done
check "narrow: its three updates are one kernel" eval 'build fused narrow.lua --set width=37 && [ "$(grep -c "^NN_KERNEL void update_" fused.c)" = 2 ]'

for slots in 9 20; do                                   # sums and their updates are one kernel as long as its stages have room
    for kind in fused generic; do
        check "$slots slots: builds $kind" build $kind "$ROOT/tests/run/models/many_slots.lua" --kernels $kind --set slots=$slots
    done
    check "$slots slots: agree" agree
done

# What a padded window runs over by quotient and remainder, rows and columns two times or channels between pixels, lies as one dimension with
# a border, for other readers of it too.
cat > doubled.lua <<'L'
local nn = require "nn"
local x, draw, rows = nn.input("x", {3, 5, 4}), nn.rng(3), {}
for r = 1, 7 do rows[r] = {} for i = 1, 60 do rows[r][i] = draw:normal() end end
local function twice(h, axis)
  local shape = {table.unpack(h.shape)}
  shape[axis] = 2 * shape[axis]
  return nn.stack({h, h}, axis + 1):reshape(shape)
end
local h = nn.tanh(nn.conv2d(3, 12, 3, {padding = 1})(x))
local apart = (h * h):reshape {3, 2, 2, 5, 4}:permute {1, 4, 2, 5, 3}
local between = nn.option("between", 0) == 1 and nn.concat({apart:slice(3, 1, 1), apart:slice(3, 2, 2)}, 3)
local wide = between and between:reshape {3, 10, 8} or twice(twice(h:slice(1, 1, 3), 2), 3)
local net = nn.linear(160, 2)(nn.flatten(nn.tanh(nn.conv2d(3, 2, 3, {padding = 1})(wide)))) + (between and between:max(3):sum({1, 2, 3}) or 0)
return nn.train {loss = nn.square(net):mean(), optimizer = nn.sgd {lr = 1e-4}, data = nn.data.table {train = {x = rows}}, batch = 4, epochs = 3}
L
for between in 0 1; do
    for kind in fused generic; do check "doubled $between: builds $kind" build $kind doubled.lua --kernels $kind --set between=$between; done
    check "doubled $between: agree" agree
    check "doubled $between: no condition, no quotient" eval '! sed -n "/^NN_KERNEL/,/^}/p" fused.c | grep " / 2\]\|0 <= "'
done

# Long folds across the lines of an array, over time where features lie beside each other: features in lanes, sixteen and a ragged rest.
cat > across.lua <<'L'
local nn = require "nn"
local width, draw, rows = nn.option("width", 37), nn.rng(3), {}
local x = nn.input("x", {40, 3})
for r = 1, 7 do rows[r] = {} for i = 1, 120 do rows[r][i] = draw:normal() end end
local h = nn.rms_norm(width)(nn.linear(3, width)(x))
return nn.train {loss = nn.square(nn.linear(width, 2)(h:max(1)) + h:logsumexp(1):sum(-1, {keep = true})):mean(), optimizer = nn.sgd {lr = 1e-3},
  data = nn.data.table {train = {x = rows}}, batch = 4, epochs = 3}
L
for width in 37 64; do
    for kind in fused generic; do check "across $width: builds $kind" build $kind across.lua --kernels $kind --set width=$width; done
    check "across $width: agree" agree
    check "across $width: in lanes" eval '[ "$(sed -n "/^NN_KERNEL/,/^}/p" fused.c | grep -c "NN_SIMD_SUMS\|NN_ROW_SUM")" -ge 4 ]'
    check "across $width: the largest one's place too" eval '! sed -n "/^NN_KERNEL/,/^}/p" fused.c | grep "if (.* > "'
done

# 13 rows are 15 in tiles of 5 and 20 in tiles of 10: such tiles do not grow.
check "13 rows: built" build fused "$ROOT/tests/run/models/tiles.lua" --set wide=320 --set narrow=256 --set rows=13 --instruction-limit 100000000
check "13 rows: as few as they fill" eval '! grep "ROWS = [56] \* NN_WIDE, COLUMNS" fused.c'

# Channels that lie innermost are folded innermost, the weights' panels turned for them.
cat > strided.lua <<'L'
local nn = require "nn"
local x, draw, rows = nn.input("x", {16, 9, 9}), nn.rng(3), {}
for r = 1, 16 do rows[r] = {} for i = 1, 16 * 81 do rows[r][i] = draw:normal() end end
local net = nn.sequential {nn.conv2d(16, 64, 3), nn.tanh, nn.conv2d(64, 64, 5, {stride = 2, padding = 2}), nn.relu, nn.global_avg_pool2d, nn.linear(64, 2)}
return nn.train {loss = nn.square(net(x)):mean(), optimizer = nn.sgd {lr = 0.1}, data = nn.data.table {train = {x = rows}}, batch = 16, epochs = 2}
L
for kind in fused generic; do check "strided: builds $kind" build $kind strided.lua --kernels $kind --instruction-limit 100000000; done
check "strided: agree" agree
check "strided: channels innermost" grep -q "NN_TURNED_PANELS(panel, i, .*5; l++.*5; n++), k, 0" fused.c
