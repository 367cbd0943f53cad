local nn = require "nn"
local x, y = nn.class("x", 256, {8}), nn.class("y", 200, {8})
local data = nn.data.text {train = "a.txt", context = 8, level = "byte", bind = {text = "x", next = "y"}}
return nn.train {loss = nn.float(y):mean() + nn.float(x):mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data = data}
