-- A convolutional network and one of two plain layers on the same 10,000 images of clothes, ten epochs of Adam each:
--   --set network=cnn      two convolutions with max-pooling, then a layer
--   --set network=mlp      a hidden layer of 128
--   --set augment=true     each image shifted by up to 2 pixels and flipped by chance, anew in every epoch
-- Accuracy in training and on the test images after ten epochs: mlp 0.886 and 0.840, which is over-fitting; cnn 0.867 and 0.842, with
-- a fourteenth of the weights. Augmented, ten epochs are not enough, but nothing is learnt by heart: 0.786 and 0.793, 0.803 and 0.822.
local nn = require "nn"

local image = nn.input("image", {1, 28, 28})
local label = nn.class("label", 10)

local networks = {
  cnn = nn.sequential {
    nn.conv2d(1, 8, 5, {name = "conv1", padding = 2}), nn.relu, nn.max_pool2d(2),
    nn.conv2d(8, 16, 5, {name = "conv2"}), nn.relu, nn.max_pool2d(2),
    nn.flatten, nn.linear(400, 10, {name = "fc"}),
  },
  mlp = nn.sequential {
    nn.flatten, nn.linear(784, 128, {name = "fc1"}), nn.relu, nn.linear(128, 10, {name = "fc2"}),
  },
}
local net = networks[nn.option("network", "cnn")] or error "network is cnn or mlp"
local logits = net(image)

return nn.train {
  loss      = nn.cross_entropy(logits, label),
  metrics   = {accuracy = nn.accuracy(logits, label)},
  outputs   = {logits = logits},
  optimizer = nn.adam {lr = 1e-3},
  data      = nn.data.idx {
    train = {image = "train-images-idx3-ubyte.gz", label = "train-labels-idx1-ubyte.gz"}, rows = {train = 10000},
    test  = {image = "t10k-images-idx3-ubyte.gz",  label = "t10k-labels-idx1-ubyte.gz"},
    default = "/usr/share/datasets/fashion-mnist",
    scale = {image = 1/255}, mean = {image = 0.5},
    augment = nn.option("augment", false) and {image = {shift = 2, flip = "horizontal"}} or nil,
  },
  batch = 64, epochs = 10, seed = 1,
}
