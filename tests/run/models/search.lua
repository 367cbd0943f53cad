-- Searches without gradients: `--set rule=random` or `coordinate`, on a bowl of three coordinates, from (1, 2, -1).
local nn = require "nn"
local w = nn.parameter("w", {3}, {1, 2, -1})
local rule = nn.option("rule", "random")
return nn.train {
  loss = (w - nn.constant {0.5, 2, 0}):square():sum(), precision = "f64",
  optimizer = rule == "random" and nn.random_search {scale = 0.1} or nn.coordinate_search {step = 0.125}, steps = 300,
}
