-- Small networks, one a layer, function, loss, optimizer or option of training: `--set case=NAME` picks one, networks.py says the
-- same in PyTorch. 8 rows in batches of 3, the last of two rows, 21 steps, and 5 rows for evaluation; numbers without a file.
--
-- A case says what differs from: x {5} through linear "fc1", tanh, linear "fc2" to three scores; their cross entropy; SGD with
-- momentum. net(x, d) gives the scores, loss(y, d) the loss; d.real, d.share, d.class, d.classes, d.words are the other inputs.
local nn = require "nn"

local function o(name, options)
  options = options or {}
  options.name = name
  return options
end
local function last(h) h = nn.flatten(h) return nn.linear(h.shape[1], 3, o "last")(h) end
local sum = {reduction = "sum"}
local image, sequence, time = {2, 9, 7}, {3, 11}, {4, 5}

local cases = {}

-- ---- layers ------------------------------------------------------------------------------------------------------------------

local function layer(name, shape, make) cases[name] = {shape = shape, net = function(x) return last(nn.tanh(make(x))) end} end
local function image_layer(name, make)
  layer(name, image, function(x) return make(nn.tanh(nn.conv2d(2, 4, 3, o("before", {padding = 1}))(x))) end)
  cases[name].optimizer = nn.sgd {lr = 0.02, momentum = 0.9}
end

layer("linear", {5}, function(x) return nn.linear(5, 13, o "a")(x) end)
layer("linear_no_bias", {5}, function(x) return nn.linear(5, 13, o("a", {bias = false}))(x) end)
layer("linear_time", time, function(x) return nn.linear(5, 3, o "a")(x) end)
layer("linear_one", {1}, function(x) return nn.linear(1, 1, o "a")(x) end)
layer("conv1d", sequence, function(x) return nn.conv1d(3, 5, 4, o("a", {stride = 3, padding = 2}))(x) end)
layer("conv1d_dilated", sequence, function(x) return nn.conv1d(3, 4, 3, o("a", {dilation = 4, padding = 3}))(x) end)
layer("conv1d_depthwise", sequence, function(x) return nn.conv1d(3, 6, 2, o("a", {groups = 3, bias = false}))(x) end)
layer("conv1d_point", sequence, function(x) return nn.conv1d(3, 2, 1, o "a")(x) end)
layer("conv2d", image, function(x) return nn.conv2d(2, 5, 3, o "a")(x) end)
layer("conv2d_stride", image, function(x) return nn.conv2d(2, 3, {3, 2}, o("a", {stride = {2, 3}, padding = {2, 1}}))(x) end)
layer("conv2d_dilated", image, function(x) return nn.conv2d(2, 3, 3, o("a", {dilation = {3, 2}, padding = 1}))(x) end)
layer("conv2d_same", image, function(x) return nn.conv2d(2, 3, 5, o("a", {padding = 2}))(x) end)
layer("conv2d_point", image, function(x) return nn.conv2d(2, 7, 1, o("a", {stride = 2}))(x) end)
layer("conv2d_whole", image, function(x) return nn.conv2d(2, 4, {9, 7}, o "a")(x) end)
layer("conv2d_sparse", image, function(x) return nn.conv2d(2, 4, 2, o("a", {stride = 4}))(x) end)
layer("conv2d_all", image, function(x) return nn.conv2d(2, 6, {2, 3}, o("a", {stride = {1, 2}, padding = {2, 1}, dilation = {2, 1}, groups = 2, bias = false}))(x) end)
image_layer("conv2d_groups", function(h) return nn.conv2d(4, 6, 3, o("a", {groups = 2}))(h) end)
image_layer("conv2d_depthwise", function(h) return nn.conv2d(4, 8, 3, o("a", {groups = 4, padding = 1, stride = 2}))(h) end)
image_layer("conv2d_deep", function(h) return nn.conv2d(3, 2, 3, o "b")(nn.relu(nn.conv2d(4, 3, 3, o("a", {padding = 1}))(h))) end)
image_layer("transposed", function(h) return nn.conv_transpose2d(4, 3, 3, o "a")(h) end)
image_layer("transposed_stride", function(h) return nn.conv_transpose2d(4, 3, {3, 2}, o("a", {stride = {2, 3}, padding = 1, output_padding = {1, 0}}))(h) end)
image_layer("transposed_groups", function(h) return nn.conv_transpose2d(4, 6, 3, o("a", {groups = 2, dilation = 2, bias = false}))(h) end)
image_layer("transposed_all", function(h) return nn.conv_transpose2d(4, 2, {2, 3}, o("a", {stride = 3, padding = {0, 2}, dilation = {2, 1}, output_padding = {0, 2}, groups = 2}))(h) end)
image_layer("max_pool", function(h) return nn.max_pool2d(2)(h) end)
image_layer("max_pool_overlap", function(h) return nn.max_pool2d(3, {stride = 2, padding = 1})(h) end)
image_layer("max_pool_dense", function(h) return nn.max_pool2d({2, 3}, {stride = 1})(h) end)
image_layer("max_pool_sparse", function(h) return nn.max_pool2d({1, 2}, {stride = {3, 3}, padding = {0, 1}})(h) end)
layer("max_pool_tiles", {2, 8, 6}, function(x) return nn.max_pool2d(2)(nn.silu(nn.conv2d(2, 4, 3, o("a", {padding = 1}))(x))) end)
image_layer("avg_pool", function(h) return nn.avg_pool2d(3)(h) end)
image_layer("avg_pool_overlap", function(h) return nn.avg_pool2d({3, 2}, {stride = {2, 1}, padding = 1})(h) end)
image_layer("global_avg_pool", function(h) return nn.global_avg_pool2d(h) end)
image_layer("batch_norm2d", function(h) return nn.batch_norm2d(4, o "a")(h) end)
image_layer("batch_norm2d_options", function(h) return nn.batch_norm2d(4, o("a", {eps = 1e-2, momentum = 0.3}))(h) end)
image_layer("group_norm", function(h) return nn.group_norm(2, 4, o "a")(h) end)
image_layer("group_norm_one", function(h) return nn.group_norm(1, 4, o("a", {eps = 1e-2}))(h) end)
image_layer("instance_norm", function(h) return nn.group_norm(4, 4, o "a")(h) end)
image_layer("layer_norm_image", function(h) return nn.layer_norm({4, 9, 7}, o "a")(h) end)
image_layer("dropout_none", function(h) return nn.dropout(0)(nn.dropout2d(0)(h)) end)
local function twice(h, axis)                                   -- each row or column two times
  local shape = {table.unpack(h.shape)}
  shape[axis] = 2 * shape[axis]
  return nn.stack({h, h}, axis + 1):reshape(shape)
end
layer("upsampled", {2, 4, 3}, function(x) return nn.conv2d(3, 2, 3, o("b", {padding = 1}))(twice(twice(nn.conv2d(2, 3, 1, o "a")(x), 2), 3)) end)
layer("batch_norm1d", {5}, function(x) return nn.batch_norm1d(7, o "b")(nn.linear(5, 7, o "a")(x)) end)
layer("batch_norm1d_length", sequence, function(x) return nn.batch_norm1d(3, o "a")(x) end)
layer("layer_norm", {5}, function(x) return nn.layer_norm(5, o "a")(x) end)
layer("layer_norm_time", time, function(x) return nn.layer_norm({5}, o("a", {eps = 1e-3, bias = false}))(x) end)
layer("rms_norm", time, function(x) return nn.rms_norm({4, 5}, o("a", {eps = 1e-3}))(x) end)
layer("rms_norm_default", {5}, function(x) return nn.rms_norm(5, o "a")(x) end)
layer("residual", {5}, function(x)
  local block = nn.sequential {nn.linear(5, 5, {name = "first"}), nn.tanh, nn.residual(nn.linear(5, 5, {name = "second"})), name = "block"}
  return nn.sequential {nn.residual(block), nn.linear(5, 4, {name = "third"}), name = "outer"}(x)
end)
layer("shared_layer", {5}, function(x) local a = nn.linear(5, 5, o "a") return a(nn.tanh(a(x))) + a.weight:sum(1) end)
layer("attention", time, function(x) return nn.attention(5, 1, o "a")(x) end)
layer("attention_heads", {7, 6}, function(x) return nn.attention(6, 3, o "a")(x) end)
layer("attention_causal", {7, 6}, function(x) return nn.attention(6, 2, o("a", {causal = true}))(x) end)
local function recurrent(name, kind, options, times)            -- all outputs and the last states take part
  cases[name] = {shape = {times or 6, 5}, net = function(x)
    local results = {nn[kind](5, 3, o("a", options))(x)}
    for i = 1, #results do results[i] = results[i]:flatten() end
    return last(nn.concat(results, 1))
  end}
end
for _, kind in ipairs {"rnn", "lstm", "gru"} do
  recurrent(kind, kind)
  recurrent(kind .. "_deep", kind, {layers = 2, bidirectional = true})
  recurrent(kind .. "_no_bias", kind, {layers = 3, bias = false})
  recurrent(kind .. "_both_ways", kind, {bidirectional = true})
end
recurrent("rnn_relu", "rnn", {nonlinearity = "relu", layers = 2})
recurrent("lstm_once", "lstm", {layers = 2, bidirectional = true}, 1)
cases.embedding_lstm = {
  net = function(_, d) return nn.linear(4, 3, o "last")((nn.lstm(3, 4, o "b")(nn.embedding(5, 3, o "a")(d.words)))) end,
  loss = function(y, d) return nn.cross_entropy(y, d.classes) end,
}
cases.embedding = {net = function(_, d) return last(nn.tanh(nn.embedding(6, 3, o "a")(d.words))) end}
cases.embedding_padding = {net = function(_, d) return last(nn.tanh(nn.embedding(6, 3, {name = "a", padding_idx = -4})(d.words))) end}
cases.embedding_mean = {net = function(_, d)
  local e = nn.embedding(5, 7, o "a")(d.words)
  return last(nn.tanh(e:mean(1)) * nn.embedding(3, 7, o "b")(d.class))
end}

-- ---- functions ---------------------------------------------------------------------------------------------------------------

for name, functions in pairs {
  rising = {"relu", "leaky_relu", "elu", "selu", "softplus"}, smooth = {"gelu", "silu", "mish", "softsign", "sigmoid"},
  bounded = {"hardtanh", "hardsigmoid", "tanh", "erf", "atan"}, plain = {"exp", "sin", "cos", "square", "abs"},
  normed = {"softmax", "log_softmax", "tan", "sign", "floor"},
} do
  cases["functions_" .. name] = {net = function(x)
    local y = nn.linear(5, 3, o "last")(x)
    for _, f in ipairs(functions) do y = y + nn.linear(4, 3, o(f .. ".b"))(nn[f](nn.linear(5, 4, o(f .. ".a"))(x))) end
    return y
  end}
end
cases.functions_options = {net = function(x)
  local function h(name) return nn.linear(5, 4, o(name))(x) end
  local a, b = h "a", h "b"
  return last(nn.concat({nn.leaky_relu(a, 0.2), nn.elu(a, 0.5), nn.gelu(a, {approximate = "tanh"}), nn.hardtanh(a, -0.5, 0.25), nn.clamp(a, -0.3),
                         nn.clamp(a, nil, 0.2), nn.pow(nn.abs(a) + 0.1, 1.7), nn.softmax(a:reshape {2, 2}, 1):flatten(), nn.maximum(a, b), nn.minimum(a, b),
                         nn.where(a:gt(b), a * b, b), nn.rsqrt(a ^ 2 + 0.5), nn.log(b ^ 2 + 0.5), nn.sqrt(b ^ 2 + 0.1), nn.reciprocal(a ^ 2 + 1)}, 1))
end}

-- ---- losses ------------------------------------------------------------------------------------------------------------------

local log_p, weight = function(y) return nn.log_softmax(y) end, {0.5, 2, 1.25}
local losses = {
  mse = function(y, d) return nn.mse(y, d.real) end,
  mse_sum = function(y, d) return nn.mse(y, d.real, sum) * 0.1 end,
  l1 = function(y, d) return nn.l1(y, d.real) end,
  l1_sum = function(y, d) return nn.l1(y, d.real, sum) * 0.1 end,
  huber = function(y, d) return nn.huber(y, d.real) end,
  huber_delta = function(y, d) return nn.huber(y, d.real, {delta = 0.4, reduction = "sum"}) end,
  smooth_l1 = function(y, d) return nn.smooth_l1(y, d.real) end,
  smooth_l1_beta = function(y, d) return nn.smooth_l1(y, d.real, {beta = 0.3, reduction = "sum"}) * 0.1 end,
  smooth_l1_zero = function(y, d) return nn.smooth_l1(y, d.real, {beta = 0}) end,
  bce = function(y, d) return nn.binary_cross_entropy(nn.sigmoid(y), d.share) end,
  bce_sum = function(y, d) return nn.binary_cross_entropy(nn.sigmoid(y), d.share, sum) * 0.1 end,
  bce_logits = function(y, d) return nn.bce_with_logits(y, d.share) end,
  bce_logits_weight = function(y, d) return nn.bce_with_logits(y, d.share, {pos_weight = {3, 0.5, 1}, reduction = "sum"}) * 0.1 end,
  kl_div = function(y, d) return nn.kl_div(log_p(y), d.share) end,
  kl_div_sum = function(y, d) return nn.kl_div(log_p(y), d.share, sum) * 0.1 end,
  nll = function(y, d) return nn.nll(log_p(y), d.class) end,
  nll_weight = function(y, d) return nn.nll(log_p(y), d.class, {weight = weight, reduction = "sum"}) * 0.1 end,
  nll_ignore = function(y, d) return nn.nll(log_p(y), d.class, {ignore_index = 2}) end,
  hinge = function(y, d) return nn.hinge(y, d.class) end,
  hinge_margin = function(y, d) return nn.hinge(y, d.class, {margin = 0.3, weight = weight}) end,
  hinge_sum = function(y, d) return nn.hinge(y, d.class, sum) * 0.1 end,
  ce_sum = function(y, d) return nn.cross_entropy(y, d.class, sum) * 0.1 end,
  ce_smooth = function(y, d) return nn.cross_entropy(y, d.class, {label_smoothing = 0.15}) end,
  ce_weight = function(y, d) return nn.cross_entropy(y, d.class, {weight = weight, reduction = "sum"}) * 0.1 end,
  ce_ignore = function(y, d) return nn.cross_entropy(y, d.class, {ignore_index = 1, reduction = "sum"}) * 0.1 end,
  ce_all = function(y, d) return nn.cross_entropy(y, d.class, {ignore_index = 2, weight = weight, label_smoothing = 0.2, reduction = "sum"}) * 0.1 end,
  ce_weight_mean = function(y, d) return nn.cross_entropy(y, d.class, {weight = weight}) end,
  ce_ignore_mean = function(y, d) return nn.cross_entropy(y, d.class, {ignore_index = 1}) end,
  ce_all_mean = function(y, d) return nn.cross_entropy(y, d.class, {ignore_index = 2, weight = weight, label_smoothing = 0.2}) end,
  nll_weight_mean = function(y, d) return nn.nll(log_p(y), d.class, {weight = weight}) end,
  ce_shares = function(y, d) return nn.cross_entropy(y, d.share) end,
  ce_shares_smooth = function(y, d) return nn.cross_entropy(y, d.share, {label_smoothing = 0.1, weight = weight, reduction = "sum"}) * 0.1 end,
  l2_penalty = function(y, d, p) return nn.mse(y, d.real) + 0.02 * nn.l2(p.fc1.weight) + 0.01 * nn.l1(p.fc2.weight) end,
  two = function(y, d) return {near = nn.mse(y, d.real), sure = 0.5 * nn.cross_entropy(y, d.class)} end,
}
for name, loss in pairs(losses) do cases[name] = {loss = loss} end
local function timed(x) return nn.linear(4, 3, o "fc2")(nn.tanh(nn.linear(5, 4, o "fc1")(x))) end
cases.ce_time = {shape = time, net = timed, loss = function(y, d) return nn.cross_entropy(y, d.classes) end}
cases.nll_time = {shape = time, net = timed, loss = function(y, d) return nn.nll(log_p(y), d.classes, sum) * 0.1 end}
cases.ce_time_all = {shape = time, net = timed, loss = function(y, d)
  return nn.cross_entropy(y, d.classes, {label_smoothing = 0.1, weight = weight, reduction = "sum"}) * 0.1
end}

-- ---- optimizers, and what training takes besides -----------------------------------------------------------------------------

for name, optimizer in pairs {
  sgd = nn.sgd {lr = 0.2}, sgd_decay = nn.sgd {lr = 0.2, weight_decay = 0.1}, momentum = nn.sgd {lr = 0.1, momentum = 0.7},
  nesterov = nn.sgd {lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.01}, dampening = nn.sgd {lr = 0.1, momentum = 0.9, dampening = 0.3},
  adam = nn.adam {lr = 0.01}, adam_default = nn.adam(), adam_options = nn.adam {lr = 0.02, betas = {0.7, 0.95}, eps = 1e-4, weight_decay = 0.1},
  maximize = nn.sgd {lr = 0.01, momentum = 0.9, weight_decay = 0.1, maximize = true}, maximize_adam = nn.adam {lr = 0.01, maximize = true},
  amsgrad = nn.adam {lr = 0.1, betas = {0.5, 0.6}, amsgrad = true}, amsgrad_decoupled = nn.adamw {lr = 0.1, betas = {0.5, 0.6}, amsgrad = true},
  adamw = nn.adamw {lr = 0.01}, adamw_options = nn.adamw {lr = 0.02, betas = {0.8, 0.9}, eps = 1e-5, weight_decay = 0.3},
  rmsprop = nn.rmsprop {lr = 0.01}, rmsprop_centered = nn.rmsprop {lr = 0.01, alpha = 0.8, centered = true, eps = 1e-6},
  rmsprop_all = nn.rmsprop {lr = 0.005, momentum = 0.8, centered = true, weight_decay = 0.1},
  adagrad = nn.adagrad {lr = 0.05}, adagrad_options = nn.adagrad {lr = 0.1, lr_decay = 0.2, weight_decay = 0.05, initial_accumulator_value = 0.3, eps = 1e-6},
  adadelta = nn.adadelta {lr = 1}, adadelta_options = nn.adadelta {lr = 0.7, rho = 0.8, eps = 1e-4, weight_decay = 0.1},
  lion = nn.lion {lr = 0.003}, lion_options = nn.lion {lr = 0.01, betas = {0.8, 0.95}, weight_decay = 0.2},
} do cases["optimizer_" .. name] = {optimizer = optimizer} end

cases.clip_norm = {optimizer = nn.adam {lr = 0.05}, clip_norm = 0.1}
cases.clip_norm_wide = {clip_norm = 50}
cases.clip_value = {clip_value = 0.03}
cases.drop_last = {drop_last = true, steps = 20}
cases.batch_all = {batch = "all", steps = 20}
cases.batch_one = {batch = 1, steps = 24}
cases.parameter_options = {net = function(x)
  local h = nn.tanh(nn.linear(5, 6, o("slow", {lr = 0.1, weight_decay = 0.2}))(x))
  h = nn.tanh(nn.linear(6, 4, o("frozen", {freeze = true}))(h))
  return nn.linear(4, 3, o("fast", {lr = 3}))(h)
end, optimizer = nn.sgd {lr = 0.05, momentum = 0.9, weight_decay = 0.01}}

for name, schedule in pairs {
  step = nn.schedule.step {step_size = 2, gamma = 0.3}, step_default = nn.schedule.step {step_size = 3, per = "step"},
  multistep = nn.schedule.multistep {milestones = {2, 3, 6}, gamma = 0.5}, exponential = nn.schedule.exponential {gamma = 0.7},
  exponential_step = nn.schedule.exponential {gamma = 0.95, per = "step"}, cosine = nn.schedule.cosine {t_max = 5, eta_min = 0.01},
  cosine_step = nn.schedule.cosine {t_max = 8, per = "step"}, linear = nn.schedule.linear {start_factor = 0.2, end_factor = 0.8, total_iters = 4},
  linear_default = nn.schedule.linear {per = "step"}, one_cycle = nn.schedule.one_cycle {max_lr = 0.3, total_steps = 21, per = "step"},
  one_cycle_epoch = nn.schedule.one_cycle {max_lr = 0.2, total_steps = 8},
} do cases["schedule_" .. name] = {schedule = schedule, optimizer = nn.sgd {lr = 0.2, momentum = 0.5}} end
cases.schedule_adam = {schedule = nn.schedule.cosine {t_max = 21, per = "step"}, optimizer = nn.adamw {lr = 0.05}}

-- ---- data, and the model -----------------------------------------------------------------------------------------------------

local name = nn.option("case", "linear")
local case = cases[name] or error("no case " .. name)

local function shares(i)
  local count, total = {}, 0
  for j = 1, 3 do count[j] = (i * i * 3 + j * 7 + i * j) % 5 + (j == 1 and 1 or 0) total = total + count[j] end
  for j = 1, 3 do count[j] = count[j] / total end
  return count
end
local function list(count, f) local t = {} for j = 1, count do t[j] = f(j) end return t end
local kinds = {
  real = {nn.input, {3}, function(i) return list(3, function(j) return (i * i * 5 + j * 17 + i * j * 3) % 59 / 20 - 1.5 end) end},
  share = {nn.input, {3}, shares},
  class = {nn.class, 3, function(i) return (i * i * 7 + i * 3) % 5 % 3 end},
  classes = {function(n) return nn.class(n, 3, {4}) end, nil, function(i) return list(4, function(j) return (i * i * 7 + j * 3 + i * j) % 5 % 3 end) end},
  words = {function(n) return nn.class(n, 5, {4}) end, nil, function(i) return list(4, function(j) return (i * i + j * 2) % 5 end) end},
}
local train, test = {}, {}
local function fill(input, row)
  train[input], test[input] = {}, {}
  for i = 1, 8 do train[input][i] = row(i) end
  for i = 1, 5 do test[input][i] = row(i + 8) end
end
local d = setmetatable({}, {__index = function(t, input)
  local kind = kinds[input]
  fill(input, kind[3])
  rawset(t, input, kind[1](input, kind[2]))
  return rawget(t, input)
end})

local shape, parts = case.shape or {5}, {}
local x
if not name:find "^embedding" then
  local count = 1
  for _, size in ipairs(shape) do count = count * size end
  fill("x", function(i) return list(count, function(j) return (i * i * 17 + j * 29 + i * j * 5) % 61 / 30 - 1 end) end)
  x = nn.input("x", shape)
end
local net = case.net or function(x)
  parts.fc1, parts.fc2 = nn.linear(5, 7, o "fc1"), nn.linear(7, 3, o "fc2")
  return parts.fc2(nn.tanh(parts.fc1(x)))
end
local loss = case.loss or function(y, d) return nn.cross_entropy(y, d.class) end
return nn.train {
  loss = loss(net(x, d), d, parts),
  optimizer = case.optimizer or nn.sgd {lr = 0.1, momentum = 0.9}, schedule = case.schedule,
  clip_norm = case.clip_norm, clip_value = case.clip_value, drop_last = case.drop_last,
  data = nn.data.table {train = train, test = test}, batch = case.batch or 3, steps = case.steps or 21, precision = "f64",
}
