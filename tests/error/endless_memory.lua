-- run: --memory-limit 50000000
local nn = require "nn"
local t = {}
while true do
  t[#t + 1] = {}
end
