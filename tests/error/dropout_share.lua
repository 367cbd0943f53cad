local nn = require "nn"
local y = nn.dropout(1.5)
