local nn = require "nn"
return nn.data.csv {train = "a.csv", columns = {x = 1}, std = {["x\nFAKE.lua:1: error: all is lost"] = -1}}
