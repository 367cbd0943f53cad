local nn = require "nn"
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w ^ 2, steps = 1, optimizer = nn.optimizer(function(p, g, s) s.lr = 1 end)}
