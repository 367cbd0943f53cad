-- One logistic unit draws a line between two clouds of 40 points: w0 + w1 x1 + w2 x2 = 0, from w = 0, at the rate 0.1.
-- The cross entropy is summed over the points of a step: all 80 for 20 steps, or as many as --set batch=1 (one by one) or
-- --set batch=10 says, for 20 epochs. The log has w after every epoch, so the line can be drawn as it turns.
-- All three separate 78 of the 80 points; summing over 80 takes steps so large that w is twice as long: 2.13 + 5.40 x1 + 6.07 x2.
local nn = require "nn"

local x = nn.input("x", {3})                     -- 1, x1, x2
local y = nn.input("y", {})                      -- 0 or 1: which cloud

local w = nn.parameter("w", {3}, 0)
local logit = x:matmul(w)

local rng = nn.rng(1)
local points = {x = {}, y = {}}
for i = 1, 80 do
  local cloud = i % 2
  local centre = cloud == 1 and 1.5 or -1.5
  points.x[i] = {1, centre + rng:normal(0, 1), centre + rng:normal(0, 1)}
  points.y[i] = cloud
end

return nn.train {
  loss      = nn.bce_with_logits(logit, y, {reduction = "sum"}),
  metrics   = {accuracy = logit:gt(0):eq(y):mean(),
               w0 = w:slice(1, 1, 1):sum(), w1 = w:slice(1, 2, 2):sum(), w2 = w:slice(1, 3, 3):sum()},
  outputs   = {probability = logit:sigmoid()},
  optimizer = nn.sgd {lr = 0.1},
  data      = nn.data.table {train = points},
  batch = tonumber(nn.option("batch", "all")) or "all", epochs = 20, seed = 1,
}
