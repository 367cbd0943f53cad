local nn = require "nn"
local x = nn.input("x", {2})
local w = nn.parameter("w", {2}, 0)
local data = nn.data.table {train = {X = {{1, 2}}}}
return nn.train {loss = nn.mse(w * x, x), optimizer = nn.sgd {}, batch = 1, steps = 1, data = data}
