local nn = require "nn"
local w = nn.parameter("w", {3}, 0)
nn.assign(w, w + 1)
return nn.show {w = w}
