-- Widths and batches that no vector divides: 13, 17, 127, 7; 23 rows in batches of 11, the last of one row.
local nn = require "nn"
local function grid(rows, columns, a, b, scale)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = ((i * i * a + j * b + i * j * 5) % 61 / 30 - 1) * (scale or 1) end end
  return t
end

local x, class = nn.input("x", {13}), nn.class("class", 7)
local h1 = nn.tanh(x:matmul(nn.parameter("w1", {13, 17}, grid(13, 17, 7, 13, 0.25))) + nn.parameter("b1", {17}, 0))
local h2 = nn.relu(h1:matmul(nn.parameter("w2", {17, 127}, grid(17, 127, 3, 11, 0.25))) + nn.parameter("b2", {127}, 0.05))
local logits = h2:matmul(nn.parameter("w3", {127, 7}, grid(127, 7, 19, 23, 0.125))) + nn.parameter("b3", {7}, 0)

local data = {x = grid(23, 13, 17, 29), class = {}}
for i = 1, 23 do data.class[i] = i * i * i % 7 end
return nn.train {
  loss = nn.cross_entropy(logits, class),
  optimizer = nn.sgd {lr = 0.05, momentum = 0.9},
  data = nn.data.table {train = data}, batch = 11, steps = 30, precision = "f64",
}
