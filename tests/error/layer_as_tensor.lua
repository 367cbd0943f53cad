local nn = require "nn"
local y = nn.linear(2, 3) + 1
