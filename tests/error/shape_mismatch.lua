local nn = require "nn"
local x = nn.input("x", {784})

local w = nn.parameter("w", {100, 10}, 0)
local y = x:matmul(w)
