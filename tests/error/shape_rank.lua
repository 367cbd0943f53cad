local nn = require "nn"
nn.input("x", {1, 1, 1, 1, 1, 1, 1})
