-- The loss of a batch says which rows it holds: rows are powers of two apart in base 32, the rate is 0.
local nn = require "nn"
local x, class = nn.input("x", {1}), nn.class("class", 2)
local w = nn.parameter("w", {1}, 1)
local n = nn.option("rows", 20)
local data = {x = {}, class = {}}
for i = 1, n do data.x[i], data.class[i] = i, i % 4 == 0 and 1 or 0 end      -- a quarter of class 1

local kind = nn.option("kind", "plain")
local options = {train = data}
if kind == "split" then options.split = {train = 0.55, validation = 0.2, test = 0.25} end
if kind == "stratify" then options.split, options.stratify = {train = 0.6, test = 0.4}, "class" end
if kind == "first" then options.rows = {train = 7} end
if kind == "file_order" then options.shuffle = false end
if kind == "standardize" then options.split, options.standardize = {train = 0.5, test = 0.5}, {x = "feature"} end
if kind == "scale" then options.scale, options.mean, options.std = {x = 2}, {x = 10}, {x = 4} end
return nn.train {
  loss = (x * w):mean(),
  metrics = {ones = nn.float(class):mean(), square = x:square():mean()},
  outputs = {x = x, class = class},
  optimizer = nn.sgd {lr = 0}, data = nn.data.table(options),
  batch = nn.option("batch", 1), epochs = 3, seed = 7, drop_last = nn.option("drop", 0) == 1,
  validate_every = nn.option("every", 1),
}
