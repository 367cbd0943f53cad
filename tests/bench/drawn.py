"""Networks drawn at random, a training step of nngen's program beside PyTorch's and JAX's: python3 tests/bench/drawn.py NNGEN [CASE…]

    taskset -c 0 python3 tests/bench/drawn.py build/release/nngen --draw 100 --seed 3
    taskset -c 0 python3 tests/bench/drawn.py build/release/nngen "3x16x16 conv:8:3:1:1 relu gap linear:10 ce adam 0 16"

A case is text, INPUT WORD… LOSS RULE CLIP BATCH, from which drawn.lua makes nngen's model and this file PyTorch's and JAX's: the input is a
shape of numbers, or a count of classes as in 20of1000; a word takes the tensor on top of a stack and leaves what it makes of it.
PyTorch as it is written, images also channels last; JAX a step a call, and many steps in one call. One thread; least of the rounds'
medians. Figures of one run are comparable, those of two are not."""
import argparse
import random
import re
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from kinds import GATES, cell, jax_update, measure, normed, torch_optimizer                 # sets what JAX reads when it is imported
import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import lax
from torch.nn import functional as F

from program import our_program

BATCHES = 2


class Drawn:
    """What a network's parameters are, in order of use: drawn in the first pass, given in later ones."""
    def __init__(self, make, given=None):
        self.make, self.values, self.given, self.rng = make, given if given is not None else [], given is not None, np.random.default_rng(0)

    def start(self):
        self.used = -1
        return self

    def __call__(self, *shape):
        self.used += 1
        if not self.given and self.used == len(self.values):
            self.values.append(self.make(np.float32(self.rng.normal(0, 0.1 if len(shape) == 1 else np.prod(shape[1:]) ** -0.5, shape))))
        return self.values[self.used]


COMMON = {                                                                                # words that both say in the same way
    "leaky": lambda b, p, h: b.where(h > 0, h, 0.01 * h), "root": lambda b, p, h: b.sqrt(h * h + 1), "square": lambda b, p, h: h * h,
    "exp": lambda b, p, h: b.exp(h), "sin": lambda b, p, h: b.sin(h), "tanh": lambda b, p, h: b.tanh(h), "abs": lambda b, p, h: b.abs(h),
    "flatten": lambda b, p, h: h.reshape(len(h), -1), "final": lambda b, p, h: h[:, -1], "turn": lambda b, p, h: b.swapaxes(h, 1, 2),
    "gap": lambda b, p, h: h.mean((2, 3)), "sum": lambda b, p, h, axis: h.sum(axis), "mean": lambda b, p, h, axis: h.mean(axis),
    "unit": lambda b, p, h: h / b.sqrt((h * h).sum(-1)[..., None] + 1e-6),
}


def torch_recurrent(p, h, kind, n):
    layer = {"lstm": torch.lstm, "gru": torch.gru, "rnn": torch.rnn_tanh}[kind]
    gates, zero = GATES[kind] * n, torch.zeros(1, len(h), n)
    weights = [p(gates, h.shape[-1]), p(gates, n), p(gates), p(gates)]
    return layer(h, (zero, zero) if kind == "lstm" else zero, weights, True, 1, 0.0, True, False, True)[0]


def torch_attention(p, h, heads, causal):
    d = h.shape[-1]
    q, k, v = (part.view(*h.shape[:2], heads, -1).transpose(1, 2) for part in F.linear(h, p(3 * d, d), p(3 * d)).chunk(3, -1))
    return F.linear(F.scaled_dot_product_attention(q, k, v, is_causal=causal == 1).transpose(1, 2).reshape(h.shape), p(d, d), p(d))


TORCH = {
    "linear": lambda p, h, n: F.linear(h, p(n, h.shape[-1]), p(n)),
    "conv": lambda p, h, n, k, s, pad, g=1: F.conv2d(h, p(n, h.shape[1] // g, k, k), p(n), s, pad, 1, g),
    "line": lambda p, h, n, k, s, pad: F.conv1d(h, p(n, h.shape[1], k), p(n), s, pad),
    "up": lambda p, h, n, k, s, pad: F.conv_transpose2d(h, p(h.shape[1], n, k, k), p(n), s, pad),
    "double": lambda p, h: F.interpolate(h, scale_factor=2), "maxpool": lambda p, h, k, s: F.max_pool2d(h, k, s),
    "avgpool": lambda p, h, k, s: F.avg_pool2d(h, k, s), "bn": lambda p, h: F.batch_norm(h, None, None, p(h.shape[1]), p(h.shape[1]), True),
    "gn": lambda p, h, g: F.group_norm(h, g, p(h.shape[1]), p(h.shape[1])),
    "ln": lambda p, h: F.layer_norm(h, h.shape[-1:], p(h.shape[-1]), p(h.shape[-1])), "rms": lambda p, h: F.rms_norm(h, h.shape[-1:], p(h.shape[-1])),
    "drop": lambda p, h, rate: F.dropout(h, rate), "attention": torch_attention, "max": lambda p, h, axis: h.amax(axis),
    "lse": lambda p, h, axis: h.logsumexp(axis), "softmax": lambda p, h, axis: F.softmax(h, axis), "relu": lambda p, h: F.relu(h),
    "sigmoid": lambda p, h: torch.sigmoid(h), "gelu": lambda p, h: F.gelu(h), "silu": lambda p, h: F.silu(h), "elu": lambda p, h: F.elu(h),
    "softplus": lambda p, h: F.softplus(h), "mish": lambda p, h: F.mish(h),
} | {kind: lambda p, h, n, kind=kind: torch_recurrent(p, h, kind, n) for kind in GATES}


def jax_conv(h, w, s, pad, g=1):
    return lax.conv_general_dilated(h, w, [s] * (h.ndim - 2), [(pad, pad)] * (h.ndim - 2), feature_group_count=g)


def jax_up(p, h, n, k, s, pad):
    w = p(h.shape[1], n, k, k)
    return lax.conv_general_dilated(h, w[:, :, ::-1, ::-1].swapaxes(0, 1), [1, 1], [(k - 1 - pad,) * 2] * 2, lhs_dilation=[s, s]) + p(n)[:, None, None]


def jax_pool(h, k, s, start, fold):
    return lax.reduce_window(h, start, fold, (1, 1, k, k), (1, 1, s, s), "VALID")


def jax_recurrent(p, h, kind, n):
    gates, zero = GATES[kind] * n, jnp.zeros((len(h), n))
    w, u, b, c = p(h.shape[-1], gates), p(n, gates), p(gates), p(gates)
    z = h.transpose(1, 0, 2) @ w + b
    return lax.scan(lambda state, z: cell(kind, u, c, n, state, z), (zero, zero) if kind == "lstm" else (zero,), z)[1].transpose(1, 0, 2)


def jax_attention(p, h, heads, causal):
    batch, times, d = h.shape
    q, k, v = (part.reshape(batch, times, heads, -1).transpose(0, 2, 1, 3) for part in jnp.split(h @ p(d, 3 * d) + p(3 * d), 3, -1))
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(d // heads)
    seen = jax.nn.softmax(jnp.where(jnp.tril(jnp.ones((times, times), bool)), scores, -jnp.inf) if causal else scores) @ v
    return seen.transpose(0, 2, 1, 3).reshape(h.shape) @ p(d, d) + p(d)


def jax_groups(p, h, g, axes):
    parts = h.reshape(len(h), g, h.shape[1] // g, -1)
    parts = ((parts - parts.mean(axes, keepdims=True)) * lax.rsqrt(parts.var(axes, keepdims=True) + 1e-5)).reshape(h.shape)
    places = (-1,) + (1,) * (h.ndim - 2)
    return parts * p(h.shape[1]).reshape(places) + p(h.shape[1]).reshape(places)


JAX = {
    "linear": lambda p, h, n: h @ p(h.shape[-1], n) + p(n),
    "conv": lambda p, h, n, k, s, pad, g=1: jax_conv(h, p(n, h.shape[1] // g, k, k), s, pad, g) + p(n)[:, None, None],
    "line": lambda p, h, n, k, s, pad: jax_conv(h, p(n, h.shape[1], k), s, pad) + p(n)[:, None], "up": jax_up,
    "double": lambda p, h: h.repeat(2, 2).repeat(2, 3), "maxpool": lambda p, h, k, s: jax_pool(h, k, s, -jnp.inf, lax.max),
    "avgpool": lambda p, h, k, s: jax_pool(h, k, s, 0.0, lax.add) / (k * k), "bn": lambda p, h: jax_groups(p, h, h.shape[1], (0, 2, 3)),
    "gn": lambda p, h, g: jax_groups(p, h, g, (2, 3)), "ln": lambda p, h: normed("layer", h, p(h.shape[-1]), p(h.shape[-1])),
    "rms": lambda p, h: normed("rms", h, p(h.shape[-1]), None), "attention": jax_attention, "max": lambda p, h, axis: h.max(axis),
    "drop": lambda p, h, rate: h * jax.random.bernoulli(jax.random.fold_in(p.key, p.used), 1 - rate, h.shape) / (1 - rate),
    "lse": lambda p, h, axis: jax.nn.logsumexp(h, axis), "softmax": lambda p, h, axis: jax.nn.softmax(h, axis),
    "relu": lambda p, h: jax.nn.relu(h), "sigmoid": lambda p, h: jax.nn.sigmoid(h), "gelu": lambda p, h: jax.nn.gelu(h, approximate=False),
    "silu": lambda p, h: jax.nn.silu(h), "elu": lambda p, h: jax.nn.elu(h), "softplus": lambda p, h: jax.nn.softplus(h), "mish": lambda p, h: jax.nn.mish(h),
} | {kind: lambda p, h, n, kind=kind: jax_recurrent(p, h, kind, n) for kind in GATES}


def numbers(text):
    return [float(n) if "." in n else int(n) for n in re.findall(r"[\d.]+", text)]


def forward(b, table, p, case, x):
    """The network's value by a back end b, whose words are in the table."""
    stack, words = [x], case.split()
    for word in words[1:-4]:
        name, sizes, h = word.split(":")[0], numbers(word), stack.pop()
        if name in ("dup", "swap"):
            stack += [h, h if name == "dup" else stack.pop()]
        elif name == "halves":
            half = h.shape[1] // 2
            stack += [h[:, :half], h[:, half:]]
        elif name == "shared":
            w, bias = p(sizes[0], h.shape[-1]), p(sizes[0])
            stack += [table["relu"](p, each @ w.T + bias) for each in (stack.pop(), h)]
        elif name in ("add", "mul", "diff", "cat"):
            other = stack.pop()
            stack.append(other + h if name == "add" else other * h if name == "mul" else b.abs(other - h) if name == "diff" else b.concatenate([other, h], 1))
        elif name == "embed":
            stack.append(b.take(p(numbers(words[0])[-1], sizes[0]), h))
        else:
            stack.append(COMMON[name](b, p, h, *sizes) if name in COMMON else table[name](p, h, *sizes))
    return stack.pop()


class TorchBack:
    take = staticmethod(lambda table, at: F.embedding(at, table))
    concatenate = staticmethod(torch.cat)
    where, sqrt, exp, sin, tanh, abs, swapaxes = (staticmethod(getattr(torch, name)) for name in ("where", "sqrt", "exp", "sin", "tanh", "abs", "swapaxes"))


def torch_steps(case, x, y, last):
    kind, rule, clip, batch = case.split()[-4:]
    order = torch.channels_last if last else torch.contiguous_format
    p = Drawn(lambda value: torch.from_numpy(value).to(memory_format=order if value.ndim == 4 else torch.contiguous_format).requires_grad_())
    xs, ys = (torch.from_numpy(of).split(int(batch)) for of in (x, y))
    xs, ys = [each.to(memory_format=order if x.ndim == 4 else torch.contiguous_format) for each in xs], [each.long() if y.dtype == np.int32 else each for each in ys]
    losses = {"ce": F.cross_entropy, "smooth": lambda h, y: F.cross_entropy(h, y, label_smoothing=0.1), "bce": F.binary_cross_entropy_with_logits,
              "mse": F.mse_loss, "auto": F.mse_loss, "l1": F.l1_loss, "huber": F.huber_loss}

    forward(TorchBack, TORCH, p.start(), case, xs[0])
    optimizer = torch_optimizer(rule, p.values)

    def step(x, y):
        optimizer.zero_grad()
        h = forward(TorchBack, TORCH, p.start(), case, x)
        losses[kind](h.flatten(0, -2) if kind in ("ce", "smooth") else h, y.flatten() if kind in ("ce", "smooth") else y).backward()
        if float(clip):
            torch.nn.utils.clip_grad_norm_(p.values, float(clip))
        optimizer.step()

    def run(steps):
        times = []
        for i in range(steps):
            start = time.perf_counter()
            step(xs[i % BATCHES], ys[i % BATCHES])
            times.append(time.perf_counter() - start)
        return statistics.median(times) * 1e6
    run(4)
    return run


def jax_steps(case, x, y):
    kind, rule, clip, _ = case.split()[-4:]
    clip = float(clip)
    xs, ys = jnp.asarray(np.stack(np.split(x, BATCHES))), jnp.asarray(np.stack(np.split(y, BATCHES)))

    class Back:
        take = staticmethod(lambda table, at: table[at])
        where, sqrt, exp, sin, tanh, abs, swapaxes, concatenate = (staticmethod(getattr(jnp, name)) for name in (
            "where", "sqrt", "exp", "sin", "tanh", "abs", "swapaxes", "concatenate"))
    drawn = Drawn(jnp.asarray).start()
    drawn.key = jax.random.key(0)
    forward(Back, JAX, drawn, case, xs[0])

    def loss(values, x, y, key):
        p = Drawn(None, values).start()
        p.key = key
        h = forward(Back, JAX, p, case, x)
        if kind in ("ce", "smooth"):
            logs = jax.nn.log_softmax(h)
            right = jnp.take_along_axis(logs, y[..., None], -1).mean()
            return -right if kind == "ce" else -0.9 * right - 0.1 * logs.mean()
        d = h - y
        each = {"mse": d * d, "auto": d * d, "l1": jnp.abs(d), "huber": jnp.where(jnp.abs(d) <= 1, 0.5 * d * d, jnp.abs(d) - 0.5), "bce": jax.nn.softplus(h) - y * h}
        return each[kind].mean()

    def step(i, state):
        p, m, v, t = state
        g, t = jax.grad(loss)(p, xs[i % BATCHES], ys[i % BATCHES], jax.random.fold_in(jax.random.key(0), i)), t + 1
        if clip:
            norm = jnp.sqrt(sum((part * part).sum() for part in g))
            g = [part * jnp.minimum(1, clip / (norm + 1e-6)) for part in g]
        new = [jax_update(rule, t, *each) for each in zip(p, g, m, v)]
        return [n[0] for n in new], [n[1] for n in new], [n[2] for n in new], t
    one = jax.jit(step, donate_argnums=1)
    many = jax.jit(lambda state, n: lax.fori_loop(0, n, step, state), donate_argnums=0)

    def runs(function):
        state = [([jnp.array(value) for value in drawn.values], *([jnp.zeros_like(value) for value in drawn.values] for _ in range(2)), jnp.float32(0))]

        def run(steps):
            start, times = time.perf_counter(), []
            if function is many:
                state[0] = jax.block_until_ready(many(state[0], steps))
                return (time.perf_counter() - start) / steps * 1e6
            for i in range(steps):
                start = time.perf_counter()
                state[0] = jax.block_until_ready(one(i, state[0]))
                times.append(time.perf_counter() - start)
            return statistics.median(times) * 1e6
        run(3)
        return run
    return runs(one), runs(many)


def prepare(nngen, case, folder):
    words, rng = case.split(), np.random.default_rng(0)
    rows, sizes = BATCHES * int(words[-1]), numbers(words[0])
    x = rng.integers(0, sizes[-1], (rows, *sizes[:-1])).astype(np.int32) if "of" in words[0] else rng.standard_normal((rows, *sizes)).astype(np.float32)
    with torch.no_grad():
        shape = tuple(forward(TorchBack, TORCH, Drawn(torch.from_numpy).start(), case, torch.from_numpy(x)).shape)
    if words[-4] in ("ce", "smooth"):
        y = rng.integers(0, shape[-1], shape[:-1]).astype(np.int32)
    else:
        y = x if words[-4] == "auto" else np.float32(rng.random(shape) < 0.5) if words[-4] == "bce" else rng.standard_normal(shape).astype(np.float32)
    np.save(folder / "x.npy", x)
    np.save(folder / "y.npy", y)
    runs = {"nngen": our_program(nngen, "drawn.lua", {"case": case}, folder), "eager": torch_steps(case, x, y, False)}
    if x.ndim == 4:
        runs["last"] = torch_steps(case, x, y, True)
    return runs | dict(zip(("jit", "scan"), jax_steps(case, x, y)))


ACTIVATIONS = ["relu"] * 3 + ["tanh", "sigmoid", "gelu", "silu", "leaky", "elu", "softplus", "mish"]


def draw(r):
    """A case of some family."""
    one, act = r.choice, lambda: r.choice(ACTIVATIONS)
    width = lambda top=2048: one([n for n in (2, 3, 5, 7, 8, 10, 13, 16, 24, 31, 32, 50, 64, 97, 100, 128, 200, 256, 300, 389, 512, 784, 1000, 1024, 1531, 2048) if n <= top])
    ends = lambda: f" {one(['sgd', 'momentum', 'adam', 'adamw', 'rmsprop'])} {one([0, 0, 0, 1])} "
    batch = lambda top: one([n for n in (1, 2, 4, 7, 16, 32, 37, 64, 100, 128, 256, 300, 512, 1000, 1024) if n <= top])
    regression = lambda: one(["mse", "l1", "huber", "bce"])
    some = lambda *made: one(["", *made])

    def dense():
        top = one([32, 128, 512, 2048])
        layers = " ".join(f"linear:{width(top)} {some('ln', 'rms', '', '')} {act()} {some('', '', 'drop:0.2')}" for _ in range(r.randint(1, 4)))
        out = one([f"linear:{one([1, 2, 3])} {regression()}", f"linear:{width(512)} {one(['ce', 'smooth'])}", f"linear:{width(256)} {regression()}"])
        return f"{width(top)} {layers} {out}" + ends() + str(batch(1024 if top < 2048 else 128))

    def autoencoder():
        n, a = width(1024), act()
        return f"{n} linear:{max(2, n // 2)} {a} linear:{width(64)} {a} linear:{max(2, n // 2)} {a} linear:{n} {one(['', 'sigmoid'])} auto" + ends() + str(batch(512))

    def branches():
        n, w = width(512), width(512)
        block = lambda: one([f"dup linear:{w} {act()} add", f"dup linear:{w} {act()} linear:{w} add", f"dup linear:{w} sigmoid swap linear:{w} tanh mul",
                             f"dup linear:{w} {act()} swap linear:{w} {act()} cat linear:{w}", f"dup ln linear:{2 * w} {act()} linear:{w} add", f"dup linear:{w} softmax:1 mul"])
        return f"{n} linear:{w} " + " ".join(block() for _ in range(r.randint(1, 3))) + f" linear:{width(16)} {one(['ce', 'mse'])}" + ends() + str(batch(512))

    def siamese():
        return f"{2 * width(512)} halves shared:{width(256)} shared:{width(128)} {one(['diff', 'mul', 'cat', 'add'])} linear:1 bce" + ends() + str(batch(512))

    def images():
        c, s, ch = one([1, 3, 8, 16]), one([7, 8, 14, 16, 28, 32]), one([2, 4, 5, 8, 12, 16, 20, 32, 48, 64])
        net, size = f"{c}x{s}x{s}", s
        for i in range(r.randint(1, 3)):
            k = one([1, 3, 3, 3, 5, 7])
            k = k if k <= size else 1
            stride, pad = one([1, 1, 2]), one([k // 2, k // 2, 0])
            g = one([1, 1, 1, ch if i and ch <= 32 else 1, 2 if i and ch % 2 == 0 else 1])
            net += f" conv:{ch}:{k}:{stride}:{pad}:{g} {some('bn', '', 'gn:2' if ch % 2 == 0 else 'bn')} {act()}"
            size = (size + 2 * pad - k) // stride + 1
            if size >= 4 and r.random() < 0.4:
                net += one([" maxpool:2:2", " avgpool:2:2", " maxpool:3:2", f" dup conv:{ch}:3:1:1 {act()} add"])
                size = (size - 3) // 2 + 1 if "maxpool:3" in net.split()[-1] else size // 2 if "pool" in net.split()[-1] else size
        return f"{net} {one(['gap', 'flatten'])} {some(f'linear:{width(256)} relu')} linear:{one([2, 10, 100])} ce" + ends() + str(batch(64))

    def decoder():
        ch, s, c = one([4, 8, 16, 32]), one([8, 14, 16, 28]), one([1, 3])
        down = f"conv:{ch}:3:2:1 {act()}" if r.random() < 0.5 else f"conv:{ch}:3:1:1 {act()} {one(['maxpool:2:2', 'avgpool:2:2'])}"
        up = one([f"up:{c}:4:2:1", f"up:{ch}:2:2:0 {act()} conv:{c}:3:1:1", f"double conv:{c}:3:1:1", f"double conv:{ch}:3:1:1 {act()} conv:{c}:1:1:0"])
        return f"{c}x{s}x{s} {down} {up} {one(['', 'sigmoid'])} auto" + ends() + str(batch(64))

    def signals():
        n, c = one([32, 100, 256, 1000]), one([1, 2, 6, 16])
        net = " ".join(f"line:{one([4, 8, 13, 16, 32, 64])}:{k}:{one([1, 1, 2, 4])}:{k // 2} {act()}" for k in (one([1, 3, 5, 7, 9]) for _ in range(r.randint(1, 3))))
        return f"{c}x{n} {net} {one(['mean:2', 'max:2', 'flatten', 'lse:2'])} linear:{one([1, 5, 10])} {one(['mse', 'huber'])}" + ends() + str(batch(64))

    def recurrent():
        kind, n = one(list(GATES)), one([3, 8, 16, 20, 32, 50, 64, 100, 128, 256])
        x = one([f"{one([5, 12, 30, 100])}x{one([1, 2, 7, 16, 64])}", f"{one([8, 20, 50])}of{one([30, 200])} embed:{one([8, 32, 64])}"])
        end = one([f"final linear:{one([1, 5])} mse", f"linear:{one([1, 10, 50])} huber", "mean:1 linear:7 ce", f"linear:{one([10, 65])} ce", "max:1 linear:3 smooth"])
        return f"{x} {' '.join([f'{kind}:{n}'] * r.randint(1, 2))} {end}" + ends() + str(batch(128 if n < 100 else 32))

    def attention():
        d = one([8, 16, 24, 32, 48, 64, 96, 128])
        t, heads = one([4, 9, 16, 33, 50, 64, 100, 128]), one([1, 2, 4, 8])
        norm = one(["ln", "rms"])
        block = f"dup {norm} attention:{heads}:{one([0, 1])} add" + one(["", f" dup {norm} linear:{one([2, 4]) * d} {act()} linear:{d} add"])
        end = one(["mean:1 linear:10 ce", f"{norm} linear:{one([27, 65, 200])} ce", "linear:1 mse", "max:1 linear:4 ce"])
        return f"{one([f'{t}of{one([27, 65, 500])} embed:{d}', f'{t}x{one([4, 16])} linear:{d}'])} {' '.join([block] * r.randint(1, 2))} {end}" + ends() + str(batch(32))

    def bags():
        n = width(256)
        return f"{one([2, 5, 20, 100])}of{one([10, 100, 5000, 20000])} embed:{n} {one(['mean:1', 'sum:1', 'max:1', 'flatten'])} {some(f'linear:{width(256)} {act()}')} linear:{one([1, 2, 20])} mse" + ends() + str(batch(256))

    def tables():
        a, b = one([3, 8, 17, 32, 64, 100, 128]), one([4, 10, 16, 33, 64, 100, 256, 1000])
        steps = [f"linear:{width(128)} {act()}", f"turn linear:{width(128)} {act()} turn", f"dup turn linear:{a} {act()} turn add", "softmax:1", "softmax:2", "ln", "unit", "dup turn swap turn add turn",
                 "rms", "root", "sin", "square", "dup sigmoid mul", "tanh", "exp unit", "turn ln turn", "dup softmax:2 mul"]
        fold = one(["mean:1", "mean:2", "sum:1", "max:2", "max:1", "lse:1", "lse:2", "flatten"])
        chosen = [one(steps) for _ in range(r.randint(2, 4))]
        chosen = [c for i, c in enumerate(chosen) if not c.startswith("dup turn")]
        return f"{a}x{b} linear:{one([8, 30, 64])} {' '.join(chosen)} {fold} linear:{one([1, 5, 10])} {one(['mse', 'huber'])}" + ends() + str(batch(128))

    def pointwise():
        n = one([10, 100, 1000, 4096])
        words = " ".join(one(["sin", "root", "tanh", "sigmoid", "square", "softplus", "mish", "gelu", "dup sin mul", "dup sigmoid mul", "exp", "unit", "ln", "softmax:1", "abs"]) for _ in range(r.randint(3, 8)))
        return f"{n} ln {words} linear:{one([1, 10])} mse" + ends() + str(batch(512))
    families = [dense, dense, dense, autoencoder, branches, branches, siamese, images, images, images, decoder, signals, recurrent, recurrent, attention, attention, bags, tables, tables, pointwise]
    return " ".join(one(families)().split())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nngen", type=lambda path: Path(path).resolve())
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--draw", type=int, default=0, help="how many cases to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a contestant in a round")
    chosen = parser.parse_intermixed_args()
    rng = random.Random(chosen.seed)
    torch.set_num_threads(1)
    print("| case | nngen µs | fastest peer µs | which | peer ÷ nngen |\n| --- | --: | --: | --- | --: |")
    for case in chosen.cases + [draw(rng) for _ in range(chosen.draw)]:
        try:
            with tempfile.TemporaryDirectory() as folder:
                times = measure(prepare(chosen.nngen, case, Path(folder)), chosen.rounds, chosen.seconds)
        except (subprocess.CalledProcessError, AttributeError) as error:
            print(f"| {case} | failed: {error} |", flush=True)
            continue
        ours = times.pop("nngen")
        best = min(times, key=times.get)
        print(f"| {case} | {ours:.4g} | {times[best]:.4g} | {best} | {times[best] / ours:.2f} |", flush=True)


if __name__ == "__main__":
    main()
