local nn = require "nn"
return nn.parameter("w", {}, 1)
