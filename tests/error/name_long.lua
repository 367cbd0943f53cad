local nn = require "nn"
nn.input(("x"):rep(201), {2})
