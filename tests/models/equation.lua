-- A network that solves u'' = -u, u(0) = 0, u'(0) = 1: the loss holds a second derivative, its gradient a third.
local nn = require "nn"
local function row(count, a)
  local t = {}
  for j = 1, count do t[j] = (j * j * a + j * 5) % 61 / 30 - 1 end
  return t
end

local x = nn.input("x", {1})
local w1, b1, w2 = nn.parameter("w1", {8}, row(8, 7)), nn.parameter("b1", {8}, row(8, 3)), nn.parameter("w2", {8}, row(8, 19))
local function u(at) return (at * w1 + b1):tanh():matmul(w2) end

local y = u(x)
local slope = nn.gradient(y:sum(), x)
local curve = nn.gradient(slope:sum(), x)
local zero = nn.constant {0}
local start = u(zero)
local data = {x = {}}
for i = 1, 11 do data.x[i] = {(i - 1) * 0.15} end
return nn.train {
  loss = {inside = (curve:sum(1) + y):square():mean(),
          start = start:square() + (nn.gradient(start, zero):sum() - 1):square()},
  optimizer = nn.adam {lr = 0.01},
  data = nn.data.table {train = data}, batch = 4, steps = 40, precision = "f64",
}
