-- One trunk, two heads, two losses: trained on their sum, each logged by itself.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, value, class = nn.input("x", {4}), nn.input("value", {2}), nn.class("class", 3)
local trunk = x:matmul(nn.parameter("trunk", {4, 6}, grid(4, 6, 7, 13))):relu()
local logits = trunk:matmul(nn.parameter("head.class", {6, 3}, grid(6, 3, 3, 11)))
local guess = trunk:matmul(nn.parameter("head.value", {6, 2}, grid(6, 2, 19, 23)))

local data = {x = grid(11, 4, 17, 29), value = grid(11, 2, 5, 31), class = {}}
for i = 1, 11 do data.class[i] = (i * i * 7 + i * 3) % 5 % 3 end
return nn.train {
  loss = {class = nn.cross_entropy(logits, class), value = 0.5 * nn.mse(guess, value)},
  metrics = {accuracy = nn.accuracy(logits, class)},
  optimizer = nn.adam {lr = 0.02},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
