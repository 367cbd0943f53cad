-- Three ways down a parabola: the minimum of x^2 from x = 2, in 1,000 steps each.
--   --set optimizer=random       try a random step of size 0.01, keep it if it is lower
--   --set optimizer=neighbour    look 0.01 to either side, go where it is lowest
--   --set optimizer=sgd          go against the derivative 2x, at the rate 0.01
-- After 1,000 steps the derivative leaves x = 3e-9 and goes on; for the searches it is luck how near they come, since few steps of
-- their size still lead down.
local nn = require "nn"

local x = nn.parameter("x", {}, 2)

local ways = {
  random    = function() return nn.random_search {scale = 0.01} end,
  neighbour = function() return nn.coordinate_search {step = 0.01} end,
  sgd       = function() return nn.sgd {lr = 0.01} end,
}
local way = ways[nn.option("optimizer", "sgd")] or error "optimizer is random, neighbour or sgd"

return nn.train {
  loss      = x ^ 2,
  metrics   = {x = x},
  optimizer = way(),
  steps = 1000, seed = 1,
}
