local nn = require "nn"
local x, y = nn.input("x", {3}), nn.input("y", {3})
if x == y then return end
