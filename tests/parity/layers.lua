-- Networks of the layers that look at images, sequences and classes: `--set case=NAME` picks one; layers.py does the same in
-- PyTorch. 7 rows in batches of 3, the last of one row (or of 5, the last of two); numbers without a file, equal in every language.
local nn = require "nn"
local name = nn.option("case", "conv2d")
local function named(layer, options)
  options = options or {}
  options.name = name .. "." .. layer
  return options
end

local cases = {
  conv1d = {{3, 10}, function(x)
    local h = nn.conv1d(3, 4, 3, named("a", {stride = 2, padding = 1}))(x):tanh()
    h = nn.conv1d(4, 6, 2, named("b", {dilation = 2, groups = 2}))(h):relu()
    return nn.linear(18, 3, named "c")(h:flatten())
  end},
  conv2d = {{2, 7, 6}, function(x)
    local h = nn.conv2d(2, 4, 3, named("a", {padding = 1}))(x):tanh()
    h = nn.max_pool2d(2)(h)
    h = nn.conv2d(4, 6, {3, 2}, named("b", {stride = {1, 2}, padding = {1, 0}, groups = 2, bias = false}))(h):relu()
    return nn.linear(6, 3, named "c")(nn.global_avg_pool2d(h))
  end},
  pooling = {{2, 7, 6}, function(x)
    local h = nn.conv2d(2, 3, 3, named("a", {padding = 2, dilation = 2}))(x)
    local most = nn.max_pool2d(3, {stride = 2, padding = 1})(h)
    local mean = nn.avg_pool2d({3, 2}, {stride = 2, padding = 1})(h)
    return nn.linear(36, 3, named "b")(most:flatten()) + nn.linear(48, 3, named "c")(nn.flatten(mean))
  end},
  transposed = {{4, 4, 3}, function(x)
    local h = nn.conv_transpose2d(4, 2, 3, named("a", {stride = 2, padding = 1, output_padding = 1}))(x):tanh()
    h = nn.conv_transpose2d(2, 4, {2, 3}, named("b", {groups = 2, dilation = {1, 2}}))(h)
    return nn.linear(4, 3, named "c")(nn.global_avg_pool2d(h:sigmoid()))
  end},
  norms = {{6, 2, 3}, function(x)
    local h = nn.group_norm(2, 6, named "a")(x * nn.parameter("norms.gain", {6, 1, 1}, 0.75))
    h = nn.layer_norm({2, 3}, named "b")(h:tanh() + x)
    h = nn.rms_norm({3}, named "c")(nn.linear(3, 3, named "d")(h))
    return nn.linear(36, 3, named "e")(h:flatten())
  end},
  batch_norm = {{2, 3, 5}, function(x)
    local h = nn.batch_norm2d(4, named("b", {eps = 1e-3, momentum = 0.3}))(nn.conv2d(2, 4, 2, named "a")(x)):relu()
    h = nn.batch_norm1d(4, named "c")(h:reshape {4, 8})
    local twice = nn.batch_norm1d(6, named "e")
    h = nn.linear(32, 6, named "d")(h:flatten())
    h = nn.batch_norm1d(6, named("f", {affine = false}))(twice(h):tanh() + twice(h * h))
    return nn.linear(6, 3, named "g")(h)
  end, batch = 5},
  attention = {{5, 6}, function(x)
    local h = nn.attention(6, 3, named "a")(x)
    h = nn.attention(6, 2, named("b", {causal = true}))(h:tanh() + x)
    return nn.linear(30, 3, named "c")(nn.attention(6, 1, named("d", {bias = false}))(h):flatten())
  end},
  residual = {{5}, function(x)
    local block = nn.sequential {nn.linear(5, 5, {name = "first"}), nn.tanh, nn.residual(nn.linear(5, 5, {name = "second"})), name = name .. ".block"}
    return nn.linear(5, 3, named "last")(nn.residual(block)(x))
  end},
}

local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end
local class = nn.class("class", 3)
local data = {class = {}}
for i = 1, 7 do data.class[i] = (i * i * 7 + i * 3) % 5 % 3 end

local logits
local batch = cases[name] and cases[name].batch or 3
if name == "embedding" then
  local words = nn.class("words", 5, {4})
  data.words = {}
  for i = 1, 7 do data.words[i] = {} for j = 1, 4 do data.words[i][j] = (i * i + j * 2) % 5 end end
  local h = nn.embedding(5, 3, named "a")(words)
  logits = nn.linear(12, 3, named "b")(nn.tanh(h * h:mean(1, {keep = true})):flatten())
else
  local shape, network = table.unpack(cases[name])
  local count = 1
  for _, n in ipairs(shape) do count = count * n end
  data.x = grid(7, count, 17, 29)
  logits = network(nn.input("x", shape))
end
return nn.train {
  loss = nn.cross_entropy(logits, class),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.9},
  data = nn.data.table {train = data, test = data}, batch = batch, steps = 20, precision = "f64",
}
