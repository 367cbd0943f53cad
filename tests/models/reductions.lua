-- Folds over one axis, several, the last, all; kept and dropped.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3, 4}), nn.input("target", {3})
local w = nn.parameter("w", {4, 5}, grid(4, 5, 7, 13))
local h = x:matmul(w)                                                  -- (3, 5)
local norm = (h - h:mean(-1, {keep = true})) / (h:var(-1, {keep = true}) + 0.1):sqrt()
local y = norm:max(2) + h:min(-1) * h:var(2, {unbiased = false})       -- (3)
        + h:logsumexp(2) - h:sum({1, 2}) / 10 + h:logsumexp({1, 2}) * h:max({1, 2})
        + h:max(1):sum(1) * 0.1 + h:var({1, 2})
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.003},
  data = nn.data.table {train = {x = grid(11, 12, 17, 29), target = grid(11, 3, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
