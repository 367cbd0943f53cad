local nn = require "nn"
local w = nn.linear(2, 3).weigth
