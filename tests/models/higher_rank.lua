-- Axes moved about: (2, 3, 4) per row through product, permute, reshape, slice, pad, concat, stack.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {2, 3, 4}), nn.input("target", {3, 4})
local w = nn.parameter("w", {4, 5}, grid(4, 5, 7, 13))
local v = nn.parameter("v", {15, 4}, grid(15, 4, 3, 11))
local u = nn.parameter("u", {2, 2}, grid(2, 2, 19, 23))

local a = x:matmul(w)                               -- (2, 3, 5)
local b = a:permute {3, 1, 2}:reshape {5, 6}        -- (5, 6)
local c = b:slice(1, 2, 4):pad(2, 1, 2, 0.5)        -- (3, 9)
local d = nn.concat({c, x:reshape {3, 8}:slice(-1, 3, 8)}, 2)             -- (3, 15)
local e = nn.stack({d:matmul(v), d:slice(2, 1, 4):tanh()}, 1)             -- (2, 3, 4)
local y = u:matmul(e:transpose(1, 2)):sum(2)        -- (3, 2, 4), then (3, 4)
return nn.train {
  loss = nn.mse(y, target),
  outputs = {y = y},
  optimizer = nn.adam {lr = 0.02},
  data = nn.data.table {train = {x = grid(11, 24, 17, 29), target = grid(11, 12, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
