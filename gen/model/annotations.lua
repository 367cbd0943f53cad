-- annotations.lua: the names of nn for editors: a Lua file of declarations as the Lua language server reads them (---@meta).
--
-- Each entry of the reference gives a declaration: its call names the parameters, its group says what comes back, the options that
-- its example met are a table with their types. So a name or an option without an annotation cannot be.
local core = ...
local concat, ipairs, type = table.concat, ipairs, type

local head = [[
---@meta nn
-- The model language of nngen, for editors that use the Lua language server: "Lua.workspace.library": ["THE FOLDER OF THIS FILE"].
-- Written by `nngen annotations` from the registrations themselves.

---@class nn.Tensor
---@field shape integer[] its sizes, without the batch
---@operator add(nn.Value): nn.Tensor
---@operator sub(nn.Value): nn.Tensor
---@operator mul(nn.Value): nn.Tensor
---@operator div(nn.Value): nn.Tensor
---@operator pow(nn.Value): nn.Tensor
---@operator unm: nn.Tensor
local Tensor = {}

---@alias nn.Value nn.Tensor|number
---@alias nn.Axis integer|integer[]|"batch"
---@class nn.Layer
---@field weight nn.Tensor
---@field bias nn.Tensor
---@overload fun(x: nn.Tensor, ...): nn.Tensor, nn.Tensor?, nn.Tensor?
---@class nn.Initialiser
---@class nn.Optimizer
---@class nn.Schedule
---@class nn.Source
---@field classes integer of a text
---@class nn.Model
---@class nn.Rng
local Rng = {}

---@class nn
local nn = {init = {}, schedule = {}, data = {}}

]]

local result_of_group = {
  leaves = "nn.Tensor", tensors = "nn.Tensor", functions = "nn.Tensor", losses = "nn.Tensor", metrics = "nn.Tensor", layers = "nn.Layer",
  initialisers = "nn.Initialiser", optimizers = "nn.Optimizer", schedules = "nn.Schedule", data = "nn.Source",
}
local result_of = {
  ["nn.option"] = "any", ["nn.rng"] = "nn.Rng", ["nn.train"] = "nn.Model", ["nn.show"] = "nn.Model", ["nn.sweep"] = "number", ["nn.assign"] = false,
  ["nn.gradient"] = "nn.Tensor|nn.Tensor[]", ["rng:integer"] = "integer", ["rng:permutation"] = "integer[]", ["rng:uniform"] = "number",
  ["rng:normal"] = "number", ["nn.global_avg_pool2d"] = "nn.Tensor",
}

local type_of = {
  x = "nn.Tensor", w = "nn.Tensor", label = "nn.Tensor", scores = "nn.Tensor", condition = "nn.Tensor", index = "nn.Tensor", statistic = "nn.Tensor",
  target = "nn.Value", a = "nn.Value", b = "nn.Value", value = "nn.Value", y = "nn.Tensor", name = "string", shape = "integer|integer[]", axis = "nn.Axis",
  init = "nn.Initialiser|number|table", f = "function", v = "number|table", list = "table", kernel = "integer|integer[]", default = "string|number|boolean",
  p = "nn.Value",
}
local number_groups = {initialisers = true, random = true}
local reserved = {["in"] = "inputs", ["end"] = "last", ["function"] = "f"}
local optional = {axis = true, init = true}

local function literal_type(default)
  if default:match '^"' then return "string" end
  if default == "true" or default == "false" then return "boolean" end
  if default:match "^{" then return "table" end
  return tonumber(default) and "number" or "any"
end

-- "keep = false, name" as "{keep?: boolean, name?: any}"; a comma inside a default's braces is part of it.
local function options_type(options, with_layer)
  local fields, depth, start = {}, 0, 1
  local function add(piece)
    local name, default = piece:match "^%s*([%w_]+)%s*=%s*(.+)$"
    name = name or piece:match "^%s*([%w_]+)%s*$"
    if name then fields[#fields + 1] = name .. "?: " .. (default and literal_type(default) or "any") end
  end
  for i = 1, #options do
    local c = options:sub(i, i)
    depth = depth + (c == "{" and 1 or c == "}" and -1 or 0)
    if c == "," and depth == 0 then add(options:sub(start, i - 1)); start = i + 1 end
  end
  add(options:sub(start))
  if with_layer then
    fields[#fields + 1] = "name?: string, init?: nn.Initialiser|table, freeze?: boolean, lr?: number, weight_decay?: number"
  end
  return "{" .. concat(fields, ", ") .. "}"
end

-- The parameters of "nn.concat({a, b}, axis)" or "nn.sgd {…}": names, and whether the last one is the table of options.
local function parameters_of(call)
  local inside, names, has_options = call:match "%((.*)%)$", {}, false
  if not inside then return {"options"}, true end
  inside = inside:gsub("{(.-)}", function(list) return list:match "^%w+, %w+$" and "list" or "options" end)
  for name in inside:gmatch "[^,%s]+" do
    name = reserved[name] or name
    has_options = has_options or name == "options"
    names[#names + 1] = name
  end
  return names, has_options
end

local function declaration(entry, full, owner_is_first, names, lines)
  local shown = {}
  for i, name in ipairs(names) do
    if not (owner_is_first and i == 1) then shown[#shown + 1] = name end
  end
  return concat(lines, "\n") .. "\nfunction " .. full .. "(" .. concat(shown, ", ") .. ") end\n\n"
end

-- annotate(entry, options): its declarations; a function of a tensor is one of its methods as well.
local function annotate(entry, options)
  local call = entry[1]
  local full = call:match "^[%w_.:]+"
  local names, has_options = parameters_of(call)
  local is_method = full:match "^x:"
  if is_method then table.insert(names, 1, "x") end
  if not has_options and options ~= "" then names[#names + 1] = "options" end
  local about = {}
  for line in ((entry[2] or entry.formula or "") .. "\n"):gmatch "(.-)\n" do
    if line ~= "" then about[#about + 1] = "--- " .. line end
  end
  if entry.torch then about[#about + 1] = "--- PyTorch: " .. entry.torch end
  local function lines_for(skip_first)
    local lines = {table.unpack(about)}
    for i, name in ipairs(names) do
      if not (skip_first and i == 1) then
        local is_option = name == "options"
        local kind = is_option and (options ~= "" and options_type(options, entry.group == "layers") or entry.group == "layers" and options_type("", true) or "table")
          or number_groups[entry.group] and "number" or type_of[name] or "number"
        local can_lack = (is_option and call:match "%(") or optional[name] or (name == "shape" and entry[2]:find("unless given", 1, true))
        lines[#lines + 1] = "---@param " .. name .. (can_lack and "? " or " ") .. kind
      end
    end
    local result = result_of[full]
    if result == nil then result = result_of_group[entry.group] end
    if result then lines[#lines + 1] = "---@return " .. result end
    return lines
  end
  local bare = full:gsub("^x:", ""):gsub("^nn%.", "")
  if full:match "^rng:" then return declaration(entry, "Rng:" .. full:match ":(.*)", false, names, lines_for(false)) end
  local text = declaration(entry, "nn." .. bare, false, names, lines_for(false))
  if (names[1] == "x" or names[1] == "a") and entry.group ~= "layers" and not bare:match "%." then
    text = text .. declaration(entry, "Tensor:" .. bare, true, names, lines_for(true))
  end
  return text
end

return {head = head, tail = "return nn\n", annotate = annotate}
