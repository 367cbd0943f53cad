local nn = require "nn"
local f = nn.Linear(2, 3)
