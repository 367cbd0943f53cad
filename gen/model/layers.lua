-- layers.lua: functions that have parameters.
--
-- A layer is made with its sizes and gets its parameters when it is first used, called or asked for one: only then its name is
-- known, for a named sequential prefixes it and unnamed layers are numbered in order of use. What a layer knows is its state;
-- the layer itself answers only its parameters' names.
local core = ...
local nn, op = core.nn, core.op
local fail, is_tensor, type = core.fail, core.is_tensor, type

-- ---- what all layers share -------------------------------------------------------------------------------------------

local layer_meta = {}
local new_object, state_of                        -- once layer_meta is whole
local unnamed = 0

-- `kind`: "linear"; `parameters`: field → {shape, start}; apply(state, x): what it computes. A layer without parameters has a
-- `word`, "pool", for the names of its results: conv1_pool
local function new_layer(kind, options, fields)
  fields.kind, fields.options, fields.place = kind, options, core.place()
  if options.name then core.name(options.name, "nn." .. kind) end
  return new_object(fields)
end

-- "encoder.fc1": fixed at the first use
local function full_name(state)
  if not state.full_name then
    local name = state.options.name
    if not name then
      unnamed = unnamed + 1
      name = state.kind .. unnamed
    end
    local around = state.container
    while around do
      if around.options.name then name = around.options.name .. "." .. name end
      around = around.container
    end
    state.full_name = name
  end
  return state.full_name
end

local function parameter_of(state, field)
  local made = state.made or {}
  state.made = made
  if made[field] == nil then
    local before = core.at(nil)
    for _, each in ipairs(state.fields) do
      local name = core.name(full_name(state) .. "." .. each.field, "nn." .. state.kind)
      local start = core.start(each.start, each.shape, name)
      made[each.field] = each.statistic and core.statistic(name, each.shape, start, state.place) or
                         core.parameter(name, each.shape, start, state.options, state.place)
    end
    core.at(before)
  end
  return made[field]
end

local function call(state, x)
  core.need_tensor("nn." .. state.kind, x)
  if state.elements then return state.apply(state, x) end
  if not state.fields then
    local before = core.layer_of(state.kind, x)
    local y = state.apply(state, x)
    core.layer(before)
    core.name_after(y, x, state.word)
    return y
  end
  local name = full_name(state)
  local before = core.layer(state.kind .. " " .. name)
  local results = table.pack(state.apply(state, x))
  core.set_name(results[1], (name:gsub("^.*%.", "")))
  core.layer(before)
  return table.unpack(results, 1, results.n)
end

layer_meta.__call = core.export(function(layer, x, ...)
  if select("#", ...) > 0 then fail("nn." .. state_of(layer).kind .. ": a layer is called with one tensor") end
  return call(state_of(layer), x)
end)
layer_meta.__tostring = function(layer)
  local state = state_of(layer)
  return "layer nn." .. state.kind .. (state.full_name and " " .. state.full_name or "")
end
layer_meta.__index = core.export(function(layer, key)
  local state, words = state_of(layer), {}
  if state.elements then
    if type(key) == "number" and state.elements[key] then return state.elements[key] end
    for _, element in ipairs(state.elements) do
      local name = state_of(element) and state_of(element).options.name
      if name and name == key then return element end
      words[#words + 1] = name or nil
    end
    core.unknown("this sequential has no", key, words)
  end
  for _, each in ipairs(state.fields or {}) do
    if each.field == key then return parameter_of(state, key) end
    words[#words + 1] = each.field
  end
  core.unknown("a layer nn." .. state.kind .. " has no", key, words)
end)
new_object, state_of = core.objects("layer", layer_meta)

-- The options of every layer with parameters, and those that are its own.
local function layer_options(what, given, own)
  own.name, own.init, own.freeze, own.lr, own.weight_decay = core.any, core.any, core.any, core.any, core.any
  return core.parameter_options(what, core.options(what, given, own))
end

-- freeze, lr, weight_decay: what any parameter may ask for itself
function core.parameter_options(what, options)
  if options.freeze ~= nil and type(options.freeze) ~= "boolean" then
    fail(what .. ": freeze is true or false, not " .. core.a(options.freeze))
  end
  if options.lr ~= nil then core.number(what, "lr", options.lr, 0) end
  if options.weight_decay ~= nil then core.number(what, "weight_decay", options.weight_decay, 0) end
  return options
end

-- init = X is the weight's start; init = {weight = X, bias = Y} names them.
local function start_of(what, given, field, default)
  if core.is_plain(given) and (given.weight ~= nil or given.bias ~= nil) then
    core.options(what .. ": init", given, {weight = core.any, bias = core.any})
    if given[field] ~= nil then return given[field] end
    return default
  end
  if field == "weight" and given ~= nil then return given end
  return default
end

-- ---- parameters ------------------------------------------------------------------------------------------------------

-- The shape and the initial value of what `nn.parameter` or `nn.statistic` makes.
local function leaf_arguments(what, name, shape, start)
  core.name(name, what)
  if type(shape) == "number" then shape = {shape} end
  if type(shape) ~= "table" then
    fail(what .. ": the shape of " .. core.quoted(name) .. " is a list of sizes as {28, 28}, not " .. core.a(shape))
  end
  if start == nil then
    fail(what .. ": " .. core.quoted(name) .. " has no initial value\n" ..
         "give an initialiser as nn.init.zeros(), a number or a nested table")
  end
  return shape, core.start(start, shape, name)
end

nn.parameter = core.export(function(name, shape, start, options)
  options = core.options("nn.parameter", options, {freeze = core.any, lr = core.any, weight_decay = core.any})
  core.parameter_options("nn.parameter", options)
  shape, start = leaf_arguments("nn.parameter", name, shape, start)
  return core.parameter(name, shape, start, options, core.place())
end)

-- ---- running statistics ----------------------------------------------------------------------------------------------

-- What training keeps besides parameters, as batch norm its running mean (norms.lua): a tensor that is saved with the parameters,
-- that no optimizer touches, and that nn.assign moves: in training, after a step, it has the value; in evaluation it stays.
nn.statistic = core.export(function(name, shape, start)
  shape, start = leaf_arguments("nn.statistic", name, shape, start)
  return core.statistic(name, shape, start, core.place())
end)

local assigned = {}
nn.assign = core.export(function(statistic, value)
  core.need_tensor("nn.assign", statistic, "a running statistic")
  local name = core.get_name(statistic)
  core.assign(statistic, value)
  if assigned[name] then fail("nn.assign: " .. core.quoted(name) .. " is assigned twice; one value belongs to a step") end
  assigned[name] = true
end)

-- 1 in training, 0 in evaluation and prediction
nn.training = core.export(function() return core.value "mode" end)

-- ---- linear ----------------------------------------------------------------------------------------------------------

-- y = x weight' + bias along the last axis: "bcdi,ji->bcdj", a letter an axis
local function linear(state, x)
  local kind, per_row, sizes = core.kind(x), core.per_row(x), core.sizes(x)
  if kind ~= "float" then
    fail("nn.linear: it takes floats; nn.float(x) or nn.one_hot(x) makes them from classes" .. core.seen("tensor", x))
  end
  if sizes[#sizes] ~= state.inputs then
    fail("nn.linear: " .. full_name(state) .. " takes " .. state.inputs ..
         " features on the last axis, this tensor has the shape " .. core.shape(x) ..
         core.seen("tensor", x) .. (#sizes > 1 and "\nnn.flatten makes one axis of all" or ""))
  end
  local before = per_row and "b" or ""
  for axis = 1, #sizes - 1 do before = before .. string.sub("cdefgh", axis, axis) end
  local y = core.contract(x, parameter_of(state, "weight"), before .. "i,ji->" .. before .. "j")
  if state.options.bias then y = y + parameter_of(state, "bias") end
  return y
end

nn.linear = core.export(function(inputs, outputs, options)
  inputs = core.integer("nn.linear", "the number of inputs", inputs, 1)
  outputs = core.integer("nn.linear", "the number of outputs", outputs, 1)
  options = layer_options("nn.linear", options, {bias = true})
  local bound = 1 / math.sqrt(inputs)          -- PyTorch's kaiming_uniform with a = sqrt(5): gain sqrt(1/3), times sqrt(3 / inputs)
  local default = nn.init.uniform(-bound, bound)
  local fields = {{field = "weight", shape = {outputs, inputs}, start = start_of("nn.linear", options.init, "weight", default)}}
  if options.bias then
    fields[2] = {field = "bias", shape = {outputs}, start = start_of("nn.linear", options.init, "bias", default)}
  end
  return new_layer("linear", options, {inputs = inputs, fields = fields, apply = linear})
end)

-- ---- containers ------------------------------------------------------------------------------------------------------

-- Element by element. A layer's nodes get the line where it stands in the model, a function of nn that of the element before
-- it; a function of the user's makes its nodes on its own lines.
local function sequential(state, x)
  local around, last = core.at(nil), state.place
  for i, element in ipairs(state.elements) do
    local inner = state_of(element)
    if inner then
      last = inner.place
      core.at(last)
      x = call(inner, x)
    else
      core.at(core.builtin[element] and last or nil)
      x = element(x)
    end
    if not is_tensor(x) then
      core.at(nil)
      fail("nn.sequential: element " .. i .. " gives " .. core.a(x) .. " and no tensor")
    end
  end
  core.at(around)
  return x
end

local function contain(state, element)
  local inner = state_of(element)
  if inner and not inner.container and not inner.full_name then inner.container = state end
end

nn.sequential = core.export(function(elements)
  if not core.is_plain(elements) then
    fail("nn.sequential: a list of layers and functions in braces belongs here, not " .. core.a(elements))
  end
  local options, list = {}, {}
  for key, value in pairs(elements) do
    if key == "name" then options.name = value
    elseif math.type(key) ~= "integer" or key < 1 or key > #elements then
      core.unknown("nn.sequential has no option", key, {"name"})
    end
  end
  for i = 1, #elements do
    local element = elements[i]
    if not state_of(element) and type(element) ~= "function" then
      fail("nn.sequential: element " .. i .. " is " .. core.a(element) .. "; layers and functions of a tensor belong here")
    end
    list[i] = element
  end
  local container = new_layer("sequential", options, {elements = list, apply = sequential})
  for _, element in ipairs(list) do contain(state_of(container), element) end
  return container
end)

nn.residual = core.export(function(inner)
  if not state_of(inner) and type(inner) ~= "function" then
    fail("nn.residual: a layer or a function of a tensor belongs here, not " .. core.a(inner))
  end
  local layer = new_layer("residual", {}, {apply = function(state, x)
    local y = sequential(state, x)
    if core.shape(y) ~= core.shape(x) then
      fail("nn.residual: what it adds must have the shape of its input" ..
           core.seen("input", x) .. core.seen("added", y))
    end
    y = x + y
    core.name_after(y, x, "residual")
    return y
  end})
  state_of(layer).elements = {inner}
  contain(state_of(layer), inner)
  return layer
end)

-- All parameters of a layer, in order.
local function parameters_of(layer)
  local list = {}
  for _, each in ipairs(state_of(layer).fields or {}) do list[#list + 1] = parameter_of(state_of(layer), each.field) end
  return list
end

-- What other files of layers need.
core.layers = {parameters = parameters_of, new = new_layer, options = layer_options, start = start_of, parameter = parameter_of, name = full_name}

core.document("leaves", {
  {"nn.parameter(name, shape, init)", "A tensor that is trained; `init` is an initialiser, a number or a nested table.", torch = "nn.Parameter",
   call = function() return nn.parameter("p", {}, 0) end},
  {"nn.statistic(name, shape, init)", "A tensor that is saved and not trained, as batch norm's running mean; nn.assign moves it.",
   torch = "register_buffer"},
  {"nn.assign(statistic, value)", "Every step of training ends by giving the statistic this value, of tensors as they were before the step."},
  {"nn.training()", "1 in training, 0 in evaluation and prediction: for nn.where.", torch = "self.training"},
})
core.document("layers", {
  {"nn.linear(in, out)", shape = "(…, in) → (…, out)", torch = "nn.Linear", on = {4},
   example = function(x) local fc = nn.linear(4, 3, {name = "fc"}) return fc(x), fc end},
  {"nn.sequential {…}", "Layers and functions, one after the other; `name` prefixes the names of its parameters.", torch = "nn.Sequential",
   formula = "… third(second(first(x)))", gradient = "the chain rule"},
  {"nn.residual(f)", shape = "f gives the shape of its input", formula = "x + f(x)", gradient = "∂x = ∂y + what f sends back"},
})
