local nn = require "nn"
local x = nn.parameter("x", {3}, 0)
local g = nn.gradient(x * x, x)
