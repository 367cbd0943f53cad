-- Three linear layers of any width on a batch of any size: tests/run/tiles.sh sets them.
local nn = require "nn"
local wide, narrow, rows = nn.option("wide", 16), nn.option("narrow", 8), nn.option("rows", 4)
local x, label = nn.input("x", {wide}), nn.class("label", 3)
local logits = nn.sequential {
  nn.linear(wide, narrow, {name = "fc1"}), nn.tanh, nn.linear(narrow, wide, {name = "fc2"}), nn.sigmoid,
  nn.linear(wide, 3, {name = "fc3"}),
}(x)

local rng, data = nn.rng(1), {x = {}, label = {}}
for r = 1, rows + 2 do
  data.x[r], data.label[r] = {}, rng:integer(0, 2)
  for i = 1, wide do data.x[r][i] = rng:normal(0, 1) end
end
return nn.train {
  loss = nn.cross_entropy(logits, label), optimizer = nn.sgd {lr = 0.1, momentum = 0.9},
  data = nn.data.table {train = data}, batch = rows, steps = 4, seed = 1,
}
