-- attention.lua: self-attention over time, (time, width) to the same. Names, layouts and initial values of nn.MultiheadAttention.
--
--   q, k, v = x in_proj_weight' + in_proj_bias, cut in three; each head has width / heads columns of each
--   scores[h,i,j] = q[i,h] · k[j,h] / sqrt(width / heads);  causal: minus infinity where j > i
--   y = (softmax over j of the scores, times v, the heads side by side) out_proj.weight' + out_proj.bias
--   dropout: in training on the weights, that is the softmax
local core = ...
local nn, op, layers = core.nn, core.op, core.layers
local fail, integer = core.fail, core.integer

local function projected(state, x, name, weight, bias, b)
  local y = core.contract(x, layers.parameter(state, weight), b .. "tc,oc->" .. b .. "to")
  if state.options.bias then y = y + layers.parameter(state, bias) end
  return core.named(y, name)
end

local function attend(state, x)
  if core.kind(x) ~= "float" then fail("nn.attention: it takes floats" .. core.seen("tensor", x)) end
  local sizes, width, heads = core.sizes(x), state.width, state.heads
  if #sizes ~= 2 or sizes[2] ~= width then
    fail("nn.attention: " .. layers.name(state) .. " takes (time, " .. width .. "), this tensor has the shape " .. core.shape(x) ..
         core.seen("tensor", x))
  end
  local time, name, b = sizes[1], layers.name(state):gsub("^.*%.", ""), core.per_row(x) and "b" or ""
  local joined = projected(state, x, name .. "_qkv", "in_proj_weight", "in_proj_bias", b)
  local function part(number)
    return core.reshape(core.slice(joined, 2, (number - 1) * width + 1, number * width), {time, heads, width // heads})
  end
  local scores = core.contract(part(1), part(2), b .. "ihd," .. b .. "jhd->" .. b .. "hij") / math.sqrt(width / heads)
  if state.options.causal then
    local is_past = op.less_equal(core.index({time, time}, 2), core.index({time, time}, 1))
    scores = op.select(is_past, scores, -math.huge)
  end
  local weights = state.drop(core.named(nn.softmax(core.named(scores, name .. "_scores")), name .. "_weights"))
  local seen = core.named(core.contract(weights, part(3), b .. "hij," .. b .. "jhd->" .. b .. "ihd"), name .. "_heads")
  return projected(state, core.named(core.reshape(seen, {time, width}), name .. "_joined"), name, "out_proj.weight", "out_proj.bias", b)
end

nn.attention = core.export(function(width, heads, given)
  local what = "nn.attention"
  width, heads = integer(what, "the width", width, 1), integer(what, "the number of heads", heads, 1)
  if width % heads ~= 0 then fail(what .. ": " .. heads .. " heads do not divide a width of " .. width) end
  local o = layers.options(what, given, {causal = false, bias = true, dropout = 0})
  local bound = 1 / math.sqrt(width)
  local fields = {
    {field = "in_proj_weight", shape = {3 * width, width}, start = layers.start(what, o.init, "weight", nn.init.xavier_uniform())},
    {field = "out_proj.weight", shape = {width, width}, start = layers.start(what, o.init, "weight", nn.init.uniform(-bound, bound))},
  }
  if o.bias then
    fields[3] = {field = "in_proj_bias", shape = {3 * width}, start = layers.start(what, o.init, "bias", nn.init.zeros())}
    fields[4] = {field = "out_proj.bias", shape = {width}, start = layers.start(what, o.init, "bias", nn.init.zeros())}
  end
  return layers.new("attention", o, {width = width, heads = heads, fields = fields, apply = attend, drop = nn.dropout(o.dropout)})
end)

core.document("layers", {
  {"nn.attention(width, heads)", "Of every place to all places, or {causal = true} to those not after it; `dropout` acts on the weights a.", torch = "nn.MultiheadAttention",
   shape = "(time, width) → the same", call = function() return nn.attention(1, 1) end,
   formula = "q, k, v = x in_proj_weightᵀ + in_proj_bias, in three parts of width columns, each in heads\n" ..
     "a = softmax(q kᵀ / sqrt(width / heads)), a head at a time; causal: over places that are not later\n" ..
     "y = (a v, the heads side by side) out_proj.weightᵀ + out_proj.bias", gradient = "by those of its products and of softmax"},
})
