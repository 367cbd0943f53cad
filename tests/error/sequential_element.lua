local nn = require "nn"
local net = nn.sequential {nn.linear(2, 3), "relu"}
