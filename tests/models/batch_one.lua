-- One row a batch.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, class = nn.input("x", {3}), nn.class("class", 2)
local h = nn.sigmoid(x:matmul(nn.parameter("w1", {3, 4}, grid(3, 4, 7, 13))) + nn.parameter("b1", {4}, 0))
local logits = h:matmul(nn.parameter("w2", {4, 2}, grid(4, 2, 3, 11)))

local data = {x = grid(7, 3, 17, 29), class = {0, 1, 1, 0, 1, 0, 0}}
return nn.train {
  loss = nn.cross_entropy(logits, class),
  metrics = {accuracy = nn.accuracy(logits, class)},
  optimizer = nn.adam {lr = 0.05},
  data = nn.data.table {train = data}, batch = 1, steps = 35, precision = "f64",
}
