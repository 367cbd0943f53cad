local nn = require "nn"
local x = nn.input("x", {1, 4, 4})
local y = nn.conv2d(1, 2, 5)(x)
