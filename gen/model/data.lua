-- data.lua: nn.data. A source is judged here as far as it can be without the inputs; against them when nn.train takes it
-- (core.bind), and data.c copies the result into the program's tables.
local core = ...
local nn = core.nn
local fail, getmetatable, pairs, setmetatable, type = core.fail, getmetatable, pairs, setmetatable, type
local any, export, later, number, options = core.any, core.export, core.later, core.number, core.options

local source_meta = {__name = "data source"}
local sets = {"train", "validation", "test"}

-- ---- what all sources share ------------------------------------------------------------------------------------------

local function shared_options()
  return {train = any, validation = any, test = any, split = any, stratify = any, shuffle = true, rows = any,
          scale = any, mean = any, std = any, standardize = any, augment = later}
end

-- A table of named values, each judged.
local function named_values(what, given, judge)
  if given == nil then return nil end
  if type(given) ~= "table" or getmetatable(given) then fail(what .. " is a table by name, not " .. core.a(given)) end
  local result = {}
  for key, value in pairs(given) do
    if type(key) ~= "string" then fail(what .. " is a table by name, as {train = …}") end
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
  return setmetatable(chosen, source_meta)
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

data.idx = function(given)
  local chosen = options("nn.data.idx", given, with(shared_options(), {default = any}))
  for _, set in ipairs(sets) do
    chosen[set] = named_values("nn.data.idx: " .. set, chosen[set], function(name, file)
      return file_name("nn.data.idx: " .. set .. "." .. name, file)
    end)
  end
  if chosen.default ~= nil then file_name("nn.data.idx: default", chosen.default) end
  return new_source("idx", chosen)
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
  local chosen = options("nn.data.csv", given, with(shared_options(), {columns = any, default = any}))
  for _, set in ipairs(sets) do
    if chosen[set] ~= nil then file_name("nn.data.csv: " .. set, chosen[set]) end
  end
  if chosen.default ~= nil then file_name("nn.data.csv: default", chosen.default) end
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
nn.data = core.closed("nn.data", data, {"npy", "npz", "safetensors", "images", "text"})

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

-- Every input has its data in every set, and nothing else is named. core.bind(source) before nn.train or nn.show takes it.
function core.bind(what, source)
  if source == nil then
    if #core.inputs > 0 then
      fail(what .. ": the inputs have no data\ninput " .. core.quoted(core.inputs[1].name) .. " needs data = nn.data.…")
    end
    return nil
  end
  if type(source) ~= "table" or not rawequal(getmetatable(source), source_meta) then
    fail(what .. ": data is made by nn.data.idx, nn.data.csv or nn.data.table, not " .. core.a(source))
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
  else
    for _, set in ipairs(sets) do
      if source[set] ~= nil then complete(set, source[set]) end
    end
  end
  return source
end
