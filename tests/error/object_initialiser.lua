local nn = require "nn"
local start = setmetatable({make = function() return function() return {kind = nil} end end}, {})
nn.parameter("w", {2}, start)
