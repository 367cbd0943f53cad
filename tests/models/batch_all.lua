-- All rows are one batch, however many there are.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3}), nn.input("target", {2})
local y = x:matmul(nn.parameter("w", {3, 2}, grid(3, 2, 7, 13))):tanh()
return nn.train {
  loss = nn.l1(y, target) + 0.5 * (y:mean("batch") - target:mean("batch")):square():sum(),
  optimizer = nn.adam {lr = 0.02},
  data = nn.data.table {train = {x = grid(13, 3, 17, 29), target = grid(13, 2, 5, 31)}},
  batch = "all", epochs = 30, precision = "f64",
}
