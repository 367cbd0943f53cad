"""Networks of other kinds, a training step of nngen's program beside PyTorch and JAX: python3 tests/bench/kinds.py NNGEN [CASE…]

    taskset -c 0 python3 tests/bench/kinds.py build/release/nngen --rounds 3 lstm gru,hidden=8,batch=1 norms

A case is a network of kinds.lua and what differs from DEFAULTS, or the name of a sweep, which stands for many: recurrent layers and
attention over a text, bags of embeddings, dense layers with norms and dropout, wide softmax, optimizers. PyTorch as it is written,
with --compile compiled too (the forward alone, and the whole step), fused optimizers where it has them; JAX a step a call, and many
steps in one call. One thread; least of the rounds' medians. Figures of one run are comparable, those of two are not."""
import argparse
import os
import statistics
import tempfile
import time
from itertools import product
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import lax
from torch import nn

from program import our_program

BATCHES = 2
GATES = {"lstm": 4, "gru": 3, "rnn": 1}
NETWORKS = [*GATES, "attention", "bag", "dense"]
DEFAULTS = {"time": 64, "letters": 64, "width": 64, "hidden": 128, "heads": 4, "layers": 1, "both": 0, "last": 0, "causal": 1, "norm": "none",
            "drop": 0, "smoothing": 0, "rule": "adam", "clip": 0, "classes": 10, "batch": 16}


def sweep(network, **values):
    """One case for each combination."""
    lists = [value if isinstance(value, list) else [value] for value in values.values()]
    return [",".join([network, *(f"{k}={v}" for k, v in zip(values, chosen))]) for chosen in product(*lists)]


SWEEPS = {
    "recurrent": [case for kind in GATES for case in
                  sweep(kind, hidden=[8, 16, 32], time=16, batch=[1, 16], rule="sgd") + sweep(kind, hidden=[64, 256], time=[4, 64], batch=[1, 64])
                  + sweep(kind, hidden=64, time=16, batch=256) + sweep(kind, hidden=64, time=16, layers=2, batch=16)
                  + sweep(kind, hidden=64, time=16, both=1, last=[0, 1]) + sweep(kind, hidden=128, last=1)],
    "attentions": sweep("attention", width=[32, 128], time=[16, 128], heads=[1, 8], batch=[1, 16]) + sweep("attention", causal=0, batch=[1, 64], time=32)
    + sweep("attention", width=256, time=64, layers=2, batch=4),
    "embeddings": sweep("bag", letters=[30, 1000, 30000], width=[16, 256], time=20, batch=[1, 64], rule=["sgd", "adam"]),
    "norms": sweep("dense", norm=["layer", "rms", "group", "batch"], width=[10, 128, 1024], layers=2, batch=[2, 64])
    + sweep("dense", norm=["layer", "batch"], width=64, layers=3, batch=1024) + sweep("dense", drop=0.5, layers=2, batch=[1, 64, 1024])
    + sweep("dense", norm="layer", drop=0.1, layers=2, width=128, hidden=512, batch=1),
    "classes": sweep("dense", layers=0, classes=[1000, 30000], smoothing=[0, 0.1], batch=[1, 64], rule="sgd"),
    "optimizers": sweep("dense", width=1000, hidden=1000, batch=1, rule=["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad", "adadelta"])
    + sweep("dense", width=1000, hidden=1000, batch=1, rule=["sgd", "adam"], clip=1),
}


def read_case(text):
    network, *settings = text.split(",")
    case = {"network": network} | DEFAULTS
    for key, value in (setting.split("=") for setting in settings):
        case[key] = type(case[key])(value) if value.isdigit() or isinstance(case[key], str) else float(value)
    return case


def of_places(c):
    return c["network"] not in ("dense", "bag") and not c["last"]


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, d, kind, norms = c, c["width"], c["network"], {"layer": nn.LayerNorm, "rms": nn.RMSNorm, "batch": nn.BatchNorm1d,
                                                               "group": lambda n: nn.GroupNorm(2, n)}
        if kind != "dense":
            self.words = nn.Embedding(c["letters"], d)
        if kind == "attention":
            for i in range(c["layers"]):
                parts = {"norm1": nn.LayerNorm(d), "qkv": nn.Linear(d, 3 * d), "out": nn.Linear(d, d),
                         "block": nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))}
                setattr(self, f"layer{i}", nn.ModuleDict(parts))
        elif kind == "dense":
            body = []
            for i in range(c["layers"]):
                body += [nn.Linear(d, c["hidden"])] + ([norms[c["norm"]](c["hidden"])] if c["norm"] != "none" else []) + [nn.ReLU()]
                body += [nn.Dropout(c["drop"])] if c["drop"] else []
                d = c["hidden"]
            self.body = nn.Sequential(*body)
        elif kind in GATES:
            layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[kind]
            self.cells = layer(d, c["hidden"], batch_first=True, num_layers=c["layers"], bidirectional=c["both"] == 1)
            d = c["hidden"] * (1 + c["both"])
        self.head = nn.Linear(d, c["letters"] if of_places(c) else c["classes"])

    def forward(self, x):
        c = self.c
        if c["network"] == "dense":
            return self.head(self.body(x))
        h = self.words(x)
        if c["network"] == "bag":
            return self.head(h.mean(1))
        if c["network"] in GATES:
            h = self.cells(h)[0]
        for i in range(c["layers"] if c["network"] == "attention" else 0):
            layer = getattr(self, f"layer{i}")
            q, k, v = (part.view(*h.shape[:2], c["heads"], -1).transpose(1, 2) for part in layer["qkv"](layer["norm1"](h)).chunk(3, -1))
            seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=c["causal"] == 1)
            h = h + layer["out"](seen.transpose(1, 2).reshape(h.shape))
            h = h + layer["block"](h)
        return self.head(h[:, -1] if c["last"] else h)


def torch_optimizer(rule, parameters):
    optim = torch.optim
    made = {"sgd": lambda o: optim.SGD(parameters, 1e-3, **o), "momentum": lambda o: optim.SGD(parameters, 1e-3, momentum=0.9, **o),
            "adam": lambda o: optim.Adam(parameters, 1e-3, **o), "adamw": lambda o: optim.AdamW(parameters, 1e-3, **o),
            "adagrad": lambda o: optim.Adagrad(parameters, 1e-3, **o),
            "rmsprop": lambda o: optim.RMSprop(parameters, 1e-3), "adadelta": lambda o: optim.Adadelta(parameters, 1e-3)}
    return made[rule]({"fused": True})


def torch_steps(c, x, y, compiled):
    net = Network(c)
    parameters = list(net.parameters())
    optimizer = torch_optimizer(c["rule"], parameters)
    xs, ys = ([torch.from_numpy(part) if part.dtype == np.float32 else torch.from_numpy(part).long() for part in np.split(of, BATCHES)] for of in (x, y))
    loss = nn.CrossEntropyLoss(label_smoothing=c["smoothing"])
    forward = torch.compile(net) if compiled == "forward" else net

    def step(x, y):
        optimizer.zero_grad()
        loss(forward(x).flatten(0, -2), y.flatten()).backward()
        if c["clip"]:
            nn.utils.clip_grad_norm_(parameters, c["clip"])
        optimizer.step()
    whole = torch.compile(step) if compiled == "step" else step

    def run(steps):
        times = []
        for i in range(steps):
            start = time.perf_counter()
            whole(xs[i % BATCHES], ys[i % BATCHES])
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1e6
    run(4)
    return run


def normed(kind, x, scale, shift):
    if kind == "rms":
        return x * lax.rsqrt((x * x).mean(-1, keepdims=True) + 1.2e-7) * scale
    if kind == "group":
        parts = x.reshape(*x.shape[:-1], 2, -1)
        parts = (parts - parts.mean(-1, keepdims=True)) * lax.rsqrt(parts.var(-1, keepdims=True) + 1e-5)
        return parts.reshape(x.shape) * scale + shift
    axis = 0 if kind == "batch" else -1
    return (x - x.mean(axis, keepdims=True)) * lax.rsqrt(x.var(axis, keepdims=True) + 1e-5) * scale + shift


def cell(network, w, b, hidden, state, z):
    h = state[0]
    if network == "rnn":
        h = jnp.tanh(z + h @ w)
        return (h,), h
    g = h @ w
    if network == "lstm":
        i, f, new, o = jnp.split(z + g, 4, -1)
        c = jax.nn.sigmoid(f) * state[1] + jax.nn.sigmoid(i) * jnp.tanh(new)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
        return (h, c), h
    g = g + b
    r, u = (jax.nn.sigmoid(z[:, n * hidden:(n + 1) * hidden] + g[:, n * hidden:(n + 1) * hidden]) for n in range(2))
    h = (1 - u) * jnp.tanh(z[:, 2 * hidden:] + r * g[:, 2 * hidden:]) + u * h
    return (h,), h


def jax_forward(c, p, x, key):
    if c["network"] == "dense":
        h = x
        for i, layer in enumerate(p["layers"]):
            h = h @ layer["fc"][0] + layer["fc"][1]
            h = jax.nn.relu(normed(c["norm"], h, *layer["norm"]) if c["norm"] != "none" else h)
            if c["drop"]:
                h = h * jax.random.bernoulli(jax.random.fold_in(key, i), 1 - c["drop"], h.shape) / (1 - c["drop"])
        return h @ p["head"][0] + p["head"][1]
    h = p["words"][x]
    batch, times, _ = h.shape
    if c["network"] == "bag":
        h = h.mean(1)
    elif c["network"] == "attention":
        for layer in p["layers"]:
            q, k, v = (part.reshape(batch, times, c["heads"], -1).transpose(0, 2, 1, 3)
                       for part in jnp.split(normed("layer", h, *layer["norm1"]) @ layer["qkv"][0] + layer["qkv"][1], 3, -1))
            scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(c["width"] // c["heads"])
            seen = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((times, times), bool)), scores, -jnp.inf) if c["causal"] else scores) @ v
            h = h + seen.transpose(0, 2, 1, 3).reshape(h.shape) @ layer["out"][0] + layer["out"][1]
            up = jax.nn.gelu(normed("layer", h, *layer["norm2"]) @ layer["up"][0] + layer["up"][1], approximate=False)
            h = h + up @ layer["down"][0] + layer["down"][1]
    else:
        zero = jnp.zeros((batch, c["hidden"]))
        h = h.transpose(1, 0, 2)
        for ways in p["layers"]:
            outs = [lax.scan(lambda state, z, way=way: cell(c["network"], *way["state"], c["hidden"], state, z),
                             (zero, zero) if c["network"] == "lstm" else (zero,), h @ way["input"][0] + way["input"][1], reverse=n == 1)[1]
                    for n, way in enumerate(ways)]
            h = jnp.concatenate(outs, -1)
        h = h.transpose(1, 0, 2)
    return (h[:, -1] if c["last"] else h) @ p["head"][0] + p["head"][1]


def jax_parameters(c):
    rng, d = np.random.default_rng(0), c["width"]
    matrix = lambda *size: jnp.asarray(rng.normal(0, 0.1, size), jnp.float32)
    linear = lambda inputs, outputs: (matrix(inputs, outputs), matrix(outputs))
    p = {} if c["network"] == "dense" else {"words": matrix(c["letters"], d)}
    if c["network"] == "attention":
        p["layers"] = [{"qkv": linear(d, 3 * d), "out": linear(d, d), "up": linear(d, 4 * d), "down": linear(4 * d, d),
                        "norm1": (matrix(d), matrix(d)), "norm2": (matrix(d), matrix(d))} for _ in range(c["layers"])]
    elif c["network"] == "dense":
        sizes = [d] + [c["hidden"]] * c["layers"]
        p["layers"] = [{"fc": linear(a, b), "norm": (matrix(b), matrix(b))} for a, b in zip(sizes, sizes[1:])]
        d = sizes[-1]
    elif c["network"] in GATES:
        gates, p["layers"] = GATES[c["network"]] * c["hidden"], []
        for _ in range(c["layers"]):
            p["layers"].append([{"input": linear(d, gates), "state": linear(c["hidden"], gates)} for _ in range(1 + c["both"])])
            d = c["hidden"] * (1 + c["both"])
    return p | {"head": linear(d, c["letters"] if of_places(c) else c["classes"])}


def jax_update(rule, t, p, g, m, v):
    """One tensor's new value and what its rule remembers."""
    if rule == "sgd":
        return p - 1e-3 * g, m, v
    if rule == "momentum":
        m = 0.9 * m + g
        return p - 1e-3 * m, m, v
    if rule == "adagrad":
        v = v + g * g
        return p - 1e-3 * g / (jnp.sqrt(v) + 1e-10), m, v
    if rule == "rmsprop":
        v = 0.99 * v + 0.01 * g * g
        return p - 1e-3 * g / (jnp.sqrt(v) + 1e-8), m, v
    if rule == "adadelta":
        v = 0.9 * v + 0.1 * g * g
        u = jnp.sqrt(m + 1e-6) / jnp.sqrt(v + 1e-6) * g
        return p - 1e-3 * u, 0.9 * m + 0.1 * u * u, v
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    root, s = jnp.sqrt(v / (1 - 0.999 ** t)) + 1e-8, 1e-3 / (1 - 0.9 ** t)
    return (p * (1 - 1e-5) if rule == "adamw" else p) - s * m / root, m, v


def jax_steps(c, x, y):
    xs, ys, p = jnp.asarray(np.stack(np.split(x, BATCHES))), jnp.asarray(np.stack(np.split(y, BATCHES))), jax_parameters(c)

    def loss(p, x, y, key):
        logs = jax.nn.log_softmax(jax_forward(c, p, x, key))
        right = jnp.take_along_axis(logs, y[..., None], -1).mean()
        return -(1 - c["smoothing"]) * right - (c["smoothing"] * logs.mean() if c["smoothing"] else 0)

    def step(i, state):
        p, m, v, t = state
        g, t, leaves = jax.grad(loss)(p, xs[i % BATCHES], ys[i % BATCHES], jax.random.fold_in(jax.random.key(0), i)), t + 1, jax.tree.leaves
        if c["clip"]:
            norm = jnp.sqrt(sum((part * part).sum() for part in leaves(g)))
            g = jax.tree.map(lambda part: part * jnp.minimum(1, c["clip"] / (norm + 1e-6)), g)
        new = [jax_update(c["rule"], t, *each) for each in zip(leaves(p), leaves(g), m, v)]
        return jax.tree.unflatten(jax.tree.structure(p), [n[0] for n in new]), [n[1] for n in new], [n[2] for n in new], t
    zeros = [jnp.zeros_like(part) for part in jax.tree.leaves(p)]
    one, many = jax.jit(step), jax.jit(lambda state, n: lax.fori_loop(0, n, step, state))
    state = [(p, zeros, zeros, jnp.float32(0))]

    def run_one(steps):
        times = []
        for i in range(steps):
            start = time.perf_counter()
            state[0] = jax.block_until_ready(one(i, state[0]))
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1e6

    def run_many(steps):
        start = time.perf_counter()
        state[0] = jax.block_until_ready(many(state[0], steps))
        return (time.perf_counter() - start) / steps * 1e6
    run_one(3), run_many(3)
    return run_one, run_many


def prepare(nngen, case, folder, compiled):
    """The contestants of a case: by name a function of steps that gives microseconds."""
    c, rng = read_case(case), np.random.default_rng(0)
    rows = BATCHES * c["batch"]
    x = (rng.standard_normal((rows, c["width"])).astype(np.float32) if c["network"] == "dense"
         else rng.integers(0, c["letters"], (rows, c["time"])).astype(np.int32))
    y = rng.integers(0, c["letters"] if of_places(c) else c["classes"], (rows, c["time"]) if of_places(c) else rows).astype(np.int32)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    runs = {"nngen": our_program(nngen, "kinds.lua", c, folder), "eager": torch_steps(c, x, y, None)}
    if compiled:
        runs |= {"compile": torch_steps(c, x, y, "forward"), "whole step": torch_steps(c, x, y, "step")}
    return runs | dict(zip(("JAX jit", "JAX scan"), jax_steps(c, x, y)))


def measure(runs, rounds, seconds):
    steps = {name: max(2, min(2000, int(seconds * 1e6 / run(2)))) for name, run in runs.items()}
    times = [{name: run(steps[name]) for name, run in runs.items()} for _ in range(rounds)]
    return {name: min(of[name] for of in times) for name in runs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nngen", type=lambda path: Path(path).resolve())
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join([*NETWORKS, *SWEEPS]))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a contestant in a round")
    parser.add_argument("--compile", action="store_true", help="PyTorch compiled as well")
    chosen = parser.parse_intermixed_args()
    cases = [case for name in chosen.cases or SWEEPS for case in SWEEPS.get(name, [name])]
    for case in cases:
        if case.split(",")[0] not in NETWORKS or not {setting.split("=")[0] for setting in case.split(",")[1:]} <= set(DEFAULTS):
            parser.error(f"no case {case}: networks are {' '.join(NETWORKS)}, settings {' '.join(DEFAULTS)}")
    torch.set_num_threads(1)
    for i, case in enumerate(cases):
        with tempfile.TemporaryDirectory() as folder:
            times = measure(prepare(chosen.nngen, case, Path(folder), chosen.compile), chosen.rounds, chosen.seconds)
        if i == 0:
            print("| case | " + " | ".join(f"{name} µs" for name in times) + " | fastest peer ÷ nngen |\n| --- " + "| --: " * (len(times) + 1) + "|")
        ours, *peers = times.values()
        print(f"| {case} | " + " | ".join(f"{t:.4g}" for t in times.values()) + f" | {min(peers) / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
