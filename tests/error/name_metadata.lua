local nn = require "nn"
nn.input("__metadata__", {2})
