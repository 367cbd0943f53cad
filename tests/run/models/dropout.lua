-- Ones through dropout: in training the mean stays 1 but for chance, in evaluation it is 1. The weight's rate is 0.
local nn = require "nn"
local x = nn.input("x", {20, 5, 5})
local p, kind = nn.option("p", 0.25), nn.option("kind", "dropout")
local w = nn.parameter("w", {}, 1)
local y = nn[kind](p)(x * w)
return nn.train {
  loss = y:mean(), metrics = {square = nn.square(y):mean(), half = nn.square(y:mean({2, 3}) * (1 - p)):mean()},
  optimizer = nn.sgd {lr = 0},
  data = nn.data.table {train = {x = (function()
    local rows = {}
    for r = 1, 40 do rows[r] = {} for i = 1, 500 do rows[r][i] = 1 end end
    return rows
  end)()}, test = {x = {(function() local one = {} for i = 1, 500 do one[i] = 1 end return one end)()}}},
  batch = 40, steps = 20,
}
