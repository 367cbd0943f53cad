-- norms.lua: layers that set the scale of what passes through them, and those that drop part of it in training. Defaults are
-- PyTorch's.
local core = ...
local nn, layers = core.nn, core.layers
local fail, integer, number, op, type = core.fail, core.integer, core.number, core.op, type

local function need_floats(state, x)
  if core.kind(x) ~= "float" then fail("nn." .. state.kind .. ": it takes floats" .. core.seen("tensor", x)) end
end

-- (x - mean) / sqrt(var + eps) over some axes, the variance divided by their elements
local function normalised(x, axes, eps)
  local centred = x - x:mean(axes, {keep = true})
  return centred * nn.rsqrt(nn.square(centred):mean(axes, {keep = true}) + eps)
end

-- ---- layer, rms and group norm ---------------------------------------------------------------------------------------

local function last_axes(state, x)
  local sizes, shape, axes = core.sizes(x), state.shape, {}
  local fits = #sizes >= #shape
  for i = 1, #shape do
    axes[i] = -i
    fits = fits and sizes[#sizes - #shape + i] == shape[i]
  end
  if not fits then
    fail("nn." .. state.kind .. ": " .. layers.name(state) .. " normalises the last axes (" .. table.concat(shape, ", ") ..
         "), this tensor has the shape " .. core.shape(x) .. core.seen("tensor", x))
  end
  return axes
end

local function norm_of_shape(kind, has_bias, apply)
  local what = "nn." .. kind
  return core.export(function(shape, given)
    local o = layers.options(what, given, has_bias and {eps = 1e-5, bias = true} or {eps = 1e-5})
    if type(shape) ~= "table" then shape = {shape} end
    local own = {}
    for i = 1, #shape do own[i] = integer(what, "a size of the shape", shape[i], 1) end
    if #own == 0 then fail(what .. ": the shape is a number or a list of sizes") end
    local fields = {{field = "weight", shape = own, start = layers.start(what, o.init, "weight", nn.init.ones())}}
    if o.bias then fields[2] = {field = "bias", shape = own, start = layers.start(what, o.init, "bias", nn.init.zeros())} end
    return layers.new(kind, o, {shape = own, eps = number(what, "eps", o.eps, 0), fields = fields, apply = apply})
  end)
end

nn.layer_norm = norm_of_shape("layer_norm", true, function(state, x)
  need_floats(state, x)
  local y = normalised(x, last_axes(state, x), state.eps) * layers.parameter(state, "weight")
  return state.options.bias and y + layers.parameter(state, "bias") or y
end)

-- x / sqrt(mean of squares + eps)
nn.rms_norm = norm_of_shape("rms_norm", false, function(state, x)
  need_floats(state, x)
  local scale = nn.rsqrt(nn.square(x):mean(last_axes(state, x), {keep = true}) + state.eps)
  return x * scale * layers.parameter(state, "weight")
end)

local function group_norm(state, x)
  need_floats(state, x)
  local sizes, channels, groups = core.sizes(x), state.channels, state.groups
  if sizes[1] ~= channels then
    fail("nn.group_norm: " .. layers.name(state) .. " takes " .. channels .. " channels, this tensor has the shape " ..
         core.shape(x) .. core.seen("tensor", x))
  end
  local split, axes, affine = {groups, channels // groups}, {2}, {channels}
  for i = 2, #sizes do
    split[i + 1], axes[i], affine[i] = sizes[i], i + 1, 1
  end
  local y = core.reshape(normalised(core.reshape(x, split), axes, state.eps), sizes)
  return y * core.reshape(layers.parameter(state, "weight"), affine) + core.reshape(layers.parameter(state, "bias"), affine)
end

nn.group_norm = core.export(function(groups, channels, given)
  local what = "nn.group_norm"
  groups = integer(what, "the number of groups", groups, 1)
  channels = integer(what, "the number of channels", channels, 1)
  if channels % groups ~= 0 then fail(what .. ": " .. groups .. " groups do not divide " .. channels .. " channels") end
  local o = layers.options(what, given, {eps = 1e-5})
  return layers.new("group_norm", o, {
    groups = groups, channels = channels, eps = number(what, "eps", o.eps, 0), apply = group_norm,
    fields = {{field = "weight", shape = {channels}, start = layers.start(what, o.init, "weight", nn.init.ones())},
              {field = "bias", shape = {channels}, start = layers.start(what, o.init, "bias", nn.init.zeros())}},
  })
end)

-- ---- dropout ---------------------------------------------------------------------------------------------------------

local dropped = 0                       -- uses so far: every use draws numbers of its own

-- In training x · [u >= p] / (1 - p) with u uniform; in evaluation x. `like` has the shape of the numbers drawn.
local function drop(state, x, like)
  dropped = dropped + 1
  if state.p == 0 then return x end
  local kept = core.uniform_like("dropout" .. dropped, like):ge(state.p)
  local shape = core.sizes(kept)
  for i = #shape + 1, #core.sizes(x) do shape[i] = 1 end
  local scaled = state.p == 1 and x * 0 or x * (core.reshape(kept, shape) / (1 - state.p))
  return op.select(core.value("mode"), scaled, x)
end

local function dropout(kind, like)
  return core.export(function(p, given)
    core.options("nn." .. kind, given, {})
    p = number("nn." .. kind, "the share to drop", p == nil and 0.5 or p, 0, 1)
    return layers.new(kind, {}, {p = p, apply = function(state, x)
      need_floats(state, x)
      return drop(state, x, like(state, x))
    end})
  end)
end

nn.dropout = dropout("dropout", function(_, x) return x end)
nn.dropout2d = dropout("dropout2d", function(state, x)            -- whole channels
  if #core.sizes(x) ~= 3 then
    fail("nn." .. state.kind .. ": it takes (channels, height, width), this tensor has the shape " .. core.shape(x) ..
         core.seen("tensor", x))
  end
  return x:sum {2, 3}
end)

-- ---- embedding -------------------------------------------------------------------------------------------------------

-- Row x of the weight, for every class x.
nn.embedding = core.export(function(count, width, given)
  local what = "nn.embedding"
  count = integer(what, "the number of classes", count, 1)
  width = integer(what, "the width", width, 1)
  local o = layers.options(what, given, {})
  local fields = {{field = "weight", shape = {count, width}, start = layers.start(what, o.init, "weight", nn.init.normal(0, 1))}}
  return layers.new("embedding", o, {fields = fields, apply = function(state, x)
    if core.kind(x) ~= "int" then fail(what .. ": it takes classes, as nn.class gives them" .. core.seen("tensor", x)) end
    local classes = core.classes(x)
    if classes and classes > count then
      fail(what .. ": " .. layers.name(state) .. " has " .. count .. " rows, the classes reach to " .. classes - 1 .. core.seen("tensor", x))
    end
    return core.one_hot(x, count):matmul(layers.parameter(state, "weight"))
  end})
end)

core.document("layers", {
  {"nn.layer_norm(shape)", "Over the last axes, those of `shape`.", torch = "nn.LayerNorm", on = {4},
   example = function(x) local norm = nn.layer_norm(4, {name = "norm"}) return norm(x), norm end},
  {"nn.rms_norm(shape)", "Over the last axes, those of `shape`.", torch = "nn.RMSNorm", on = {4},
   example = function(x) local norm = nn.rms_norm(4, {name = "norm"}) return norm(x), norm end},
  {"nn.group_norm(groups, channels)", "Each group of channels of each row for itself.", torch = "nn.GroupNorm", shape = "(channels, …) → the same",
   call = function() return nn.group_norm(1, 1) end,
   formula = "y = (x - mean) / sqrt(var + eps) weight[c] + bias[c], mean and var (divided by n) over a group",
   gradient = "as layer_norm's, a group at a time"},
  {"nn.dropout(p)", "p is 0.5 unless given; in evaluation y = x.", torch = "nn.Dropout", formula = "y = x m / (1 - p), m = 0 with probability p, else 1",
   gradient = "∂x = ∂y m / (1 - p)"},
  {"nn.dropout2d(p)", "Whole channels.", torch = "nn.Dropout2d", shape = "(channels, height, width) → the same",
   formula = "y[c] = x[c] m[c] / (1 - p), m[c] = 0 with probability p, else 1", gradient = "∂x[c] = ∂y[c] m[c] / (1 - p)"},
  {"nn.embedding(count, width)", shape = "classes (…) → (…, width)", torch = "nn.Embedding", call = function() return nn.embedding(1, 1) end,
   formula = "y = weight[x]", gradient = "∂weight[k] = Σ of ∂y where x = k"},
})
