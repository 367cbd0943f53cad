local nn = require "nn"
local a = nn.input("a", {3})
local b = nn.parameter("b", {4}, 0)
local c = a + b
