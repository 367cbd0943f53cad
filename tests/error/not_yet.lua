local nn = require "nn"
local c = nn.lstm(1, 10)
