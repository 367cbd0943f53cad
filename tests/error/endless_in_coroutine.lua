-- run: --instruction-limit 1000000
local nn = require "nn"
local f = coroutine.wrap(function()
  while true do end
end)
while true do pcall(f) end
