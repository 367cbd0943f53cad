-- A model to start from: points on a noisy curve, and a small network that learns it.
-- Run it with:   nngen run THIS.lua          Read the C program with:   nngen THIS.lua -o program.c

local nn = require "nn"

-- Options can be set from outside:   nngen run THIS.lua --set width=64
local width = nn.option("width", 32)

-- Data made here, with the generator that programs use too; nn.data.csv and nn.data.idx read files instead.
local random = nn.rng(1)
local rows = {x = {}, y = {}}
for i = 1, 200 do
  local x = -3 + 6 * i / 200
  rows.x[i] = {x}
  rows.y[i] = {math.sin(x) + random:normal(0, 0.1)}
end

-- What a row of data is. The batch is implicit: x is (batch, 1).
local x = nn.input("x", {1})
local y = nn.input("y", {1})

-- Layers are functions of a tensor; a name makes their parameters easy to find: hidden.weight, hidden.bias.
local net = nn.sequential {
  nn.linear(1, width, {name = "hidden"}), nn.tanh,
  nn.linear(width, 1, {name = "out"}),
}
local prediction = net(x)

return nn.train {
  loss      = nn.mse(prediction, y),
  metrics   = {error = nn.mean_absolute_error(prediction, y)},
  outputs   = {prediction = prediction},
  optimizer = nn.adam {lr = 0.01},
  data      = nn.data.table {train = rows, split = {train = 0.8, test = 0.2}},
  batch = 20, epochs = 100, seed = 1,
}
