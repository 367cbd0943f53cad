-- Layer, rms and group norm, and an embedding before them.
local nn = require "nn"
local function nested(shape, a, b)      -- numbers in [-1, 1], the same as in models.py
  local at = 0
  local function level(depth)
    if depth > #shape then
      at = at + 1
      return (at * at * a + at * b) % 61 / 30 - 1
    end
    local t = {}
    for i = 1, shape[depth] do t[i] = level(depth + 1) end
    return t
  end
  return level(1)
end

local words, image = nn.class("words", 7, {5}), nn.input("image", {4, 3, 2})
local h = nn.embedding(7, 4, {name = "words", init = nested({7, 4}, 7, 13)})(words)                                           -- (5, 4)
local a = nn.layer_norm(4, {name = "a", init = {weight = nested({4}, 3, 5), bias = nested({4}, 2, 7)}})(h)
local b = nn.layer_norm({5, 4}, {name = "b", bias = false, eps = 1e-3})(h)
local c = nn.rms_norm(4, {name = "c", init = nested({4}, 5, 11)})(h)
local d = nn.group_norm(2, 4, {name = "d", init = {weight = nested({4}, 3, 17), bias = nested({4}, 2, 19)}})(image)
local function near(x, goal) return nn.square(nn.tanh(x) - goal):mean() end

local data = {words = {}, image = nested({11, 4, 3, 2}, 17, 29)}
for row = 1, 11 do
  data.words[row] = {}
  for i = 1, 5 do data.words[row][i] = (row * i + row + i * i) % 7 end
end
return nn.train {
  loss = near(a, 0.3) + near(b, -0.2) + near(c, 0.4) + near(d, 0.1),
  optimizer = nn.sgd {lr = 0.1, momentum = 0.9},
  data = nn.data.table {train = data},
  batch = 4, steps = 30, precision = "f64",
}
