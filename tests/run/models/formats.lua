-- The same 24 rows from every format that data_formats.sh writes: `--set source=npy`, `npz`, `safetensors`, `idx`.
local nn = require "nn"
local x, class = nn.input("x", {2, 3}), nn.class("class", 3)
local net = nn.sequential {nn.flatten, nn.linear(6, 3, {name = "fc"})}
local source = {
  idx = function() return nn.data.idx {train = {x = "x.idx", class = "class.idx"}} end,
  npy = function() return nn.data.npy {train = {x = "x.npy", class = "class.npy"}} end,
  npz = function() return nn.data.npz {train = "train.npz"} end,
  safetensors = function() return nn.data.safetensors {train = "train.safetensors"} end,
}
return nn.train {
  loss = nn.cross_entropy(net(x), class), optimizer = nn.sgd {lr = 0.02},
  data = source[nn.option("source", "npy")](), batch = "all", epochs = 40,
}
