local nn = require "nn"
nn.data.npy {train = "a.npy"}
