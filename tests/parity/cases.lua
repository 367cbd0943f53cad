-- One small network, many functions: `--set case=NAME` picks a row of `cases`, which names two activations, a loss and an
-- optimizer. cases.py does the same in PyTorch and records the losses that tests/run/parity.sh expects.
-- 11 rows in batches of 4: the last batch of an epoch has 3.
local nn = require "nn"

local x = nn.input("x", {5})
local class = nn.class("class", 3)
local real, share = nn.input("real", {3}), nn.input("share", {3})

local fc1 = nn.linear(5, 7, {name = "fc1"})
local fc2 = nn.linear(7, 6, {name = "fc2"})
local fc3 = nn.linear(6, 3, {name = "fc3"})

local sum = {reduction = "sum"}
local losses = {
  mse        = function(y) return nn.mse(y, real) end,
  mse_sum    = function(y) return nn.mse(y, real, sum) end,
  l1         = function(y) return nn.l1(y, real) end,
  huber      = function(y) return nn.huber(y, real, {delta = 0.5}) end,
  huber_sum  = function(y) return nn.huber(y, real, sum) end,
  smooth_l1  = function(y) return nn.smooth_l1(y, real, {beta = 0.5}) end,
  bce        = function(y) return nn.binary_cross_entropy(nn.sigmoid(y), share) end,
  bce_logits = function(y) return nn.bce_with_logits(y, share) end,
  kl_div     = function(y) return nn.kl_div(nn.log_softmax(y), share) end,
  nll        = function(y) return nn.nll(nn.log_softmax(y), class) end,
  hinge      = function(y) return nn.hinge(y, class) end,
  ce         = function(y) return nn.cross_entropy(y, class) end,
  ce_smooth  = function(y) return nn.cross_entropy(y, class, {label_smoothing = 0.1}) end,
  ce_sum     = function(y) return nn.cross_entropy(y, class, sum) end,
  ce_weight  = function(y) return nn.cross_entropy(y, class, {weight = {0.5, 2, 1.25}}) end,
  ce_ignore  = function(y) return nn.cross_entropy(y, class, {ignore_index = 1}) end,
  ce_l2      = function(y) return nn.cross_entropy(y, class) + 0.01 * nn.l2(fc2.weight) end,
  ce_l1      = function(y) return nn.cross_entropy(y, class) + 0.01 * nn.l1(fc2.weight) end,
}

local cases = {
  sgd        = {"tanh", "sigmoid", "mse", nn.sgd {lr = 0.1}},
  momentum   = {"softplus", "elu", "huber", nn.sgd {lr = 0.1, momentum = 0.9}},
  nesterov   = {"gelu", "relu", "smooth_l1", nn.sgd {lr = 0.1, momentum = 0.9, nesterov = true}},
  dampening  = {"leaky_relu", "selu", "l1", nn.sgd {lr = 0.1, momentum = 0.9, dampening = 0.3}},
  decay      = {"silu", "mish", "bce_logits", nn.sgd {lr = 0.1, momentum = 0.8, weight_decay = 0.1}},
  adam       = {"softsign", "hardtanh", "bce", nn.adam {lr = 0.01}},
  adam_decay = {"hardsigmoid", "tanh", "kl_div", nn.adam {lr = 0.01, betas = {0.8, 0.99}, eps = 1e-6, weight_decay = 0.1}},
  adamw      = {"sigmoid", "gelu", "nll", nn.adamw {lr = 0.01, weight_decay = 0.1}},
  amsgrad    = {"tanh", "silu", "ce", nn.adam {lr = 0.05, amsgrad = true}},
  adamw_ams  = {"elu", "tanh", "huber", nn.adamw {lr = 0.05, betas = {0.5, 0.9}, amsgrad = true}},
  rmsprop    = {"tanh", "tanh", "ce", nn.rmsprop {lr = 0.01}},
  centered   = {"silu", "softplus", "ce_smooth", nn.rmsprop {lr = 0.01, alpha = 0.9, centered = true}},
  rms_moment = {"tanh", "elu", "hinge", nn.rmsprop {lr = 0.01, momentum = 0.9, weight_decay = 0.1}},
  adagrad    = {"tanh", "sigmoid", "mse_sum", nn.adagrad {lr = 0.05}},
  ada_decay  = {"gelu", "gelu", "ce_l2", nn.adagrad {lr = 0.05, lr_decay = 0.1, weight_decay = 0.1, initial_accumulator_value = 0.1}},
  adadelta   = {"mish", "silu", "ce_l1", nn.adadelta {lr = 1}},
  delta_rho  = {"elu", "tanh", "huber_sum", nn.adadelta {lr = 0.5, rho = 0.8, eps = 1e-5, weight_decay = 0.1}},
  clip_norm  = {"tanh", "tanh", "ce_sum", nn.sgd {lr = 0.1, momentum = 0.9}, clip_norm = 0.5},
  clip_value = {"tanh", "tanh", "ce_weight", nn.adam {lr = 0.01}, clip_value = 0.02},
  ignore     = {"tanh", "relu", "ce_ignore", nn.adam {lr = 0.01}},
}
local case = cases[nn.option("case", "sgd")]

-- Data that needs no file: numbers with small denominators, equal in every language.
local train = {x = {}, class = {}, real = {}, share = {}}
for i = 1, 11 do
  local row, target, count, total = {}, {}, {}, 0
  for j = 1, 5 do row[j] = (i * i * 7 + j * 13 + i * j * 5) % 61 / 30 - 1 end
  for j = 1, 3 do
    target[j] = (i * i * 5 + j * 17 + i * j * 3) % 59 / 20 - 1.5
    count[j] = (i * i * 3 + j * 7 + i * j) % 5 + (j == 1 and 1 or 0)
    total = total + count[j]
  end
  for j = 1, 3 do count[j] = count[j] / total end      -- some are 0
  train.x[i], train.real[i], train.share[i], train.class[i] = row, target, count, (i * i * 7 + i * 3) % 5 % 3
end

local hidden = nn[case[2]](fc2(nn[case[1]](fc1(x))))
return nn.train {
  loss = losses[case[3]](fc3(hidden)),
  optimizer = case[4], clip_norm = case.clip_norm, clip_value = case.clip_value,
  data = nn.data.table {train = train},
  batch = 4, steps = 20, precision = "f64",
}
