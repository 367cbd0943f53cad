local nn = require "nn"
local x = nn.input("x", {3, 4, 5})
local y = nn.batch_norm1d(3, {name = "bn"})(x)
return nn.show {y = y}
