-- run: --memory-limit 50000000
local nn = require "nn"
local s = "x"
while true do s = s .. s end
