local nn = require "nn"
local x = nn.input("x", {3})
local y = x[1]
