-- The digits network as the notebooks train it, in file order, for comparison with PyTorch step by step:
-- digits.py records the losses that tests/run/parity.sh expects.
local nn = require "nn"

local rows  = nn.option("rows", 1347)
local batch = nn.option("batch", 1347)
local rule  = nn.option("optimizer", "sgd")

local pixels = nn.input("pixels", {64})       -- 0..16, raw
local label  = nn.class("label", 10)
local net = nn.sequential {
  nn.linear(64, 80, {name = "fc1"}), nn.relu,
  nn.linear(80, 10, {name = "fc2"}),
}

local optimizers = {
  sgd      = function() return nn.sgd {lr = 1e-3} end,
  momentum = function() return nn.sgd {lr = 1e-3, momentum = 0.9} end,
  adam     = function() return nn.adam {lr = 1e-3} end,
}

return nn.train {
  loss      = nn.cross_entropy(net(pixels), label),
  optimizer = optimizers[rule](),
  data      = nn.data.csv {
    train = "digits.csv", rows = {train = rows},
    columns = {pixels = {1, 64}, label = "label"},
  },
  batch = batch, steps = 50, seed = 1,
}
