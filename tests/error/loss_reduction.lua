local nn = require "nn"
local x = nn.input("x", {9})
local l = nn.mse(x, x, {reduction = "none"})
