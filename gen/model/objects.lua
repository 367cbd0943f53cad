-- objects.lua: what nn hands out and takes back besides tensors: layers, optimizers, sources of data, initialisers, metrics, models.
--
-- The user holds an empty table, under a metatable that cannot be had; what nn knows of it stands here, by the table. So nobody
-- outside can change it or forge another, and what C reads of it is what nn judged.
local core = ...
local getmetatable, setmetatable, type = getmetatable, setmetatable, type
local fail = core.fail

local kinds = setmetatable({}, {__mode = "k"})

local function an(word) return (word:find "^[aeiou]" and "an " or "a ") .. word end

-- "a string", "nil", "a layer": what a value is, for messages
function core.a(value)
  if value == nil then return "nil" end
  return core.is_tensor(value) and "a tensor" or an(kinds[value] or type(value))
end

-- A table of the user's own that answers what it holds, and nothing else.
function core.is_plain(value) return type(value) == "table" and getmetatable(value) == nil end

-- A kind of object, with what its metatable does besides: gives a function that makes one of its fields, and one that gives the
-- fields of one, nil of anything else.
function core.objects(kind, meta)
  local contents = setmetatable({}, {__mode = "k"})
  meta.__name, meta.__metatable = kind, kind
  meta.__index = meta.__index or core.export(function() fail(an(kind) .. " has nothing that a model could read") end)
  meta.__newindex = meta.__newindex or core.export(function() fail(an(kind) .. " cannot be changed") end)
  local function new(fields)
    local object = setmetatable({}, meta)
    contents[object], kinds[object] = fields, kind
    return object
  end
  return new, function(value) return value ~= nil and contents[value] or nil end
end
