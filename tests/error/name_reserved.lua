local nn = require "nn"
nn.parameter("nngen.step", {}, 0)
