"""Records the rates of PyTorch's schedulers for schedules.lua: python3 tests/parity/schedules.py

Writes recorded/schedules.jsonl, a line a case with the rate of each of 24 steps, three an epoch. A warmup is PyTorch's LambdaLR
(k + 1) / steps of the rate that follows, by SequentialLR. Needs torch; run again only when a case is added."""
import json
import pathlib

import torch
from torch.optim import lr_scheduler as S

STEPS, EPOCH = 24, 3


def warmup(steps, following):
    def make(optimizer):
        first = S.LambdaLR(optimizer, lambda k: (k + 1) / steps)
        return S.SequentialLR(optimizer, [first, following(optimizer)], [steps])
    return make


CASES = {                                   # scheduler, steps between its steps
    "step": (lambda o: S.StepLR(o, 3, 0.5), EPOCH), "step_default": (lambda o: S.StepLR(o, 2), EPOCH),
    "step_per_step": (lambda o: S.StepLR(o, 4, 0.3), 1),
    "multistep": (lambda o: S.MultiStepLR(o, [5, 2, 5], 0.5), EPOCH), "multistep_default": (lambda o: S.MultiStepLR(o, [1, 7]), 1),
    "exponential": (lambda o: S.ExponentialLR(o, 0.9), EPOCH), "exponential_per_step": (lambda o: S.ExponentialLR(o, 0.97), 1),
    "cosine": (lambda o: S.CosineAnnealingLR(o, 5, 0.01), EPOCH), "cosine_default": (lambda o: S.CosineAnnealingLR(o, 24), 1),
    "linear": (lambda o: S.LinearLR(o), EPOCH), "linear_down": (lambda o: S.LinearLR(o, 1, 0.1, 17), 1),
    "one_cycle": (lambda o: S.OneCycleLR(o, 0.3, 24), 1), "one_cycle_epochs": (lambda o: S.OneCycleLR(o, 0.3, 9), EPOCH),
    "one_cycle_other": (lambda o: S.OneCycleLR(o, 1, 24, pct_start=0.6, div_factor=5, final_div_factor=100), 1),
    "warmup": (warmup(4, lambda o: S.CosineAnnealingLR(o, 9)), 1),
    "warmup_alone": (warmup(3, lambda o: S.ConstantLR(o, 1)), EPOCH),
    "warmup_twice": (lambda o: S.SequentialLR(o, [S.LambdaLR(o, lambda k: (k + 1) / 4), S.LambdaLR(o, lambda k: (k + 1) / 2),
                                                  S.StepLR(o, 2, 0.5)], [2, 4]), EPOCH),
}

with open(pathlib.Path(__file__).resolve().parent / "recorded" / "schedules.jsonl", "w") as out:
    for case, (make, every) in CASES.items():
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        schedule, rates = make(optimizer), []
        for step in range(1, STEPS + 1):
            rates.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            if step % every == 0 and step < STEPS:
                schedule.step()
        out.write(json.dumps({"case": case, "torch": torch.__version__, "losses": rates}) + "\n")
