-- Every schedule, by steps and by epochs: `--set case=NAME`; schedules.py does the same in PyTorch. 5 rows in batches of 2: three
-- steps an epoch.
local nn = require "nn"
local S = nn.schedule
local cases = {
  step = S.step {step_size = 3, gamma = 0.5}, step_default = S.step {step_size = 2},
  step_per_step = S.step {step_size = 4, gamma = 0.3, per = "step"},
  multistep = S.multistep {milestones = {5, 2, 5}, gamma = 0.5}, multistep_default = S.multistep {milestones = {1, 7}, per = "step"},
  exponential = S.exponential {gamma = 0.9}, exponential_per_step = S.exponential {gamma = 0.97, per = "step"},
  cosine = S.cosine {t_max = 5, eta_min = 0.01}, cosine_default = S.cosine {t_max = 24, per = "step"},
  linear = S.linear {}, linear_down = S.linear {start_factor = 1, end_factor = 0.1, total_iters = 17, per = "step"},
  one_cycle = S.one_cycle {max_lr = 0.3, total_steps = 24, per = "step"}, one_cycle_epochs = S.one_cycle {max_lr = 0.3, total_steps = 9},
  one_cycle_other = S.one_cycle {max_lr = 1, total_steps = 24, pct_start = 0.6, div_factor = 5, final_div_factor = 100, per = "step"},
  warmup = S.warmup {steps = 4, per = "step", next = S.cosine {t_max = 9, per = "step"}},
  warmup_alone = S.warmup {steps = 3},
  warmup_twice = S.warmup {steps = 2, next = S.warmup {steps = 2, next = S.step {step_size = 2, gamma = 0.5}}},
}
local w, x = nn.parameter("w", {2}, 1), nn.input("x", {2})
return nn.train {
  loss = nn.mse(w * x, 2 * x), optimizer = nn.sgd {lr = 0.1}, schedule = cases[nn.option("case", "step")],
  data = nn.data.table {train = {x = {{1, 2}, {2, 1}, {0, 1}, {1, 1}, {2, 0}}}}, batch = 2, epochs = 8, precision = "f64",
}
