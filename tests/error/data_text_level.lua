local nn = require "nn"
nn.data.text {train = "a.txt", context = 8, level = "word", bind = {text = "x", next = "y"}}
