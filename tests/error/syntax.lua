local nn = require "nn"
local x = nn.input("x", {2)
