local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {})
local l = nn.mse(x, y)
