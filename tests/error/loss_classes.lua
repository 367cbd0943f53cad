local nn = require "nn"
local x, y = nn.input("x", {9}), nn.class("y", 10)
local l = nn.cross_entropy(x, y)
