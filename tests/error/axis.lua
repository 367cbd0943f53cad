local nn = require "nn"
local y = nn.input("x", {3}):sum(2)
