-- One hidden layer goes three ways that meet again, by concatenation and by a product.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {5}), nn.input("target", {2})
local h = nn.relu(x:matmul(nn.parameter("w", {5, 4}, grid(5, 4, 7, 13))) + nn.parameter("b", {4}, 0.1))
local first, second, third = h:tanh(), h:sigmoid() * h, h:square() - 1
local joined = nn.concat({first, second, third}, 1)
local y = joined:matmul(nn.parameter("join", {12, 2}, grid(12, 2, 3, 11)))
        + (first * second * third):matmul(nn.parameter("product", {4, 2}, grid(4, 2, 19, 23)))

return nn.train {
  loss = nn.huber(y, target),
  optimizer = nn.sgd {lr = 0.02, momentum = 0.9, nesterov = true},
  data = nn.data.table {train = {x = grid(11, 5, 17, 29), target = grid(11, 2, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
