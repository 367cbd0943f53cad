-- An autoencoder that decodes with the transpose of its encoder: one weight, two gradients to add.
local nn = require "nn"
local function grid(rows, columns, a, b)
  local t = {}
  for i = 1, rows do t[i] = {} for j = 1, columns do t[i][j] = (i * i * a + j * b + i * j * 5) % 61 / 30 - 1 end end
  return t
end

local x = nn.input("x", {6})
local w = nn.parameter("w", {6, 3}, grid(6, 3, 7, 13))
local bias = nn.parameter("bias", {6}, 0)
local code = x:matmul(w):tanh()

return nn.train {
  loss = nn.mse(code:matmul(w:transpose(1, 2)) + bias, x),
  outputs = {code = code},
  optimizer = nn.sgd {lr = 0.05, momentum = 0.9},
  data = nn.data.table {train = {x = grid(11, 6, 17, 29)}}, batch = 4, steps = 30, precision = "f64",
}
