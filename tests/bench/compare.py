"""Times training steps of nngen's programs beside PyTorch and JAX: python3 tests/bench/compare.py NNGEN [WORKLOAD…]

    taskset -c 0 python3 tests/bench/compare.py build/release/nngen --rounds 7 --markdown speed.md --json speed.json

One process, one thread unless --threads says otherwise; the contestants take turns, round after round, and the medians of the
rounds are shown with their ratio to nngen's fused program. All do the same step: forward, gradient, update, on the batches of
one random data set that lies in memory. Columns:

    fused, generic, blas   nngen, --kernels
    eager                  PyTorch as it is written
    compile                torch.compile of the network
    whole                  torch.compile of a functional step: forward, gradient and update
    expert                 channels last (networks with images) and the fused optimizer
    jit, scan              JAX: a compiled step a call; many steps in one call
    product                JAX, many steps in one call, channels last, each convolution as one product (networks with images)

Needs torch, jax and numpy. Figures of one run are comparable, those of two are not: the machine's clock moves."""
import argparse
import json
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MLP = {  # sizes, activation between, activation last, loss, optimizer, batch
    "sine": ([1, 80, 1], "relu", None, "mse", ("sgd", 1e-3, 0), 100),
    "moons3": ([2, 10, 10, 3], "sigmoid", None, "ce", ("sgd", 0.05, 0), 300),
    "digits": ([64, 80, 10], "relu", None, "ce", ("sgd", 1e-3, 0), 1347),
    "mnist5": ([784, 100, 10], "relu", None, "ce", ("sgd", 1e-3, 0.9), 5),
    "linear64": ([784, 50, 10], None, None, "ce", ("sgd", 0.01, 0.5), 64),
    "scratch": ([784, 100, 10], "sigmoid", "sigmoid", "mse", ("sgd", 1.0, 0), 10000),
    "big": ([784, 1024, 1024, 10], "relu", None, "ce", ("adam", 1e-3, 0), 256),
    "softmax": ([784, 10], None, None, "ce", ("sgd", 0.1, 0), 100),
}
CNN = {"cnn5": 5, "cnn64": 64}
WORKLOADS = [*MLP, *CNN]
MOST_STEPS_A_ROUND = 2000


def describe(name):
    if name in CNN:
        return None, None, None, "ce", ("sgd", 1e-3, 0.9), CNN[name]
    return MLP[name]


def make_data(name):
    sizes, _, _, loss, _, batch = describe(name)
    rng = np.random.default_rng(1)
    batches = 8 if batch < 1000 else 1
    shape = (1, 28, 28) if name in CNN else (sizes[0],)
    x = rng.standard_normal((batches * batch, *shape)).astype(np.float32)
    y = (rng.integers(0, 10 if name in CNN else sizes[-1], batches * batch) if loss == "ce"
         else rng.random((batches * batch, sizes[-1])).astype(np.float32))
    return x, y, batches, batch


# ---- nngen ----

class Nngen:
    def __init__(self, nngen, name, kernels, folder, threads):
        self.program, text = folder / f"{name}_{kernels}", folder / f"{name}_{kernels}.c"
        subprocess.run([nngen, HERE / "workloads.lua", "--set", f"workload={name}", "--kernels", kernels, "-o", text], check=True)
        flags = subprocess.run([nngen, "flags"], check=True, capture_output=True, text=True).stdout.split()
        subprocess.run(["cc", text, *flags, "-o", self.program], check=True)
        self.folder, self.threads = folder, threads

    def words(self, steps):
        return [self.program, "--data", self.folder, "--benchmark", str(steps), "--threads", str(self.threads)]

    def time(self, steps):
        said = subprocess.run(self.words(steps), capture_output=True, text=True, check=True).stdout
        return float(re.search(r"median_us_per_step ([0-9.]+)", said).group(1))

    def peak(self):
        """Its largest resident memory in bytes, looked up while it runs: that of a child that ended counts its parent's too."""
        process, largest = subprocess.Popen(self.words(200), stdout=subprocess.DEVNULL), 0
        while process.poll() is None:
            try:
                found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
            except OSError:
                found = None
            largest = max(largest, int(found.group(1)) * 1024 if found else 0)
            time.sleep(0.002)
        return largest


# ---- PyTorch ----

def torch_network(name):
    import torch
    from torch import nn
    if name in CNN:
        return nn.Sequential(
            nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.Dropout2d(0.5), nn.MaxPool2d(2), nn.ReLU(),
            nn.Flatten(), nn.Linear(320, 60), nn.ReLU(), nn.Dropout(0.5), nn.Linear(60, 10))
    sizes, between, last, *_ = describe(name)
    kinds = {"relu": nn.ReLU, "sigmoid": nn.Sigmoid}
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        kind = between if i < len(sizes) - 2 else last
        if kind:
            layers.append(kinds[kind]())
    torch.manual_seed(0)
    return nn.Sequential(*layers)


def torch_loss(loss):
    import torch.nn.functional as F
    return F.cross_entropy if loss == "ce" else F.mse_loss


class Torch:
    """A step a call. kind: eager, compile, expert."""

    def __init__(self, name, kind, x, y, batches, batch):
        import torch
        network, (rule, lr, momentum) = torch_network(name), describe(name)[4]
        self.x, self.y, self.batches, self.batch, self.at = torch.from_numpy(x), torch.from_numpy(y), batches, batch, 0
        if kind == "expert":
            network = network.to(memory_format=torch.channels_last) if name in CNN else network
            self.x = self.x.contiguous(memory_format=torch.channels_last) if name in CNN else self.x
        fused = {"fused": True} if kind == "expert" else {}
        parameters = list(network.parameters())
        optimizer = (torch.optim.Adam(parameters, lr=lr, **fused) if rule == "adam"
                     else torch.optim.SGD(parameters, lr=lr, momentum=momentum, **fused))
        run, loss = torch.compile(network) if kind == "compile" else network, torch_loss(describe(name)[3])

        def step(a, b):
            optimizer.zero_grad()
            loss(run(a), b).backward()
            optimizer.step()
        self.step = step

    def time(self, steps):
        begin = time.perf_counter()
        for _ in range(steps):
            rows = slice(self.at * self.batch, (self.at + 1) * self.batch)
            self.step(self.x[rows], self.y[rows])
            self.at = (self.at + 1) % self.batches
        return (time.perf_counter() - begin) / steps * 1e6


class TorchWhole(Torch):
    """Forward, gradient and update as one compiled function of the parameters and the optimizer's state."""

    def __init__(self, name, x, y, batches, batch):
        import torch
        from torch.func import functional_call, grad
        network, (rule, lr, momentum) = torch_network(name), describe(name)[4]
        loss = torch_loss(describe(name)[3])
        self.x, self.y, self.batches, self.batch, self.at = torch.from_numpy(x), torch.from_numpy(y), batches, batch, 0
        self.p = {k: v.detach().clone() for k, v in network.named_parameters()}
        self.m = {k: torch.zeros_like(v) for k, v in self.p.items()}
        self.v = {k: torch.zeros_like(v) for k, v in self.p.items()}
        self.t = torch.zeros(())

        def whole(p, m, v, t, a, b):
            g = grad(lambda q: loss(functional_call(network, q, (a,)), b))(p)
            t = t + 1
            if rule == "adam":
                m = {k: 0.9 * m[k] + 0.1 * g[k] for k in p}
                v = {k: 0.999 * v[k] + 0.001 * g[k] * g[k] for k in p}
                s = lr / (1 - 0.9 ** t)
                p = {k: p[k] - s * m[k] / ((v[k] / (1 - 0.999 ** t)).sqrt() + 1e-8) for k in p}
            elif momentum:
                m = {k: momentum * m[k] + g[k] for k in p}
                p = {k: p[k] - lr * m[k] for k in p}
            else:
                p = {k: p[k] - lr * g[k] for k in p}
            return p, m, v, t
        compiled = torch.compile(whole)

        def step(a, b):
            self.p, self.m, self.v, self.t = compiled(self.p, self.m, self.v, self.t, a, b)
        self.step = step


# ---- JAX ----

class Jax:
    """kind: jit, a step a call; scan and product, all steps of a measurement in one call."""

    def __init__(self, name, kind, x, y, batches, batch):
        import jax
        import jax.numpy as jnp
        sizes, between, last, loss_kind, (rule, lr, momentum), _ = describe(name)
        acts = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid, None: lambda a: a}
        rng = np.random.default_rng(0)

        def uniform(*shape, fan):
            return jnp.asarray(rng.uniform(-fan ** -0.5, fan ** -0.5, shape).astype(np.float32))

        def conv(a, w, b):
            if kind == "product":                                 # windows side by side, times the weights
                height, width = a.shape[1] - w.shape[0] + 1, a.shape[2] - w.shape[1] + 1
                windows = [a[:, i:i + height, j:j + width] for i in range(w.shape[0]) for j in range(w.shape[1])]
                return jnp.concatenate(windows, -1) @ w.reshape(-1, w.shape[-1]) + b
            out = jax.lax.conv_general_dilated(a, w, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
            return out + b

        def pool(a):
            return jax.lax.reduce_window(a, -jnp.inf, jax.lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")

        if name in CNN:
            p = [(uniform(5, 5, 1, 10, fan=25), uniform(10, fan=25)), (uniform(5, 5, 10, 20, fan=250), uniform(20, fan=250)),
                 (uniform(320, 60, fan=320), uniform(60, fan=320)), (uniform(60, 10, fan=60), uniform(10, fan=60))]
            x = x.reshape(-1, 28, 28, 1)

            def forward(p, a, key):
                one, two = jax.random.split(key)
                a = jax.nn.relu(pool(conv(a, *p[0])))
                a = conv(a, *p[1])
                a = a * jax.random.bernoulli(one, 0.5, (a.shape[0], 1, 1, 20)) * 2
                a = jax.nn.relu(pool(a)).reshape(a.shape[0], -1)
                a = jax.nn.relu(a @ p[2][0] + p[2][1])
                a = a * jax.random.bernoulli(two, 0.5, a.shape) * 2
                return a @ p[3][0] + p[3][1]
        else:
            p = [(uniform(sizes[i], sizes[i + 1], fan=sizes[i]), uniform(sizes[i + 1], fan=sizes[i])) for i in range(len(sizes) - 1)]

            def forward(p, a, key):
                for i, (w, b) in enumerate(p):
                    a = acts[between if i < len(p) - 1 else last](a @ w + b)
                return a

        def loss(p, a, b, key):
            out = forward(p, a, key)
            if loss_kind == "mse":
                return jnp.mean((out - b) ** 2)
            return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(out), b[:, None], 1))

        def step(state, a, b):
            p, m, v, t = state
            g = jax.grad(loss)(p, a, b, jax.random.fold_in(jax.random.key(0), t))
            t, each = t + 1, jax.tree.map
            if rule == "adam":
                m, v = each(lambda m, g: 0.9 * m + 0.1 * g, m, g), each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
                s, c = lr / (1 - 0.9 ** t), 1 - 0.999 ** t
                p = each(lambda p, m, v: p - s * m / (jnp.sqrt(v / c) + 1e-8), p, m, v)
            elif momentum:
                m = each(lambda m, g: momentum * m + g, m, g)
                p = each(lambda p, m: p - lr * m, p, m)
            else:
                p = each(lambda p, g: p - lr * g, p, g)
            return p, m, v, t

        def zeros():                                          # donated arrays may not be the same twice
            return jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype).copy(), p)
        self.state = p, zeros(), zeros(), jnp.zeros((), jnp.int32)
        xs = jnp.asarray(x).reshape(batches, batch, *x.shape[1:])
        ys = jnp.asarray(y).reshape(batches, batch, *y.shape[1:])
        self.at, self.batches, self.xs, self.ys, self.kind, self.block = 0, batches, xs, ys, kind, jax.block_until_ready
        self.one = jax.jit(step, donate_argnums=0)
        self.many = jax.jit(lambda state, n: jax.lax.fori_loop(0, n, lambda i, s: step(s, xs[i % batches], ys[i % batches]), state),
                            donate_argnums=0)

    def time(self, steps):
        begin = time.perf_counter()
        if self.kind != "jit":
            self.state = self.many(self.state, steps)
        else:
            for _ in range(steps):
                self.state = self.one(self.state, self.xs[self.at], self.ys[self.at])
                self.at = (self.at + 1) % self.batches
        self.block(self.state)
        return (time.perf_counter() - begin) / steps * 1e6


# ---- the contest ----

def contestants(nngen, name, folder, wanted, threads):
    x, y, batches, batch = make_data(name)
    np.save(folder / f"{name}_x.npy", x)
    np.save(folder / f"{name}_y.npy", y)
    makers = {kernels: lambda k=kernels: Nngen(nngen, name, k, folder, threads) for kernels in ("fused", "generic", "blas")}
    makers |= {kind: lambda k=kind: Torch(name, k, x, y, batches, batch) for kind in ("eager", "compile", "expert")}
    makers["whole"] = lambda: TorchWhole(name, x, y, batches, batch)
    makers |= {kind: lambda k=kind: Jax(name, k, x, y, batches, batch) for kind in ("jit", "scan", "product")}
    for kind in wanted:
        if kind == "product" and name not in CNN:
            continue
        try:
            yield kind, makers[kind]()
        except Exception as error:                            # a peer that is not installed, --kernels that this nngen has not
            print(f"{name}: {kind} is left out: {str(error).splitlines()[0][:120] if str(error) else error!r}", file=sys.stderr)


def measure(everyone, rounds, seconds):
    steps, times = {}, {kind: [] for kind, _ in everyone}
    for kind, one in everyone:                                # the first calls compile
        one.time(2)
        steps[kind] = int(min(MOST_STEPS_A_ROUND, max(3, seconds * 1e6 / one.time(3))))
    for _ in range(rounds):
        for kind, one in everyone:
            times[kind].append(one.time(steps[kind]))
    return times


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nngen")
    parser.add_argument("workloads", nargs="*", default=[], help=", ".join(WORKLOADS))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.3, help="a contestant's share of a round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", default="fused,generic,blas,eager,compile,whole,expert,jit,scan,product")
    parser.add_argument("--markdown")
    parser.add_argument("--json")
    given = parser.parse_intermixed_args()
    if given.threads == 1:
        os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        os.environ["OMP_NUM_THREADS"] = "1"
    wanted, rows = given.only.split(","), []
    try:
        import torch
        torch.set_num_threads(given.threads)
    except ImportError:
        pass
    with tempfile.TemporaryDirectory() as folder:
        for name in given.workloads or WORKLOADS:
            everyone = list(contestants(given.nngen, name, Path(folder), wanted, given.threads))
            times = measure(everyone, given.rounds, given.seconds)
            row = {"workload": name, "median_us": {k: statistics.median(t) for k, t in times.items()},
                   "spread_us": {k: [min(t), max(t)] for k, t in times.items()},
                   "peak_bytes": {k: one.peak() for k, one in everyone if isinstance(one, Nngen)}}
            peers = {k: t for k, t in row["median_us"].items() if k not in ("fused", "generic", "blas")}
            if peers and "fused" in row["median_us"]:
                row["fastest_peer"] = min(peers, key=peers.get)
                row["ratio"] = peers[row["fastest_peer"]] / row["median_us"]["fused"]
            rows.append(row)
            print(json.dumps(row), file=sys.stderr)
    processor = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.processor())
    head = ["workload", *wanted, "fastest peer ÷ fused", "generic ÷ fused", "blas ÷ fused", "MB"]
    lines = [f"{processor}, {given.threads} thread{'s' * (given.threads > 1)}, {time.strftime('%Y-%m-%d')}; microseconds a step, "
             f"medians of {given.rounds} rounds; the frameworks' process holds {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB, MB is that of the fused program", "",
             "| " + " | ".join(head) + " |", "| --- |" + " --: |" * (len(head) - 1)]
    for row in rows:
        cells = [f"{row['median_us'][k]:.4g}" if k in row["median_us"] else "–" for k in wanted]
        ours = {k: row["median_us"][k] / row["median_us"]["fused"] for k in ("generic", "blas")
                if k in row["median_us"] and "fused" in row["median_us"]}
        ratios = [f"{r:.2f}" if r else "–" for r in (row.get("ratio"), ours.get("generic"), ours.get("blas"))]
        memory = row["peak_bytes"].get("fused", 0)
        lines.append("| " + " | ".join([row["workload"], *cells, *ratios, f"{memory / 1e6:.0f}" if memory else "–"]) + " |")
    print("\n".join(lines))
    if given.markdown:
        Path(given.markdown).write_text("\n".join(lines) + "\n")
    if given.json:
        Path(given.json).write_text(json.dumps({"processor": processor, "threads": given.threads, "date": time.strftime("%Y-%m-%d"),
                                                "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
