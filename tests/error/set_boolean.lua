-- run: --set deep=yes
local nn = require "nn"
local n = nn.option("deep", false)
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w ^ 2, optimizer = nn.sgd {}, steps = 1}
