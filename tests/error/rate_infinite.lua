local nn = require "nn"
local o = nn.adam {lr = 1 / 0}
