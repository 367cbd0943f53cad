-- The branch not taken is a logarithm or a reciprocal of what has none: it reaches neither value nor gradient. A root, whose
-- derivative there is not a number, is kept from it by a second where, as in PyTorch.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {6}), nn.input("target", {6})
local w = nn.parameter("w", {6}, grid(1, 6, 7, 13)[1])
local z = x * w + 0.3
local root = nn.where(z:lt(0), z:abs(), nn.where(z:lt(0), 1, z):sqrt())
local y = nn.where(z:gt(0), z:log(), z) + root * nn.where(z:le(0.1), 0, 1 / z)
return nn.train {
  loss = nn.smooth_l1(y, target),
  optimizer = nn.sgd {lr = 0.02},
  data = nn.data.table {train = {x = grid(11, 6, 17, 29), target = grid(11, 6, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
