local nn = require "nn"
local a = nn.parameter("a", {2^30, 2^30}, 0)
