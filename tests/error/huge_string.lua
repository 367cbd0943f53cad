local nn = require "nn"
local s = ("x"):rep(2e9)
