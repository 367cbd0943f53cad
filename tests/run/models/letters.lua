-- The next character from the one before; the text is one that data_formats.sh writes.
local nn = require "nn"
local text = nn.data.text {train = "book.txt", context = 5, level = nn.option("level", "char"), bind = {text = "x", next = "target"}}
local n = text.classes
local x, target = nn.class("x", n, {5}), nn.class("target", n, {5})
local net = nn.linear(n, n, {name = "fc"})
return nn.train {
  loss = nn.cross_entropy(net(nn.one_hot(x)), target), metrics = {accuracy = nn.accuracy(net(nn.one_hot(x)), target)},
  optimizer = nn.adam {lr = 0.1}, data = text, batch = 8, epochs = 30,
}
