-- nn.lua: the model language, what `require "nn"` gives.
--
-- It is written in Lua as far as it goes: a function of the language composes operations of ops.def, which `core` (C) makes as
-- nodes. Its parts, in the order in which they need each other:
--   objects       what nn hands out and takes back
--   tensors       options, axes; what a tensor answers: arithmetic, folds, shapes
--   functions     exp … softmax: one tensor in, one out
--   initialisers  nn.init
--   layers        linear, sequential …: functions with parameters
--   windows       convolutions, pooling
--   norms         layer_norm …, dropout, embedding
--   attention     attention
--   recurrent     rnn, lstm, gru
--   losses        losses, penalties, metrics
--   optimizers    sgd … lion, nn.optimizer, the searches
--   schedules     nn.schedule
--   data          nn.data
--   training      nn.train, nn.show
-- A function that users call is exported (core.export), so that errors show their line and never one of ours.
local core = ...
local concat, sort, type = table.concat, table.sort, type

local nn = {}
core.nn = nn
for _, part in ipairs {"objects", "tensors", "functions", "initialisers", "layers", "windows", "norms", "recurrent", "attention", "losses", "optimizers", "schedules", "data", "training"} do
  core.part(part)
end

-- ---- leaves, options, random numbers ---------------------------------------------------------------------------------

core.inputs = {}                        -- in order of declaration
local function declare(name, tensor, classes)
  core.inputs[#core.inputs + 1] = {name = name, tensor = tensor, classes = classes}
  return tensor
end

nn.input = core.export(function(name, shape)
  return declare(name, core.input(name, shape or {}))
end)

nn.class = core.export(function(name, classes, shape)
  classes = core.integer("nn.class", "the number of classes", classes, 1, 2^31 - 1)
  return declare(name, core.input(name, shape or {}, classes), classes)
end)

nn.constant = core.export(function(value) return core.constant(value) end)
nn.option = core.export(function(name, default) return core.option(name, default) end)

nn.gradient = core.export(function(y, x)
  if not core.is_tensor(y) then core.fail("nn.gradient: a tensor belongs first, not " .. core.a(y)) end
  local scalar, per_row, sizes = core.kind(y), core.per_row(y), core.sizes(y)
  if per_row or #sizes > 0 or scalar ~= "float" then
    core.fail("nn.gradient: only a number shared by all rows has a gradient, this tensor has the shape " .. core.shape(y) ..
              core.seen("y", y) .. "\nfold it first, as y:sum()")
  end
  if core.is_tensor(x) then return core.gradient(y, {x})[1] end
  if type(x) ~= "table" or #x == 0 then
    core.fail("nn.gradient: a tensor or a list of tensors belongs second, not " .. core.a(x))
  end
  for i = 1, #x do
    if not core.is_tensor(x[i]) then
      core.fail("nn.gradient: element " .. i .. " of the list is no tensor but " .. core.a(x[i]))
    end
  end
  return core.gradient(y, x)
end)

local rng = {}
local new_rng, rng_of = core.objects("rng", {__index = core.export(function(_, key)
  if rng[key] then return rng[key] end
  core.unknown("an rng has no", key, {"uniform", "normal", "integer", "permutation"})
end)})
local function drawn(self, what)
  local state = rng_of(self)
  if not state then core.fail("rng:" .. what .. ": called as rng:" .. what .. "(…), with a colon") end
  state.at = state.at + 1
  return state.seed, state.at - 1
end
local function finite(what, value, default)
  return core.number(what, "an argument", value == nil and default or value)
end
rng.uniform = core.export(function(self, a, b)
  a, b = finite("rng:uniform", a, 0), finite("rng:uniform", b, 1)
  return a + (b - a) * core.uniform(drawn(self, "uniform"))
end)
rng.normal = core.export(function(self, mean, std)
  mean, std = finite("rng:normal", mean, 0), finite("rng:normal", std, 1)
  return mean + std * core.standard_normal(drawn(self, "normal"))
end)
rng.integer = core.export(function(self, a, b)
  a, b = core.integer("rng:integer", "the first", a), core.integer("rng:integer", "the last", b)
  if a > b then core.fail("rng:integer: the first, " .. a .. ", is above the last, " .. b) end
  local seed, at = drawn(self, "integer")
  return core.random_integer(seed, at, a, b)
end)
rng.permutation = core.export(function(self, n)
  n = core.integer("rng:permutation", "the count", n, 1, 2^31 - 1)
  local seed, at = drawn(self, "permutation")
  return core.permutation(seed, at, n)
end)
nn.rng = core.export(function(seed)
  return new_rng {seed = core.integer("nn.rng", "the seed", seed == nil and 0 or seed, 0), at = 0}
end)

core.document("leaves", {
  {"nn.input(name, shape)", "Floats of each row, bound by the data. The shape is {} unless given."},
  {"nn.class(name, n, shape)", "Integers in [0, n) of each row. The shape is {} unless given."},
  {"nn.constant(v)", "A number or a nested table."},
  {"nn.option(name, default)", "A string, number or boolean that `--set name=value` changes."},
})
core.document("training", {
  {"nn.gradient(y, x)", "The derivative of a number y to x, a tensor or a list of them: a tensor like any other.", torch = "torch.autograd.grad"},
})
core.document("random", {
  {"nn.rng(seed)", "A generator; the seed is 0 unless given."},
  {"rng:uniform(a, b)", "In [a, b), from 0 to 1 unless given."},
  {"rng:normal(mean, std)", "0 and 1 unless given."},
  {"rng:integer(a, b)", "From a to b, both included."},
  {"rng:permutation(n)", "The numbers 1 to n in random order."},
})

return core.closed("nn", nn)
