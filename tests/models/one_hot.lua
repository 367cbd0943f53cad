-- Classes as numbers: a table looked up by one-hot rows, comparisons, nn.float, a sequence of classes as the target.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local word, next = nn.class("word", 5, {4}), nn.class("next", 5, {4})
local vector = nn.one_hot(word):matmul(nn.parameter("table", {5, 3}, grid(5, 3, 7, 13)))     -- (4, 3)
local count = nn.float(word):mean(1)                                                         -- ()
local early = word:lt(2)                                                                     -- (4), 0 or 1
local h = (vector + early:reshape {4, 1} * nn.parameter("early", {3}, 0.5)):tanh() * (1 + 0.1 * count)
local logits = h:matmul(nn.parameter("out", {3, 5}, grid(3, 5, 3, 11)))                      -- (4, 5)

local data = {word = {}, next = {}}
for i = 1, 11 do
  data.word[i], data.next[i] = {}, {}
  for j = 1, 4 do data.word[i][j], data.next[i][j] = (i * 3 + j * 2) % 5, (i * 3 + j * 2 + 2) % 5 end
end
return nn.train {
  loss = nn.cross_entropy(logits, next),
  metrics = {accuracy = nn.accuracy(logits, next)},
  optimizer = nn.adam {lr = 0.05},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
