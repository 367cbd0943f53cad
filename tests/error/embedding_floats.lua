local nn = require "nn"
local x = nn.input("x", {5})
local y = nn.embedding(7, 3)(x)
