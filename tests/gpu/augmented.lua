-- Rows moved and mirrored anew in every epoch: as they are, the device moves them; standardized by the data (--set standardize=feature,
-- or =all), the host does.
local nn = require "nn"
local grid = require "grid"
local image, y = nn.input("image", {2, 5, 4}), nn.input("y", {3})
local standardize = nn.option("standardize", "none")
local rows = {image = grid(11, 40), y = grid(11, 3)}
return nn.train {
  loss = nn.mse(nn.tanh(nn.linear(40, 3)(nn.flatten(image))), y), optimizer = nn.sgd {lr = 0.1}, batch = 4, epochs = 2, seed = 5,
  data = nn.data.table {
    train = rows, scale = {image = 3}, mean = {image = 0.25}, augment = {image = {shift = 2, flip = "horizontal"}},
    standardize = standardize ~= "none" and {image = standardize} or nil,
  },
}
