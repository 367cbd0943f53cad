local nn = require "nn"
local image, other = nn.input("image", {1, 4, 4}), nn.input("other", {1, 4, 4})
local data = nn.data.images {train = "folder"}
return nn.train {loss = (image + other):mean(), optimizer = nn.sgd {}, batch = 1, epochs = 1, data = data}
