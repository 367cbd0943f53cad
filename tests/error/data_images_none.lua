local nn = require "nn"
local kind = nn.class("kind", 3)
local data = nn.data.images {train = "folder"}
return nn.train {loss = nn.float(kind):mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data = data}
