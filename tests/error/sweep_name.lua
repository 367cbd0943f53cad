local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local a = nn.sweep("loss", {1, 2})
return nn.train {loss = w * w, optimizer = nn.sgd {lr = 0.1}, steps = 2}
