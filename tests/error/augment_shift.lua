local nn = require "nn"
local x = nn.input("x", {3, 4, 9})
local data = nn.data.npz {train = "a.npz", augment = {x = {shift = 4}}}
return nn.train {loss = x:mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data = data}
