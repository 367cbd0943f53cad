-- losses.lua: losses, penalties, metrics. (prediction, target), reductions and formulas as PyTorch's; every exponential and
-- logarithm in its stable form.
local core = ...
local nn, op = core.nn, core.op
local fail, is_tensor, type = core.fail, core.is_tensor, type
local export, named, options, one_hot = core.export, core.named, core.options, core.one_hot
local gather, look_up = nn.gather, core.look_up

-- ---- what all of them check ------------------------------------------------------------------------------------------

local function both(what, a, b)
  return what .. core.seen("prediction", a) .. core.seen("target", b)
end

local function need_floats(what, prediction)
  core.need_tensor(what, prediction, "a prediction")
  if core.kind(prediction) ~= "float" then
    fail(what .. ": the prediction holds integers, not floats" .. core.seen("prediction", prediction) ..
         "\nthe prediction comes first, the target second")
  end
end

-- Prediction and target of the same sizes: stretching one, as (1) against (), is a fault nearly always. A number, and what is
-- shared by all rows, stands for every row.
local function need_pair(what, prediction, target)
  need_floats(what, prediction)
  if type(target) == "number" then return core.constant(target) end
  core.need_tensor(what, target, "a target")
  if core.kind(target) ~= "float" then
    fail(both(what .. ": the target holds classes, not floats", prediction, target) ..
         "\nnn.float(label) or nn.one_hot(label) makes floats from classes")
  end
  local ours = core.sizes(prediction)
  local theirs = core.sizes(target)
  local same = #ours == #theirs
  for axis = 1, #ours do same = same and ours[axis] == theirs[axis] end
  if not same then
    fail(both(what .. ": prediction and target differ in shape", prediction, target) .. "\nreshape one of them")
  end
  return target
end

-- Scores with the classes last, and integers without that axis. How many classes there are.
local function need_classes(what, scores, label)
  need_floats(what, scores)
  core.need_tensor(what, label, "classes, from nn.class,")
  local per_row, sizes = core.per_row(scores), core.sizes(scores)
  local kind, rows_too, places = core.kind(label), core.per_row(label), core.sizes(label)
  if kind ~= "int" then
    fail(both(what .. ": the target holds floats, not classes", scores, label) .. "\nclasses are made by nn.class(name, n)")
  end
  local fits = per_row == rows_too and #sizes == #places + 1
  for axis = 1, #places do fits = fits and sizes[axis] == places[axis] end
  if not fits then
    fail(both(what .. ": the prediction has the target's shape and, last, an axis of classes", scores, label))
  end
  local known, count = core.classes(label), sizes[#sizes]
  if known and known > count then
    fail(both(what .. ": the target has " .. known .. " classes, the prediction " .. count, scores, label))
  end
  return count
end

local function reduction_of(what, chosen)
  if chosen.reduction ~= "mean" and chosen.reduction ~= "sum" then
    fail(what .. ': reduction is "mean" or "sum", not ' .. core.quoted(chosen.reduction))
  end
  return chosen.reduction == "mean"
end

local function sum_of(x) return core.sum(x, core.all_axes(x)) end
local function mean_of(x) return core.mean_over(x, core.all_axes(x)) end

-- Defines a loss or metric: its nodes know what they belong to.
local function define(name, f)
  core.define(name, function(...)
    local before = core.layer(name)
    local result = f(...)
    core.layer(before)
    return is_tensor(result) and named(result, name) or result
  end)
end

-- An elementwise loss: `element(p, t, options)` is folded over everything.
local function define_elementwise(name, element, defaults)
  define(name, function(prediction, target, given)
    local own = {reduction = "mean"}
    for key, value in pairs(defaults or {}) do own[key] = value end
    target = need_pair(name, prediction, target)
    local chosen = options("nn." .. name, given, own)
    local fold = reduction_of("nn." .. name, chosen) and mean_of or sum_of
    return fold(element(prediction, target, chosen))
  end)
end

-- ---- distances -------------------------------------------------------------------------------------------------------

define_elementwise("mse", function(p, t) return op.square(p - t) end)

-- quadratic to delta, then linear: d²/2, delta (|d| - delta/2)
define_elementwise("huber", function(p, t, chosen)
  local delta = core.number("nn.huber", "delta", chosen.delta, 0)
  if delta == 0 then fail "nn.huber: delta is above 0" end
  local d = p - t
  local size = op.abs(d)
  return op.select(op.less_equal(size, delta), 0.5 * op.square(d), delta * (size - 0.5 * delta))
end, {delta = 1})

-- huber over beta; beta = 0 is l1
define_elementwise("smooth_l1", function(p, t, chosen)
  local beta = core.number("nn.smooth_l1", "beta", chosen.beta, 0)
  local d = p - t
  local size = op.abs(d)
  if beta == 0 then return size end
  return op.select(op.less(size, beta), 0.5 / beta * op.square(d), size - 0.5 * beta)
end, {beta = 1})

-- nn.l1(prediction, target) is the loss; nn.l1(w) the penalty, the sum of |w|
define("l1", function(prediction, target, given)
  if target == nil then
    core.need_tensor("nn.l1", prediction)
    return sum_of(op.abs(prediction))
  end
  target = need_pair("l1", prediction, target)
  local fold = reduction_of("nn.l1", options("nn.l1", given, {reduction = "mean"})) and mean_of or sum_of
  return fold(op.abs(prediction - target))
end)

define("l2", function(w, second)
  core.need_tensor("nn.l2", w)
  if second ~= nil then fail "nn.l2: the sum of the squares of one tensor\nnn.mse(prediction, target) is the loss" end
  return sum_of(op.square(w))
end)

-- ---- probabilities ---------------------------------------------------------------------------------------------------

-- the logarithm never below -100, as PyTorch
local function bounded(logarithm)
  return op.select(op.less(logarithm, -100), -100, logarithm)
end

define_elementwise("binary_cross_entropy", function(p, t)
  return -(t * bounded(op.log(p)) + (1 - t) * bounded(op.log1p(-p)))
end)

-- -t log sigmoid(x) - (1 - t) log(1 - sigmoid(x)) = softplus(x) - t x; with pos_weight w the first term counts w times
define_elementwise("bce_with_logits", function(x, t, chosen)
  if chosen.pos_weight == nil then return op.softplus(x) - t * x end
  local weight = chosen.pos_weight
  if type(weight) ~= "number" and type(weight) ~= "table" then
    fail("nn.bce_with_logits: pos_weight is a number or a list of numbers, not " .. core.a(weight))
  end
  return (1 - t) * x + (1 + (core.constant(weight) - 1) * t) * op.softplus(-x)
end, {pos_weight = core.any})

-- t (log t - x), 0 where t is 0; x is a log-probability
define_elementwise("kl_div", function(x, t)
  return op.select(op.greater(t, 0), t * (op.log(t) - x), 0)
end)

-- The weights of classes: a list of one number a class, or nil.
local function class_weights(what, weight, classes)
  if weight == nil then return nil end
  if type(weight) ~= "table" or #weight ~= classes then
    fail(what .. ": weight is a list of " .. classes .. " numbers, one a class, not " ..
         (type(weight) == "table" and #weight .. " of them" or core.a(weight)))
  end
  for class = 1, classes do core.number(what, "weight " .. class, weight[class], 0) end
  return core.constant(weight)
end

local class_options = {reduction = "mean", ignore_index = core.any, weight = core.any}

-- From log-probabilities (classes last) and classes. `picked`: those of the labels. The mean divides by the weights of the
-- labels that count; without weights, by their number.
local function fold_classes(what, chosen, label, picked, classes)
  local is_mean = reduction_of(what, chosen)
  local weight = class_weights(what, chosen.weight, classes)
  local share = weight and look_up(weight, label)
  if chosen.ignore_index ~= nil then
    local counts = op.not_equal(op.float(label), core.integer(what, "ignore_index", chosen.ignore_index))
    share = share and counts * share or counts
  end
  local label_loss = named(-picked, "label_loss")
  if not share then return (is_mean and mean_of or sum_of)(label_loss), share end
  local total = sum_of(op.select(op.equal(share, 0), 0, label_loss * share))
  return is_mean and total / sum_of(share) or total, share
end

define("nll", function(log_probability, label, given)
  local classes = need_classes("nll", log_probability, label)
  local chosen = options("nn.nll", given, class_options)
  return (fold_classes("nn.nll", chosen, label, gather(log_probability, -1, label), classes))
end)

-- log sum_k exp(z_k) - z_label, with the largest z taken off from both. Targets may be probabilities as well.
local function cross_entropy_of_probabilities(logits, target, chosen)
  if chosen.ignore_index ~= nil then fail "nn.cross_entropy: ignore_index goes with classes, not with probabilities" end
  local sizes = core.sizes(logits)
  if #sizes == 0 or core.shape(logits) ~= core.shape(target) then
    fail(both("cross_entropy: logits and probabilities differ in shape", logits, target))
  end
  local smoothing = chosen.label_smoothing
  if smoothing > 0 then target = (1 - smoothing) * target + smoothing / sizes[#sizes] end
  local weight = class_weights("nn.cross_entropy", chosen.weight, sizes[#sizes])
  if weight then target = target * weight end
  local losses = -core.sum(target * core.log_softmax(logits), 1 << #sizes)
  return (reduction_of("nn.cross_entropy", chosen) and mean_of or sum_of)(losses)
end

define("cross_entropy", function(logits, label, given)
  local own = {label_smoothing = 0}
  for key, value in pairs(class_options) do own[key] = value end
  local chosen = options("nn.cross_entropy", given, own)
  local smoothing = core.number("nn.cross_entropy", "label_smoothing", chosen.label_smoothing, 0, 1)
  need_floats("cross_entropy", logits)
  if is_tensor(label) and core.kind(label) == "float" and core.rank(label) > 0 and core.rank(label) == core.rank(logits) then
    return cross_entropy_of_probabilities(logits, label, chosen)
  end

  local classes = need_classes("cross_entropy", logits, label)
  local s, last, _, largest = core.shifted("cross_entropy", logits)
  local log_total = named(op.log(named(core.sum(op.exp(s), last), "total")), "log_total")
  local picked = named(gather(logits, -1, label) - largest, "label_score") - log_total
  local loss, share = fold_classes("nn.cross_entropy", chosen, label, picked, classes)
  if smoothing == 0 then return loss end

  -- label_smoothing: a share of the loss is spread over all classes, each with its weight (but the label's divides the mean)
  local weight = class_weights("nn.cross_entropy", chosen.weight, classes)
  local sizes = core.sizes(log_total)
  sizes[#sizes + 1] = 1
  local log_probability = s - core.reshape(log_total, sizes)
  local spread = -core.sum(weight and weight * log_probability or log_probability, last)
  if chosen.ignore_index ~= nil then spread = op.select(op.equal(op.float(label), chosen.ignore_index), 0, spread) end
  local is_mean = chosen.reduction == "mean"
  local spread_loss = is_mean and not share and mean_of(spread) or is_mean and sum_of(spread) / sum_of(share) or sum_of(spread)
  return (1 - smoothing) * loss + smoothing / classes * spread_loss
end)

-- PyTorch's multi_margin_loss: mean over classes k other than the label of max(0, margin - z_label + z_k)
define("hinge", function(scores, label, given)
  local classes = need_classes("hinge", scores, label)
  local chosen = options("nn.hinge", given, {reduction = "mean", margin = 1, weight = core.any})
  local last = 1 << core.rank(scores)
  local sizes = core.sizes(scores)
  sizes[#sizes] = 1
  local own = core.reshape(gather(scores, -1, label), sizes)
  local losses = core.sum(op.select(one_hot(label, classes), 0, op.relu(chosen.margin - own + scores)), last) / classes
  local weight = class_weights("nn.hinge", chosen.weight, classes)
  if weight then losses = look_up(weight, label) * losses end
  return (reduction_of("nn.hinge", chosen) and mean_of or sum_of)(losses)
end)

-- ---- metrics ---------------------------------------------------------------------------------------------------------

-- A metric that is no tensor: what the runtime folds over a set in its own way.
local metric
metric, core.metric_of = core.objects("metric", {__index = export(function()
  fail "this metric has no value in the model: it can only stand in metrics = {…}"
end)})

-- Metrics of which more is better, for early_stop; of losses and everything else less is.
core.rises = setmetatable({}, {__mode = "k"})
local function rising(result)
  core.rises[result] = true
  return result
end

define("accuracy", function(scores, label)
  need_classes("accuracy", scores, label)
  return rising(mean_of(op.equal(core.argmax(scores, 1 << core.rank(scores)), label)))
end)

-- The share of rows whose label is among the k largest; of equals the first are taken, as argmax takes the first.
define("top_k", function(scores, label, k)
  local classes = need_classes("top_k", scores, label)
  k = core.integer("nn.top_k", "k", k, 1, classes)
  local last = 1 << core.rank(scores)
  local sizes = core.sizes(scores)
  sizes[#sizes] = 1
  local own = core.reshape(gather(scores, -1, label), sizes)
  local before = op.less(core.index({classes}, 1), core.reshape(label, sizes))
  local ahead = core.sum(op.greater(scores, own) + op.equal(scores, own) * before, last)
  return rising(mean_of(op.less(ahead, k)))
end)

define("mean_absolute_error", function(prediction, target)
  return mean_of(op.abs(prediction - need_pair("mean_absolute_error", prediction, target)))
end)

-- counts, row = label, column = prediction
define("confusion", function(scores, label)
  local classes = need_classes("confusion", scores, label)
  local per_row, sizes = core.per_row(scores), core.sizes(scores)
  if #sizes > 1 or not per_row then
    fail("nn.confusion: one prediction a row belongs here" .. core.seen("prediction", scores))
  end
  local predicted = one_hot(core.argmax(scores, 2), classes)
  local actual = one_hot(label, classes) * core.reshape(core.value("row_mask"), {1})
  return metric {kind = "counts", parts = {core.contract(actual, predicted, "bi,bj->ij")}}
end)

-- 1 - sum (y - p)² / sum (y - mean y)², from sums over the whole set
define("r2", function(prediction, target)
  target = need_pair("r2", prediction, target)
  local elements = 1
  for _, size in ipairs((core.sizes(target))) do elements = elements * size end
  local parts = {sum_of(op.square(target - prediction)), sum_of(target), sum_of(op.square(target))}
  return metric {kind = "r2", elements = elements, parts = parts}
end)

-- ---- the reference ---------------------------------------------------------------------------------------------------

local function elementwise(name, torch, text)
  return {"nn." .. name .. "(x, target)", text, torch = torch, on = {3}, folds = true, example = function(x)
    return nn[name](x, nn.parameter("target", {3}, 0.25))
  end}
end
local function of_classes(name, torch, text, formula, gradient)
  return {"nn." .. name .. "(x, label)", text, torch = torch, shape = "x (…, classes), label (…)", formula = formula, gradient = gradient,
          call = function() return nn[name](nn.parameter(name .. ".x", {1, 3}, 0), core.index({1}, 1)) end}
end
core.document("losses", {
  elementwise("mse", "F.mse_loss"), elementwise("huber", "F.huber_loss"), elementwise("smooth_l1", "F.smooth_l1_loss"),
  {"nn.l1(x, target)", "With one argument the penalty, the sum of |x|.", torch = "F.l1_loss", on = {3}, folds = true,
   example = function(x) return nn.l1(x, nn.parameter("target", {3}, 0.25)) end},
  {"nn.l2(w)", "A penalty: `+ 1e-3 * nn.l2(fc.weight)`.", on = {3}, folds = true, example = function(x) return nn.l2(x) end},
  of_classes("cross_entropy", "F.cross_entropy", "The target may be probabilities of x's shape too.",
             "loss = mean of logsumexp(x) - x[label]", "∂x = (softmax(x) - one_hot(label)) / rows"),
  of_classes("nll", "F.nll_loss", "x is a log-probability.", "loss = mean of -x[label]", "∂x = -one_hot(label) / rows"),
  elementwise("binary_cross_entropy", "F.binary_cross_entropy", "x is a probability; logarithms are cut at -100."),
  elementwise("bce_with_logits", "F.binary_cross_entropy_with_logits"),
  elementwise("kl_div", "F.kl_div", "x is a log-probability; the mean is over elements."),
  of_classes("hinge", "F.multi_margin_loss", nil, "loss = mean of Σ_{k ≠ label} max(0, margin - x[label] + x[k]) / classes",
             "∂x[k] = 1 / (classes rows) where the term is above 0; ∂x[label] = -their sum"),
})
core.document("metrics", {
  {"nn.accuracy(scores, label)", formula = "share of rows whose largest score is the label's"},
  {"nn.top_k(scores, label, k)", formula = "share of rows whose label is among the k largest scores"},
  {"nn.confusion(scores, label)", "Logged as nested lists.", formula = "counts[label][prediction]"},
  {"nn.mean_absolute_error(x, target)", formula = "mean of |x - target|"},
  {"nn.r2(x, target)", formula = "1 - Σ (target - x)² / Σ (target - mean target)², over the whole set"},
})
