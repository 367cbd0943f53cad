local nn = require "nn"
local layer = nn.attention(10, 3)
return nn.show {y = layer(nn.input("x", {4, 10}))}
