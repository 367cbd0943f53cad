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

-- Each cell: gates, the states it carries, and step(state, from x, previous states, hidden product) → the next states.
local cells = {}

-- h' = tanh(W_ih x + b_ih + W_hh h + b_hh)
cells.rnn = {gates = 1, states = 1, step = function(state, x, product, h)
  return nn[state.nonlinearity](x + product(h))
end}

-- i, f, g, o;  c' = f c + i g,  h' = o tanh(c')
cells.lstm = {gates = 4, states = 2, step = function(state, x, product, h, c)
  local i, f, g, o = split(x + product(h), 4, state.hidden)
  local next_c = nn.sigmoid(f) * c + nn.sigmoid(i) * nn.tanh(g)
  return nn.sigmoid(o) * nn.tanh(next_c), next_c
end}

-- r, z, n;  n = tanh(W_in x + b_in + r (W_hn h + b_hn)),  h' = (1 - z) n + z h
cells.gru = {gates = 3, states = 1, step = function(state, x, product, h)
  local x_r, x_z, x_n = split(x, 3, state.hidden)
  local h_r, h_z, h_n = split(product(h), 3, state.hidden)
  local z = nn.sigmoid(x_z + h_z)
  local n = nn.tanh(x_n + nn.sigmoid(x_r + h_r) * h_n)
  return n + z * (h - n)
end}

-- One layer in one direction: all states, each (time, hidden).
local function run(state, cell, x, suffix, backward)
  local function parameter(field) return layers.parameter(state, field .. suffix) end
  local bias = state.options.bias
  local projected = affine(x, parameter "weight_ih", bias and parameter "bias_ih")
  local steps, previous = core.sizes(x)[1], {}
  for i = 1, cell.states do previous[i] = core.previous(core.zeros({state.hidden}, x), steps, backward) end
  local weight, bias_hh = parameter "weight_hh", bias and parameter "bias_hh"
  local next_states = {cell.step(state, projected, function(h) return affine(h, weight, bias_hh) end, table.unpack(previous))}
  for i = 1, cell.states do next_states[i] = core.scan(previous[i], next_states[i]) end
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
  for i = 1, cell.states do last[i] = {} end
  for layer = 0, state.layers - 1 do
    local outputs = {}
    for direction = 1, state.options.bidirectional and 2 or 1 do
      local backward = direction == 2
      local states = run(state, cell, x, "_l" .. layer .. (backward and "_reverse" or ""), backward)
      outputs[direction] = states[1]
      for i = 1, cell.states do last[i][#last[i] + 1] = last_time(states[i], backward) end
    end
    x = outputs[2] and nn.concat(outputs, 2) or outputs[1]
    if layer < state.layers - 1 then x = state.between(x) end
  end
  for i = 1, cell.states do last[i] = #last[i] == 1 and last[i][1] or nn.stack(last[i], 1) end
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
