-- Pooling: windows that overlap, windows that leave a rest, padding, whole images.
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

local image = nn.input("image", {2, 7, 6})
local h = nn.conv2d(2, 3, 2, {name = "a", init = {weight = nested({3, 2, 2, 2}, 7, 13), bias = nested({3}, 3, 5)}})(image)      -- (3, 6, 5)
local function near(x, goal) return nn.square(nn.sigmoid(x) - goal):mean() end

return nn.train {
  loss = near(nn.max_pool2d(3, {stride = 2, padding = 1})(h), 0.3) + near(nn.max_pool2d(2)(h), 0.9)
       + near(nn.avg_pool2d({2, 3}, {stride = {1, 2}, padding = 1})(h), 0.2) + near(nn.global_avg_pool2d(h), 0.7),
  optimizer = nn.sgd {lr = 0.2, momentum = 0.9},
  data = nn.data.table {train = {image = nested({11, 2, 7, 6}, 17, 29)}},
  batch = 4, steps = 30, precision = "f64",
}
