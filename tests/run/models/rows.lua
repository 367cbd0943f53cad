-- A classifier of files that data_errors.sh writes: `--set source=csv`, `idx` or `words`.
local nn = require "nn"
local x, class = nn.input("x", {2}), nn.class("class", 3)
local net = nn.linear(2, 3, {name = "fc"})
local source = {
  csv   = function() return nn.data.csv {train = "rows.csv", columns = {x = {1, 2}, class = "kind"}} end,
  plain = function() return nn.data.csv {train = "rows.csv", columns = {x = {1, 2}, class = {3, 3}}} end,
  idx   = function() return nn.data.idx {train = {x = "x.idx", class = "class.idx"}} end,
  gz    = function() return nn.data.idx {train = {x = "x.idx.gz", class = "class.idx"}} end,
}
return nn.train {
  loss = nn.cross_entropy(net(x), class), optimizer = nn.sgd {lr = 0.1},
  data = source[nn.option("source", "csv")](), batch = 2, epochs = 2,
}
