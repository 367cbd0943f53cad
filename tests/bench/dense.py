"""Dense networks of many shapes, a training step of nngen's program beside PyTorch's and JAX's: python3 tests/bench/dense.py NNGEN [CASE…]

    taskset -c 0 python3 tests/bench/dense.py build/release/nngen --rounds 3 thin wide2048

Linear layers (dense.lua) of odd, prime and wide sizes, with layer norm, dropout, gelu, Adam; forward, gradient and update, batches of
one random set in turn. PyTorch as it is written with its fused optimizer; JAX with all steps of a measurement in one call. One
thread; least of the rounds' medians. Figures of one run are comparable, those of two are not."""
import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import nn

from program import our_program

BATCHES = 4
KEYS = ["widths", "batch", "activation", "kind", "rule"]
CASES = {
    "thin": ("2-3-2", 1, "tanh", "plain", "sgd"), "thin_rows": ("2-5-1", 1024, "tanh", "plain", "sgd"),
    "primes": ("13-17-127-7", 11, "relu", "plain", "sgd"), "primes_rows": ("31-61-37-7", 509, "gelu", "plain", "adam"),
    "one_row": ("784-100-10", 1, "relu", "plain", "sgd"), "one_row_wide": ("1024-1024-10", 1, "relu", "plain", "sgd"),
    "batch3": ("300-200-100-10", 3, "gelu", "plain", "adam"), "batch16": ("128-256-128-10", 16, "relu", "plain", "adam"),
    "norm": ("64-128-128-10", 64, "gelu", "norm", "adam"), "norm_odd": ("50-101-67-5", 33, "relu", "norm", "sgd"),
    "dropout": ("100-300-100-10", 64, "relu", "dropout", "sgd"), "all": ("256-512-512-100", 128, "gelu", "norm dropout", "adam"),
    "sigmoid": ("20-40-40-40-1", 256, "sigmoid", "plain", "adam"), "silu": ("97-193-389-11", 101, "silu", "plain", "sgd"),
    "deep": ("32-32-32-32-32-32-32-32-10", 128, "tanh", "plain", "sgd"), "classes": ("64-128-1000", 64, "relu", "plain", "sgd"),
    "bottleneck": ("784-32-784-10", 100, "relu", "plain", "adam"), "square500": ("500-500-500-10", 200, "relu", "plain", "sgd"),
    "wide2048": ("512-2048-10", 64, "relu", "plain", "sgd"), "wide1024": ("1000-1024-999-10", 128, "gelu", "plain", "adam"),
}


def sizes_of(case):
    return [int(width) for width in case["widths"].split("-")]


def torch_steps(case, x, y):
    sizes, layers = sizes_of(case), []
    kinds = {"relu": nn.ReLU, "gelu": nn.GELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "silu": nn.SiLU}
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers += [nn.LayerNorm(sizes[i + 1])] if "norm" in case["kind"] else []
            layers.append(kinds[case["activation"]]())
            layers += [nn.Dropout(0.2)] if "dropout" in case["kind"] else []
    net, batch = nn.Sequential(*layers), case["batch"]
    xs, ys = torch.from_numpy(x).split(batch), torch.from_numpy(y).split(batch)
    loss = nn.CrossEntropyLoss() if sizes[-1] > 1 else nn.MSELoss()
    optimizer = (torch.optim.Adam(net.parameters(), lr=1e-3, fused=True) if case["rule"] == "adam"
                 else torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, fused=True))

    def run(steps):
        times = []
        for i in range(steps):
            start = time.perf_counter()
            optimizer.zero_grad()
            loss(net(xs[i % BATCHES]), ys[i % BATCHES]).backward()
            optimizer.step()
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1e6
    run(5)
    return run


def jax_steps(case, x, y):
    sizes, batch, rng = sizes_of(case), case["batch"], np.random.default_rng(0)
    act = {"relu": jax.nn.relu, "gelu": lambda a: jax.nn.gelu(a, approximate=False), "tanh": jnp.tanh, "sigmoid": jax.nn.sigmoid, "silu": jax.nn.silu}[case["activation"]]
    layers = range(len(sizes) - 1)
    p = [(jnp.asarray(rng.uniform(-1, 1, (sizes[i], sizes[i + 1])).astype(np.float32)) * sizes[i] ** -0.5, jnp.zeros(sizes[i + 1])) for i in layers]
    p = (p, [(jnp.ones(n), jnp.zeros(n)) for n in sizes[1:-1]] if "norm" in case["kind"] else [])

    def loss(p, a, b, key):
        for i, (w, bias) in enumerate(p[0]):
            a = a @ w + bias
            if i == len(sizes) - 2:
                break
            if p[1]:
                a = (a - a.mean(-1, keepdims=True)) * jax.lax.rsqrt(a.var(-1, keepdims=True) + 1e-5) * p[1][i][0] + p[1][i][1]
            a = act(a)
            if "dropout" in case["kind"]:
                a = a * jax.random.bernoulli(jax.random.fold_in(key, i), 0.8, a.shape) * 1.25
        if sizes[-1] == 1:
            return jnp.mean((a - b) ** 2)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(a), b[:, None], 1))

    xs, ys = jnp.asarray(x).reshape(BATCHES, batch, -1), jnp.asarray(y).reshape(BATCHES, batch, *y.shape[1:])

    def step(i, state):
        p, m, v, t = state
        g, t, each = jax.grad(loss)(p, xs[i % BATCHES], ys[i % BATCHES], jax.random.fold_in(jax.random.key(0), t)), t + 1, jax.tree.map
        if case["rule"] == "adam":
            m, v = each(lambda m, g: 0.9 * m + 0.1 * g, m, g), each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
            s, c = 1e-3 / (1 - 0.9 ** t), 1 - 0.999 ** t
            return each(lambda p, m, v: p - s * m / (jnp.sqrt(v / c) + 1e-8), p, m, v), m, v, t
        m = each(lambda m, g: 0.9 * m + g, m, g)
        return each(lambda p, m: p - 1e-3 * m, p, m), m, v, t
    many = jax.jit(lambda state, n: jax.lax.fori_loop(0, n, step, state))
    zeros = jax.tree.map(jnp.zeros_like, p)
    state = [(p, zeros, zeros, jnp.zeros((), jnp.int32))]

    def run(steps):
        start = time.perf_counter()
        state[0] = jax.block_until_ready(many(state[0], steps))
        return (time.perf_counter() - start) / steps * 1e6
    run(3)
    return run


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nngen", type=lambda path: Path(path).resolve())
    parser.add_argument("cases", nargs="*", metavar="CASE", help=" ".join(CASES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a contestant in a round")
    chosen = parser.parse_intermixed_args()
    if not set(chosen.cases) <= set(CASES):
        parser.error("cases are " + " ".join(CASES))
    torch.set_num_threads(1)
    print("| case | nngen µs | PyTorch µs | JAX scan µs | fastest peer ÷ nngen |\n| --- | --: | --: | --: | --: |")
    for name in chosen.cases or CASES:
        case = dict(zip(KEYS, CASES[name]))
        sizes, rng = sizes_of(case), np.random.default_rng(0)
        x = rng.standard_normal((BATCHES * case["batch"], sizes[0])).astype(np.float32)
        y = rng.integers(0, sizes[-1], len(x)) if sizes[-1] > 1 else rng.random((len(x), 1)).astype(np.float32)
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "x.npy", x)
            np.save(Path(folder) / "y.npy", y)
            runs = [our_program(chosen.nngen, "dense.lua", case, Path(folder)), torch_steps(case, x, y), jax_steps(case, x, y)]
            steps = [max(3, min(2000, int(chosen.seconds * 1e6 / run(3)))) for run in runs]
            ours, eager, scan = (min(times) for times in zip(*[[run(n) for run, n in zip(runs, steps)] for _ in range(chosen.rounds)]))
        print(f"| {name} | {ours:.4g} | {eager:.4g} | {scan:.4g} | {min(eager, scan) / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
