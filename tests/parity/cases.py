"""Records what PyTorch makes of cases.lua: python3 tests/parity/cases.py

Writes recorded/cases.safetensors, the initial weights, and recorded/cases.jsonl, a line a case with the losses of 20 steps
in f64, in file order, in batches of 4 of 11 rows. Needs torch and safetensors; run again only when a case is added."""
import json
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

here = pathlib.Path(__file__).resolve().parent
ROWS, BATCH, STEPS = 11, 4, 20


def rows():
    x, label, real, share = [], [], [], []
    for i in range(1, ROWS + 1):
        x.append([(i * i * 7 + j * 13 + i * j * 5) % 61 / 30 - 1 for j in range(1, 6)])
        real.append([(i * i * 5 + j * 17 + i * j * 3) % 59 / 20 - 1.5 for j in range(1, 4)])
        count = [(i * i * 3 + j * 7 + i * j) % 5 + (j == 1) for j in range(1, 4)]
        share.append([c / sum(count) for c in count])
        label.append((i * i * 7 + i * 3) % 5 % 3)
    return [torch.tensor(x), torch.tensor(label), torch.tensor(real), torch.tensor(share)]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = torch.nn.Linear(5, 7), torch.nn.Linear(7, 6), torch.nn.Linear(6, 3)

    def forward(self, x, first, second):
        return self.fc3(ACTIVATIONS[second](self.fc2(ACTIVATIONS[first](self.fc1(x)))))


ACTIVATIONS = {name: getattr(F, name) for name in
               "relu leaky_relu selu silu mish softsign hardtanh hardsigmoid elu gelu softplus".split()}
ACTIVATIONS |= {"tanh": torch.tanh, "sigmoid": torch.sigmoid}
WEIGHT = [0.5, 2, 1.25]
LOSSES = {                                  # (network, prediction, class, real, share)
    "mse": lambda n, y, c, r, s: F.mse_loss(y, r),
    "mse_sum": lambda n, y, c, r, s: F.mse_loss(y, r, reduction="sum"),
    "l1": lambda n, y, c, r, s: F.l1_loss(y, r),
    "huber": lambda n, y, c, r, s: F.huber_loss(y, r, delta=0.5),
    "huber_sum": lambda n, y, c, r, s: F.huber_loss(y, r, reduction="sum"),
    "smooth_l1": lambda n, y, c, r, s: F.smooth_l1_loss(y, r, beta=0.5),
    "bce": lambda n, y, c, r, s: F.binary_cross_entropy(torch.sigmoid(y), s),
    "bce_logits": lambda n, y, c, r, s: F.binary_cross_entropy_with_logits(y, s),
    "kl_div": lambda n, y, c, r, s: F.kl_div(F.log_softmax(y, -1), s, reduction="mean"),
    "nll": lambda n, y, c, r, s: F.nll_loss(F.log_softmax(y, -1), c),
    "hinge": lambda n, y, c, r, s: F.multi_margin_loss(y, c),
    "ce": lambda n, y, c, r, s: F.cross_entropy(y, c),
    "ce_smooth": lambda n, y, c, r, s: F.cross_entropy(y, c, label_smoothing=0.1),
    "ce_sum": lambda n, y, c, r, s: F.cross_entropy(y, c, reduction="sum"),
    "ce_weight": lambda n, y, c, r, s: F.cross_entropy(y, c, weight=torch.tensor(WEIGHT)),
    "ce_ignore": lambda n, y, c, r, s: F.cross_entropy(y, c, ignore_index=1),
    "ce_l2": lambda n, y, c, r, s: F.cross_entropy(y, c) + 0.01 * n.fc2.weight.square().sum(),
    "ce_l1": lambda n, y, c, r, s: F.cross_entropy(y, c) + 0.01 * n.fc2.weight.abs().sum(),
}
O = torch.optim
CASES = {                                   # as in cases.lua
    "sgd": ("tanh", "sigmoid", "mse", lambda p: O.SGD(p, lr=0.1)),
    "momentum": ("softplus", "elu", "huber", lambda p: O.SGD(p, lr=0.1, momentum=0.9)),
    "nesterov": ("gelu", "relu", "smooth_l1", lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True)),
    "dampening": ("leaky_relu", "selu", "l1", lambda p: O.SGD(p, lr=0.1, momentum=0.9, dampening=0.3)),
    "decay": ("silu", "mish", "bce_logits", lambda p: O.SGD(p, lr=0.1, momentum=0.8, weight_decay=0.1)),
    "adam": ("softsign", "hardtanh", "bce", lambda p: O.Adam(p, lr=0.01)),
    "adam_decay": ("hardsigmoid", "tanh", "kl_div",
                   lambda p: O.Adam(p, lr=0.01, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1)),
    "adamw": ("sigmoid", "gelu", "nll", lambda p: O.AdamW(p, lr=0.01, weight_decay=0.1)),
    "amsgrad": ("tanh", "silu", "ce", lambda p: O.Adam(p, lr=0.05, amsgrad=True)),
    "adamw_ams": ("elu", "tanh", "huber", lambda p: O.AdamW(p, lr=0.05, betas=(0.5, 0.9), amsgrad=True)),
    "rmsprop": ("tanh", "tanh", "ce", lambda p: O.RMSprop(p, lr=0.01)),
    "centered": ("silu", "softplus", "ce_smooth", lambda p: O.RMSprop(p, lr=0.01, alpha=0.9, centered=True)),
    "rms_moment": ("tanh", "elu", "hinge", lambda p: O.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.1)),
    "adagrad": ("tanh", "sigmoid", "mse_sum", lambda p: O.Adagrad(p, lr=0.05)),
    "ada_decay": ("gelu", "gelu", "ce_l2",
                  lambda p: O.Adagrad(p, lr=0.05, lr_decay=0.1, weight_decay=0.1, initial_accumulator_value=0.1)),
    "adadelta": ("mish", "silu", "ce_l1", lambda p: O.Adadelta(p, lr=1)),
    "delta_rho": ("elu", "tanh", "huber_sum", lambda p: O.Adadelta(p, lr=0.5, rho=0.8, eps=1e-5, weight_decay=0.1)),
    "clip_norm": ("tanh", "tanh", "ce_sum", lambda p: O.SGD(p, lr=0.1, momentum=0.9)),
    "clip_value": ("tanh", "tanh", "ce_weight", lambda p: O.Adam(p, lr=0.01)),
    "ignore": ("tanh", "relu", "ce_ignore", lambda p: O.Adam(p, lr=0.01)),
}


def losses(initial, case):
    first, second, loss_name, optimizer = CASES[case]
    net = Net()
    net.load_state_dict(initial)
    step, data, at, found = optimizer(net.parameters()), rows(), 0, []
    while len(found) < STEPS:
        x, *targets = (t[at:at + BATCH] for t in data)
        at = at + BATCH if at + BATCH < ROWS else 0
        loss = LOSSES[loss_name](net, net(x, first, second), *targets)
        step.zero_grad()
        loss.backward()
        if case == "clip_norm":
            torch.nn.utils.clip_grad_norm_(net.parameters(), 0.5)
        if case == "clip_value":
            torch.nn.utils.clip_grad_value_(net.parameters(), 0.02)
        step.step()
        found.append(loss.item())
    return found


torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(1)
initial = {name: value.detach().clone() for name, value in Net().state_dict().items()}
(here / "recorded").mkdir(exist_ok=True)
save_file(initial, here / "recorded" / "cases.safetensors")
with open(here / "recorded" / "cases.jsonl", "w") as out:
    for case in CASES:
        out.write(json.dumps({"case": case, "torch": torch.__version__, "losses": losses(initial, case)}) + "\n")
