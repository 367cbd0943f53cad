-- The networks that tests/bench/dense.py times: linear layers of `widths` ("7-13-3"), each but the last followed by `activation`,
-- before which `kind` may put a layer norm and behind which dropout. Data are the files that it writes.
local nn = require "nn"

local widths, kind, activation = nn.option("widths", "7-13-3"), nn.option("kind", "plain"), nn.option("activation", "relu")
local rule, batch = nn.option("rule", "sgd"), nn.option("batch", 16)
local sizes = {}
for width in widths:gmatch "%d+" do sizes[#sizes + 1] = tonumber(width) end
local last = sizes[#sizes]
local x, y = nn.input("x", {sizes[1]}), last > 1 and nn.class("y", last) or nn.input("y", {1})

local layers = {}
for i = 1, #sizes - 1 do
  layers[#layers + 1] = nn.linear(sizes[i], sizes[i + 1], {name = "fc" .. i})
  if i < #sizes - 1 then
    if kind:find "norm" then layers[#layers + 1] = nn.layer_norm(sizes[i + 1], {name = "norm" .. i}) end
    layers[#layers + 1] = nn[activation]
    if kind:find "dropout" then layers[#layers + 1] = nn.dropout(0.2) end
  end
end
local z = nn.sequential(layers)(x)

return nn.train {
  loss = last > 1 and nn.cross_entropy(z, y) or nn.mse(z, y),
  optimizer = rule == "adam" and nn.adam {lr = 1e-3} or nn.sgd {lr = 1e-3, momentum = 0.9},
  data = nn.data.npy {train = {x = "x.npy", y = "y.npy"}}, batch = batch, epochs = 1,
}
