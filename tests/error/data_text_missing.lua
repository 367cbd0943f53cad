local nn = require "nn"
local data = nn.data.text {train = "missing.txt", context = 8, bind = {text = "x", next = "y"}}
local x = nn.class("x", data.classes, {8})
