local nn = require "nn"
local y = nn.conv2d(3, 4, 3, {groups = 2})
