-- training.lua: nn.train and nn.show. They judge what a model returns and give it a plain form, a definition, that read_model.c
-- copies: lists sorted by name, every default filled in.
local core = ...
local nn, op = core.nn, core.op
local pairs, type = pairs, type
local fail, is_tensor = core.fail, core.is_tensor
local any, integer, number = core.any, core.integer, core.number

local new_definition
new_definition, core.definition_of = core.objects("model", {})

local function sorted_names(what, given)
  if not core.is_plain(given) then
    fail(what .. " is a table by name, as {accuracy = …}, not " .. core.a(given))
  end
  local names = {}
  for name in pairs(given) do
    if type(name) ~= "string" then
      fail(what .. " is a table by name, as {accuracy = …}; " .. core.a(given[name]) .. " stands there without one")
    end
    core.name(name, what)
    names[#names + 1] = name
  end
  table.sort(names)
  return names
end

-- A number that all rows share: a loss or a metric.
local function need_scalar(what, x)
  if type(x) == "number" then x = core.constant(x) end
  if not is_tensor(x) then fail(what .. " is a tensor, not " .. core.a(x)) end
  local kind, per_row, sizes = core.kind(x), core.per_row(x), core.sizes(x)
  if kind ~= "float" or per_row or #sizes > 0 then
    fail(what .. " is one number for all rows, but this tensor has the shape " .. core.shape(x) ..
         (kind == "int" and " and holds integers" or "") ..
         core.seen("tensor", x) .. "\nfold it, as x:mean() or x:sum()")
  end
  return x
end

-- The losses: one, or several by name, which are trained on their sum.
local function losses_of(given)
  if not core.is_plain(given) then
    local loss = need_scalar("nn.train: loss", given)
    core.set_name(loss, "loss")
    return {{name = "loss", tensor = loss}}
  end
  local names, list, sum = sorted_names("nn.train: loss", given), {}, nil
  if #names == 0 then fail "nn.train: loss is an empty table" end
  for i, name in ipairs(names) do
    if name == "loss" then fail 'nn.train: loss: the name "loss" is taken by the sum' end
    local loss = need_scalar("nn.train: loss." .. name, given[name])
    core.set_name(loss, name)
    list[i + 1] = {name = name, tensor = loss}
    sum = sum and sum + loss or loss
  end
  if #names > 1 then core.set_name(sum, "loss") end
  list[1] = {name = "loss", tensor = sum}
  return list
end

local function metrics_of(given, losses)
  local list, taken = {}, {}
  for _, loss in ipairs(losses) do taken[loss.name] = true end
  for i, name in ipairs(sorted_names("nn.train: metrics", given or {})) do
    if taken[name] then fail("nn.train: metrics: " .. core.quoted(name) .. " is a loss already") end
    local metric = given[name]
    local folded = core.metric_of(metric)
    if folded then
      for _, part in ipairs(folded.parts) do core.set_name(part, name) end
      list[i] = {name = name, kind = folded.kind, parts = folded.parts, elements = folded.elements, rises = folded.kind == "r2"}
    else
      metric = need_scalar("nn.train: metrics." .. name, metric)
      core.set_name(metric, name)
      list[i] = {name = name, kind = "mean", parts = {metric}, rises = core.rises[given[name]]}
    end
  end
  return list
end

local function tensors_of(what, given)
  local list = {}
  for i, name in ipairs(sorted_names(what, given)) do
    local tensor = given[name]
    if type(tensor) == "number" then tensor = core.constant(tensor) end
    if not is_tensor(tensor) then fail(what .. "." .. name .. " is a tensor, not " .. core.a(tensor)) end
    core.set_name(tensor, name)
    list[i] = {name = name, tensor = tensor}
  end
  return list
end

local function precision_of(what, given)
  if given == nil or given == "f32" or given == "f64" or given == "tf32" or given == "bf16" then return given or "f32" end
  fail(what .. ': precision is "f32", "f64", "tf32" or "bf16", not ' .. (type(given) == "string" and core.quoted(given) or core.a(given)))
end

-- early_stop = {metric = "validation_loss", patience = 5, min_delta = 0}
local function early_stop_of(given, definition, source)
  if given == nil then return end
  local chosen = core.options("nn.train: early_stop", given, {metric = "validation_loss", patience = 5, min_delta = 0})
  local set, name = chosen.metric:match "^(%a+)_(.+)$"
  local known = {}
  if chosen.metric ~= "loss" then
    if set ~= "train" and set ~= "validation" and set ~= "test" then
      fail("nn.train: early_stop: metric is named as in the log, as validation_loss, not " .. core.quoted(chosen.metric))
    end
    if set ~= "train" and not (source and (source[set] ~= nil or source.split and source.split[set])) then
      fail("nn.train: early_stop: " .. core.quoted(chosen.metric) .. ": the data have no set " .. set)
    end
    for _, list in ipairs {definition.losses, definition.metrics} do
      for _, each in ipairs(list) do known[#known + 1] = each.name end
    end
    local found = false
    for _, each in ipairs(known) do found = found or each == name end
    if not found then core.unknown("nn.train: early_stop: there is no metric", name, known) end
  end
  definition.stop_metric = chosen.metric
  for _, each in ipairs(definition.metrics) do
    if each.name == name then definition.stop_rises = each.rises end
  end
  definition.stop_patience = integer("nn.train: early_stop", "patience", chosen.patience, 1)
  definition.stop_min_delta = number("nn.train: early_stop", "min_delta", chosen.min_delta, 0)
end

local function positive(key, value, default)
  if value == nil then return default end
  return integer("nn.train", key, value, 1)
end

-- Stands for each of the values in turn: the program trains a copy of the model for every one.
local taken_keys = {event = true, step = true, epoch = true, loss = true, seconds = true, samples_per_second = true, reason = true,
                    partial = true, file = true}
nn.sweep = core.export(function(name, values)
  core.name(name, "nn.sweep")
  if taken_keys[name] or name:find "^train_" or name:find "^validation_" or name:find "^test_" then
    fail("nn.sweep: " .. core.quoted(name) .. " is a key of the log already; the values are logged under another name")
  end
  if core.sweep then
    fail("nn.sweep: the model sweeps " .. core.quoted(core.sweep.name) .. " already; one sweep is possible\n" ..
         "a second value may be an nn.option: one program for each --set")
  end
  if not core.is_plain(values) or #values == 0 then
    fail("nn.sweep: a list of numbers belongs second, as {0.1, 0.01}, not " .. (core.is_plain(values) and "an empty one" or core.a(values)))
  end
  local list = {}
  for i = 1, #values do list[i] = number("nn.sweep", "value " .. i, values[i]) end
  core.sweep = {name = name, values = list, place = core.place()}
  return core.value "swept"
end)

-- The sweep as the program has it: name, values, and whether the rate is swept; nil: none.
local function sweep_for(optimizer)
  local sweep = core.sweep
  if not sweep then return nil end
  if sweep.name == "lr" and not optimizer.sweeps_rate then
    fail('nn.sweep: "lr" is the rate in the log; another name is needed for what is not the optimizer\'s lr', sweep.place)
  end
  sweep.is_rate = optimizer.sweeps_rate
  return sweep
end

nn.train = core.export(function(given)
  local chosen = core.options("nn.train", given, {
    loss = any, metrics = any, outputs = any, optimizer = any, schedule = any, data = any, batch = any, epochs = any, steps = any,
    seed = 0, precision = any, clip_norm = 0, clip_value = 0, drop_last = false, early_stop = any, validate_every = 1,
  })
  core.name_locals()
  if chosen.loss == nil then fail "nn.train: loss is missing: what to minimise" end
  local source = core.bind("nn.train", chosen.data)
  if chosen.optimizer == nil then fail "nn.train: optimizer is missing, as nn.sgd {lr = 0.1}" end
  local optimizer = core.optimizer_of(chosen.optimizer)
  if not optimizer then
    fail("nn.train: optimizer is one of nn's, as nn.sgd {lr = 0.1}, or nn.optimizer(…), not " .. core.a(chosen.optimizer))
  end

  if source and chosen.batch == nil then
    fail 'nn.train: batch is missing: how many rows a step sees, a number or "all"'
  end
  if chosen.batch == "all" and not source then fail 'nn.train: batch = "all" needs data' end
  if type(chosen.batch) == "string" and chosen.batch ~= "all" then
    fail('nn.train: batch is a number or "all", not ' .. core.quoted(chosen.batch))
  end
  local batch = chosen.batch ~= "all" and chosen.batch ~= nil and integer("nn.train", "batch", chosen.batch, 1, 2^31 - 1) or 1
  if chosen.epochs == nil and chosen.steps == nil then
    fail "nn.train: how long to train is missing: epochs or steps"
  end
  if chosen.epochs ~= nil and chosen.steps ~= nil then
    fail "nn.train: epochs and steps are both given; one of them says how long to train"
  end
  if chosen.epochs ~= nil and not source then
    fail "nn.train: an epoch is one pass over the data, and there are none\nsteps = N says how long to train"
  end

  local losses = losses_of(chosen.loss)
  local metrics = metrics_of(chosen.metrics, losses)
  local definition = {
    kind = "train", place = core.place(), losses = losses, metrics = metrics,
    outputs = tensors_of("nn.train: outputs", chosen.outputs or {}),
    optimizer = optimizer, sweep = sweep_for(optimizer), source = source, schedule = core.schedule_for(chosen.schedule, source, optimizer),
    batch = batch, batch_all = chosen.batch == "all",
    epochs = positive("epochs", chosen.epochs, 0), steps = positive("steps", chosen.steps, 0),
    seed = integer("nn.train", "seed", chosen.seed, 0), precision = precision_of("nn.train", chosen.precision),
    clip_norm = number("nn.train", "clip_norm", chosen.clip_norm, 0),
    clip_value = number("nn.train", "clip_value", chosen.clip_value, 0),
    drop_last = chosen.drop_last, validate_every = positive("validate_every", chosen.validate_every),
  }
  early_stop_of(chosen.early_stop, definition, source)
  return new_definition(definition)
end)

nn.show = core.export(function(given, settings)
  local chosen = core.options("nn.show", settings, {data = any, precision = any, seed = 0})
  core.name_locals()
  local outputs = tensors_of("nn.show", given)
  if core.sweep then fail "nn.show: nn.sweep trains a copy of the model for each value; nothing is trained here" end
  if #outputs == 0 then fail "nn.show: nothing to show: name expressions, as {y = f(x)}" end
  local source = core.bind("nn.show", chosen.data)
  return new_definition {
    kind = "show", place = core.place(), losses = {}, metrics = {}, outputs = outputs, source = source,
    batch = 1, batch_all = source ~= nil, epochs = 0, steps = 0, validate_every = 1, drop_last = false,
    seed = integer("nn.show", "seed", chosen.seed, 0), precision = precision_of("nn.show", chosen.precision),
    clip_norm = 0, clip_value = 0,
  }
end)

core.document("training", {
  {"nn.train {…}", "What to minimise, by which optimizer, on which data, for how long.",
   call = function() return nn.train {loss = nn.parameter("trained", {}, 0), optimizer = nn.sgd(), steps = 1} end},
  {"nn.sweep(name, {…})", "A number: the program trains one copy of the model for each value, side by side on the same batches, " ..
   "and logs the value under `name`. It may be an optimizer's lr, or stand in any expression."},
  {"nn.show({name = expression}, {…})", "Prints values; no training.", call = function() return nn.show {y = nn.parameter("shown", {}, 0)} end},
})
