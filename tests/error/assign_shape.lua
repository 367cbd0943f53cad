local nn = require "nn"
local x = nn.input("x", {3})
local mean = nn.statistic("mean", {3}, 0)
nn.assign(mean, 0.9 * mean + 0.1 * x)
return nn.show {mean = mean}
