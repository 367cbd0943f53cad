local nn = require "nn"
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w * w, optimizer = nn.random_search {scale = 0.1}, schedule = nn.schedule.exponential {gamma = 0.9, per = "step"}, steps = 10}
