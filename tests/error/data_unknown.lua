local nn = require "nn"
nn.data.safetensor {train = "a"}
