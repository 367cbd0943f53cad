-- run: --memory-limit 50000000
local nn = require "nn"
local x = nn.constant(1)
while true do tostring(x) end
