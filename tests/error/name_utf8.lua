local nn = require "nn"
nn.input("a\xff", {2})
