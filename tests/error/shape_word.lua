local nn = require "nn"
nn.input("x", "784")
