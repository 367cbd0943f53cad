-- Five rows whose losses and metrics are worked out by hand in log.sh; the rate is 0, so nothing moves.
local nn = require "nn"
local x, y = nn.input("x", {1}), nn.input("y", {1})
local score, class = nn.input("score", {3}), nn.class("class", 3)
local w = nn.parameter("w", {1}, 1)
local p = w * x
local reduction = nn.option("reduction", "mean")
return nn.train {
  loss = {fit = nn.mse(p, y, {reduction = reduction}), half = 0.5 * nn.l2(w)},
  metrics = {
    far = nn.mean_absolute_error(p, y), r2 = nn.r2(p, y), largest = (p + 0):max({"batch", 1}),
    accuracy = nn.accuracy(score, class), top_2 = nn.top_k(score, class, 2), confusion = nn.confusion(score, class),
  },
  outputs = {twice = p * 2, row = score, w = w},
  optimizer = nn.sgd {lr = nn.option("lr", 0)},
  data = nn.data.table {
    train = {
      x = {1, 2, 3, 4, 5}, y = {1, 2, 3, 4, 7}, class = {0, 1, 2, 2, 0},
      score = {{3, 2, 1}, {3, 2, 1}, {1, 2, 3}, {3, 1, 2}, {1, 2, 3}},
    },
    validation = {x = {1}, y = {3}, class = {1}, score = {{0, 1, 0}}},
    test = {x = {1, 2, 3}, y = {1, 2, 6}, class = {0, 0, 1}, score = {{1, 0, 0}, {0, 1, 0}, {0, 2, 1}}},
  },
  batch = 2, epochs = 3, precision = nn.option("precision", "f32"),
}
