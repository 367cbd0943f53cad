local nn = require "nn"
local s = nn.schedule.exponential {gamma = 0.9, per = "step"}
for i = 1, 30000 do s = nn.schedule.warmup {steps = 1, next = s, per = "step"} end
