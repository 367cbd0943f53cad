-- A kernel of each kind that threads can share, none long: tiles, tensor cores, blocks, one block for a sum, columns. Faults are
-- planted in its kernels by run/cuda_faults.
local nn = require "nn"
local grid = require "grid"
local function classes(rows, count)
  local list = {}
  for r = 1, rows do list[r] = (r * 7) % count end
  return list
end

local x, word, label = nn.input("x", {270}), nn.class("word", 11), nn.class("label", 10)
local known = nn.embedding(11, 30, {name = "words"})(word)
local h = nn.relu(nn.batch_norm1d(300, {name = "norm"})(nn.linear(300, 300, {name = "wide"})(nn.concat({x, known}, 1))))
local scores = nn.linear(300, 10, {name = "scores"})(h)
return nn.train {
  loss = nn.cross_entropy(scores, label), metrics = {accuracy = nn.accuracy(scores, label)},
  outputs = {scores = scores}, optimizer = nn.sgd {lr = 10}, batch = 19, steps = 1,
  data = nn.data.table {train = {x = grid(19, 270), word = classes(19, 11), label = classes(19, 10)}},
}
