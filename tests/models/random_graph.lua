-- A model drawn by lot: `--set case=N` is the N-th. Tensors of small odd shapes, per row and shared, go through operations
-- picked at random; what comes last is the loss. Derivatives are held against differences, fused against generic programs:
-- nobody has to imagine the combination that goes wrong.
local nn = require "nn"
local rng = nn.rng(nn.option("case", 1))
local function pick(list) return list[rng:integer(1, #list)] end
local function copy(list) return {table.unpack(list)} end

-- An entry of the pool: a tensor, its shape, whether it has the batch.
local pool, made = {}, 0
local function keep(tensor, shape, per_row) pool[#pool + 1] = {tensor = tensor, shape = shape, per_row = per_row} end

local function numbers(shape, depth)
  depth = depth or 1
  if depth > #shape then return rng:normal(0, 0.7) end
  local t = {}
  for i = 1, shape[depth] do t[i] = numbers(shape, depth + 1) end
  return t
end
local function parameter(shape)
  made = made + 1
  local tensor = nn.parameter("p" .. made, shape, numbers(shape))
  keep(tensor, shape, false)
  return tensor
end

local x, z = nn.input("x", {2, 3}), nn.input("z", {4})
local class = nn.class("class", 3)
keep(x, {2, 3}, true)
keep(z, {4}, true)
keep(nn.one_hot(class), {3}, true)
keep(nn.constant {0.5, -0.25, 1.5}, {3}, false)
parameter {}
parameter {3}
parameter {2, 1}

local smooth = {"tanh", "sigmoid", "softplus", "sin", "cos", "gelu", "silu", "mish", "atan", "erf", "softsign", "elu", "square", "abs", "relu", "leaky_relu"}

-- NumPy's common shape of two, or nil.
local function common(a, b)
  local shape = {}
  for d = 1, math.max(#a, #b) do
    local i, j = a[#a - d + 1] or 1, b[#b - d + 1] or 1
    if i ~= j and i ~= 1 and j ~= 1 then return nil end
    table.insert(shape, 1, math.max(i, j))
  end
  return shape
end

local moves = {
  unary = function(e) keep(nn[pick(smooth)](e.tensor), e.shape, e.per_row) end,
  scaled = function(e) keep(e.tensor * rng:normal(0, 1) + rng:normal(0, 1), e.shape, e.per_row) end,
  exponent = function(e) keep(e.tensor:tanh():exp(), e.shape, e.per_row) end,
  root = function(e) keep((e.tensor:square() + 0.3):sqrt():reciprocal(), e.shape, e.per_row) end,
  binary = function(e)
    for _ = 1, 5 do
      local f = pick(pool)
      local shape = common(e.shape, f.shape)
      if shape then
        local per_row = e.per_row or f.per_row
        local kind = rng:integer(1, 6)
        local a, b = e.tensor, f.tensor
        return keep(kind == 1 and a + b or kind == 2 and a - b or kind == 3 and a * b or kind == 4 and a / (b:square() + 0.5)
                    or kind == 5 and nn.maximum(a, b * 0.9 + 0.01) or nn.where(a:gt(b), a:tanh(), b * 0.5), shape, per_row)
      end
    end
  end,
  reduce = function(e)
    if #e.shape == 0 then return end
    local axis, shape, options = rng:integer(1, #e.shape), copy(e.shape), nil
    if rng:integer(1, 2) == 1 then options, shape[axis] = {keep = true}, 1 else table.remove(shape, axis) end
    local from_end = rng:integer(1, 2) == 1 and axis - #e.shape - 1 or axis
    local kind = pick {"sum", "mean", "max", "min", "logsumexp"}
    keep(e.tensor[kind](e.tensor, from_end, options), shape, e.per_row)
  end,
  batch = function(e)
    if e.per_row then keep(e.tensor[pick {"sum", "mean", "max"}](e.tensor, "batch") * 0.3, e.shape, false) end
  end,
  centre = function(e)
    if e.per_row then keep(e.tensor - e.tensor:mean("batch"), e.shape, true) end
  end,
  softmax = function(e)
    if #e.shape > 0 then keep(pick {nn.softmax, nn.log_softmax} (e.tensor, rng:integer(1, #e.shape)), e.shape, e.per_row) end
  end,
  matmul = function(e)
    if #e.shape == 0 then return end
    local width = pick {1, 2, 3, 5}
    local shape = copy(e.shape)
    local w = parameter {shape[#shape], width}
    shape[#shape] = width
    keep(e.tensor:matmul(w) / 2, shape, e.per_row)
  end,
  square_matmul = function(e)
    if #e.shape == 2 then
      keep(e.tensor:matmul(e.tensor:transpose(1, 2)) / 3, {e.shape[1], e.shape[1]}, e.per_row)
    end
  end,
  permute = function(e)
    if #e.shape < 2 then return end
    local order = {}
    for _, i in ipairs(rng:permutation(#e.shape)) do order[#order + 1] = i end
    local zero = false                                   -- a permutation of 0 … n - 1 or 1 … n, as the generator gives it
    for _, i in ipairs(order) do zero = zero or i == 0 end
    local shape = {}
    for d, i in ipairs(order) do
      order[d] = zero and i + 1 or i
      shape[d] = e.shape[order[d]]
    end
    keep(e.tensor:permute(order), shape, e.per_row)
  end,
  reshape = function(e)
    local count = 1
    for _, n in ipairs(e.shape) do count = count * n end
    local shape = {count}
    for _, n in ipairs {2, 3, 5} do
      if count % n == 0 and rng:integer(1, 2) == 1 then shape = {n, count // n} end
    end
    keep(e.tensor:reshape(shape), shape, e.per_row)
  end,
  slice = function(e)
    if #e.shape == 0 then return end
    local axis, shape = rng:integer(1, #e.shape), copy(e.shape)
    local first = rng:integer(1, shape[axis])
    local last = rng:integer(first, shape[axis])
    shape[axis] = last - first + 1
    keep(e.tensor:slice(axis, first, last), shape, e.per_row)
  end,
  pad = function(e)
    if #e.shape == 0 then return end
    local axis, shape = rng:integer(1, #e.shape), copy(e.shape)
    local before, after = rng:integer(0, 2), rng:integer(0, 1)
    shape[axis] = shape[axis] + before + after
    keep(e.tensor:pad(axis, before, after, rng:integer(0, 1) * 0.5), shape, e.per_row)
  end,
  join = function(e)
    if #e.shape == 0 then return end
    local axis, shape = rng:integer(1, #e.shape), copy(e.shape)
    if rng:integer(1, 2) == 1 then
      shape[axis] = shape[axis] * 2
      return keep(nn.concat({e.tensor, e.tensor:tanh()}, axis), shape, e.per_row)
    end
    table.insert(shape, axis, 2)
    keep(nn.stack({e.tensor * 0.5, e.tensor:sin()}, axis), shape, e.per_row)
  end,
  detach = function(e) keep(nn.detach(e.tensor) * 0.5, e.shape, e.per_row) end,
  slope = function(e)                                    -- a derivative in the middle of the model
    if e.per_row then keep(nn.gradient(e.tensor:tanh():sum(), x) * 0.3, {2, 3}, true) end
  end,
}
local names = {}
for name in pairs(moves) do names[#names + 1] = name end
table.sort(names)

local function size(e)
  local count = 1
  for _, n in ipairs(e.shape) do count = count * n end
  return count
end
for _ = 1, nn.option("length", 14) do
  local e = rng:integer(1, 3) == 1 and pick(pool) or pool[#pool - rng:integer(0, math.min(3, #pool - 1))]
  local before = #pool
  if #e.shape <= 4 and size(e) <= 60 then moves[pick(names)](e) end
  if #pool > before and rng:integer(1, 3) == 1 then      -- what grows is kept in bounds
    local last = pool[#pool]
    keep(last.tensor:tanh(), last.shape, last.per_row)
  end
end

-- Every parameter and the last few tensors reach the loss.
local loss = 0
for n, e in ipairs(pool) do
  local term = (e.tensor:square() * 0.1 + 1):log()
  local near = n > #pool - 4
  loss = loss + term:mean() * (near and 1 or 0.01)
end

local data = {x = {}, z = {}, class = {}}
for i = 1, 7 do data.x[i], data.z[i], data.class[i] = numbers {2, 3}, numbers {4}, rng:integer(0, 2) end
return nn.train {
  loss = loss, optimizer = nn.sgd {lr = 0.01, momentum = 0.5},
  data = nn.data.table {train = data}, batch = 3, steps = 6, precision = "f64",
}
