-- Three clouds of 100 points, two hidden layers of ten sigmoids: from weights of deviation 0.1 the loss stays on a plateau near
-- log 3 for 2,000 steps before the layers find a direction; gradient descent at rate 0.05, all points in every step.
-- After 30,000 steps the loss is 0.0129 and all points but two are on their side; --predict writes the probabilities.
local nn = require "nn"

local x = nn.input("x", {2})
local label = nn.class("label", 3)

local small = {weight = nn.init.normal(0, 0.1), bias = nn.init.zeros()}
local net = nn.sequential {
  nn.linear(2, 10, {name = "fc1", init = small}),  nn.sigmoid,
  nn.linear(10, 10, {name = "fc2", init = small}), nn.sigmoid,
  nn.linear(10, 3, {name = "fc3", init = small}),
}
local logits = net(x)
local log_p = logits - logits:logsumexp(-1, {keep = true})

local rng = nn.rng(1)
local centres = {{0, 0}, {2, 0}, {1, 2}}
local points = {x = {}, label = {}}
for i = 1, 300 do
  local class = (i - 1) % 3
  local centre = centres[class + 1]
  points.x[i] = {centre[1] + rng:normal(0, 0.4), centre[2] + rng:normal(0, 0.4)}
  points.label[i] = class
end

return nn.train {
  loss      = nn.nll(log_p, label),
  metrics   = {accuracy = nn.accuracy(log_p, label)},
  outputs   = {probability = log_p:exp()},
  optimizer = nn.sgd {lr = 0.05},
  data      = nn.data.table {train = points},
  batch = "all", steps = 30000, seed = 1,
}
