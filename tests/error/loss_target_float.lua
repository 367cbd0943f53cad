local nn = require "nn"
local x, y = nn.input("x", {10}), nn.input("y", {})
local l = nn.cross_entropy(x, y)
