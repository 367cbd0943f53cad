local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local a = nn.sgd {momentum = nn.sweep("m", {0.5, 0.9})}
return nn.train {loss = w * w, optimizer = nn.sgd {lr = 0.1}, steps = 2}
