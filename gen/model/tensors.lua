-- tensors.lua: how arguments are judged, and what a tensor answers: arithmetic, comparisons, folds, shapes.
--
-- Axes count from 1 without the batch, negative ones from the end; "batch" is the batch. `core` takes sets of axes as bits, bit
-- 0 the batch. Every function of a tensor is defined once and is nn.f(x) as well as x:f().
local core = ...
local nn, op = core.nn, core.op
local pairs, tostring, type = pairs, tostring, type
local concat, sort = table.concat, table.sort
local export, fail, is_tensor = core.export, core.fail, core.is_tensor

-- ---- judging arguments -----------------------------------------------------------------------------------------------

-- A line of a message about a tensor: its shape, and where it was made.
function core.seen(label, x)
  return "\n" .. label .. (" "):rep(math.max(1, 12 - #label)) .. core.shape(x) .. "   " .. core.made(x)
end

-- Refuses a name that is not among `words`: "nn.sgd has no option 'momentun'; did you mean momentum?"
function core.unknown(what, name, words, place)
  local text = what .. " " .. (type(name) == "string" and core.quoted(name) or type(name) == "number" and name or core.a(name))
  sort(words)
  local near = type(name) == "string" and core.nearest(name, words)
  if near then fail(text .. "; did you mean " .. near .. "?", place) end
  fail(text .. (#words > 0 and #words <= 24 and "\nthere are: " .. concat(words, ", ") or ""), place)
end

local function refuse_swept(what, name, value)
  if core.is_swept(value) then
    fail(what .. ": " .. name .. " cannot be swept\nnn.sweep stands for an optimizer's lr, or in an expression of the model")
  end
end

function core.number(what, name, value, low, high)
  refuse_swept(what, name, value)
  if type(value) ~= "number" then fail(what .. ": " .. name .. " is a number, not " .. core.a(value)) end
  if value ~= value or value == 1/0 or value == -1/0 then fail(what .. ": " .. name .. " is finite, not " .. value) end
  if low and value < low or high and value > high then
    fail(what .. ": " .. name .. " is " .. (high and "a number from " .. low .. " to " ..
         high or low == 0 and "not negative" or "at least " .. low) ..
         ", not " .. value)
  end
  return value
end

function core.integer(what, name, value, low, high)
  if type(value) ~= "number" then fail(what .. ": " .. name .. " is an integer, not " .. core.a(value)) end
  local integer = math.tointeger(value)
  if not integer then fail(what .. ": " .. name .. " is an integer, not " .. value) end
  if low and integer < low or high and integer > high then
    fail(what .. ": " .. name .. " is an integer " .. (high and high < 2^31 - 1 and "from " .. low .. " to " .. high or
         high and integer > high and "up to " .. math.tointeger(high) or "from " .. low) .. ", not " .. integer)
  end
  return integer
end

-- A table of functions that answers its names only.
core.closed_tables = {}
function core.closed(what, functions)
  core.closed_tables[what] = functions
  local function find(_, name)
    if functions[name] ~= nil then return functions[name] end
    local words = {}
    for word in pairs(functions) do words[#words + 1] = word end
    core.unknown(what .. " has no", name, words)
  end
  return (core.objects(what, {__index = find, __newindex = export(function() fail(what .. " cannot be changed") end)})) {}
end

-- A table of options: `defaults` has every name that is allowed. A default's type is the option's; `core.any` leaves it to the
-- caller (absent: nil).
core.any = {}
function core.options(what, given, defaults)
  local result = {}
  if core.on_options then core.on_options(what, defaults) end
  if given == nil then given = {} end
  if not core.is_plain(given) then
    fail(what .. ": options are a table as {name = value}, not " .. core.a(given))
  end
  for key, value in pairs(given) do
    local default = defaults[key]
    if default == nil then
      if type(key) == "number" then
        fail(what .. ": options have names, as {name = value}; " .. core.a(value) .. " stands there without one")
      end
      local words = {}
      for word in pairs(defaults) do words[#words + 1] = word end
      core.unknown(what .. " has no option", key, words)
    end
    refuse_swept(what, key, value)
    if default ~= core.any and type(value) ~= type(default) then
      fail(what .. ": " .. key .. " is a " .. type(default) .. ", not " .. core.a(value))
    end
    if type(default) == "number" then core.number(what, key, value) end
    result[key] = value
  end
  for key, default in pairs(defaults) do
    if result[key] == nil and default ~= core.any then result[key] = default end
  end
  return result
end

function core.need_tensor(what, x, which)
  if not is_tensor(x) then
    fail(what .. ": " .. (which or "a tensor") .. " belongs here, not " .. core.a(x) ..
         (x == nil and not which and "\nin a sequential a function stands as it is, without ()" or ""))
  end
end

-- x, with the name that the program shows for it
function core.named(x, name)
  core.set_name(x, name)
  return x
end

-- What makes the nodes from now on is called "max_pool2d of conv1", unless a layer is at work already or x has no name; gives back
-- what held before.
function core.layer_of(kind, x)
  local before = core.layer(nil)
  local beginning = core.beginning(x)
  core.layer(before or beginning and kind .. " of " .. beginning)
  return before
end

-- ---- definitions -----------------------------------------------------------------------------------------------------

local methods = {}
core.builtin = {}                       -- exported functions: a sequential gives them its own line
local function define(name, f)
  local exported = export(f)
  nn[name], methods[name], core.builtin[exported] = exported, exported, true
end
core.define = define

-- Operations that are functions as they stand; the result of fc1 is named fc1_relu.
local function define_named(name, f)
  define(name, function(x, ...)
    local y = f(x, ...)
    if is_tensor(x) then core.name_after(y, x, name) end
    return y
  end)
end
core.define_named = define_named

-- ---- the reference ---------------------------------------------------------------------------------------------------

-- `nngen language` prints an entry for every name; each file documents its own names below their definitions. An entry is
--   {"nn.gelu(x)", "what it is, where the formula does not say it", formula = "…", shape = "…", gradient = "…", torch = "F.gelu",
--    on = {3}, example = function(x) return nn.gelu(x) end}
-- Of these the call is needed. The example gets a parameter of the shape `on` ({}: a number) and gives its value, and layers and
-- tensors whose gradients are of interest as well: options with their defaults are those that it meets in core.options, value and
-- gradients are written from its graph, unless `formula` and `gradient` say them. So neither can drift.
core.entries = {}
function core.document(group, entries)
  for _, entry in ipairs(entries) do
    entry.group, entry.name = group, entry[1]:gsub("^nn%.", ""):gsub("^x:", ""):match "^[%w_.:]+"
    core.entries[#core.entries + 1] = entry
  end
end

-- ---- axes ------------------------------------------------------------------------------------------------------------

-- The number of an axis from 1; `extra` allows one axis more, for stack.
local function axis_number(what, x, axis, extra)
  local sizes = core.sizes(x)
  local rank = #sizes + (extra or 0)
  if type(axis) ~= "number" or not math.tointeger(axis) then
    local given = type(axis) == "number" and axis or type(axis) == "string" and core.quoted(axis) or core.a(axis)
    fail(what .. ": an axis is an integer, not " .. given)
  end
  local number = axis < 0 and rank + 1 + axis or axis
  if number < 1 or number > rank then
    fail(what .. ": there is no axis " .. axis .. " in the shape " .. core.shape(x) ..
         (rank == 0 and "" or "\naxes count from 1 without the batch, here to " .. rank .. ", or from -1 at the end") ..
         core.seen("tensor", x))
  end
  return math.tointeger(number), sizes
end
core.axis_number = axis_number

local function axis_bit(what, x, axis)
  if axis == "batch" then
    local per_row = core.per_row(x)
    if not per_row then
      fail(what .. ": a tensor of the shape " .. core.shape(x) .. " has no batch" .. core.seen("tensor", x))
    end
    return 1
  end
  return 1 << axis_number(what, x, axis)
end

-- The set of axes of a fold. nil: all of them, the batch included.
local function axis_set(what, x, axis)
  if axis == nil then return core.all_axes(x) end
  if type(axis) ~= "table" then return axis_bit(what, x, axis) end
  if #axis == 0 then fail(what .. ": the list of axes is empty") end
  local set = 0
  for i = 1, #axis do
    local bit = axis_bit(what, x, axis[i])
    if set & bit ~= 0 then fail(what .. ": axis " .. tostring(axis[i]) .. " stands twice in the list") end
    set = set | bit
  end
  return set
end

-- x:f(axis, {keep = true}) or x:f {keep = true}
local function fold_arguments(what, x, axis, options, defaults)
  core.need_tensor(what, x)
  if type(axis) == "table" and #axis == 0 and next(axis) ~= nil then axis, options = nil, axis end
  defaults.keep = false
  return axis_set(what, x, axis), core.options(what, options, defaults)
end

local function kept(y, x, set)
  local sizes = core.sizes(x)
  for axis = 1, #sizes do
    if set >> axis & 1 == 1 then sizes[axis] = 1 end
  end
  return core.reshape(y, sizes)
end

-- y, a fold of x over the axes, with 1 where they were
function core.keep(y, x, axis)
  return kept(y, x, (fold_arguments("keep", x, axis, nil, {})))
end

local function define_fold(name, fold, defaults)
  define(name, function(x, axis, options)
    local all = {}
    for key, default in pairs(defaults or {}) do all[key] = default end
    local set, chosen = fold_arguments(name, x, axis, options, all)
    local y = fold(x, set, chosen)
    if chosen.keep then return kept(y, x, set) end
    return y
  end)
end

local function mean(x, set)
  return core.sum(x, set) / core.fold_size(x, set)
end

local function log_sum_exp(x, set)
  local before = core.layer_of("logsumexp", x)
  local largest = op.detach(core.max(x, set))
  local shift = core.named(op.select(op.equal(op.abs(largest), 1/0), 0, largest), "shift")      -- all of them minus infinity: so is the result
  local total = core.named(core.sum(op.exp(x - kept(shift, x, set)), set), "total")
  local y = core.named(op.log(total) + shift, "log_sum")
  core.layer(before)
  return y
end

core.mean_over = mean
define_fold("sum", function(x, set) return core.sum(x, set) end)
define_fold("mean", mean)
define_fold("max", function(x, set) return core.max(x, set) end)
define_fold("min", function(x, set) return -core.max(-x, set) end)
define_fold("logsumexp", log_sum_exp)
define_fold("var", function(x, set, chosen)
  local sizes = core.sizes(x)
  local count = 1
  for axis = 1, #sizes do
    if set >> axis & 1 == 1 then count = count * sizes[axis] end
  end
  if chosen.unbiased and count == 1 and set & 1 == 0 then
    fail("var: the variance of one element divides by n - 1 = 0" .. core.seen("tensor", x) ..
         "\n{unbiased = false} divides by n")
  end
  local squares = core.sum(op.square(x - kept(mean(x, set), x, set)), set)
  return squares / (chosen.unbiased and core.fold_size(x, set) - 1 or core.fold_size(x, set))
end, {unbiased = true})

-- ---- arithmetic and comparisons --------------------------------------------------------------------------------------

-- Powers that have an operation of their own are exact and cheap.
local function power(x, p)
  if type(p) == "number" and is_tensor(x) then
    if p == 1 then return x end
    if p == 2 then return op.square(x) end
    if p == 3 then return op.square(x) * x end
    if p == 0.5 then return op.sqrt(x) end
    if p == -1 then return op.reciprocal(x) end
    if p == -0.5 then return op.reciprocal(op.sqrt(x)) end
  end
  return op.power(x, p)
end
define("pow", power)

-- A number beside classes: the classes are compared as numbers.
local function define_comparison(name, operation)
  define(name, function(a, b)
    if type(b) == "number" and is_tensor(a) and core.kind(a) == "int" then a = op.float(a) end
    if type(a) == "number" and is_tensor(b) and core.kind(b) == "int" then b = op.float(b) end
    return operation(a, b)
  end)
end
define_comparison("gt", op.greater)
define_comparison("ge", op.greater_equal)
define_comparison("lt", op.less)
define_comparison("le", op.less_equal)
define_comparison("eq", op.equal)
define_comparison("ne", op.not_equal)

define("maximum", function(a, b) return op.maximum(a, b) end)
define("minimum", function(a, b) return op.minimum(a, b) end)
define("where", function(condition, a, b) return op.select(condition, a, b) end)
define("matmul", function(a, b)
  core.need_tensor("matmul", a)
  core.need_tensor("matmul", b)
  return core.matmul(a, b)
end)
define("detach", function(x) return op.detach(x) end)
define("float", function(x)
  if is_tensor(x) and core.kind(x) == "float" then return x end
  return op.float(x)
end)

-- ---- shapes ----------------------------------------------------------------------------------------------------------

define("reshape", function(x, sizes)
  core.need_tensor("reshape", x)
  if type(sizes) ~= "table" then
    fail("reshape: a list of sizes belongs here, as x:reshape {28, 28}, not " .. core.a(sizes))
  end
  local old = core.sizes(x)
  local new, free, count, known = {}, nil, 1, 1
  for axis = 1, #old do count = count * old[axis] end
  for axis = 1, #sizes do
    new[axis] = sizes[axis]
    if sizes[axis] == -1 then
      if free then fail "reshape: only one size can be -1, that is, found from the others" end
      free = axis
    else
      known = known * core.integer("reshape", "a size", sizes[axis], 1)
    end
  end
  if free then
    if count % known ~= 0 then
      fail("reshape: " .. count .. " elements do not divide by " .. known .. core.seen("tensor", x))
    end
    new[free] = count // known
  end
  return core.reshape(x, new)
end)

define_named("flatten", function(x)
  core.need_tensor("flatten", x)
  local sizes = core.sizes(x)
  if #sizes == 1 then return x end
  local count = 1
  for axis = 1, #sizes do count = count * sizes[axis] end
  return core.reshape(x, {count})
end)

define("permute", function(x, order)
  core.need_tensor("permute", x)
  local sizes = core.sizes(x)
  if type(order) ~= "table" or #order ~= #sizes then
    fail("permute: a list of all " .. #sizes .. " axes belongs here, not " .. (type(order) == "table" and #order ..
         " of them" or core.a(order)))
  end
  local seen, axes = {}, {}
  for i = 1, #order do
    local axis = axis_number("permute", x, order[i])
    if seen[axis] then fail("permute: axis " .. order[i] .. " stands twice in the list") end
    seen[axis], axes[i] = true, axis
  end
  return core.permute(x, axes)
end)

local function transpose(x, i, j)
  core.need_tensor("transpose", x)
  local first, sizes = axis_number("transpose", x, i)
  local second = axis_number("transpose", x, j)
  local order = {}
  for axis = 1, #sizes do order[axis] = axis end
  order[first], order[second] = second, first
  return core.permute(x, order)
end
define("transpose", transpose)

define("slice", function(x, axis, first, last)
  core.need_tensor("slice", x)
  local number, sizes = axis_number("slice", x, axis)
  first, last = core.integer("slice", "the first place", first), core.integer("slice", "the last place", last)
  if first < 1 or last > sizes[number] or first > last then
    fail("slice: places " .. first .. " to " .. last .. " are not in 1 to " .. sizes[number] .. ", the size of axis " .. axis ..
         core.seen("tensor", x) .. "\nplaces count from 1, both ends included")
  end
  return core.slice(x, number, first, last)
end)

define("pad", function(x, axis, before, after, value)
  core.need_tensor("pad", x)
  local number = axis_number("pad", x, axis)
  before, after = core.integer("pad", "the count before", before, 0), core.integer("pad", "the count after", after, 0)
  if type(value) == "number" and value ~= value then fail "pad: the value is not a number (NaN)" end
  if value ~= nil and type(value) ~= "number" then fail("pad: the value is a number, not " .. core.a(value)) end
  return core.pad(x, number, before, after, value or 0)
end)

local function tensor_list(what, list)
  if type(list) ~= "table" or #list == 0 then
    fail("nn." .. what .. ": a list of tensors belongs first, as nn." .. what .. "({a, b}, axis), not " .. core.a(list))
  end
  for i = 1, #list do core.need_tensor("nn." .. what, list[i], "a tensor as element " .. i) end
end

local function join(list, axis)
  local joined = list[1]
  for i = 2, #list do joined = core.concat(joined, list[i], axis) end
  return joined
end

nn.concat = export(function(list, axis)
  tensor_list("concat", list)
  return join(list, (axis_number("nn.concat", list[1], axis)))
end)

nn.stack = export(function(list, axis)
  tensor_list("stack", list)
  local number = axis_number("nn.stack", list[1], axis, 1)
  local raised = {}
  for i = 1, #list do
    local sizes = core.sizes(list[i])
    if number > #sizes + 1 then
      fail("nn.stack: the shapes differ, " .. core.shape(list[1]) .. " and " .. core.shape(list[i]))
    end
    table.insert(sizes, number, 1)
    raised[i] = core.reshape(list[i], sizes)
  end
  return join(raised, number)
end)

-- ---- classes ---------------------------------------------------------------------------------------------------------

-- 1 where the place along a new last axis is the class
local function one_hot(label, classes)
  local sizes = core.sizes(label)
  sizes[#sizes + 1] = 1
  return op.equal(core.reshape(label, sizes), core.index({classes}, 1))
end
core.one_hot = one_hot

define("one_hot", function(label, classes)
  core.need_tensor("one_hot", label)
  if core.kind(label) ~= "int" then
    fail("one_hot: classes are integers, made by nn.class; this tensor holds floats" .. core.seen("tensor", label))
  end
  classes = classes or core.classes(label)
  if not classes then
    fail "one_hot: how many classes there are cannot be seen here\ngive their number: nn.one_hot(label, 10)"
  end
  return one_hot(label, core.integer("one_hot", "the number of classes", classes, 1, 2^31 - 1))
end)

-- PyTorch's gather: the index has x's rank and picks along the axis. An index without the axis picks one element for each of
-- its own; a single integer (a row) picks the same place everywhere.
define("gather", function(x, axis, index)
  core.need_tensor("gather", x)
  core.need_tensor("gather", index)
  local number, sizes = axis_number("gather", x, axis)
  local kind, places = core.kind(index), core.sizes(index)
  local per_row, index_per_row = core.per_row(x), core.per_row(index)
  local own, picked, found = "", "", ""                  -- letters: of x, of the index, of the result
  local fits = kind == "int" and (#places == #sizes or #places == #sizes - 1 or #places == 0)
  for i = 1, #sizes do
    local letter = ("cdefgh"):sub(i, i)
    local place = i == number and #places == #sizes and "i" or i ~= number and letter or ""
    if fits and place ~= "" and #places > 0 then
      picked = picked .. place
      fits = i == number or places[#picked] == sizes[i]
    end
    own, found = own .. letter, found .. place
  end
  if not fits then
    fail("gather: the index does not fit" .. core.seen("tensor", x) .. core.seen(kind .. " index", index) ..
         "\nan index holds integers and has the tensor's sizes, except along axis " .. axis .. ", or lacks that axis")
  end
  local function rows(has, letters) return (has and "b" or "") .. letters end
  return core.gather(x, index, rows(per_row, own) .. "," .. rows(index_per_row, picked) .. "->" .. rows(per_row or index_per_row, found))
end)

-- table[index]: along the table's first axis, whose place the index's axes take.
function core.look_up(values, index)
  local rest = ("wxy"):sub(1, core.rank(values) - 1)
  local per_row = core.per_row(index)
  local places = (per_row and "b" or "") .. ("cdefgh"):sub(1, core.rank(index))
  return core.gather(values, index, "v" .. rest .. "," .. places .. "->" .. places .. rest)
end

-- ---- the metatable ---------------------------------------------------------------------------------------------------

local meta = core.metatable
meta.__pow = export(power)

meta.__index = export(function(x, key)
  if methods[key] then return methods[key] end
  if key == "shape" then
    local sizes = core.sizes(x)
    return sizes
  end
  if type(key) == "number" then
    fail("a tensor is not indexed with []\nx:slice(axis, first, last) is a part of it, and counts from 1")
  end
  local words = {"shape"}
  for word in pairs(methods) do words[#words + 1] = word end
  core.unknown("a tensor has no", key, words)
end)

meta.__newindex = export(function() fail "a tensor cannot be changed; make a new one from it" end)
meta.__call = export(function() fail "a tensor is not a function; is an operator missing before the parenthesis?" end)
meta.__len = export(function() fail "a tensor has no length #; x.shape is the list of its sizes without the batch" end)
meta.__concat = export(function() fail "tensors are not joined by ..; nn.concat({a, b}, axis) joins them" end)
meta.__tostring = function(x)
  local name = core.get_name(x)
  return "tensor " .. core.shape(x) .. (name and " " .. name or "")
end
for event, words in pairs {__eq = {"== or ~=", "a:eq(b) and a:ne(b)"}, __lt = {"< or >", "a:lt(b) and a:gt(b)"},
                           __le = {"<= or >=", "a:le(b) and a:ge(b)"}} do
  local message = "tensors are not compared by " .. words[1] .. "\n" .. words[2] .. " are tensors of 0 and 1"
  meta[event] = export(function() fail(message) end)
end
for event, symbol in pairs {__mod = "%", __idiv = "//", __band = "&", __bor = "|", __bxor = "~", __shl = "<<", __shr = ">>",
                            __bnot = "~"} do
  meta[event] = export(function() fail("tensors have no operator " .. symbol) end)
end

-- ---- the reference ---------------------------------------------------------------------------------------------------

core.document("tensors", {
  {"x:sum(axis)", shape = "drops the axis, or leaves it with size 1 where {keep = true}", torch = "x.sum(axis)", on = {3, 2},
   example = function(x) return nn.sum(x, 1) end},
  {"x:mean(axis)", torch = "x.mean(axis)", on = {3, 2}, example = function(x) return nn.mean(x, 1) end},
  {"x:max(axis)", "At a tie the first counts.", torch = "x.max(axis).values", on = {3, 2}, example = function(x) return nn.max(x, 1) end},
  {"x:min(axis)", "At a tie the first counts.", torch = "x.min(axis).values", on = {3, 2}, example = function(x) return nn.min(x, 1) end},
  {"x:var(axis)", "Divides by n - 1, or by n where {unbiased = false}.", torch = "x.var(axis)", on = {3, 2},
   example = function(x) return nn.var(x, 1) end},
  {"x:logsumexp(axis)", torch = "x.logsumexp(axis)", on = {3, 2}, example = function(x) return nn.logsumexp(x, 1) end},
  {"nn.pow(x, p)", "As x ^ p.", torch = "torch.pow", example = function(x) return nn.pow(x, nn.parameter("p", {}, 3)) end},
  {"x:gt(b)", torch = "x > b", formula = "1 where x > b, else 0", gradient = "0"},
  {"x:ge(b)", torch = "x >= b", formula = "1 where x >= b, else 0", gradient = "0"},
  {"x:lt(b)", torch = "x < b", formula = "1 where x < b, else 0", gradient = "0"},
  {"x:le(b)", torch = "x <= b", formula = "1 where x <= b, else 0", gradient = "0"},
  {"x:eq(b)", torch = "x == b", formula = "1 where x = b, else 0", gradient = "0"},
  {"x:ne(b)", torch = "x != b", formula = "1 where x is not b, else 0", gradient = "0"},
  {"nn.maximum(a, b)", "At a tie half of the gradient goes to each.", torch = "torch.maximum",
   example = function(x) local b = nn.parameter("b", {}, 0) return nn.maximum(x, b), b end},
  {"nn.minimum(a, b)", "At a tie half of the gradient goes to each.", torch = "torch.minimum",
   example = function(x) local b = nn.parameter("b", {}, 0) return nn.minimum(x, b), b end},
  {"nn.where(condition, a, b)", "The branch that is not taken gets no gradient, not even where it is NaN.", torch = "torch.where",
   example = function(x) local b = nn.parameter("b", {}, 0) return nn.where(nn.parameter("condition", {}, 1), x, b), b end},
  {"x:matmul(b)", "The last two axes; one before them counts in both, or is repeated. A vector is a row on the left, a column on the right.",
   torch = "torch.matmul", shape = "(…, n, k), (…, k, m) → (…, n, m)", on = {2, 3},
   example = function(x) local b = nn.parameter("b", {3, 4}, 0) return nn.matmul(x, b), b end},
  {"nn.detach(x)", torch = "x.detach()", formula = "x", gradient = "0"},
  {"nn.float(x)", "Classes as numbers.", torch = "x.float()", formula = "x", gradient = "0 to classes"},
  {"x:reshape {…}", "One size may be -1: it is found from the others.", torch = "x.reshape", formula = "the same elements in the same order",
   gradient = "∂y in the shape of x"},
  {"nn.flatten(x)", torch = "nn.Flatten()", shape = "(a, b, …) → (a · b · …)", formula = "the same elements in the same order",
   gradient = "∂y in the shape of x"},
  {"x:permute {…}", torch = "x.permute", formula = "axis order[i] of x becomes axis i", gradient = "∂y with the axes put back"},
  {"x:transpose(i, j)", torch = "x.transpose", formula = "axes i and j change places", gradient = "∂y with the axes put back"},
  {"x:slice(axis, first, last)", "Places count from 1, both ends included.", torch = "x.narrow", formula = "x[first … last]",
   gradient = "∂y between zeros"},
  {"x:pad(axis, before, after, value)", "The value is 0 unless given.", torch = "F.pad", formula = "x between `before` and `after` values",
   gradient = "that part of ∂y"},
  {"nn.concat({a, b}, axis)", torch = "torch.cat", formula = "b behind a", gradient = "each its part of ∂y"},
  {"nn.stack({a, b}, axis)", torch = "torch.stack", formula = "a and b along a new axis", gradient = "each its part of ∂y"},
  {"nn.one_hot(label, classes)", "The number of classes is the label's own unless given.", torch = "F.one_hot",
   shape = "(…) → (…, classes)", formula = "1 where the place is the class, else 0", gradient = "0"},
  {"x:gather(axis, index)", "Index values count from 0. An index without that axis picks one element for each of its own, " ..
   "a single integer the same place everywhere. An index that may reach beyond the axis is refused.",
   torch = "x.gather", formula = "y[i] = x[index[i]] along the axis", gradient = "∂x[k] = Σ over i with index[i] = k of ∂y[i]"},
})
