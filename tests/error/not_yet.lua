local nn = require "nn"
local c = nn.conv2d(1, 10, 5)
