-- Images of 28 x 28 pixels in ten classes: a hidden layer of 100 ReLUs, mini-batches of 5, momentum.
-- --data DIR names the folder of the four files, MNIST's or Fashion-MNIST's; Fashion-MNIST is found where Debian's package
-- dataset-fashion-mnist has put it. Test accuracy on MNIST 0.929 after one epoch, 0.966 after five; on Fashion-MNIST 0.861.
local nn = require "nn"

local image = nn.input("image", {784})
local label = nn.class("label", 10)

local net = nn.sequential {
  nn.linear(784, 100, {name = "fc1"}), nn.relu,
  nn.linear(100, 10,  {name = "fc2"}),
}
local logits = net(image)

return nn.train {
  loss      = nn.cross_entropy(logits, label),
  metrics   = {accuracy = nn.accuracy(logits, label)},
  outputs   = {logits = logits},
  optimizer = nn.sgd {lr = 0.001, momentum = 0.9},
  data      = nn.data.idx {
    train = {image = "train-images-idx3-ubyte.gz", label = "train-labels-idx1-ubyte.gz"},
    test  = {image = "t10k-images-idx3-ubyte.gz",  label = "t10k-labels-idx1-ubyte.gz"},
    default = "/usr/share/datasets/fashion-mnist",
    scale = {image = 1/255}, mean = {image = 0.5},
  },
  batch = 5, epochs = 5, seed = 1,
}
