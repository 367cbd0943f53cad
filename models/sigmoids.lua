-- The sigmoid family side by side, each written as one expression, with its derivative as nngen finds it.
-- --dump=math prints them as formulas; the program prints each as a curve over x = -4, -3.75 ... 4: all are odd around x = 0 and
-- flat far away, but the logistic and tanh saturate exponentially, erf faster still, the others only like 1/x or 1/x^2.
local nn = require "nn"

local x = nn.input("x", {})

local family = {
  logistic  = function(x) return 1 / (1 + nn.exp(-x)) end,
  tanh      = function(x) return (nn.exp(x) - nn.exp(-x)) / (nn.exp(x) + nn.exp(-x)) end,
  arctan    = function(x) return nn.atan(x) end,
  erf       = function(x) return nn.erf(x) end,
  softsign  = function(x) return x / (1 + nn.abs(x)) end,
  algebraic = function(x) return x / nn.sqrt(1 + x ^ 2) end,
}

local shown = {x = x}
for name, sigmoid in pairs(family) do
  local y = sigmoid(x)
  shown[name] = y
  shown[name .. "_derivative"] = nn.gradient(y:sum(), x)
end

local grid = {}
for i = 0, 32 do grid[i + 1] = -4 + i / 4 end

return nn.show(shown, {precision = "f64", data = nn.data.table {train = {x = grid}}})
