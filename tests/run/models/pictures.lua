-- Pictures of two classes in folders that data_formats.sh writes; `--set augment=true` moves and mirrors them.
local nn = require "nn"
local image, class = nn.input("image", {1, 4, 6}), nn.class("class", 2)
local net = nn.sequential {nn.flatten, nn.linear(24, 2, {name = "fc"})}
local augment = nn.option("augment", false) and {image = {shift = 1, flip = "horizontal"}} or nil
return nn.train {
  loss = nn.cross_entropy(net(image), class), metrics = {accuracy = nn.accuracy(net(image), class)},
  optimizer = nn.sgd {lr = 0.5},
  data = nn.data.images {train = "train", test = "test", scale = {image = 1/255}, augment = augment}, batch = 4, epochs = 20,
}
