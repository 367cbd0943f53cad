-- A causal mask of minus infinity before a softmax: the masked weight is 0, its gradient too.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {4, 3}), nn.input("target", {4, 3})
local mask = {}
for i = 1, 4 do mask[i] = {} for j = 1, 4 do mask[i][j] = j <= i and 0 or -math.huge end end
local score = x:matmul(nn.parameter("w", {3, 3}, grid(3, 3, 7, 13))):matmul(x:transpose(1, 2)) + nn.constant(mask)
local y = score:softmax():matmul(x) + nn.where(nn.constant(mask):lt(0), -math.huge, score):logsumexp(-1, {keep = true}) * 0.1
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.5, momentum = 0.5},
  data = nn.data.table {train = {x = grid(11, 12, 17, 29), target = grid(11, 12, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
