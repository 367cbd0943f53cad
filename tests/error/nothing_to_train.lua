local nn = require "nn"
local x = nn.constant(2)
return nn.train {loss = x ^ 2, optimizer = nn.sgd {}, steps = 1}
