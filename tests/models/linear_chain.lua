-- Linear layers with nothing between: their products may be taken in another order. 37 inputs, 23 and 11 units, 5 classes;
-- 70 rows in batches of 31, the last of eight.
local nn = require "nn"
local function grid(rows, columns, a, b, scale)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = ((i * i * a + j * b + i * j * 5) % 61 / 30 - 1) * (scale or 1) end end
  return t
end

local x, class = nn.input("x", {37}), nn.class("class", 5)
local h1 = x:matmul(nn.parameter("w1", {37, 23}, grid(37, 23, 7, 13, 0.125))) + nn.parameter("b1", {23}, 0.5)
local h2 = h1:matmul(nn.parameter("w2", {23, 11}, grid(23, 11, 3, 11, 0.25))) + nn.parameter("b2", {11}, -0.25)
local logits = h2:matmul(nn.parameter("w3", {11, 5}, grid(11, 5, 19, 23, 0.125)))

local data = {x = grid(70, 37, 17, 29), class = {}}
for i = 1, 70 do data.class[i] = i * i * i % 5 end
return nn.train {
  loss = nn.cross_entropy(logits, class),
  optimizer = nn.sgd {lr = 0.05, momentum = 0.9},
  data = nn.data.table {train = data}, batch = 31, steps = 30, precision = "f64",
}
