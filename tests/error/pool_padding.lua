local nn = require "nn"
local y = nn.max_pool2d(2, {padding = 2})
