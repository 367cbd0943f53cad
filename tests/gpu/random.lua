-- What must be equal to the bit in C and on a GPU: the loss of a step is the number of its row as long as w is 0, so the log tells the
-- order of rows; after one step w has the masks of three dropouts, elements of words compared with three thresholds.
local nn = require "nn"
local rows = {}
for i = 1, 97 do rows[i] = {i} end
local x, w = nn.input("x", {1}), nn.parameter("w", {500}, 0)
local masks = 0
for _, p in ipairs {0.1, 0.37, 0.5} do masks = masks + nn.dropout(p)(x / x + nn.constant(0) * w) end
return nn.train {
  loss = x:mean() + (masks * w):sum(), optimizer = nn.sgd {lr = 1}, batch = 1, epochs = 2, seed = 11,
  data = nn.data.table {train = {x = rows}},
}
