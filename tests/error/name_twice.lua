local nn = require "nn"
local a = nn.parameter("w", {2}, 0)

local b = nn.parameter("w", {3}, 0)
