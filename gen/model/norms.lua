-- norms.lua: layers that set the scale of what passes through them, and those that drop part of it in training. Defaults are
-- PyTorch's.
local core = ...
local nn, layers = core.nn, core.layers
local fail, integer, number, op, type = core.fail, core.integer, core.number, core.op, type

local function need_floats(state, x)
  if core.kind(x) ~= "float" then fail("nn." .. state.kind .. ": it takes floats" .. core.seen("tensor", x)) end
end

-- x is called as the emitted program shows it: norm_mean
local function named(state, word, x)
  return core.named(x, layers.name(state):gsub("^.*%.", "") .. "_" .. word)
end

local function inverse_std(state, var)
  return named(state, "inverse_std", nn.rsqrt(var + state.eps))
end

-- (x - mean) / sqrt(var + eps) over some axes, the variance divided by their elements
local function normalised(state, x, axes)
  local function mean_of(what, y) return core.keep(named(state, what, y:mean(axes)), y, axes) end
  local centred = named(state, "centred", x - mean_of("mean", x))
  return centred * inverse_std(state, mean_of("var", nn.square(centred)))
end

-- ---- batch norm ------------------------------------------------------------------------------------------------------

-- In training by the mean and variance of the batch, which also move the running ones; in evaluation by those. A layer that is
-- used twice moves them twice, one after the other.
local function batch_norm(state, x)
  need_floats(state, x)
  local sizes, channels, affine = core.sizes(x), state.channels, {state.channels}
  if not core.per_row(x) or not state.ranks[#sizes] or sizes[1] ~= channels then
    fail("nn." .. state.kind .. ": " .. layers.name(state) .. " takes " .. state.shapes:gsub("channels", channels) ..
         " in each row of a batch, this tensor has the shape " .. core.shape(x) .. core.seen("tensor", x))
  end
  core.need_rows(2, "nn." .. state.kind .. " " .. layers.name(state))
  local axes = {"batch"}
  for axis = 2, #sizes do axes[axis], affine[axis] = axis, 1 end
  local function of_channel(field) return core.reshape(layers.parameter(state, field), affine) end

  local mean = named(state, "mean", x:mean(axes))
  local centred = named(state, "centred", x - core.reshape(mean, affine))
  local var = named(state, "var", nn.square(centred):mean(axes))
  local count = core.fold_size(x, core.all_axes(x)) / channels
  local function move(field, value)
    local before = state.moved[field] or layers.parameter(state, field)
    state.moved[field] = (1 - state.momentum) * before + state.momentum * nn.detach(value)
    core.assign(layers.parameter(state, field), state.moved[field])
  end
  move("running_mean", mean)
  move("running_var", var * named(state, "unbiased", count / (count - 1)))

  local training = core.value "mode"
  local from_mean = op.select(training, centred, x - of_channel "running_mean")
  local y = from_mean * inverse_std(state, op.select(training, core.reshape(var, affine), of_channel "running_var"))
  if not state.options.affine then return y end
  return y * of_channel "weight" + of_channel "bias"
end

local function batch_norm_of(kind, ranks, shapes)
  local what = "nn." .. kind
  return core.export(function(channels, given)
    channels = integer(what, "the number of channels", channels, 1)
    local o = layers.options(what, given, {eps = 1e-5, momentum = 0.1, affine = true})
    local shape, fields = {channels}, {}
    if o.affine then
      fields[1] = {field = "weight", shape = shape, start = layers.start(what, o.init, "weight", nn.init.ones())}
      fields[2] = {field = "bias", shape = shape, start = layers.start(what, o.init, "bias", nn.init.zeros())}
    end
    fields[#fields + 1] = {field = "running_mean", shape = shape, start = 0, statistic = true}
    fields[#fields + 1] = {field = "running_var", shape = shape, start = 1, statistic = true}
    return layers.new(kind, o, {
      channels = channels, ranks = ranks, shapes = shapes, eps = number(what, "eps", o.eps, 0),
      momentum = number(what, "momentum", o.momentum, 0, 1), moved = {}, fields = fields, apply = batch_norm,
    })
  end)
end
nn.batch_norm1d = batch_norm_of("batch_norm1d", {true, true}, "(channels) or (channels, length)")
nn.batch_norm2d = batch_norm_of("batch_norm2d", {[3] = true}, "(channels, height, width)")

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
  local y = normalised(state, x, last_axes(state, x)) * layers.parameter(state, "weight")
  return state.options.bias and y + layers.parameter(state, "bias") or y
end)

-- x / sqrt(mean of squares + eps)
nn.rms_norm = norm_of_shape("rms_norm", false, function(state, x)
  need_floats(state, x)
  local axes = last_axes(state, x)
  return x * inverse_std(state, core.keep(named(state, "mean_square", nn.square(x):mean(axes)), x, axes)) * layers.parameter(state, "weight")
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
  local y = core.reshape(normalised(state, core.reshape(x, split), axes), sizes)
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
  core.name_after(kept, x, "kept")
  local shape = core.sizes(kept)
  for i = #shape + 1, #core.sizes(x) do shape[i] = 1 end
  local mask = core.reshape(kept, shape) / (1 - state.p)
  core.name_after(mask, x, "mask")
  local scaled = state.p == 1 and x * 0 or x * mask
  return op.select(core.value("mode"), scaled, x)
end

local function dropout(kind, like)
  return core.export(function(p, given)
    core.options("nn." .. kind, given, {})
    p = number("nn." .. kind, "the share to drop", p == nil and 0.5 or p, 0, 1)
    return layers.new(kind, {}, {p = p, word = "dropout", apply = function(state, x)
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

-- Row x of the weight, for every class x. The row padding_idx starts at 0, unless the user says how the weight starts, and no
-- gradient reaches it.
nn.embedding = core.export(function(count, width, given)
  local what = "nn.embedding"
  count = integer(what, "the number of classes", count, 1)
  width = integer(what, "the width", width, 1)
  local o = layers.options(what, given, {padding_idx = core.any})
  local padding, default = o.padding_idx, nn.init.normal(0, 1)
  if padding ~= nil then
    padding = integer(what, "padding_idx", padding)
    if padding < -count or padding >= count then
      fail(what .. ": padding_idx is one of the " .. count .. " classes, which count from 0 (from the end: -1), not " .. padding)
    end
    padding = padding % count
    default = core.with_zeros(default, padding * width, (padding + 1) * width)
  end
  local fields = {{field = "weight", shape = {count, width}, start = layers.start(what, o.init, "weight", default)}}
  return layers.new("embedding", o, {fields = fields, apply = function(state, x)
    if core.kind(x) ~= "int" then fail(what .. ": it takes classes, as nn.class gives them" .. core.seen("tensor", x)) end
    local classes = core.classes(x)
    if classes and classes > count then
      fail(what .. ": " .. layers.name(state) .. " has " .. count .. " rows, the classes reach to " .. classes - 1 .. core.seen("tensor", x))
    end
    local y = core.look_up(layers.parameter(state, "weight"), x)
    if padding == nil then return y end
    local sizes = core.sizes(x)
    sizes[#sizes + 1] = 1
    return op.select(core.reshape(op.equal(op.float(x), padding), sizes), op.detach(y), y)
  end})
end)

core.document("layers", {
  {"nn.batch_norm1d(channels)", "In training by the batch, which needs two rows; in evaluation by running_mean and running_var.",
   torch = "nn.BatchNorm1d", shape = "(channels) or (channels, length) → the same", call = function() return nn.batch_norm1d(1) end,
   formula = "y = (x - mean) / sqrt(var + eps) weight[c] + bias[c], mean and var (divided by n) of a channel over all rows and places\n" ..
     "running_mean = (1 - momentum) running_mean + momentum mean\n" ..
     "running_var = (1 - momentum) running_var + momentum var n / (n - 1)", gradient = "as layer_norm's, a channel at a time"},
  {"nn.batch_norm2d(channels)", torch = "nn.BatchNorm2d", shape = "(channels, height, width) → the same",
   call = function() return nn.batch_norm2d(1) end, formula = "as batch_norm1d", gradient = "as batch_norm1d's"},
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
  {"nn.embedding(count, width)", "The row `padding_idx` starts at 0 and is not trained.", shape = "classes (…) → (…, width)", torch = "nn.Embedding", call = function() return nn.embedding(1, 1) end,
   formula = "y = weight[x]", gradient = "∂weight[k] = Σ of ∂y where x = k"},
})
