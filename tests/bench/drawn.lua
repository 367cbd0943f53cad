-- The network of words that tests/bench/drawn.py draws: INPUT WORD… LOSS RULE CLIP BATCH. A word takes the tensor on top of a stack
-- and leaves what it makes of it; numbers behind colons are its sizes. Data are the files that drawn.py writes.
local nn = require "nn"

local words, stack = {}, {}
for word in nn.option("case", "8 linear:4 mse sgd 0 16"):gmatch "%S+" do words[#words + 1] = word end
local function numbers(text)
  local found = {}
  for number in text:gmatch "[%d.]+" do found[#found + 1] = math.tointeger(tonumber(number)) or tonumber(number) end
  return found
end
local sizes, classes = numbers(words[1]), nil
if words[1]:find "of" then classes = table.remove(sizes) end
local x = classes and nn.class("x", classes, sizes) or nn.input("x", sizes)

local function taken() return table.remove(stack) end
local function last(h) return h.shape[#h.shape] end
local function with(change, ...) return change(...) end
local unary = {leaky = nn.leaky_relu, root = function(h) return (h * h + 1):sqrt() end}
local make = {
  linear = function(h, n) return nn.linear(last(h), n)(h) end,
  conv = function(h, n, k, s, p, g) return nn.conv2d(h.shape[1], n, k, {stride = s, padding = p, groups = g or 1})(h) end,
  line = function(h, n, k, s, p) return nn.conv1d(h.shape[1], n, k, {stride = s, padding = p})(h) end,
  up = function(h, n, k, s, p) return nn.conv_transpose2d(h.shape[1], n, k, {stride = s, padding = p})(h) end,
  double = function(h)
    local c, y, z = table.unpack(h.shape)
    h = nn.stack({h, h}, 4):reshape {c, y, 2 * z}
    return nn.stack({h, h}, 3):reshape {c, 2 * y, 2 * z}
  end,
  maxpool = function(h, k, s) return nn.max_pool2d(k, {stride = s})(h) end,
  avgpool = function(h, k, s) return nn.avg_pool2d(k, {stride = s})(h) end,
  gap = function(h) return nn.global_avg_pool2d(h) end,
  bn = function(h) return (#h.shape == 3 and nn.batch_norm2d or nn.batch_norm1d)(h.shape[1])(h) end,
  gn = function(h, g) return nn.group_norm(g, h.shape[1])(h) end,
  ln = function(h) return nn.layer_norm(last(h))(h) end,
  rms = function(h) return nn.rms_norm(last(h), {eps = 1.2e-7})(h) end,
  drop = function(h, p) return nn.dropout(p)(h) end,
  embed = function(h, n) return nn.embedding(classes, n)(h) end,
  lstm = function(h, n) return with(nn.lstm(last(h), n), h), nil end,
  gru = function(h, n) return with(nn.gru(last(h), n), h), nil end,
  rnn = function(h, n) return with(nn.rnn(last(h), n), h), nil end,
  attention = function(h, heads, causal) return nn.attention(last(h), heads, {causal = causal == 1})(h) end,
  final = function(h) return h:slice(1, h.shape[1], h.shape[1]):flatten() end,
  turn = function(h) return h:transpose(1, 2) end,
  add = function(h) return taken() + h end,
  mul = function(h) return taken() * h end,
  diff = function(h) return (taken() - h):abs() end,
  cat = function(h) return nn.concat({taken(), h}, 1) end,
  dup = function(h) return h, h end,
  swap = function(h) return h, taken() end,
  halves = function(h) return h:slice(1, 1, h.shape[1] // 2), h:slice(1, h.shape[1] // 2 + 1, h.shape[1]) end,
  shared = function(h, n)
    local layer = nn.linear(last(h), n)
    return layer(taken()):relu(), layer(h):relu()
  end,
  sum = function(h, axis) return h:sum(axis) end,
  mean = function(h, axis) return h:mean(axis) end,
  max = function(h, axis) return h:max(axis) end,
  lse = function(h, axis) return h:logsumexp(axis) end,
  softmax = function(h, axis) return nn.softmax(h, axis) end,
  unit = function(h) return h / (h:square():sum(-1, {keep = true}) + 1e-6):sqrt() end,
}
stack[1] = x
for i = 2, #words - 4 do
  local name = words[i]:match "%a+"
  local first, second = (make[name] or unary[name] or nn[name])(taken(), table.unpack(numbers(words[i])))
  stack[#stack + 1] = first
  if second and (name == "dup" or name == "swap" or name == "halves" or name == "shared") then stack[#stack + 1] = second end
end

local h, kind = taken(), words[#words - 3]
local places = table.pack(table.unpack(h.shape, 1, #h.shape - 1))
places.n = nil
local y = (kind == "ce" or kind == "smooth") and nn.class("y", last(h), places) or kind == "auto" and x or nn.input("y", h.shape)
local losses = {
  ce = nn.cross_entropy, smooth = function(a, b) return nn.cross_entropy(a, b, {label_smoothing = 0.1}) end,
  bce = nn.bce_with_logits, mse = nn.mse, auto = nn.mse, l1 = nn.l1, huber = nn.huber,
}
local rules = {
  sgd = nn.sgd {lr = 1e-3}, momentum = nn.sgd {lr = 1e-3, momentum = 0.9}, adam = nn.adam {lr = 1e-3}, adamw = nn.adamw {lr = 1e-3}, rmsprop = nn.rmsprop {lr = 1e-3},
}
return nn.train {
  loss = losses[kind](h, y), optimizer = rules[words[#words - 2]], clip_norm = tonumber(words[#words - 1]), batch = math.tointeger(tonumber(words[#words])), epochs = 1,
  data = nn.data.npy {train = kind == "auto" and {x = "x.npy"} or {x = "x.npy", y = "y.npy"}},
}
