"""Records what PyTorch makes of layers.lua: python3 tests/parity/layers.py

Writes recorded/layers_CASE.safetensors, the initial weights of each network, and recorded/layers.jsonl, a line a case with the
losses of 20 steps in f64, in file order, in batches of 3 (of 5 for batch norm) of 7 rows, and in evaluation after each epoch. Needs torch and safetensors; run again only when a case is
added."""
import json
import pathlib

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)
here = pathlib.Path(__file__).resolve().parent
ROWS, BATCH, STEPS = 7, 3, 20


def conv1d(n, x):
    h = torch.tanh(n["a"](x))
    return n["c"](F.relu(n["b"](h)).flatten(1))


def conv2d(n, x):
    h = F.max_pool2d(torch.tanh(n["a"](x)), 2)
    return n["c"](F.relu(n["b"](h)).mean((2, 3)))


def pooling(n, x):
    h = n["a"](x)
    most, mean = F.max_pool2d(h, 3, 2, 1), F.avg_pool2d(h, (3, 2), 2, 1)
    return n["b"](most.flatten(1)) + n["c"](mean.flatten(1))


def transposed(n, x):
    return n["c"](torch.sigmoid(n["b"](torch.tanh(n["a"](x)))).mean((2, 3)))


def norms(n, x):
    h = n["a"](x * n["gain"])
    h = n["b"](torch.tanh(h) + x)
    return n["e"](n["c"](n["d"](h)).flatten(1))


def residual(n, x):
    h = torch.tanh(n["block"]["first"](x))
    h = h + n["block"]["second"](h)
    return n["last"](h + x)


def batch_norm(n, x):
    h = F.relu(n["b"](n["a"](x)))
    h = n["d"](n["c"](h.view(-1, 4, 8)).flatten(1))
    return n["g"](n["f"](torch.tanh(n["e"](h)) + n["e"](h * h)))


def attention(n, x):
    def attend(layer, x, mask=None):
        return layer(x, x, x, attn_mask=mask, need_weights=False)[0]
    h = attend(n["a"], x)
    h = attend(n["b"], torch.tanh(h) + x, torch.ones(5, 5, dtype=torch.bool).triu(1))
    return n["c"](attend(n["d"], h).flatten(1))


def embedding(n, x):
    h = n["a"](x)
    return n["b"](torch.tanh(h * h.mean(1, keepdim=True)).flatten(1))


CASES = {                                   # shape of a row, layers, network
    "conv1d": ((3, 10), {"a": nn.Conv1d(3, 4, 3, stride=2, padding=1), "b": nn.Conv1d(4, 6, 2, dilation=2, groups=2),
                         "c": nn.Linear(18, 3)}, conv1d),
    "conv2d": ((2, 7, 6), {"a": nn.Conv2d(2, 4, 3, padding=1),
                           "b": nn.Conv2d(4, 6, (3, 2), stride=(1, 2), padding=(1, 0), groups=2, bias=False),
                           "c": nn.Linear(6, 3)}, conv2d),
    "pooling": ((2, 7, 6), {"a": nn.Conv2d(2, 3, 3, padding=2, dilation=2), "b": nn.Linear(36, 3), "c": nn.Linear(48, 3)},
                pooling),
    "transposed": ((4, 4, 3), {"a": nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1, output_padding=1),
                               "b": nn.ConvTranspose2d(2, 4, (2, 3), groups=2, dilation=(1, 2)), "c": nn.Linear(4, 3)},
                   transposed),
    "norms": ((6, 2, 3), {"a": nn.GroupNorm(2, 6), "b": nn.LayerNorm((2, 3)), "c": nn.RMSNorm(3, eps=1e-5),
                          "d": nn.Linear(3, 3), "e": nn.Linear(36, 3), "gain": nn.Parameter(torch.full((6, 1, 1), 0.75))},
              norms),
    "residual": ((5,), {"block": nn.ModuleDict({"first": nn.Linear(5, 5), "second": nn.Linear(5, 5)}), "last": nn.Linear(5, 3)},
                 residual),
    "embedding": (None, {"a": nn.Embedding(5, 3), "b": nn.Linear(12, 3)}, embedding),
    "batch_norm": ((2, 3, 5), {"a": nn.Conv2d(2, 4, 2), "b": nn.BatchNorm2d(4, eps=1e-3, momentum=0.3), "c": nn.BatchNorm1d(4),
                               "d": nn.Linear(32, 6), "e": nn.BatchNorm1d(6), "f": nn.BatchNorm1d(6, affine=False),
                               "g": nn.Linear(6, 3)}, batch_norm),
    "attention": ((5, 6), {"a": nn.MultiheadAttention(6, 3, batch_first=True), "b": nn.MultiheadAttention(6, 2, batch_first=True),
                           "c": nn.Linear(30, 3), "d": nn.MultiheadAttention(6, 1, bias=False, batch_first=True)}, attention),
}


def rows(shape):
    label = torch.tensor([(i * i * 7 + i * 3) % 5 % 3 for i in range(1, ROWS + 1)])
    if shape is None:
        return torch.tensor([[(i * i + j * 2) % 5 for j in range(1, 5)] for i in range(1, ROWS + 1)]), label
    count = torch.Size(shape).numel()
    x = [[(i * i * 17 + j * 29 + i * j * 5) % 61 / 30 - 1 for j in range(1, count + 1)] for i in range(1, ROWS + 1)]
    return torch.tensor(x).view(ROWS, *shape), label


with open(here / "recorded" / "layers.jsonl", "w") as out:
    for seed, (case, (shape, layers, network)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        parameters, buffers, batch = {}, {}, 5 if case == "batch_norm" else BATCH
        for layer, module in layers.items():
            if isinstance(module, nn.Parameter):
                parameters[f"{case}.{layer}"] = module
                continue
            for part in module.modules():
                for reset in "reset_parameters", "_reset_parameters":
                    getattr(part, reset, lambda: None)()
            parameters |= {f"{case}.{layer}.{name}": value for name, value in module.named_parameters()}
            buffers |= {f"{case}.{layer}.{name}": value for name, value in module.named_buffers()}
        with torch.no_grad():
            for value in parameters.values():
                value += 0.1 * torch.randn_like(value)          # so that the norms do not start at 1 and 0
        save_file({name: value.detach().clone() for name, value in (parameters | buffers).items()},
                  here / "recorded" / f"layers_{case}.safetensors")
        (here / "recorded" / f"layers_{case}.safetensors").chmod(0o644)
        x, label = rows(shape)
        optimizer, at, found = torch.optim.SGD(parameters.values(), lr=0.1, momentum=0.9), 0, []
        modules, evaluated = torch.nn.ModuleDict({k: m for k, m in layers.items() if isinstance(m, nn.Module)}), []
        while len(found) < STEPS:
            loss = F.cross_entropy(network(layers, x[at:at + batch]), label[at:at + batch])
            at = at + batch if at + batch < ROWS else 0
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
            if at == 0 or len(found) == STEPS:
                modules.eval()
                with torch.no_grad():
                    evaluated.append(F.cross_entropy(network(layers, x), label).item())
                modules.train()
        out.write(json.dumps({"case": case, "torch": torch.__version__, "losses": found, "evaluated": evaluated}) + "\n")
