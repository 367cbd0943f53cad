-- windows.lua: convolution and pooling: layers that look at neighbourhoods of images (channels, height, width) and of sequences
-- (channels, length).
--
-- A window over one axis is core.unfold: a new last axis counts within it. A convolution is a sum of products over windows, a
-- transposed one the sum of products taken apart by core.fold, and pooling a fold of windows; their derivatives follow from
-- these. Names, defaults and initial values are PyTorch's.
local core = ...
local nn, layers = core.nn, core.layers
local fail, integer, options, type = core.fail, core.integer, core.options, type

-- n numbers from a number or a list: a kernel of 5 is {5, 5}
local function sizes_of(what, name, value, count, least, default)
  local list = {}
  if value == nil then value = default end
  for i = 1, count do
    local one = type(value) == "table" and value[i] or value
    if type(value) == "table" and #value ~= count then
      fail(what .. ": " .. name .. " is a number or a list of " .. count .. ", not of " .. #value)
    end
    list[i] = integer(what, name, one, least, 2^31 - 1)
  end
  return list
end

local function need_image(state, x, count)
  local what = "nn." .. state.kind
  local shape = count == 1 and "(channels, length)" or "(channels, height, width)"
  if core.kind(x) ~= "float" then fail(what .. ": it takes floats" .. core.seen("tensor", x)) end
  local sizes = core.sizes(x)
  if #sizes ~= count + 1 then
    fail(what .. ": it takes " .. shape .. ", this tensor has the shape " .. core.shape(x) .. core.seen("tensor", x) ..
         "\nx:reshape{…} gives it that shape")
  end
  if state.inputs and sizes[1] ~= state.inputs then
    fail(what .. ": " .. layers.name(state) .. " takes " .. state.inputs .. " channels, this tensor has the shape " ..
         core.shape(x) .. core.seen("tensor", x))
  end
  return sizes
end

-- Windows over the last axes of x, one after the other: (…, height, width) becomes (…, places y, places x, u, v)
local function windows(x, state, first, outside)
  for i = 1, #state.kernel do
    local pad = state.padding[i]
    x = core.unfold(x, first + i - 1, state.kernel[i], state.stride[i], state.dilation[i], pad, pad, outside)
  end
  return x
end

local function with_channel_bias(state, y)
  if not state.options.bias then return y end
  local shape = {state.outputs}
  for i = 1, #state.kernel do shape[i + 1] = 1 end
  return y + core.reshape(layers.parameter(state, "bias"), shape)
end

-- ---- convolutions ----------------------------------------------------------------------------------------------------

-- y[o,y,x] = bias[o] + sum over c, u, v of x[c, y + u, x + v] weight[o,c,u,v]; groups have channels of their own
local function convolve(state, x)
  local count, groups = #state.kernel, state.groups
  local sizes = need_image(state, x, count)
  local weight = layers.parameter(state, "weight")
  local b = core.per_row(x) and "b" or ""
  local places, within = string.sub("yx", 3 - count), string.sub("uv", 3 - count)
  local y
  if groups == 1 then
    y = core.contract(windows(x, state, 2, 0), weight,
                      b .. "c" .. places .. within .. ",oc" .. within .. "->" .. b .. "o" .. places)
  else
    local input, kernel = {groups, sizes[1] // groups}, {groups, state.outputs // groups, sizes[1] // groups}
    for i = 1, count do input[i + 2], kernel[i + 3] = sizes[i + 1], state.kernel[i] end
    y = core.contract(windows(core.reshape(x, input), state, 3, 0), core.reshape(weight, kernel),
                      b .. "gc" .. places .. within .. ",goc" .. within .. "->" .. b .. "go" .. places)
    local joined = core.sizes(y)
    table.remove(joined, 1)
    joined[1] = state.outputs
    y = core.reshape(y, joined)
  end
  return with_channel_bias(state, y)
end

-- Each place of x spreads weight[c,o,u,v] over the windows that a convolution of the same options would read from.
local function convolve_transposed(state, x)
  local sizes = need_image(state, x, 2)
  local b, groups = core.per_row(x) and "b" or "", state.groups
  local weight, y, first = layers.parameter(state, "weight"), nil, 2
  if groups == 1 then
    y = core.contract(x, weight, b .. "cyx,couv->" .. b .. "oyxuv")
  else
    first = 3
    x = core.reshape(x, {groups, sizes[1] // groups, sizes[2], sizes[3]})
    weight = core.reshape(weight, {groups, sizes[1] // groups, state.outputs // groups, state.kernel[1], state.kernel[2]})
    y = core.contract(x, weight, b .. "gcyx,gcouv->" .. b .. "goyxuv")
  end
  for i = 2, 1, -1 do                   -- the last axis counts within windows of the width, then of the height
    local pad, stride, dilation = state.padding[i], state.stride[i], state.dilation[i]
    local size = (sizes[i + 1] - 1) * stride - 2 * pad + dilation * (state.kernel[i] - 1) + state.output_padding[i] + 1
    if size < 1 then fail("nn.conv_transpose2d: with this padding nothing is left of the image" .. core.seen("tensor", x)) end
    y = core.fold(y, first + i - 1, state.kernel[i], stride, dilation, pad, pad, size)
  end
  if groups > 1 then
    local joined = core.sizes(y)
    y = core.reshape(y, {state.outputs, joined[3], joined[4]})
  end
  return with_channel_bias(state, y)
end

local function convolution(kind, count, transposed)
  local what = "nn." .. kind
  return core.export(function(inputs, outputs, kernel, given)
    inputs = integer(what, "the number of input channels", inputs, 1)
    outputs = integer(what, "the number of output channels", outputs, 1)
    local own = {stride = core.any, padding = core.any, dilation = core.any, groups = 1, bias = true}
    if transposed then own.output_padding = core.any end
    local o = layers.options(what, given, own)
    local groups = integer(what, "groups", o.groups, 1)
    if inputs % groups ~= 0 or outputs % groups ~= 0 then
      fail(what .. ": " .. groups .. " groups do not divide " .. inputs .. " input and " .. outputs .. " output channels")
    end
    local state = {
      inputs = inputs, outputs = outputs, groups = groups, kernel = sizes_of(what, "the kernel", kernel, count, 1),
      stride = sizes_of(what, "stride", o.stride, count, 1, 1), padding = sizes_of(what, "padding", o.padding, count, 0, 0),
      dilation = sizes_of(what, "dilation", o.dilation, count, 1, 1), apply = transposed and convolve_transposed or convolve,
    }
    local shape = transposed and {inputs, outputs // groups} or {outputs, inputs // groups}
    local fan_in = shape[2]
    for i = 1, count do
      shape[i + 2] = state.kernel[i]
      fan_in = fan_in * state.kernel[i]
    end
    if transposed then
      state.output_padding = sizes_of(what, "output_padding", o.output_padding, count, 0, 0)
      for i = 1, count do
        if state.output_padding[i] >= math.max(state.stride[i], state.dilation[i]) then
          fail(what .. ": output_padding must be smaller than stride or dilation")
        end
      end
    end
    local bound = 1 / math.sqrt(fan_in)        -- PyTorch's kaiming_uniform with a = sqrt(5)
    local default = nn.init.uniform(-bound, bound)
    state.fields = {{field = "weight", shape = shape, start = layers.start(what, o.init, "weight", default)}}
    if o.bias then
      state.fields[2] = {field = "bias", shape = {outputs}, start = layers.start(what, o.init, "bias", default)}
    end
    return layers.new(kind, o, state)
  end)
end

nn.conv1d = convolution("conv1d", 1)
nn.conv2d = convolution("conv2d", 2)
nn.conv_transpose2d = convolution("conv_transpose2d", 2, true)

-- ---- pooling ---------------------------------------------------------------------------------------------------------

-- What padding adds lies around the image before windows are taken of it: a window asks for no edge then. The width first, then the
-- height: of equal maxima the first in reading order counts, as in PyTorch.
local function pooling(kind, outside, folded)
  local what = "nn." .. kind
  return core.export(function(kernel, given)
    local o = options(what, given, {stride = core.any, padding = core.any})
    local state = {kernel = sizes_of(what, "the kernel", kernel, 2, 1), padding = sizes_of(what, "padding", o.padding, 2, 0, 0)}
    state.stride = o.stride == nil and state.kernel or sizes_of(what, "stride", o.stride, 2, 1)
    state.dilation, state.word = {1, 1}, "pool"
    for i = 1, 2 do
      if 2 * state.padding[i] > state.kernel[i] then fail(what .. ": padding is at most half of the kernel") end
    end
    state.apply = function(own, x)
      need_image(own, x, 2)
      local inside = {kernel = own.kernel, stride = own.stride, dilation = own.dilation, padding = {0, 0}, kind = own.kind, word = own.word}
      for i = 1, 2 do
        if own.padding[i] > 0 then x = core.pad(x, 1 + i, own.padding[i], own.padding[i], outside) end
      end
      return folded(windows(x, inside, 2, outside), own.kernel[1] * own.kernel[2])
    end
    return layers.new(kind, {}, state)
  end)
end

nn.max_pool2d = pooling("max_pool2d", -math.huge, function(x) return x:max({-2, -1}) end)
nn.avg_pool2d = pooling("avg_pool2d", 0, function(x, count) return x:sum {-1, -2} / count end)     -- counts the padding
nn.global_avg_pool2d = core.export(function(x)
  core.need_tensor("nn.global_avg_pool2d", x)
  need_image({kind = "global_avg_pool2d"}, x, 2)
  local y = x:mean {2, 3}
  core.name_after(y, x, "pool")
  return y
end)

local sizes = "size → (size + 2 padding - dilation (kernel - 1) - 1) // stride + 1"
core.document("layers", {
  {"nn.conv1d(in, out, kernel)", shape = "(in, length) → (out, length'); " .. sizes, torch = "nn.Conv1d",
   call = function() return nn.conv1d(1, 1, 1) end,
   formula = "y[o,l] = bias[o] + Σ_{c,v} x[c, stride l + dilation v - padding] weight[o,c,v]",
   gradient = "∂x[c,m] = Σ ∂y[o,l] weight[o,c,v] over o and the (l, v) that read m;  ∂weight[o,c,v] = Σ_{b,l} ∂y[o,l] x[c, …];  ∂bias[o] = Σ_{b,l} ∂y[o,l]"},
  {"nn.conv2d(in, out, kernel)", shape = "(in, height, width) → (out, height', width'); " .. sizes, torch = "nn.Conv2d",
   call = function() return nn.conv2d(1, 1, 1) end,
   formula = "y[o,y,x] = bias[o] + Σ_{c,u,v} x[c, stride y + dilation u - padding, stride x + dilation v - padding] weight[o,c,u,v]",
   gradient = "as conv1d, in two axes"},
  {"nn.conv_transpose2d(in, out, kernel)", torch = "nn.ConvTranspose2d", call = function() return nn.conv_transpose2d(1, 1, 1) end,
   shape = "(in, height, width) → (out, height', width'); size → (size - 1) stride - 2 padding + dilation (kernel - 1) + output_padding + 1",
   formula = "y[o] at stride y + dilation u - padding, … gets x[c,y,x] weight[c,o,u,v], summed over c; + bias[o]",
   gradient = "∂x is conv2d of ∂y by weight"},
  {"nn.max_pool2d(kernel)", "The stride is the kernel unless given. Of equal maxima the first in reading order gets the gradient.",
   shape = "(channels, height, width) → (channels, height', width')", torch = "nn.MaxPool2d", call = function() return nn.max_pool2d(1) end,
   formula = "y[c,y,x] = max_{u,v} x[c, stride y + u - padding, …]", gradient = "∂y to where the maximum was"},
  {"nn.avg_pool2d(kernel)", "The stride is the kernel unless given; padding counts.",
   shape = "(channels, height, width) → (channels, height', width')", torch = "nn.AvgPool2d", call = function() return nn.avg_pool2d(1) end,
   formula = "y[c,y,x] = Σ_{u,v} x[c, stride y + u - padding, …] / kernel elements", gradient = "∂y / kernel elements to each of the window"},
  {"nn.global_avg_pool2d(x)", shape = "(channels, height, width) → (channels)", torch = "nn.AdaptiveAvgPool2d(1)", on = {2, 3, 3},
   example = function(x) return nn.global_avg_pool2d(x) end},
})
