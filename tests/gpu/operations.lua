-- Rows of ops.def that no other model of run/cuda_parity has: permute, log1p, normal, swept.
local nn = require "nn"
local x = nn.input("x", {2, 3})
local weight = nn.parameter("weight", {3, 2}, {{0.2, -0.1}, {0.4, 0.3}, {-0.5, 0.1}})
local y = nn.sigmoid((x:permute {2, 1} * weight):sum({1, 2}) * nn.sweep("scale", {0.5, 2}))
return nn.train {
  loss = nn.binary_cross_entropy(y, x:max {1, 2} * 0.3), optimizer = nn.random_search {scale = 0.1}, batch = 2, steps = 2,
  data = nn.data.table {train = {x = {{0.1, 0.7, -0.4, 1, 0.2, -1}, {0.3, -0.6, 0.5, -0.9, 0.8, 0.4}, {-0.2, 0.1, 0.9, 0.6, -0.7, -0.3}}}},
}
