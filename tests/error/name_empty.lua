local nn = require "nn"
nn.input("", {2})
