-- Products large enough for tensor cores, of sizes that no tile divides: dense layers and a convolution, for --precision tf32 and bf16.
local nn = require "nn"
local grid = require "grid"

local x, y = nn.input("x", {3 * 9 * 9}), nn.input("y", {31})
local images = nn.tanh(nn.conv2d(3, 45, 3, {name = "conv"})(x:reshape {3, 9, 9}))
local hidden = nn.tanh(nn.linear(45 * 7 * 7, 51, {name = "wide"})(nn.flatten(images)))
local out = nn.linear(51, 31, {name = "out"})(hidden)
return nn.train {
  loss = nn.mse(out, y), outputs = {out = out}, optimizer = nn.sgd {lr = 0.1}, batch = 67, epochs = 1,
  data = nn.data.table {train = {x = grid(31, 243), y = grid(31, 31)}},
}
