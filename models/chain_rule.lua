-- The chain rule at work: two functions with a part that occurs twice, and their derivatives as nngen finds them.
-- --dump=math prints the derivatives as formulas, with what they share named once; the program prints the values at x = 0.2.
local nn = require "nn"

local x = nn.parameter("x", {}, 0.2)

local function f(x)
  local u = nn.exp(x) + nn.exp(2 * x)
  return nn.exp(u) + nn.sin(u)
end

local function g(x)
  local u = x ^ 2 + nn.exp(x ^ 2)
  return nn.sqrt(u) + nn.cos(u)
end

local y, z = f(x), g(x)
return nn.show({f = y, df = nn.gradient(y, x), g = z, dg = nn.gradient(z, x)}, {precision = "f64"})
