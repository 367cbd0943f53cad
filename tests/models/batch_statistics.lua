-- Batch normalisation by hand: the batch is folded in the middle of the model. The last batch has 3 rows of 4: its
-- statistics are those of 3 rows.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3}), nn.input("target", {4})
local h = x:matmul(nn.parameter("w", {3, 4}, grid(3, 4, 7, 13)))
local centred = h - h:mean("batch")
local normal = centred / (centred:square():mean("batch") + 1e-5):sqrt()
local y = normal * nn.parameter("gain", {4}, 1) + nn.parameter("shift", {4}, 0)
        + 0.1 * h:max("batch") - 0.1 * h:min("batch") + 0.05 * h:var("batch") + 0.02 * h:logsumexp("batch")
        - 0.01 * h:sum({"batch", 1})
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.05},
  data = nn.data.table {train = {x = grid(11, 3, 17, 29), target = grid(11, 4, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
