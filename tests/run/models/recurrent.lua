-- An LSTM over five times, its last state and all of its outputs in the loss: what a recurrence looks like as formulas.
local nn = require "nn"
local x, y = nn.input("x", {5, 3}), nn.input("y", {2})
local outputs, last = nn.lstm(3, 4, {name = "lstm"})(x)
local guess = nn.linear(4, 2, {name = "out"})(last)
local rows = {x = {}, y = {}}
for r = 1, 3 do
  rows.y[r], rows.x[r] = {r / 3, -r / 4}, {}
  for t = 1, 5 do rows.x[r][t] = {r / t, t / 7, r - t} end
end
return nn.train {
  loss = nn.mse(guess, y) + nn.square(outputs):mean(), optimizer = nn.sgd {lr = 0.1}, data = nn.data.table {train = rows}, batch = 2, epochs = 1,
}
