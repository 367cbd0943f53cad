-- initialisers.lua: nn.init. An initialiser is a function of (shape, name) that gives what core.parameter takes: the kind of
-- numbers and its two arguments. Formulas and defaults are PyTorch's torch.nn.init (Glorot and Bengio 2010, He et al. 2015).
local core = ...
local nn = core.nn
local fail, type = core.fail, type

local init = {}
local new_initialiser, draw_of = core.objects("initialiser", {})
local new_maker, make_of
new_maker, make_of = core.objects("initialiser", {__call = core.export(function(maker, ...)
  return new_initialiser(make_of(maker)(...))
end)})

-- `make(…)` judges the arguments and gives the function; bare nn.init.zeros is the same as nn.init.zeros().
local function define(name, make) init[name] = new_maker(make) end

local function constant(value) return {kind = "constant", a = value} end

define("zeros", function() return function() return constant(0) end end)
define("ones", function() return function() return constant(1) end end)
define("constant", function(value)
  core.number("nn.init.constant", "the value", value)
  return function() return constant(value) end
end)
define("uniform", function(a, b)
  a, b = core.number("nn.init.uniform", "the lower bound", a or 0), core.number("nn.init.uniform", "the upper bound", b or 1)
  if a > b then fail("nn.init.uniform: the lower bound " .. a .. " is above the upper, " .. b) end
  return function() return {kind = "uniform", a = a, b = b} end
end)
define("normal", function(mean, std)
  mean = core.number("nn.init.normal", "the mean", mean or 0)
  std = core.number("nn.init.normal", "the standard deviation", std or 1, 0)
  return function() return {kind = "normal", a = mean, b = std} end
end)

-- Elements of the weight that reach one output, and that one input reaches: (out, in, kernel …).
local function fans(what, shape, name)
  if #shape < 2 then
    fail("nn.init." .. what .. ": " .. core.quoted(name) .. " has the shape (" .. table.concat(shape, ", ") ..
         "); inputs and outputs are counted for weights of two axes or more")
  end
  local kernel = 1
  for axis = 3, #shape do kernel = kernel * shape[axis] end
  return shape[2] * kernel, shape[1] * kernel
end

local function define_scaled(name, defaults, spread)
  for _, kind in ipairs {"uniform", "normal"} do
    local what = name .. "_" .. kind
    define(what, function(options)
      local chosen = core.options("nn.init." .. what, options, defaults)
      if chosen.mode and chosen.mode ~= "fan_in" and chosen.mode ~= "fan_out" then
        fail("nn.init." .. what .. ': mode is "fan_in" or "fan_out", not ' .. core.quoted(chosen.mode))
      end
      return function(shape, parameter)
        local std = spread(chosen, fans(what, shape, parameter))
        if kind == "normal" then return {kind = "normal", a = 0, b = std} end
        return {kind = "uniform", a = -math.sqrt(3) * std, b = math.sqrt(3) * std}
      end
    end)
  end
end

define_scaled("xavier", {gain = 1}, function(chosen, fan_in, fan_out)
  return chosen.gain * math.sqrt(2 / (fan_in + fan_out))
end)
define_scaled("kaiming", {a = 0, mode = "fan_in"}, function(chosen, fan_in, fan_out)
  return math.sqrt(2 / (1 + chosen.a ^ 2)) / math.sqrt(chosen.mode == "fan_in" and fan_in or fan_out)
end)

nn.init = core.closed("nn.init", init)

-- `initialiser`, but 0 for the elements from `from` up to `to`, counted in row-major order from 0
function core.with_zeros(initialiser, from, to)
  return new_initialiser(function(shape, parameter)
    local start = draw_of(initialiser)(shape, parameter)
    start.zero_from, start.zero_to = from, to
    return start
  end)
end

-- What the user gave as a start (an initialiser, a number, a nested table) as core.parameter takes it.
function core.start(given, shape, name)
  local draw = draw_of(given) or make_of(given) and make_of(given)()
  if draw then return draw(shape, name) end
  if type(given) == "number" then return constant(core.number("the initial value of " .. core.quoted(name), "a number", given)) end
  if core.is_plain(given) then return {kind = "table", values = given} end
  fail("the initial value of " .. core.quoted(name) .. " is an initialiser as nn.init.zeros(), a number or a nested table, not " ..
       core.a(given))
end

core.document("initialisers", {
  {"nn.init.zeros()", torch = "init.zeros_", formula = "0"},
  {"nn.init.ones()", torch = "init.ones_", formula = "1"},
  {"nn.init.constant(v)", torch = "init.constant_", formula = "v"},
  {"nn.init.uniform(a, b)", "From 0 to 1 unless given.", torch = "init.uniform_", formula = "uniform in [a, b)"},
  {"nn.init.normal(mean, std)", "0 and 1 unless given.", torch = "init.normal_", formula = "normal, of standard deviation std"},
  {"nn.init.xavier_uniform {…}", torch = "init.xavier_uniform_", call = function() return nn.init.xavier_uniform() end,
   formula = "uniform in ± gain sqrt(6 / (fan_in + fan_out))"},
  {"nn.init.xavier_normal {…}", torch = "init.xavier_normal_", call = function() return nn.init.xavier_normal() end,
   formula = "normal, std = gain sqrt(2 / (fan_in + fan_out))"},
  {"nn.init.kaiming_uniform {…}", torch = "init.kaiming_uniform_", call = function() return nn.init.kaiming_uniform() end,
   formula = "uniform in ± sqrt(6 / ((1 + a^2) fan))"},
  {"nn.init.kaiming_normal {…}", torch = "init.kaiming_normal_", call = function() return nn.init.kaiming_normal() end,
   formula = "normal, std = sqrt(2 / ((1 + a^2) fan))"},
})
