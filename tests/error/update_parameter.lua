local nn = require "nn"
local w = nn.parameter("w", {}, 1)
return nn.train {loss = w * w, steps = 1, optimizer = nn.optimizer(function(p, g, s)
  return p - s.lr * g * nn.parameter("late", {}, 1)
end)}
