local nn = require "nn"
local c = nn.class("c", 3)
local y = c * 2
