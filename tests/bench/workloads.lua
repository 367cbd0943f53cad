-- The networks that tests/bench/compare.py times: `--set workload=NAME`. Data are the files that it writes.
local nn = require "nn"

local name = nn.option("workload", "mnist5")
local function mlp(sizes, activation, last)
  local layers = {}
  for i = 1, #sizes - 1 do
    layers[#layers + 1] = nn.linear(sizes[i], sizes[i + 1], {name = "fc" .. i})
    layers[#layers + 1] = i < #sizes - 1 and activation or last
  end
  return nn.sequential(layers)
end
local function identity(x) return x end

local function cnn(x)
  local net = nn.sequential {
    nn.conv2d(1, 10, 5, {name = "conv1"}), nn.max_pool2d(2), nn.relu,
    nn.conv2d(10, 20, 5, {name = "conv2"}), nn.dropout2d(0.5), nn.max_pool2d(2), nn.relu, nn.flatten,
    nn.linear(320, 60, {name = "fc1"}), nn.relu, nn.dropout(0.5), nn.linear(60, 10, {name = "fc2"}),
  }
  return net(x)
end

-- input, classes (nil: a real target), network, optimizer, batch
local workloads = {
  sine     = {{1}, nil, mlp({1, 80, 1}, nn.relu, identity), nn.sgd {lr = 1e-3}, 100},
  moons3   = {{2}, 3, mlp({2, 10, 10, 3}, nn.sigmoid, identity), nn.sgd {lr = 0.05}, 300},
  digits   = {{64}, 10, mlp({64, 80, 10}, nn.relu, identity), nn.sgd {lr = 1e-3}, 1347},
  mnist5   = {{784}, 10, mlp({784, 100, 10}, nn.relu, identity), nn.sgd {lr = 1e-3, momentum = 0.9}, 5},
  linear64 = {{784}, 10, mlp({784, 50, 10}, identity, identity), nn.sgd {lr = 0.01, momentum = 0.5}, 64},
  scratch  = {{784}, nil, mlp({784, 100, 10}, nn.sigmoid, nn.sigmoid), nn.sgd {lr = 1}, 10000, 10},
  big      = {{784}, 10, mlp({784, 1024, 1024, 10}, nn.relu, identity), nn.adam {lr = 1e-3}, 256},
  cnn5     = {{1, 28, 28}, 10, cnn, nn.sgd {lr = 1e-3, momentum = 0.9}, 5},
  cnn64    = {{1, 28, 28}, 10, cnn, nn.sgd {lr = 1e-3, momentum = 0.9}, 64},
  softmax  = {{784}, 10, mlp({784, 10}, nn.relu, identity), nn.sgd {lr = 0.1}, 100},
}
local shape, classes, net, optimizer, batch, width = table.unpack(workloads[name], 1, 6)
local x = nn.input("x", shape)
local y = classes and nn.class("y", classes) or nn.input("y", {width or 1})
local loss = classes and nn.cross_entropy(net(x), y) or nn.mse(net(x), y)

return nn.train {
  loss = loss, optimizer = optimizer, data = nn.data.npy {train = {x = name .. "_x.npy", y = name .. "_y.npy"}},
  batch = batch, epochs = 1,
}
