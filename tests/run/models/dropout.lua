-- Ones through dropout, so that the loss counts what was kept: dropout.sh knows what must come of it.
local nn = require "nn"
local x = nn.input("x", {2000})
local w = nn.parameter("w", {1}, 1)
local p = nn.option("p", 0.25)
local first, second = nn.dropout(p)(x), nn.dropout(p)(x)
local ones, data = {}, {x = {}}
for j = 1, 2000 do ones[j] = 1 end
for i = 1, 10 do data.x[i] = ones end
return nn.train {
  loss = (first * w):mean(),
  metrics = {kept = first:gt(0):mean(), square = first:square():mean(), both = (first * second):mean(),
             shared_rows = (first - first:mean("batch")):abs():mean()},
  outputs = {first = first},
  optimizer = nn.sgd {lr = nn.option("lr", 0)},
  data = nn.data.table {train = data, test = {x = {ones}}}, batch = 4, epochs = 2, precision = "f64",
}
