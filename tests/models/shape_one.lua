-- Everything has one element; rows of the table are plain numbers.
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
local w, b = nn.parameter("w", {1}, 0.5), nn.parameter("b", {1}, {-0.25})

local data = {x = {}, y = {}}
for i = 1, 11 do
  data.x[i] = i / 4 - 1.5
  data.y[i] = 3 * data.x[i] + i % 3 / 2
end
return nn.train {
  loss = nn.mse(w * x + b, y),
  metrics = {r2 = nn.r2(w * x + b, y)},
  optimizer = nn.sgd {lr = 0.1},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
