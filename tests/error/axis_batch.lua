local nn = require "nn"
local y = nn.parameter("x", {3}, 0):sum("batch")
