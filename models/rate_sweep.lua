-- moons3's network trained on the mean squared error of its probabilities, by twenty learning rates from 0.005 to 0.05 at once: the
-- program holds a copy of the weights for each, all from the same start, and every line of the log names its rate.
-- After 30,000 steps the loss is 0.222, as at the start, up to a rate of 0.012: those are on the plateau still. 0.019 is on its way
-- down at 0.100, and from 0.026 (0.012) to 0.05 (0.0050) a higher rate is a lower loss.
local nn = require "nn"

local x = nn.input("x", {2})
local label = nn.class("label", 3)

local small = {weight = nn.init.normal(0, 0.1), bias = nn.init.zeros()}
local net = nn.sequential {
  nn.linear(2, 10, {name = "fc1", init = small}),  nn.sigmoid,
  nn.linear(10, 10, {name = "fc2", init = small}), nn.sigmoid,
  nn.linear(10, 3, {name = "fc3", init = small}),
}
local probability = nn.softmax(net(x))

local rng = nn.rng(1)
local centres = {{0, 0}, {2, 0}, {1, 2}}
local points = {x = {}, label = {}}
for i = 1, 300 do
  local class = (i - 1) % 3
  local centre = centres[class + 1]
  points.x[i] = {centre[1] + rng:normal(0, 0.4), centre[2] + rng:normal(0, 0.4)}
  points.label[i] = class
end

local rates = {}
for i = 1, 20 do rates[i] = 0.005 + 0.045 * (i - 1) / 19 end

return nn.train {
  loss      = nn.mse(probability, nn.one_hot(label)),
  metrics   = {accuracy = nn.accuracy(probability, label)},
  outputs   = {probability = probability},
  optimizer = nn.sgd {lr = nn.sweep("lr", rates)},
  data      = nn.data.table {train = points},
  batch = "all", steps = 30000, seed = 1,
}
