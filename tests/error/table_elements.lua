local nn = require "nn"
local x, c = nn.input("x", {2}), nn.class("c", 3)
local net = nn.linear(2, 3)
local data = nn.data.table {train = {x = {{1, 2}, {1, 2, 3}}, c = {0, 1}}}
return nn.train {loss = nn.cross_entropy(net(x), c), optimizer = nn.sgd {}, batch = 1, steps = 1, data = data}
