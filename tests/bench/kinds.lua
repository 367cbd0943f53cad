-- The networks that tests/bench/kinds.py times: recurrent layers, attention, embeddings, norms, wide softmax, and one wide layer for
-- the optimizers. Data are the files that it writes.
local nn = require "nn"

local network, time, letters = nn.option("network", "lstm"), nn.option("time", 64), nn.option("letters", 64)
local width, hidden, heads = nn.option("width", 64), nn.option("hidden", 128), nn.option("heads", 4)
local layers, both, last, causal = nn.option("layers", 1), nn.option("both", 0) == 1, nn.option("last", 0) == 1, nn.option("causal", 1) == 1
local norm, drop, smoothing = nn.option("norm", "none"), nn.option("drop", 0), nn.option("smoothing", 0)
local rule, clip, classes = nn.option("rule", "adam"), nn.option("clip", 0), nn.option("classes", 10)

local rules = {
  sgd = nn.sgd {lr = 1e-3}, momentum = nn.sgd {lr = 1e-3, momentum = 0.9}, adam = nn.adam {lr = 1e-3}, adamw = nn.adamw {lr = 1e-3},
  rmsprop = nn.rmsprop {lr = 1e-3}, adagrad = nn.adagrad {lr = 1e-3}, adadelta = nn.adadelta {lr = 1e-3},
}
local norms = {
  layer = nn.layer_norm, rms = nn.rms_norm, batch = nn.batch_norm1d,
  group = function(channels, options) return nn.group_norm(2, channels, options) end,
}
local of_numbers = network == "dense"
local of_places = not of_numbers and network ~= "bag" and not last
local x = of_numbers and nn.input("x", {width}) or nn.class("x", letters, {time})
local y = nn.class("y", of_places and letters or classes, of_places and {time} or {})

local h = of_numbers and x or nn.embedding(letters, width, {name = "words"})(x)
if network == "dense" then
  for i = 1, layers do
    h = nn.linear(i == 1 and width or hidden, hidden, {name = "fc" .. i})(h)
    if norm ~= "none" then h = norms[norm](hidden, {name = "norm" .. i})(h) end
    h = h:relu()
    if drop > 0 then h = nn.dropout(drop)(h) end
  end
elseif network == "bag" then
  h = h:mean(1)
elseif network == "attention" then
  for i = 1, layers do
    h = h + nn.attention(width, heads, {name = "attention" .. i, causal = causal})(nn.layer_norm(width, {name = "first_norm" .. i})(h))
    local block = {nn.layer_norm(width, {name = "second_norm" .. i}), nn.linear(width, 4 * width, {name = "up" .. i}), nn.gelu,
                   nn.linear(4 * width, width, {name = "down" .. i})}
    h = h + nn.sequential(block)(h)
  end
else
  h = nn[network](width, hidden, {name = network, layers = layers, bidirectional = both})(h)
end
if last then h = h:slice(1, time, time):flatten() end
local z = nn.linear(h.shape[#h.shape], of_places and letters or classes, {name = "head"})(h)

return nn.train {
  loss = nn.cross_entropy(z, y, {label_smoothing = smoothing}), optimizer = rules[rule], clip_norm = clip,
  data = nn.data.npy {train = {x = "x.npy", y = "y.npy"}}, batch = nn.option("batch", 16), epochs = 1,
}
