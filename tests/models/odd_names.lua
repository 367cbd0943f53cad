-- Names that C cannot have, that C has already, and that look alike once made fit.
local nn = require "nn"
local function numbers(count, a)
  local t = {}
  for j = 1, count do t[j] = (j * j * a + j * 5) % 61 / 30 - 1 end
  return t
end
local names = {
  "a.b", "a_b", "a-b", "a b", "int", "main", "float", "exp", "rows", "lr", "m", "b", "state", "step", "loss", "7", "_", "__x",
  "größe", "重み", "*/", "/*", "??/", "x\\", "\"quoted\"", "%s%n", "nn_start", "NULL", "restrict", "linux", "I", "errno", "y0",
  "BATCH", "double", "d_x", "train_step", "M_PI", "stdin", string.rep("long", 50),
}
local x, target = nn.input("double x", {4}), nn.input("for", {4})
local y = x
for k, name in ipairs(names) do
  y = k % 2 == 0 and y + nn.parameter(name, {4}, numbers(4, k)) or y * (nn.parameter(name, {4}, numbers(4, k)) * 0.1 + 1)
end
local data = {["double x"] = {}, ["for"] = {}}
for i = 1, 11 do
  data["double x"][i], data["for"][i] = numbers(4, i + 3), numbers(4, 2 * i)
end
return nn.train {
  loss = nn.mse(y, target), metrics = {["a.b"] = y:mean(), ["printf(\"%d\")"] = y:max()},
  outputs = {["while"] = y, ["*/"] = y:sum(1)},
  optimizer = nn.sgd {lr = 0.001, momentum = 0.9},
  data = nn.data.table {train = data}, batch = 4, steps = 30, precision = "f64",
}
