local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local a, b = nn.sweep("a", {1, 2}), nn.sweep("b", {1, 2})
return nn.train {loss = w * w, optimizer = nn.sgd {lr = 0.1}, steps = 2}
