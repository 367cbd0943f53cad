-- One parameter reaches the loss by several ways: both sides of one product, a transpose, a slice; one way is detached.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3}), nn.input("target", {3})
local w = nn.parameter("w", {3, 3}, grid(3, 3, 7, 13))
local y = x:matmul(w:matmul(w)) + x:matmul(w:transpose(1, 2)):tanh() + w:slice(1, 2, 2):reshape {3}
        + nn.detach(w):sum(1) * w:sum(2)
return nn.train {
  loss = nn.mse(y, target) + 0.01 * nn.l2(w),
  optimizer = nn.sgd {lr = 0.02, momentum = 0.5},
  data = nn.data.table {train = {x = grid(11, 3, 17, 29), target = grid(11, 3, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
