local nn = require "nn"
local function check()
  error("no such thing\27[31m")
end
check()
