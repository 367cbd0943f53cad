local nn = require "nn"
local x = nn.input("x", {10})
local y = nn.attention(10, 2, {name = "att"})(x)
return nn.show {y = y}
