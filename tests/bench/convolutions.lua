-- The networks that tests/bench/convolutions.py times: two convolutions, what follows them by `kind` (any of bn, pool, overlap in it), a
-- linear layer. With "line" in it they go along one axis, with "transposed" the second is a transposed one. Data are the files that it writes.
local nn = require "nn"

local kind = nn.option("kind", "plain")
local channels, size, kernel, batch = nn.option("channels", 16), nn.option("size", 16), nn.option("kernel", 3), nn.option("batch", 16)
local inputs, padding, stride = nn.option("inputs", 3), nn.option("padding", 1), nn.option("stride", 1)
local groups, dilation = nn.option("groups", 1), nn.option("dilation", 1)
local line, transposed = kind:find "line", kind:find "transposed"
local x, y = nn.input("x", line and {inputs, size} or {inputs, size, size}), nn.class("y", 10)

local layers = {}
for i, own in ipairs {{inputs, 1, 1}, {channels, stride, groups}} do
  local make = transposed and i == 2 and nn.conv_transpose2d or line and nn.conv1d or nn.conv2d
  layers[#layers + 1] = make(own[1], channels, kernel, {padding = padding, stride = own[2], groups = own[3], dilation = dilation, name = "conv" .. i})
  if kind:find "bn" then layers[#layers + 1] = nn.batch_norm2d(channels, {name = "bn" .. i}) end
  layers[#layers + 1] = nn.relu
  if kind:find "pool" then layers[#layers + 1] = nn.max_pool2d(2) end
  if kind:find "overlap" then layers[#layers + 1] = nn.max_pool2d(3, {stride = 2, padding = 1}) end
end
layers[#layers + 1] = line and function(h) return h:mean(2) end or nn.global_avg_pool2d
layers[#layers + 1] = nn.linear(channels, 10, {name = "fc"})

return nn.train {
  loss = nn.cross_entropy(nn.sequential(layers)(x), y), optimizer = nn.sgd {lr = 0.01, momentum = 0.9},
  data = nn.data.npy {train = {x = "x.npy", y = "y.npy"}}, batch = batch, epochs = 1,
}
