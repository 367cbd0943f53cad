local nn = require "nn"
local x, c = nn.input("x", {3}), nn.class("c", 3)
local m = nn.confusion(x, c) * 2
