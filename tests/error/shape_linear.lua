local nn = require "nn"
local net = nn.sequential {
  nn.linear(784, 100), nn.relu,
  nn.linear(10, 10, {name = "fc2"}),
}
local y = net(nn.input("x", {784}))
