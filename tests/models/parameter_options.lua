-- What a parameter may ask for itself: to be left alone, a rate, a decay.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {3}), nn.input("target", {2})
local w1 = nn.parameter("w1", {3, 4}, grid(3, 4, 7, 13), {lr = 0.5})
local w2 = nn.parameter("w2", {4, 4}, grid(4, 4, 3, 11), {freeze = true})
local w3 = nn.parameter("w3", {4, 2}, grid(4, 2, 19, 23), {weight_decay = 0.2})
return nn.train {
  loss = nn.mse(x:matmul(w1):tanh():matmul(w2):tanh():matmul(w3), target),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.5, weight_decay = 0.01},
  data = nn.data.table {train = {x = grid(11, 3, 17, 29), target = grid(11, 2, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
