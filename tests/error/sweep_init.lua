local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local a = nn.parameter("v", {}, nn.init.normal(0, nn.sweep("std", {1, 2})))
return nn.train {loss = w * w, optimizer = nn.sgd {lr = 0.1}, steps = 2}
