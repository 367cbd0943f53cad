-- Where a derivative has a choice, PyTorch's is taken: relu'(0) = 0, abs'(0) = 0, half to each at a tie of maximum, the
-- first of equals at max.
local nn = require "nn"
local w = nn.parameter("w", {4}, {1, 1, 0, -1})
local v = nn.parameter("v", {4}, {1, 0.5, 0, -1})
return nn.train {
  loss = (w:max(1) * 3 + w:relu() * 0.5 + w:abs() * 0.25 + nn.maximum(w, v) + nn.minimum(w, v) * 0.125 + w:min(1) * 2 + (w:hardtanh() + w:leaky_relu()) * 0.0625):sum() + (w * w):sum(),
  optimizer = nn.sgd {lr = 0.125},              -- sums of powers of two: exact, so ties stay ties
  steps = 10, precision = "f64",
}
