local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local x = nn.input("x", {})
local schedule = nn.schedule.exponential {gamma = 0.9, per = "batch"}
return nn.train {loss = nn.mse(w * x, 0 * x), optimizer = nn.sgd {lr = 0.1}, schedule = schedule, batch = 1, epochs = 2, data = nn.data.table {train = {x = {1, 2}}}}
