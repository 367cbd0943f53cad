-- No data: the valley of Rosenbrock, from the usual start.
local nn = require "nn"
local x, y = nn.parameter("x", {}, -1.2), nn.parameter("y", {}, 1)
return nn.train {
  loss = (1 - x) ^ 2 + 100 * (y - x ^ 2) ^ 2,
  metrics = {distance = ((x - 1):square() + (y - 1):square()):sqrt()},
  optimizer = nn.sgd {lr = 1e-3},
  steps = 50, precision = "f64",
}
