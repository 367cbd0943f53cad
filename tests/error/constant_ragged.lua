local nn = require "nn"
local y = nn.constant {{1, 2}, {3}}
