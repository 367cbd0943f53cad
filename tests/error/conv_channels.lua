local nn = require "nn"
local x = nn.input("x", {2, 8, 8})
local y = nn.conv2d(3, 4, 3, {name = "conv"})(x)
