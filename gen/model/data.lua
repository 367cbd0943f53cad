-- data.lua: nn.data. A source is judged here as far as it can be without the inputs; against them when nn.train takes it
-- (core.bind), and data.c copies the result into the program's tables.
local core = ...
local nn = core.nn
local fail, pairs, type = core.fail, pairs, type
local any, export, number, options = core.any, core.export, core.number, core.options

-- source.classes: how many classes the training text has; the file is read when it is asked for, once.
local new_object, source_of
new_object, source_of = core.objects("data source", {__index = export(function(object, key)
  local source = source_of(object)
  if source.kind == "text" and key == "context" then return source.context end
  if source.kind ~= "text" or key ~= "classes" then
    core.unknown("a source nn.data." .. source.kind .. " has no", key, source.kind == "text" and {"classes", "context"} or {})
  end
  source.classes = source.classes or core.text_classes(source.train, source.default, source.level == "byte")
  return source.classes
end)})
local sets = {"train", "validation", "test"}

-- ---- what all sources share ------------------------------------------------------------------------------------------

local function shared_options()
  return {train = any, validation = any, test = any, split = any, stratify = any, shuffle = true, rows = any,
          scale = any, mean = any, std = any, standardize = any, augment = any}
end

-- A table of named values, each judged.
local function named_values(what, given, judge)
  if given == nil then return nil end
  if not core.is_plain(given) then fail(what .. " is a table by name, not " .. core.a(given)) end
  local result = {}
  for key, value in pairs(given) do
    if type(key) ~= "string" then fail(what .. " is a table by name, as {train = …}") end
    core.name(key, what)
    result[key] = judge(key, value)
  end
  return result
end

local function by_set(what, given, judge)
  return named_values(what, given, function(set, value)
    if set ~= "train" and set ~= "validation" and set ~= "test" then
      core.unknown(what .. " has no set", set, {"train", "validation", "test"})
    end
    return judge(set, value)
  end)
end

local function new_source(kind, chosen)
  local what = "nn.data." .. kind
  chosen.kind, chosen.place = kind, core.place()
  if chosen.train == nil then fail(what .. ": train is missing") end

  chosen.split = by_set(what .. ": split", chosen.split, function(set, share)
    return number(what .. ": split", set, share, 0, 1)
  end)
  if chosen.split then
    local total = 0
    for _, set in ipairs(sets) do
      local share = chosen.split[set]
      if share and set ~= "train" and chosen[set] ~= nil then
        fail(what .. ": " .. set .. " is given, and split cuts it from train as well")
      end
      total = total + (share or 0)
    end
    if math.abs(total - 1) > 1e-9 then fail(what .. ": the shares of split sum to " .. total .. ", not 1") end
    if not chosen.split.train or chosen.split.train == 0 then fail(what .. ": split leaves nothing to train on") end
  end
  if chosen.stratify ~= nil then
    if type(chosen.stratify) ~= "string" then
      fail(what .. ": stratify is the name of a class input, not " .. core.a(chosen.stratify))
    end
    if not chosen.split then fail(what .. ": stratify needs a split") end
  end
  chosen.rows = by_set(what .. ": rows", chosen.rows, function(set, rows)
    if chosen[set] == nil then fail(what .. ": rows are named for " .. set .. ", which is not given") end
    return core.integer(what .. ": rows", set, rows, 1)
  end)
  for _, key in ipairs {"scale", "mean", "std"} do
    chosen[key] = named_values(what .. ": " .. key, chosen[key], function(name, value)
      return number(what .. ": " .. key, name, value)
    end)
  end
  for name, std in pairs(chosen.std or {}) do
    if std <= 0 then fail(what .. ": std: " .. name .. " is above 0, not " .. std) end
  end
  chosen.standardize = named_values(what .. ": standardize", chosen.standardize, function(name, way)
    if way ~= "feature" and way ~= "all" then fail(what .. ": standardize: " .. name .. ' is "feature" or "all"') end
    return way
  end)
  chosen.augment = named_values(what .. ": augment", chosen.augment, function(name, given)
    local title = what .. ": augment." .. name
    local ways = options(title, given, {shift = 0, flip = any})
    ways.shift = core.integer(title, "shift", ways.shift, 0, 2^15)
    if ways.flip ~= nil and ways.flip ~= "horizontal" then fail(title .. ': flip is "horizontal", not ' .. core.a(ways.flip)) end
    if ways.shift == 0 and not ways.flip then fail(title .. ' is {shift = 2}, {flip = "horizontal"} or both') end
    return ways
  end)
  return new_object(chosen)
end

local function file_name(what, value)
  if type(value) ~= "string" or value == "" then
    fail(what .. " is the name of a file, not " .. (value == "" and "an empty string" or core.a(value)))
  end
  if value:find "%z" then fail(what .. ": a file's name has no zero byte") end
  return value
end

local function with(own, fields)
  for key, value in pairs(fields) do own[key] = value end
  return own
end

-- ---- the sources -----------------------------------------------------------------------------------------------------

local data = {}

-- One file an input in each set.
for _, kind in ipairs {"idx", "npy"} do
  local what = "nn.data." .. kind
  data[kind] = function(given)
    local chosen = options(what, given, with(shared_options(), {default = any}))
    for _, set in ipairs(sets) do
      chosen[set] = named_values(what .. ": " .. set, chosen[set], function(name, file)
        return file_name(what .. ": " .. set .. "." .. name, file)
      end)
    end
    if chosen.default ~= nil then file_name(what .. ": default", chosen.default) end
    return new_source(kind, chosen)
  end
end

-- One file (or folder) a set; `own`: the options of this source alone.
local function file_options(kind, given, own)
  local what = "nn.data." .. kind
  own.default = any
  local chosen = options(what, given, with(shared_options(), own))
  for _, set in ipairs(sets) do
    if chosen[set] ~= nil then file_name(what .. ": " .. set, chosen[set]) end
  end
  if chosen.default ~= nil then file_name(what .. ": default", chosen.default) end
  return chosen
end

for _, kind in ipairs {"npz", "safetensors", "images"} do
  data[kind] = function(given) return new_source(kind, file_options(kind, given, {})) end
end

data.text = function(given)
  local chosen = file_options("text", given, {context = any, level = "char", bind = any})
  if chosen.level ~= "char" and chosen.level ~= "byte" then
    fail('nn.data.text: level is "char" or "byte", not ' .. core.quoted(chosen.level))
  end
  if chosen.context == nil then fail "nn.data.text: context is missing: how many characters a row has" end
  chosen.context = core.integer("nn.data.text", "context", chosen.context, 1, 2^31 - 1)
  if chosen.bind ~= nil then
    local bind = options("nn.data.text: bind", chosen.bind, {text = any, next = any})
    for _, key in ipairs {"text", "next"} do
      if type(bind[key]) ~= "string" then fail("nn.data.text: bind." .. key .. " is the name of a class input, not " .. core.a(bind[key])) end
    end
    if bind.text == bind.next then fail "nn.data.text: bind: text and next are two inputs" end
    chosen.bind = bind
  else
    fail 'nn.data.text: bind is missing: which input takes the text and which the next character, as {text = "x", next = "target"}'
  end
  return new_source("text", chosen)
end

-- A column: its header's name, its number from 1, or {first, last}.
local function columns_of(name, given)
  local what = "nn.data.csv: columns." .. name
  if type(given) == "string" then return {name = given} end
  if type(given) == "number" then
    local column = core.integer(what, "a column", given, 1, 2^31 - 1)
    return {first = column, last = column}
  end
  if type(given) ~= "table" or #given ~= 2 or type(given[1]) ~= "number" or type(given[2]) ~= "number" then
    fail(what .. ' is a header\'s name, a number from 1, or {first, last}')
  end
  local first = core.integer(what, "the first column", given[1], 1)
  local last = core.integer(what, "the last column", given[2], 1, 2^31 - 1)
  if first > last then fail(what .. ": the first column, " .. first .. ", is after the last, " .. last) end
  return {first = first, last = last}
end

data.csv = function(given)
  local chosen = file_options("csv", given, {columns = any})
  if chosen.columns == nil then
    fail 'nn.data.csv: columns is missing: which columns go to which input, as {x = {1, 4}, label = "species"}'
  end
  chosen.columns = named_values("nn.data.csv: columns", chosen.columns, columns_of)
  return new_source("csv", chosen)
end

data.table = function(given)
  local chosen = options("nn.data.table", given, shared_options())
  for _, set in ipairs(sets) do
    chosen[set] = named_values("nn.data.table: " .. set, chosen[set], function(name, rows)
      if type(rows) ~= "table" then
        fail("nn.data.table: " .. set .. "." .. name .. " is a list of rows, not " .. core.a(rows))
      end
      return rows
    end)
  end
  return new_source("table", chosen)
end

for name, make in pairs(data) do data[name] = export(make) end
nn.data = core.closed("nn.data", data)

-- ---- against the inputs ----------------------------------------------------------------------------------------------

local function check_names(source, what, given)
  local names, known = {}, {}
  for i, input in ipairs(core.inputs) do names[i], known[input.name] = input.name, input end
  for name in pairs(given or {}) do
    if not known[name] then
      core.unknown("nn.data." .. source.kind .. ": " .. what .. ": there is no input", name, names, source.place)
    end
  end
  return known
end

-- Height and width of an image input of shape (channels, height, width) or (height, width); nil: it is none.
local function image_size(input)
  local sizes = core.sizes(input.tensor)
  if input.classes or #sizes < 2 or #sizes > 3 then return nil end
  return sizes[#sizes - 1], sizes[#sizes]
end

local function check_augment(source)
  local known = check_names(source, "augment", source.augment)
  for name, ways in pairs(source.augment or {}) do
    local height, width = image_size(known[name])
    if not height then
      fail("nn.data." .. source.kind .. ": augment: " .. core.quoted(name) .. " is no image: its shape is to be (channels, height, width) " ..
           "or (height, width)", source.place)
    end
    if ways.shift >= math.min(height, width) then
      fail("nn.data." .. source.kind .. ": augment." .. name .. ": a shift of " .. ways.shift .. " leaves nothing of an image " .. height ..
           " high and " .. width .. " wide", source.place)
    end
  end
end

-- Images go to the one input that is no class, their folders' numbers to the class input.
local function check_images(source)
  local image, class
  for _, input in ipairs(core.inputs) do
    local title, sizes = "nn.data.images: the input " .. core.quoted(input.name), core.sizes(input.tensor)
    if input.classes then
      if class then fail(title .. " is a second class input; a folder of images has one class a row", source.place) end
      if #sizes > 0 then fail(title .. " has a shape; a folder of images has one class a row", source.place) end
      class = input
    else
      if image then fail(title .. " is a second one for images; a folder of images has one a row", source.place) end
      if not image_size(input) or #sizes == 3 and sizes[1] > 4 then
        fail(title .. ": its shape is to be (channels, height, width), of 1 to 4 channels, or (height, width)", source.place)
      end
      image = input
    end
  end
  if not image then fail("nn.data.images: there is no input for the images, as nn.input(\"image\", {3, 32, 32})", source.place) end
end

local function check_text(source)
  local bound = {[source.bind.text] = true, [source.bind.next] = true}
  local known = check_names(source, "bind", bound)
  for _, input in ipairs(core.inputs) do
    local title, sizes = "nn.data.text: the input " .. core.quoted(input.name), core.sizes(input.tensor)
    if not bound[input.name] then fail(title .. " is not bound; a text has two inputs, text and next", source.place) end
    if not input.classes or #sizes ~= 1 or sizes[1] ~= source.context then
      fail(title .. " is to be nn.class(" .. core.quoted(input.name) .. ", classes, {" .. source.context .. "}): a class for each place of the context",
           source.place)
    end
  end
  local first, second = known[source.bind.text], known[source.bind.next]
  if first.classes ~= second.classes then
    fail("nn.data.text: " .. core.quoted(first.name) .. " has " .. first.classes .. " classes, " .. core.quoted(second.name) .. " has " ..
         second.classes .. "; they are the same text", source.place)
  end
end

-- The source, when every input has its data in every set, and nothing else is named; before nn.train or nn.show takes it.
function core.bind(what, given)
  if given == nil then
    if #core.inputs > 0 then
      fail(what .. ": the inputs have no data\ninput " .. core.quoted(core.inputs[1].name) .. " needs data = nn.data.…")
    end
    return nil
  end
  local source = source_of(given)
  if not source then
    fail(what .. ": data is made by nn.data.idx, nn.data.csv, nn.data.table or another function of nn.data, not " .. core.a(given))
  end
  if #core.inputs == 0 then fail(what .. ": there are data, but no input that takes them") end
  local known
  for _, key in ipairs {"scale", "mean", "std", "standardize"} do
    known = check_names(source, key, source[key])
    for name in pairs(source[key] or {}) do
      if known[name].classes then
        fail("nn.data." .. source.kind .. ": " .. key .. ": " .. core.quoted(name) ..
             " holds classes, which stay as they are", source.place)
      end
    end
  end
  check_augment(source)
  if source.stratify then
    if not known[source.stratify] then check_names(source, "stratify", {[source.stratify] = true}) end
    if not known[source.stratify].classes then
      fail("nn.data." .. source.kind .. ": stratify: " .. core.quoted(source.stratify) .. " is no class input", source.place)
    end
  end
  local function complete(label, given)
    check_names(source, label, given)
    for _, input in ipairs(core.inputs) do
      if given[input.name] == nil then
        fail("nn.data." .. source.kind .. ": " .. label .. ": nothing is named for the input " ..
             core.quoted(input.name), source.place)
      end
    end
  end
  if source.kind == "csv" then
    complete("columns", source.columns)
  elseif source.kind == "images" then
    check_images(source)
  elseif source.kind == "text" then
    check_text(source)
  elseif source.kind ~= "npz" and source.kind ~= "safetensors" then
    for _, set in ipairs(sets) do
      if source[set] ~= nil then complete(set, source[set]) end
    end
  end
  return source
end

core.document("data", {
  {"nn.data.idx {…}", "One file an input, gzip or plain: `train = {image = \"images.idx.gz\", label = \"labels.idx.gz\"}`.",
   call = function() return nn.data.idx {train = {}} end},
  {"nn.data.npy {…}", "One file an input.", call = function() return nn.data.npy {train = {}} end},
  {"nn.data.npz {…}", "One file a set, its arrays named as the inputs.", call = function() return nn.data.npz {train = "a"} end},
  {"nn.data.safetensors {…}", "One file a set, its tensors named as the inputs.", call = function() return nn.data.safetensors {train = "a"} end},
  {"nn.data.csv {…}", "`columns = {x = {1, 4}, label = \"species\"}`: a column by number or header, or a range of them.",
   call = function() return nn.data.csv {train = "a", columns = {}} end},
  {"nn.data.table {…}", "Rows made in Lua: `train = {x = {{…}, …}, label = {…}}`.", call = function() return nn.data.table {train = {}} end},
  {"nn.data.images {…}", "A folder of folders, one a class.", call = function() return nn.data.images {train = "a"} end},
  {"nn.data.text {…}", "Two class inputs of shape {context}, the second one place later; `source.classes` says how many there are.",
   call = function() return nn.data.text {train = "a", context = 1, bind = {text = "x", next = "y"}} end},
})
