local nn = require "nn"
local w = nn.parameter("w", {}, 1)
