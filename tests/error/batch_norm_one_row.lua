local nn = require "nn"
local x = nn.input("x", {3})
local y = nn.batch_norm1d(3, {name = "bn"})(x)
return nn.train {
  loss = nn.mse(y, x), optimizer = nn.sgd {lr = 0.1}, batch = 1, steps = 2,
  data = nn.data.table {train = {x = {{1, 2, 3}, {2, 3, 5}}}},
}
