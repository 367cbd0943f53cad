local nn = require "nn"
local x, at = nn.input("x", {4}), nn.class("at", 5)
local y = x:gather(1, at)
