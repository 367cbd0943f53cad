local nn = require "nn"
local x = nn.input("x", {64})
local y = nn.conv2d(1, 4, 3)(x)
