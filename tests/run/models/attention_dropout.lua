-- Attention whose weights are dropped in training: dropout.sh knows what must come of it.
local nn = require "nn"
local x, class = nn.input("x", {5, 6}), nn.class("class", 3)
local seen = nn.attention(6, 2, {dropout = nn.option("p", 0.25), causal = true})(x)
local data = {x = {}, class = {1, 0, 2, 1}}
for row = 1, 4 do
  data.x[row] = {}
  for time = 1, 5 do
    data.x[row][time] = {}
    for i = 1, 6 do data.x[row][time][i] = (row * 7 + time * 3 + i * i) % 11 / 5 - 1 end
  end
end
return nn.train {
  loss = nn.cross_entropy(nn.linear(6, 3)(seen:mean(1)), class),
  optimizer = nn.sgd {lr = 0},
  data = nn.data.table {train = data, test = data}, batch = 4, epochs = 3, precision = "f64",
}
