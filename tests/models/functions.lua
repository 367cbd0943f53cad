-- Every function of one tensor that the language has, in one sum.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x, target = nn.input("x", {4}), nn.input("target", {4})
local w, b = nn.parameter("w", {4}, grid(1, 4, 7, 13)[1]), nn.parameter("b", {4}, grid(1, 4, 3, 11)[1])
local z = x * w + b
local p = z:square() + 0.5                             -- positive
local sum = z:exp() + p:log() + p:sqrt() + p:rsqrt() + z:abs() + z:sign() + z:sin() + z:cos() + (z * 0.5):tan() + z:atan() + z:tanh()
  + z:erf() + p:pow(1.5) + p ^ z + 2 ^ z + p:reciprocal() + (z * 3):floor() + z:clamp(-0.5, 0.7) + nn.maximum(z, x)
  + nn.minimum(z, 0.25) + z:relu() + z:leaky_relu() + z:elu() + z:selu() + z:gelu() + z:silu() + z:mish() + z:softplus()
  + z:softsign() + z:sigmoid() + (2 * z):hardtanh() + z:hardsigmoid() + z:softmax() + z:log_softmax() - (-z) / p
  + z:gt(0) + z:ge(0) * x + z:lt(b) + z:le(0.5) + z:eq(z) + z:ne(x)
return nn.train {
  loss = nn.mse(sum * 0.05, target),
  optimizer = nn.sgd {lr = 0.05},
  data = nn.data.table {train = {x = grid(11, 4, 17, 29), target = grid(11, 4, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
