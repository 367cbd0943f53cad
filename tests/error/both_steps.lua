local nn = require "nn"
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w ^ 2, optimizer = nn.sgd {}, steps = 1, epochs = 1}
