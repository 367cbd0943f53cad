local nn = require "nn"
local o = nn.sgd {lr = -0.1}
