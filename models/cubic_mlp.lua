-- A curve from a hidden layer of 100 ReLUs, by Adam: the 80 noisy points of a cubic that a straight line cannot follow
-- (linear_regression). All points in every step, 2,000 steps; or --set batch=10 for 100 epochs of mini-batches.
-- After 2,000 steps the loss is 1.16 and that on 80 other points (test_loss) 1.11: the noise alone is 1; mini-batches give 1.38.
-- --set points=10 shows over-fitting: ten points are learnt to 1.33, which is what their ReLUs can do, the others only to 1.66.
local nn = require "nn"

local x = nn.input("x", {1})
local y = nn.input("y", {1})

local small = {weight = nn.init.normal(0, 0.1), bias = nn.init.zeros()}
local net = nn.sequential {
  nn.linear(1, 100, {name = "hidden", init = small}), nn.relu,
  nn.linear(100, 1, {name = "curve",  init = small}),
}
local curve = net(x)

local rng = nn.rng(1)
local function points(count)
  local set = {x = {}, y = {}}
  for i = 1, count do
    local at = rng:uniform(-1, 3)
    set.x[i] = at
    set.y[i] = 1.3 * at ^ 3 - 3 * at ^ 2 + 3.6 * at + 6.9 + rng:normal(0, 1)
  end
  return set
end

local batch = tonumber(nn.option("batch", "all"))

return nn.train {
  loss      = nn.mse(curve, y),
  metrics   = {r2 = nn.r2(curve, y)},
  outputs   = {curve = curve},
  optimizer = nn.adam {lr = 0.01},
  data      = nn.data.table {test = points(80), train = points(nn.option("points", 80))},
  batch = batch or "all", epochs = batch and 100 or 2000, seed = 1,
}
