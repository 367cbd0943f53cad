local nn = require "nn"
local count = nn.statistic("count", {}, 0)
nn.assign(count, count + 1)
nn.assign(count, count + 2)
return nn.show {count = count}
