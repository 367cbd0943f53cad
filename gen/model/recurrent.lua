-- recurrent.lua: rnn, lstm and gru, with PyTorch's parameters, order of gates and defaults.
--
-- A cell is an expression of the state one time earlier (core.previous) which becomes the state (core.scan); both hold all times
-- at once, (time, hidden), so the cell is written as if there were no loop. What does not depend on the state, x W_ih' + b_ih, is
-- one product over all times and stays outside of it.
local core = ...
local nn, layers = core.nn, core.layers
local fail, integer, ipairs, type = core.fail, core.integer, ipairs, type

-- x weight' + bias along the last axis of (time, …)
local function affine(x, weight, bias)
  local b = core.per_row(x) and "b" or ""
  local y = core.contract(x, weight, b .. "ti,ji->" .. b .. "tj")
  return bias and y + bias or y
end

-- The gates of (time, count · hidden), one tensor each.
local function split(x, count, hidden)
  local parts = {}
  for gate = 1, count do parts[gate] = x:slice(2, (gate - 1) * hidden + 1, gate * hidden) end
  return table.unpack(parts)
end

local function named(name, x)
  core.set_name(x, name)
  return x
end

-- Each cell: how many gates, the states it carries, and step(layer, what comes from x, product with W_hh, previous states) → the
-- next states.
local cells = {}

-- h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
cells.rnn = {gates = 1, states = {"h"}, step = function(state, x, product, h)
  return nn[state.nonlinearity](x + product(h))
end}

-- i, f, g, o;  c' = f c + i g,  h' = o tanh(c')
cells.lstm = {gates = 4, states = {"h", "c"}, step = function(state, x, product, h, c)
  local i, f, g, o = split(named("gates", x + product(h)), 4, state.hidden)
  i, f = named("input_gate", nn.sigmoid(i)), named("forget_gate", nn.sigmoid(f))
  g, o = named("cell_gate", nn.tanh(g)), named("output_gate", nn.sigmoid(o))
  local next_c = named("next_c", f * c + i * g)
  return o * named("tanh_c", nn.tanh(next_c)), next_c
end}

-- r, z, n;  n = tanh(W_in x + b_in + r (W_hn h + b_hn)),  h' = (1 - z) n + z h
cells.gru = {gates = 3, states = {"h"}, step = function(state, x, product, h)
  local x_r, x_z, x_n = split(x, 3, state.hidden)
  local h_r, h_z, h_n = split(product(h), 3, state.hidden)
  local r, z = named("reset_gate", nn.sigmoid(x_r + h_r)), named("update_gate", nn.sigmoid(x_z + h_z))
  local n = named("new_gate", nn.tanh(x_n + r * h_n))
  return n + z * (h - n)
end}

-- One layer in one direction: all states, each (time, hidden).
local function run(state, cell, x, suffix, backward)
  local function parameter(field) return layers.parameter(state, field .. suffix) end
  local bias = state.options.bias
  local projected = affine(x, parameter "weight_ih", bias and parameter "bias_ih")
  local steps, previous = core.sizes(x)[1], {}
  for i = 1, #cell.states do
    previous[i] = core.previous(core.zeros({state.hidden}, x), steps, backward)
    core.set_name(previous[i], "previous_" .. cell.states[i])
  end
  local weight, bias_hh = parameter "weight_hh", bias and parameter "bias_hh"
  local next_states = {cell.step(state, projected, function(h) return affine(h, weight, bias_hh) end, table.unpack(previous))}
  for i = 1, #cell.states do
    next_states[i] = core.scan(previous[i], next_states[i])
    core.set_name(next_states[i], cell.states[i])
  end
  return next_states
end

local function last_time(x, backward)
  local sizes = core.sizes(x)
  local at = backward and 1 or sizes[1]
  return core.reshape(x:slice(1, at, at), {sizes[2]})
end

local function apply(state, x)
  local what, cell, sizes = "nn." .. state.kind, cells[state.kind], core.sizes(x)
  if core.kind(x) ~= "float" then
    fail(what .. ": it takes floats; nn.embedding or nn.one_hot makes them from classes" .. core.seen("tensor", x))
  end
  if #sizes ~= 2 or sizes[2] ~= state.inputs then
    fail(what .. ": " .. layers.name(state) .. " takes (time, " .. state.inputs .. "), this tensor has the shape " .. core.shape(x) ..
         core.seen("tensor", x))
  end
  local last = {}
  for i = 1, #cell.states do last[i] = {} end
  for layer = 0, state.layers - 1 do
    local outputs = {}
    for direction = 1, state.options.bidirectional and 2 or 1 do
      local backward = direction == 2
      local states = run(state, cell, x, "_l" .. layer .. (backward and "_reverse" or ""), backward)
      outputs[direction] = states[1]
      for i = 1, #cell.states do last[i][#last[i] + 1] = last_time(states[i], backward) end
    end
    x = outputs[2] and nn.concat(outputs, 2) or outputs[1]
    if layer < state.layers - 1 then x = state.between(x) end
  end
  for i = 1, #cell.states do last[i] = #last[i] == 1 and last[i][1] or nn.stack(last[i], 1) end
  return x, table.unpack(last)
end

local function recurrent(kind)
  local what = "nn." .. kind
  return core.export(function(inputs, hidden, given)
    inputs = integer(what, "the number of inputs", inputs, 1)
    hidden = integer(what, "the number of hidden units", hidden, 1)
    local own = {layers = 1, bidirectional = false, bias = true, dropout = 0}
    if kind == "rnn" then own.nonlinearity = "tanh" end
    local o = layers.options(what, given, own)
    local count = integer(what, "layers", o.layers, 1)
    for _, key in ipairs {"bidirectional", "bias"} do
      if type(o[key]) ~= "boolean" then fail(what .. ": " .. key .. " is true or false, not " .. core.a(o[key])) end
    end
    if kind == "rnn" and o.nonlinearity ~= "tanh" and o.nonlinearity ~= "relu" then
      fail(what .. ': nonlinearity is "tanh" or "relu", not ' .. core.a(o.nonlinearity))
    end
    local fields, rows, bound = {}, cells[kind].gates * hidden, 1 / math.sqrt(hidden)
    local default = nn.init.uniform(-bound, bound)
    local function field(name, shape, of)
      fields[#fields + 1] = {field = name, shape = shape, start = layers.start(what, o.init, of, default)}
    end
    for layer = 0, count - 1 do
      for _, suffix in ipairs(o.bidirectional and {"", "_reverse"} or {""}) do
        local width = layer == 0 and inputs or hidden * (o.bidirectional and 2 or 1)
        suffix = "_l" .. layer .. suffix
        field("weight_ih" .. suffix, {rows, width}, "weight")
        field("weight_hh" .. suffix, {rows, hidden}, "weight")
        if o.bias then
          field("bias_ih" .. suffix, {rows}, "bias")
          field("bias_hh" .. suffix, {rows}, "bias")
        end
      end
    end
    return layers.new(kind, o, {inputs = inputs, hidden = hidden, layers = count, nonlinearity = o.nonlinearity, fields = fields,
                                between = nn.dropout(o.dropout), apply = apply})
  end)
end

nn.rnn, nn.lstm, nn.gru = recurrent "rnn", recurrent "lstm", recurrent "gru"

local shape = "(time, in) → (time, hidden · directions), and the last state"
local gradient = "a recurrence over the same times in the other direction: ∂h[t] = ∂y[t] + what comes back from t + 1;\n" ..
  "∂weight_ih, ∂weight_hh, ∂bias: one sum over all rows and times"
core.document("layers", {
  {"nn.rnn(in, hidden)", "nonlinearity is tanh or relu; `dropout` acts between layers.", torch = "nn.RNN", shape = shape,
   call = function() return nn.rnn(1, 1) end,
   formula = "h[t] = tanh(weight_ih x[t] + bias_ih + weight_hh h[t-1] + bias_hh), h before the first time is 0", gradient = gradient},
  {"nn.lstm(in, hidden)", "The last state is two results, h and c.", torch = "nn.LSTM", shape = shape,
   call = function() return nn.lstm(1, 1) end,
   formula = "i, f, g, o: four parts of weight_ih x[t] + bias_ih + weight_hh h[t-1] + bias_hh\n" ..
     "c[t] = σ(f) c[t-1] + σ(i) tanh(g), h[t] = σ(o) tanh(c[t])", gradient = gradient},
  {"nn.gru(in, hidden)", torch = "nn.GRU", shape = shape, call = function() return nn.gru(1, 1) end,
   formula = "x_r, x_z, x_n and h_r, h_z, h_n: three parts of weight_ih x[t] + bias_ih and of weight_hh h[t-1] + bias_hh\n" ..
     "r = σ(x_r + h_r), z = σ(x_z + h_z), n = tanh(x_n + r h_n), h[t] = (1 - z) n + z h[t-1]", gradient = gradient},
})
