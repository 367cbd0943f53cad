-- language.lua: the reference of the language, written from the entries that the other files registered (core.document).
--
-- A name of nn without an entry, and an entry without a name, is a fault of ours: the reference is whole or there is none.
local core = ...
local nn = core.nn
local annotations = core.part "annotations"
local concat, pairs, sort, type = table.concat, pairs, table.sort, type

local groups = {
  {"leaves", "Leaves", "Where values come from. Shapes leave the batch out: it is there, and first, for what is bound to data."},
  {"tensors", "Tensors", "Arithmetic `+ - * / ^` and unary `-` broadcast as in NumPy. Every `nn.f(x)` is also `x:f()`. Axes count\n" ..
    "from 1 without the batch, negative ones from the end; `\"batch\"` is the batch, a list is several axes, none is all of them\n" ..
    "with the batch."},
  {"functions", "Functions", "One tensor in, one of its shape out."},
  {"layers", "Layers", "Made with their sizes, called with a tensor. Layers with parameters take `name` (the prefix of their\n" ..
    "parameters' names), `init` (an initialiser for the weight, or `{weight = …, bias = …}`), `freeze = true`, `lr` (a factor) and\n" ..
    "`weight_decay`."},
  {"initialisers", "Initialisers", "Without arguments they stand bare: `nn.init.zeros`."},
  {"losses", "Losses", "(prediction, target), folded to one number; also the penalties."},
  {"metrics", "Metrics", "For `metrics = {name = …}`; so is any other expression of one number."},
  {"optimizers", "Optimizers", "`p` is a parameter, `g` its gradient, `t` the step from 1; slots start at 0 unless said."},
  {"schedules", "Schedules", "The rate in epoch (or step) k from 0; each takes `per = \"epoch\"` or `\"step\"`."},
  {"data", "Data", "Every source takes `train`, `validation`, `test`."},
  {"random", "Random numbers", "For data made in Lua: the runtime's own generator, the same on every machine."},
  {"training", "Training", "What a model returns."},
}

local entries = {}
for _, entry in ipairs(core.entries) do
  if entries[entry.name] then error("the reference has two entries for " .. entry.name) end
  entries[entry.name] = entry
end

-- ---- examples --------------------------------------------------------------------------------------------------------

-- The value of an entry's example, what it has gradients for, and by what names these are shown.
local function run(entry)
  local x = nn.parameter("x", entry.on or {}, 0.5)
  local y, wanted, labels = nil, {x}, {"∂x"}
  local function want(tensor)
    wanted[#wanted + 1], labels[#labels + 1] = tensor, "∂" .. core.get_name(tensor):match "[^.]*$"
  end
  local function take(first, ...)
    y = first
    for _, other in ipairs {...} do
      if core.is_tensor(other) then want(other) else
        for _, parameter in ipairs(core.layers.parameters(other)) do want(parameter) end
      end
    end
  end
  take(entry.example(x))
  return y, wanted, labels
end

-- A definition that shows value and gradients, these for an incoming gradient ∂y of the value's shape.
local function definition(entry, y, wanted, labels)
  local shown = {y = y}
  if entry.gradient == nil then
    local folded = entry.folds and y or (y * nn.parameter("∂y", core.sizes(y), 1)):sum()
    for i, gradient in ipairs(nn.gradient(folded, wanted)) do shown[labels[i]] = gradient end
  end
  return core.definition_of(nn.show(shown))
end

-- ---- texts -----------------------------------------------------------------------------------------------------------

local function literal(value)
  if type(value) == "string" then return '"' .. value .. '"' end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for i, each in ipairs(value) do parts[i] = literal(each) end
  return "{" .. concat(parts, ", ") .. "}"
end

-- What every layer with parameters takes is said once, above them.
local of_layers = {name = true, init = true, freeze = true, lr = true, weight_decay = true}

-- What f gives, and the options that functions asked for in this entry's name while it ran, as "eps = 1e-05, bias = true".
local function options_met(entry, f)
  local list = {}
  core.on_options = function(what, defaults)
    if what:match "[%w_]+$" ~= entry.name:match "[%w_]+$" then return end
    list = {}
    for key, default in pairs(defaults) do
      if not (entry.group == "layers" and of_layers[key]) then
        list[#list + 1] = default == core.any and key or key .. " = " .. literal(default)
      end
    end
  end
  local y, wanted, labels = f(entry)
  core.on_options = nil
  return concat(list, ", "), y, wanted, labels
end

-- section(name): an entry's text, the definition of its formulas where they are not text, and its declaration for editors.
local function section(name)
  local entry, about = entries[name], {}
  local options, y, wanted, labels = options_met(entry, entry.example and run or entry.call or function() end)
  about[1] = entry.shape
  about[#about + 1] = entry.torch and "PyTorch: `" .. entry.torch .. "`"
  about[#about + 1] = options ~= "" and "options: `" .. options .. "`" or nil
  local blocks = {"### `" .. entry[1] .. "`"}
  if #about > 0 then blocks[2] = concat(about, " · ") end
  blocks[#blocks + 1] = entry[2]
  local lines = (entry.formula or "") .. (entry.gradient and "\ngradient: " .. entry.gradient or "")
  if lines ~= "" then blocks[#blocks + 1] = "    " .. lines:gsub("^\n", ""):gsub("\n", "\n    ") end
  return concat(blocks, "\n\n") .. "\n", entry.example and definition(entry, y, wanted, labels) or nil, annotations.annotate(entry, options)
end

-- Every name of nn and of its tables has an entry.
local function need_all()
  local missing = {}
  for prefix, names in pairs(core.closed_tables) do
    for name, value in pairs(names) do
      local full = prefix == "nn" and name or prefix:gsub("^nn%.", "") .. "." .. name
      if not entries[full] and not core.closed_tables["nn." .. name] then missing[#missing + 1] = full end
    end
  end
  if #missing > 0 then
    sort(missing)
    error("these names have no entry in the reference (core.document): " .. concat(missing, ", "))
  end
end

-- sections(): in order, {text = …} or the name of an entry.
local function sections()
  need_all()
  local list = {{text = "# The model language\n\n" ..
    "What `require \"nn\"` gives, as `nngen language` prints it from the registrations themselves. Values and gradients are those that\n" ..
    "nngen derives: `∂x` is what comes back to `x` for an incoming `∂y`.\n", annotation = annotations.head}}
  for _, group in ipairs(groups) do
    local heading = {text = "## " .. group[2] .. "\n\n" .. group[3] .. "\n"}
    for _, entry in ipairs(core.entries) do
      if entry.group == group[1] then
        if heading then list[#list + 1], heading = heading, nil end
        list[#list + 1] = {name = entry.name}
      end
    end
  end
  list[#list + 1] = {text = "", annotation = annotations.tail}
  return list
end

return {sections = sections, section = section}
