local nn = require "nn"
dofile("x.lua")
