local nn = require "nn"
io.open("x")
