-- gather, as PyTorch: from a shared table and from a per-row one, each element by an index of its own; equal indices add their
-- gradients. An index without the axis picks one element for each of its own.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {4, 2}), nn.input("target", {3, 2})
local at, one = nn.class("at", 4, {3, 2}), nn.class("one", 4, {2})
local words = nn.parameter("words", {4, 2}, grid(4, 2, 7, 13))
local seen = nn.tanh(x * nn.parameter("gain", {2}, {0.5, 1.5}))
local y = words:gather(1, at):tanh() + seen:gather(1, at) * words:gather(1, at) + seen:gather(1, one)

local data = {x = grid(11, 8, 17, 29), target = grid(11, 6, 5, 31), at = {}, one = {}}
for i = 1, 11 do
  data.at[i] = {{i % 4, (i * 3 + 1) % 4}, {i % 4, i % 3}, {(i * 2 + 1) % 4, i % 3}}
  data.one[i] = {i * i % 4, (i + 2) % 4}
end
return nn.train {
  loss = nn.mse(y, target),
  optimizer = nn.sgd {lr = 0.2, momentum = 0.5},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
