local nn = require "nn"
nn.input("a\nb", {2})
