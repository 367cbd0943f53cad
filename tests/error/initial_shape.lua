local nn = require "nn"
local w = nn.parameter("w", {3}, {1, 2})
