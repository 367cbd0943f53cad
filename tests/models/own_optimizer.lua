-- A user's own update rule: a bounded step along a bias-corrected mean of the gradients.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3}), nn.input("target", {2})
local w = nn.parameter("w", {3, 2}, grid(3, 2, 7, 13))
local b = nn.parameter("b", {2}, 0)

local bounded = nn.optimizer(function(p, g, s)
  local mean = 0.9 * s:slot("mean", 0) + 0.1 * g
  local size = nn.maximum(s:slot("size", 1) * 0.95, g:abs())
  s:set("mean", mean)
  s:set("size", size)
  return p - s.lr * (mean / (1 - 0.9 ^ s.t) / size):tanh()
end, {lr = 0.05})

return nn.train {
  loss = nn.mse(x:matmul(w) + b, target),
  optimizer = bounded,
  data = nn.data.table {train = {x = grid(11, 3, 17, 29), target = grid(11, 2, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
