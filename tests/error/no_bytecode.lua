local nn = require "nn"
assert(load("\27Lua"))
