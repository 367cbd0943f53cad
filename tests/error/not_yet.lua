local nn = require "nn"
local c = nn.sweep("lr", {0.1, 0.2})
