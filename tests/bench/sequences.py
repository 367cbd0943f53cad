"""Recurrent layers and attention, a training step of nngen's program beside PyTorch and JAX: python3 tests/bench/sequences.py NNGEN [NETWORK…]

    taskset -c 0 python3 tests/bench/sequences.py build/release/nngen --rounds 3 lstm attention

A text of --time letters, an embedding, the network (sequences.lua), a linear layer over each place, Adam. PyTorch as it is written and
compiled, the fused optimizer; JAX a step a call, and ten steps in one scan. One thread; medians of rounds in turn. Figures of one run
are comparable, those of two are not."""
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
from jax import lax
from torch import nn

from program import our_program

NETWORKS = {"lstm": 4, "gru": 3, "rnn": 1, "attention": 0}       # gates
HEADS, SCAN = 4, 10


def timed(step, steps):
    times = []
    for _ in range(steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6


class Network(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c, d = c, c.width
        self.words = nn.Embedding(c.letters, d)
        if c.network == "attention":
            self.norm1, self.qkv, self.out = nn.LayerNorm(d), nn.Linear(d, 3 * d), nn.Linear(d, d)
            self.block = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))
        else:
            self.cells = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[c.network](d, c.hidden, batch_first=True)
        self.head = nn.Linear(d if c.network == "attention" else c.hidden, c.letters)

    def forward(self, x):
        c, h = self.c, self.words(x)
        if c.network != "attention":
            return self.head(self.cells(h)[0])
        q, k, v = (part.view(c.batch, c.time, HEADS, -1).transpose(1, 2) for part in self.qkv(self.norm1(h)).chunk(3, -1))
        seen = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        h = h + self.out(seen.transpose(1, 2).reshape(c.batch, c.time, c.width))
        return self.head(h + self.block(h))


def torch_step(c, x, y, compiled):
    net = Network(c)
    optimizer, forward = torch.optim.Adam(net.parameters(), 1e-3, fused=True), torch.compile(net) if compiled else net
    x, y = torch.tensor(x[:c.batch]).long(), torch.tensor(y[:c.batch]).long()

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(forward(x).flatten(0, 1), y.flatten()).backward()
        optimizer.step()
    return step


def normed(x, scale, shift):
    return (x - x.mean(-1, keepdims=True)) * lax.rsqrt(x.var(-1, keepdims=True) + 1e-5) * scale + shift


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


def jax_forward(c, p, x):
    h = p["words"][x]
    if c.network == "attention":
        q, k, v = (part.reshape(c.batch, c.time, HEADS, -1).transpose(0, 2, 1, 3)
                   for part in jnp.split(normed(h, *p["norm1"]) @ p["qkv"][0] + p["qkv"][1], 3, -1))
        scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(c.width // HEADS)
        seen = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((c.time, c.time), bool)), scores, -jnp.inf)) @ v
        h = h + seen.transpose(0, 2, 1, 3).reshape(c.batch, c.time, c.width) @ p["out"][0] + p["out"][1]
        up = jax.nn.gelu(normed(h, *p["norm2"]) @ p["up"][0] + p["up"][1], approximate=False)
        h = h + up @ p["down"][0] + p["down"][1]
    else:
        zero = jnp.zeros((c.batch, c.hidden))
        z = (h @ p["input"][0] + p["input"][1]).transpose(1, 0, 2)
        step = lambda state, z: cell(c.network, p["state"][0], p["state"][1], c.hidden, state, z)
        h = lax.scan(step, (zero, zero) if c.network == "lstm" else (zero,), z)[1].transpose(1, 0, 2)
    return h @ p["head"][0] + p["head"][1]


def jax_steps(c, x, y):
    rng = np.random.default_rng(0)
    matrix = lambda *size: jnp.asarray(rng.normal(0, 0.1, size), jnp.float32)
    linear = lambda inputs, outputs: (matrix(inputs, outputs), matrix(outputs))
    d, gates = c.width, NETWORKS[c.network] * c.hidden
    p = {"words": matrix(c.letters, d), "head": linear(c.hidden if gates else d, c.letters)}
    if gates:
        p |= {"input": linear(d, gates), "state": linear(c.hidden, gates)}
    else:
        p |= {"qkv": linear(d, 3 * d), "out": linear(d, d), "up": linear(d, 4 * d), "down": linear(4 * d, d),
              "norm1": (matrix(d), matrix(d)), "norm2": (matrix(d), matrix(d))}
    x, y = jnp.asarray(x[:c.batch]), jnp.asarray(y[:c.batch])

    def loss(p):
        return -jnp.take_along_axis(jax.nn.log_softmax(jax_forward(c, p, x)), y[..., None], -1).mean()

    def step(state, _=None):
        p, m, v, t = state
        value, g = jax.value_and_grad(loss)(p)
        t = t + 1
        m = jax.tree_util.tree_map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree_util.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        p = jax.tree_util.tree_map(lambda p, m, v: p - 1e-3 / (1 - 0.9 ** t) * m / (jnp.sqrt(v / (1 - 0.999 ** t)) + 1e-8), p, m, v)
        return (p, m, v, t), value

    zeros = jax.tree_util.tree_map(jnp.zeros_like, p)
    start = (p, zeros, zeros, jnp.float32(0))
    one, many = jax.jit(step), jax.jit(lambda state: lax.scan(step, state, None, length=SCAN))
    return lambda: jax.block_until_ready(one(start)), lambda: jax.block_until_ready(many(start))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nngen", type=lambda path: Path(path).resolve())
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=" ".join(NETWORKS))
    for name, value in (("time", 64), ("letters", 64), ("width", 64), ("hidden", 128), ("batch", 16), ("rounds", 3), ("steps", 30)):
        parser.add_argument("--" + name, type=int, default=value)
    c = parser.parse_intermixed_args()
    if not set(c.networks) <= set(NETWORKS):
        parser.error("networks are " + " ".join(NETWORKS))
    torch.set_num_threads(1)
    print("| network | nngen µs | eager | compile | JAX jit | JAX scan | fastest ÷ nngen |\n| --- | --: | --: | --: | --: | --: | --: |")
    rng = np.random.default_rng(0)
    text = rng.integers(0, c.letters, (2 * c.batch, c.time + 1)).astype(np.int32)
    for name in c.networks or NETWORKS:
        c.network = name
        with tempfile.TemporaryDirectory() as folder:
            np.save(Path(folder) / "letter.npy", text[:, :-1])
            np.save(Path(folder) / "next_letter.npy", text[:, 1:])
            x, y = text[:, :-1], text[:, 1:]
            jit, scan = jax_steps(c, x, y)
            rivals = [torch_step(c, x, y, False), torch_step(c, x, y, True), jit, scan]
            for step in rivals:
                timed(step, 3)
            options = {key: getattr(c, key) for key in ("network", "time", "letters", "width", "hidden", "batch")}
            runs = [our_program(c.nngen, "sequences.lua", options, Path(folder)), *[lambda steps, step=step: timed(step, steps) for step in rivals[:3]],
                    lambda steps: timed(scan, max(steps // SCAN, 2)) / SCAN]
            times = [statistics.median(run) for run in zip(*[[run(c.steps) for run in runs] for _ in range(c.rounds)])]
        print(f"| {name} | " + " | ".join(f"{t:.0f}" for t in times) + f" | {min(times[1:]) / times[0]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
