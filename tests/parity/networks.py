"""Records what PyTorch makes of networks.lua: python3 tests/parity/networks.py [CASE…]

For each case it writes recorded/networks/CASE.initial and CASE.final (safetensors: parameters and running statistics before the
first and after the last step) and, in recorded/networks.jsonl, a line with the loss of every step and that of the five rows of
evaluation after the last; all in f64, in file order. tests/run/networks.sh compares. Needs torch and safetensors; run again only
when a case is added (with its name: the other cases stay as they are)."""
import json
import pathlib
import sys
import zlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
torch.manual_seed(0)
here = pathlib.Path(__file__).resolve().parent / "recorded"
O = torch.optim
IMAGE, SEQUENCE, TIME = (2, 9, 7), (3, 11), (4, 5)
CASES = {}


class Case:
    shape, batch, steps, drop_last, clip, schedule, is_ratio = (5,), 3, 21, False, None, None, False

    def __init__(self, layers, net, **options):
        self.layers, self.net = layers, net
        self.loss = lambda y, d: F.cross_entropy(y, d["class"])
        self.optimizer = lambda p: O.SGD(p, lr=0.1, momentum=0.9)
        self.__dict__.update(options)


def plain(**options):
    return Case({"fc1": nn.Linear(5, 7), "fc2": nn.Linear(7, 3)}, lambda n, d: n["fc2"](torch.tanh(n["fc1"](d["x"]))), **options)


# ---- layers ----

def layer(name, shape, layers, make):
    """make(layers, x), tanh, and a linear layer "last" of as many features as there are."""
    with torch.no_grad():
        features = make(layers, torch.zeros(2, *shape)).flatten(1).shape[1]
    layers["last"] = nn.Linear(features, 3)
    CASES[name] = Case(layers, lambda n, d: n["last"](torch.tanh(make(n, d["x"])).flatten(1)), shape=shape)


def one(name, shape, module):
    layer(name, shape, {"a": module}, lambda n, x: n["a"](x))


def image_layer(name, layers, make):
    layer(name, IMAGE, {"before": nn.Conv2d(2, 4, 3, padding=1), **layers}, lambda n, x: make(n, torch.tanh(n["before"](x))))
    CASES[name].optimizer = lambda p: O.SGD(p, lr=0.02, momentum=0.9)


def after_image(name, module):
    image_layer(name, {"a": module}, lambda n, h: n["a"](h))


one("linear", (5,), nn.Linear(5, 13))
one("linear_no_bias", (5,), nn.Linear(5, 13, bias=False))
one("linear_time", TIME, nn.Linear(5, 3))
one("linear_one", (1,), nn.Linear(1, 1))
one("conv1d", SEQUENCE, nn.Conv1d(3, 5, 4, stride=3, padding=2))
one("conv1d_dilated", SEQUENCE, nn.Conv1d(3, 4, 3, dilation=4, padding=3))
one("conv1d_depthwise", SEQUENCE, nn.Conv1d(3, 6, 2, groups=3, bias=False))
one("conv1d_point", SEQUENCE, nn.Conv1d(3, 2, 1))
one("conv2d", IMAGE, nn.Conv2d(2, 5, 3))
one("conv2d_stride", IMAGE, nn.Conv2d(2, 3, (3, 2), stride=(2, 3), padding=(2, 1)))
one("conv2d_dilated", IMAGE, nn.Conv2d(2, 3, 3, dilation=(3, 2), padding=1))
one("conv2d_same", IMAGE, nn.Conv2d(2, 3, 5, padding=2))
one("conv2d_point", IMAGE, nn.Conv2d(2, 7, 1, stride=2))
one("conv2d_whole", IMAGE, nn.Conv2d(2, 4, (9, 7)))
one("conv2d_sparse", IMAGE, nn.Conv2d(2, 4, 2, stride=4))
one("conv2d_all", IMAGE, nn.Conv2d(2, 6, (2, 3), stride=(1, 2), padding=(2, 1), dilation=(2, 1), groups=2, bias=False))
after_image("conv2d_groups", nn.Conv2d(4, 6, 3, groups=2))
after_image("conv2d_depthwise", nn.Conv2d(4, 8, 3, groups=4, padding=1, stride=2))
image_layer("conv2d_deep", {"a": nn.Conv2d(4, 3, 3, padding=1), "b": nn.Conv2d(3, 2, 3)}, lambda n, h: n["b"](F.relu(n["a"](h))))
after_image("transposed", nn.ConvTranspose2d(4, 3, 3))
after_image("transposed_stride", nn.ConvTranspose2d(4, 3, (3, 2), stride=(2, 3), padding=1, output_padding=(1, 0)))
after_image("transposed_groups", nn.ConvTranspose2d(4, 6, 3, groups=2, dilation=2, bias=False))
after_image("transposed_all", nn.ConvTranspose2d(4, 2, (2, 3), stride=3, padding=(0, 2), dilation=(2, 1), output_padding=(0, 2), groups=2))
after_image("max_pool", nn.MaxPool2d(2))
after_image("max_pool_overlap", nn.MaxPool2d(3, stride=2, padding=1))
after_image("max_pool_dense", nn.MaxPool2d((2, 3), stride=1))
after_image("max_pool_sparse", nn.MaxPool2d((1, 2), stride=(3, 3), padding=(0, 1)))
layer("max_pool_tiles", (2, 8, 6), {"a": nn.Conv2d(2, 4, 3, padding=1)}, lambda n, x: F.max_pool2d(F.silu(n["a"](x)), 2))
after_image("avg_pool", nn.AvgPool2d(3))
after_image("avg_pool_overlap", nn.AvgPool2d((3, 2), stride=(2, 1), padding=1))
after_image("global_avg_pool", nn.AdaptiveAvgPool2d(1))
after_image("batch_norm2d", nn.BatchNorm2d(4))
after_image("batch_norm2d_options", nn.BatchNorm2d(4, eps=1e-2, momentum=0.3))
after_image("group_norm", nn.GroupNorm(2, 4))
after_image("group_norm_one", nn.GroupNorm(1, 4, eps=1e-2))
after_image("instance_norm", nn.GroupNorm(4, 4))
after_image("layer_norm_image", nn.LayerNorm((4, 9, 7)))
image_layer("dropout_none", {}, lambda n, h: h)
layer("upsampled", (2, 4, 3), {"a": nn.Conv2d(2, 3, 1), "b": nn.Conv2d(3, 2, 3, padding=1)},
      lambda n, x: n["b"](n["a"](x).repeat_interleave(2, 2).repeat_interleave(2, 3)))
layer("batch_norm1d", (5,), {"a": nn.Linear(5, 7), "b": nn.BatchNorm1d(7)}, lambda n, x: n["b"](n["a"](x)))
one("batch_norm1d_length", SEQUENCE, nn.BatchNorm1d(3))
one("layer_norm", (5,), nn.LayerNorm(5))
one("layer_norm_time", TIME, nn.LayerNorm(5, eps=1e-3, bias=False))
one("rms_norm", TIME, nn.RMSNorm((4, 5), eps=1e-3))
one("rms_norm_default", (5,), nn.RMSNorm(5, eps=1e-5))
layer("residual", (5,), {"outer.block.first": nn.Linear(5, 5), "outer.block.second": nn.Linear(5, 5), "outer.third": nn.Linear(5, 4)},
      lambda n, x: n["outer.third"](x + (lambda h: h + n["outer.block.second"](h))(torch.tanh(n["outer.block.first"](x)))))
layer("shared_layer", (5,), {"a": nn.Linear(5, 5)}, lambda n, x: n["a"](torch.tanh(n["a"](x))) + n["a"].weight.sum(0))


def attention(name, shape, heads, causal=False):
    mask = torch.ones(shape[0], shape[0]).triu(1) > 0 if causal else None
    layer(name, shape, {"a": nn.MultiheadAttention(shape[1], heads, batch_first=True)},
          lambda n, x: n["a"](x, x, x, need_weights=False, attn_mask=mask)[0])


attention("attention", TIME, 1)
attention("attention_heads", (7, 6), 3)
attention("attention_causal", (7, 6), 2, causal=True)


def recurrent(name, kind, times=6, **options):
    module = getattr(nn, kind)(5, 3, batch_first=True, **options)

    def net(n, d):
        y, state = n["a"](d["x"])
        state = state if isinstance(state, tuple) else (state,)
        return n["last"](torch.cat([y.flatten(1)] + [s.transpose(0, 1).flatten(1) for s in state], 1))
    directions, layers = 1 + options.get("bidirectional", False), options.get("num_layers", 1)
    features = 3 * directions * (times + layers * (2 if kind == "LSTM" else 1))
    CASES[name] = Case({"a": module, "last": nn.Linear(features, 3)}, net, shape=(times, 5))


for kind in "RNN", "LSTM", "GRU":
    recurrent(kind.lower(), kind)
    recurrent(kind.lower() + "_deep", kind, num_layers=2, bidirectional=True)
    recurrent(kind.lower() + "_no_bias", kind, num_layers=3, bias=False)
    recurrent(kind.lower() + "_both_ways", kind, bidirectional=True)
recurrent("rnn_relu", "RNN", nonlinearity="relu", num_layers=2)
recurrent("lstm_once", "LSTM", times=1, num_layers=2, bidirectional=True)
CASES["embedding_lstm"] = Case({"a": nn.Embedding(5, 3), "b": nn.LSTM(3, 4, batch_first=True), "last": nn.Linear(4, 3)},
                               lambda n, d: n["last"](n["b"](n["a"](d["words"]))[0]),
                               loss=lambda y, d: F.cross_entropy(y.transpose(1, 2), d["classes"]))
CASES["embedding"] = Case({"a": nn.Embedding(6, 3), "last": nn.Linear(12, 3)}, lambda n, d: n["last"](torch.tanh(n["a"](d["words"])).flatten(1)))
CASES["embedding_padding"] = Case({"a": nn.Embedding(6, 3, padding_idx=-4), "last": nn.Linear(12, 3)},
                                  lambda n, d: n["last"](torch.tanh(n["a"](d["words"])).flatten(1)))
CASES["embedding_mean"] = Case({"a": nn.Embedding(5, 7), "b": nn.Embedding(3, 7), "last": nn.Linear(7, 3)},
                               lambda n, d: n["last"](torch.tanh(n["a"](d["words"]).mean(1)) * n["b"](d["class"])))

# ---- functions ----

FUNCTION = {"softmax": lambda x: torch.softmax(x, -1), "log_softmax": lambda x: torch.log_softmax(x, -1)}


def functions(name, *names):
    layers = {"last": nn.Linear(5, 3)}
    for f in names:
        layers |= {f + ".a": nn.Linear(5, 4), f + ".b": nn.Linear(4, 3)}

    def net(n, d):
        y = n["last"](d["x"])
        for f in names:
            of = FUNCTION.get(f) or getattr(F, f, None) or getattr(torch, f)
            y = y + n[f + ".b"](of(n[f + ".a"](d["x"])))
        return y
    CASES["functions_" + name] = Case(layers, net)


functions("rising", "relu", "leaky_relu", "elu", "selu", "softplus")
functions("smooth", "gelu", "silu", "mish", "softsign", "sigmoid")
functions("bounded", "hardtanh", "hardsigmoid", "tanh", "erf", "atan")
functions("plain", "exp", "sin", "cos", "square", "abs")
functions("normed", "softmax", "log_softmax", "tan", "sign", "floor")


def options_net(n, d):
    a, b = n["a"](d["x"]), n["b"](d["x"])
    return n["last"](torch.cat([
        F.leaky_relu(a, 0.2), F.elu(a, 0.5), F.gelu(a, approximate="tanh"), F.hardtanh(a, -0.5, 0.25), a.clamp(min=-0.3), a.clamp(max=0.2),
        (a.abs() + 0.1) ** 1.7, torch.softmax(a.view(-1, 2, 2), 1).flatten(1), torch.maximum(a, b), torch.minimum(a, b),
        torch.where(a > b, a * b, b), torch.rsqrt(a ** 2 + 0.5), torch.log(b ** 2 + 0.5), torch.sqrt(b ** 2 + 0.1), torch.reciprocal(a ** 2 + 1)], 1))


CASES["functions_options"] = Case({"a": nn.Linear(5, 4), "b": nn.Linear(5, 4), "last": nn.Linear(60, 3)}, options_net)

# ---- losses ----

WEIGHT = torch.tensor([0.5, 2, 1.25])
S = {"reduction": "sum"}
log_p = lambda y: torch.log_softmax(y, -1)
RATIOS = "nll_ignore ce_weight_mean ce_ignore_mean ce_all_mean nll_weight_mean".split()      # a mean over something else than rows
LOSSES = {
    "mse": lambda y, d: F.mse_loss(y, d["real"]),
    "mse_sum": lambda y, d: F.mse_loss(y, d["real"], **S) * 0.1,
    "l1": lambda y, d: F.l1_loss(y, d["real"]),
    "l1_sum": lambda y, d: F.l1_loss(y, d["real"], **S) * 0.1,
    "huber": lambda y, d: F.huber_loss(y, d["real"]),
    "huber_delta": lambda y, d: F.huber_loss(y, d["real"], delta=0.4, **S),
    "smooth_l1": lambda y, d: F.smooth_l1_loss(y, d["real"]),
    "smooth_l1_beta": lambda y, d: F.smooth_l1_loss(y, d["real"], beta=0.3, **S) * 0.1,
    "smooth_l1_zero": lambda y, d: F.smooth_l1_loss(y, d["real"], beta=0),
    "bce": lambda y, d: F.binary_cross_entropy(torch.sigmoid(y), d["share"]),
    "bce_sum": lambda y, d: F.binary_cross_entropy(torch.sigmoid(y), d["share"], **S) * 0.1,
    "bce_logits": lambda y, d: F.binary_cross_entropy_with_logits(y, d["share"]),
    "bce_logits_weight": lambda y, d: F.binary_cross_entropy_with_logits(y, d["share"], pos_weight=torch.tensor([3, 0.5, 1]), **S) * 0.1,
    "kl_div": lambda y, d: F.kl_div(log_p(y), d["share"], reduction="mean"),
    "kl_div_sum": lambda y, d: F.kl_div(log_p(y), d["share"], **S) * 0.1,
    "nll": lambda y, d: F.nll_loss(log_p(y), d["class"]),
    "nll_weight": lambda y, d: F.nll_loss(log_p(y), d["class"], weight=WEIGHT, **S) * 0.1,
    "nll_ignore": lambda y, d: F.nll_loss(log_p(y), d["class"], ignore_index=2),
    "hinge": lambda y, d: F.multi_margin_loss(y, d["class"]),
    "hinge_margin": lambda y, d: F.multi_margin_loss(y, d["class"], margin=0.3, weight=WEIGHT),
    "hinge_sum": lambda y, d: F.multi_margin_loss(y, d["class"], **S) * 0.1,
    "ce_sum": lambda y, d: F.cross_entropy(y, d["class"], **S) * 0.1,
    "ce_smooth": lambda y, d: F.cross_entropy(y, d["class"], label_smoothing=0.15),
    "ce_weight": lambda y, d: F.cross_entropy(y, d["class"], weight=WEIGHT, **S) * 0.1,
    "ce_ignore": lambda y, d: F.cross_entropy(y, d["class"], ignore_index=1, **S) * 0.1,
    "ce_all": lambda y, d: F.cross_entropy(y, d["class"], ignore_index=2, weight=WEIGHT, label_smoothing=0.2, **S) * 0.1,
    "ce_shares": lambda y, d: F.cross_entropy(y, d["share"]),
    "ce_shares_smooth": lambda y, d: F.cross_entropy(y, d["share"], label_smoothing=0.1, weight=WEIGHT, **S) * 0.1,
    "ce_weight_mean": lambda y, d: F.cross_entropy(y, d["class"], weight=WEIGHT),
    "ce_ignore_mean": lambda y, d: F.cross_entropy(y, d["class"], ignore_index=1),
    "ce_all_mean": lambda y, d: F.cross_entropy(y, d["class"], ignore_index=2, weight=WEIGHT, label_smoothing=0.2),
    "nll_weight_mean": lambda y, d: F.nll_loss(log_p(y), d["class"], weight=WEIGHT),
    "two": lambda y, d: F.mse_loss(y, d["real"]) + 0.5 * F.cross_entropy(y, d["class"]),
}
for name, loss in LOSSES.items():
    CASES[name] = plain(loss=loss, is_ratio=name in RATIOS)
CASES["l2_penalty"] = plain()
CASES["l2_penalty"].loss = lambda y, d, n=CASES["l2_penalty"].layers: (
    F.mse_loss(y, d["real"]) + 0.02 * n["fc1"].weight.square().sum() + 0.01 * n["fc2"].weight.abs().sum())


def timed(loss):
    return Case({"fc1": nn.Linear(5, 4), "fc2": nn.Linear(4, 3)}, lambda n, d: n["fc2"](torch.tanh(n["fc1"](d["x"]))), shape=TIME,
                loss=lambda y, d: loss(y.transpose(1, 2), d["classes"]))


CASES["ce_time"] = timed(F.cross_entropy)
CASES["nll_time"] = timed(lambda y, c: F.nll_loss(torch.log_softmax(y, 1), c, **S) * 0.1)
CASES["ce_time_all"] = timed(lambda y, c: F.cross_entropy(y, c, label_smoothing=0.1, weight=WEIGHT, **S) * 0.1)

# ---- optimizers, and what training takes besides ----


class Lion(O.Optimizer):
    """Chen et al. 2023, algorithm 2."""

    def __init__(self, parameters, lr=1e-4, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(parameters, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            first, second = group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                update = torch.sign(first * m + (1 - first) * p.grad)
                m.mul_(second).add_((1 - second) * p.grad)
                p.sub_(group["lr"] * (update + group["weight_decay"] * p))


OPTIMIZERS = {
    "sgd": lambda p: O.SGD(p, lr=0.2),
    "sgd_decay": lambda p: O.SGD(p, lr=0.2, weight_decay=0.1),
    "momentum": lambda p: O.SGD(p, lr=0.1, momentum=0.7),
    "nesterov": lambda p: O.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "dampening": lambda p: O.SGD(p, lr=0.1, momentum=0.9, dampening=0.3),
    "adam": lambda p: O.Adam(p, lr=0.01),
    "adam_default": lambda p: O.Adam(p),
    "adam_options": lambda p: O.Adam(p, lr=0.02, betas=(0.7, 0.95), eps=1e-4, weight_decay=0.1),
    "maximize": lambda p: O.SGD(p, lr=0.01, momentum=0.9, weight_decay=0.1, maximize=True),
    "maximize_adam": lambda p: O.Adam(p, lr=0.01, maximize=True),
    "amsgrad": lambda p: O.Adam(p, lr=0.1, betas=(0.5, 0.6), amsgrad=True),
    "amsgrad_decoupled": lambda p: O.AdamW(p, lr=0.1, betas=(0.5, 0.6), amsgrad=True),
    "adamw": lambda p: O.AdamW(p, lr=0.01),
    "adamw_options": lambda p: O.AdamW(p, lr=0.02, betas=(0.8, 0.9), eps=1e-5, weight_decay=0.3),
    "rmsprop": lambda p: O.RMSprop(p, lr=0.01),
    "rmsprop_centered": lambda p: O.RMSprop(p, lr=0.01, alpha=0.8, centered=True, eps=1e-6),
    "rmsprop_all": lambda p: O.RMSprop(p, lr=0.005, momentum=0.8, centered=True, weight_decay=0.1),
    "adagrad": lambda p: O.Adagrad(p, lr=0.05),
    "adagrad_options": lambda p: O.Adagrad(p, lr=0.1, lr_decay=0.2, weight_decay=0.05, initial_accumulator_value=0.3, eps=1e-6),
    "adadelta": lambda p: O.Adadelta(p, lr=1),
    "adadelta_options": lambda p: O.Adadelta(p, lr=0.7, rho=0.8, eps=1e-4, weight_decay=0.1),
    "lion": lambda p: Lion(p, lr=0.003),
    "lion_options": lambda p: Lion(p, lr=0.01, betas=(0.8, 0.95), weight_decay=0.2),
}
for name, optimizer in OPTIMIZERS.items():
    CASES["optimizer_" + name] = plain(optimizer=optimizer)

CASES["clip_norm"] = plain(optimizer=lambda p: O.Adam(p, lr=0.05), clip=lambda p: nn.utils.clip_grad_norm_(p, 0.1))
CASES["clip_norm_wide"] = plain(clip=lambda p: nn.utils.clip_grad_norm_(p, 50))
CASES["clip_value"] = plain(clip=lambda p: nn.utils.clip_grad_value_(p, 0.03))
S_ = O.lr_scheduler
SCHEDULES = {
    "step": (lambda o: S_.StepLR(o, 2, 0.3), "epoch"),
    "step_default": (lambda o: S_.StepLR(o, 3), "step"),
    "multistep": (lambda o: S_.MultiStepLR(o, [2, 3, 6], 0.5), "epoch"),
    "exponential": (lambda o: S_.ExponentialLR(o, 0.7), "epoch"),
    "exponential_step": (lambda o: S_.ExponentialLR(o, 0.95), "step"),
    "cosine": (lambda o: S_.CosineAnnealingLR(o, 5, 0.01), "epoch"),
    "cosine_step": (lambda o: S_.CosineAnnealingLR(o, 8), "step"),
    "linear": (lambda o: S_.LinearLR(o, 0.2, 0.8, 4), "epoch"),
    "linear_default": (lambda o: S_.LinearLR(o), "step"),
    "one_cycle": (lambda o: S_.OneCycleLR(o, 0.3, total_steps=21, cycle_momentum=False), "step"),
    "one_cycle_epoch": (lambda o: S_.OneCycleLR(o, 0.2, total_steps=8, cycle_momentum=False), "epoch"),
}
for name, schedule in SCHEDULES.items():
    CASES["schedule_" + name] = plain(schedule=schedule, optimizer=lambda p: O.SGD(p, lr=0.2, momentum=0.5))
CASES["schedule_adam"] = plain(schedule=(lambda o: S_.CosineAnnealingLR(o, 21), "step"), optimizer=lambda p: O.AdamW(p, lr=0.05))

CASES["drop_last"] = plain(drop_last=True, steps=20)
CASES["batch_all"] = plain(batch=8, steps=20)
CASES["batch_one"] = plain(batch=1, steps=24)
CASES["parameter_options"] = Case(
    {"slow": nn.Linear(5, 6), "frozen": nn.Linear(6, 4).requires_grad_(False), "fast": nn.Linear(4, 3)},
    lambda n, d: n["fast"](torch.tanh(n["frozen"](torch.tanh(n["slow"](d["x"]))))),
    optimizer=lambda p: O.SGD([{"params": p[:2], "lr": 0.005, "weight_decay": 0.2}, {"params": p[4:], "lr": 0.15}],
                              lr=0.05, momentum=0.9, weight_decay=0.01))

# ---- data, training, recording ----


def rows(case, first, count):
    at = range(first, first + count)
    size = torch.Size(case.shape).numel()
    real = [[(i * i * 5 + j * 17 + i * j * 3) % 59 / 20 - 1.5 for j in range(1, 4)] for i in at]
    share = torch.tensor([[(i * i * 3 + j * 7 + i * j) % 5 + (j == 1) for j in range(1, 4)] for i in at], dtype=torch.float64)
    return {
        "x": torch.tensor([[(i * i * 17 + j * 29 + i * j * 5) % 61 / 30 - 1 for j in range(1, size + 1)] for i in at]).view(count, *case.shape),
        "real": torch.tensor(real), "share": share / share.sum(1, keepdim=True),
        "class": torch.tensor([(i * i * 7 + i * 3) % 5 % 3 for i in at]),
        "classes": torch.tensor([[(i * i * 7 + j * 3 + i * j) % 5 % 3 for j in range(1, 5)] for i in at]),
        "words": torch.tensor([[(i * i + j * 2) % 5 for j in range(1, 5)] for i in at]),
    }


def state(case):
    named = {}
    for name, module in case.layers.items():
        for part, value in module.state_dict().items():
            if part != "num_batches_tracked":
                named[f"{name}.{part}"] = value.detach().clone()
    return named


def save(named, path):
    save_file(named, path)
    path.chmod(0o644)


def train(seed, case):
    torch.manual_seed(seed)
    parameters = [value for module in case.layers.values() for value in module.parameters()]
    for module in case.layers.values():
        for part in module.modules():
            if hasattr(part, "reset_parameters"):
                part.reset_parameters()
    with torch.no_grad():
        for value in parameters:
            value += 0.1 * torch.randn_like(value)          # so that norms do not start at 1 and 0
    initial, optimizer, data, at, found, rates = state(case), case.optimizer(parameters), rows(case, 1, 8), 0, [], []
    schedule = case.schedule and case.schedule[0](optimizer)
    while len(found) < case.steps:
        batch = {name: value[at:at + case.batch] for name, value in data.items()}
        at += case.batch
        loss = case.loss(case.net(case.layers, batch), batch)
        optimizer.zero_grad()
        loss.backward()
        if case.clip:
            case.clip(parameters)
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        found.append(loss.item())
        ends = at + case.batch > 8 if case.drop_last else at >= 8
        if ends:
            at = 0
        if schedule and len(found) < case.steps and (case.schedule[1] == "step" or ends):
            schedule.step()
    for module in case.layers.values():
        module.eval()
    test, evaluated = rows(case, 9, 5), 0           # a mean over rows is that of all of them; else the rows' mean of the batches'
    for at in range(0, 5, case.batch if case.is_ratio else 5):
        batch = {name: value[at:at + case.batch if case.is_ratio else 5] for name, value in test.items()}
        with torch.no_grad():
            evaluated += case.loss(case.net(case.layers, batch), batch).item() * (len(batch["x"]) / 5 if case.is_ratio else 1)
    return initial, state(case), found, evaluated, rates


def main(wanted):
    (here / "networks").mkdir(parents=True, exist_ok=True)
    path = here / "networks.jsonl"
    lines = {json.loads(line)["case"]: line for line in path.read_text().splitlines()} if path.exists() else {}
    for name, case in CASES.items():
        if wanted and name not in wanted:
            continue
        initial, final, found, evaluated, rates = train(zlib.crc32(name.encode()), case)
        save(initial, here / "networks" / f"{name}.initial")
        save(final, here / "networks" / f"{name}.final")
        record = {"case": name, "torch": torch.__version__, "evaluation": evaluated, "losses": found}
        if case.schedule:
            record["rates"] = rates
        lines[name] = json.dumps(record)
    path.write_text("".join(lines[name] + "\n" for name in CASES if name in lines))


if __name__ == "__main__":
    main(sys.argv[1:])
