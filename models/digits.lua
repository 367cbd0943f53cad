-- Handwritten digits, 8 x 8 pixels: one hidden layer, cross entropy, 1,000 steps over all training rows at once.
-- --set optimizer=adam learns faster than plain gradient descent at the same rate; --set batch=32 takes steps of 32 rows.
-- The confusion matrices count, for each digit (row), what it was taken for (column).
-- Test accuracy 0.933 with gradient descent, 0.976 with Adam.
local nn = require "nn"

local pixels = nn.input("pixels", {64})          -- 0 to 16, as they are
local label  = nn.class("label", 10)

local net = nn.sequential {
  nn.linear(64, 80, {name = "fc1"}), nn.relu,
  nn.linear(80, 10, {name = "fc2"}),
}
local logits = net(pixels)

local optimizers = {sgd = nn.sgd, adam = nn.adam}
local optimizer = optimizers[nn.option("optimizer", "sgd")]

return nn.train {
  loss      = nn.cross_entropy(logits, label),
  metrics   = {accuracy = nn.accuracy(logits, label), confusion = nn.confusion(logits, label)},
  outputs   = {logits = logits},
  optimizer = optimizer {lr = 1e-3},
  data      = nn.data.csv {
    train = "data/digits.csv", columns = {pixels = {1, 64}, label = "label"},
    split = {train = 0.75, test = 0.25},
  },
  batch = tonumber(nn.option("batch", "all")) or "all", steps = 1000, seed = 1,
}
