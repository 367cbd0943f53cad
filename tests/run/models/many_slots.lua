-- An optimizer of one's own with N slots a parameter, for a net whose updates could be one kernel: tiles.sh builds it.
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
local out = nn.linear(80, 1, {name = "fc2"})(nn.relu(nn.linear(1, 80, {name = "fc1"})(x)))
local slots = nn.option("slots", 8)
local rows = {x = {}, y = {}}
for i = 1, 100 do rows.x[i], rows.y[i] = {i / 100}, {i * i / 10000} end
local optimizer = nn.optimizer(function(p, g, s)
  local step = g
  for k = 1, slots do
    local m = 0.9 * s:slot("m" .. k, 0) + 0.1 * nn.square(step) + nn.abs(g) * k
    s:set("m" .. k, m)
    step = step / (nn.sqrt(m) + k)
  end
  return p - s.lr * step
end, {lr = 0.01})
return nn.train {loss = nn.mse(out, y), optimizer = optimizer, data = nn.data.table {train = rows}, batch = "all", steps = 3}
