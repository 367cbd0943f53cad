local nn = require "nn"
nn.data.text {train = "a.txt", context = 8, bind = {text = "x"}}
