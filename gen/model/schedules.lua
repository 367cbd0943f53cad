-- schedules.lua: how the rate moves, k being finished epochs or steps. Names, defaults and numbers are PyTorch's; the formulas stand
-- in the runtime (nngen/schedule.h), for the rate is known only when the program runs.
local core = ...
local fail, integer, number, type = core.fail, core.integer, core.number, type
local any, export, options = core.any, core.export, core.options

local new_schedule, schedule_of = core.objects("schedule", {})
core.schedule_of = schedule_of

local schedules = {}

-- `judge(what, chosen)` checks what is its own; required: options without a default
local function define(name, defaults, required, judge)
  local what = "nn.schedule." .. name
  defaults.per = "epoch"
  schedules[name] = export(function(given)
    local chosen = options(what, given, defaults)
    for _, key in ipairs(required) do
      if chosen[key] == nil then fail(what .. ": " .. key .. " is missing") end
    end
    if chosen.per ~= "epoch" and chosen.per ~= "step" then
      fail(what .. ': per is "epoch" or "step", not ' .. core.quoted(chosen.per))
    end
    judge(what, chosen)
    chosen.kind, chosen.per_step = name, chosen.per == "step"
    return new_schedule(chosen)
  end)
end

local function count(what, chosen, key) chosen[key] = integer(what, key, chosen[key], 1, 2^53) end
local function rate(what, chosen, key, high) number(what, key, chosen[key], 0, high) end

define("step", {step_size = any, gamma = 0.1}, {"step_size"}, function(what, chosen)
  count(what, chosen, "step_size")
  rate(what, chosen, "gamma")
end)

define("multistep", {milestones = any, gamma = 0.1}, {"milestones"}, function(what, chosen)
  if not core.is_plain(chosen.milestones) or #chosen.milestones == 0 then
    fail(what .. ": milestones is a list as {30, 80}, not " ..
         (core.is_plain(chosen.milestones) and "an empty one" or core.a(chosen.milestones)))
  end
  local list = {}
  for i = 1, #chosen.milestones do list[i] = integer(what, "a milestone", chosen.milestones[i], 0, 2^53) end
  table.sort(list)
  chosen.milestones = list
  rate(what, chosen, "gamma")
end)

define("exponential", {gamma = any}, {"gamma"}, function(what, chosen) rate(what, chosen, "gamma") end)

define("cosine", {t_max = any, eta_min = 0}, {"t_max"}, function(what, chosen)
  count(what, chosen, "t_max")
  rate(what, chosen, "eta_min")
end)

define("linear", {start_factor = 1 / 3, end_factor = 1, total_iters = 5}, {}, function(what, chosen)
  rate(what, chosen, "start_factor", 1)
  if chosen.start_factor == 0 then fail(what .. ": start_factor is above 0") end
  rate(what, chosen, "end_factor", 1)
  count(what, chosen, "total_iters")
end)

define("one_cycle", {max_lr = any, total_steps = any, pct_start = 0.3, div_factor = 25, final_div_factor = 1e4}, {"max_lr", "total_steps"},
       function(what, chosen)
  rate(what, chosen, "max_lr")
  count(what, chosen, "total_steps")
  rate(what, chosen, "pct_start", 1)
  for _, key in ipairs {"div_factor", "final_div_factor"} do
    rate(what, chosen, key)
    if chosen[key] == 0 then fail(what .. ": " .. key .. " is above 0") end
  end
end)

define("warmup", {steps = any, next = any}, {"steps"}, function(what, chosen)
  count(what, chosen, "steps")
  local next = chosen.next
  if next ~= nil and not schedule_of(next) then
    fail(what .. ": next is another schedule, as nn.schedule.cosine {t_max = 10}, not " .. core.a(next))
  end
  chosen.next = next ~= nil and schedule_of(next) or nil
  chosen.depth = 1 + (chosen.next and chosen.next.depth or 0)
  if chosen.depth > 100 then fail(what .. ": more than 100 warm-ups stand in each other") end
end)

core.nn.schedule = core.closed("nn.schedule", schedules)

-- Does it, or a later one, count epochs?
local function counts_epochs(schedule)
  return not schedule.per_step or schedule.next and counts_epochs(schedule.next) or false
end

-- What nn.train was given: a schedule's fields, or nil.
function core.schedule_for(given, source, optimizer)
  if given == nil then return nil end
  local schedule = schedule_of(given)
  if not schedule then
    fail("nn.train: schedule is one of nn.schedule, as nn.schedule.cosine {t_max = 10}, not " .. core.a(given))
  end
  if optimizer.search then fail("nn.train: nn." .. optimizer.name .. " has no rate that a schedule could move") end
  if not source and counts_epochs(schedule) then
    fail 'nn.train: schedule: without data there are no epochs to count\nper = "step" counts steps'
  end
  return schedule
end

core.document("schedules", {
  {"nn.schedule.step {step_size, gamma}", torch = "lr_scheduler.StepLR", formula = "lr gamma^floor(k / step_size)",
   call = function() return schedules.step {step_size = 1} end},
  {"nn.schedule.multistep {milestones, gamma}", torch = "lr_scheduler.MultiStepLR",
   formula = "lr gamma^(how many milestones are at most k)",
   call = function() return schedules.multistep {milestones = {1}} end},
  {"nn.schedule.exponential {gamma}", torch = "lr_scheduler.ExponentialLR", formula = "lr gamma^k",
   call = function() return schedules.exponential {gamma = 1} end},
  {"nn.schedule.cosine {t_max, eta_min}", torch = "lr_scheduler.CosineAnnealingLR",
   formula = "eta_min + (lr - eta_min) (1 + cos(pi k / t_max)) / 2", call = function() return schedules.cosine {t_max = 1} end},
  {"nn.schedule.linear {start_factor, end_factor, total_iters}", torch = "lr_scheduler.LinearLR",
   formula = "lr (start_factor + (end_factor - start_factor) min(k, total_iters) / total_iters)",
   call = function() return schedules.linear() end},
  {"nn.schedule.one_cycle {max_lr, total_steps}", "Moves the rate only; the optimizer's own is not looked at.",
   torch = "lr_scheduler.OneCycleLR", call = function() return schedules.one_cycle {max_lr = 1, total_steps = 2} end,
   formula = "up from max_lr / div_factor to max_lr at k = pct_start total_steps - 1,\n" ..
     "down to max_lr / div_factor / final_div_factor at k = total_steps - 1, each by half a cosine"},
  {"nn.schedule.warmup {steps, next}", "Without a next the rate stays. A next that counts the same (steps or epochs) counts from there.",
   call = function() return schedules.warmup {steps = 1} end,
   formula = "(k + 1) / steps of the rate that next begins with, while k < steps; then next"},
})
