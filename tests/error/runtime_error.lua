local nn = require "nn"
local t
print(t.x)
