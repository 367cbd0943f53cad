local nn = require "nn"
local x, y = nn.input("x", {2}), nn.input("y", {2})
local w = nn.parameter("w", {2}, 0)
local data = nn.data.table {train = {x = {{1, 2}}}}
return nn.train {loss = nn.mse(w * x, y), optimizer = nn.sgd {}, batch = 1, steps = 1, data = data}
