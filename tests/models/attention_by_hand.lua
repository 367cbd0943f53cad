-- Products of every form: per row by shared, per row by per row, matrix by vector, vector by vector; a softmax between.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3, 4}), nn.input("target", {3})
local q = x:matmul(nn.parameter("q", {4, 5}, grid(4, 5, 7, 13)))
local k = x:matmul(nn.parameter("k", {4, 5}, grid(4, 5, 3, 11)))
local v = x:matmul(nn.parameter("v", {4, 2}, grid(4, 2, 19, 23)))
local weight = (q:matmul(k:transpose(1, 2)) / nn.constant(5):sqrt()):softmax()        -- (3, 3)
local seen = weight:matmul(v)                                                         -- (3, 2)
local direction = nn.parameter("direction", {2}, {0.5, -0.75})
local y = seen:matmul(direction)                                                      -- (3)
        + nn.parameter("left", {3}, {0.25, -0.5, 1}):matmul(weight)                   -- (3)
        + direction:matmul(direction) * x:slice(2, 1, 1):reshape {3}                  -- () times (3)
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.5},
  data = nn.data.table {train = {x = grid(11, 12, 17, 29), target = grid(11, 3, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
