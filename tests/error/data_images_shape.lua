local nn = require "nn"
local image = nn.input("image", {784})
local data = nn.data.images {train = "folder"}
return nn.train {loss = image:mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data = data}
