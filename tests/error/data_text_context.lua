local nn = require "nn"
nn.data.text {train = "a.txt", bind = {text = "x", next = "y"}}
