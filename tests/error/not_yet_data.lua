local nn = require "nn"
local d = nn.data.npz {train = "a.npz"}
