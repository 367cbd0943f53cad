-- sandbox.lua: what a model sees of Lua.
--
-- Gone is all that reaches outside (dofile, loadfile), into the machine (bytecode, finalizers, the collector), or differs from
-- run to run: `pairs` visits keys in their order, random numbers start from a fixed seed. So the same model gives the same text.
-- nn sees a copy of it all, so that a model that overwrites string.sub does not change nn.
local core = ...
local error, getmetatable, next, rawget, select, tostring, type = error, getmetatable, next, rawget, select, tostring, type
local find, gsub, sort = string.find, string.gsub, table.sort
local text_load, plain_pairs, plain_setmetatable, randomseed = load, pairs, setmetatable, math.randomseed

dofile, loadfile, collectgarbage, string.dump = nil, nil, nil, nil

function print(...)
  local texts = {}
  for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
  core.print(texts)
end

-- Text only, and never under a file's name: messages show the lines of files.
function load(chunk, _, _, ...)
  return text_load(chunk, "=(load)", "t", ...)
end

function setmetatable(t, meta)
  if type(meta) == "table" and rawget(meta, "__gc") ~= nil then
    core.fail("setmetatable: a model cannot have finalizers (__gc)")
  end
  if type(t) ~= "table" then error("bad argument #1 to 'setmetatable' (table expected, got " .. type(t) .. ")", 2) end
  if meta ~= nil and type(meta) ~= "table" then
    error("bad argument #2 to 'setmetatable' (nil or table expected, got " .. type(meta) .. ")", 2)
  end
  return plain_setmetatable(t, meta)
end

randomseed(0)
function math.randomseed(...)
  if select("#", ...) == 0 then return randomseed(0) end
  return randomseed(...)
end

-- Numbers first, then strings, each in order; other keys after them, as `next` has them. The keys are those at the start.
function pairs(t)
  local meta = type(t) == "table" and getmetatable(t)
  if type(t) ~= "table" or type(meta) == "table" and rawget(meta, "__pairs") ~= nil then return plain_pairs(t) end
  local keys, strings, others, sorted = {}, {}, {}, true
  for key in next, t do
    local kind = type(key)
    if kind == "number" then
      if #keys > 0 and key < keys[#keys] then sorted = false end
      keys[#keys + 1] = key
    elseif kind == "string" then strings[#strings + 1] = key
    else others[#others + 1] = key end
  end
  if not sorted then sort(keys) end
  sort(strings)
  for i = 1, #strings do keys[#keys + 1] = strings[i] end
  for i = 1, #others do keys[#keys + 1] = others[i] end
  local at = 0
  return function()
    while true do
      at = at + 1
      local key = keys[at]
      if key == nil then return nil end
      local value = rawget(t, key)
      if value ~= nil then return key, value end
    end
  end, t, nil
end

-- `nn`, and Lua files beside the model: require "layers.encoder" is layers/encoder.lua there.
local loaded, loading = {}, {}
function require(name)
  if type(name) ~= "string" then core.fail("require: the name of a module belongs here, not a " .. type(name)) end
  if loaded[name] ~= nil then return loaded[name] end
  if loading[name] then core.fail("require: " .. core.quoted(name) .. " requires itself") end
  loading[name] = true
  local result
  if name == "nn" then
    result = core.part("nn")
  else
    if find(name, "^%.") or find(name, "%.$") or find(name, "%.%.") or find(name, "[/\\%c]") or name == "" then
      core.fail("require: " .. core.quoted(name) .. " is no module beside the model\n" ..
                "only nn and Lua files in the model's folder can be required, with dots for sub-folders")
    end
    local chunk = core.load_file((gsub(name, "%.", "/")))
    result = chunk(name)
    if result == nil then result = true end
  end
  loading[name] = nil
  loaded[name] = result
  return result
end

-- ---- nn's own ----------------------------------------------------------------------------------------------------------

local function copied(library)
  local copy = {}
  for name, value in next, library do
    if value ~= _G then copy[name] = type(value) == "table" and copied(value) or value end
  end
  return copy
end
core.globals = copied(_G)

-- Methods of strings are nn's as well; those that a model adds to `string` come after them.
local methods = getmetatable("")
methods.__index, methods.__metatable = plain_setmetatable(core.globals.string, {__index = string}), "string"
