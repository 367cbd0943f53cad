-- run: --set widht=3
local nn = require "nn"
local n = nn.option("width", 10)
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w ^ 2, optimizer = nn.sgd {}, steps = 1}
