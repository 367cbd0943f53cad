-- optimizers.lua: update rules. The built-in ones are written as a user's own is: a function of the parameter p, its gradient g
-- and the state s. Arguments and defaults are PyTorch's; slots carry the names of its state.
--
-- core.build_updates, at the end, is called back from C when the gradients are there (updates.c). Names given here (step_size) are
-- those that the emitted program shows.
local core = ...
local nn, op = core.nn, core.op
local fail, is_tensor, pairs, setmetatable, type = core.fail, core.is_tensor, pairs, setmetatable, type
local export, named, options, number = core.export, core.named, core.options, core.number

local new_optimizer
new_optimizer, core.optimizer_of = core.objects("optimizer", {})

-- What the emitted program's header says of the options: a list of {name, number}, sorted; a flag has no number.
local function shown_options(chosen)
  local list = {}
  local function add(name, value)
    if value == true or type(value) == "number" and value ~= 0 then list[#list + 1] = {name = name, value = value ~= true and value or nil} end
  end
  for key, value in pairs(chosen) do
    if key == "betas" then add("beta1", value[1]) add("beta2", value[2]) elseif key ~= "lr" and key ~= "maximize" then add(key, value) end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

-- `arguments`: for the runtime's plain loops, in the order of its function (nngen/optimizer.h); with maximize, which climbs, as for
-- other rules that it does not know, none
local function optimizer(name, chosen, arguments, update)
  local sweeps_rate = core.is_swept(chosen.lr)
  if sweeps_rate then                   -- the program knows the values; the first stands for them
    for _, value in ipairs(core.sweep.values) do number("nn." .. name, "lr", value, 0) end
    chosen.lr = core.sweep.values[1]
  end
  local rule = {name = name, options = chosen, arguments = arguments, update = update, place = core.place(), sweeps_rate = sweeps_rate,
                shown = shown_options(chosen)}
  if name ~= "custom" and chosen.maximize then
    rule.name, rule.arguments = name .. ", maximize", {}
    rule.update = function(p, g, s) return update(p, -g, s) end
  end
  return new_optimizer(rule)
end

nn.optimizer = export(function(update, given)
  if type(update) ~= "function" then
    fail("nn.optimizer: a function of (p, g, s) belongs first, not " .. core.a(update))
  end
  local chosen = {}
  if given ~= nil and type(given) ~= "table" then
    fail("nn.optimizer: options are a table as {lr = 0.1}, not " .. core.a(given))
  end
  for key, value in pairs(given or {}) do
    if type(key) ~= "string" then fail "nn.optimizer: options have names, as {lr = 0.1}" end
    core.name(key, "nn.optimizer: an option")
    if type(value) == "number" then number("nn.optimizer", key, value) end
    chosen[key] = value
  end
  if chosen.lr == nil then chosen.lr = 1e-3 end
  if not core.is_swept(chosen.lr) then number("nn.optimizer", "lr", chosen.lr, 0) end
  return optimizer("custom", chosen, {}, update)
end)

-- ---- the standard ones -----------------------------------------------------------------------------------------------

-- Judges the options: numbers that are no option's default are rates, finite and not negative. What follows gradients may climb.
local function rates(what, given, defaults)
  if defaults.lr then defaults.maximize = false end
  local swept = core.is_plain(given) and core.is_swept(given.lr) and given.lr
  if swept then
    local others = {}
    for key, value in pairs(given) do others[key] = key ~= "lr" and value or nil end
    given = others
  end
  local chosen = options("nn." .. what, given, defaults)
  for key, value in pairs(chosen) do
    if type(value) == "number" then number("nn." .. what, key, value, 0) end
  end
  if chosen.betas then
    if #chosen.betas ~= 2 then fail("nn." .. what .. ": betas are two numbers, as {0.9, 0.999}") end
    for i = 1, 2 do
      if number("nn." .. what, "beta " .. i, chosen.betas[i], 0) >= 1 then
        fail("nn." .. what .. ": betas are below 1, not " .. chosen.betas[i])
      end
    end
  end
  chosen.lr = swept or chosen.lr
  return chosen
end

local function decayed(p, g, weight_decay)
  if weight_decay == 0 then return g end
  return g + weight_decay * p
end

nn.sgd = export(function(given)
  local o = rates("sgd", given, {lr = 1e-3, momentum = 0, dampening = 0, nesterov = false, weight_decay = 0})
  if o.nesterov and (o.momentum == 0 or o.dampening ~= 0) then
    fail "nn.sgd: nesterov needs a momentum and no dampening"
  end
  return optimizer("sgd", o, {o.momentum, o.dampening, o.nesterov and 1 or 0, o.weight_decay}, function(p, g, s)
    local d = decayed(p, g, s.weight_decay)
    if o.momentum == 0 then return p - s.lr * d end
    local velocity = o.momentum * s:slot("momentum_buffer", 0) + (o.dampening == 0 and d or (1 - o.dampening) * d)
    if o.dampening ~= 0 then velocity = op.select(op.equal(s.t, 1), d, velocity) end      -- the first step is not dampened
    s:set("momentum_buffer", velocity)
    return p - s.lr * (o.nesterov and d + o.momentum * velocity or velocity)
  end)
end)

-- Kingma and Ba 2015; decoupled: Loshchilov and Hutter 2019; amsgrad, which never forgets a large square: Reddi, Kale and Kumar 2018
local function adam(name, defaults, decoupled)
  nn[name] = export(function(given)
    local o = rates(name, given, defaults)
    local b1, b2 = o.betas[1], o.betas[2]
    local arguments = o.amsgrad and {} or {b1, b2, o.eps, o.weight_decay, decoupled and 1 or 0}
    return optimizer(o.amsgrad and "amsgrad" or name, o, arguments, function(p, g, s)
      local d = decoupled and g or decayed(p, g, s.weight_decay)
      local m = b1 * s:slot("exp_avg", 0) + (1 - b1) * d
      local v = b2 * s:slot("exp_avg_sq", 0) + (1 - b2) * op.square(d)
      s:set("exp_avg", m)
      s:set("exp_avg_sq", v)
      if o.amsgrad then
        v = op.maximum(s:slot("max_exp_avg_sq", 0), v)
        s:set("max_exp_avg_sq", v)
      end
      if decoupled and s.weight_decay ~= 0 then p = p * (1 - s.lr * s.weight_decay) end
      local step_size = named(s.lr / (1 - b1 ^ s.t), "step_size")
      local correction = named(1 - b2 ^ s.t, "correction")
      return p - step_size * m / (op.sqrt(v / correction) + o.eps)
    end)
  end)
end
adam("adam", {lr = 1e-3, betas = {0.9, 0.999}, eps = 1e-8, weight_decay = 0, amsgrad = false}, false)
adam("adamw", {lr = 1e-3, betas = {0.9, 0.999}, eps = 1e-8, weight_decay = 1e-2, amsgrad = false}, true)

-- Tieleman and Hinton 2012; centered: Graves 2013
nn.rmsprop = export(function(given)
  local o = rates("rmsprop", given, {lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0, centered = false})
  return optimizer("rmsprop", o, {}, function(p, g, s)
    local d = decayed(p, g, s.weight_decay)
    local square = o.alpha * s:slot("square_avg", 0) + (1 - o.alpha) * op.square(d)
    s:set("square_avg", square)
    if o.centered then
      local mean = o.alpha * s:slot("grad_avg", 0) + (1 - o.alpha) * d
      s:set("grad_avg", mean)
      square = square - op.square(mean)
    end
    local step = d / (op.sqrt(square) + o.eps)
    if o.momentum ~= 0 then
      step = o.momentum * s:slot("momentum_buffer", 0) + step
      s:set("momentum_buffer", step)
    end
    return p - s.lr * step
  end)
end)

-- Duchi, Hazan and Singer 2011
nn.adagrad = export(function(given)
  local o = rates("adagrad", given, {lr = 1e-2, lr_decay = 0, weight_decay = 0, initial_accumulator_value = 0, eps = 1e-10})
  return optimizer("adagrad", o, {}, function(p, g, s)
    local d = decayed(p, g, s.weight_decay)
    local sum = s:slot("sum", o.initial_accumulator_value) + op.square(d)
    s:set("sum", sum)
    local rate = o.lr_decay == 0 and s.lr or named(s.lr / (1 + (s.t - 1) * o.lr_decay), "step_size")
    return p - rate * d / (op.sqrt(sum) + o.eps)
  end)
end)

-- Zeiler 2012
nn.adadelta = export(function(given)
  local o = rates("adadelta", given, {lr = 1, rho = 0.9, eps = 1e-6, weight_decay = 0})
  return optimizer("adadelta", o, {}, function(p, g, s)
    local d = decayed(p, g, s.weight_decay)
    local square = o.rho * s:slot("square_avg", 0) + (1 - o.rho) * op.square(d)
    local before = s:slot("acc_delta", 0)
    local step = op.sqrt(before + o.eps) / op.sqrt(square + o.eps) * d
    s:set("square_avg", square)
    s:set("acc_delta", o.rho * before + (1 - o.rho) * op.square(step))
    return p - s.lr * step
  end)
end)

-- Chen et al. 2023, algorithm 2
nn.lion = export(function(given)
  local o = rates("lion", given, {lr = 1e-4, betas = {0.9, 0.99}, weight_decay = 0})
  local b1, b2 = o.betas[1], o.betas[2]
  return optimizer("lion", o, {}, function(p, g, s)
    local m = s:slot("exp_avg", 0)
    local step = op.sign(b1 * m + (1 - b1) * g)
    s:set("exp_avg", b2 * m + (1 - b2) * g)
    if s.weight_decay ~= 0 then step = step + s.weight_decay * p end
    return p - s.lr * step
  end)
end)

-- ---- searches: without gradients, all parameters at once -------------------------------------------------------------

local function search(name, field, build)
  nn[name] = export(function(given)
    local o = rates(name, given, {[field] = core.any})
    number("nn." .. name, field, o[field], 0)
    local made = optimizer(name, {lr = 0, [field] = o[field]}, {o[field]}, nil)
    core.optimizer_of(made).search = function(loss, parameters) return build(o[field], loss, parameters) end
    return made
  end)
end

-- The loss where each parameter p[i] has the value q[i]; `word` names both: w_tried, loss_tried.
local function loss_at(loss, p, q, word)
  for i = 1, #p do core.set_name(q[i], core.get_name(p[i]) .. "_" .. word) end
  return named(core.substitute({loss}, p, q)[1], "loss_" .. word)
end

-- p + scale · normal, kept if the loss is lower
search("random_search", "scale", function(scale, loss, parameters)
  local tried, result = {}, {}
  for i, p in ipairs(parameters) do tried[i] = p + scale * core.normal("random_search." .. core.get_name(p), p) end
  local better = op.less(loss_at(loss, parameters, tried, "tried"), loss)
  for i, p in ipairs(parameters) do result[i] = op.select(better, tried[i], p) end
  return result
end)

-- One coordinate of all a step, in turn: p, p + step and p - step, the best of three; at a tie the coordinate stays.
search("coordinate_search", "step", function(step, loss, parameters)
  local total, first, counts = 0, {}, {}
  for i, p in ipairs(parameters) do
    first[i], counts[i] = total, 1
    for _, size in ipairs(p.shape) do counts[i] = counts[i] * size end
    total = total + counts[i]
  end
  if total > 2^24 then
    fail("nn.coordinate_search: " .. total .. " coordinates are more than a float can count (2^24)")
  end
  local before = core.value("step") - 1
  local turn = named(before - total * op.floor(before / total), "turn")
  local move, up, down, result = {}, {}, {}, {}
  for i, p in ipairs(parameters) do
    local place = op.float(core.reshape(core.index({counts[i]}, 1), p.shape)) + first[i]
    move[i] = step * op.equal(place, turn)
    up[i], down[i] = p + move[i], p - move[i]
  end
  local above, below = loss_at(loss, parameters, up, "up"), loss_at(loss, parameters, down, "down")
  local way = op.select(op.less(above, loss), op.select(op.less(below, above), -1, 1), op.select(op.less(below, loss), -1, 0))
  for i, p in ipairs(parameters) do result[i] = p + way * move[i] end
  return result
end)

-- ---- building the updates --------------------------------------------------------------------------------------------

-- What an update function is given as s.
local state_meta = {}
local new_state, state_of

local state_methods = {
  slot = export(function(s, name, initial)
    local state = state_of(s)
    if not state then fail 's:slot is called with a colon: s:slot("m", 0)' end
    initial = number("s:slot", "the initial value", initial == nil and 0 or initial)
    core.name(name, "s:slot")
    local slot = state.slots[name]
    if not slot then
      slot = {tensor = core.slot(name, state.parameter, initial), initial = initial}
      state.slots[name] = slot
      state.order[#state.order + 1] = name
    elseif slot.initial ~= initial then
      fail("s:slot: " .. core.quoted(name) .. " starts at " .. slot.initial .. " and at " .. initial)
    end
    return slot.tensor
  end),
  set = export(function(s, name, value)
    local state = state_of(s)
    if not state then fail 's:set is called with a colon: s:set("m", value)' end
    if not state.slots[name] then core.unknown("s:set: there is no slot", name, {table.unpack(state.order)}) end
    if state.slots[name].value then fail("s:set: " .. core.quoted(name) .. " is set twice") end
    if type(value) == "number" then value = core.constant(value) end
    core.need_tensor("s:set", value)
    state.slots[name].value = value
  end),
}

state_meta.__index = export(function(s, key)
  if state_methods[key] then return state_methods[key] end
  local state = state_of(s)
  if key == "weight_decay" then state.decay_read = true end
  if state.values[key] ~= nil then return state.values[key] end
  local words = {"slot", "set"}
  for word in pairs(state.values) do words[#words + 1] = word end
  core.unknown("the optimizer's state has no", key, words)
end)
state_meta.__newindex = export(function()
  fail 'the state s is not assigned to: s:slot("m", 0) makes a slot, s:set("m", value) sets it'
end)
new_state, state_of = core.objects("state", state_meta)

-- One parameter by the optimizer's function: the new parameter, then its slots in order of making.
local function update_one(chosen, each, warned)
  local rate = core.value("rate")
  local values = {lr = each.lr == 1 and rate or rate * each.lr, t = core.value("step"), weight_decay = 0}
  for key, value in pairs(chosen.options) do
    if key ~= "lr" then values[key] = value end
  end
  if each.weight_decay then values.weight_decay = each.weight_decay end
  local state = {parameter = each.parameter, slots = {}, order = {}, values = values}
  local new = chosen.update(each.parameter, each.gradient, new_state(state))
  if type(new) == "number" then new = core.constant(new) end
  if not is_tensor(new) then
    fail("nn.optimizer: the function returns the new parameter, a tensor, not " .. core.a(new), chosen.place)
  end
  if each.weight_decay and not state.decay_read and not warned.decay then
    warned.decay = true
    core.warn("nn.optimizer: " .. core.quoted(core.get_name(each.parameter)) ..
              " asks for a weight_decay, which this optimizer does not read (s.weight_decay)", chosen.place)
  end
  local assigns = {{target = each.parameter, value = new}}
  for _, name in ipairs(state.order) do
    local slot = state.slots[name]
    if slot.value then assigns[#assigns + 1] = {target = slot.tensor, value = slot.value} end
  end
  return assigns
end

-- The gradients as the optimizer sees them: first each element within clip_value, then all together within clip_norm.
local function clip(updates, norm, value)
  if value > 0 then
    for _, each in ipairs(updates) do each.gradient = nn.clamp(each.gradient, -value, value) end
  end
  if norm > 0 then
    local total
    for _, each in ipairs(updates) do
      local squares = named(core.sum(op.square(each.gradient), core.all_axes(each.gradient)),
                            "d_" .. core.get_name(each.parameter) .. "_squares")
      total = total and total + squares or squares
    end
    local length = named(op.sqrt(total), "gradient_norm")
    local factor = named(op.minimum(1, norm / (length + 1e-6)), "clip_factor")
    for _, each in ipairs(updates) do each.gradient = each.gradient * factor end
  end
end

-- updates: {{parameter =, gradient =, lr =, weight_decay =} …}; gives for each a list of {target =, value =}.
-- begin(i): the nodes made from now on belong to update i.
function core.build_updates(chosen, updates, loss, norm, value, begin)
  core.at(chosen.place)
  local result = {}
  if chosen.search then
    local parameters = {}
    if norm > 0 or value > 0 then
      core.warn("nn." .. chosen.name .. ": a search follows no gradient: clip_norm and clip_value have no effect", chosen.place)
    end
    for i, each in ipairs(updates) do parameters[i] = each.parameter end
    for i, new in ipairs(chosen.search(loss, parameters)) do result[i] = {{target = parameters[i], value = new}} end
    return result
  end
  clip(updates, norm, value)
  if chosen.name == "custom" then core.at(nil) end        -- its nodes are the user's lines
  local warned = {}
  for i, each in ipairs(updates) do
    begin(i)
    result[i] = update_one(chosen, each, warned)
  end
  return result
end

-- ---- the reference ---------------------------------------------------------------------------------------------------

local function documented(name, torch, formula, text, given)
  return {"nn." .. name .. " {…}", text, torch = torch, formula = formula, call = function() return nn[name](given) end}
end
core.document("optimizers", {
  documented("sgd", "optim.SGD", "d = g + weight_decay p\nm = momentum m + (1 - dampening) d, m = d in the first step\n" ..
    "p = p - lr m;  nesterov: p = p - lr (d + momentum m)", "{maximize = true}, here and in those that follow: -g for g."),
  documented("adam", "optim.Adam", "d = g + weight_decay p\nm = b1 m + (1 - b1) d\nv = b2 v + (1 - b2) d²\n" ..
    "p = p - lr m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps);  amsgrad: the largest v so far for v"),
  documented("adamw", "optim.AdamW", "p = (1 - lr weight_decay) p, then as adam with d = g"),
  documented("rmsprop", "optim.RMSprop", "d = g + weight_decay p\nv = alpha v + (1 - alpha) d²;  centered: a = alpha a + (1 - alpha) d, v - a² for v below\n" ..
    "m = momentum m + d / (sqrt(v) + eps)\np = p - lr m"),
  documented("adagrad", "optim.Adagrad", "d = g + weight_decay p\nv = v + d²\np = p - lr / (1 + (t - 1) lr_decay) d / (sqrt(v) + eps)"),
  documented("adadelta", "optim.Adadelta", "d = g + weight_decay p\nv = rho v + (1 - rho) d²\nu = sqrt(a + eps) / sqrt(v + eps) d\n" ..
    "a = rho a + (1 - rho) u²\np = p - lr u"),
  documented("lion", nil, "u = sign(b1 m + (1 - b1) g)\nm = b2 m + (1 - b2) g\np = p - lr (u + weight_decay p)", "Chen et al. 2023, algorithm 2."),
  documented("random_search", nil, "p' = p + scale · normal;  p = p' where the loss is lower there", "Follows no gradient.", {scale = 1}),
  documented("coordinate_search", nil, "one coordinate a step, in turn: the best of p, p + step, p - step", "Follows no gradient.", {step = 1}),
  {"nn.optimizer(f, {lr = …})", "One's own: f(p, g, s) returns the new p; `s:slot(name, initial)` is a state tensor of p's shape, " ..
   "`s:set(name, value)` sets it, `s.lr` and `s.t` are scalars.", formula = "p = f(p, g, s)"},
})
