-- what a table claims by a metatable that hides itself is not what nn hands out
local nn = require "nn"
local w = nn.parameter("w", {}, 1)
local o = setmetatable({}, {__metatable = "optimizer", __name = "optimizer", __index = function() return 1e9 end})
return nn.train {loss = w * w, optimizer = o, steps = 1}
