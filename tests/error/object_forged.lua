local nn = require "nn"
local x, c = nn.input("x", {2}), nn.class("c", 3)
local y = x:matmul(nn.parameter("w", {2, 3}, 0.5))
local o = nn.sgd {lr = 0.1}
local model = nn.train {loss = nn.cross_entropy(y, c), optimizer = o, batch = 2, epochs = 1,
  data = nn.data.table {train = {x = {{1, 2}, {3, 4}}, c = {0, 1}}}}
local meta = getmetatable(model)
return setmetatable({kind = "train", losses = {}}, type(meta) == "table" and meta or {__name = meta})
