-- functions.lua: one tensor in, one of the same shape out. Definitions, defaults and derivatives at kinks are PyTorch's.
local core = ...
local nn, op = core.nn, core.op
local define, define_named, fail = core.define, core.define_named, core.fail

-- operations as they stand
for _, name in ipairs {"exp", "log", "sqrt", "abs", "sign", "sin", "cos", "tan", "atan", "tanh", "erf", "square", "reciprocal",
                       "floor", "relu", "sigmoid", "softplus"} do
  local operation = op[name]
  define_named(name, function(x) return operation(x) end)
end

define_named("rsqrt", function(x) return op.reciprocal(op.sqrt(x)) end)

-- ---- bounds: at a bound itself the gradient is 0, between bounds that are tensors half to each ------------------------------

local function hard_clamp(x, low, high)
  if high ~= nil then x = op.select(op.greater_equal(x, high), high, x) end
  if low ~= nil then x = op.select(op.less_equal(x, low), low, x) end
  return x
end

define("clamp", function(x, low, high)
  if low == nil and high == nil then fail "clamp: a lower or an upper bound belongs after the tensor" end
  for _, bound in pairs {low, high} do
    if type(bound) ~= "number" and not core.is_tensor(bound) then
      fail("clamp: a bound is a number or a tensor, not " .. core.a(bound))
    end
  end
  if not core.is_tensor(low) and not core.is_tensor(high) then return hard_clamp(x, low, high) end
  if low ~= nil then x = op.maximum(x, low) end
  if high ~= nil then x = op.minimum(x, high) end
  return x
end)

define_named("hardtanh", function(x, low, high)
  low, high = core.number("hardtanh", "the lower bound", low or -1), core.number("hardtanh", "the upper bound", high or 1)
  if low >= high then fail("hardtanh: the lower bound " .. low .. " is not below the upper, " .. high) end
  return hard_clamp(x, low, high)
end)

-- min(max(x + 3, 0), 6) / 6
define_named("hardsigmoid", function(x) return hard_clamp(x + 3, 0, 6) / 6 end)

-- ---- relatives of relu -----------------------------------------------------------------------------------------------

define_named("leaky_relu", function(x, slope)
  return op.select(op.greater(x, 0), x, core.number("leaky_relu", "the slope", slope or 0.01) * x)
end)

-- alpha (exp(x) - 1) below 0; exp is never taken of what would overflow
local function elu(x, alpha)
  return op.select(op.greater(x, 0), x, alpha * (op.exp(op.select(op.greater(x, 0), 0, x)) - 1))
end
define_named("elu", function(x, alpha) return elu(x, core.number("elu", "alpha", alpha or 1)) end)

-- Klambauer et al. 2017, with the constants that keep mean 0 and variance 1
define_named("selu", function(x) return 1.0507009873554804934193349852946 * elu(x, 1.6732632423543772848170429916717) end)

-- x Phi(x), Phi the normal distribution; or its approximation by tanh (Hendrycks and Gimpel 2016)
define_named("gelu", function(x, options)
  local approximate = core.options("gelu", options, {approximate = "none"}).approximate
  if approximate == "none" then return 0.5 * x * (1 + op.erf(x * math.sqrt(0.5))) end
  if approximate ~= "tanh" then fail('gelu: approximate is "none" or "tanh", not ' .. core.quoted(approximate)) end
  return 0.5 * x * (1 + op.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * op.square(x) * x)))
end)

define_named("silu", function(x) return x * op.sigmoid(x) end)
define_named("mish", function(x) return x * op.tanh(op.softplus(x)) end)
define_named("softsign", function(x) return x / (1 + op.abs(x)) end)

-- ---- softmax ---------------------------------------------------------------------------------------------------------

-- x less its largest along the axis, which changes no difference and keeps exp from overflowing; the axis, as a set; the sizes
-- with 1 there; the largest
local function shifted(what, x, axis)
  core.need_tensor(what, x)
  local number, sizes = core.axis_number(what, x, axis or -1)
  sizes[number] = 1
  local largest = op.detach(core.max(x, 1 << number))
  return x - core.reshape(largest, sizes), 1 << number, sizes, largest
end
core.shifted = shifted

define_named("softmax", function(x, axis)
  core.need_tensor("softmax", x)
  local before = core.layer_of("softmax", x)
  local s, set, sizes = shifted("softmax", x, axis)
  local e = op.exp(s)
  local y = e / core.reshape(core.named(core.sum(e, set), "total"), sizes)
  core.layer(before)
  return y
end)

local function log_softmax(x, axis)
  core.need_tensor("log_softmax", x)
  local before = core.layer_of("log_softmax", x)
  local s, set, sizes = shifted("log_softmax", x, axis)
  local log_total = core.named(op.log(core.named(core.sum(op.exp(s), set), "total")), "log_total")
  local y = s - core.reshape(log_total, sizes)
  core.layer(before)
  return y
end
core.log_softmax = log_softmax
define_named("log_softmax", log_softmax)

-- ---- the reference ---------------------------------------------------------------------------------------------------

local function documented(name, torch, text, on, call)
  return {call or "nn." .. name .. "(x)", text, torch = torch, on = on, example = function(x) return nn[name](x) end}
end
core.document("functions", {
  documented("exp", "torch.exp"), documented("log", "torch.log"), documented("sqrt", "torch.sqrt"), documented("rsqrt", "torch.rsqrt"),
  documented("square", "torch.square"), documented("reciprocal", "torch.reciprocal"), documented("abs", "torch.abs", "The derivative at 0 is 0."),
  documented("sign", "torch.sign"), documented("floor", "torch.floor"), documented("sin", "torch.sin"), documented("cos", "torch.cos"),
  documented("tan", "torch.tan"), documented("atan", "torch.atan"), documented("tanh", "torch.tanh"), documented("erf", "torch.erf"),
  {"nn.clamp(x, low, high)", "Either bound may be missing (nil). At a bound that is a number the derivative is 0.", torch = "torch.clamp",
   example = function(x) return nn.clamp(x, -1, 1) end},
  documented("relu", "F.relu", "The derivative at 0 is 0."),
  documented("leaky_relu", "F.leaky_relu", "The slope is 0.01 unless given.", nil, "nn.leaky_relu(x, slope)"),
  documented("elu", "F.elu", "alpha is 1 unless given.", nil, "nn.elu(x, alpha)"), documented("selu", "F.selu"),
  documented("gelu", "F.gelu", '`approximate = "tanh"` is the approximation by tanh.'), documented("silu", "F.silu"), documented("mish", "F.mish"),
  documented("softplus", "F.softplus"), documented("softsign", "F.softsign"), documented("sigmoid", "torch.sigmoid"),
  documented("hardtanh", "F.hardtanh", "Bounds are -1 and 1 unless given.", nil, "nn.hardtanh(x, low, high)"), documented("hardsigmoid", "F.hardsigmoid"),
  documented("softmax", "F.softmax", "Along the last axis unless one is given.", {3}, "nn.softmax(x, axis)"),
  documented("log_softmax", "F.log_softmax", "Along the last axis unless one is given.", {3}, "nn.log_softmax(x, axis)"),
})
