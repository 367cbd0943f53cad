local nn = require "nn"
local x = nn.input("x", {3})
return nn.train {loss = x:sum(1), optimizer = nn.sgd {}, steps = 1, batch = 1, data = nn.data.table {train = {x = {{1, 2, 3}}}}}
