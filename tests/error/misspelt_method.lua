local nn = require "nn"
local x = nn.input("x", {2})
local y = x:sofmax()
