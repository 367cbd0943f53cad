-- Convolutions in all their options: stride, padding, dilation, groups, over images and sequences, and transposed ones.
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

local image, sound = nn.input("image", {2, 7, 6}), nn.input("sound", {3, 9})
local a = nn.tanh(nn.conv2d(2, 4, 3, {
  name = "a", stride = {2, 1}, padding = {1, 2}, groups = 2, init = {weight = nested({4, 1, 3, 3}, 7, 13), bias = nested({4}, 3, 5)},
})(image))                                                                                      -- (4, 4, 8)
local b = nn.conv2d(4, 3, {2, 3}, {name = "b", dilation = {1, 2}, bias = false, init = nested({3, 4, 2, 3}, 11, 2)})(a)
local c = nn.conv_transpose2d(4, 2, 3, {
  name = "c", stride = {2, 1}, padding = 1, output_padding = {1, 0}, init = {weight = nested({4, 2, 3, 3}, 5, 17), bias = nested({2}, 3, 1)},
})(a)                                                                                           -- (2, 8, 8)
local d = nn.conv_transpose2d(4, 2, 2, {name = "d", groups = 2, stride = 3, bias = false, init = nested({4, 1, 2, 2}, 7, 3)})(a)
local e = nn.conv1d(3, 2, 4, {
  name = "e", stride = 2, padding = 1, init = {weight = nested({2, 3, 4}, 13, 7), bias = nested({2}, 1, 9)},
})(sound)                                                                                       -- (2, 4)
local function near(x, goal) return nn.square(nn.tanh(x) - goal):mean() end

return nn.train {
  loss = near(b, 0.3) + near(c, -0.2) + near(d, 0.1) + near(e, 0.5),
  optimizer = nn.sgd {lr = 0.05, momentum = 0.9},
  data = nn.data.table {train = {image = nested({11, 2, 7, 6}, 17, 29), sound = nested({11, 3, 9}, 5, 31)}},
  batch = 4, steps = 30, precision = "f64",
}
