local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local a = nn.sgd {lr = nn.sweep("r", {0.5, -0.1})}
return nn.train {loss = w * w, optimizer = nn.sgd {lr = 0.1}, steps = 2}
