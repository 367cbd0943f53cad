-- run: --instruction-limit 1000000
local nn = require "nn"
while true do
  pcall(function() while true do end end)
end
