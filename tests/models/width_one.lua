-- Layers of one unit, five rows in batches of two, a softmax over one class.
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
local h = nn.tanh(x:matmul(nn.parameter("w1", {1, 1}, {{0.7}})) + nn.parameter("b1", {1}, {0.1}))
local o = h:matmul(nn.parameter("w2", {1, 1}, {{-0.4}})) + nn.parameter("b2", {1}, {0.2})
return nn.train {
  loss = nn.mse(o * nn.softmax(o), y),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.9},
  data = nn.data.table {train = {x = {{-1}, {-0.5}, {0}, {0.5}, {1}}, y = {{-0.8}, {-0.3}, {0.1}, {0.6}, {0.9}}}},
  batch = 2, steps = 30, precision = "f64",
}
