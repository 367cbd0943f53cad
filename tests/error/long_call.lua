local nn = require "nn"
local s = ("a"):rep(30):find((".-"):rep(30) .. "b")
