# plain_walk.sh: the walk that names what is not finite finds nothing where all is well: not in masks of minus infinity, not in
# the padding of a maximum, not in a derivative.
. "$(dirname "$0")/tools/case.bash"
cat > walk.c <<'E'
#define main program_main
#include "p.c"
#undef main
#include <stdio.h>
int main(void)
{
    NnRun *run = nn_start(&program, 4, (char *[]){"p", "--quiet", "--steps", "3", NULL});
    for (int epoch = 0; epoch < 3 && nn_next_epoch(run); epoch++, nn_epoch_done(run))
        for (NnStep step; nn_next_batch(run, &step);) {
            NnCulprit culprit;
            if (find_not_finite(&step, &culprit)) {
                printf("%s by %s at %s:%d\n", culprit.tensor, culprit.operation, culprit.file, culprit.line);
                return 1;
            }
            nn_step_done(run, train_step(&step));
        }
    return 0;
}
E
walk() {
    generate p "$1" && status 0 $CC walk.c $("$NNGEN" flags) $WARNINGS $CFLAGS_EXTRA -O0 -o walk && status 0 ./walk
}
for model in attention_by_hand convolutions functions gradient_penalty inner_step lookup masked_softmax norms pooling reductions ties two_losses; do
    check $model walk "$ROOT/tests/models/$model.lua"
done
cat > causal.lua <<'E'
local nn = require "nn"
local x, y = nn.input("x", {4, 6}), nn.class("y", 3)
local h = nn.attention(6, 2, {causal = true})(x)
return nn.train {
  loss = nn.cross_entropy(nn.linear(24, 3)(nn.flatten(h)), y), optimizer = nn.adam {lr = 0.01}, batch = 2, epochs = 1, clip_norm = 1,
  data = nn.data.table {train = {x = {{1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6}}, y = {1}}},
}
E
check "causal attention" walk causal.lua
cat > pooled.lua <<'E'
local nn = require "nn"
local x, y = nn.input("x", {1, 5, 5}), nn.class("y", 3)
local h = nn.max_pool2d(3, {stride = 2, padding = 1})(nn.relu(nn.conv2d(1, 2, 3, {padding = 1})(x)))
local rows = {}
for i = 1, 25 do rows[i] = i % 7 - 3 end
return nn.train {
  loss = nn.cross_entropy(nn.linear(18, 3)(nn.flatten(h)), y), optimizer = nn.sgd {lr = 0.01}, batch = 2, epochs = 1,
  data = nn.data.table {train = {x = {rows, rows, rows}, y = {1, 2, 0}}},
}
E
check "a padded maximum" walk pooled.lua
