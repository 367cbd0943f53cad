-- Losses that are not finite: by too high a rate, by the logarithm of a negative number, by a division, in a gradient alone.
local nn = require "nn"
local kind = nn.option("kind", "rate")
local w = nn.parameter("w", {2}, {1, -1})
local x = nn.input("x", {2})
local hidden = x * w
local loss = {
  rate = function() return (hidden ^ 4):mean() end,
  log = function()
    local bad = nn.log(hidden)          -- line 10: the culprit
    return bad:mean()
  end,
  divide = function() return (1 / (hidden - hidden)):mean() end,
  gradient = function() return nn.sqrt(hidden:square():sum(1) * 0):mean() end,
  later = function()
    return nn.sqrt(hidden:square():sum(1)):mean()         -- line 16: where a row is zero, its derivative is 0 / 0
  end,
}
return nn.train {
  loss = loss[kind](), optimizer = nn.sgd {lr = kind == "rate" and 100 or 0.01},
  data = nn.data.table {train = {x = {{1, 2}, {3, 4}, {5, 6}, kind == "later" and {0, 0} or nil}}},
  batch = kind == "later" and 1 or 2, steps = 50,
}
