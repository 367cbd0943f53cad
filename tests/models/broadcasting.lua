-- Shapes that NumPy stretches: (3, 1), (4), (1, 4), () and plain numbers against a (3, 4) per row.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3, 4}), nn.input("target", {3, 4})
local column = nn.parameter("column", {3, 1}, grid(3, 1, 7, 13))
local row    = nn.parameter("row", {4}, grid(1, 4, 3, 11)[1])
local line   = nn.parameter("line", {1, 4}, grid(1, 4, 19, 23))
local gain   = nn.parameter("gain", {}, 0.75)

local y = (x * column + row - 0.5) * gain + column * line - nn.constant {{0.25, 0, -0.25, 0.5}} / 2
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.5},
  data = nn.data.table {train = {x = grid(11, 12, 17, 29), target = grid(11, 12, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
