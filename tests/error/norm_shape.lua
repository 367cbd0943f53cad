local nn = require "nn"
local x = nn.input("x", {5})
local y = nn.layer_norm(4)(x)
