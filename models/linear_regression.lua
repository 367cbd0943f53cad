-- A straight line where the truth is bent: least squares on a cubic leaves what no line can explain.
-- 80 points of 1.3 x^3 - 3 x^2 + 3.6 x + 6.9 with noise of deviation 1, x between -1 and 3; r2 is the share that is explained:
-- 0.908, by 4.81 x + 5.28.
local nn = require "nn"

local x = nn.input("x", {})
local y = nn.input("y", {})

local theta1 = nn.parameter("theta1", {}, 1)
local theta0 = nn.parameter("theta0", {}, 1)
local line = theta1 * x + theta0

local rng = nn.rng(1)
local points = {x = {}, y = {}}
for i = 1, 80 do
  local at = rng:uniform(-1, 3)
  points.x[i] = at
  points.y[i] = 1.3 * at ^ 3 - 3 * at ^ 2 + 3.6 * at + 6.9 + rng:normal(0, 1)
end

return nn.train {
  loss      = nn.mse(line, y),
  metrics   = {theta1 = theta1, theta0 = theta0, r2 = nn.r2(line, y)},
  outputs   = {line = line},
  optimizer = nn.sgd {lr = 0.01},
  data      = nn.data.table {train = points},
  batch = "all", steps = 1000, seed = 1,
}
