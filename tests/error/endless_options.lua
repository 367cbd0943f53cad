-- run: --memory-limit 50000000
local nn = require "nn"
local long = ("x"):rep(1e6)
for i = 1, 1e6 do nn.option("o" .. i, long) end
