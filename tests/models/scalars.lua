-- Shape {} everywhere: a number a row, and parameters that are numbers.
local nn = require "nn"
local x, y = nn.input("x", {}), nn.input("y", {})
local a, b, c = nn.parameter("a", {}, 0.5), nn.parameter("b", {}, -0.5), nn.parameter("c", {}, 0.25)

local data = {x = {}, y = {}}
for i = 1, 11 do
  data.x[i] = i / 4 - 1.5
  data.y[i] = 2 * data.x[i] + i % 4 / 2
end
return nn.train {
  loss = (a * nn.sin(b * x) + c * x - y):square():mean() + 0.01 * a * a,
  optimizer = nn.adam {lr = 0.05},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
