-- Learning to learn: the loss is that of the parameters after one gradient step of their own on another loss (MAML's first
-- idea). The inner gradient folds the batch, whose last is partial.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, first, second = nn.input("x", {3}), nn.input("first", {2}), nn.input("second", {2})
local w, b = nn.parameter("w", {3, 2}, grid(3, 2, 7, 13)), nn.parameter("b", {2}, 0)
local rate = nn.parameter("rate", {}, 0.3)
local function predict(w, b) return (x:matmul(w) + b):tanh() end

local inner = nn.mse(predict(w, b), first)
local dw, db = table.unpack(nn.gradient(inner, {w, b}))
return nn.train {
  loss = nn.mse(predict(w - rate * dw, b - rate * db), second),
  metrics = {inner = inner},
  optimizer = nn.sgd {lr = 0.1},
  data = nn.data.table {train = {x = grid(11, 3, 17, 29), first = grid(11, 2, 5, 31), second = grid(11, 2, 3, 37)}},
  batch = 4, steps = 30, precision = "f64",
}
