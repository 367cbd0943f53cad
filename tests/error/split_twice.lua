local nn = require "nn"
local x, c = nn.input("x", {2}), nn.class("c", 3)
local net = nn.linear(2, 3)
local data = nn.data.csv {train = "a.csv", test = "b.csv", columns = {x = {1, 2}, c = 3}, split = {train = 0.5, test = 0.5}}
return nn.train {loss = nn.cross_entropy(net(x), c), optimizer = nn.sgd {}, batch = 1, steps = 1, data = data}
