-- run: --instruction-limit 1000000
local nn = require "nn"
pcall(function()
  local t <close> = setmetatable({}, {__close = function()
    while true do end
  end})
  error "on"
end)
