-- As many equal layers as asked for, and before them a chain of as many sines: what a deep model costs to generate and compile.
local nn = require "nn"
local layers, sines = nn.option("layers", 60), nn.option("sines", 0)
local x, target = nn.input("x", {24}), nn.input("target", {24})
local y = x * nn.parameter("gain", {24}, 1)
for i = 1, sines do y = nn.sin(y) + x end
for i = 1, layers do y = nn.tanh(nn.linear(24, 24)(y)) + y end
local data = {x = {}, target = {}}
for i = 1, 7 do
  data.x[i], data.target[i] = {}, {}
  for j = 1, 24 do data.x[i][j], data.target[i][j] = math.sin(i * j), math.cos(i + j) end
end
return nn.train {
  loss = nn.mse(y, target), optimizer = nn.adam {lr = 1e-3},
  data = nn.data.table {train = data}, batch = 4, steps = 12, precision = "f64",
}
