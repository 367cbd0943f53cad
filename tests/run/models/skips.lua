-- Two convolutions with pooling behind them, of shapes that tests/run/skips.sh names. Channels that dropout2d holds back are the same in
-- every kind of kernels.
local nn = require "nn"

local size, inputs, channels, kernel = nn.option("size", 12), nn.option("inputs", 1), nn.option("channels", 8), nn.option("kernel", 3)
local pool, stride, padding, keeps = nn.option("pool", 2), nn.option("stride", 1), nn.option("padding", 0), nn.option("dropout", 0.5)
local rows = nn.option("rows", 5)
local x = nn.input("x", {inputs, size, size})
local net = nn.sequential {
  nn.conv2d(inputs, channels, kernel, {padding = padding, name = "conv1"}), nn.max_pool2d(pool), nn.relu,
  nn.conv2d(channels, channels + 1, kernel, {padding = padding, stride = stride, name = "conv2"}), nn.dropout2d(keeps), nn.max_pool2d(pool), nn.relu,
  nn.flatten,
}
local images, draw = {}, nn.rng(5)
for r = 1, 2 * rows - 1 do
  images[r] = {}
  for i = 1, inputs * size * size do images[r][i] = draw:normal() end
end
return nn.train {
  loss = nn.square(net(x) - 0.1):mean(), optimizer = nn.sgd {lr = 0.05, momentum = 0.9}, batch = rows, epochs = 2,
  data = nn.data.table {train = {x = images}},
}
